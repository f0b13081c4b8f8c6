//! Packets inside of packets: what is inside is dissected as if it had been
//! captured by itself.
//!
//! No port tells: a datagram is a tunnel's if the header of the tunnel holds
//! together, and so does the IP packet inside, whose length has to be that of what
//! is left and whose checksum has to be right. What chance makes of other octets
//! passes once in 2^40 datagrams or less.

mod access_point;
pub(super) mod esp;
mod gre;
mod gtp;
mod l2tp;
pub(super) mod sound;
mod teredo;
mod vxlan;

use super::link::{Content, ETHERNET, Layer, content};
use sound::Rest;

/// How many tunnels may lie one in another.
pub const DEEPEST: usize = 8;

/// IP in IP (RFC 2003), and its relatives: IPv6 in IP (RFC 4213) and IPIP.
const IP_IN_IP: [u8; 3] = [4, 41, 94];
const GRE: u8 = 47;
/// Ethernet in IP (RFC 3378).
const ETHERNET_IN_IP: u8 = 97;
pub(super) const ESP: u8 = 50;
const L2TP: u8 = 115;
/// MPLS in IP (RFC 4023).
const MPLS_IN_IP: u8 = 137;

/// What a tunnel carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inside {
    /// The tunnel: `vxlan`, `gre`.
    pub(super) name: &'static str,
    /// What is inside, and where in the payload.
    pub(super) content: Content,
}

/// The word for a tunnel that is an IP protocol by itself.
fn name(protocol: u8) -> Option<&'static str> {
    match protocol {
        GRE => Some("gre"),
        ESP => Some("esp-null"),
        ETHERNET_IN_IP => Some("etherip"),
        L2TP => Some("l2tpv3"),
        MPLS_IN_IP => Some("mpls"),
        41 => Some("6in4"),
        protocol if IP_IN_IP.contains(&protocol) => Some("ipip"),
        _ => None,
    }
}

/// What the payload of an IP packet of that protocol has inside; `missing` octets
/// behind it were not captured.
pub(super) fn in_packet(protocol: u8, octets: &[u8], missing: usize) -> Option<Inside> {
    let name = name(protocol)?;
    let rest = Rest { octets, missing };
    match protocol {
        GRE => gre::read(rest),
        ETHERNET_IN_IP => match octets.first_chunk()? {
            [0x30, 0] => inside(name, rest, 2, Layer::Link(ETHERNET)),
            _ => None,
        },
        ESP => esp::read(rest),
        L2TP => l2tp::version_3(rest),
        MPLS_IN_IP => inside(name, rest, 0, Layer::EtherType(0x8847)),
        _ => inside(name, rest, 0, Layer::EtherType(0x0800)),
    }
}

/// What a datagram of UDP has inside.
pub(super) fn in_datagram(octets: &[u8], missing: usize) -> Option<Inside> {
    let rest = Rest { octets, missing };
    // No tunnel begins otherwise; most datagrams are not looked at further.
    match octets.first()? {
        0x00..=0x07 => vxlan::geneve(rest)
            .or_else(|| l2tp::version_2(rest))
            .or_else(|| access_point::capwap(rest))
            .or_else(|| access_point::tzsp(rest))
            .or_else(|| teredo::read(rest))
            .or_else(|| gre::in_udp(rest)),
        0x08 | 0x0c | 0x88 => vxlan::read(rest)
            .or_else(|| vxlan::geneve(rest))
            .or_else(|| l2tp::version_2(rest)),
        0x09..=0x2f => vxlan::geneve(rest)
            .or_else(|| l2tp::version_2(rest))
            .or_else(|| gre::in_udp(rest)),
        0x30..=0x37 => gtp::read(rest).or_else(|| gre::in_udp(rest)),
        0x40..=0x4f => bare(rest).or_else(|| l2tp::version_2(rest)),
        0x60..=0x6f => teredo::read(rest),
        0x80 | 0xa0 => gre::in_udp(rest),
        _ => None,
    }
    .or_else(|| esp::read(rest))
}

/// An IPv4 packet by itself, as Foo over UDP has it.
fn bare(rest: Rest<'_>) -> Option<Inside> {
    inside("ip-in-udp", rest, 0, Layer::EtherType(0x0800))
}

/// What begins at `at` with that layer, if it holds together.
fn inside(name: &'static str, rest: Rest<'_>, at: usize, layer: Layer) -> Option<Inside> {
    let content = content(rest.octets, at..rest.octets.len(), layer);
    sound::is_sound(&content, rest, layer).then_some(Inside { name, content })
}

#[cfg(test)]
mod tests;

//! What keeps a network running, known by a successful parse alone: every
//! octet is explained, by its place and by its value.
//!
//! A protocol that carries names and texts can carry anything. So whatever a
//! sender may choose freely is handed out beside, and bounded by who reads it.

mod arp;
mod dhcp;
mod dns;
mod icmp;
mod igmp;
mod ntp;
mod reader;

use std::{collections::BTreeSet, fmt, net::IpAddr, ops::Range};

use lightleak_case::TransportProtocol;

use super::{Flow, Stream, datagram::Datagram};
use reader::Reader;

/// IP protocol of ICMP.
const ICMP: u8 = 1;
/// IP protocol of IGMP.
const IGMP: u8 = 2;
/// IP protocol of ICMPv6.
const ICMPV6: u8 = 58;

/// A protocol that keeps a network running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// ARP (RFC 826) for IPv4 over Ethernet.
    Arp,
    /// ICMP (RFC 792).
    Icmp,
    /// ICMPv6 (RFC 4443) with Neighbor Discovery (RFC 4861) and MLD (RFC 3810).
    Icmpv6,
    /// IGMP (RFC 2236, RFC 3376).
    Igmp,
    /// DNS (RFC 1035).
    Dns,
    /// Multicast DNS (RFC 6762).
    Mdns,
    /// NTP (RFC 5905).
    Ntp,
    /// DHCP (RFC 2131).
    Dhcp,
    /// DHCP for IPv6 (RFC 8415).
    Dhcpv6,
    /// STUN (RFC 8489), on ports of WebRTC.
    Stun,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Arp => "ARP",
            Self::Icmp => "ICMP",
            Self::Icmpv6 => "ICMPv6",
            Self::Igmp => "IGMP",
            Self::Dns => "DNS",
            Self::Mdns => "mDNS",
            Self::Ntp => "NTP",
            Self::Dhcp => "DHCP",
            Self::Dhcpv6 => "DHCPv6",
            Self::Stun => "STUN",
        })
    }
}

/// A packet of its own, beside all flows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub kind: Kind,
    /// Who says it: its source, in ARP the sender protocol address.
    pub from: IpAddr,
    /// Octets that its sender chose freely, field by field.
    pub free: Vec<Vec<u8>>,
}

/// A UDP conversation that keeps the network running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Infrastructure {
    /// What it is.
    pub kind: Kind,
    /// The end that serves, if one does: who answers DNS queries, say.
    pub server: Option<End>,
    /// Where in the stream of `a` octets are that `a` chose freely.
    pub free_a: Vec<Range<usize>>,
    /// Where in the stream of `b` octets are that `b` chose freely.
    pub free_b: Vec<Range<usize>>,
}

/// An end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The end that sent first.
    A,
    /// The other.
    B,
}

/// Who sent a datagram, and between which ports.
#[derive(Clone, Copy, Debug)]
struct Route {
    from: u16,
    to: u16,
}

/// Reads one datagram completely; gives who serves, its sender or receiver,
/// if one does.
type Read = fn(&mut Reader<'_>, Route) -> Option<Option<Role>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    SenderServes,
    ReceiverServes,
}

/// Reads a UDP conversation as infrastructure; `None` if one datagram of it is
/// none, or is not whole. The port has to be the protocol's, and the parse
/// decides.
pub fn read(flow: &Flow) -> Option<Infrastructure> {
    let whole = flow.from_a.gaps.is_empty() && flow.from_b.gaps.is_empty();
    if flow.transport != TransportProtocol::Udp || !whole {
        return None;
    }
    let ports = [flow.a.port(), flow.b.port()];
    let has = |port: u16| ports.contains(&port);
    let (kind, read): (Kind, Read) = match () {
        () if has(dns::MDNS_PORT) => (Kind::Mdns, dns::read_multicast),
        () if has(dns::PORT) => (Kind::Dns, dns::read),
        () if has(ntp::PORT) => (Kind::Ntp, ntp::read),
        () if has(dhcp::SERVER_PORT) => (Kind::Dhcp, dhcp::read),
        () if has(dhcp::SERVER_PORT_V6) => (Kind::Dhcpv6, dhcp::read_v6),
        () => return None,
    };
    let mut found = Infrastructure {
        kind,
        server: None,
        free_a: Vec::new(),
        free_b: Vec::new(),
    };
    let mut datagrams = 0;
    for (stream, sender, receiver, route, free) in [
        (&flow.from_a, End::A, End::B, [0, 1], &mut found.free_a),
        (&flow.from_b, End::B, End::A, [1, 0], &mut found.free_b),
    ] {
        let route = Route {
            from: ports[route[0]],
            to: ports[route[1]],
        };
        let role = direction(stream, route, read, free)?;
        datagrams += stream.parts().count();
        let server = match role {
            Some(Role::SenderServes) => Some(sender),
            Some(Role::ReceiverServes) => Some(receiver),
            None => None,
        };
        if found.server.is_some() && server.is_some() && found.server != server {
            return None;
        }
        found.server = found.server.or(server);
    }
    (datagrams > 0).then_some(found)
}

/// Reads all that one end sent; its role has to stay the same.
fn direction(
    stream: &Stream,
    route: Route,
    read: Read,
    free: &mut Vec<Range<usize>>,
) -> Option<Option<Role>> {
    let mut role = None;
    for (piece, octets) in stream.parts() {
        let mut reader = Reader::new(octets);
        let this = read(&mut reader, route)?;
        if !reader.is_at_end() || role.is_some() && this != role {
            return None;
        }
        role = this;
        let found = reader.free().iter();
        free.extend(found.map(|r| piece.at + r.start..piece.at + r.end));
    }
    Some(role)
}

/// Reads an ARP message and the padding of its link.
pub fn arp(octets: &[u8]) -> Option<Message> {
    let mut reader = Reader::new(octets);
    let from = arp::read(&mut reader)?;
    Some(Message {
        kind: Kind::Arp,
        from,
        free: reader.free_octets(),
    })
}

/// Reads the control protocols of IP, and remembers what has to be echoed.
#[derive(Debug, Default)]
pub struct Control {
    /// Who asked whom for an echo of what.
    asked: BTreeSet<(IpAddr, IpAddr, Vec<u8>)>,
}

impl Control {
    /// Reads a datagram of ICMP, ICMPv6 or IGMP; `None` if it is none, or is
    /// not whole.
    pub fn read(&mut self, datagram: &Datagram<'_>) -> Option<Message> {
        let (from, to) = (datagram.source, datagram.destination);
        let octets = datagram.head(usize::MAX);
        if datagram.missing > 0 {
            return None;
        }
        let mut reader = Reader::new(&octets);
        let (kind, echo) = match (datagram.protocol, from) {
            (ICMP, IpAddr::V4(_)) => (Kind::Icmp, icmp::read(&mut reader, to)?),
            (ICMPV6, IpAddr::V6(_)) => (Kind::Icmpv6, icmp::read_v6(&mut reader, to)?),
            (IGMP, IpAddr::V4(_)) => (Kind::Igmp, igmp::read(&mut reader)?),
            _ => return None,
        };
        if !reader.is_at_end() {
            return None;
        }
        // What comes back as it was sent says nothing of its own.
        let content = octets.get(icmp::HEADER..).unwrap_or_default();
        let echoed = match echo {
            icmp::Echo::Request => {
                self.asked.insert((from, to, content.to_vec()));
                false
            }
            icmp::Echo::Reply => self.asked.contains(&(to, from, content.to_vec())),
            icmp::Echo::Neither => false,
        };
        let free = match echoed {
            true => Vec::new(),
            false => reader.free_octets(),
        };
        Some(Message { kind, from, free })
    }
}

#[cfg(test)]
mod tests;

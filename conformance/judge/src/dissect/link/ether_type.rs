//! Ethernet (IEEE Std 802.3), LLC (IEEE Std 802.2), and what an EtherType says:
//! tags, MPLS (RFC 3032), PPPoE (RFC 2516), network service headers (RFC 8300).

use super::{Content, ETHERNET, Layer, Step, ip, point_to_point, short, u16_at, undissected};
use crate::dissect::tunnel::sound;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const ARP: u16 = 0x0806;
/// EtherTypes of a tag: IEEE Std 802.1Q customer and service tags, and what
/// was used for the latter before.
const TAGS: [u16; 5] = [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300];
/// A tag of a virtual network interface (Cisco VN-Tag), as long as two.
const VN_TAG: u16 = 0x8926;
/// An instance tag with whole Ethernet behind it (IEEE Std 802.1ah).
const INSTANCE_TAG: u16 = 0x88e7;
const MPLS: [u16; 2] = [0x8847, 0x8848];
const PPPOE_DISCOVERY: u16 = 0x8863;
const PPPOE_SESSION: u16 = 0x8864;
/// Transparent Ethernet Bridging.
const BRIDGED: u16 = 0x6558;
const PPP: u16 = 0x880b;
const NETWORK_SERVICE: u16 = 0x894f;
/// Local Experimental EtherType 1 (IEEE Std 802): heartbeats of our tap.
const HEARTBEAT_TYPE: u16 = 0x88b5;

/// Octets of a tag after its EtherType, and the next EtherType.
const TAG: usize = 4;
/// Octets of payload of the shortest frame of Ethernet (IEEE Std 802.3).
const SHORTEST: usize = 46;
/// How the payload of a heartbeat begins.
const HEARTBEAT: &[u8] = b"lightleak tap ";
/// An EtherType is at least that; less is a length.
const LOWEST: u16 = 0x0600;

pub(super) fn ethernet(octets: &[u8]) -> Step {
    match u16_at(octets, 12) {
        Some(length) if length < LOWEST => match octets.get(14..).and_then(llc_type) {
            Some((header, layer)) => Step::Until(14 + header, layer, 14 + usize::from(length)),
            None => undissected(format!("IEEE 802.3 frame of length {length}")),
        },
        Some(ether_type) => Step::Next(14, Layer::EtherType(ether_type)),
        None => short("Ethernet"),
    }
}

pub(super) fn llc(octets: &[u8]) -> Step {
    match llc_type(octets) {
        Some((header, layer)) => Step::Next(header, layer),
        None => undissected("LLC without IP"),
    }
}

/// Octets of the LLC and SNAP headers, and what is behind them.
fn llc_type(octets: &[u8]) -> Option<(usize, Layer)> {
    match octets {
        // SNAP with an EtherType (RFC 1042), also over a bridge (IEEE Std 802.1H).
        [0xaa, 0xaa, 3, 0, 0, 0 | 0xf8, high, low, ..] => {
            Some((8, Layer::EtherType(u16::from_be_bytes([*high, *low]))))
        }
        // Bridged Ethernet (RFC 2684).
        [0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 1 | 7, ..] => Some((10, Layer::Link(ETHERNET))),
        [6, 6, 3, ..] => Some((3, Layer::EtherType(IPV4))),
        _ => None,
    }
}

/// What follows an EtherType.
pub(super) fn read(octets: &[u8], ether_type: u16) -> Step {
    match ether_type {
        IPV4 | IPV6 => ip(0),
        ARP => Step::Done(Content::Arp(0..usize::MAX)),
        PPPOE_SESSION => point_to_point::pppoe(octets),
        PPPOE_DISCOVERY => undissected("PPPoE discovery"),
        BRIDGED => Step::Next(0, Layer::Link(ETHERNET)),
        PPP => Step::Next(0, Layer::Ppp),
        INSTANCE_TAG => Step::Next(4, Layer::Link(ETHERNET)),
        NETWORK_SERVICE => network_service(octets),
        HEARTBEAT_TYPE if is_heartbeat(octets) => Step::Done(Content::Heartbeat),
        tag if TAGS.contains(&tag) => match u16_at(octets, 2) {
            Some(length) if length < LOWEST => Step::Next(TAG, Layer::Llc),
            Some(next) => Step::Next(TAG, Layer::EtherType(next)),
            None => undissected("no whole IEEE 802.1Q tag"),
        },
        VN_TAG => match u16_at(octets, 4) {
            Some(next) => Step::Next(6, Layer::EtherType(next)),
            None => short("VN-Tag"),
        },
        mpls if MPLS.contains(&mpls) => labels(octets),
        other => undissected(format!("ethertype 0x{other:04x}")),
    }
}

/// A stack of labels. What is behind it is not told: IP by its version, or
/// Ethernet, perhaps behind a control word (RFC 4385), where that holds IP.
fn labels(octets: &[u8]) -> Step {
    let entries = octets.as_chunks::<4>().0;
    let Some(bottom) = entries.iter().position(|[_, _, label, _]| label & 1 == 1) else {
        return short("MPLS");
    };
    let at = (bottom + 1) * 4;
    let rest = octets.get(at..).unwrap_or_default();
    let bridged = |skip: usize| bridges_ip(rest.get(skip..).unwrap_or_default());
    match rest.first().map(|octet| octet >> 4) {
        Some(4 | 6) if sound::begins_ip(Some(rest)) => ip(at),
        _ if bridged(0) => Step::Next(at, Layer::Link(ETHERNET)),
        Some(0) if bridged(4) => Step::Next(at + 4, Layer::Link(ETHERNET)),
        Some(4 | 6) => ip(at),
        _ => undissected("MPLS without IP"),
    }
}

/// Whether octets are a frame of Ethernet, tagged or not, with IP or ARP. Not by
/// following all headers: labels can lie in labels.
fn bridges_ip(octets: &[u8]) -> bool {
    let mut at = 12;
    while u16_at(octets, at).is_some_and(|tag| TAGS.contains(&tag)) && at < 24 {
        at += TAG;
    }
    match u16_at(octets, at) {
        Some(IPV4 | IPV6) => sound::begins_ip(octets.get(at + 2..)),
        Some(ARP) => sound::is_arp(octets.get(at + 2..).unwrap_or_default()),
        _ => false,
    }
}

/// Network Service Header (RFC 8300 2.2).
pub(in crate::dissect) fn network_service_layer(octets: &[u8]) -> Option<(usize, Layer)> {
    let &[_, length, _, next] = octets.first_chunk()?;
    let octets = usize::from(length & 0x3f) * 4;
    let layer = match next {
        1 => Layer::EtherType(IPV4),
        2 => Layer::EtherType(IPV6),
        3 => Layer::Link(ETHERNET),
        5 => Layer::EtherType(MPLS[0]),
        _ => return None,
    };
    (octets >= 8).then_some((octets, layer))
}

fn network_service(octets: &[u8]) -> Step {
    match network_service_layer(octets) {
        Some((header, layer)) => Step::Next(header, layer),
        None => undissected("a network service header without IP"),
    }
}

/// The words, a name in ASCII, and the padding of a shortest frame.
fn is_heartbeat(payload: &[u8]) -> bool {
    let Some(rest) = payload.strip_prefix(HEARTBEAT) else {
        return false;
    };
    let name = rest.iter().take_while(|&&octet| octet != 0).count();
    let is_name = |octet: &u8| octet.is_ascii_graphic() || *octet == b' ';
    let padded = rest[name..].iter().all(|&octet| octet == 0);
    payload.len() <= SHORTEST && rest[..name].iter().all(is_name) && padded
}

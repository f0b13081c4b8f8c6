//! PPP (RFC 1661), PPPoE (RFC 2516), Cisco HDLC and Frame Relay (RFC 2427).

use super::{Layer, Step, ip, short, u16_at, undissected};

/// Address and Control of PPP in HDLC-like framing (RFC 1662).
const ALL_STATIONS: [u8; 2] = [0xff, 0x03];
const IPV4: u16 = 0x0021;
const IPV6: u16 = 0x0057;
const MPLS: [u16; 2] = [0x0281, 0x0283];

/// PPP from its Protocol field on, perhaps behind Address and Control.
pub(super) fn ppp(octets: &[u8]) -> Step {
    // Cisco's framing on the same kind of link.
    if let [0x0f | 0x8f, 0, ..] = octets {
        return cisco(octets, 0);
    }
    match ppp_protocol(octets) {
        Some((length, IPV4 | IPV6)) => ip(length),
        Some((length, mpls)) if MPLS.contains(&mpls) => {
            Step::Next(length, Layer::EtherType(0x8847))
        }
        Some((_, other)) => undissected(format!("PPP protocol 0x{other:04x}")),
        None => short("PPP"),
    }
}

/// Octets until behind the Protocol field, and the protocol. One of one octet is
/// odd (RFC 1661 6.5).
fn ppp_protocol(octets: &[u8]) -> Option<(usize, u16)> {
    let skip = if octets.starts_with(&ALL_STATIONS) {
        2
    } else {
        0
    };
    match octets.get(skip..)? {
        [one, ..] if one & 1 == 1 => Some((skip + 1, u16::from(*one))),
        [high, low, ..] => Some((skip + 2, u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

/// A session of PPPoE: version and type, code, session, length, and PPP.
pub(super) fn pppoe(octets: &[u8]) -> Step {
    match octets {
        [0x11, 0, _, _, high, low, ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            Step::Until(6, Layer::Ppp, 6 + length)
        }
        [0x11, _, ..] if octets.len() >= 6 => undissected("PPPoE discovery"),
        _ => short("PPPoE"),
    }
}

/// Cisco HDLC behind so many octets: address, control, EtherType.
pub(super) fn cisco(octets: &[u8], skip: usize) -> Step {
    match u16_at(octets, skip + 2) {
        Some(ether_type) => Step::Next(skip + 4, Layer::EtherType(ether_type)),
        None => short("Cisco HDLC"),
    }
}

/// Frame Relay: a Q.922 address, then IP or SNAP by its NLPID, or Cisco's
/// EtherType.
pub(super) fn frame_relay(octets: &[u8]) -> Step {
    let last = octets.iter().take(4).position(|octet| octet & 1 == 1);
    let Some(at) = last.map(|last| last + 1) else {
        return short("Frame Relay");
    };
    match octets.get(at..).unwrap_or_default() {
        [3, 0xcc | 0x8e, ..] => ip(at + 2),
        [3, 0, 0x80, 0, 0, 0, high, low, ..] | [3, 0x80, 0, 0, 0, high, low, ..] => {
            let header = if octets.get(at + 1) == Some(&0) { 8 } else { 7 };
            let ether_type = u16::from_be_bytes([*high, *low]);
            Step::Next(at + header, Layer::EtherType(ether_type))
        }
        [high, low, ..] if *high >= 6 => {
            Step::Next(at + 2, Layer::EtherType(u16::from_be_bytes([*high, *low])))
        }
        _ => undissected("Frame Relay without IP"),
    }
}

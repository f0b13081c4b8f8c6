//! Whether octets are an IP packet, far beyond chance.

use crate::dissect::link::{Content, Layer};

/// Octets of Ethernet behind an IP packet: the padding of a shortest frame, and a
/// check sequence.
const PADDING: usize = 32;

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
const ICMPV6: u8 = 58;
/// Octets of an IPv6 header.
const V6_HEADER: usize = 40;

/// The rest of a packet, and octets behind it that were not captured.
#[derive(Clone, Copy, Debug)]
pub(in crate::dissect) struct Rest<'a> {
    pub(in crate::dissect) octets: &'a [u8],
    pub(in crate::dissect) missing: usize,
}

/// Whether what was found behind a tunnel's header is what it looks like. Behind
/// Ethernet there may be padding.
pub(super) fn is_sound(content: &Content, rest: Rest<'_>, layer: Layer) -> bool {
    let padding = match layer {
        Layer::EtherType(_) | Layer::Ppp => 0,
        Layer::Link(_) | Layer::Llc => PADDING,
    };
    match content {
        Content::Ip(at) => {
            let octets = rest.octets.get(at.clone()).unwrap_or_default();
            let behind = rest.octets.len().saturating_sub(at.end);
            let room = padding.checked_sub(behind);
            room.is_some_and(|room| is_packet(octets, rest.missing, room))
        }
        Content::Arp(at) => is_arp(rest.octets.get(at.clone()).unwrap_or_default()),
        _ => false,
    }
}

/// Whether octets begin with the header of an IP packet, whatever its length.
pub(in crate::dissect) fn begins_ip(octets: Option<&[u8]>) -> bool {
    octets.is_some_and(|octets| is_packet(octets, 0, usize::MAX) || is_packet_cut(octets))
}

/// An ARP request or reply for IPv4 over Ethernet (RFC 826).
pub(in crate::dissect) fn is_arp(octets: &[u8]) -> bool {
    matches!(octets, [0, 1, 8, 0, 6, 4, 0, 1 | 2, ..]) && octets.len() >= 28
}

/// A header of IPv4 whose checksum is right, and octets that are missing.
fn is_packet_cut(octets: &[u8]) -> bool {
    let header = octets.first().map(|first| usize::from(first & 0x0f) * 4);
    let v4 = octets.first().is_some_and(|first| first >> 4 == 4);
    let header = header.filter(|length| v4 && *length >= 20);
    header
        .and_then(|length| octets.get(..length))
        .is_some_and(|h| sum(h) == 0xffff)
}

/// Whether the octets are one IP packet, of which `missing` were not captured; at
/// most `padding` are behind it.
fn is_packet(octets: &[u8], missing: usize, padding: usize) -> bool {
    let whole = octets.len().saturating_add(missing);
    let fits = |total: usize| total <= whole && whole - total <= padding;
    match octets.first().map(|octet| octet >> 4) {
        Some(4) => v4(octets, fits).is_some(),
        Some(6) => v6(octets, fits).is_some(),
        _ => false,
    }
}

fn v4(octets: &[u8], fits: impl Fn(usize) -> bool) -> Option<()> {
    let length = usize::from(octets.first()? & 0x0f) * 4;
    let header = octets.get(..length).filter(|_| length >= 20)?;
    let total = usize::from(u16_at(header, 2)?);
    let reserved = header.get(6)? & 0x80 != 0;
    if total < length || !fits(total) || reserved {
        return None;
    }
    let is_fragment = u16_at(header, 6)? & 0x3fff != 0;
    let payload = octets.get(length..total.min(octets.len()))?;
    match u16_at(header, 10)? {
        // Left to a network card that never saw it.
        0 if sum(header) != 0xffff => {
            let carries = !is_fragment && carries(*header.get(9)?, payload, total - length);
            carries.then_some(())
        }
        _ => (sum(header) == 0xffff).then_some(()),
    }
}

/// IPv6 has no checksum of its own: what it carries has to fit.
fn v6(octets: &[u8], fits: impl Fn(usize) -> bool) -> Option<()> {
    let header = octets.get(..V6_HEADER)?;
    let payload = usize::from(u16_at(header, 4)?);
    let (next, hops, source) = (*header.get(6)?, *header.get(7)?, *header.get(8)?);
    if !fits(V6_HEADER + payload) || hops == 0 || source == 0xff {
        return None;
    }
    let carried = octets.get(V6_HEADER..(V6_HEADER + payload).min(octets.len()))?;
    match next {
        // A fragment, and options: of a known protocol, and reserved bits zero.
        44 => matches!(carried, [6 | 17 | 58 | 50, 0, _, low, ..] if low & 6 == 0).then_some(()),
        0 | 60 => {
            let &[next, units, ..] = carried else {
                return None;
            };
            let length = (usize::from(units) + 1) * 8;
            let after = carried.get(length..)?;
            carries(next, after, payload.checked_sub(length)?).then_some(())
        }
        // No Next Header: a bubble of Teredo.
        59 => (payload == 0).then_some(()),
        ICMPV6 => icmp(header, carried, payload),
        next => carries(next, carried, payload).then_some(()),
    }
}

/// An ICMPv6 message, by its checksum, if it is whole.
fn icmp(header: &[u8], carried: &[u8], payload: usize) -> Option<()> {
    if carried.len() < payload {
        return matches!(carried, [1..=4 | 128..=143, ..]).then_some(());
    }
    let mut all = header.get(8..)?.to_vec();
    all.extend(u32::try_from(payload).ok()?.to_be_bytes());
    all.extend([0, 0, 0, ICMPV6]);
    all.extend(carried);
    (sum(&all) == 0xffff).then_some(())
}

/// Whether octets of that length begin as the protocol does.
pub(super) fn carries(protocol: u8, octets: &[u8], length: usize) -> bool {
    match protocol {
        TCP => {
            let offset = octets.get(12).map(|octet| usize::from(octet >> 4) * 4);
            let flags = octets.get(13).copied().unwrap_or(0);
            let known = flags & 0x3f != 0 && flags & 0x07 != 7 && flags & 3 != 3;
            let zero = octets.get(12).is_some_and(|octet| octet & 0x0e == 0);
            known && zero && offset.is_some_and(|offset| offset >= 20 && offset <= length)
        }
        UDP => u16_at(octets, 4).is_some_and(|stated| usize::from(stated) == length),
        ICMPV6 => matches!(octets, [1..=4 | 128..=143, ..]),
        _ => false,
    }
}

/// The sum of RFC 1071; of octets with a right checksum it is 0xffff.
pub(super) fn sum(octets: &[u8]) -> u16 {
    let (words, rest) = octets.as_chunks::<2>();
    let last = rest.first().map_or(0, |octet| u64::from(*octet) << 8);
    let words = words
        .iter()
        .map(|word| u64::from(u16::from_be_bytes(*word)));
    let mut sum = words.sum::<u64>() + last;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).unwrap_or(u16::MAX)
}

fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*octets.get(at..)?.first_chunk()?))
}

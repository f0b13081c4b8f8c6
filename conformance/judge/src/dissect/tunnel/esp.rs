//! ESP with the NULL cipher (RFC 2410, RFC 4303): integrity alone, in tunnel mode and in
//! transport mode. The former may be in UDP (RFC 3948).

use std::{net::IpAddr, ops::Range};

use super::{
    Inside, inside,
    sound::{Rest, TCP, UDP, carries, sum},
};
use crate::dissect::link::Layer;

/// Octets of SPI and Sequence Number.
const HEADER: usize = 8;
/// Octets of an initialization vector, as integrity by GMAC has one (RFC 4543).
const VECTORS: [usize; 2] = [0, 8];
/// Octets of the integrity check value.
const CHECK_VALUES: [usize; 5] = [12, 16, 0, 24, 32];
/// Next Header of IPv4 and IPv6 in tunnel mode.
const PACKETS: [u8; 2] = [4, 41];

/// Next Header of TCP and UDP in transport mode, and where their checksum lies.
const SEGMENTS: [(u8, usize); 2] = [(TCP, 16), (UDP, 6)];

/// A packet in clear, behind it padding that counts up, its length and a Next
/// Header (RFC 4303 2.4 to 2.6), then the integrity check value (2.8).
pub(super) fn read(rest: Rest<'_>) -> Option<Inside> {
    if rest.missing > 0 {
        return None;
    }
    let mut vectors = VECTORS.into_iter();
    vectors.find_map(|vector| {
        let at = HEADER + vector;
        let version = rest.octets.get(at)? >> 4;
        if !matches!(version, 4 | 6) {
            return None;
        }
        let mut ends = CHECK_VALUES.into_iter();
        ends.find_map(|check| ended(rest, at, rest.octets.len().checked_sub(check)?))
    })
}

/// A segment of TCP or a datagram of UDP in clear (transport mode): which, and where. Its
/// checksum is right, and what is behind it as in tunnel mode.
pub(in crate::dissect) fn transport(
    octets: &[u8],
    ends: (IpAddr, IpAddr),
) -> Option<(u8, Range<usize>)> {
    let mut vectors = VECTORS.into_iter();
    vectors.find_map(|vector| {
        let at = HEADER + vector;
        let mut ends_at = CHECK_VALUES
            .iter()
            .filter_map(|check| octets.len().checked_sub(*check));
        ends_at.find_map(|end| {
            let (next, behind) = trailer(octets, end)?;
            let (_, checksum) = SEGMENTS.iter().find(|(protocol, _)| *protocol == next)?;
            let segment = octets.get(at..behind)?;
            // One that was left to a network card proves nothing.
            let is_said = segment.get(*checksum..checksum + 2)? != [0, 0];
            let holds = carries(next, segment, segment.len()) && is_said;
            (holds && is_summed(next, segment, ends)).then_some((next, at..behind))
        })
    })
}

/// Next Header, and where padding begins.
fn trailer(octets: &[u8], end: usize) -> Option<(u8, usize)> {
    let content = octets.get(..end)?;
    let &[padding, next] = content.last_chunk()?;
    let padded = end.checked_sub(2)?;
    let begins = padded.checked_sub(usize::from(padding))?;
    let counts_up = content.get(begins..padded)?.iter().copied().eq(1..=padding);
    counts_up.then_some((next, begins))
}

/// Whether the checksum is right, with the pseudo-header (RFC 9293 3.1, RFC 768).
fn is_summed(protocol: u8, segment: &[u8], ends: (IpAddr, IpAddr)) -> bool {
    let mut all = Vec::with_capacity(segment.len() + 40);
    for end in [ends.0, ends.1] {
        match end {
            IpAddr::V4(address) => all.extend(address.octets()),
            IpAddr::V6(address) => all.extend(address.octets()),
        }
    }
    all.extend(u32::try_from(segment.len()).unwrap_or(0).to_be_bytes());
    all.extend([0, 0, 0, protocol]);
    all.extend(segment);
    sum(&all) == 0xffff
}

fn ended(rest: Rest<'_>, at: usize, end: usize) -> Option<Inside> {
    let (next, begins) = trailer(rest.octets, end)?;
    if !PACKETS.contains(&next) || begins <= at {
        return None;
    }
    let packet = Rest {
        octets: rest.octets.get(..begins)?,
        missing: 0,
    };
    inside("esp-null", packet, at, Layer::EtherType(0x0800))
}

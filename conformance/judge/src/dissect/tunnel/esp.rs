//! ESP with the NULL cipher (RFC 2410, RFC 4303) in tunnel mode: integrity alone.

use super::{Inside, inside, sound::Rest};
use crate::dissect::link::Layer;

/// Octets of SPI and Sequence Number.
const HEADER: usize = 8;
/// Octets of an initialization vector, as integrity by GMAC has one (RFC 4543).
const VECTORS: [usize; 2] = [0, 8];
/// Octets of the integrity check value.
const CHECK_VALUES: [usize; 5] = [12, 16, 0, 24, 32];
/// Next Header of IPv4 and IPv6 in tunnel mode.
const PACKETS: [u8; 2] = [4, 41];

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

fn ended(rest: Rest<'_>, at: usize, end: usize) -> Option<Inside> {
    let content = rest.octets.get(..end)?;
    let &[padding, next] = content.last_chunk()?;
    let padded = end.checked_sub(2)?;
    let begins = padded.checked_sub(usize::from(padding))?;
    let counts_up = content.get(begins..padded)?.iter().copied().eq(1..=padding);
    if !PACKETS.contains(&next) || !counts_up || begins <= at {
        return None;
    }
    let packet = Rest {
        octets: rest.octets.get(..begins)?,
        missing: 0,
    };
    inside("esp-null", packet, at, Layer::EtherType(0x0800))
}

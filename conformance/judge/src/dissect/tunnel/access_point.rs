//! What access points send to their controllers: CAPWAP (RFC 5415) and TZSP.

use super::{Inside, inside, sound::Rest};
use crate::dissect::link::{ETHERNET, IEEE802_11, Layer};

/// The data channel of CAPWAP in clear (RFC 5415 4.3): version 0, a header whose
/// length it says, no fragment, and 802.11 or 802.3 behind it.
pub(super) fn capwap(rest: Rest<'_>) -> Option<Inside> {
    let &[0, second, third, fourth, _, _, _, reserved] = rest.octets.first_chunk()? else {
        return None;
    };
    let length = usize::from(second >> 3) * 4;
    let is_native = third & 0x01 != 0;
    let is_fragment = fourth & 0xc0 != 0;
    let keeps_alive = fourth & 0x08 != 0;
    if length < 8 || is_fragment || keeps_alive || reserved & 0x07 != 0 || fourth & 0x07 != 0 {
        return None;
    }
    let layer = match is_native {
        true => Layer::Link(IEEE802_11),
        false => Layer::Link(ETHERNET),
    };
    inside("capwap", rest, length, layer).or_else(|| swapped(rest, length).filter(|_| is_native))
}

/// A frame of 802.11 whose Frame Control has its octets the other way round, as
/// some controllers have it. The payload is found, and its place told.
fn swapped(rest: Rest<'_>, at: usize) -> Option<Inside> {
    let [first, second] = *rest.octets.get(at..)?.first_chunk()?;
    let mut octets = rest.octets.to_vec();
    octets
        .get_mut(at..at + 2)?
        .copy_from_slice(&[second, first]);
    let turned = Rest {
        octets: &octets,
        ..rest
    };
    inside("capwap", turned, at, Layer::Link(IEEE802_11))
}

/// TaZmen Sniffer Protocol: version 1, a received packet, what it is, and tagged
/// fields up to an end tag.
pub(super) fn tzsp(rest: Rest<'_>) -> Option<Inside> {
    const PADDING: u8 = 0;
    const END: u8 = 1;
    let &[1, 0, high, low] = rest.octets.first_chunk()? else {
        return None;
    };
    let link_type = match u16::from_be_bytes([high, low]) {
        1 => ETHERNET,
        18 => IEEE802_11,
        // Prism and AVS.
        other @ 119 => other,
        127 => 163,
        _ => return None,
    };
    let mut at = 4;
    loop {
        match *rest.octets.get(at)? {
            PADDING => at += 1,
            END => return inside("tzsp", rest, at + 1, Layer::Link(link_type)),
            _ => at += 2 + usize::from(*rest.octets.get(at + 1)?),
        }
    }
}

//! IEEE Std 802.11-2016, and what capture tools put before it: radiotap, Prism, AVS,
//! PPI.

use std::ops::Range;

use super::{Content, IEEE802_11, Layer, Step, captured, content, short, u32_le, undissected};

/// Octets of the MAC header with three addresses.
const HEADER: usize = 24;
const ADDRESS: usize = 6;
/// Subframes of an A-MSDU; no frame has more.
const MOST_SUBFRAMES: usize = 64;
/// How data that are not encrypted begin: LLC with SNAP.
const SNAP: [u8; 3] = [0xaa, 0xaa, 3];

/// A frame: data that are not protected, from the MAC header on.
pub(super) fn frame(octets: &[u8]) -> Step {
    data(octets, false)
}

/// `padded`: whether the capture says that the header is filled up to 4 octets.
fn data(octets: &[u8], padded: bool) -> Step {
    let &[control, flags, ..] = octets else {
        return short("802.11");
    };
    let has = |bit: u8| flags & bit != 0;
    match (control >> 2 & 3, control & 3) {
        (2, 0) => {}
        (0, 0) => return undissected("802.11 management"),
        (1, 0) => return undissected("802.11 control"),
        _ => return undissected("802.11 frame of another version"),
    }
    if control & 0x40 != 0 {
        return undissected("802.11 without data");
    }
    if has(0x40) {
        return undissected("802.11 protected");
    }
    let fragment = octets.get(22).is_none_or(|octet| octet & 0x0f != 0);
    if fragment || has(0x04) {
        return undissected("802.11 fragment");
    }
    let mut at = HEADER;
    if has(0x01) && has(0x02) {
        at += ADDRESS;
    }
    let mut aggregated = false;
    if control & 0x80 != 0 {
        aggregated = octets.get(at).is_some_and(|octet| octet & 0x80 != 0);
        at += 2;
        if has(0x80) {
            at += 4;
        }
    }
    if padded {
        at = at.next_multiple_of(4);
    }
    if octets.len() < at {
        return short("802.11");
    }
    if aggregated {
        return Step::Done(subframes(octets, at));
    }
    let begins = |at: usize| octets.get(at..).is_some_and(|rest| rest.starts_with(&SNAP));
    // Padding that no header tells of, and Mesh Control (9.2.4.7.3).
    let mesh = octets
        .get(at)
        .map_or(0, |flags| 6 + usize::from(flags & 3) * ADDRESS);
    let places = [at, at.next_multiple_of(4), at + mesh];
    let at = places.into_iter().find(|at| begins(*at)).unwrap_or(at);
    Step::Next(at, Layer::Llc)
}

/// Subframes of an A-MSDU (9.3.2.2): addresses, length, and data up to 4 octets.
fn subframes(octets: &[u8], mut at: usize) -> Content {
    let mut all = Vec::new();
    for _ in 0..MOST_SUBFRAMES {
        let length = octets
            .get(at + 2 * ADDRESS..)
            .and_then(|rest| rest.first_chunk());
        let Some(&length) = length else { break };
        let begins = at + 2 * ADDRESS + 2;
        let ends = begins + usize::from(u16::from_be_bytes(length));
        // What is left may be the frame check sequence.
        if ends == begins || begins >= octets.len() {
            break;
        }
        let range: Range<usize> = begins..ends;
        all.push(content(octets, range, Layer::Llc));
        at += (ends - at).next_multiple_of(4);
    }
    match all.is_empty() {
        true => Content::Undissected("802.11 A-MSDU without data".to_owned()),
        false => Content::Several(all),
    }
}

/// radiotap: version, length, and fields by a bit map, of which Flags matters.
pub(super) fn radiotap(octets: &[u8]) -> Step {
    const FLAGS: u32 = 1 << 1;
    let &[0, _, low, high, ..] = octets else {
        return short("radiotap");
    };
    let length = usize::from(u16::from_le_bytes([low, high]));
    let Some(present) = u32_le(octets, 4).filter(|_| (8..=octets.len()).contains(&length)) else {
        return short("radiotap");
    };
    let mut at = 8;
    let mut more = present;
    while more & 1 << 31 != 0 {
        let Some(next) = u32_le(octets, at).filter(|_| at + 4 <= length) else {
            return short("radiotap");
        };
        more = next;
        at += 4;
    }
    if present & 1 != 0 {
        at = at.next_multiple_of(8) + 8;
    }
    let flags = match present & FLAGS {
        0 => 0,
        _ => octets.get(at).copied().unwrap_or(0),
    };
    if flags & 0x40 != 0 {
        return undissected("802.11 with a wrong check sequence");
    }
    let rest = octets.get(length..).unwrap_or_default();
    match flags & 0x20 {
        0 => Step::Next(length, Layer::Link(IEEE802_11)),
        _ => match data(rest, true) {
            Step::Next(octets, layer) => Step::Next(length + octets, layer),
            Step::Done(content) => Step::Done(super::shifted(content, length, octets.len())),
            until => until,
        },
    }
}

/// The header of Prism, or that of AVS, whichever it is: both say their length.
pub(super) fn prism_or_avs(octets: &[u8]) -> Step {
    let Some(&[a, b, c, d, e, f, g, h]) = octets.first_chunk() else {
        return short("Prism");
    };
    let length = match [a, b, c] {
        [0x80, 0x21, 0x10] => u32::from_be_bytes([e, f, g, h]),
        _ if d == 0 => u32::from_le_bytes([e, f, g, h]),
        _ => u32::from_be_bytes([e, f, g, h]),
    };
    captured(length, u32::from(IEEE802_11), "Prism")
}

/// Per-Packet Information: version, flags, length, and the LINKTYPE behind it.
pub(super) fn ppi(octets: &[u8]) -> Step {
    match (octets.first_chunk(), u32_le(octets, 4)) {
        (Some(&[_, _, low, high]), Some(next)) => {
            captured(u16::from_le_bytes([low, high]).into(), next, "PPI")
        }
        _ => short("PPI"),
    }
}

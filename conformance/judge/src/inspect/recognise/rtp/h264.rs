//! H.264 (RFC 6184) by the structure of its packets, where no parameter sets let a
//! player show it.

use super::{Found, track::Track};
use crate::{
    decoder::{Elementary, Format},
    dissect::h264::{self, IDR_SLICE, PPS, SLICE, SPS},
    inspect::mux::annex_b,
};

/// STAP-A and FU-A.
const AGGREGATE: u8 = 24;
const FRAGMENT: u8 = 28;
/// Access units whose first slice has to be read.
const MIN_UNITS: usize = 10;

pub(super) fn h264(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["H264", "H264-SVC"]) {
        return None;
    }
    let (mut read, mut packets) = (0, 0);
    for packet in track.packets.iter().take(2000) {
        packets += 1;
        read += usize::from(is_payload(packet.payload));
        if packets >= 16 && read * 20 < packets * 19 {
            return None;
        }
    }
    if read * 20 < packets * 19 {
        return None;
    }
    let mut heads = Heads {
        described: track.encoding().is_some(),
        ..Heads::default()
    };
    let mut file = Vec::new();
    for (unit, whole) in track.units() {
        if !whole {
            continue;
        }
        let Some(nal_units) = nal_units(unit.iter().map(|packet| packet.payload)) else {
            heads.broken += 1;
            continue;
        };
        let slice = nal_units
            .iter()
            .find(|nal| [SLICE, IDR_SLICE].contains(&h264::nal_unit_type(nal)));
        if let Some(slice) = slice {
            heads.fragmented += usize::from(unit.len() > 1);
            match h264::nal_unit_type(slice) == IDR_SLICE && first_slice(slice).is_none() {
                true => heads.hidden += 1,
                false => heads.add(slice),
            }
        }
        for nal in nal_units {
            heads.sets |= match h264::nal_unit_type(&nal) {
                SPS if h264::parse_sps(&nal).is_some() => 1,
                PPS if h264::parse_pps(&nal).is_some() => 2,
                _ => 0,
            };
            file.push(nal);
        }
    }
    let reason = heads.shown()?;
    let file = Elementary {
        format: Format::H264,
        octets: annex_b(file.iter().map(Vec::as_slice)),
    };
    // Without parameter sets no player shows anything.
    Some(Found::video("h264", file, heads.sets == 3, reason))
}

/// What the first slices of access units say.
#[derive(Default)]
struct Heads {
    /// Whether a description says that it is H.264.
    described: bool,
    /// Access units with a NAL unit in fragments.
    fragmented: usize,
    /// First octets of slices.
    starts: std::collections::BTreeSet<Vec<u8>>,
    units: usize,
    read: usize,
    broken: usize,
    /// Key frames whose heads nobody can read.
    hidden: usize,
    /// Octets behind the NAL header, each of another head.
    kinds: std::collections::BTreeMap<(u32, u32), usize>,
    sets: u8,
}

impl Heads {
    fn add(&mut self, slice: &[u8]) {
        self.units += 1;
        self.starts.extend(slice.get(..5).map(<[u8]>::to_vec));
        if let Some((slice_type, set)) = first_slice(slice) {
            self.read += 1;
            *self.kinds.entry((slice_type, set)).or_default() += 1;
        }
    }

    /// The first slice of a picture begins with macroblock 0; of types there are two
    /// or three, and of picture parameter sets one or two. Of random octets one in
    /// two begins so, and few agree on the rest.
    fn shown(&self) -> Option<String> {
        let sets: std::collections::BTreeSet<u32> =
            self.kinds.keys().map(|(_, set)| *set).collect();
        let most = self.kinds.values().max().copied().unwrap_or(0);
        // What is always the same may be anything: slices differ, and long ones are
        // fragmented.
        let shown = self.described
            || self.sets == 3
            || (self.fragmented >= 2 && self.starts.len() * 3 >= self.units);
        // Some drop slices that are too long for a packet, before they number them.
        let beginning = if self.sets == 3 { 17 } else { 19 };
        let fits = shown
            && self.units >= MIN_UNITS
            && self.read * 20 >= self.units * beginning
            && self.broken * 5 <= self.units
            && self.hidden <= self.units
            && sets.len() <= 3
            && most * 3 >= self.units;
        fits.then(|| {
            format!(
                "{} access units of H.264 in clear, their slice headers read{}{}",
                self.units,
                match self.hidden {
                    0 => String::new(),
                    hidden => format!(", between {hidden} key frames that are not"),
                },
                match self.sets {
                    3 => "",
                    _ => "; its parameter sets were not captured",
                }
            )
        })
    }
}

/// slice_type and pic_parameter_set_id of a slice that begins a picture (ITU-T H.264
/// 7.3.3).
fn first_slice(nal: &[u8]) -> Option<(u32, u32)> {
    let header = h264::parse_slice_header(nal)?;
    (header.first_mb == 0 && header.pps_id <= 15).then_some((header.slice_type, header.pps_id))
}

/// Whether a payload is one by its form (RFC 6184 5.2 to 5.8).
fn is_payload(payload: &[u8]) -> bool {
    let Some(&first) = payload.first() else {
        return false;
    };
    if first & 0x80 != 0 {
        return false;
    }
    match first & 0x1f {
        1 | 5..=12 | 14 | 15 | 19 | 20 => h264::is_header_plausible(first),
        AGGREGATE => aggregated(payload).is_some(),
        FRAGMENT => payload.get(1).is_some_and(|second| {
            let kind = second & 0x1f;
            second & 0x20 == 0 && second & 0xc0 != 0xc0 && matches!(kind, 1 | 5..=8)
        }),
        _ => false,
    }
}

/// NAL units of STAP-A that fill it.
fn aggregated(payload: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = payload.get(1..)?;
    let mut found = Vec::new();
    while let [high, low, tail @ ..] = rest {
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        let (nal, after) = tail.split_at_checked(size).filter(|_| size > 0)?;
        if !h264::is_header_plausible(*nal.first()?) {
            return None;
        }
        found.push(nal);
        rest = after;
    }
    (rest.is_empty() && !found.is_empty()).then_some(found)
}

/// The NAL units of an access unit; `None` if its fragments don't fit together.
fn nal_units<'a>(payloads: impl Iterator<Item = &'a [u8]>) -> Option<Vec<Vec<u8>>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<Vec<u8>> = None;
    for payload in payloads {
        let first = *payload.first()?;
        match first & 0x1f {
            FRAGMENT => {
                let second = *payload.get(1)?;
                let (start, end) = (second & 0x80 != 0, second & 0x40 != 0);
                let header = first & 0xe0 | second & 0x1f;
                match (&mut open, start) {
                    (None, true) => open = Some(vec![header]),
                    (Some(nal), false) if nal.first() == Some(&header) => {}
                    _ => return None,
                }
                if let Some(nal) = &mut open {
                    nal.extend_from_slice(payload.get(2..)?);
                }
                if end {
                    found.extend(open.take());
                }
            }
            _ if open.is_some() => return None,
            AGGREGATE => found.extend(aggregated(payload)?.into_iter().map(<[u8]>::to_vec)),
            _ => found.push(payload.to_vec()),
        }
    }
    open.is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::super::track::testing::{found, noise};
    use super::*;

    /// Frames of a slice each, every other one in fragments. `head`: what follows
    /// the NAL header.
    fn frames(head: impl Fn(u64) -> Vec<u8>) -> Vec<(u32, bool, Vec<u8>)> {
        let mut payloads = Vec::new();
        for frame in 0..24_u32 {
            let time = frame * 3000;
            let body = [head(frame.into()), noise(frame.into(), 200)].concat();
            match frame % 2 {
                0 => payloads.push((time, true, [&[0x41][..], &body].concat())),
                _ => {
                    payloads.push((time, false, [&[0x5c, 0x81][..], &body].concat()));
                    payloads.push((time, false, [&[0x5c, 1][..], &noise(7, 100)].concat()));
                    payloads.push((time, true, [&[0x5c, 0x41][..], &noise(8, 30)].concat()));
                }
            }
        }
        payloads
    }

    #[test]
    fn slices_in_clear_are_h264_without_parameter_sets() {
        // first_mb_in_slice 0, slice_type 5, pic_parameter_set_id 0.
        let payloads = frames(|_| vec![0b1001_1010]);
        let found = found(h264, 96, &payloads).unwrap();
        assert_eq!((found.codec, found.media.len()), ("h264", 0));
        assert!(found.reason.contains("parameter sets"), "{}", found.reason);
    }

    #[test]
    fn enciphered_slices_behind_headers_in_clear_are_none() {
        assert!(found(h264, 96, &frames(|n| noise(n + 100, 8))).is_none());
    }

    #[test]
    fn noise_and_another_static_type_are_none() {
        let noise: Vec<_> = (0..60_u32)
            .map(|n| (n * 3000, true, noise(n.into(), 300)))
            .collect();
        assert!(found(h264, 96, &noise).is_none());
        assert!(found(h264, 0, &frames(|_| vec![0b1001_1010])).is_none());
    }
}

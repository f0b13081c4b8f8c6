//! AV1 (RTP Payload Format For AV1, Alliance for Open Media).

use super::{Found, track::Track};
use crate::{
    decoder::{Elementary, Format},
    inspect::mux::ivf,
};

/// Temporal units that have to be read.
const MIN_UNITS: usize = 8;
/// OBU types.
const SEQUENCE_HEADER: u8 = 1;
const TEMPORAL_DELIMITER: u8 = 2;

/// A payload: what its aggregation header says, and its elements (4.4).
struct Payload<'a> {
    /// Z: the first element continues one.
    continues: bool,
    /// Y: the last one is continued.
    continued: bool,
    /// N: a coded video sequence begins.
    begins: bool,
    elements: Vec<&'a [u8]>,
}

impl<'a> Payload<'a> {
    fn parse(payload: &'a [u8]) -> Option<Self> {
        let (&header, mut rest) = payload.split_first()?;
        let count = usize::from(header >> 4 & 3);
        let (continues, begins) = (header & 0x80 != 0, header & 0x08 != 0);
        if header & 7 != 0 || rest.is_empty() || (continues && begins) {
            return None;
        }
        let mut elements = Vec::new();
        while !rest.is_empty() {
            if count > 0 && elements.len() + 1 == count {
                elements.push(rest);
                rest = &[];
                break;
            }
            let (length, after) = leb128(rest)?;
            let (element, after) = after.split_at_checked(length)?;
            elements.push(element);
            rest = after;
        }
        let fits = count == 0 || elements.len() == count;
        let _ = rest;
        (fits && elements.iter().all(|e| !e.is_empty())).then_some(Self {
            continues,
            continued: header & 0x40 != 0,
            begins,
            elements,
        })
    }
}

fn leb128(octets: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0;
    for (at, octet) in octets.iter().enumerate().take(4) {
        value |= usize::from(octet & 0x7f) << (7 * at);
        if octet & 0x80 == 0 {
            return Some((value, octets.get(at + 1..)?));
        }
    }
    None
}

/// The type of an OBU without its size: forbidden and reserved bits are 0 (AV1 5.3.2).
fn kind(obu: &[u8]) -> Option<u8> {
    let &first = obu.first()?;
    let kind = first >> 3 & 15;
    let extension = first & 4 == 0 || obu.get(1).is_some_and(|e| e & 7 == 0);
    (first & 0x81 == 0 && extension && matches!(kind, 1..=8 | 15)).then_some(kind)
}

pub(super) fn av1(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["AV1"]) || track.packets.len() < MIN_UNITS {
        return None;
    }
    let (mut units, mut wrong, mut heads, mut described) = (0, 0, 0, 0);
    let mut fragmented = 0;
    let mut file = Vec::new();
    let begin = track.packets.first()?.timestamp;
    for (unit, whole) in track.units() {
        if !whole {
            continue;
        }
        if units + wrong == 16 && wrong > 2 {
            return None;
        }
        let Some((obus, begins)) = put_together(unit) else {
            wrong += 1;
            continue;
        };
        units += 1;
        fragmented += usize::from(unit.len() > 1);
        let has_head = obus.iter().any(|obu| kind(obu) == Some(SEQUENCE_HEADER));
        heads += usize::from(has_head);
        described += usize::from(begins && has_head);
        if heads > 0 {
            let time = unit.first()?.timestamp.wrapping_sub(begin);
            file.push((u64::from(time), temporal_unit(&obus)));
        }
    }
    // N says where a sequence begins: a sequence header is there. Without any, more
    // has to be seen.
    let enough = match (described, track.encoding()) {
        (1.., _) => MIN_UNITS,
        (0, Some(_)) => 2 * MIN_UNITS,
        (0, None) => 4 * MIN_UNITS,
    };
    // A head that is always the same may be anything: OBUs are continued, too.
    let shown = described > 0 || track.encoding().is_some() || fragmented >= 4;
    if units < enough || wrong * 16 > units || !shown {
        return None;
    }
    let reason =
        format!("{units} whole temporal units of AV1 in clear, {heads} with a sequence header");
    let media = (heads > 0).then(|| Elementary {
        format: Format::Ivf,
        octets: ivf::file(*b"AV01", (0, 0), 90_000, &file),
    });
    Some(Found::new("av1", media.into_iter().collect(), reason))
}

/// The OBUs of a temporal unit, and whether a sequence begins in it; `None` if the
/// packets don't fit together.
fn put_together(unit: &[super::Packet<'_>]) -> Option<(Vec<Vec<u8>>, bool)> {
    let mut obus: Vec<Vec<u8>> = Vec::new();
    let (mut open, mut begins) = (false, false);
    for (index, packet) in unit.iter().enumerate() {
        let payload = Payload::parse(packet.payload)?;
        if payload.continues != open || packet.marker != (index + 1 == unit.len()) {
            return None;
        }
        begins |= payload.begins;
        for (at, element) in payload.elements.iter().enumerate() {
            if at == 0 && payload.continues {
                obus.last_mut()?.extend_from_slice(element);
            } else {
                kind(element)?;
                obus.push(element.to_vec());
            }
        }
        open = payload.continued;
    }
    (!open && !obus.is_empty()).then_some((obus, begins))
}

/// Each OBU with its size (AV1 5.3), behind a temporal delimiter.
fn temporal_unit(obus: &[Vec<u8>]) -> Vec<u8> {
    let mut unit = vec![TEMPORAL_DELIMITER << 3 | 2, 0];
    for obu in obus {
        let Some((&first, rest)) = obu.split_first() else {
            continue;
        };
        if kind(obu) == Some(TEMPORAL_DELIMITER) {
            continue;
        }
        if first & 2 != 0 {
            unit.extend_from_slice(obu);
            continue;
        }
        unit.push(first | 2);
        let (extension, body) = rest.split_at(usize::from(first & 4 != 0).min(rest.len()));
        unit.extend_from_slice(extension);
        let mut length = body.len();
        while length > 0x7f {
            unit.push(length as u8 | 0x80);
            length >>= 7;
        }
        unit.push(length as u8);
        unit.extend_from_slice(body);
    }
    unit
}

#[cfg(test)]
mod tests {
    use super::super::track::testing::{found, noise};
    use super::*;

    fn units(head: bool) -> Vec<(u32, bool, Vec<u8>)> {
        let mut payloads = Vec::new();
        for n in 0..40_u32 {
            let frame = [&[6 << 3][..], &noise(n.into(), 60)].concat();
            let (time, rest) = (n * 3000, noise(1, 30));
            if n == 0 && head {
                let sequence = [&[SEQUENCE_HEADER << 3][..], &noise(5, 9)].concat();
                payloads.push((time, false, [&[0x68, 10][..], &sequence, &frame].concat()));
            } else {
                payloads.push((time, false, [&[0x50][..], &frame].concat()));
            }
            payloads.push((time, true, [&[0x90][..], &rest].concat()));
        }
        payloads
    }

    #[test]
    fn temporal_units_are_put_together() {
        let found = found(av1, 45, &units(true)).unwrap();
        assert_eq!((found.codec, found.media.len()), ("av1", 1));
        // Behind the headers of the file and the frame: a delimiter and the sequence.
        let octets = &found.media[0].octets;
        assert_eq!(octets[44..48], [0x12, 0, SEQUENCE_HEADER << 3 | 2, 9]);
    }

    #[test]
    fn without_a_sequence_header_structure_shows_it() {
        assert!(found(av1, 45, &units(false)).unwrap().media.is_empty());
        assert!(found(av1, 45, &units(false)[..30]).is_none());
    }

    #[test]
    fn noise_is_none() {
        let noise: Vec<_> = (0..90_u32)
            .map(|n| (n * 3000, true, noise(n.into(), 100)))
            .collect();
        assert!(found(av1, 45, &noise).is_none());
    }
}

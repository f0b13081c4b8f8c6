//! H.265 (RFC 7798) and H.266 (RFC 9328): their NAL headers of two octets differ,
//! their aggregates and fragments hardly do.

use super::{Found, track::Track};
use crate::{
    decoder::{Elementary, Format},
    dissect::bits::Bits,
    inspect::mux::annex_b,
};

/// What differs between the two.
struct Syntax {
    codec: &'static str,
    encodings: &'static [&'static str],
    format: Format,
    aggregate: u8,
    fragment: u8,
    /// nal_unit_type of a NAL header that is one by form: forbidden and reserved bits
    /// are 0, and so is the layer; the temporal identifier isn't.
    kind: fn(&[u8]) -> Option<u8>,
    /// The NAL header of a fragmented NAL unit of that type.
    whole: fn([u8; 2], u8) -> [u8; 2],
    /// Whether a NAL unit of the type is a slice.
    is_slice: fn(u8) -> bool,
    /// Whether the type is one of parameter sets.
    is_set: fn(u8) -> bool,
    /// Types that may be sent.
    is_known: fn(u8) -> bool,
    /// The type in the header of a fragment: mask.
    fragment_type: u8,
}

const H265: Syntax = Syntax {
    codec: "h265",
    encodings: &["H265", "HEVC"],
    format: Format::H265,
    aggregate: 48,
    fragment: 49,
    kind: |nal| match nal {
        [first, second, ..] if first & 0x81 == 0 && second >> 3 == 0 && second & 7 != 0 => {
            Some(first >> 1)
        }
        _ => None,
    },
    whole: |[first, second], kind| [first & 0x81 | kind << 1, second],
    is_slice: |kind| matches!(kind, 0..=9 | 16..=21),
    is_set: |kind| (32..=34).contains(&kind),
    is_known: |kind| matches!(kind, 0..=9 | 16..=21 | 32..=40),
    fragment_type: 0x3f,
};

const H266: Syntax = Syntax {
    codec: "h266",
    encodings: &["H266", "VVC"],
    format: Format::H266,
    aggregate: 28,
    fragment: 29,
    kind: |nal| match nal {
        [0, second, ..] if second & 7 != 0 => Some(second >> 3),
        _ => None,
    },
    whole: |[first, second], kind| [first, second & 7 | kind << 3],
    is_slice: |kind| matches!(kind, 0..=3 | 7..=10),
    is_set: |kind| matches!(kind, 12..=18),
    is_known: |kind| matches!(kind, 0..=3 | 7..=10 | 12..=25),
    fragment_type: 0x1f,
};

pub(super) fn h265(track: &Track<'_>) -> Option<Found> {
    find(track, &H265)
}

pub(super) fn h266(track: &Track<'_>) -> Option<Found> {
    find(track, &H266)
}

fn find(track: &Track<'_>, syntax: &Syntax) -> Option<Found> {
    if !track.may_be(syntax.encodings) || track.packets.len() < 6 {
        return None;
    }
    let mut read = 0;
    for (seen, packet) in (1..).zip(track.packets) {
        read += usize::from(is_payload(syntax, packet.payload));
        // One in 128 octets pairs is a header by chance.
        if seen > 8 && read * 10 < seen * 9 {
            return None;
        }
    }
    if read * 10 < track.packets.len() * 9 {
        return None;
    }
    let mut nal_units: Vec<Vec<u8>> = Vec::new();
    let (mut slices, mut first, mut fragmented) = (0, 0, 0);
    let mut sets = std::collections::BTreeSet::new();
    let mut ids: std::collections::BTreeMap<u32, usize> = std::collections::BTreeMap::new();
    for (unit, whole) in track.units() {
        if !whole {
            continue;
        }
        let Some(found) = collect(syntax, unit.iter().map(|packet| packet.payload)) else {
            continue;
        };
        let kind = |nal: &Vec<u8>| (syntax.kind)(nal).unwrap_or(u8::MAX);
        let of = |packet: &super::Packet<'_>| (syntax.kind)(packet.payload);
        fragmented += usize::from(unit.iter().any(|p| of(p) == Some(syntax.fragment)));
        sets.extend(found.iter().map(kind).filter(|kind| (syntax.is_set)(*kind)));
        if let Some(slice) = found.iter().find(|nal| (syntax.is_slice)(kind(nal))) {
            slices += 1;
            // first_slice_segment_in_pic_flag, sh_picture_header_in_slice_header_flag.
            first += usize::from(slice.get(2).is_some_and(|octet| octet & 0x80 != 0));
            if let Some(id) = picture_set(slice).filter(|_| syntax.format == Format::H265) {
                *ids.entry(id).or_insert(0) += 1;
            }
        }
        nal_units.extend(found);
    }
    // A picture of H.266 may have a header of its own, and the flag is 0 then.
    // Headers of two octets that are always the same may be anything: parameter sets
    // are of several types, and fragments begin and end.
    let is_guess = syntax.format == Format::H266 && track.encoding().is_none();
    // Where a description names the codec, slices that refer to one parameter set.
    let alike = ids.into_values().max().unwrap_or(0);
    let told = track.encoding().is_some() && alike >= 8 && alike * 10 >= slices * 9;
    let shown = told
        || (sets.len() >= 2 && !is_guess)
        || (fragmented >= 3 && (slices >= 8 || sets.len() >= 2));
    let begins = first * 10 >= slices * 9 || syntax.format == Format::H266;
    if slices < 4 || !begins || !shown {
        return None;
    }
    let name = syntax.codec.replace('h', "H.");
    let reason = format!(
        "{read} payloads of {name} in clear, in {slices} whole access units{}",
        match sets.len() {
            0 => "; its parameter sets were not captured",
            _ => ", with parameter sets",
        }
    );
    let file = Elementary {
        format: syntax.format,
        octets: annex_b(nal_units.iter().map(Vec::as_slice)),
    };
    Some(Found::video(syntax.codec, file, !sets.is_empty(), reason))
}

/// slice_pic_parameter_set_id of a slice that begins a picture (ITU-T H.265 7.3.6.1).
fn picture_set(slice: &[u8]) -> Option<u32> {
    let kind = slice.first()? >> 1;
    let mut bits = Bits::new(slice.get(2..)?);
    bits.bit().filter(|first| *first == 1)?;
    if (16..=23).contains(&kind) {
        // no_output_of_prior_pics_flag.
        bits.bit()?;
    }
    bits.ue(62)
}

fn is_payload(syntax: &Syntax, payload: &[u8]) -> bool {
    let Some(kind) = (syntax.kind)(payload) else {
        return false;
    };
    if kind == syntax.aggregate {
        return aggregated(syntax, payload).is_some();
    }
    if kind == syntax.fragment {
        return payload.get(2).is_some_and(|header| {
            header & 0xc0 != 0xc0 && (syntax.is_known)(header & syntax.fragment_type)
        });
    }
    (syntax.is_known)(kind)
}

/// NAL units of an aggregate that fill it (RFC 7798 4.4.2, RFC 9328 4.3.2).
fn aggregated<'a>(syntax: &Syntax, payload: &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let mut rest = payload.get(2..)?;
    let mut found = Vec::new();
    while let [high, low, tail @ ..] = rest {
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        let (nal, after) = tail.split_at_checked(size)?;
        if !(syntax.is_known)((syntax.kind)(nal)?) {
            return None;
        }
        found.push(nal);
        rest = after;
    }
    (rest.is_empty() && !found.is_empty()).then_some(found)
}

/// The NAL units of an access unit; `None` if its fragments don't fit together.
fn collect<'a>(syntax: &Syntax, payloads: impl Iterator<Item = &'a [u8]>) -> Option<Vec<Vec<u8>>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<(u8, Vec<u8>)> = None;
    for payload in payloads {
        let kind = (syntax.kind)(payload)?;
        if kind == syntax.fragment {
            let header = *payload.get(2)?;
            let (start, end) = (header & 0x80 != 0, header & 0x40 != 0);
            let of = header & syntax.fragment_type;
            match (&open, start) {
                (None, true) => {
                    let indicator = [*payload.first()?, *payload.get(1)?];
                    open = Some((of, (syntax.whole)(indicator, of).to_vec()));
                }
                (Some((kind, _)), false) if *kind == of => {}
                _ => return None,
            }
            if let Some((_, nal)) = &mut open {
                nal.extend_from_slice(payload.get(3..)?);
            }
            if end {
                found.extend(open.take().map(|(_, nal)| nal));
            }
        } else if open.is_some() {
            return None;
        } else if kind == syntax.aggregate {
            found.extend(aggregated(syntax, payload)?.into_iter().map(<[u8]>::to_vec));
        } else {
            found.push(payload.to_vec());
        }
    }
    open.is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::super::track::testing::{found, noise};
    use super::*;

    type Payloads = Vec<(u32, bool, Vec<u8>)>;

    /// An aggregate of parameter sets, then pictures whole and in fragments.
    fn stream(sets: &[&[u8]], slice: [u8; 2], fragment: [u8; 2], kind: u8) -> Payloads {
        let mut payloads = Vec::new();
        let lengths = |set: &&[u8]| [&[0, set.len() as u8][..], set].concat();
        let aggregate: Vec<u8> = sets.iter().skip(1).flat_map(lengths).collect();
        payloads.push((0, false, [sets[0], &aggregate[..]].concat()));
        for frame in 0..8_u32 {
            let body = [&[0x80 | frame as u8][..], &noise(frame.into(), 90)].concat();
            let (time, rest) = (frame * 3000, noise(99, 40));
            if frame % 2 == 0 {
                payloads.push((time, true, [&slice[..], &body].concat()));
            } else {
                let start = [&fragment[..], &[0x80 | kind], &body].concat();
                payloads.push((time, false, start));
                payloads.push((time, true, [&fragment[..], &[0x40 | kind], &rest].concat()));
            }
        }
        payloads
    }

    fn h265_stream() -> Payloads {
        let sets: [&[u8]; 4] = [&[0x60, 1], &[0x40, 1, 12], &[0x42, 1, 1], &[0x44, 1, 0xc1]];
        stream(&sets, [0x02, 1], [0x62, 1], 1)
    }

    fn h266_stream() -> Payloads {
        let sets: [&[u8]; 3] = [&[0, 0xe1], &[0, 0x79, 0], &[0, 0x81, 0]];
        stream(&sets, [0, 0x09], [0, 0xe9], 1)
    }

    #[test]
    fn each_is_found_and_put_together() {
        let h265 = found(h265, 96, &h265_stream()).unwrap();
        assert_eq!((h265.codec, h265.media[0].format), ("h265", Format::H265));
        assert!(
            h265.media[0]
                .octets
                .starts_with(&[0, 0, 0, 1, 0x40, 1, 12, 0, 0, 0, 1, 0x42])
        );
        let h266 = found(h266, 96, &h266_stream()).unwrap();
        assert_eq!((h266.codec, h266.media[0].format), ("h266", Format::H266));
        assert!(found(super::h265, 96, &h266_stream()).is_none());
        assert!(found(super::h266, 96, &h265_stream()).is_none());
    }

    #[test]
    fn without_parameter_sets_there_is_nothing_to_play() {
        let payloads = &h265_stream()[1..];
        let found = found(h265, 96, payloads).unwrap();
        assert!(found.media.is_empty() && found.reason.contains("not captured"));
    }

    #[test]
    fn where_a_description_names_it_slices_of_one_parameter_set_are_enough() {
        // first_slice_segment_in_pic_flag, the parameter set 1, then anything.
        let picture = |n: u32, head: u8| {
            let nal = [&[2, 1, head | n as u8 & 7][..], &noise(n.into(), 90)].concat();
            (n * 3000, true, nal)
        };
        let payloads = |head: u8| (0..10).map(|n| picture(n, head)).collect::<Payloads>();
        let described = crate::dissect::sdp::Format {
            encoding: "H265".into(),
            ..Default::default()
        };
        let find = |payloads: &Payloads, described| {
            let packets = super::super::track::testing::packets(96, payloads);
            super::h265(&Track {
                packets: &packets,
                described,
            })
        };
        let found = find(&payloads(0b1010_0000), Some(&described)).unwrap();
        assert!(found.media.is_empty() && found.bare.is_some());
        assert!(find(&payloads(0b1010_0000), None).is_none());
        // Others of each picture, or no first ones.
        assert!(find(&payloads(0b0010_0000), Some(&described)).is_none());
        // What is enciphered behind the first bit refers to anything.
        let other = |n: u32| {
            let mut nal = [&[2, 1][..], &noise(n.into(), 90)].concat();
            nal[2] |= 0x80;
            (n * 3000, true, nal)
        };
        let enciphered: Payloads = (0..10).map(other).collect();
        assert!(find(&enciphered, Some(&described)).is_none());
    }

    #[test]
    fn noise_is_none() {
        let noise: Payloads = (0..60_u32)
            .map(|n| (n, true, noise(n.into(), 300)))
            .collect();
        assert!(found(h265, 96, &noise).is_none() && found(h266, 96, &noise).is_none());
    }
}

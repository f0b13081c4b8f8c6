//! JPEG (RFC 2435): headers of 8 octets that say where a fragment lies.

use super::{Found, track::Track};
use crate::{
    decoder::{Elementary, Format},
    inspect::mux::jfif,
};

/// Pictures that are put together for the player.
const MOST_PICTURES: usize = 16;

/// Fragments that have to begin where the one before ended.
const MIN_PARTS: usize = 3;

/// The headers of a payload (RFC 2435 3.1).
struct Headers<'a> {
    offset: usize,
    kind: u8,
    q: u8,
    width: u8,
    height: u8,
    restart_interval: u16,
    tables: &'a [u8],
    data: &'a [u8],
}

impl<'a> Headers<'a> {
    fn parse(payload: &'a [u8]) -> Option<Self> {
        let (&[specific, o2, o1, o0, kind, q, width, height], mut rest) =
            payload.split_first_chunk()?;
        let mut headers = Self {
            offset: u32::from_be_bytes([0, o2, o1, o0]) as usize,
            kind,
            q,
            width,
            height,
            restart_interval: 0,
            tables: &[],
            data: &[],
        };
        let known = matches!(kind & 0x3f, 0..=1) && kind < 128 && specific <= 2 && q != 0;
        if !known || width == 0 || height == 0 || (100..=127).contains(&q) {
            return None;
        }
        if kind & 0x40 != 0 {
            let (&[r1, r0, _, _], after) = rest.split_first_chunk()?;
            headers.restart_interval = u16::from_be_bytes([r1, r0]);
            rest = after;
        }
        if q >= 128 && headers.offset == 0 {
            let (&[_, precision, l1, l0], after) = rest.split_first_chunk()?;
            let length = usize::from(u16::from_be_bytes([l1, l0]));
            if precision != 0 || ![0, 64, 128].contains(&length) {
                return None;
            }
            (headers.tables, rest) = after.split_at_checked(length)?;
        }
        headers.data = rest;
        Some(headers)
    }
}

pub(super) fn jpeg(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["JPEG"]) && track.payload_type() != 26 {
        return None;
    }
    let (mut read, mut pictures, mut parts, mut torn) = (0, Vec::new(), 0, 0);
    let mut last_tables: Vec<u8> = Vec::new();
    let mut size = (0, 0);
    for (unit, whole) in track.units() {
        let mut scan = Vec::new();
        let mut first: Option<Headers<'_>> = None;
        let mut fits = whole;
        for packet in unit {
            let Some(headers) = Headers::parse(packet.payload) else {
                fits = false;
                continue;
            };
            let same = first.as_ref().is_none_or(|first| {
                (first.kind, first.q, first.width, first.height)
                    == (headers.kind, headers.q, headers.width, headers.height)
            });
            if same && headers.offset == scan.len() {
                read += 1;
                parts += usize::from(headers.offset > 0);
            } else {
                fits = false;
            }
            scan.extend_from_slice(headers.data);
            first.get_or_insert(headers);
        }
        let Some(first) = first.filter(|_| fits) else {
            torn += 1;
            continue;
        };
        if first.tables.len() >= 64 {
            last_tables = first.tables.to_vec();
        }
        let tables = match first.q {
            128.. => last_tables.clone(),
            q => jfif::tables(q)?,
        };
        size = (u16::from(first.width) * 8, u16::from(first.height) * 8);
        let parameters = jfif::Parameters {
            half_rows: first.kind & 1 == 1,
            width: size.0,
            height: size.1,
            restart_interval: first.restart_interval,
            tables,
        };
        pictures.extend(jfif::picture(&parameters, &scan));
    }
    // A header that is always the same would do as well, if no offset went on.
    if read < 4 || read * 2 < track.packets.len() || parts < MIN_PARTS {
        return None;
    }
    let reason = format!(
        "{read} fragments of JPEG in clear, which lie one behind the other; {} whole pictures of {}x{}, {torn} with losses",
        pictures.len(),
        size.0,
        size.1
    );
    let media = pictures.into_iter().take(MOST_PICTURES);
    let media = media.map(|octets| Elementary {
        format: Format::Jpeg,
        octets,
    });
    Some(Found::new("jpeg", media.collect(), reason))
}

#[cfg(test)]
mod tests {
    use super::super::track::testing::{found, noise};
    use super::*;

    /// Four pictures, each in three fragments.
    fn pictures(q: u8) -> Vec<(u32, bool, Vec<u8>)> {
        let mut payloads = Vec::new();
        for picture in 0..4_u32 {
            for part in 0..3_u8 {
                let offset = u32::from(part) * 100;
                let mut payload = offset.to_be_bytes().to_vec();
                payload.extend([0x41, q, 40, 30, 0, 4, 0xff, 0xff]);
                if q >= 128 && part == 0 {
                    payload.extend([0, 0, 0, 128]);
                    payload.extend([7; 128]);
                }
                payload.extend(noise(u64::from(picture) * 3 + u64::from(part), 100));
                payloads.push((picture * 3000, part == 2, payload));
            }
        }
        payloads
    }

    #[test]
    fn pictures_are_rebuilt_with_either_kind_of_tables() {
        for q in [60, 255] {
            let found = found(jpeg, 26, &pictures(q)).unwrap();
            assert_eq!((found.codec, found.media.len()), ("jpeg", 4));
            let file = &found.media[0].octets;
            assert!(file.starts_with(&[0xff, 0xd8]) && file.ends_with(&[0xff, 0xd9]));
            // The first value of the table, and the restart interval.
            let first = if q < 128 { 13 } else { 7 };
            assert_eq!(file[25], first);
            assert!(file.windows(6).any(|w| w == [0xff, 0xdd, 0, 4, 0, 4]));
            assert!(found.reason.contains("320x240"), "{}", found.reason);
        }
    }

    #[test]
    fn a_loss_costs_its_picture_only() {
        let mut payloads = pictures(60);
        payloads[4].2.truncate(50);
        let found = found(jpeg, 26, &payloads).unwrap();
        assert_eq!(found.media.len(), 3);
    }

    #[test]
    fn noise_is_none() {
        let noise: Vec<_> = (0..60_u32)
            .map(|n| (n / 3, false, noise(n.into(), 300)))
            .collect();
        assert!(found(jpeg, 26, &noise).is_none());
    }
}

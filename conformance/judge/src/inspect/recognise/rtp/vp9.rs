//! VP9 (RFC 9628).

use super::{Found, track::Track};
use crate::inspect::mux::ivf;

/// Frames that have to be read.
const MIN_FRAMES: usize = 8;
/// Reference pictures and picture groups that a descriptor may name.
const MAX_REFERENCES: usize = 3;

/// What the payload descriptor says (RFC 9628 4.2).
struct Descriptor {
    picture: Option<u8>,
    begins: bool,
    ends: bool,
    length: usize,
}

impl Descriptor {
    fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let has = |bit: u8| first & bit != 0;
        let mut length = 1;
        if has(0x80) {
            length += if payload.get(length)? & 0x80 != 0 {
                2
            } else {
                1
            };
        }
        // Layer indices, with TL0PICIDX unless F.
        if has(0x20) {
            length += if has(0x10) { 1 } else { 2 };
        }
        if has(0x10) && has(0x40) {
            if !has(0x80) {
                return None;
            }
            for reference in 0.. {
                if reference == MAX_REFERENCES {
                    return None;
                }
                let difference = *payload.get(length)?;
                length += 1;
                if difference >> 1 == 0 {
                    return None;
                }
                if difference & 1 == 0 {
                    break;
                }
            }
        }
        if has(0x02) {
            let scalability = *payload.get(length)?;
            length += 1;
            let layers = usize::from(scalability >> 5) + 1;
            if scalability & 7 != 0 {
                return None;
            }
            if scalability & 0x10 != 0 {
                length += 4 * layers;
            }
            if scalability & 0x08 != 0 {
                let pictures = *payload.get(length)?;
                length += 1;
                for _ in 0..pictures {
                    let picture = *payload.get(length)?;
                    length += 1 + usize::from(picture >> 2 & 3);
                }
            }
        }
        (payload.len() > length).then_some(Self {
            picture: has(0x80).then(|| low_bits(payload)).flatten(),
            begins: has(0x08),
            ends: has(0x04),
            length,
        })
    }
}

/// The low bits of the picture ID, of which there are 7 or 15.
fn low_bits(payload: &[u8]) -> Option<u8> {
    let first = *payload.get(1)?;
    match first & 0x80 {
        0 => Some(first & 0x7f),
        _ => Some(payload.get(2)? & 0x7f),
    }
}

/// Size of a key frame; none of another frame; an error if the uncompressed header
/// begins otherwise (VP9 bitstream specification 6.2).
fn frame_header(frame: &[u8]) -> Result<Option<(u16, u16)>, ()> {
    const SYNC_CODE: u128 = 0x49_8342;
    const RGB: u128 = 7;
    if frame.is_empty() {
        return Err(());
    }
    let head = frame
        .iter()
        .take(14)
        .fold(0_u128, |n, o| n << 8 | u128::from(*o));
    let head = head << (8 * (16 - frame.len().min(14)));
    let mut at = 0;
    let mut bits = |count: u32| {
        at += count;
        head >> (128 - at) & ((1 << count) - 1)
    };
    let marker = bits(2);
    let profile = bits(1) | bits(1) << 1;
    if marker != 2 || (profile == 3 && bits(1) != 0) {
        return Err(());
    }
    // show_existing_frame, frame_type; then show_frame and error_resilient_mode.
    if bits(1) == 1 || bits(1) == 1 {
        return Ok(None);
    }
    bits(2);
    if bits(24) != SYNC_CODE {
        return Err(());
    }
    if profile >= 2 {
        bits(1);
    }
    match (bits(3), profile & 1) {
        (RGB, odd) => bits(odd as u32),
        (_, 0) => bits(1),
        _ => bits(4),
    };
    let (width, height) = (bits(16) as u16, bits(16) as u16);
    Ok(Some((width.wrapping_add(1), height.wrapping_add(1))))
}

pub(super) fn vp9(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["VP9"]) || track.packets.len() < MIN_FRAMES {
        return None;
    }
    let (mut frames, mut wrong, mut follows, mut fragmented) = (0, 0, 0, 0);
    let mut last: Option<u8> = None;
    let (mut size, mut file) = (None, Vec::new());
    let begin = track.packets.first()?.timestamp;
    for (unit, whole) in track.units() {
        if !whole {
            continue;
        }
        if frames + wrong == 16 && wrong > 4 {
            return None;
        }
        let Some((frame, key)) = put_together(unit) else {
            wrong += 1;
            continue;
        };
        frames += 1;
        fragmented += usize::from(unit.len() > 1);
        let picture = Descriptor::parse(unit.first()?.payload).and_then(|d| d.picture);
        if let (Some(last), Some(picture)) = (last, picture) {
            follows += usize::from(picture.wrapping_sub(last) & 0x7f == 1);
        }
        last = picture;
        size = size.or(key);
        if size.is_some() {
            let time = unit.first()?.timestamp.wrapping_sub(begin);
            file.push((u64::from(time), frame));
        }
    }
    if frames < MIN_FRAMES
        || wrong * 8 > frames
        || (size.is_none()
            && (frames < 2 * MIN_FRAMES || follows * 4 < frames * 3 || fragmented < 3))
    {
        return None;
    }
    let (key_frame, media) = ivf::film(*b"VP90", size, &file);
    let reason = format!("{frames} whole frames of VP9 in clear{key_frame}");
    Some(Found::new("vp9", media, reason))
}

/// Columns and rows.
type Size = (u16, u16);

/// A picture, and its size if it is a key frame. Layers follow each other, each with
/// a beginning and an end, and the marker is on the last packet.
fn put_together(unit: &[super::Packet<'_>]) -> Option<(Vec<u8>, Option<Size>)> {
    let mut picture = Vec::new();
    let mut size = None;
    let mut open = false;
    for (index, packet) in unit.iter().enumerate() {
        let descriptor = Descriptor::parse(packet.payload)?;
        let octets = packet.payload.get(descriptor.length..)?;
        if descriptor.begins == open {
            return None;
        }
        if descriptor.begins {
            let key = frame_header(octets).ok()?;
            if index == 0 {
                size = key;
            }
        }
        open = !descriptor.ends;
        if packet.marker != (index + 1 == unit.len()) {
            return None;
        }
        picture.extend_from_slice(octets);
    }
    (!open).then_some((picture, size))
}

#[cfg(test)]
mod tests {
    use super::super::track::testing::{found, noise};
    use super::*;

    fn frames(key: bool) -> Vec<(u32, bool, Vec<u8>)> {
        let mut payloads = Vec::new();
        for n in 0..20_u8 {
            let time = u32::from(n) * 3000;
            let head = match n {
                0 if key => vec![0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0e, 0xf0],
                _ => vec![0x86],
            };
            let body = noise(n.into(), 80);
            payloads.push((time, false, [&[0x88, n][..], &head, &body].concat()));
            payloads.push((time, true, [&[0x84, n][..], &noise(3, 40)].concat()));
        }
        payloads
    }

    #[test]
    fn frames_are_put_together() {
        let found = found(vp9, 98, &frames(true)).unwrap();
        assert_eq!((found.codec, found.media.len()), ("vp9", 1));
        assert!(found.reason.contains("20 whole frames"), "{}", found.reason);
        assert!(found.reason.contains("320x240"), "{}", found.reason);
    }

    #[test]
    fn the_size_is_read_of_every_profile() {
        let size = Ok(Some((320, 240)));
        for head in [
            [0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0e, 0xf0, 0],
            // RGB of profile 1, then profile 3, where all is a bit later.
            [0xa2, 0x49, 0x83, 0x42, 0xe0, 0x13, 0xf0, 0x0e, 0xf6, 0],
            [0xb1, 0x24, 0xc1, 0xa1, 0x48, 0x00, 0x9f, 0x80, 0x77, 0xb0],
        ] {
            assert_eq!(frame_header(&head), size, "{head:x?}");
        }
        assert_eq!(frame_header(&[0x86]), Ok(None));
        for wrong in [&[][..], &[0x46], &[0xb8], &[0x82, 0x49, 0x83, 0x41, 0]] {
            assert_eq!(frame_header(wrong), Err(()), "{wrong:x?}");
        }
    }

    #[test]
    fn without_a_key_frame_structure_shows_it() {
        assert!(found(vp9, 98, &frames(false)).unwrap().media.is_empty());
    }

    #[test]
    fn noise_is_none() {
        let noise: Vec<_> = (0..60_u32)
            .map(|n| (n * 3000, true, noise(n.into(), 100)))
            .collect();
        assert!(found(vp9, 98, &noise).is_none());
    }
}

//! VP8 (RFC 7741, RFC 6386).

use super::{Found, track::Track};
use crate::inspect::mux::ivf;

/// Frames that have to be read.
const MIN_FRAMES: usize = 8;

/// What the payload descriptor says (RFC 7741 4.2).
struct Descriptor {
    start: bool,
    partition: u8,
    picture: Option<u16>,
    length: usize,
}

impl Descriptor {
    fn parse(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        // R is 0, and so is the one before the partition.
        if first & 0x48 != 0 {
            return None;
        }
        let mut length = 1;
        let mut picture = None;
        if first & 0x80 != 0 {
            let flags = *payload.get(1)?;
            length += 1;
            if flags & 0x0f != 0 {
                return None;
            }
            if flags & 0x80 != 0 {
                let id = *payload.get(length)?;
                picture = Some(u16::from(id & 0x7f));
                length += 1;
                if id & 0x80 != 0 {
                    picture = Some(u16::from(id & 0x7f) << 8 | u16::from(*payload.get(length)?));
                    length += 1;
                }
            }
            length += usize::from(flags & 0x40 != 0) + usize::from(flags & 0x30 != 0);
        }
        (payload.len() > length).then_some(Self {
            start: first & 0x10 != 0,
            partition: first & 7,
            picture,
            length,
        })
    }
}

/// Size of a key frame; none of another one. An error is that it is no frame: of
/// `length` octets as far as they are known.
fn frame_header(frame: &[u8], length: usize) -> Result<Option<(u16, u16)>, ()> {
    let &[f0, f1, f2, ref rest @ ..] = frame else {
        return Err(());
    };
    let tag = u32::from_le_bytes([f0, f1, f2, 0]);
    let (version, first_part) = (tag >> 1 & 7, (tag >> 5) as usize);
    if version > 3 || first_part == 0 || first_part > length {
        return Err(());
    }
    match (tag & 1, rest) {
        (1, _) => Ok(None),
        (_, [0x9d, 1, 0x2a, w0, w1, h0, h1, ..]) => {
            let size = |low, high| u16::from_le_bytes([low, high]) & 0x3fff;
            Ok(Some((size(*w0, *w1), size(*h0, *h1))))
        }
        _ => Err(()),
    }
}

pub(super) fn vp8(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["VP8"]) || track.packets.len() < MIN_FRAMES {
        return None;
    }
    let read = |p: &&super::Packet<'_>| Descriptor::parse(p.payload).is_some();
    let early = track.packets.iter().take(16);
    if early.clone().filter(read).count() * 10 < early.len() * 9 {
        return None;
    }
    let (mut frames, mut whole_frames, mut wrong) = (0, Vec::new(), 0);
    let (mut size, mut last, mut follows) = (None, None, 0);
    let mut heads = std::collections::BTreeSet::new();
    let begin = track.packets.first()?.timestamp;
    for (unit, whole) in track.units() {
        let mut frame = Vec::new();
        let mut fits = true;
        for (index, packet) in unit.iter().enumerate() {
            let Some(descriptor) = Descriptor::parse(packet.payload) else {
                fits = false;
                break;
            };
            let starts = descriptor.start && descriptor.partition == 0;
            fits &= starts == (index == 0);
            if index == 0 {
                let picture = descriptor.picture;
                follows += usize::from(match (last, picture) {
                    (Some(last), Some(picture)) => {
                        // Seven bits or fifteen.
                        picture.wrapping_sub(last) & 0x7f == 1
                    }
                    _ => false,
                });
                last = picture;
            }
            frame.extend_from_slice(packet.payload.get(descriptor.length..).unwrap_or_default());
        }
        if !whole {
            continue;
        }
        match frame_header(&frame, frame.len()) {
            Ok(key) if fits => {
                frames += 1;
                heads.insert(frame.get(..3).map(<[u8]>::to_vec));
                size = size.or(key);
                if size.is_some() {
                    let time = unit.first()?.timestamp.wrapping_sub(begin);
                    whole_frames.push((u64::from(time), frame));
                }
            }
            _ => wrong += 1,
        }
    }
    // A frame that isn't one is one by chance in less than ten; a key frame has three
    // octets that are none by chance.
    // Without one, heads have to differ, as lengths do, or to be numbered.
    let shown = size.is_some()
        || (frames >= 2 * MIN_FRAMES && (heads.len() * 3 >= frames || follows * 4 >= frames * 3));
    if frames < MIN_FRAMES || wrong * 8 > frames || !shown {
        return None;
    }
    let (key_frame, media) = ivf::film(*b"VP80", size, &whole_frames);
    let reason =
        format!("{frames} whole frames of VP8 in clear, {follows} of them numbered on{key_frame}");
    Some(Found::new("vp8", media, reason))
}

#[cfg(test)]
mod tests {
    use super::super::track::testing::{found, noise};
    use super::*;

    fn frames(key: bool) -> Vec<(u32, bool, Vec<u8>)> {
        let mut payloads = Vec::new();
        for n in 0..20_u8 {
            let time = u32::from(n) * 3000;
            let tag = |frame: u32, length: u32| (frame | 1 << 4 | length << 5).to_le_bytes();
            let head = match n {
                0 if key => {
                    let t = tag(0, 60);
                    vec![t[0], t[1], t[2], 0x9d, 1, 0x2a, 240, 0, 180, 0]
                }
                _ => tag(1, 60)[..3].to_vec(),
            };
            let body = noise(n.into(), 80);
            payloads.push((time, false, [&[0x90, 0x80, n][..], &head, &body].concat()));
            payloads.push((time, true, [&[0x80, 0x80, n][..], &noise(3, 40)].concat()));
        }
        payloads
    }

    #[test]
    fn frames_are_put_together() {
        let found = found(vp8, 100, &frames(true)).unwrap();
        assert_eq!((found.codec, found.media.len()), ("vp8", 1));
        assert!(found.media[0].octets.starts_with(b"DKIF"));
        assert!(found.reason.contains("20 whole frames") && found.reason.contains("240x180"));
    }

    #[test]
    fn without_a_key_frame_structure_shows_it() {
        assert!(found(vp8, 100, &frames(false)).unwrap().media.is_empty());
    }

    #[test]
    fn noise_is_none_even_behind_descriptors() {
        let noisy = |head: &[u8]| -> Vec<_> {
            let payload = |n: u32| [head, &noise(n.into(), 100)].concat();
            (0..60).map(|n| (n * 3000, true, payload(n))).collect()
        };
        assert!(found(vp8, 100, &noisy(&[])).is_none());
        assert!(found(vp8, 100, &noisy(&[0x10])).is_none());
    }
}

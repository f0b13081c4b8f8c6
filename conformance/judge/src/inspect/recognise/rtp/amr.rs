//! AMR and AMR-WB (RFC 4867): a table of contents that says how long all is.

use super::{Found, track::Track};
use crate::decoder::{Elementary, Format};

/// Packets that have to be read.
const MIN_PACKETS: usize = 10;

/// Bits of a frame by its type: of AMR and of AMR-WB (3GPP TS 26.101, 26.201).
const NARROW: [Option<usize>; 16] = [
    Some(95),
    Some(103),
    Some(118),
    Some(134),
    Some(148),
    Some(159),
    Some(204),
    Some(244),
    Some(39),
    None,
    None,
    None,
    None,
    None,
    None,
    Some(0),
];
const WIDE: [Option<usize>; 16] = [
    Some(132),
    Some(177),
    Some(253),
    Some(285),
    Some(317),
    Some(365),
    Some(397),
    Some(461),
    Some(477),
    Some(40),
    None,
    None,
    None,
    None,
    Some(0),
    Some(0),
];

/// Frame types and their bits, octet-aligned (4.4); `None` if lengths don't add up.
fn aligned<'a>(payload: &'a [u8], bits: &[Option<usize>; 16]) -> Option<Vec<(u8, &'a [u8])>> {
    let (&mode, mut rest) = payload.split_first()?;
    if mode & 0x0f != 0 {
        return None;
    }
    let mut types = Vec::new();
    loop {
        let (&entry, after) = rest.split_first()?;
        rest = after;
        if entry & 3 != 0 || types.len() > 12 {
            return None;
        }
        types.push(entry >> 3 & 15);
        if entry & 0x80 == 0 {
            break;
        }
    }
    let mut frames = Vec::new();
    for kind in types {
        let length = (*bits.get(usize::from(kind))?)?.div_ceil(8);
        let (frame, after) = rest.split_at_checked(length)?;
        rest = after;
        frames.push((kind, frame));
    }
    rest.is_empty().then_some(frames)
}

/// The same, bandwidth-efficient (4.3), of one frame: mode request, F, type, Q, then
/// its bits, and padding of zeros.
fn efficient(payload: &[u8], bits: &[Option<usize>; 16]) -> Option<u8> {
    let &[first, second, ..] = payload else {
        return None;
    };
    let kind = (first & 7) << 1 | second >> 7;
    let length = (*bits.get(usize::from(kind))?)? + 10;
    let padding = (8 - length % 8) % 8;
    let clear = payload.last()? & ((1_u16 << padding) - 1) as u8 == 0;
    (first & 8 == 0 && payload.len() == length.div_ceil(8) && clear).then_some(kind)
}

pub(super) fn amr(track: &Track<'_>) -> Option<Found> {
    let choices = [
        ("AMR", "amr", &NARROW, 160, &b"#!AMR\n"[..]),
        ("AMR-WB", "amr-wb", &WIDE, 320, b"#!AMR-WB\n"),
    ];
    choices
        .into_iter()
        .find_map(|(encoding, codec, bits, samples, magic)| {
            if !track.may_be(&[encoding]) {
                return None;
            }
            let mut file = magic.to_vec();
            let (mut read, mut plain, mut timed, mut speech) = (0, 0, 0, 0);
            for packet in track.packets {
                if let Some(frames) = aligned(packet.payload, bits) {
                    read += 1;
                    for (kind, frame) in frames {
                        speech += usize::from(frame.len() > 7);
                        file.push(kind << 3 | 4);
                        file.extend_from_slice(frame);
                    }
                }
                plain += usize::from(efficient(packet.payload, bits).is_some_and(|k| k < 9));
            }
            for (_, _, step) in track.steps() {
                timed += usize::from(step > 0 && step.is_multiple_of(samples));
            }
            let all = track.packets.len();
            let agree = read.max(plain);
            // Silence alone says nothing, and lengths fit by chance once in hundreds.
            let fits =
                agree >= MIN_PACKETS && agree * 20 >= all * 19 && timed * 10 >= (all - 1) * 7;
            if !fits || (read >= plain && speech == 0) {
                return None;
            }
            let reason = format!(
                "{agree} packets of {encoding} in clear, each as long as its frame types say"
            );
            let media = (read >= plain).then_some(Elementary {
                format: Format::Other,
                octets: file,
            });
            Some(Found::new(codec, media.into_iter().collect(), reason))
        })
}

#[cfg(test)]
mod tests {
    use super::super::track::testing::{found, noise};
    use super::*;

    fn packets(step: u32, payload: impl Fn(u32) -> Vec<u8>) -> Vec<(u32, bool, Vec<u8>)> {
        (0..24).map(|n| (n * step, false, payload(n))).collect()
    }

    #[test]
    fn both_forms_of_both_are_found() {
        let aligned = packets(160, |n| [&[0xf0, 0x3c][..], &noise(n.into(), 31)].concat());
        let narrow = found(amr, 97, &aligned).unwrap();
        assert_eq!((narrow.codec, narrow.media.len()), ("amr", 1));
        assert!(narrow.media[0].octets.starts_with(b"#!AMR\n\x3c"));
        // Type 2 of AMR-WB: 263 bits in 33 octets, the last one without padding's bit.
        let wide = packets(320, |n| {
            let mut payload = [&[0xf1, 0x40][..], &noise(n.into(), 31)].concat();
            payload[32] &= 0xfe;
            payload
        });
        let wide = found(amr, 97, &wide).unwrap();
        assert_eq!((wide.codec, wide.media.len()), ("amr-wb", 0));
    }

    #[test]
    fn noise_is_none() {
        let noise = packets(160, |n| noise(n.into(), 33));
        assert!(found(amr, 97, &noise).is_none());
    }
}

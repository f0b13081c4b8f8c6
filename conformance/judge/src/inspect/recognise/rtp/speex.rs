//! Speex (RFC 5574): the mode of a frame says how many bits it has.

use super::{Found, sound::in_frames, track::Track};
use crate::{
    decoder::{Elementary, Format},
    inspect::mux::ogg,
};

/// Packets that have to be read.
const MIN_PACKETS: usize = 10;
/// Bits of a narrow-band frame, and of the part that a wide band adds, by their modes
/// (the Speex manual, 9 and 10).
const NARROW: [usize; 9] = [5, 43, 119, 160, 220, 300, 364, 492, 79];
const WIDE: [usize; 5] = [4, 36, 112, 192, 352];

/// How many frames a payload has; `None` if bits are left over that are no padding.
fn frames(payload: &[u8]) -> Option<usize> {
    let total = payload.len() * 8;
    let bit = |at: usize| {
        payload
            .get(at / 8)
            .map(|o| usize::from(o >> (7 - at % 8) & 1))
    };
    let number = |at: usize, count: usize| -> Option<usize> {
        (at..at + count).try_fold(0, |n, at| Some(n << 1 | bit(at)?))
    };
    let (mut at, mut count) = (0, 0);
    while at + 5 <= total {
        let is_wide = bit(at)? == 1;
        let length = match is_wide {
            true if count > 0 => *WIDE.get(number(at + 1, 3)?)?,
            true => return None,
            false => match number(at + 1, 4)? {
                15 => break,
                mode => {
                    count += 1;
                    *NARROW.get(mode)?
                }
            },
        };
        at += length;
    }
    // Padding is a zero, then ones (RFC 5574 3.3).
    let rest = total.checked_sub(at).filter(|rest| *rest < 8)?;
    let padded = rest == 0 || (bit(at)? == 0 && (at + 1..total).all(|at| bit(at) == Some(1)));
    (padded && count > 0).then_some(count)
}

pub(super) fn speex(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["SPEEX"]) {
        return None;
    }
    let read = track.packets.iter().filter(|p| frames(p.payload).is_some());
    let read = read.count();
    if read < MIN_PACKETS || read * 20 < track.packets.len() * 19 || !in_frames(track, 160) {
        return None;
    }
    let wide = track.steps().filter(|(.., step)| *step == 320).count() * 2 > read;
    let (rate, samples) = if wide { (16_000, 320) } else { (8000, 160) };
    let packets = track.packets.iter().map(|p| (samples, p.payload.to_vec()));
    let media = Elementary {
        format: Format::Ogg,
        octets: ogg::speex(rate, &packets.collect::<Vec<_>>()),
    };
    let reason = format!("{read} packets of Speex in clear, each as long as its modes say");
    Some(Found::new("speex", vec![media], reason))
}

#[cfg(test)]
mod tests {
    use super::super::track::testing::{found, noise};
    use super::*;

    #[test]
    fn modes_and_padding_add_up() {
        // Mode 5 of 300 bits, and four of padding.
        let mut payload = noise(1, 38);
        payload[0] = 5 << 3 | payload[0] & 7;
        payload[37] = payload[37] & 0xf0 | 7;
        assert_eq!(frames(&payload), Some(1));
        payload[37] |= 8;
        assert_eq!(frames(&payload), None);
        payload[37] &= 0xf7;
        let packets: Vec<_> = (0..20).map(|n| (n * 160, false, payload.clone())).collect();
        assert_eq!(found(speex, 97, &packets).unwrap().codec, "speex");
        let noise: Vec<_> = (0..20)
            .map(|n| (n * 160, false, noise(n.into(), 38)))
            .collect();
        assert!(found(speex, 97, &noise).is_none());
    }
}

//! Opus (RFC 7587, RFC 6716): each packet says how long it sounds, and the time
//! stamps have to say the same.

use super::{Found, track::Track};
use crate::{
    decoder::{Elementary, Format},
    inspect::mux::ogg,
};

/// Pairs of packets that have to agree.
const MIN_PAIRS: usize = 10;

/// Samples of 48000 Hz of a packet; `None` if it is none by form (RFC 6716 3.1, 3.4).
pub(super) fn samples(packet: &[u8]) -> Option<u32> {
    let (&toc, rest) = packet.split_first()?;
    let frame: u32 = match toc >> 3 {
        config @ 0..=11 => [480, 960, 1920, 2880][usize::from(config & 3)],
        config @ 12..=15 => [480, 960][usize::from(config & 1)],
        config => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let count = match toc & 3 {
        0 => 1,
        1 if rest.len() % 2 == 0 => 2,
        2 => {
            let (first, after) = match *rest {
                [length @ 0..=251, ..] => (usize::from(length), rest.len() - 1),
                [length, more, ..] => (usize::from(length) + 4 * usize::from(more), rest.len() - 2),
                _ => return None,
            };
            (first <= after).then_some(2)?
        }
        3 => {
            let header = *rest.first()?;
            u32::from(header & 0x3f)
        }
        _ => return None,
    };
    let samples = frame * count;
    (1..=5760).contains(&samples).then_some(samples)
}

pub(super) fn opus(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["OPUS", "MULTIOPUS"]) {
        return None;
    }
    let (mut pairs, mut agree) = (0, 0);
    let mut heads = std::collections::BTreeMap::new();
    for (packet, next, step) in track.steps() {
        *heads.entry(packet.payload.first()? & 0xfc).or_insert(0) += 1;
        let samples = samples(packet.payload);
        // Where it was silent, time stamps go on and packets don't.
        if samples.is_some_and(|samples| next.marker && step > samples && step % 120 == 0) {
            continue;
        }
        pairs += 1;
        agree += usize::from(samples == Some(step));
    }
    // Configurations change seldom. Of random octets one in eight says 20 ms, and
    // each says another one.
    let most = heads.values().max().copied().unwrap_or(0);
    let enough = if track.encoding().is_some() {
        MIN_PAIRS
    } else {
        2 * MIN_PAIRS
    };
    if agree < enough || agree * 10 < pairs * 9 || most * 4 < pairs {
        return None;
    }
    let reason = format!(
        "{agree} of {pairs} packets of Opus in clear, each as long by its own octets as by its time stamp"
    );
    let channels = if heads.keys().any(|head| head & 4 != 0) {
        2
    } else {
        1
    };
    let packets = track
        .packets
        .iter()
        .filter_map(|packet| Some((samples(packet.payload)?.into(), packet.payload.to_vec())));
    let packets: Vec<_> = packets.collect();
    let media = Elementary {
        format: Format::Ogg,
        octets: ogg::opus(channels, &packets),
    };
    Some(Found::new("opus", vec![media], reason))
}

#[cfg(test)]
mod tests {
    use super::super::track::testing::{found, noise};
    use super::*;

    #[test]
    fn lengths_are_those_of_the_rfc() {
        for (packet, expected) in [
            (&[0x78, 1][..], Some(960)),
            (&[0xf9, 1, 2], Some(1920)),
            (&[0xf9, 1], None),
            (&[0x7a, 1, 9], Some(1920)),
            (&[0x7a, 9, 9], None),
            (&[0xfb, 0x03, 1], Some(2880)),
            (&[0x1b, 0x3f, 1], None),
            (&[], None),
        ] {
            assert_eq!(samples(packet), expected, "{packet:?}");
        }
    }

    fn packets(toc: impl Fn(u32) -> u8) -> Vec<(u32, bool, Vec<u8>)> {
        let payload = |n: u32| [&[toc(n)][..], &noise(n.into(), 80)].concat();
        (0..40).map(|n| (n * 960, n == 0, payload(n))).collect()
    }

    #[test]
    fn packets_whose_lengths_and_times_agree_are_opus() {
        let found = found(opus, 111, &packets(|_| 0x78)).unwrap();
        assert_eq!(found.codec, "opus");
        assert!(found.media[0].octets.starts_with(b"OggS"));
    }

    #[test]
    fn noise_and_other_times_are_none() {
        let random = packets(|n| noise(n.into(), 3)[2]);
        assert!(found(opus, 111, &random).is_none());
        let mut slow = packets(|_| 0x78);
        slow.iter_mut().for_each(|(time, ..)| *time /= 6);
        assert!(found(opus, 111, &slow).is_none());
    }
}

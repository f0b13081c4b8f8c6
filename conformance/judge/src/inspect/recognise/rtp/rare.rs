//! Codecs that few send: Vorbis and Theora (RFC 5215), AC-3 (RFC 4184), and samples of
//! video as they are (RFC 4175).

use std::collections::BTreeSet;

use super::{Found, raw::heads, track::Track};
use crate::decoder::{Elementary, Format};

/// Packets that have to be read.
const FEWEST: usize = 8;

/// Vorbis and Theora: each packet names the same configuration, and holds packets of
/// the codec behind their lengths (RFC 5215 2.2).
pub(super) fn xiph(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["VORBIS", "THEORA"]) {
        return None;
    }
    let configuration = track.packets.first()?.payload.first_chunk::<3>()?;
    let read = |payload: &[u8]| {
        let (mine, rest) = payload.split_first_chunk::<3>()?;
        let (&head, mut rest) = rest.split_first()?;
        // A fragment is alone, and counts none.
        let count = match (head >> 6, head & 15) {
            (0, count @ 1..) => count,
            (1..=3, 0) => 1,
            _ => return None,
        };
        for _ in 0..count {
            let (length, behind) = rest.split_first_chunk::<2>()?;
            rest = behind.get(usize::from(u16::from_be_bytes(*length))..)?;
        }
        // Of a configuration some leave a few octets out of its length.
        let most = if head >> 4 & 3 == 1 { 3 } else { 0 };
        (mine == configuration && rest.len() <= most).then_some(())
    };
    shown(track, |payload| read(payload).is_some()).then_some(())?;
    let says = |name: &[u8]| {
        let mut packets = track.packets.iter().take(64);
        packets.any(|p| memchr::memmem::find(p.payload, name).is_some())
    };
    let codec = match track.encoding() {
        Some("VORBIS") => "vorbis",
        Some("THEORA") => "theora",
        _ if says(b"\x01vorbis") => "vorbis",
        _ if says(b"\x80theora") => "theora",
        _ => "xiph",
    };
    let reason = format!(
        "{} packets of Vorbis or Theora in clear, which name one configuration and are filled by what they hold behind its lengths",
        track.packets.len()
    );
    Some(Found::new(codec, Vec::new(), reason))
}

/// AC-3: frames begin with their syncword (RFC 4184 4.1.1).
pub(super) fn ac3(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["AC3", "EAC3"]) {
        return None;
    }
    let mut begins = 0;
    let fits = shown(track, |payload| match payload {
        [kind @ 0..=2, count, 0x0b, 0x77, ..] => {
            begins += 1;
            *count > 0 || *kind > 0
        }
        [3, _, _, ..] => true,
        _ => false,
    });
    if !fits || begins < FEWEST || begins * 2 < track.packets.len() {
        return None;
    }
    let frames = track.packets.iter().filter_map(|p| p.payload.get(2..));
    let octets = frames.flatten().copied().collect();
    let reason = format!("{begins} packets of AC-3 in clear, which begin with its syncword");
    let media = Elementary {
        format: Format::Other,
        octets,
    };
    Some(Found::new("ac3", vec![media], reason))
}

/// Samples of video: parts of lines behind their lengths, numbers and offsets, which
/// fill each packet (RFC 4175 4.3).
pub(super) fn raw(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["RAW"]) {
        return None;
    }
    // Ancillary data have the same form (RFC 8331), one part, and always one place.
    let (mut places, mut several) = (BTreeSet::new(), 0);
    let fits = shown(track, |payload| {
        let Some((place, parts)) = lines(payload) else {
            return false;
        };
        places.insert(place);
        several += usize::from(parts > 1);
        true
    });
    let fits = fits && (places.len() >= 6 || several >= FEWEST);
    let reason = format!(
        "{} packets of video as it is, filled by parts of lines as long as their headers say",
        track.packets.len()
    );
    fits.then(|| Found::new("raw", Vec::new(), reason))
}

/// Number and offset of the first part of a line, and how many such parts fill a
/// payload.
fn lines(payload: &[u8]) -> Option<((usize, usize), usize)> {
    let (heads, samples) = heads(payload)?;
    let places: Vec<_> = heads.iter().map(|head| (head.line, head.column)).collect();
    let octets: usize = heads.iter().map(|head| head.length).sum();
    let fits = heads.iter().all(|head| head.length > 0)
        && places.is_sorted_by(|a, b| a < b)
        && samples.len() == octets;
    let first = *places.first()?;
    fits.then_some((first, places.len()))
}

/// Whether nearly all packets are so.
fn shown(track: &Track<'_>, mut is_one: impl FnMut(&[u8]) -> bool) -> bool {
    let (mut all, mut read) = (0, 0);
    for packet in track.packets {
        all += 1;
        read += usize::from(is_one(packet.payload));
        if all >= 2 * FEWEST && read * 2 < all {
            return false;
        }
    }
    read >= FEWEST && read * 10 >= all * 9
}

#[cfg(test)]
mod tests {
    use super::super::{
        Codec,
        track::testing::{found, noise},
    };
    use super::*;

    fn packets(payload: impl Fn(u32) -> Vec<u8>) -> Vec<(u32, bool, Vec<u8>)> {
        (0..12).map(|n| (n * 900, false, payload(n))).collect()
    }

    /// Packets of the codec, and the same with an octet too many.
    fn tried(codec: Codec, payload: impl Fn(u32) -> Vec<u8>) -> [Option<&'static str>; 2] {
        let more = |n: u32| [payload(n), vec![0]].concat();
        [packets(&payload), packets(more)]
            .map(|packets| found(codec, 96, &packets).map(|found| found.codec))
    }

    #[test]
    fn what_fills_each_packet_is_found() {
        let vorbis = |n: u32| {
            let head = b"\x01vorbis".to_vec();
            [
                &[9, 8, 7, 2, 0, 7][..],
                &head,
                &[0, 40],
                &noise(n.into(), 40),
            ]
            .concat()
        };
        assert_eq!(tried(xiph, vorbis), [Some("vorbis"), None]);
        let line = |n: u8| [0, 60, 0, n, 0x80, 0];
        let video = |n: u32| {
            let last = [0, 60, 0, 200, 0, 0];
            [
                &[0, 0][..],
                &line(n as u8 % 100),
                &last,
                &noise(n.into(), 120),
            ]
            .concat()
        };
        assert_eq!(tried(raw, video), [Some("raw"), None]);
        let ancillary = |n: u32| [&[0, 0, 0, 28, 1, 0, 0, 0][..], &noise(n.into(), 28)].concat();
        assert_eq!(tried(raw, ancillary), [None, None]);
    }

    #[test]
    fn frames_of_ac3_begin_with_their_syncword() {
        let frame = |n: u32| [&[0, 1, 0x0b, 0x77][..], &noise(n.into(), 300)].concat();
        assert_eq!(tried(ac3, frame)[0], Some("ac3"));
        let other = |n: u32| [&[0, 1, 0x0b, 0x78][..], &noise(n.into(), 300)].concat();
        assert_eq!(tried(ac3, other)[0], None);
    }

    #[test]
    fn noise_is_none() {
        for codec in [xiph as Codec, ac3, raw] {
            assert_eq!(tried(codec, |n| noise(n.into(), 200)), [None, None]);
        }
    }
}

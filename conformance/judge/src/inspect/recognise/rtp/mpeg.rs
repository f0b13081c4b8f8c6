//! MPEG: transport streams and elementary streams (RFC 2250), MPEG-4 Visual (RFC
//! 6416), program streams (GB/T 28181), and what ONVIF sends beside.

use super::{Found, track::Track};
use crate::{
    decoder::{Elementary, Format},
    dissect::container,
    inspect::recognise::ts,
};

fn file(format: Format, octets: Vec<u8>) -> Vec<Elementary> {
    vec![Elementary { format, octets }]
}

fn concatenated(track: &Track<'_>, skip: usize) -> Vec<u8> {
    let payloads = track.packets.iter();
    let payloads = payloads.filter_map(|packet| packet.payload.get(skip..));
    payloads.flatten().copied().collect()
}

/// Transport stream (RFC 2250 2): whole packets of 188 octets.
pub(super) fn transport(track: &Track<'_>) -> Option<Found> {
    let is_one = |octets: &[u8]| {
        octets.len().is_multiple_of(188) && octets.chunks(188).all(|p| p.first() == Some(&0x47))
    };
    let read = track.packets.iter().filter(|p| is_one(p.payload)).count();
    if read * 20 < track.packets.len() * 19 {
        return None;
    }
    let octets = concatenated(track, 0);
    let survey = ts::survey(&octets);
    let reason = survey.media_in_clear()?;
    Some(Found::new("ts", file(Format::MpegTs, octets), reason))
}

/// Program stream: each access unit begins with a pack (ISO/IEC 13818-1 2.5.3.3).
pub(super) fn program(track: &Track<'_>) -> Option<Found> {
    const PACK: [u8; 4] = [0, 0, 1, 0xba];
    const PARTS: [u8; 4] = [0xbb, 0xbc, 0xe0, 0xc0];
    if !matches!(track.encoding(), None | Some("PS" | "MP2P" | "MPEG2PS")) {
        return None;
    }
    let (mut units, mut packs, mut parts) = (0, 0, 0);
    for (unit, _) in track.units() {
        units += 1;
        let first = unit.first()?.payload;
        let length = 14 + usize::from(first.get(13).copied().unwrap_or(0) & 7);
        if first.starts_with(&PACK) {
            packs += 1;
            parts += usize::from(first.get(length..).is_some_and(
                |rest| matches!(rest, [0, 0, 1, id, ..] if PARTS.contains(id) || id & 0xe0 == 0xc0),
            ));
        } else if first.starts_with(&[0, 0, 1, 0xc0]) || first.starts_with(&[0, 0, 1, 0xe0]) {
            packs += 1;
        }
    }
    if packs < 4 || packs * 2 < units || parts < 2 {
        return unaligned(track);
    }
    let reason = format!(
        "{packs} packs of a program stream in clear, {parts} with a header or a packet of media behind"
    );
    let octets = concatenated(track, 0);
    Some(Found::new("ps", file(Format::MpegPs, octets), reason))
}

/// A program stream that was cut anywhere, from its first pack on.
fn unaligned(track: &Track<'_>) -> Option<Found> {
    let begins = |octets: &[u8]| octets.starts_with(&[0, 0, 1, 0xba]);
    let first = track.packets.iter().position(|p| begins(p.payload))?;
    let packets = track.packets.get(first..)?;
    let octets = concatenated(&Track { packets, ..*track }, 0);
    let read = container::at_start(&octets).filter(|file| file.format == Format::MpegPs)?;
    // Nearly all that was sent is packets that lead to the next.
    if read.range.len() * 2 < octets.len() {
        return None;
    }
    let reason = format!("{} in clear", read.what);
    Some(Found::new("ps", file(Format::MpegPs, octets), reason))
}

/// MPEG-4 Visual (RFC 6416 5): packets of a picture begin with a start code.
pub(super) fn visual(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["MP4V-ES"]) {
        return None;
    }
    let (mut units, mut begins, mut pictures) = (0, 0, 0);
    for (unit, _) in track.units() {
        units += 1;
        let octets = unit.first()?.payload;
        let code = octets.strip_prefix(&[0, 0, 1]).and_then(<[u8]>::first);
        begins += usize::from(code.is_some_and(|c| matches!(c, 0..=0x2f | 0xb0..=0xb6)));
        pictures += usize::from(code == Some(&0xb6));
    }
    if begins < 4 || begins * 10 < units * 9 || pictures == 0 {
        return None;
    }
    let reason = format!("{begins} of {units} pictures begin with a start code of MPEG-4 Visual");
    let octets = concatenated(track, 0);
    Some(Found::new("mpeg4", file(Format::Mpeg4, octets), reason))
}

/// MPEG-1 and MPEG-2 video (RFC 2250 3.4).
pub(super) fn video(track: &Track<'_>) -> Option<Found> {
    if !track.is(&["MPV"], Some(32)) {
        return None;
    }
    let read = track.packets.iter().filter(|packet| {
        let payload = packet.payload;
        let Some(&[h0, _, h2, _]) = payload.first_chunk() else {
            return false;
        };
        let (extended, begins) = (h0 & 4 != 0, h2 & 0x10 != 0);
        let at = if extended { 8 } else { 4 };
        // 0 is forbidden, and is sent.
        let coded = h2 & 7 <= 4;
        let code = payload.get(at..at + 3) == Some(&[0, 0, 1]);
        h0 & 0xf8 == 0 && coded && (code || !begins)
    });
    let codes = track.packets.iter().filter(|packet| {
        packet.payload.get(4..7) == Some(&[0, 0, 1])
            || packet.payload.get(8..11) == Some(&[0, 0, 1])
    });
    let (read, codes) = (read.count(), codes.count());
    if codes < 4 || read * 10 < track.packets.len() * 9 {
        return None;
    }
    let extended = track
        .packets
        .iter()
        .any(|p| p.payload.first().is_some_and(|o| o & 4 != 0));
    let octets = concatenated(track, if extended { 8 } else { 4 });
    let reason = format!("{read} payloads of MPEG video in clear, {codes} with a start code");
    Some(Found::new("mpv", file(Format::MpegVideo, octets), reason))
}

/// MPEG audio (RFC 2250 3.5).
pub(super) fn audio(track: &Track<'_>) -> Option<Found> {
    if !track.is(&["MPA", "MPA-ROBUST"], Some(14)) {
        return None;
    }
    let starts = track.packets.iter().filter(|packet| {
        matches!(packet.payload, [0, 0, 0, 0, 0xff, second, third, ..]
            if second & 0xe0 == 0xe0 && second & 6 != 0 && third >> 4 != 15 && third & 12 != 12)
    });
    let starts = starts.count();
    let headed = track
        .packets
        .iter()
        .filter(|p| p.payload.starts_with(&[0, 0]));
    if starts < 4 || headed.count() != track.packets.len() {
        return None;
    }
    let octets = concatenated(track, 4);
    let reason = format!("{starts} frames of MPEG audio in clear, each with its header");
    Some(Found::new("mpa", file(Format::MpegAudio, octets), reason))
}

/// ONVIF metadata: XML (ONVIF Streaming 5.1.2.1.1).
pub(super) fn metadata(track: &Track<'_>) -> Option<Found> {
    let starts = track.packets.iter().filter(|packet| {
        let text = packet.payload.trim_ascii_start();
        text.starts_with(b"<?xml") || text.starts_with(b"<tt:MetadataStream")
    });
    let starts = starts.count();
    (starts >= 2).then(|| Found {
        is_media: false,
        ..Found::new(
            "onvif-metadata",
            Vec::new(),
            format!("{starts} documents of ONVIF metadata in clear"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::track::testing::{found, noise};
    use super::*;

    fn repeated(payloads: &[&[u8]]) -> Vec<(u32, bool, Vec<u8>)> {
        let times = (0..12_u32).flat_map(|n| payloads.iter().map(move |p| (n, p)));
        times
            .map(|(n, p)| (n * 3000, false, [p, &noise(n.into(), 60)[..]].concat()))
            .collect()
    }

    #[test]
    fn each_is_found_by_its_own_start_codes() {
        let pack = [
            0, 0, 1, 0xba, 0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xf8, 0, 0, 1, 0xbb, 0, 6,
        ];
        let visual_ = repeated(&[&[0, 0, 1, 0xb6, 0x10], &[9]]);
        let video_ = repeated(&[&[0, 0, 0x11, 0, 0, 0, 1, 1], &[0, 0, 1, 0, 7, 7]]);
        let audio_ = repeated(&[&[0, 0, 0, 0, 0xff, 0xfb, 0x90, 0]]);
        let codec = |f: Option<Found>| f.map(|found| found.codec);
        assert_eq!(
            codec(found(program, 96, &repeated(&[&pack, &[9]]))),
            Some("ps")
        );
        assert_eq!(codec(found(visual, 96, &visual_)), Some("mpeg4"));
        assert_eq!(codec(found(video, 32, &video_)), Some("mpv"));
        assert_eq!(codec(found(audio, 14, &audio_)), Some("mpa"));
        let xml = repeated(&[b"<?xml version=\"1.0\"?>"]);
        assert!(found(metadata, 107, &xml).is_some_and(|found| !found.is_media));
    }

    #[test]
    fn a_program_stream_may_be_cut_anywhere() {
        let pack = [0, 0, 1, 0xba, 0x44, 0, 4, 0, 4, 1, 0, 0, 3, 0xf8];
        let picture = |n: u64| [&[0, 0, 1, 0xe0, 0, 90, 0x80, 0, 0][..], &noise(n, 87)].concat();
        let stream: Vec<u8> = (0..9)
            .flat_map(|n| [&pack[..], &picture(n)].concat())
            .collect();
        let cut = |octets: &[u8]| {
            let cut = octets.chunks(77).zip(0_u32..);
            cut.map(|(part, n)| (n * 90, false, part.to_vec()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            found(program, 96, &cut(&stream)).map(|f| f.codec),
            Some("ps")
        );
        let mut scrambled = stream.clone();
        for packet in scrambled.chunks_mut(pack.len() + 96) {
            packet[pack.len() + 6] |= 0x10;
        }
        assert!(found(program, 96, &cut(&scrambled)).is_none());
        let few = [&stream[..220], &noise(3, 900)[..]].concat();
        assert!(found(program, 96, &cut(&few)).is_none());
    }

    #[test]
    fn noise_is_none() {
        let noise = repeated(&[&[]]);
        for (codec, payload_type) in [
            (transport as super::super::Codec, 33),
            (program, 96),
            (visual, 96),
            (video, 32),
            (audio, 14),
            (metadata, 96),
        ] {
            assert!(found(codec, payload_type, &noise).is_none());
        }
    }
}

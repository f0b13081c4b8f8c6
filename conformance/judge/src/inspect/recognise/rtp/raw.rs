//! Uncompressed video (RFC 4175) that a session description tells: each packet says of
//! which lines it brings how many octets, and these fill it.

use std::collections::BTreeMap;

use super::{Found, track::Track};
use crate::{
    decoder::{Elementary, Format},
    dissect::sdp,
};

/// Packets that have to be filled by what they say.
const MIN_PACKETS: usize = 10;
/// Pictures that are put together for the player, and samples of one.
const MOST_PICTURES: usize = 4;
const MOST_SAMPLES: usize = 1 << 23;
/// Lines of a packet.
const MOST_LINES: usize = 64;

/// What a description says of the samples (RFC 4175 6.1).
#[derive(Clone, Copy, Debug)]
struct Sampling {
    width: usize,
    height: usize,
    /// Octets of a group of samples, and columns that these cover.
    group: (usize, usize),
    /// Whether it can be shown: 4:2:2 of 8 bits.
    shown: bool,
}

impl Sampling {
    fn described(format: &sdp::Format) -> Option<Self> {
        let number = |name: &str| format.parameter(name)?.trim().parse::<usize>().ok();
        let (width, height) = (number("width")?, number("height")?);
        let sampling = format.parameter("sampling")?;
        let depth = number("depth")?;
        let group = match (sampling, depth) {
            ("YCbCr-4:2:2", 8) => (4, 2),
            ("YCbCr-4:2:2", 10) => (5, 2),
            ("YCbCr-4:2:0", 8) => (6, 2),
            ("YCbCr-4:4:4" | "RGB" | "BGR", 8) => (3, 1),
            ("RGBA" | "BGRA", 8) => (4, 1),
            ("YCbCr-4:4:4" | "RGB" | "BGR", 10) => (15, 4),
            _ => return None,
        };
        let fits = (1..1 << 15).contains(&width) && (1..1 << 15).contains(&height);
        (fits && width.saturating_mul(height) <= MOST_SAMPLES).then_some(Self {
            width,
            height,
            group,
            shown: (sampling, depth) == ("YCbCr-4:2:2", 8) && width % 2 == 0,
        })
    }
}

/// A part of a line: which, from which column on, and its samples.
struct Part<'a> {
    line: usize,
    column: usize,
    samples: &'a [u8],
}

/// What the header of a part of a line says (RFC 4175 4.2).
pub(super) struct Head {
    pub(super) length: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// The headers of a payload, and what is behind them.
pub(super) fn heads(payload: &[u8]) -> Option<(Vec<Head>, &[u8])> {
    let mut rest = payload.get(2..)?;
    let mut heads = Vec::new();
    loop {
        let (&[l1, l0, n1, n0, c1, c0], after) = rest.split_first_chunk()?;
        let number = |high: u8, low: u8| usize::from(high & 0x7f) << 8 | usize::from(low);
        heads.push(Head {
            length: usize::from(l1) << 8 | usize::from(l0),
            line: number(n1, n0),
            column: number(c1, c0),
        });
        rest = after;
        // C: another header follows.
        if c1 & 0x80 == 0 {
            return Some((heads, rest));
        }
    }
}

/// The parts that a payload says that it has, if they fill it and lie in the picture.
fn parts(payload: &[u8], sampling: Sampling) -> Option<Vec<Part<'_>>> {
    let (heads, mut rest) = heads(payload)?;
    if heads.len() > MOST_LINES {
        return None;
    }
    let (octets, columns) = sampling.group;
    let mut parts = Vec::new();
    for head in heads {
        let Head {
            length,
            line,
            column,
        } = head;
        let (samples, after) = rest.split_at_checked(length)?;
        let end = column + length / octets * columns;
        let fits = length > 0 && length % octets == 0 && line < sampling.height;
        if !fits || column % columns != 0 || end > sampling.width {
            return None;
        }
        parts.push(Part {
            line,
            column,
            samples,
        });
        rest = after;
    }
    rest.is_empty().then_some(parts)
}

pub(super) fn raw(track: &Track<'_>) -> Option<Found> {
    if track.encoding() != Some("RAW") {
        return None;
    }
    let sampling = Sampling::described(track.described?)?;
    let mut read = 0;
    let mut pictures: BTreeMap<u32, (usize, Vec<u8>)> = BTreeMap::new();
    for (seen, packet) in (1..).zip(track.packets) {
        let Some(parts) = parts(packet.payload, sampling) else {
            if seen > MIN_PACKETS && read * 10 < seen * 9 {
                return None;
            }
            continue;
        };
        read += 1;
        let is_new = !pictures.contains_key(&packet.timestamp);
        if !sampling.shown || is_new && pictures.len() > MOST_PICTURES {
            continue;
        }
        let (octets, columns) = sampling.group;
        let line = sampling.width / columns * octets;
        let (filled, picture) = pictures
            .entry(packet.timestamp)
            .or_insert_with(|| (0, vec![0; line * sampling.height]));
        for part in parts {
            let at = part.line * line + part.column / columns * octets;
            if let Some(place) = picture.get_mut(at..at + part.samples.len()) {
                place.copy_from_slice(part.samples);
                *filled += part.samples.len();
            }
        }
    }
    if read < MIN_PACKETS || read * 10 < track.packets.len() * 9 {
        return None;
    }
    let whole = pictures.into_values();
    let whole = whole.filter(|(filled, picture)| *filled == picture.len());
    let pictures: Vec<Vec<u8>> = whole.map(|(_, picture)| picture).collect();
    let reason = format!(
        "{read} packets of uncompressed video in clear, whose headers say just how many octets of which lines of {}x{} they bring",
        sampling.width, sampling.height
    );
    let media = match pictures.is_empty() {
        true => Vec::new(),
        false => vec![Elementary {
            format: Format::Other,
            octets: yuv4mpeg(sampling, &pictures),
        }],
    };
    Some(Found::new("raw", media, reason))
}

/// Pictures of 4:2:2 in planes (MJPEG tools, yuv4mpeg(5)).
fn yuv4mpeg(sampling: Sampling, pictures: &[Vec<u8>]) -> Vec<u8> {
    let (width, height) = (sampling.width, sampling.height);
    let mut file = format!("YUV4MPEG2 W{width} H{height} F25:1 Ip A1:1 C422\n").into_bytes();
    for picture in pictures {
        file.extend(b"FRAME\n");
        // Cb Y Cr Y.
        for (first, step) in [(1, 2), (0, 4), (2, 4)] {
            file.extend(picture.iter().skip(first).step_by(step));
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::track::testing::packets;
    use super::*;

    const SDP: &str = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 raw/90000\r\n\
        a=fmtp:96 sampling=YCbCr-4:2:2; width=16; height=4; depth=8; colorimetry=BT601-5\r\n";

    fn described(text: &str) -> sdp::Format {
        let mut sdp = sdp::Sdp::parse(text.as_bytes()).unwrap();
        sdp.media.remove(0).formats.remove(0)
    }

    /// Pictures of 16 by 4, each in two packets of two lines.
    fn video() -> Vec<(u32, bool, Vec<u8>)> {
        let mut payloads = Vec::new();
        for n in 0..12_u32 {
            let line = (n % 2 * 2) as u8;
            let mut payload = vec![0, 0, 0, 32, 0, line, 0x80, 0, 0, 32, 0, line + 1, 0, 0];
            payload.extend([[128_u8, 16 + n as u8, 127, 200]; 16].concat());
            payloads.push((n / 2 * 3000, n % 2 == 1, payload));
        }
        payloads
    }

    fn found(payloads: &[(u32, bool, Vec<u8>)], sdp: &str) -> Option<Found> {
        let packets = packets(96, payloads);
        raw(&Track {
            packets: &packets,
            described: Some(&described(sdp)),
        })
    }

    #[test]
    fn lines_that_fill_their_packets_are_pictures() {
        let found = found(&video(), SDP).unwrap();
        let file = &found.media[0].octets;
        let head = b"YUV4MPEG2 W16 H4 F25:1 Ip A1:1 C422\nFRAME\n";
        assert!(file.starts_with(head));
        let picture = &file[head.len()..];
        assert_eq!(picture[..4], [16, 200, 16, 200]);
        assert_eq!(picture[2 * 16..2 * 16 + 2], [17, 200]);
        assert_eq!(picture[4 * 16..4 * 16 + 32], [128; 32]);
        assert_eq!(picture[4 * 16 + 32..4 * 16 + 64], [127; 32]);
    }

    #[test]
    fn others_are_none() {
        let mut tagged = video();
        tagged.iter_mut().for_each(|(.., payload)| payload.push(0));
        assert!(found(&tagged, SDP).is_none());
        assert!(found(&video(), &SDP.replace("height=4", "height=3")).is_none());
        assert!(found(&video(), &SDP.replace("raw", "H264")).is_none());
        assert!(super::super::track::testing::found(raw, 96, &video()).is_none());
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..60)) {
            let payloads = vec![(0, false, octets); 12];
            let _ = found(&payloads, SDP);
        }
    }
}

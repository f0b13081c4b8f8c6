//! Sound that is sent frame by frame: ADTS (ISO/IEC 14496-3 1.A.3.2), MPEG audio
//! (ISO/IEC 11172-3 2.4.1.3), Ogg (RFC 3533).

use super::{File, Surety};
use crate::decoder::Format;

/// Frames in a row that show sound: chance makes none of half that many.
const CHAIN: usize = 8;
/// The same, where sound may begin anywhere, and octets that may lie between parts of it.
const CHAIN_WITHIN: usize = 24;
const BETWEEN: usize = 8192;

/// What pages of Ogg begin with, and how long they are at most (RFC 3533 6).
const OGG: &[u8] = b"OggS\0";
const LONGEST_PAGE: usize = 27 + 255 + 255 * 255 + 4;
/// Pages in a row that show a stream that was joined, and places where they may begin.
const OGG_PAGES: usize = 3;
const OGG_TRIALS: usize = 16;

/// Frames of ADTS.
pub fn adts(octets: &[u8], from: usize) -> Option<File> {
    adts_frames(octets, from).map(|(_, file)| file)
}

/// The same, and how many.
fn adts_frames(octets: &[u8], from: usize) -> Option<(usize, File)> {
    let (frames, end) = chain(octets, from, |octets| {
        let [0xff, s, f, c, l1, l0, ..] = *octets else {
            return None;
        };
        let length = usize::from(c & 3) << 11 | usize::from(l1) << 3 | usize::from(l0 >> 5);
        let fits = s & 0xf6 == 0xf0 && f >> 2 & 15 < 13 && length > 7;
        // What all frames of a stream have in common (1.A.2.2.1).
        fits.then_some((length, [s, f & 0xfd, c & 0xc0]))
    })?;
    let what = format!("AAC sound of {frames} frames in ADTS");
    let file = File::new("aac", Format::Adts, from..end, what, Surety::Shown);
    Some((frames, file))
}

/// Frames of MPEG audio, layers I to III.
pub fn mpeg(octets: &[u8], from: usize) -> Option<File> {
    mpeg_frames(octets, from).map(|(_, file)| file)
}

/// The same, and how many.
fn mpeg_frames(octets: &[u8], from: usize) -> Option<(usize, File)> {
    let begin = from + id3(octets.get(from..)?);
    let (frames, end) = chain(octets, begin, |octets| {
        let [0xff, version, rates, mode, ..] = *octets else {
            return None;
        };
        let length = frame_length(version, rates)?;
        Some((
            length,
            [
                version & 0xfe,
                rates & 0x0c,
                mode & 0xc0 & if mode & 0x80 == 0 { 0 } else { 0xc0 },
            ],
        ))
    })?;
    let what = format!("MPEG sound of {frames} frames");
    let file = File::new("mp3", Format::MpegAudio, from..end, what, Surety::Shown);
    Some((frames, file))
}

/// A long chain of frames anywhere, or several with little between them: titles, or what
/// was lost.
pub fn within(octets: &[u8]) -> Option<File> {
    let mut at = 0;
    let mut chained: Option<(usize, File)> = None;
    while let Some(next) = octets.get(at..).and_then(|rest| memchr::memchr(0xff, rest)) {
        at += next;
        let is_over = |(_, file): &(usize, File)| at > file.range.end + BETWEEN;
        if chained.as_ref().is_some_and(is_over) {
            if chained.as_ref().is_some_and(is_long) {
                break;
            }
            chained = None;
        }
        let second = octets.get(at + 1).copied().unwrap_or(0);
        if second & 0xe0 == 0xe0 {
            let found = adts_frames(octets, at).or_else(|| match second & 6 {
                0 => None,
                _ => mpeg_frames(octets, at),
            });
            if let Some((frames, file)) = found {
                at = file.range.end.max(at + 1);
                chained = Some(match chained.take() {
                    Some((before, begun)) if begun.format == file.format => {
                        let all = before + frames;
                        let what =
                            format!("{} sound of {all} frames in several parts", sound(&file));
                        let range = begun.range.start..file.range.end;
                        (
                            all,
                            File {
                                what,
                                range,
                                ..file
                            },
                        )
                    }
                    _ => (frames, file),
                });
                continue;
            }
        }
        at += 1;
    }
    chained.filter(is_long).map(|(_, file)| file)
}

fn is_long((frames, _): &(usize, File)) -> bool {
    *frames >= CHAIN_WITHIN
}

fn sound(file: &File) -> &'static str {
    match file.format {
        Format::Adts => "AAC",
        _ => "MPEG",
    }
}

/// How many frames follow each other, each with what the first has, and where they
/// end. The last may be cut.
fn chain(
    octets: &[u8],
    from: usize,
    read: impl Fn(&[u8]) -> Option<(usize, [u8; 3])>,
) -> Option<(usize, usize)> {
    let (mut at, mut frames) = (from, 0);
    let mut common = None;
    while let Some(rest) = octets.get(at..) {
        let Some((length, mine)) = read(rest) else {
            break;
        };
        if *common.get_or_insert(mine) != mine {
            break;
        }
        (at, frames) = (at + length, frames + 1);
    }
    let whole = at >= octets.len();
    let enough = frames >= CHAIN || (whole && from == 0 && frames >= 4);
    enough.then_some((frames, at.min(octets.len())))
}

/// Octets of a frame.
fn frame_length(version: u8, rates: u8) -> Option<usize> {
    const RATES: [u32; 3] = [44_100, 48_000, 32_000];
    const V1: [[u32; 15]; 3] = [
        [
            0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448,
        ],
        [
            0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384,
        ],
        [
            0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
        ],
    ];
    const V2: [[u32; 15]; 2] = [
        [
            0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256,
        ],
        [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    (version & 0xe0 == 0xe0).then_some(())?;
    let layer = match version >> 1 & 3 {
        3 => 0_usize,
        2 => 1,
        1 => 2,
        _ => return None,
    };
    let rate = *RATES.get(usize::from(rates >> 2 & 3))?;
    let index = usize::from(rates >> 4);
    let (rate, kilobits) = match version >> 3 & 3 {
        3 => (rate, *V1.get(layer)?.get(index)?),
        2 => (rate / 2, *V2.get(layer.min(1))?.get(index)?),
        0 => (rate / 4, *V2.get(layer.min(1))?.get(index)?),
        _ => return None,
    };
    (kilobits > 0).then_some(())?;
    let padding = u32::from(rates >> 1 & 1);
    let length = match layer {
        0 => (12_000 * kilobits / rate + padding) * 4,
        2 if version >> 3 & 3 != 3 => 72_000 * kilobits / rate + padding,
        _ => 144_000 * kilobits / rate + padding,
    };
    Some(length as usize)
}

/// Octets of a tag before the sound (ID3v2 3.1).
fn id3(octets: &[u8]) -> usize {
    match octets {
        [b'I', b'D', b'3', 2..=4, _, _, a, b, c, d, ..] if (a | b | c | d) & 0x80 == 0 => {
            let size = [a, b, c, d]
                .iter()
                .fold(0, |size, octet| size << 7 | usize::from(**octet));
            10 + size
        }
        _ => 0,
    }
}

/// Pages of Ogg, of which the first fits its checksum (RFC 3533 6).
pub fn ogg(octets: &[u8]) -> Option<File> {
    ogg_page(octets)?;
    let (format, all) = (Format::Ogg, 0..octets.len());
    Some(File::new(
        "ogg",
        format,
        all,
        "an Ogg stream",
        Surety::Shown,
    ))
}

/// Pages of Ogg without those that begin the stream, one behind the other, from soon
/// after the first octet on: no page is longer than that.
pub fn ogg_joined(octets: &[u8]) -> Option<File> {
    let searched = octets.get(..octets.len().min(LONGEST_PAGE))?;
    let starts = memchr::memmem::find_iter(searched, OGG).take(OGG_TRIALS);
    starts.into_iter().find_map(|start| {
        let (mut at, mut pages) = (start, 0);
        while let Some(length) = octets.get(at..).and_then(ogg_page) {
            (at, pages) = (at + length, pages + 1);
        }
        (pages >= OGG_PAGES).then(|| {
            let what = format!("an Ogg stream, {pages} pages whose checksums fit");
            File::new("ogg", Format::Ogg, start..at, what, Surety::Shown)
        })
    })
}

/// How long the page is that some octets begin with, if it fits its checksum.
fn ogg_page(octets: &[u8]) -> Option<usize> {
    let head: &[u8; 27] = octets.first_chunk()?;
    head.starts_with(OGG).then_some(())?;
    let segments = octets.get(27..27 + usize::from(head[26]))?;
    let body = segments
        .iter()
        .map(|length| usize::from(*length))
        .sum::<usize>();
    let page = octets.get(..27 + segments.len() + body)?;
    let told = u32::from_le_bytes([head[22], head[23], head[24], head[25]]);
    let zeroed = page.iter().enumerate().map(|(at, octet)| match at {
        22..26 => 0,
        _ => *octet,
    });
    let sum = zeroed.fold(0_u32, |sum, octet| {
        (0..8).fold(sum ^ u32::from(octet) << 24, |sum, _| match sum >> 31 {
            0 => sum << 1,
            _ => sum << 1 ^ 0x04c1_1db7,
        })
    });
    (sum == told).then_some(page.len())
}

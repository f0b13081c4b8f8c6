//! ISO base media (ISO/IEC 14496-12), whole, in fragments, or with its description
//! missing.

use std::ops::Range;

use super::{File, Surety};
use crate::{
    decoder::Format,
    dissect::{
        h264::{self, IDR_SLICE, SLICE},
        mp4::{self, Movie},
    },
};

/// Boxes that a file or a segment begins with.
const FIRST: [&[u8; 4]; 8] = [
    b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"emsg", b"prft", b"mdat",
];
/// Sample entries of encrypted samples (ISO/IEC 14496-12 8.12, and Apple's).
const ENCRYPTED: [&[u8; 4]; 4] = [b"encv", b"enca", b"drmi", b"drms"];
/// Boxes that tell how samples of a fragment are encrypted (ISO/IEC 23001-7).
const AUXILIARY: [&[u8; 4]; 2] = [b"senc", b"saiz"];

/// The uuid of a box with the same in Smooth Streaming (PIFF 1.1).
const PIFF: [u8; 16] = [
    0xa2, 0x39, 0x4f, 0x52, 0x5a, 0x9b, 0x4f, 0x14, 0xa2, 0x44, 0x6c, 0x42, 0x7c, 0x64, 0x8d, 0xf4,
];

/// Kind of a box, and where it lies.
type Span = ([u8; 4], Range<usize>);

/// A file or a segment.
pub fn file(octets: &[u8]) -> Option<File> {
    let kind = octets.get(4..8)?;
    FIRST.iter().any(|first| kind == *first).then_some(())?;
    let (boxes, end) = top_level(octets)?;
    let has = |kind: &[u8; 4]| boxes.iter().any(|(k, _)| k == kind);
    let is_image = octets.get(8..12).is_some_and(|brand| {
        [b"avif", b"heic", b"heix", b"mif1", b"avis"]
            .iter()
            .any(|b| brand == *b)
    });
    if has(b"ftyp") && is_image && has(b"meta") && has(b"mdat") {
        let what = "a picture in ISO base media (AVIF or HEIF)";
        return Some(File::new(
            "heif",
            Format::Other,
            0..end,
            what,
            Surety::Possible,
        ));
    }
    let described = has(b"moov");
    let fragmented = has(b"moof");
    let has_data = has(b"mdat");
    (described || fragmented || (has(b"ftyp") && has_data)).then_some(())?;
    let head = boxes.iter().filter(|(kind, _)| kind != b"mdat");
    let mentions = |words: &[&[u8; 4]]| {
        head.clone().any(|(_, range)| {
            let octets = octets.get(range.clone()).unwrap_or_default();
            words
                .iter()
                .any(|word| memchr::memmem::find(octets, *word).is_some())
        })
    };
    let movie = mp4::dissect(octets.get(..end)?);
    let samples: usize = movie.tracks.iter().map(|track| track.samples.len()).sum();
    let is_piff = head.clone().any(|(_, range)| {
        let octets = octets.get(range.clone()).unwrap_or_default();
        memchr::memmem::find(octets, &PIFF).is_some()
    });
    if mentions(&ENCRYPTED) || mentions(&AUXILIARY) || is_piff {
        let what = "ISO base media whose samples are encrypted (ISO/IEC 23001-7)";
        return Some(File::new(
            "mp4",
            Format::Mp4,
            0..end,
            what,
            Surety::Encrypted,
        ));
    }
    let (surety, what) = match (described, samples) {
        (true, 1..) => {
            let sound = movie.tracks.iter().any(|t| t.handler.0 == *b"soun");
            let video = movie.tracks.iter().any(|t| t.handler.0 == *b"vide");
            (video || sound).then_some(())?;
            // Of other codecs a player tells.
            let surety = match is_clear(octets, &movie) {
                Some(true) => Surety::Shown,
                _ => Surety::Possible,
            };
            (surety, format!("an MP4 file with {samples} samples"))
        }
        (true, 0)
            if !movie.tracks.is_empty()
                && movie
                    .tracks
                    .iter()
                    .any(|t| t.handler.0 == *b"vide" || t.handler.0 == *b"soun") =>
        {
            (
                // It shows what would follow, and nothing of it.
                Surety::Possible,
                format!(
                    "the description of an MP4 file of {} tracks",
                    movie.tracks.len()
                ),
            )
        }
        (false, _) if fragmented && has_data && fragments_fit(octets, &boxes) => {
            // Nothing need say that samples are encrypted (ISO/IEC 23001-7, cbcs).
            let surety = match super::video::has_long_chains(octets) {
                true => Surety::Shown,
                false => Surety::Possible,
            };
            (surety, "fragments of an MP4 file".to_owned())
        }
        (false, _) if !fragmented && super::video::has_long_chains(octets) => (
            Surety::Shown,
            "an MP4 file without its description, with NAL units behind their lengths".to_owned(),
        ),
        _ => (
            Surety::Possible,
            "what may be an MP4 file, its description missing".to_owned(),
        ),
    };
    Some(File::new("mp4", Format::Mp4, 0..end, what, surety))
}

/// Boxes one after the other, of which the last may be cut, and where they end.
fn top_level(octets: &[u8]) -> Option<(Vec<Span>, usize)> {
    let mut boxes = Vec::new();
    let mut at = 0;
    while at < octets.len() && boxes.len() < 4096 {
        let Some((kind, size)) = head(octets, at) else {
            break;
        };
        let end = at.saturating_add(size).min(octets.len());
        boxes.push((kind, at..end));
        at = end;
    }
    (!boxes.is_empty()).then_some((boxes, at))
}

/// Kind and size of the box at `at` (4.2).
fn head(octets: &[u8], at: usize) -> Option<([u8; 4], usize)> {
    let rest = octets.get(at..)?;
    let size = u32::from_be_bytes(*rest.first_chunk()?);
    let kind: [u8; 4] = *rest.get(4..)?.first_chunk()?;
    let size = match size {
        0 => rest.len(),
        1 => usize::try_from(u64::from_be_bytes(*rest.get(8..)?.first_chunk()?)).ok()?,
        size => size as usize,
    };
    let is_known = FIRST.iter().any(|first| kind == **first)
        || [
            b"free", b"skip", b"wide", b"uuid", b"mfra", b"meta", b"pdin", b"udta", b"ssix",
        ]
        .iter()
        .any(|known| kind == **known);
    (size >= 8 && is_known).then_some((kind, size))
}

/// Whether samples of H.264 hold NAL units; `None` if there are none of H.264.
fn is_clear(file: &[u8], movie: &Movie) -> Option<bool> {
    let track = movie.tracks.iter().find(|track| track.is_h264())?;
    let units = track.nal_units.iter().take(64);
    let units = units.filter_map(|range| file.get(range.clone()));
    let slices: Vec<_> = units
        .filter(|nal| matches!(h264::nal_unit_type(nal), SLICE | IDR_SLICE))
        .collect();
    if track.samples.is_empty() {
        return None;
    }
    let plausible = slices.iter().filter(|nal| h264::is_plausible(nal)).count();
    Some(!slices.is_empty() && plausible == slices.len())
}

/// Whether sizes that the runs of each fragment tell fit its data (8.8.8).
fn fragments_fit(octets: &[u8], boxes: &[Span]) -> bool {
    let mut pairs = boxes.windows(2).filter_map(|pair| match pair {
        [(first, moof), (second, mdat)] if first == b"moof" && second == b"mdat" => {
            Some((moof.clone(), mdat.clone()))
        }
        _ => None,
    });
    pairs.any(|(moof, mdat)| {
        let size = head(octets, mdat.start).map_or(0, |(_, size)| size);
        let told = octets.get(moof).and_then(sizes).unwrap_or(0);
        // Without sizes of their own, samples have the track's.
        told > 0 && told + 8 <= size && size <= told + 16
    })
}

/// Octets of all samples that the runs of a fragment describe.
fn sizes(moof: &[u8]) -> Option<usize> {
    let mut total = 0_usize;
    for at in memchr::memmem::find_iter(moof, b"trun").take(64) {
        let flags = u32::from_be_bytes(*moof.get(at + 4..)?.first_chunk()?) & 0xff_ffff;
        let count = u32::from_be_bytes(*moof.get(at + 8..)?.first_chunk()?) as usize;
        let mut from = at + 12;
        from += 4 * ((flags & 1) + (flags >> 2 & 1)) as usize;
        let before = 4 * (flags >> 8 & 1) as usize;
        let width =
            before + 4 * ((flags >> 9 & 1) + (flags >> 10 & 1) + (flags >> 11 & 1)) as usize;
        if flags >> 9 & 1 == 0 {
            return None;
        }
        for _ in 0..count.min(1 << 16) {
            let size = u32::from_be_bytes(*moof.get(from + before..)?.first_chunk()?);
            total = total.checked_add(size as usize)?;
            from += width;
        }
    }
    Some(total)
}

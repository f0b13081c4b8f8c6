//! RIFF: WebP (RFC 9649), AVI and WAVE.

use super::{File, Surety};
use crate::decoder::Format;

/// The longest side that VP8 knows.
const LONGEST: u16 = 0x3fff;

/// A file whose chunks lead from one to the next.
pub fn file(octets: &[u8]) -> Option<File> {
    octets.starts_with(b"RIFF").then_some(())?;
    let size = u32::from_le_bytes(*octets.get(4..)?.first_chunk()?) as usize;
    let end = size.saturating_add(8).min(octets.len());
    let file = octets.get(..end)?;
    let cut = if end < size + 8 { ", cut" } else { "" };
    match octets.get(8..12)? {
        b"WEBP" => {
            let (width, height) = webp(file)?;
            let what = format!("a WebP picture of {width} by {height} samples{cut}");
            Some(File::new("webp", Format::WebP, 0..end, what, Surety::Shown))
        }
        b"AVI " => {
            let (list, _) = chunk(file, 12)?;
            let header = file.get(20..24)?;
            let main = file.get(24..28)?;
            (list == b"LIST" && header == b"hdrl" && main == b"avih").then_some(())?;
            memchr::memmem::find(file, b"movi")?;
            let what = format!("an AVI file{cut}");
            Some(File::new(
                "avi",
                Format::Other,
                0..octets.len(),
                what,
                Surety::Shown,
            ))
        }
        b"WAVE" => {
            let mut at = 12;
            let mut format = None;
            for _ in 0..16 {
                let (kind, body) = chunk(file, at)?;
                match kind {
                    b"fmt " => format = Some(wave_format(body)?),
                    b"data" => {
                        let (channels, rate) = format?;
                        let what = format!("WAVE sound of {channels} channels at {rate} Hz{cut}");
                        // Streams don't know how long they get.
                        let all = 0..octets.len();
                        return Some(File::new("wav", Format::Wav, all, what, Surety::Shown));
                    }
                    _ => {}
                }
                at += 8 + length(file, at)?.next_multiple_of(2);
            }
            None
        }
        _ => None,
    }
}

fn length(file: &[u8], at: usize) -> Option<usize> {
    let length = u32::from_le_bytes(*file.get(at + 4..)?.first_chunk()?);
    Some(length as usize)
}

/// The kind of a chunk, and what there is of its body.
fn chunk(file: &[u8], at: usize) -> Option<(&[u8], &[u8])> {
    let body = file.get(at + 8..)?;
    let kind = file.get(at..at + 4)?;
    Some((kind, &body[..body.len().min(length(file, at)?)]))
}

/// Columns and rows.
fn webp(file: &[u8]) -> Option<(u32, u32)> {
    let (kind, body) = chunk(file, 12)?;
    // 2.3 to 2.5: all of it fits into the file.
    let size = length(file, 12)?;
    let whole = u32::from_le_bytes(*file.get(4..)?.first_chunk()?) as usize;
    (size + 12 <= whole).then_some(())?;
    match kind {
        b"VP8 " => vp8(body, size),
        b"VP8L" => vp8l(body),
        b"VP8X" => {
            let [flags, 0, 0, 0, w0, w1, w2, h0, h1, h2] = *body else {
                return None;
            };
            (flags & 0xc1 == 0).then_some(())?;
            // Its canvas is of some kind of frame that follows.
            let mut at = 12 + 18;
            for _ in 0..8 {
                let Some((kind, inner)) = chunk(file, at) else {
                    break;
                };
                let fits = match kind {
                    b"VP8 " => vp8(inner, length(file, at)?).is_some(),
                    b"VP8L" => vp8l(inner).is_some(),
                    b"ANIM" | b"ANMF" => true,
                    b"ICCP" | b"ALPH" | b"EXIF" | b"XMP " => {
                        at += 8 + length(file, at)?.next_multiple_of(2);
                        continue;
                    }
                    _ => false,
                };
                let side = |a, b, c| u32::from_le_bytes([a, b, c, 0]) + 1;
                return fits.then(|| (side(w0, w1, w2), side(h0, h1, h2)));
            }
            None
        }
        _ => None,
    }
}

/// RFC 6386 9.1: a key frame.
fn vp8(body: &[u8], size: usize) -> Option<(u32, u32)> {
    let [t0, t1, t2, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = *body else {
        return None;
    };
    let tag = u32::from_le_bytes([t0, t1, t2, 0]);
    let partition = (tag >> 5) as usize;
    let fits = tag & 1 == 0 && tag >> 1 & 7 <= 3 && partition > 0 && partition + 10 <= size;
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & LONGEST);
    let (width, height) = (side(w0, w1), side(h0, h1));
    (fits && width > 0 && height > 0).then_some((width, height))
}

/// RFC 9649 3.4.
fn vp8l(body: &[u8]) -> Option<(u32, u32)> {
    let [0x2f, rest @ ..] = body else {
        return None;
    };
    let bits = u32::from_le_bytes(*rest.first_chunk()?);
    let version = bits >> 29;
    (version == 0).then_some((((bits & 0x3fff) + 1), ((bits >> 14 & 0x3fff) + 1)))
}

/// Channels and samples per second.
fn wave_format(body: &[u8]) -> Option<(u16, u32)> {
    let tag = u16::from_le_bytes(*body.first_chunk()?);
    let channels = u16::from_le_bytes(*body.get(2..)?.first_chunk()?);
    let rate = u32::from_le_bytes(*body.get(4..)?.first_chunk()?);
    let fits = tag != 0 && (1..=16).contains(&channels) && (4000..=384_000).contains(&rate);
    fits.then_some((channels, rate))
}

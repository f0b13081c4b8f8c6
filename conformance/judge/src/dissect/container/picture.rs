//! JPEG (ITU-T T.81) and PNG (W3C, third edition).

use std::io::Read;

use flate2::{Crc, read::ZlibDecoder};

use super::{File, Surety};
use crate::{
    decoder::Format,
    dissect::jpeg::{
        self,
        scan::{self, End},
        typical,
    },
};

/// Longest side of a picture that is believed.
const LONGEST: u32 = 32_768;
/// Octets of a scan after which escaped 0xff have to have come, and how many.
const SCANNED: usize = 2048;
const ESCAPED: usize = 8;

/// A picture whose first scan a decoder reads, whole or not.
pub fn jpeg(octets: &[u8]) -> Option<File> {
    octets.starts_with(&[0xff, 0xd8, 0xff]).then_some(())?;
    let picture = jpeg::at(octets, 0)?;
    let file = octets.get(picture.range.clone())?;
    // Only the end of the octets cuts a scan; anything else that ends it breaks it.
    let ends = picture.whole || picture.range.end == octets.len();
    let scan = scan::first(file).map(|scan| match scan.end {
        End::Cut if !ends => scan::Scan {
            end: End::Broken,
            ..scan
        },
        _ => scan,
    });
    let (surety, how) = match scan {
        Some(scan) if scan.is_shown() => {
            let blocks = scan.blocks;
            (Surety::Shown, format!(", {blocks} blocks of it read"))
        }
        // A short beginning: a player may tell.
        Some(scan) if scan.end == End::Cut => (Surety::Possible, String::new()),
        Some(_) => return None,
        None if is_escaped(file) => (Surety::Possible, String::new()),
        None => return None,
    };
    let whole = match picture.whole {
        true => "",
        false => ", cut",
    };
    let played = typical::inserted(file);
    let bare = match played {
        Some(_) => " without tables of codes, read with the typical ones (ITU-T T.81 K.3)",
        None => "",
    };
    let what = format!(
        "a JPEG picture of {} by {} samples{whole}{bare}{how}",
        picture.width, picture.height
    );
    Some(File {
        played,
        ..File::new("jpeg", Format::Jpeg, picture.range, what, surety)
    })
}

/// Whether what follows the headers escapes 0xff as entropy-coded data do (B.1.1.5).
fn is_escaped(file: &[u8]) -> bool {
    let scan = memchr::memmem::rfind(file, &[0xff, 0xda]).and_then(|at| file.get(at + 2..));
    let Some(scan) = scan.filter(|scan| scan.len() >= SCANNED) else {
        return false;
    };
    memchr::memmem::find_iter(scan, &[0xff, 0])
        .nth(ESCAPED - 1)
        .is_some()
}

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A picture whose header has its checksum (5.3), and whose first rows are filtered
/// in ways that there are (9.2).
pub fn png(octets: &[u8]) -> Option<File> {
    let mut at = SIGNATURE.len();
    octets.starts_with(SIGNATURE).then_some(())?;
    let mut header: Option<(u32, u32, usize)> = None;
    let mut data = Vec::new();
    let mut whole = false;
    while let Some((length, kind)) = chunk(octets, at) {
        let body = octets.get(at + 8..).unwrap_or_default();
        let body = &body[..body.len().min(length)];
        let end = at + 12 + length;
        match kind {
            b"IHDR" => {
                let covered = octets.get(at + 4..at + 8 + 13)?;
                let sum = octets.get(at + 21..)?.first_chunk().copied()?;
                let mut crc = Crc::new();
                crc.update(covered);
                (crc.sum() == u32::from_be_bytes(sum)).then_some(())?;
                header = Some(ihdr(body)?);
            }
            b"IDAT" if data.len() < SCANNED * 8 => data.extend(body),
            _ if header.is_none() => return None,
            _ => {}
        }
        whole = kind == b"IEND" && end <= octets.len();
        at = end.min(octets.len());
        if whole || end >= octets.len() {
            break;
        }
    }
    let (width, height, row) = header?;
    let rows = filtered_rows(&data, row, height as usize)?;
    let cut = if whole { "" } else { ", cut" };
    let what = format!("a PNG picture of {width} by {height} samples{cut}, {rows} rows of it read");
    Some(File::new("png", Format::Png, 0..at, what, Surety::Shown))
}

fn chunk(octets: &[u8], at: usize) -> Option<(usize, &[u8])> {
    let length = u32::from_be_bytes(*octets.get(at..)?.first_chunk()?);
    let kind = octets.get(at + 4..at + 8)?;
    let fits = length < 1 << 31 && kind.iter().all(u8::is_ascii_alphabetic);
    fits.then_some((length as usize, kind))
}

/// Columns, rows, and octets of a row (11.2.1).
fn ihdr(body: &[u8]) -> Option<(u32, u32, usize)> {
    let width = u32::from_be_bytes(*body.first_chunk()?);
    let height = u32::from_be_bytes(*body.get(4..)?.first_chunk()?);
    let [depth, colour, 0, 0, interlaced] = *body.get(8..13)? else {
        return None;
    };
    let channels = match colour {
        0 | 3 => 1,
        2 => 3,
        4 => 2,
        6 => 4,
        _ => return None,
    };
    let fits = (1..=LONGEST).contains(&width) && (1..=LONGEST).contains(&height);
    let row = match interlaced {
        0 => (width as usize * channels * usize::from(depth)).div_ceil(8) + 1,
        // The first pass has every eighth column.
        _ => ((width as usize).div_ceil(8) * channels * usize::from(depth)).div_ceil(8) + 1,
    };
    (fits && depth <= 16).then_some((width, height, row))
}

/// How many rows there are of compressed data; `None` if they are none.
fn filtered_rows(data: &[u8], row: usize, height: usize) -> Option<usize> {
    let mut rows = Vec::new();
    // Data that are cut end in an error, after what could be read.
    let limit = (row * 64).min(1 << 20) as u64;
    let _ = ZlibDecoder::new(data).take(limit).read_to_end(&mut rows);
    let filters = rows.chunks(row).take(height.min(8));
    let good = filters
        .clone()
        .all(|row| row.first().is_some_and(|f| *f <= 4));
    let count = rows.len().div_ceil(row.max(1));
    (count > 0 && good).then_some(count)
}

//! Pictures that are files of their own. Of one that was cut off, the rows that are
//! there are shown; what a decoder makes up for the others is not.

use std::io::Cursor;

use image_webp::WebPDecoder;
use lightleak_judge::decoder::Picture;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

use super::{LARGEST_PICTURE, scan};

/// Rows of a PNG that was cut off, and octets in them, that show that it is one: random
/// octets behind its header are no deflated rows for that long.
const FEWEST_ROWS: usize = 4;
const FEWEST_OCTETS: usize = 512;

/// Octets that a decoder may use.
const MEMORY: usize = 512 << 20;

/// A picture in JPEG (ITU-T T.81).
pub(super) fn jpeg(file: &[u8]) -> Option<Picture> {
    let extent = scan::extent(file)?;
    let cut;
    let file = if extent.whole {
        file
    } else {
        cut = [file.get(..extent.end)?, &[0xff, 0xd9]].concat();
        &cut
    };
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(1 << 14)
        .set_max_height(1 << 14)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options);
    decoder.decode_headers().ok()?;
    let (width, height) = decoder.dimensions()?;
    fits(width, height).then_some(())?;
    let rgb = decoder.decode().ok()?;
    picture(width, extent.rows.min(height), 3, &rgb)
}

/// A picture in PNG (W3C PNG).
pub(super) fn png(file: &[u8]) -> Option<Picture> {
    let mut decoder =
        png::Decoder::new_with_limits(Cursor::new(file), png::Limits { bytes: MEMORY });
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().ok()?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    fits(width, height).then_some(())?;
    let channels = reader.output_color_type().0.samples();
    if reader.info().interlaced {
        // A part of these is a part of every row.
        let mut octets = vec![0; reader.output_buffer_size()?];
        reader.next_frame(&mut octets).ok()?;
        return picture(width, height, channels, &octets);
    }
    let mut octets = Vec::new();
    while let Ok(Some(row)) = reader.next_row() {
        octets.extend_from_slice(row.data());
    }
    let rows = octets.len() / (width * channels);
    let is_enough = rows == height || rows >= FEWEST_ROWS && octets.len() >= FEWEST_OCTETS;
    is_enough
        .then(|| picture(width, rows, channels, &octets))
        .flatten()
}

/// A picture in WebP (RFC 9649); there is no part of it.
pub(super) fn webp(file: &[u8]) -> Option<Picture> {
    let mut decoder = WebPDecoder::new(Cursor::new(file)).ok()?;
    decoder.set_memory_limit(MEMORY);
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    fits(width, height).then_some(())?;
    let mut octets = vec![0; decoder.output_buffer_size()?];
    decoder.read_image(&mut octets).ok()?;
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    picture(width, height, channels, &octets)
}

fn fits(width: usize, height: usize) -> bool {
    width > 0
        && height > 0
        && width
            .checked_mul(height)
            .is_some_and(|n| n <= LARGEST_PICTURE)
}

/// Samples as YCbCr 4:2:0 (ITU-R BT.601, limited range); with one or two channels they
/// are grey, a last channel of an even number is opacity. Half a block of chroma at the
/// right or below is left out.
fn picture(width: usize, height: usize, channels: usize, samples: &[u8]) -> Option<Picture> {
    let (columns, rows) = (width & !1, height & !1);
    if columns == 0 || rows == 0 {
        return None;
    }
    let rgb = |row: usize, column: usize| {
        let pixel = samples.get((row * width + column) * channels..)?;
        match *pixel {
            [grey, ..] if channels < 3 => Some([grey; 3].map(i32::from)),
            [r, g, b, ..] => Some([r, g, b].map(i32::from)),
            _ => None,
        }
    };
    let mut planes = [Vec::new(), Vec::new(), Vec::new()];
    for row in 0..rows {
        for column in 0..columns {
            let [r, g, b] = rgb(row, column)?;
            planes[0].push(((66 * r + 129 * g + 25 * b + 128) / 256 + 16) as u8);
        }
    }
    for row in (0..rows).step_by(2) {
        for column in (0..columns).step_by(2) {
            let mut sums = [0; 3];
            for (down, right) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                let pixel = rgb(row + down, column + right)?;
                sums.iter_mut()
                    .zip(pixel)
                    .for_each(|(sum, sample)| *sum += sample);
            }
            let [r, g, b] = sums;
            planes[1].push(((-38 * r - 74 * g + 112 * b + 512) / 1024 + 128) as u8);
            planes[2].push(((112 * r - 94 * g - 18 * b + 512) / 1024 + 128) as u8);
        }
    }
    let [y, u, v] = planes;
    Some(Picture {
        width: columns,
        height: rows,
        y,
        u,
        v,
        damaged: false,
    })
}

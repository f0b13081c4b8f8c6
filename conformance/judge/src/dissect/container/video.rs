//! H.264 and H.265 without a container: byte streams (Annex B) and NAL units behind
//! their lengths (ISO/IEC 14496-15), anywhere among other octets.

use std::ops::Range;

use super::{File, Surety};
use crate::{
    decoder::Format,
    dissect::{
        h264::{self, IDR_SLICE, NalUnit, PPS, SLICE, SPS, START_CODE, nal_units},
        hevc,
    },
};

/// NAL units between a parameter set and what refers to it.
const NEAR: usize = 12;
/// NAL units in a chain of lengths that is believed, and slices among them.
const CHAIN: usize = 4;
const CHAINED_SLICES: usize = 2;
/// NAL units in a chain before its first slice.
const MOST_WITHOUT: usize = 32;
/// NAL units of such chains that need no description to be believed.
const LONG_CHAINS: usize = 16;
/// Octets of the smallest slice that shows something.
const SHORTEST: usize = 8;
/// Octets of a key frame at least.
const KEY_FRAME: usize = 256;
/// The longest NAL unit of H.264 or H.265 whose length is believed.
const LONGEST: usize = 8 << 20;

/// Streams of either codec.
pub fn within(octets: &[u8]) -> Vec<File> {
    let mut found = Vec::new();
    found.extend(h264_stream(octets));
    found.extend(h265_stream(octets));
    if found.is_empty() {
        found.extend(behind_lengths(octets));
    }
    found
}

/// Whether NAL units behind their lengths lead to one another over and over.
pub fn has_long_chains(octets: &[u8]) -> bool {
    let played = behind_lengths(octets).and_then(|file| file.played);
    played.is_some_and(|stream| nal_units(&stream).nth(LONG_CHAINS).is_some())
}

/// Parameter sets that refer to each other, then slices that refer to them.
fn h264_stream(octets: &[u8]) -> Option<File> {
    let mut sps: Option<(h264::Sps, usize, usize)> = None;
    let mut pps: Option<(u32, usize)> = None;
    let mut kept: Vec<NalUnit> = Vec::new();
    let mut sets: Vec<NalUnit> = Vec::new();
    let (mut slices, mut last, mut size) = (0, 0, (0, 0));
    for (number, nal) in nal_units(octets).enumerate() {
        let unit = nal.octets(octets);
        match h264::nal_unit_type(unit) {
            SPS => {
                if let Some(read) = h264::parse_sps(unit) {
                    sps = Some((read, nal.at, number));
                    pps = None;
                    sets = vec![nal];
                }
            }
            PPS => {
                if let (Some(read), Some((sps, _, at))) = (h264::parse_pps(unit), &sps)
                    && read.sps_id == sps.id
                    && (number - at <= NEAR || pps.is_some())
                {
                    pps = Some((read.id, number));
                    last = number;
                    sets.push(nal);
                }
            }
            SLICE | IDR_SLICE => {
                let (Some((sps, ..)), Some((id, _))) = (&sps, pps) else {
                    continue;
                };
                let macroblocks = (sps.width / 16 * (sps.height / 16)) as u32;
                let fits = h264::parse_slice_header(unit)
                    .is_some_and(|h| h.pps_id == id && h.first_mb < macroblocks);
                if fits && nal.length >= SHORTEST && number - last <= NEAR {
                    kept.append(&mut sets);
                    kept.push(nal);
                    size = (sps.width, sps.height);
                    (slices, last) = (slices + 1, number);
                }
            }
            _ => {}
        }
    }
    let (first, end) = (kept.first()?, kept.last()?);
    let range = first.at.saturating_sub(START_CODE.len())..end.at + end.length;
    let what = format!("H.264 of {slices} slices, {} by {} samples", size.0, size.1);
    let mut file = File::new("h264", Format::H264, range, what, Surety::Possible);
    file.played = Some(stream(octets, &kept));
    Some(file)
}

/// The same of H.265.
fn h265_stream(octets: &[u8]) -> Option<File> {
    let mut kept: Vec<NalUnit> = Vec::new();
    let (mut vps, mut sps, mut pps) = (false, false, false);
    let (mut slices, mut last) = (0, 0);
    for (number, nal) in nal_units(octets).enumerate() {
        let unit = nal.octets(octets);
        let Some(kind) = hevc::nal_unit_type(unit) else {
            continue;
        };
        let near = number - last <= NEAR;
        let keep = match kind {
            hevc::VPS if hevc::is_vps(unit) => {
                vps = true;
                true
            }
            hevc::SPS if vps && near && hevc::is_sps(unit) => {
                sps = true;
                true
            }
            hevc::PPS if sps && near && hevc::is_pps(unit) => {
                pps = true;
                true
            }
            // The first slice of a picture refers to a set: ids of one or two bits.
            _ if pps && near && hevc::is_slice(kind) && nal.length >= SHORTEST => {
                slices += 1;
                true
            }
            _ => false,
        };
        if keep {
            kept.push(nal);
            last = number;
        }
    }
    (slices > 0).then_some(())?;
    let (first, end) = (kept.first()?, kept.last()?);
    let range = first.at.saturating_sub(START_CODE.len())..end.at + end.length;
    let what = format!("H.265 of {slices} slices behind their parameter sets");
    // Headers of NAL units may be in clear where slices are not: a player tells.
    let mut file = File::new("h265", Format::H265, range, what, Surety::Possible);
    file.played = Some(stream(octets, &kept));
    Some(file)
}

fn stream(octets: &[u8], units: &[NalUnit]) -> Vec<u8> {
    let mut stream = Vec::new();
    for unit in units {
        stream.extend(START_CODE);
        stream.extend(unit.octets(octets));
    }
    stream
}

/// NAL units each behind its length in 4 octets, that lead from one to the next.
fn behind_lengths(octets: &[u8]) -> Option<File> {
    let mut best: Option<File> = None;
    let mut at = 0;
    while at + 6 < octets.len() {
        // The first of a length is 0 up to 16 MiB.
        let Some(zero) = memchr::memchr(0, octets.get(at..)?) else {
            break;
        };
        at += zero;
        let file = lengths_at(octets, at, h264_slice, "h264", Format::H264)
            .or_else(|| lengths_at(octets, at, h265_unit, "h265", Format::H265));
        match file {
            Some(file) => {
                at = file.range.end;
                match &mut best {
                    None => best = Some(file),
                    Some(best) if best.format == file.format => {
                        best.range.end = file.range.end;
                        if let (Some(all), Some(more)) = (&mut best.played, file.played) {
                            all.extend(more);
                        }
                    }
                    Some(_) => {}
                }
            }
            None => at += 1,
        }
    }
    best
}

/// Whether it is a slice that can be read; `None` if it is no NAL unit.
fn h264_slice(nal: &[u8]) -> Option<bool> {
    // Of a key frame the beginning may be enciphered.
    let is_key_frame = h264::nal_unit_type(nal) == IDR_SLICE
        && h264::is_header_plausible(*nal.first()?)
        && nal.len() >= KEY_FRAME;
    if is_key_frame && h264::parse_slice_header(nal).is_none() {
        return Some(false);
    }
    h264::is_plausible(nal).then_some(())?;
    let is_slice = matches!(h264::nal_unit_type(nal), SLICE | IDR_SLICE);
    Some(is_slice && nal.len() >= SHORTEST)
}

fn h265_unit(nal: &[u8]) -> Option<bool> {
    let kind = hevc::nal_unit_type(nal)?;
    let fits = match kind {
        hevc::VPS => hevc::is_vps(nal),
        hevc::SPS => hevc::is_sps(nal),
        hevc::PPS => hevc::is_pps(nal),
        35..=40 => nal.len() > 2,
        kind => hevc::is_slice(kind) && nal.len() >= SHORTEST,
    };
    fits.then(|| hevc::is_slice(kind))
}

fn lengths_at(
    octets: &[u8],
    from: usize,
    is_slice: impl Fn(&[u8]) -> Option<bool>,
    name: &'static str,
    format: Format,
) -> Option<File> {
    let (mut at, mut units, mut slices) = (from, 0, 0);
    let mut played = Vec::new();
    let mut kept: Vec<Range<usize>> = Vec::new();
    while let Some(length) = octets.get(at..).and_then(|rest| rest.first_chunk()) {
        let length = u32::from_be_bytes(*length) as usize;
        let range = at + 4..at.saturating_add(4).saturating_add(length);
        let Some(nal) = octets
            .get(range.clone())
            .filter(|nal| (2..LONGEST).contains(&nal.len()))
        else {
            break;
        };
        let Some(slice) = is_slice(nal) else {
            break;
        };
        units += 1;
        slices += usize::from(slice);
        at = range.end;
        if units > MOST_WITHOUT && slices == 0 {
            return None;
        }
        kept.push(range);
    }
    (units >= CHAIN && slices >= CHAINED_SLICES).then_some(())?;
    for range in kept {
        played.extend(START_CODE);
        played.extend(octets.get(range).unwrap_or_default());
    }
    let what = format!("{units} NAL units of {name} behind their lengths");
    let mut file = File::new(name, format, from..at, what, Surety::Possible);
    file.played = Some(played);
    Some(file)
}

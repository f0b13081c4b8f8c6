//! Carving: pictures and video in clear by their structure, wherever they lie in
//! a file, whatever it is called. No key, no ledger and no decoder is needed.
//!
//! Ciphertext looks like anything for a few octets. What counts takes several
//! elements that refer to one another: a slice, to a picture parameter set that
//! refers to a sequence parameter set; samples, to the boxes that describe them; a
//! chain of lengths, each leading to the next NAL unit.

use std::ops::Range;

use crate::dissect::{
    h264::{
        self, IDR_SLICE, PPS, SLICE, SPS, is_plausible, nal_unit_type, nal_units, parse_pps,
        parse_slice_header, parse_sps,
    },
    jpeg,
    mp4::{self, Movie, Track},
};

/// Finds of one file.
const MOST: usize = 16;
/// Places that may be the beginning of an MP4 file or of its description.
const MOST_STARTS: usize = 64;
/// NAL units between a parameter set and what refers to it.
const NEAR: usize = 8;
/// NAL units in a chain of lengths that is believed.
const CHAIN: usize = 4;
/// Slices among them.
const CHAINED_SLICES: usize = 2;
/// NAL units that are read in search of chains.
const MOST_TRIALS: usize = 1 << 20;
/// Octets of the smallest slice that shows something.
const SHORTEST_SLICE: usize = 8;

/// Something in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carved {
    /// Where it lies.
    pub range: Range<usize>,
    /// What it is.
    pub what: String,
}

/// What lies in clear in some octets, at most 16 finds.
pub fn carve(octets: &[u8]) -> Vec<Carved> {
    let mut found = movies(octets);
    if found.is_empty() {
        found = annex_b(octets);
        found.extend(length_prefixed(octets));
    }
    found.extend(jpeg::find(octets).map(|jpeg| Carved {
        what: format!(
            "a JPEG picture of {} by {} samples",
            jpeg.width, jpeg.height
        ),
        range: jpeg.range,
    }));
    found.truncate(MOST);
    found
}

/// MP4 whose samples of H.264 are in clear; from `ftyp` on, or from `moov`.
fn movies(octets: &[u8]) -> Vec<Carved> {
    let mut found = Vec::new();
    let mut end = 0;
    let starts = |kind: &'static [u8]| {
        // The type of a box comes after its length.
        let starts = memchr::memmem::find_iter(octets, kind).take(MOST_STARTS);
        starts
            .filter_map(|at| at.checked_sub(4))
            .collect::<Vec<_>>()
    };
    for start in [starts(b"ftyp"), starts(b"moov")].concat() {
        if (found.len() == MOST) || start < end {
            continue;
        }
        let file = &octets[start..];
        let movie = mp4::dissect(file);
        for track in movie.tracks.iter().filter(|t| t.is_h264()) {
            let clear = clear_samples(file, track);
            if let (Some(first), Some(last)) = (clear.first(), clear.last())
                && 2 * clear.len() >= track.samples.len()
            {
                end = start + extent(&movie);
                found.push(Carved {
                    what: format!(
                        "an MP4 file with {} of {} samples of H.264 in clear",
                        clear.len(),
                        track.samples.len()
                    ),
                    range: start + first.start..start + last.end,
                });
            }
        }
    }
    found
}

/// How far a file that was dissected goes.
fn extent(movie: &Movie) -> usize {
    let samples = movie.tracks.iter().flat_map(|track| &track.samples);
    let samples = samples.map(|sample| sample.range.end);
    samples.chain([movie.whole]).max().unwrap_or(0)
}

/// Samples that begin with the first macroblock of a picture, and whose slices all
/// refer to the track's own parameter sets.
fn clear_samples(file: &[u8], track: &Track) -> Vec<Range<usize>> {
    let octets = |range: &Range<usize>| file.get(range.clone()).unwrap_or_default();
    let inside = track.nal_units.iter();
    let ids: Vec<u32> = (track.parameter_sets.iter().chain(inside))
        .filter_map(|range| parse_pps(octets(range)))
        .map(|pps| pps.id)
        .collect();
    let is_clear = |sample: &&mp4::Sample| {
        let units = track.nal_units(sample).iter().map(octets);
        let mut slices = units.filter(|nal| matches!(nal_unit_type(nal), SLICE | IDR_SLICE));
        let is_ours = |nal: &[u8]| {
            let header = parse_slice_header(nal);
            header.filter(|h| is_plausible(nal) && ids.contains(&h.pps_id))
        };
        let first = slices.next().and_then(is_ours);
        first.is_some_and(|h| h.first_mb == 0) && slices.all(|nal| is_ours(nal).is_some())
    };
    let clear = track.samples.iter().filter(is_clear);
    clear.map(|sample| sample.range.clone()).collect()
}

/// Byte streams: parameter sets, one soon after the other, then slices that refer
/// to them.
fn annex_b(octets: &[u8]) -> Vec<Carved> {
    let mut found: Vec<Carved> = Vec::new();
    let mut sps: Option<(h264::Sps, usize, usize)> = None;
    let mut pps: Option<(u32, usize)> = None;
    // Of what was found last: slices, and the number of the last one.
    let mut run: Option<(usize, usize)> = None;
    for (number, nal) in nal_units(octets).enumerate() {
        let unit = nal.octets(octets);
        match nal_unit_type(unit) {
            SPS => {
                if let Some(read) = parse_sps(unit) {
                    (sps, pps) = (Some((read, nal.at, number)), None);
                }
            }
            PPS => {
                if let (Some(read), Some((sps, _, at))) = (parse_pps(unit), &sps)
                    && read.sps_id == sps.id
                    && number - at <= NEAR
                {
                    pps = Some((read.id, number));
                }
            }
            SLICE | IDR_SLICE => {
                let (Some((sps, start, _)), Some((id, at))) = (&sps, pps) else {
                    continue;
                };
                let near = run.map_or(at, |(_, last)| last.max(at));
                let macroblocks = (sps.width / 16 * (sps.height / 16)) as u32;
                let fits = parse_slice_header(unit)
                    .is_some_and(|h| h.pps_id == id && h.first_mb < macroblocks);
                if !fits || nal.length < SHORTEST_SLICE || number - near > NEAR {
                    continue;
                }
                let end = nal.at + nal.length;
                let goes_on = run.filter(|(_, last)| number - *last <= NEAR);
                if let (Some((slices, _)), Some(carved)) = (goes_on, found.last_mut()) {
                    run = Some((slices + 1, number));
                    carved.range.end = end;
                    carved.what = byte_stream(slices + 1, sps);
                } else if found.len() < MOST {
                    run = Some((1, number));
                    found.push(Carved {
                        range: *start..end,
                        what: byte_stream(1, sps),
                    });
                }
            }
            _ => {}
        }
    }
    found
}

fn byte_stream(slices: usize, sps: &h264::Sps) -> String {
    let (width, height) = (sps.width, sps.height);
    format!("an H.264 byte stream of {slices} slices, {width} by {height} samples")
}

/// NAL units each behind its length in 4 octets (ISO/IEC 14496-15 5.3.2), without
/// the boxes that would describe them.
fn length_prefixed(octets: &[u8]) -> Vec<Carved> {
    let mut found = Vec::new();
    let mut trials = MOST_TRIALS;
    let mut at = 0;
    while at + 5 < octets.len() && found.len() < MOST && trials > 0 {
        let (mut end, mut units, mut slices) = (at, 0, 0);
        while let Some(unit) = prefixed(octets, end)
            && trials > 0
        {
            trials -= 1;
            let nal = &octets[unit.clone()];
            if !is_plausible(nal) {
                break;
            }
            let is_slice = matches!(nal_unit_type(nal), SLICE | IDR_SLICE);
            slices += usize::from(is_slice && nal.len() >= SHORTEST_SLICE);
            (end, units) = (unit.end, units + 1);
        }
        if units >= CHAIN && slices >= CHAINED_SLICES {
            found.push(Carved {
                range: at..end,
                what: format!("{units} NAL units of H.264 behind their lengths"),
            });
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

/// The NAL unit whose length stands at `at`, if it may be one.
fn prefixed(octets: &[u8], at: usize) -> Option<Range<usize>> {
    let length = u32::from_be_bytes(*octets.get(at..)?.first_chunk()?) as usize;
    let start = at + 4;
    let header = *octets.get(start)?;
    let fits = length > 1 && length <= octets.len() - start && h264::is_header_plausible(header);
    fits.then(|| start..start + length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::adversary::media_player::fixture::{nals, random, video};

    fn stream() -> Vec<u8> {
        video().concat()
    }

    fn prefixed_units() -> Vec<u8> {
        let stream = stream();
        let units = nals(&stream).into_iter();
        let units = units.map(|nal| [&(nal.len() as u32).to_be_bytes(), nal].concat());
        units.flatten().collect()
    }

    /// Random octets with start codes and headers of NAL units, and lengths that
    /// lead from one to the next.
    fn lookalike(seed: u64) -> Vec<u8> {
        let mut octets = Vec::new();
        for unit in 0..60 {
            let header = [0x67, 0x68, 0x65, 0x41, 0x41, 0x41][unit % 6];
            octets.extend([0, 0, 0, 1, header]);
            octets.extend(random(seed * 100 + unit as u64, 300));
        }
        octets
    }

    #[test]
    fn a_byte_stream_is_found_where_it_lies() {
        let stream = stream();
        let octets = [&random(1, 5000)[..], &stream, &random(2, 5000)].concat();
        let found = carve(&octets);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].what.contains("176 by 144 samples"), "{found:?}");
        // Behind the first start code.
        assert_eq!(found[0].range.start, 5000 + 4);
        assert!(found[0].range.end >= 5000 + stream.len());
    }

    #[test]
    fn one_picture_is_enough() {
        let found = carve(&video()[0]);
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn nal_units_behind_lengths_are_found() {
        let units = prefixed_units();
        let octets = [&random(1, 5000)[..], &units, &random(2, 5000)].concat();
        let found = carve(&octets);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].what.ends_with("behind their lengths"));
        assert_eq!(found[0].range, 5000..5000 + units.len());
    }

    #[test]
    fn ciphertext_and_what_only_looks_like_video_are_nothing() {
        assert_eq!(carve(&random(1, 3_000_000)), []);
        assert_eq!(carve(&vec![0; 1_000_000]), []);
        for seed in 0..40 {
            assert_eq!(carve(&lookalike(seed)), [], "{seed}");
        }
        // Parameter sets without a picture.
        let first = &video()[0];
        let sets = nals(first).into_iter().take(2);
        let sets: Vec<u8> = sets.flat_map(|n| [&[0, 0, 0, 1], n].concat()).collect();
        assert_eq!(carve(&sets), []);
    }

    #[test]
    fn sealed_slices_behind_clear_parameter_sets_are_no_picture() {
        let stream = stream();
        let mut sealed = Vec::new();
        for (number, nal) in nals(&stream).into_iter().enumerate() {
            sealed.extend([0, 0, 0, 1]);
            match nal_unit_type(nal) {
                SLICE | IDR_SLICE => sealed.extend(random(number as u64, nal.len())),
                _ => sealed.extend(nal),
            }
        }
        assert_eq!(carve(&sealed), []);
    }

    proptest! {
        #[test]
        fn anything_is_carved_without_panic(
            octets in prop::collection::vec(any::<u8>(), 0..300),
            from in 0..4000_usize,
            length in 0..600_usize,
        ) {
            let units = prefixed_units();
            let from = from.min(units.len());
            let part = &units[from..(from + length).min(units.len())];
            let octets = [&octets, part, b"ftypmoov", &octets].concat();
            for carved in carve(&octets) {
                prop_assert!(carved.range.end <= octets.len());
            }
        }
    }
}

//! Movies in the ISO base media file format (ISO/IEC 14496-12), whole or in
//! fragments: where samples lie, and what every octet is for.
//!
//! A file may end anywhere: what is whole is read, and of the sample that is cut
//! what is there. Sample tables are hostile until proved otherwise: a sample lies
//! in one `mdat`, and no octet belongs to two.

mod boxes;
mod fragment;
mod layout;
mod track;

#[cfg(test)]
mod tests;

use std::ops::Range;

use super::h264::START_CODE;

pub use boxes::FourCc;

/// Samples and NAL units that are read of one file: 12 hours at 24 a second.
const MOST: usize = 1 << 20;
/// Faults that are kept.
const MOST_FAULTS: usize = 64;

/// A file, dissected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Movie {
    /// Its boxes, a parent before its children.
    pub boxes: Vec<BoxSpan>,
    /// Its tracks.
    pub tracks: Vec<Track>,
    /// What every octet is for: the pieces cover the file in order.
    pub pieces: Vec<Piece>,
    /// Octets of whole boxes from the start.
    pub whole: usize,
    /// Samples that are described and lie beyond the end of the file.
    pub absent: usize,
    /// What is malformed, the first of it.
    pub faults: Vec<Fault>,
}

/// A box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoxSpan {
    /// Its type.
    pub kind: FourCc,
    /// Where it begins in the file.
    pub at: usize,
    /// What follows its head, as far as it is in the file.
    pub payload: Range<usize>,
    /// Whether all of it is in the file.
    pub whole: bool,
    /// How many boxes it is in.
    pub depth: usize,
}

/// A track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Track {
    /// track_ID.
    pub id: u32,
    /// handler_type: `vide`, `soun` ...
    pub handler: FourCc,
    /// Type of its first sample entry: `avc1`, `avc3`, `ulaw` ...
    pub codec: FourCc,
    /// Ticks per second.
    pub timescale: u32,
    /// Channels and samples per second, of sound.
    pub sound: Option<(u16, u32)>,
    /// Octets of the length before each NAL unit, of H.264.
    pub length_size: Option<usize>,
    /// Parameter sets of the sample entry, of H.264: they are NAL units.
    pub parameter_sets: Vec<Range<usize>>,
    /// Samples that are whole, in order of decoding. Of sound whose samples are
    /// all of one size, each is as many as lie together.
    pub samples: Vec<Sample>,
    /// The sample that the end of the file cuts; so is its last NAL unit.
    pub cut: Option<Sample>,
    /// NAL units of the samples.
    pub nal_units: Vec<Range<usize>>,
}

/// A sample: an access unit, a packet of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Where it lies in the file.
    pub range: Range<usize>,
    /// When it is decoded, in ticks of its track.
    pub time: u64,
    /// How long it lasts, in the same ticks.
    pub duration: u64,
    /// Which of [`Track::nal_units`] are its.
    pub nal_units: Range<usize>,
}

/// Octets of one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where in the file.
    pub range: Range<usize>,
    /// What they are for.
    pub class: Class,
}

/// What octets are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Heads of boxes, boxes that describe, lengths of NAL units.
    Structure,
    /// Octets of a sample of that track (index); of H.264, of its NAL units.
    Sample(usize),
    /// Zeros in `free` and `skip`.
    Padding,
    /// What is left of a box at the end of the file, that describes.
    Cut,
    /// Anything else.
    Unknown,
}

/// Something malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{flaw} (offset {at})")]
pub struct Fault {
    /// Where in the file.
    pub at: usize,
    /// What is wrong.
    pub flaw: Flaw,
}

/// What is wrong in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// A box is smaller than its head or larger than what it is in.
    #[error("the size of a box is impossible")]
    Size,
    /// A box is too short for what it says that it holds.
    #[error("a box is too short for its contents")]
    Short,
    /// No avcC, or one that ISO/IEC 14496-15 5.3.3.1 does not allow.
    #[error("the configuration of an H.264 track is missing or malformed")]
    Configuration,
    /// A fragment is of a track that was not described before.
    #[error("a fragment is of a track that was not described")]
    NoTrack,
    /// A sample is not in any mdat.
    #[error("a sample does not lie in an mdat")]
    Outside,
    /// A sample overlaps another.
    #[error("a sample overlaps another")]
    Overlap,
    /// A NAL unit is empty or longer than its sample.
    #[error("the length of a NAL unit is impossible")]
    NalUnit,
    /// There are too many samples to read.
    #[error("there are more than {MOST} samples and NAL units")]
    Many,
}

/// Dissects a file. Nothing is an error: what can't be read is
/// [`Class::Unknown`].
pub fn dissect(file: &[u8]) -> Movie {
    let mut dissection = Dissection {
        file,
        movie: Movie::default(),
        claims: Vec::new(),
        data: Vec::new(),
        found: Vec::new(),
        defaults: Vec::new(),
        budget: MOST,
    };
    dissection.top_level();
    dissection.finish()
}

impl Track {
    /// Whether its samples are of H.264 in NAL units (ISO/IEC 14496-15 5.4.2.1).
    pub fn is_h264(&self) -> bool {
        [*b"avc1", *b"avc3"].contains(&self.codec.0)
    }

    /// The NAL units of a sample in the file.
    pub fn nal_units(&self, sample: &Sample) -> &[Range<usize>] {
        let units = self.nal_units.get(sample.nal_units.clone());
        units.unwrap_or_default()
    }

    /// Parameter sets of the sample entry and all NAL units of whole samples, as
    /// a byte stream (ITU-T H.264 Annex B), for a decoder. Empty if it is not
    /// of H.264.
    pub fn annex_b(&self, file: &[u8]) -> Vec<u8> {
        let samples = self.samples.iter().flat_map(|s| self.nal_units(s));
        let mut stream = Vec::new();
        for unit in self.parameter_sets.iter().chain(samples) {
            stream.extend(START_CODE);
            stream.extend(file.get(unit.clone()).unwrap_or_default());
        }
        stream
    }

    /// The octets of its whole samples in the file, one after the other.
    pub fn octets(&self, file: &[u8]) -> Vec<u8> {
        let samples = self.samples.iter();
        let octets = samples.filter_map(|sample| file.get(sample.range.clone()));
        octets.flatten().copied().collect()
    }
}

impl Movie {
    /// How many octets of the file are of that class.
    pub fn octets(&self, is_it: impl Fn(Class) -> bool) -> usize {
        let pieces = self.pieces.iter().filter(|piece| is_it(piece.class));
        pieces.map(|piece| piece.range.len()).sum()
    }
}

/// A file, half dissected.
struct Dissection<'a> {
    file: &'a [u8],
    movie: Movie,
    /// Octets whose class is known; no two overlap.
    claims: Vec<Piece>,
    /// Payloads of `mdat`, and where they end by their own account.
    data: Vec<(Range<usize>, u64)>,
    /// Samples as they are described.
    found: Vec<Found>,
    /// trex of each track.
    defaults: Vec<fragment::Defaults>,
    /// How many more samples and NAL units are read.
    budget: usize,
}

/// A sample as it is described: it may lie anywhere.
struct Found {
    /// Index of the track.
    track: usize,
    at: u64,
    size: u64,
    time: u64,
    duration: u64,
}

impl Dissection<'_> {
    fn claim(&mut self, range: Range<usize>, class: Class) {
        if !range.is_empty() {
            self.claims.push(Piece { range, class });
        }
    }

    fn fault(&mut self, at: usize, flaw: Flaw) {
        if self.movie.faults.len() < MOST_FAULTS {
            self.movie.faults.push(Fault { at, flaw });
        }
    }

    /// Takes one from the budget; false if it is used up.
    fn afford(&mut self, at: usize) -> bool {
        match self.budget {
            0 => {
                let many = Fault {
                    at,
                    flaw: Flaw::Many,
                };
                if self.movie.faults.last().map(|f| f.flaw) != Some(Flaw::Many) {
                    self.fault(many.at, many.flaw);
                }
                false
            }
            _ => {
                self.budget -= 1;
                true
            }
        }
    }
}

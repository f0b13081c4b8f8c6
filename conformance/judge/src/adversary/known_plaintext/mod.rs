//! Adversary 1: looks for the plaintext of the ledger in any byte stream, raw
//! or through what people mistake for encryption.
//!
//! What is found, by construction:
//!
//! | disguise | shortest run of plaintext |
//! |---|---|
//! | none | 24 octets |
//! | short units, each whole, at a regular distance (see `sequence`) | 24 octets in three units |
//! | base64 in both alphabets and hexadecimal in both cases, any phase, with line breaks | 24 octets |
//! | chunked transfer coding of HTTP, two chunks or more | 24 octets of body |
//! | deflate behind a header of gzip, zlib or ZIP | 24 octets |
//! | words of 16 or 32 bits in the other byte order, any phase | 24 octets of whole words |
//! | two of the last four, one in the other, but for the byte order outside | as the inner |
//! | XOR with a key of period p = 1 to 64, 96, 128 or 256 octets (p = 1, key ff is inversion) | 3p + 32 octets |
//!
//! **Needles.** An octet of the ledger is *fresh* unless it is one of six in a row
//! that are in the foreign ledger, from whatever bit on, or in the ledger itself
//! from another bit of an octet on (entropy coding writes the same part of a picture
//! so); or lies in a window of eight octets that has fewer than five different ones,
//! or only counts up or down, or recurs within eight octets (a short pattern). A run
//! must have at least eight fresh octets. So parameter sets and SEI messages that all
//! devices send are no hit, not even with a few octets of chance beside them; fill is
//! none either.
//!
//! What two cameras draw in the same way in the same place, such as a caption or a
//! clock, is the same plaintext, and short runs of it can be equal without being in
//! the foreign ledger. In the clear video of another camera of the simulator there is
//! such a run, of less than 64 octets, in some 25 million octets
//! (`benches/examples/decoys.rs`). In anything else there was none.
//!
//! What of these lengths is missed or reported short:
//! - runs with fewer fresh octets, and what earlier hits left of a run;
//! - runs all of whose windows occur more than eight times in the ledger in
//!   different surroundings: eight places are remembered for each;
//! - under XOR, runs of the shortest lengths whose differences at distance p are
//!   no information in places;
//! - what deflate expands to more than 32 times its size.
//!
//! **Cost.** For each octet of the ledger about 10 octets of memory for the raw
//! search and 40 to 80 for XOR, and 60 more if everything is under XOR. A haystack
//! takes time in proportion to its length, XOR by far the most of it. Of a ledger above 2 GiB the rest is not indexed.

mod indexes;
mod material;
mod raw;
mod sequence;
pub(super) mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
pub(super) use testing::{base64, random};
pub(super) mod veil;
mod xor;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use lightleak_case::Ledger;

pub use indexes::Indexes;
use material::Material;
use raw::Raw;
use sequence::Sequences;
use xor::Xor;

/// Shortest run that is reported, in octets.
const RUN: usize = 24;

/// Fresh octets that a run must have.
const FRESH: usize = 8;

/// An index over a ledger.
#[derive(Clone, Debug)]
pub struct Index {
    material: Material,
    raw: Raw,
    sequences: Sequences,
    /// The same whatever is foreign.
    xor: Arc<Xor>,
}

/// A run of plaintext that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Where in the haystack (its offset before any transformation was undone).
    pub at: usize,
    /// Length in the haystack.
    pub length: usize,
    /// Track of the ledger.
    pub track: String,
    /// Offset in the track.
    pub ledger_offset: usize,
    /// Octets of plaintext that match.
    pub matched: usize,
    /// How it was hidden.
    pub disguise: Disguise,
}

/// What people mistake for encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disguise {
    /// Nothing at all.
    Raw,
    /// XOR with a key that repeats.
    Xor {
        /// The key, one period, as it lies on the first octet of the hit.
        key: Vec<u8>,
    },
    /// Base64 (RFC 4648 4 and 5).
    Base64,
    /// Hexadecimal digits (RFC 4648 8).
    Hex,
    /// The chunked transfer coding of HTTP (RFC 9112 7.1).
    Chunked,
    /// Deflate (RFC 1951).
    Deflate,
    /// Words in the other byte order.
    Swap {
        /// Octets in a word: 2 or 4.
        word: usize,
    },
    /// Nothing, but short units that do not touch.
    Sequence {
        /// Octets between two of them.
        gap: usize,
    },
    /// Two of these.
    Nested {
        /// What the haystack shows.
        outer: Box<Disguise>,
        /// What is behind it.
        inner: Box<Disguise>,
    },
}

impl fmt::Display for Disguise {
    /// In words, to follow upon "plaintext was found".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raw => f.write_str("as it is"),
            Self::Xor { key } => {
                write!(f, "under XOR with {} octets ", key.len())?;
                key.iter().take(32).try_for_each(|k| write!(f, "{k:02x}"))
            }
            Self::Base64 => f.write_str("in base64"),
            Self::Hex => f.write_str("in hexadecimal digits"),
            Self::Chunked => f.write_str("cut into HTTP chunks"),
            Self::Deflate => f.write_str("deflated"),
            Self::Swap { word } => write!(f, "with the octets of {}-bit words swapped", 8 * word),
            Self::Sequence { gap } => write!(f, "unit by unit, {gap} octets apart"),
            Self::Nested { outer, inner } => write!(f, "{outer} and there {inner}"),
        }
    }
}

impl Default for Index {
    /// An index over nothing, which finds nothing.
    fn default() -> Self {
        Self::new(&Ledger::default(), &Ledger::default())
    }
}

impl Index {
    /// Indexes the needles of `ledger`: what is in `foreign` (a ledger of
    /// another seed) or is no information (constant runs, filler) is no needle.
    pub fn new(ledger: &Ledger, foreign: &Ledger) -> Self {
        Self::beside(None, ledger, foreign)
    }

    /// The same, with what can be taken from an index of the same ledger and
    /// something else that is foreign.
    fn beside(other: Option<&Self>, ledger: &Ledger, foreign: &Ledger) -> Self {
        let material = Material::new(ledger, foreign);
        let raw = Raw::new(&material);
        let sequences = Sequences::new(&material, ledger);
        let xor = match other {
            Some(other) => other.xor.clone(),
            None => Arc::new(Xor::new(&material)),
        };
        Self {
            material,
            raw,
            sequences,
            xor,
        }
    }

    /// All hits in `haystack`, longest possible each, none overlapping another,
    /// by offset; at most `limit`. It looks for raw runs first, then behind each
    /// veil, then for XOR, and last for sequences of short units: later ones get
    /// what earlier ones left of octets and limit.
    pub fn search(&self, haystack: &[u8], limit: usize) -> Vec<Hit> {
        let mut found = Found::new(limit);
        for run in self.raw.search(&self.material, haystack, limit) {
            found.add(
                run,
                self.hit(run, run.at..run.at + run.length, Disguise::Raw),
            );
        }
        veil::search(self, haystack, &mut found);
        self.xor
            .search(&self.material, haystack, &mut found, |run, key| {
                self.hit(run, run.at..run.at + run.length, Disguise::Xor { key })
            });
        self.sequences
            .search(&self.material, haystack, &mut found, |run, place, gap| {
                self.hit(run, place, Disguise::Sequence { gap })
            });
        found.hits.into_values().map(|(_, hit)| hit).collect()
    }

    /// Like [`Index::search`], but only what is not disguised.
    pub fn search_raw(&self, haystack: &[u8], limit: usize) -> Vec<Hit> {
        let runs = self.raw.search(&self.material, haystack, limit).into_iter();
        runs.map(|run| self.hit(run, run.at..run.at + run.length, Disguise::Raw))
            .collect()
    }

    fn raw_runs(&self, octets: &[u8], limit: usize) -> Vec<Run> {
        self.raw.search(&self.material, octets, limit)
    }

    /// Whether the haystack, with `turn` applied to its windows, may have a run.
    fn may_have_run(&self, haystack: &[u8], turn: impl Fn(u64) -> u64) -> bool {
        self.raw.may_have_run(&self.material, haystack, turn)
    }

    fn hit(&self, run: Run, place: Range<usize>, disguise: Disguise) -> Hit {
        let (name, track) = self.material.track(run.offset);
        Hit {
            at: place.start,
            length: place.len(),
            track: name.clone(),
            ledger_offset: run.offset - track.start,
            matched: run.length,
            disguise,
        }
    }
}

/// A run that haystack and ledger share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    /// Offset in the haystack.
    at: usize,
    /// Offset in all tracks in a row.
    offset: usize,
    length: usize,
}

/// Hits that do not overlap, by offset.
struct Found {
    hits: BTreeMap<usize, (Run, Hit)>,
    limit: usize,
}

impl Found {
    fn new(limit: usize) -> Self {
        Self {
            hits: BTreeMap::new(),
            limit,
        }
    }

    /// How many hits may still be added.
    fn room(&self) -> usize {
        self.limit - self.hits.len()
    }

    /// What lies free around `at` in a haystack of `length` octets; `None` if
    /// `at` is in a hit.
    fn free(&self, at: usize, length: usize) -> Option<Range<usize>> {
        let before = self.hits.range(..=at).next_back();
        let start = before.map_or(0, |(_, (_, hit))| hit.at + hit.length);
        let end = self
            .hits
            .range(at..)
            .next()
            .map_or(length, |(next, _)| *next);
        (start <= at && at < end).then_some(start..end)
    }

    fn add(&mut self, run: Run, hit: Hit) {
        self.hits.insert(hit.at, (run, hit));
    }

    fn into_parts(self) -> impl Iterator<Item = (Run, Hit)> {
        self.hits.into_values()
    }
}

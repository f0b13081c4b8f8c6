//! Adversary 1: looks for the plaintext of the ledger in any byte stream, raw
//! or through what people mistake for encryption.
//!
//! What is found, by construction:
//!
//! | disguise | shortest run of plaintext |
//! |---|---|
//! | none | 24 octets |
//! | XOR with a key of period p = 1 to 64, 96, 128 or 256 octets (p = 1, key ff is inversion) | 3p + 32 octets |
//! | base64, both alphabets, any phase, with line breaks | 24 octets |
//!
//! **Needles.** An octet of the ledger is *fresh* unless it lies in a window of
//! eight octets that occurs in the foreign ledger, or has fewer than five
//! different octets, or only counts up or down, or recurs within eight octets
//! (a short pattern). A run must have at least eight fresh octets. So parameter
//! sets and SEI messages that all devices send are no hit, not even with a few
//! octets of chance beside them; fill is none either.
//!
//! What of these lengths is missed or reported short:
//! - runs with fewer fresh octets, and what earlier hits left of a run;
//! - runs all of whose windows occur more than eight times in the ledger in
//!   different surroundings: eight places are remembered for each;
//! - under XOR, runs of the shortest lengths whose differences at distance p are
//!   no information in places.
//!
//! **Cost.** For each octet of the ledger about 10 octets of memory for the raw
//! search and 15 for XOR. A haystack takes time in proportion to its length,
//! XOR by far the most of it. Of a ledger above 2 GiB the rest is not indexed.

mod base64;
mod material;
mod raw;
mod table;
#[cfg(test)]
mod testing;
mod xor;

use std::collections::BTreeMap;
use std::ops::Range;

use lightleak_case::Ledger;

use material::Material;
use raw::Raw;
use xor::Xor;

/// Shortest run that is reported, in octets.
const RUN: usize = 24;

/// Fresh octets that a run must have.
const FRESH: usize = 8;

/// An index over a ledger, built once per session.
#[derive(Clone, Debug)]
pub struct Index {
    material: Material,
    raw: Raw,
    xor: Xor,
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
        let material = Material::new(ledger, foreign);
        let raw = Raw::new(&material);
        let xor = Xor::new(&material);
        Self { material, raw, xor }
    }

    /// All hits in `haystack`, longest possible each, none overlapping another,
    /// by offset; at most `limit`. It looks for raw runs first, then for base64,
    /// then for XOR: later ones get what earlier ones left of octets and limit.
    pub fn search(&self, haystack: &[u8], limit: usize) -> Vec<Hit> {
        let mut found = Found::new(limit);
        for run in self.raw.search(&self.material, haystack, limit) {
            found.add(self.hit(run, run.at..run.at + run.length, Disguise::Raw));
        }
        base64::search(haystack, &found, |decoded, limit| {
            self.raw.search(&self.material, decoded, limit)
        })
        .into_iter()
        .for_each(|(run, place)| found.add(self.hit(run, place, Disguise::Base64)));
        self.xor
            .search(&self.material, haystack, &mut found, |run, key| {
                self.hit(run, run.at..run.at + run.length, Disguise::Xor { key })
            });
        found.hits.into_values().collect()
    }

    /// Like [`Index::search`], but only what is not disguised.
    pub fn search_raw(&self, haystack: &[u8], limit: usize) -> Vec<Hit> {
        let runs = self.raw.search(&self.material, haystack, limit).into_iter();
        runs.map(|run| self.hit(run, run.at..run.at + run.length, Disguise::Raw))
            .collect()
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

/// Hits that do not overlap.
struct Found {
    hits: BTreeMap<usize, Hit>,
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
        let start = before.map_or(0, |(_, hit)| hit.at + hit.length);
        let end = self
            .hits
            .range(at..)
            .next()
            .map_or(length, |(next, _)| *next);
        (start <= at && at < end).then_some(start..end)
    }

    fn add(&mut self, hit: Hit) {
        self.hits.insert(hit.at, hit);
    }
}

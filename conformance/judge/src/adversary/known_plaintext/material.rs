//! The ledger as the search sees it: all tracks in one row, and which of its
//! octets are fresh.

use std::collections::HashSet;
use std::ops::Range;

use lightleak_case::Ledger;

use super::FRESH;
use super::table::{Filter, LANES, Table, WINDOW, hash, is_informative, window};

/// Repetition over so few octets or fewer says nothing.
const PATTERN: usize = 8;

/// So many octets in common with something else say nothing.
const COMMON: usize = 6;

/// A ledger, prepared.
#[derive(Clone, Debug)]
pub(super) struct Material {
    /// The tracks one after the other.
    pub(super) octets: Vec<u8>,
    /// Name and place of each track.
    pub(super) tracks: Vec<(String, Range<usize>)>,
    /// May say yes to any window of the ledger, never no.
    pub(super) windows: Filter,
    fresh: Vec<bool>,
}

impl Material {
    pub(super) fn new(ledger: &Ledger, foreign: &Ledger) -> Self {
        let mut octets = Vec::new();
        let mut tracks = Vec::new();
        for (name, track) in &ledger.tracks {
            let room = track.bytes.len().min(Table::END - 1 - octets.len());
            let start = octets.len();
            octets.extend_from_slice(&track.bytes[..room]);
            tracks.push((name.clone(), start..octets.len()));
        }
        let mut windows = Filter::new(2 * octets.len());
        for (_, track) in &tracks {
            starts(track).for_each(|at| windows.insert(hash(window(&octets, at))));
        }
        let fresh = vec![true; octets.len()];
        let mut material = Self {
            octets,
            tracks,
            windows,
            fresh,
        };
        material.mark_stale(foreign);
        material
    }

    /// Name and place of the track around `offset`.
    pub(super) fn track(&self, offset: usize) -> &(String, Range<usize>) {
        &self.tracks[self
            .tracks
            .partition_point(|(_, track)| track.end <= offset)]
    }

    /// Whether the window at `offset` has a fresh octet.
    pub(super) fn is_anchor(&self, offset: usize) -> bool {
        self.fresh[offset..offset + WINDOW].contains(&true)
    }

    /// Whether enough octets of a run are fresh.
    pub(super) fn is_telling(&self, run: Range<usize>) -> bool {
        self.fresh[run]
            .iter()
            .filter(|fresh| **fresh)
            .take(FRESH)
            .count()
            == FRESH
    }

    fn mark_stale(&mut self, foreign: &Ledger) {
        for (_, track) in &self.tracks {
            for at in starts(track) {
                let here = window(&self.octets, at);
                if !is_informative(here) {
                    self.fresh[at..at + WINDOW].fill(false);
                }
                let again = (1..=PATTERN.min(track.end - at - WINDOW))
                    .find(|&step| window(&self.octets, at + step) == here);
                if let Some(step) = again {
                    self.fresh[at..at + step + WINDOW].fill(false);
                }
            }
        }
        let common = self.common(foreign);
        for (_, track) in &self.tracks {
            for at in starts(track) {
                if common.contains(&code(&self.octets, at, 0)) {
                    self.fresh[at..at + COMMON].fill(false);
                }
            }
        }
    }

    /// Six octets of the ledger that are in the foreign one too, or elsewhere in
    /// this one, but not on an octet's boundary: entropy coding writes the same
    /// picture wherever a bit is free. (With some that are in neither.)
    fn common(&self, foreign: &Ledger) -> HashSet<u64> {
        let mut own = Filter::new(2 * self.octets.len());
        for (_, track) in &self.tracks {
            starts(track).for_each(|at| own.insert(hash(code(&self.octets, at, 0))));
        }
        let mut common = HashSet::new();
        let mut look = |octets: &[u8], shifts: Range<u32>| {
            for first in starts(&(0..octets.len())).step_by(LANES) {
                let places = first..(first + LANES).min(octets.len() - WINDOW + 1);
                for shift in shifts.clone() {
                    let codes = places.clone().map(|at| code(octets, at, shift));
                    let mut passed = own.may_have_each(codes.map(hash));
                    while passed != 0 {
                        let at = first + passed.trailing_zeros() as usize;
                        common.insert(code(octets, at, shift));
                        passed &= passed - 1;
                    }
                }
            }
        };
        for track in foreign.tracks.values() {
            look(&track.bytes, 0..8);
        }
        for (_, track) in &self.tracks {
            look(&self.octets[track.clone()], 1..8);
        }
        common
    }
}

/// The six octets that begin `shift` bits after octet `at`.
fn code(octets: &[u8], at: usize, shift: u32) -> u64 {
    let bits = window(octets, at).swap_bytes();
    bits << shift >> (u64::BITS - 8 * COMMON as u32)
}

/// Where a window begins that lies within `range`.
pub(super) fn starts(range: &Range<usize>) -> Range<usize> {
    range.start..(range.end + 1).saturating_sub(WINDOW).max(range.start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::known_plaintext::testing::{ledger, random};

    fn stale(material: &Material) -> Vec<usize> {
        (0..material.octets.len())
            .filter(|&at| !material.fresh[at])
            .collect()
    }

    #[test]
    fn random_octets_are_fresh() {
        let material = Material::new(&ledger(&random(1, 50_000)), &ledger(&random(2, 50_000)));
        assert!(stale(&material).is_empty());
    }

    #[test]
    fn what_is_foreign_or_fill_is_stale() {
        let mut octets = random(1, 1000);
        let foreign = [random(2, 100), octets[300..320].to_vec(), random(3, 100)].concat();
        octets[500..530].fill(0xFF);
        octets[600..630].copy_from_slice(&b"abcdef".repeat(5));
        octets[700..720].copy_from_slice(&std::array::from_fn::<u8, 20, _>(|i| i as u8));
        let stale = stale(&Material::new(&ledger(&octets), &ledger(&foreign)));
        for range in [300..320, 500..530, 600..630, 700..720] {
            assert!(range.clone().all(|at| stale.contains(&at)), "{range:?}");
        }
        // Around a constant run up to four octets are in a window of few octets.
        assert!(stale.len() < 20 + 30 + 30 + 20 + 12, "{}", stale.len());
    }

    #[test]
    fn what_is_common_at_another_bit_is_stale() {
        let shifted = |octets: &[u8], bits: u32| -> Vec<u8> {
            let pairs = octets.windows(2);
            pairs
                .map(|pair| (u16::from_be_bytes([pair[0], pair[1]]) >> (8 - bits)) as u8)
                .collect()
        };
        let foreign = random(2, 1000);
        for bits in 0..8 {
            let mut octets = random(1, 1000);
            octets[300..340].copy_from_slice(&shifted(&foreign, bits)[100..140]);
            // In itself, but not where octets are octets.
            let own = shifted(&octets, bits)[600..640].to_vec();
            octets[800..840].copy_from_slice(&own);
            let material = Material::new(&ledger(&octets), &ledger(&foreign));
            let stale = stale(&material);
            assert!((300..340).all(|at| stale.contains(&at)), "{bits}");
            assert_eq!((800..840).all(|at| stale.contains(&at)), bits > 0, "{bits}");
            assert!(stale.len() <= 40 + 40 + 42, "{bits} {}", stale.len());
        }
    }

    #[test]
    fn tracks_shorter_than_a_window_have_none() {
        for length in 0..8 {
            let material = Material::new(&ledger(&random(1, length)), &Ledger::default());
            assert!(starts(&material.tracks[0].1).is_empty());
        }
        assert_eq!(starts(&(5..13)), 5..6);
    }
}

//! Runs of the ledger as they are.
//!
//! Every window of the ledger is in the filter and in the table, and the haystack
//! is probed every 16 octets: a run of 23 octets or more covers one probed window
//! whole. Probes pass the filter many at a time. A run of 24 octets goes on for
//! eight octets before or after the probed window, so the filter must have two
//! windows there as well before the table is asked.
//!
//! Where the probed window is no needle or has more copies than are remembered,
//! the windows up to 15 octets to either side are probed too: these are all
//! windows of any run of 24 octets around it, and one with a fresh octet is
//! among them.

use super::material::{Material, starts};
use super::table::{COPIES, LANES, Place, Table, WINDOW, hash, window};
use super::{RUN, Run};

/// Distance of the probes.
const STRIDE: usize = 16;

/// All windows of the ledger.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    table: Table,
}

impl Raw {
    pub(super) fn new(material: &Material) -> Self {
        let octets = &material.octets;
        let mut table = Table::new(octets.len());
        for (_, track) in &material.tracks {
            for offset in starts(track) {
                let here = window(octets, offset);
                let anchor = material.is_anchor(offset);
                let place = Place {
                    offset,
                    more: !anchor,
                };
                let copies = if anchor { COPIES } else { 1 };
                table.insert(hash(here), place, copies, |other| {
                    window(octets, other) == here
                });
            }
        }
        Self { table }
    }

    /// The runs in `haystack` by offset, at most `limit`.
    pub(super) fn search(&self, material: &Material, haystack: &[u8], limit: usize) -> Vec<Run> {
        let mut search = Search {
            raw: self,
            material,
            haystack,
            limit,
            free: 0,
            runs: Vec::new(),
        };
        let (probes, rest) = haystack.as_chunks::<STRIDE>();
        for (number, probes) in probes.chunks(LANES).enumerate() {
            search.probe(number * LANES * STRIDE, probes);
            if search.runs.len() >= limit {
                return search.runs;
            }
        }
        if rest.len() >= WINDOW {
            search.candidate(haystack.len() - rest.len());
        }
        search.runs
    }
}

impl Raw {
    /// Whether a run may be there, once `turn` is applied to each window: it is
    /// the turned ones that the ledger has.
    pub(super) fn may_have_run(
        &self,
        material: &Material,
        haystack: &[u8],
        turn: impl Fn(u64) -> u64,
    ) -> bool {
        let windows = &material.windows;
        let turned = |at| turn(window(haystack, at));
        let is_of_ledger =
            |at: usize| at + WINDOW <= haystack.len() && windows.may_have(hash(turned(at)));
        let is_candidate = |at: usize| {
            let (here, octets) = (turned(at), &material.octets);
            (is_of_ledger(at + WINDOW / 2) || at >= WINDOW && is_of_ledger(at - WINDOW / 2))
                && self
                    .table
                    .places(hash(here))
                    .any(|place| window(octets, place.offset) == here)
        };
        let (probes, rest) = haystack.as_chunks::<STRIDE>();
        let mut batches = probes.chunks(LANES).enumerate();
        batches.any(|(number, probes)| {
            let hashes = probes.iter().map(|probe| hash(turn(window(probe, 0))));
            let mut passed = windows.may_have_each(hashes);
            let mut found = false;
            while passed != 0 {
                let lane = passed.trailing_zeros() as usize;
                found |= is_candidate((number * LANES + lane) * STRIDE);
                passed &= passed - 1;
            }
            found
        }) || rest.len() >= WINDOW && is_candidate(haystack.len() - rest.len())
    }
}

struct Search<'a> {
    raw: &'a Raw,
    material: &'a Material,
    haystack: &'a [u8],
    limit: usize,
    /// What is before belongs to earlier hits.
    free: usize,
    runs: Vec<Run>,
}

impl Search<'_> {
    /// Probes, the first of which is at `first`.
    #[inline]
    fn probe(&mut self, first: usize, probes: &[[u8; STRIDE]]) {
        let hashes = probes.iter().map(|probe| hash(window(probe, 0)));
        let mut passed = self.material.windows.may_have_each(hashes);
        while passed != 0 {
            self.candidate(first + passed.trailing_zeros() as usize * STRIDE);
            passed &= passed - 1;
        }
    }

    fn candidate(&mut self, at: usize) {
        if self.runs.len() < self.limit && at >= self.free && self.goes_on(at) {
            let here = window(self.haystack, at);
            if let Some(run) = self.around(at, here, hash(here)) {
                self.free = run.at + run.length;
                self.runs.push(run);
            }
        }
    }

    /// Whether the eight octets after the window at `at` or the eight before may
    /// be of the ledger too.
    fn goes_on(&self, at: usize) -> bool {
        let may_have = |at| {
            self.material
                .windows
                .may_have(hash(window(self.haystack, at)))
        };
        // No shortcut between two: their memory accesses overlap.
        let both = |near, far| may_have(near) && may_have(far);
        at + 2 * WINDOW <= self.haystack.len() && both(at + WINDOW / 2, at + WINDOW)
            || at >= WINDOW && both(at - WINDOW / 2, at - WINDOW)
    }

    /// The longest run around the window at `at`.
    fn around(&self, at: usize, here: u64, hash: u64) -> Option<Run> {
        let (mut best, more) = self.at(at, here, hash);
        if more {
            let last = self.haystack.len() - WINDOW;
            let beside = at.saturating_sub(STRIDE - 1)..at + STRIDE;
            // Another copy may go on where this one ends.
            let (start, end) = best.map_or((at, at), |run| (run.at, run.at + run.length));
            let left = start.saturating_sub(WINDOW - 1)..start;
            let right = (end + 1).saturating_sub(WINDOW)..end + 1;
            let around = &self.haystack[beside.start..(last + WINDOW).min(beside.end + WINDOW)];
            // Long runs of one octet are common and hold no needle.
            if around.iter().any(|octet| *octet != around[0]) {
                for at in beside.chain(left).chain(right) {
                    if (self.free..=last).contains(&at) {
                        let here = window(self.haystack, at);
                        let hash = super::table::hash(here);
                        if self.material.windows.may_have(hash) {
                            best = longer(best, self.at(at, here, hash).0);
                        }
                    }
                }
            }
        }
        best
    }

    /// The longest run through this very window, and whether the ledger has it
    /// in more places than were tried.
    fn at(&self, at: usize, here: u64, hash: u64) -> (Option<Run>, bool) {
        let mut best = None;
        let mut more = false;
        for place in self.raw.table.places(hash) {
            if window(&self.material.octets, place.offset) == here {
                more |= place.more;
                if self.material.is_anchor(place.offset) {
                    best = longer(best, self.extend(at, place.offset));
                }
            }
        }
        (best, more)
    }

    fn extend(&self, at: usize, offset: usize) -> Option<Run> {
        let octets = &self.material.octets;
        let track = &self.material.track(offset).1;
        let before = common_suffix(&self.haystack[self.free..at], &octets[track.start..offset]);
        let after = common_prefix(&self.haystack[at..], &octets[offset..track.end]);
        let run = Run {
            at: at - before,
            offset: offset - before,
            length: before + after,
        };
        (run.length >= RUN
            && self
                .material
                .is_telling(run.offset..run.offset + run.length))
        .then_some(run)
    }
}

fn longer(a: Option<Run>, b: Option<Run>) -> Option<Run> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.length > a.length { b } else { a }),
        (a, b) => a.or(b),
    }
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let words = a.chunks_exact(WINDOW).zip(b.chunks_exact(WINDOW));
    let same = words.take_while(|(a, b)| a == b).count() * WINDOW;
    same + a[same..]
        .iter()
        .zip(&b[same..])
        .take_while(|(a, b)| a == b)
        .count()
}

fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let words = a.rchunks_exact(WINDOW).zip(b.rchunks_exact(WINDOW));
    let same = words.take_while(|(a, b)| a == b).count() * WINDOW;
    let rest = a[..a.len() - same]
        .iter()
        .rev()
        .zip(b[..b.len() - same].iter().rev());
    same + rest.take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::known_plaintext::testing::{index, ledger, plant, random, video};
    use lightleak_case::Ledger;

    fn runs(ledger_octets: &[u8], foreign: &[u8], haystack: &[u8]) -> Vec<Run> {
        let material = Material::new(&ledger(ledger_octets), &ledger(foreign));
        Raw::new(&material).search(&material, haystack, usize::MAX)
    }

    #[test]
    fn runs_of_24_octets_are_found_at_every_alignment() {
        let octets = video(1, 60_000);
        let material = Material::new(&ledger(&octets), &Ledger::default());
        let raw = Raw::new(&material);
        for length in [24, 25, 31, 32, 40, 100] {
            for at in 0..40 {
                for offset in 7_000 + at * 3..7_020 + at * 3 {
                    let haystack = plant(9, 300, at, &octets[offset..offset + length]);
                    let runs = raw.search(&material, &haystack, 10);
                    assert_eq!(runs.len(), 1, "{length} {at} {offset}");
                    let Run {
                        at: start,
                        offset: from,
                        length: found,
                    } = runs[0];
                    assert!(start <= at && start + found >= at + length);
                    assert_eq!(haystack[start..start + found], octets[from..from + found]);
                }
            }
        }
    }

    #[test]
    fn runs_of_24_octets_are_found_at_both_ends_of_haystack_and_track() {
        let octets = random(1, 5000);
        for offset in [0, 4976] {
            let needle = &octets[offset..offset + 24];
            let expected = Run {
                at: 0,
                offset,
                length: 24,
            };
            assert_eq!(runs(&octets, &[], needle), [expected]);
            let haystack = [&random(2, 33), needle].concat();
            assert_eq!(runs(&octets, &[], &haystack), [Run { at: 33, ..expected }]);
        }
    }

    #[test]
    fn shorter_runs_are_not_reported() {
        let octets = random(1, 5000);
        for at in 0..32 {
            let mut haystack = plant(2, 200, at, &octets[100..123]);
            haystack[at + 23] = octets[123] ^ 1;
            if at > 0 {
                haystack[at - 1] = octets[99] ^ 1;
            }
            assert_eq!(runs(&octets, &[], &haystack), []);
        }
    }

    #[test]
    fn a_run_around_fill_is_found_at_every_alignment() {
        let mut octets = random(1, 5000);
        octets[1000..1016].fill(0);
        octets[3000..3400].fill(0);
        for at in 0..32 {
            let haystack = plant(2, 200, at, &octets[992..1024]);
            assert_eq!(runs(&octets, &[], &haystack).len(), 1, "{at}");
        }
    }

    #[test]
    fn a_run_made_of_foreign_material_is_not_reported() {
        let shared = random(5, 120);
        let octets = [random(1, 2000), shared.clone(), random(2, 2000)].concat();
        let foreign = [random(3, 2000), shared.clone(), random(4, 2000)].concat();
        for at in 0..32 {
            assert_eq!(runs(&octets, &foreign, &plant(6, 400, at, &shared)), []);
            // Seven octets beside it may be chance, eight are none.
            let mut haystack = plant(6, 400, at, &octets[2000..2127]);
            haystack[at + 127] = octets[2127] ^ 1;
            assert_eq!(runs(&octets, &foreign, &haystack), []);
            haystack[at + 127] ^= 1;
            assert!(runs(&octets, &foreign, &haystack)[0].length >= 128);
        }
    }

    #[test]
    fn fill_and_short_patterns_are_not_reported() {
        for pattern in [&[0_u8][..], &[0xFF], b"ab", b"gaebfcd", b"hgaebfcd"] {
            let fill: Vec<u8> = pattern.iter().copied().cycle().take(4000).collect();
            let octets = [random(1, 1000), fill.clone(), random(2, 1000)].concat();
            assert_eq!(runs(&octets, &[], &[&fill[..], &fill[..]].concat()), []);
        }
    }

    #[test]
    fn a_unit_that_was_sent_often_is_found_and_with_what_follows_it() {
        let unit = random(7, 300);
        let mut octets = Vec::new();
        for seed in 0..40 {
            octets.extend([&unit[..], &random(100 + seed, 50)].concat());
        }
        assert_eq!(runs(&octets, &[], &plant(9, 500, 77, &unit))[0].length, 300);
        // The last copy is not remembered, but what follows it is.
        let last = octets.len() - 350;
        for at in 0..16 {
            let haystack = plant(9, 500, at, &octets[last + 270..]);
            let found = runs(&octets, &[], &haystack);
            assert_eq!(
                found,
                [Run {
                    at,
                    offset: last + 270,
                    length: 80
                }],
                "{at}"
            );
        }
    }

    #[test]
    fn runs_are_maximal_disjoint_in_order_and_bounded() {
        let octets = random(1, 5000);
        let haystack = [
            &octets[100..200],
            &octets[4000..4500],
            &random(2, 50),
            &octets[150..190],
        ]
        .concat();
        let all = [
            Run {
                at: 0,
                offset: 100,
                length: 100,
            },
            Run {
                at: 100,
                offset: 4000,
                length: 500,
            },
            Run {
                at: 650,
                offset: 150,
                length: 40,
            },
        ];
        assert_eq!(runs(&octets, &[], &haystack), all);
        let index = index(&octets, &[]);
        for limit in 0..4 {
            assert_eq!(index.search_raw(&haystack, limit).len(), limit.min(3));
        }
    }

    #[test]
    fn a_run_does_not_reach_over_the_end_of_a_track() {
        let mut two = ledger(&random(1, 500));
        two.tracks
            .insert("z".into(), ledger(&random(2, 500)).tracks["video"].clone());
        let material = Material::new(&two, &Ledger::default());
        let found = Raw::new(&material).search(&material, &material.octets, 10);
        assert_eq!(
            found.iter().map(|run| run.length).collect::<Vec<_>>(),
            [500, 500]
        );
    }
}

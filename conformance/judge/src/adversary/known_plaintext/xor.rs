//! The ledger under a repeating XOR key.
//!
//! With a key of period p the differences at distance p, `x[i] ^ x[i + p]`, are
//! those of the plaintext: no key is guessed. The same holds at each multiple of
//! p, so one *lag* serves several periods. A run of 3p + 32 octets has
//! 3p + 25 - lag windows of eight differences. All those of the ledger are in the
//! lag's filter, and the haystack is probed so often that each run has a probe
//! with three more windows of the run behind it. Where the filter may have all
//! four, one of them is in the lag's table, which knows every fourth place in the
//! ledger. That hardly ever happens by chance, so tables are made when needed.
//!
//! Windows that are no information are in the filter, but not in the table.

use std::ops::Range;
use std::sync::OnceLock;

use super::material::{Material, starts};
use super::table::{COPIES, Filter, LANES, Place, Table, WINDOW, hash, is_informative, window};
use super::{Found, Hit, Run};

/// Distances and how far apart the probes are: a choice with few probes in all
/// and few distances. Each serves the periods that the test of this module names.
const LAGS: [(usize, usize); 41] = [
    (6, 19),
    (7, 36),
    (8, 26),
    (10, 27),
    (11, 44),
    (13, 48),
    (15, 52),
    (33, 88),
    (34, 39),
    (35, 92),
    (36, 13),
    (37, 96),
    (38, 41),
    (39, 100),
    (40, 42),
    (41, 104),
    (42, 22),
    (43, 108),
    (44, 44),
    (45, 112),
    (46, 45),
    (47, 116),
    (48, 22),
    (49, 120),
    (50, 47),
    (51, 124),
    (52, 48),
    (53, 128),
    (54, 49),
    (55, 132),
    (56, 50),
    (57, 136),
    (58, 51),
    (59, 140),
    (60, 52),
    (61, 144),
    (62, 53),
    (63, 148),
    (64, 54),
    (96, 70),
    (256, 150),
];

/// The table of a lag has the windows of every fourth offset.
const SPARSE: usize = 4;

/// Octets of the shortest run under a key of this period.
fn shortest(period: usize) -> usize {
    3 * period + 32
}

/// The index of each distance.
#[derive(Clone, Debug)]
pub(super) struct Xor {
    lags: Vec<Lag>,
}

impl Xor {
    pub(super) fn new(material: &Material) -> Self {
        let lag = |(distance, stride)| Lag::new(material, distance, stride);
        Self {
            lags: LAGS.into_iter().map(lag).collect(),
        }
    }

    /// Adds what is in `haystack` to `found`, in places that are free.
    pub(super) fn search(
        &self,
        material: &Material,
        haystack: &[u8],
        found: &mut Found,
        hit: impl Fn(Run, Vec<u8>) -> Hit,
    ) {
        // All of the haystack for one lag, then for the next: filters are large,
        // and it takes long to have one in the cache.
        for lag in &self.lags {
            let mut search = Search {
                lag,
                material,
                haystack,
                found: &mut *found,
                hit: &hit,
            };
            search.run();
        }
    }
}

#[derive(Clone, Debug)]
struct Lag {
    distance: usize,
    stride: usize,
    filter: Filter,
    table: OnceLock<Table>,
}

impl Lag {
    fn new(material: &Material, distance: usize, stride: usize) -> Self {
        let mut filter = Filter::new(material.octets.len());
        for (_, track) in &material.tracks {
            let late = &material.octets[(track.start + distance).min(track.end)..track.end];
            let early = &material.octets[track.start..track.start + late.len()];
            for (early, late) in early.windows(WINDOW).zip(late.windows(WINDOW)) {
                filter.insert(hash(window(early, 0) ^ window(late, 0)));
            }
        }
        Self {
            distance,
            stride,
            filter,
            table: OnceLock::new(),
        }
    }

    fn table(&self, material: &Material) -> &Table {
        self.table.get_or_init(|| {
            let octets = &material.octets;
            let mut table = Table::new(octets.len() / SPARSE + material.tracks.len());
            for (_, track) in &material.tracks {
                let reach = track.start..track.end.saturating_sub(self.distance);
                for offset in starts(&reach).step_by(SPARSE) {
                    let differences = self.differences(octets, offset);
                    let place = Place {
                        offset,
                        more: false,
                    };
                    if is_informative(differences) {
                        table.insert(hash(differences), place, COPIES, |other| {
                            self.differences(octets, other) == differences
                        });
                    }
                }
            }
            table
        })
    }

    fn differences(&self, octets: &[u8], at: usize) -> u64 {
        window(octets, at) ^ window(octets, at + self.distance)
    }
}

/// One lag on one haystack.
struct Search<'a, F> {
    lag: &'a Lag,
    material: &'a Material,
    haystack: &'a [u8],
    found: &'a mut Found,
    hit: F,
}

impl<F: Fn(Run, Vec<u8>) -> Hit> Search<'_, F> {
    fn run(&mut self) {
        let &Lag {
            distance, stride, ..
        } = self.lag;
        let late = self.haystack.get(distance..).unwrap_or_default();
        let batches = late
            .chunks(LANES * stride)
            .zip(self.haystack.chunks(LANES * stride));
        for (number, (late, early)) in batches.enumerate() {
            if self.found.room() == 0 {
                return;
            }
            let pairs = late.chunks_exact(stride).zip(early.chunks_exact(stride));
            let hashes = pairs.map(|(late, early)| hash(window(late, 0) ^ window(early, 0)));
            let mut passed = self.lag.filter.may_have_each(hashes);
            while passed != 0 {
                self.candidate((number * LANES + passed.trailing_zeros() as usize) * stride);
                passed &= passed - 1;
            }
        }
        self.candidate(late.len() / stride * stride);
    }

    fn candidate(&mut self, at: usize) {
        if self.found.room() > 0
            && self.goes_on(at)
            && let Some((run, key)) = self.longest(at)
        {
            self.found.add(run, (self.hit)(run, key));
        }
    }

    /// Whether the windows behind the one at `at` may be of the ledger too, and
    /// say something.
    fn goes_on(&self, at: usize) -> bool {
        let differences = |step| self.lag.differences(self.haystack, at + step);
        at + SPARSE - 1 + self.lag.distance + WINDOW <= self.haystack.len()
            && (0..SPARSE).all(|step| self.lag.filter.may_have(hash(differences(step))))
            && (0..SPARSE).any(|step| is_informative(differences(step)))
    }

    /// The longest run through one of the windows at `at` and its key.
    fn longest(&self, at: usize) -> Option<(Run, Vec<u8>)> {
        let Self {
            lag,
            material,
            haystack,
            ..
        } = *self;
        let mut best: Option<(Run, Vec<u8>)> = None;
        for at in at..at + SPARSE {
            let Some(free) = self.found.free(at, haystack.len()) else {
                continue;
            };
            let differences = lag.differences(haystack, at);
            for place in lag.table(material).places(hash(differences)) {
                if lag.differences(&material.octets, place.offset) != differences
                    || !material.is_anchor(place.offset)
                {
                    continue;
                }
                let track = material.track(place.offset).1.clone();
                let pair = Pair {
                    here: haystack,
                    there: &material.octets,
                    at,
                    offset: place.offset,
                    free: free.clone(),
                    track,
                };
                let run = pair.run(lag.distance);
                if let Some((run, period)) = run
                    && best
                        .as_ref()
                        .is_none_or(|(best, _)| best.length < run.length)
                    && material.is_telling(run.offset..run.offset + run.length)
                {
                    let key = pair.key(run, period);
                    // Without a key it is a raw run that was not reported.
                    if key.iter().any(|octet| *octet != 0) {
                        best = Some((run, key));
                    }
                }
            }
        }
        best
    }
}

/// A place in the haystack and one in the ledger with equal differences.
struct Pair<'a> {
    here: &'a [u8],
    there: &'a [u8],
    at: usize,
    offset: usize,
    /// Where a run may lie in the haystack, and in the ledger.
    free: Range<usize>,
    track: Range<usize>,
}

impl Pair<'_> {
    /// The run of the smallest period that divides `distance` and has one.
    fn run(&self, distance: usize) -> Option<(Run, usize)> {
        (1..=distance)
            .filter(|period| distance.is_multiple_of(*period))
            .find_map(|period| Some((self.extend(period)?, period)))
    }

    fn extend(&self, period: usize) -> Option<Run> {
        let Self { at, offset, .. } = *self;
        let before = (at - self.free.start).min(offset - self.track.start);
        let after = (self.free.end - at)
            .min(self.track.end - offset)
            .checked_sub(period)?;
        let agrees = |here: usize, there: usize| {
            self.here[here] ^ self.here[here + period]
                == self.there[there] ^ self.there[there + period]
        };
        let after = (0..after)
            .take_while(|i| agrees(at + i, offset + i))
            .count();
        let before = (1..=before)
            .take_while(|i| agrees(at - i, offset - i))
            .count();
        let run = Run {
            at: at - before,
            offset: offset - before,
            length: before + after + period,
        };
        (after >= WINDOW && run.length >= shortest(period)).then_some(run)
    }

    fn key(&self, run: Run, period: usize) -> Vec<u8> {
        let here = &self.here[run.at..run.at + period];
        let there = &self.there[run.offset..];
        here.iter().zip(there).map(|(a, b)| a ^ b).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::adversary::known_plaintext::testing::{index, plant, random, video};
    use crate::adversary::known_plaintext::{Disguise, Hit};

    fn periods() -> impl Iterator<Item = usize> {
        (1..=64).chain([96, 128, 256])
    }

    fn xor(octets: &[u8], key: &[u8]) -> Vec<u8> {
        octets
            .iter()
            .zip(key.iter().cycle())
            .map(|(octet, key)| octet ^ key)
            .collect()
    }

    /// Whether `hit` covers `length` octets at `at` of a run of the ledger at
    /// `offset`, and its key opens it.
    fn opens(hit: &Hit, haystack: &[u8], ledger: &[u8], at: usize, length: usize) -> bool {
        let Disguise::Xor { key } = &hit.disguise else {
            return false;
        };
        let found = &haystack[hit.at..hit.at + hit.length];
        hit.at <= at
            && hit.at + hit.length >= at + length
            && xor(found, key) == ledger[hit.ledger_offset..hit.ledger_offset + hit.length]
    }

    #[test]
    fn every_period_has_a_lag_that_probes_each_of_its_shortest_runs() {
        for period in periods() {
            let serves = |(lag, stride): &(usize, usize)| {
                let windows = (super::shortest(period) + 1).saturating_sub(lag + 8);
                lag.is_multiple_of(period) && windows >= stride + super::SPARSE - 1
            };
            assert!(super::LAGS.iter().any(serves), "{period}");
        }
    }

    #[test]
    fn the_shortest_run_is_found_at_every_period() {
        let octets = video(1, 40_000);
        let index = index(&octets, &[]);
        for period in periods() {
            let length = 3 * period + 32;
            for trial in 0..60 {
                let at = 100 + trial;
                let offset = 7919 * (trial + period) % (octets.len() - length);
                let key = random(trial as u64 * 300 + period as u64, period);
                let hidden = xor(&octets[offset..offset + length], &key);
                let haystack = plant(3, 400 + length, at, &hidden);
                let hits = index.search(&haystack, 10);
                assert_eq!(hits.len(), 1, "period {period}, offset {offset}");
                assert!(
                    opens(&hits[0], &haystack, &octets, at, length),
                    "{:?}",
                    hits[0]
                );
                let Disguise::Xor { key } = &hits[0].disguise else {
                    unreachable!()
                };
                assert_eq!(key.len(), period);
            }
        }
    }

    #[test]
    fn the_shortest_run_is_found_at_both_ends_of_the_haystack() {
        let octets = video(1, 40_000);
        let index = index(&octets, &[]);
        for period in periods() {
            let length = 3 * period + 32;
            for trial in 0..20 {
                let offset = 6007 * (trial + period) % (octets.len() - length);
                let key = random(trial as u64 * 300 + period as u64, period);
                let hidden = xor(&octets[offset..offset + length], &key);
                let at = (trial > 0) as usize * (40 + trial);
                let hits = index.search(&plant(3, at + length, at, &hidden), 10);
                assert_eq!(hits.len(), 1, "period {period}, offset {offset}, at {at}");
            }
        }
    }

    #[test]
    fn a_stretch_of_the_ledger_with_little_information_is_found_too() {
        let octets: Vec<u8> = random(1, 20_000).iter().map(|octet| octet & 15).collect();
        let index = index(&octets, &[]);
        let mut found = 0;
        for period in [1, 2, 7, 16, 33, 64, 128, 256] {
            // Longer than the shortest run: not each window is informative.
            let length = 9 * period + 200;
            for at in 0..40 {
                let hidden = xor(&octets[5000 + at..5000 + at + length], &random(9, period));
                let haystack = plant(3, 400 + length, at, &hidden);
                let hits = index.search(&haystack, 10);
                assert_eq!(hits.len(), 1, "{period} {at} {hits:?}");
                found += usize::from(opens(&hits[0], &haystack, &octets, at, length));
            }
        }
        assert_eq!(found, 8 * 40);
    }

    #[test]
    fn inversion_is_found_as_key_ff() {
        let octets = video(1, 40_000);
        let index = index(&octets, &[]);
        for at in 0..64 {
            let hidden = xor(&octets[1000 + at..1035 + at], &[0xFF]);
            let hits = index.search(&plant(3, 200, at, &hidden), 10);
            assert_eq!(hits.len(), 1);
            assert_eq!(hits[0].disguise, Disguise::Xor { key: vec![0xFF] });
        }
    }

    #[test]
    fn the_smallest_period_is_reported() {
        let octets = random(1, 300_000);
        let index = index(&octets, &[]);
        for (key, smallest) in [
            (b"abababab".to_vec(), 2),
            (random(2, 64), 64),
            (vec![7; 60], 1),
        ] {
            let hidden = xor(&octets, &key);
            let hits = index.search(&[random(5, 1000), hidden].concat(), 10);
            let [
                Hit {
                    at: 1000,
                    length: 300_000,
                    disguise: Disguise::Xor { key },
                    ..
                },
            ] = &hits[..]
            else {
                panic!("{hits:?}")
            };
            assert_eq!(key.len(), smallest);
        }
    }

    #[test]
    fn raw_runs_are_not_reported_again() {
        let octets = video(1, 40_000);
        let hits = index(&octets, &[]).search(&octets[100..20_000], 10);
        assert_eq!(hits.len(), 1);
        assert_eq!(
            (hits[0].length, &hits[0].disguise),
            (19_900, &Disguise::Raw)
        );
    }

    #[test]
    fn foreign_material_and_fill_are_not_reported() {
        let shared = random(5, 400);
        let octets = [
            random(1, 2000),
            shared.clone(),
            vec![0xFF; 2000],
            random(2, 2000),
        ]
        .concat();
        let foreign = [random(3, 2000), shared.clone()].concat();
        let index = index(&octets, &foreign);
        for period in periods() {
            let key = random(period as u64, period);
            assert_eq!(
                index.search(&plant(6, 900, 100, &xor(&shared, &key)), 10),
                []
            );
            assert_eq!(index.search(&xor(&[0xFF; 3000], &key), 10), []);
        }
    }

    #[test]
    fn raw_base64_and_xor_stand_side_by_side_within_the_limit() {
        let octets = random(1, 9000);
        let index = index(&octets, &[]);
        let mut haystack = Vec::new();
        for part in 0..6 {
            let plain = &octets[part * 1000..part * 1000 + 500];
            haystack.extend(xor(plain, &[part as u8 * 40, 0]));
        }
        for limit in 0..8 {
            let hits = index.search(&haystack, limit);
            assert_eq!(hits.len(), limit.min(6));
            assert!(hits.is_sorted_by_key(|hit| hit.at));
            assert!(
                hits.windows(2)
                    .all(|two| two[0].at + two[0].length <= two[1].at)
            );
        }
        let total: usize = index
            .search(&haystack, 8)
            .iter()
            .map(|hit| hit.length)
            .sum();
        assert!(total >= 2980, "{total}");
    }
}

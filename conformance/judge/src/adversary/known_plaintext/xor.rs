//! The ledger under a repeating XOR key.
//!
//! With a key of period p the differences at distance p, `x[i] ^ x[i + p]`, are
//! those of the plaintext: no key is guessed. A run of 3p + 32 octets has
//! 2p + 25 windows of eight differences. Of any so many neighbours in the ledger
//! either one that is *sampled* is in the index, or all are. Whether a window is
//! sampled shows in its first difference alone, so that the haystack says it
//! too: there the sampled ones are probed, and every (2p + 25)th in any case.
//! Only informative windows with a fresh octet are entered.

use super::material::Material;
use super::table::{COPIES, Filter, Place, Table, WINDOW, hash, is_informative, window};
use super::{Found, Hit, Run};

/// The index of each period that is covered.
#[derive(Clone, Debug)]
pub(super) struct Xor {
    lags: Vec<Lag>,
}

impl Xor {
    pub(super) fn new(material: &Material) -> Self {
        let periods = (1..=64).chain([96, 128, 256]);
        Self {
            lags: periods.map(|period| Lag::new(material, period)).collect(),
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
        for block in (0..haystack.len()).step_by(BLOCK) {
            for lag in &self.lags {
                lag.for_each_match(haystack, block, |at, differences| {
                    if found.room() > 0
                        && let Some((run, key)) =
                            lag.longest(material, haystack, at, differences, found)
                    {
                        found.add(hit(run, key));
                    }
                });
            }
        }
    }
}

/// Octets of haystack that are searched for all periods before the next.
const BLOCK: usize = 1 << 22;

#[derive(Clone, Debug)]
struct Lag {
    period: usize,
    /// A window is sampled if its first difference is below, after some mixing.
    below: u8,
    filter: Filter,
    table: Table,
}

impl Lag {
    fn new(material: &Material, period: usize) -> Self {
        // Five samples among `every` windows, on average: more cost probes,
        // fewer leave more runs without one.
        let below = (5 * 256_usize).div_ceil(2 * period + 25) as u8;
        let mut lag = Self {
            period,
            below,
            filter: Filter::new(0),
            table: Table::new(0),
        };
        let entries = lag.choose(material);
        lag.filter = Filter::new(entries.len());
        lag.table = Table::new(entries.len());
        for &offset in &entries {
            let differences = lag.differences(&material.octets, offset as usize);
            lag.filter.insert(hash(differences));
            lag.table.insert(
                hash(differences),
                Place {
                    offset: offset as usize,
                    more: false,
                },
                COPIES,
                |other| {
                    window(&material.octets, other) ^ window(&material.octets, other + period)
                        == differences
                },
            );
        }
        lag
    }

    /// Windows in the shortest run.
    fn every(&self) -> usize {
        2 * self.period + 25
    }

    /// Octets of the shortest run.
    fn shortest(&self) -> usize {
        3 * self.period + 32
    }

    fn differences(&self, octets: &[u8], at: usize) -> u64 {
        window(octets, at) ^ window(octets, at + self.period)
    }

    fn is_sampled(&self, octet: u8, later: u8) -> bool {
        // Small differences are common in text and tables, so they are not it.
        (octet ^ later ^ 0xA5) < self.below
    }

    /// The windows of the ledger that are entered.
    fn choose(&self, material: &Material) -> Vec<u32> {
        let octets = &material.octets;
        let is_needle =
            |at: usize| material.is_anchor(at) && is_informative(self.differences(octets, at));
        let mut chosen = Vec::new();
        for (_, track) in &material.tracks {
            if track.len() < self.shortest() {
                continue;
            }
            let end = track.end - self.period - WINDOW + 1;
            let is_sample =
                |at: usize| self.is_sampled(octets[at], octets[at + self.period]) && is_needle(at);
            // What is before `next` is done.
            let mut next = track.start;
            while next + self.every() <= end {
                let run = next..next + self.every();
                let sample = run
                    .clone()
                    .rev()
                    .find(|at| is_sample(*at))
                    .unwrap_or_else(|| {
                        // A whole run without a sample: all up to the next one.
                        let sample = (run.end..end).find(|at| is_sample(*at)).unwrap_or(end);
                        chosen.extend(
                            (next..sample)
                                .filter(|at| is_needle(*at))
                                .map(|at| at as u32),
                        );
                        sample
                    });
                if sample < end {
                    chosen.push(sample as u32);
                }
                next = sample + 1;
            }
        }
        chosen
    }

    /// Probes the windows that begin in the block at `block`, and calls `found`
    /// for those that may be in the table.
    fn for_each_match(&self, haystack: &[u8], block: usize, mut found: impl FnMut(usize, u64)) {
        if haystack.len() < self.shortest() {
            return;
        }
        let end = (haystack.len() - self.period - WINDOW + 1).min(block + BLOCK);
        if end <= block {
            return;
        }
        let mut always = block.next_multiple_of(self.every());
        let early = haystack[block..end].chunks(LANES);
        let late = haystack[block + self.period..end + self.period].chunks(LANES);
        for ((early, late), first) in early.zip(late).zip((block..).step_by(LANES)) {
            let mut sampled = [0_u8; LANES];
            for ((sampled, a), b) in sampled.iter_mut().zip(early).zip(late) {
                *sampled = u8::from(self.is_sampled(*a, *b));
            }
            let mut left = bits(&sampled);
            while always < first + early.len() {
                left |= 1 << (always - first);
                always += self.every();
            }
            while left != 0 {
                let at = first + left.trailing_zeros() as usize;
                let differences = self.differences(haystack, at);
                if self.filter.may_have(hash(differences)) {
                    found(at, differences);
                }
                left &= left - 1;
            }
        }
    }

    /// The longest run through the window at `at` and its key.
    fn longest(
        &self,
        material: &Material,
        haystack: &[u8],
        at: usize,
        differences: u64,
        found: &Found,
    ) -> Option<(Run, Vec<u8>)> {
        let mut best: Option<(Run, Vec<u8>)> = None;
        for place in self.table.places(hash(differences)) {
            if self.differences(&material.octets, place.offset) == differences
                && let Some((run, key)) = self.extend(material, haystack, at, place.offset, found)
                && best
                    .as_ref()
                    .is_none_or(|(best, _)| best.length < run.length)
            {
                best = Some((run, key));
            }
        }
        best
    }

    fn extend(
        &self,
        material: &Material,
        haystack: &[u8],
        at: usize,
        offset: usize,
        found: &Found,
    ) -> Option<(Run, Vec<u8>)> {
        let free = found.free(at, haystack.len())?;
        let track = &material.track(offset).1;
        let window_end = self.period + WINDOW;
        let before = (at - free.start).min(offset - track.start);
        let after = free
            .end
            .checked_sub(at + window_end)?
            .min(track.end - offset - window_end);
        let agrees = |here: usize, there: usize| {
            haystack[here] ^ haystack[here + self.period]
                == material.octets[there] ^ material.octets[there + self.period]
        };
        let before = (1..=before)
            .take_while(|i| agrees(at - i, offset - i))
            .count();
        let after = (WINDOW..WINDOW + after)
            .take_while(|i| agrees(at + i, offset + i))
            .count();
        let run = Run {
            at: at - before,
            offset: offset - before,
            length: before + window_end + after,
        };
        if run.length < self.shortest() || !material.is_telling(run.offset..run.offset + run.length)
        {
            return None;
        }
        let mut key: Vec<u8> = haystack[run.at..run.at + self.period]
            .iter()
            .zip(&material.octets[run.offset..])
            .map(|(here, there)| here ^ there)
            .collect();
        if key.iter().all(|octet| *octet == 0) {
            return None;
        }
        let smallest = (1..=key.len())
            .filter(|period| key.len().is_multiple_of(*period))
            .find(|period| key.chunks(*period).all(|chunk| *chunk == key[..*period]));
        key.truncate(smallest.unwrap_or(key.len()));
        Some((run, key))
    }
}

/// Differences that are looked at together.
const LANES: usize = 64;

/// A bit for each octet, which is 0 or 1.
fn bits(octets: &[u8; LANES]) -> u64 {
    (0..LANES).step_by(WINDOW).fold(0, |bits, first| {
        // Octet i comes to lie on bit 56 + i.
        let row = window(octets, first).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        bits | row << first
    })
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
    fn a_stretch_of_the_ledger_without_samples_is_found_too() {
        // Octets of 0 to 15 alone: no difference is sampled at any period.
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
            // Runs over several blocks, so that any period could come first.
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
    fn the_smallest_period_is_reported_where_a_block_ends() {
        // So few octets before the end that only some periods have a sample there.
        let octets = random(1, 20_000);
        let index = index(&octets, &[]);
        for before in [3, 9, 15] {
            let at = super::BLOCK - before;
            let plain = &octets[7000 + before..];
            let haystack = [vec![0; at], xor(plain, b"ab")].concat();
            let hits = index.search(&haystack, 10);
            assert_eq!(hits.len(), 1);
            assert!(opens(&hits[0], &haystack, &octets, at, plain.len()));
            let Disguise::Xor { key } = &hits[0].disguise else {
                unreachable!()
            };
            assert_eq!(key.len(), 2);
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

//! Units that are too short to be found one by one: event texts, small audio
//! frames. A packet or record each, they come whole, in order, and with the same
//! number of octets in between, for a header has one length.
//!
//! A sequence is three consecutive units or more, each shorter than the shortest
//! raw run, that have 24 octets together. Eight fresh octets at the beginning of
//! one of them are its anchor, so chance does not make a sequence.

use std::ops::Range;

use lightleak_case::Ledger;

use super::material::Material;
use super::table::{COPIES, Filter, LANES, Place, Table, WINDOW, hash, is_informative, window};
use super::{Found, Hit, RUN, Run};

/// Units of the shortest sequence.
const UNITS: usize = 3;

/// Octets between two units, at most: headers of Ethernet to RTP fit.
const GAP: usize = 96;

/// The short units of a ledger.
#[derive(Clone, Debug)]
pub(super) struct Sequences {
    /// Where they are in all tracks in a row, in order.
    units: Vec<Range<usize>>,
    filter: Filter,
    /// Under the first window of a unit where it begins.
    anchors: Table,
}

impl Sequences {
    pub(super) fn new(material: &Material, ledger: &Ledger) -> Self {
        let mut units = Vec::new();
        for (track, (_, place)) in ledger.tracks.values().zip(&material.tracks) {
            let all = track.units.iter().filter_map(|unit| {
                let start = place.start.checked_add(unit.offset)?;
                Some(start..start.checked_add(unit.length)?)
            });
            units.extend(all.filter(|unit| {
                (1..RUN).contains(&unit.len()) && place.start <= unit.start && unit.end <= place.end
            }));
        }
        units.sort_by_key(|unit| unit.start);

        let is_anchor = |unit: &&Range<usize>| {
            unit.len() >= WINDOW
                && material.is_anchor(unit.start)
                && is_informative(window(&material.octets, unit.start))
        };
        let anchors = units.iter().filter(is_anchor).map(|unit| unit.start);
        let mut filter = Filter::new(2 * anchors.clone().count());
        let mut table = Table::new(anchors.clone().count());
        for offset in anchors {
            let here = window(&material.octets, offset);
            let place = Place {
                offset,
                more: false,
            };
            filter.insert(hash(here));
            table.insert(hash(here), place, COPIES, |other| {
                window(&material.octets, other) == here
            });
        }
        Self {
            units,
            filter,
            anchors: table,
        }
    }

    /// Adds what is in `haystack` to `found`, in places that are free.
    pub(super) fn search(
        &self,
        material: &Material,
        haystack: &[u8],
        found: &mut Found,
        hit: impl Fn(Run, Range<usize>, usize) -> Hit,
    ) {
        if self.units.len() < UNITS {
            return;
        }
        for first in (0..haystack.len()).step_by(LANES) {
            let windows = haystack[first..].windows(WINDOW);
            let mut passed = self
                .filter
                .may_have_each(windows.map(|w| hash(window(w, 0))));
            while passed != 0 {
                let at = first + passed.trailing_zeros() as usize;
                passed &= passed - 1;
                let best = self.longest(material, haystack, at, found);
                if let Some((run, place, gap)) = best {
                    found.add(run, hit(run, place, gap));
                }
                if found.room() == 0 {
                    return;
                }
            }
        }
    }

    /// The longest sequence through a unit that begins at `at`: its run in the
    /// ledger, its place, its gap.
    fn longest(
        &self,
        material: &Material,
        haystack: &[u8],
        at: usize,
        found: &Found,
    ) -> Option<(Run, Range<usize>, usize)> {
        let free = found.free(at, haystack.len())?;
        let here = window(haystack, at);
        self.anchors
            .places(hash(here))
            .filter(|place| window(&material.octets, place.offset) == here)
            .flat_map(|place| (1..=GAP).map(move |gap| (place.offset, gap)))
            .filter_map(|(offset, gap)| self.extend(material, haystack, &free, at, offset, gap))
            .max_by_key(|(run, ..)| run.length)
    }

    fn extend(
        &self,
        material: &Material,
        haystack: &[u8],
        free: &Range<usize>,
        at: usize,
        offset: usize,
        gap: usize,
    ) -> Option<(Run, Range<usize>, usize)> {
        let anchor = self.units.partition_point(|unit| unit.start < offset);
        let is_there = |start: usize, unit: &Range<usize>| {
            start >= free.start
                && start + unit.len() <= free.end
                && haystack[start..start + unit.len()] == material.octets[unit.clone()]
        };
        let adjoin = |a: &Range<usize>, b: &Range<usize>| a.end == b.start;
        let mut first = anchor;
        let mut start = at;
        while let Some(before) = first.checked_sub(1).map(|before| &self.units[before])
            && adjoin(before, &self.units[first])
            && let Some(place) = start.checked_sub(before.len() + gap)
            && is_there(place, before)
        {
            first -= 1;
            start = place;
        }
        let mut last = anchor;
        let mut end = at + self.units.get(anchor)?.len();
        if !is_there(at, &self.units[anchor]) {
            return None;
        }
        while let Some(after) = self.units.get(last + 1)
            && adjoin(&self.units[last], after)
            && is_there(end + gap, after)
        {
            last += 1;
            end += gap + after.len();
        }
        let range = self.units[first].start..self.units[last].end;
        let run = Run {
            at: start,
            offset: range.start,
            length: range.len(),
        };
        (last - first + 1 >= UNITS
            && run.length >= RUN
            && material.track(range.start).1.end >= range.end
            && material.is_telling(range))
        .then_some((run, start..end, gap))
    }
}

#[cfg(test)]
mod tests {
    use lightleak_case::{Ledger, Track, Unit};

    use crate::adversary::known_plaintext::testing::random;
    use crate::adversary::known_plaintext::{Disguise, Index};

    /// A ledger whose units have these lengths.
    fn ledger(seed: u64, lengths: &[usize]) -> Ledger {
        let mut track = Track {
            bytes: random(seed, lengths.iter().sum()),
            units: Vec::new(),
        };
        let mut offset = 0;
        for (number, &length) in lengths.iter().enumerate() {
            track.units.push(Unit {
                offset,
                length,
                number: number as u32,
                time_ns: 0,
                key_frame: false,
            });
            offset += length;
        }
        Ledger {
            tracks: [("events".to_string(), track)].into(),
        }
    }

    fn framed(
        ledger: &Ledger,
        units: std::ops::Range<usize>,
        gap: impl Fn(usize) -> usize,
    ) -> Vec<u8> {
        let track = &ledger.tracks["events"];
        let mut octets = Vec::new();
        for (number, unit) in track.units[units].iter().enumerate() {
            octets.extend(random(1000 + number as u64, gap(number)));
            octets.extend(&track.bytes[unit.offset..unit.offset + unit.length]);
        }
        octets
    }

    const LENGTHS: [usize; 12] = [9, 16, 3, 8, 20, 8, 8, 1, 23, 12, 8, 8];

    #[test]
    fn three_units_in_order_are_found() {
        let ledger = ledger(1, &LENGTHS);
        let index = Index::new(&ledger, &Ledger::default());
        for gap in [1, 4, 12, 54, 96] {
            for first in 0..LENGTHS.len() - 3 {
                let sequence = framed(&ledger, first..first + 3, |_| gap);
                let length: usize = LENGTHS[first..first + 3].iter().sum();
                let haystack = [&random(7, 100), &sequence[..], &random(8, 50)].concat();
                let hits = index.search(&haystack, 10);
                if length < 24 {
                    assert_eq!(hits, []);
                    continue;
                }
                let [hit] = &hits[..] else {
                    panic!("{gap} {first} {hits:?}")
                };
                assert_eq!(hit.disguise, Disguise::Sequence { gap });
                assert_eq!(hit.matched, length);
                assert_eq!((hit.at, hit.length), (100 + gap, sequence.len() - gap));
            }
        }
    }

    #[test]
    fn two_units_or_irregular_or_too_far_apart_are_none() {
        let ledger = ledger(1, &LENGTHS);
        let index = Index::new(&ledger, &Ledger::default());
        assert_eq!(index.search(&framed(&ledger, 0..2, |_| 4), 10), []);
        assert_eq!(index.search(&framed(&ledger, 0..4, |n| 4 + n), 10), []);
        assert_eq!(index.search(&framed(&ledger, 0..4, |_| 97), 10), []);
    }

    #[test]
    fn what_other_cameras_say_too_is_none() {
        let same = ledger(1, &LENGTHS);
        let index = Index::new(&same, &same);
        assert_eq!(index.search(&framed(&same, 0..12, |_| 4), 10), []);
    }

    #[test]
    fn units_that_lie_about_their_place_are_passed_over() {
        let mut odd = ledger(1, &LENGTHS);
        let track = odd.tracks.get_mut("events").expect("the track");
        track.units[3].offset = usize::MAX;
        track.units[5].length = usize::MAX;
        track.units[7].offset = 123;
        let index = Index::new(&odd, &Ledger::default());
        assert_eq!(index.search(&random(3, 1000), 10), []);
        assert_eq!(index.search(&[0; 1000], 10), []);
    }
}

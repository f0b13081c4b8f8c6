//! The positive proof: what was opened is what the ledger says, octet by octet,
//! and of what the ledger says nothing is missing in between.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lightleak_case::{Ledger, Track};

/// What was opened, compared with the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Octets of the ledger that were to be found: of every run of units that
    /// was delivered, from the first to the last.
    pub ledger_bytes: u64,
    /// Octets of those that were found.
    pub ledger_bytes_matched: u64,
    /// Units that were opened and are not in the ledger.
    pub foreign: usize,
}

/// The ledger, to be compared with.
pub struct Comparison<'a> {
    ledger: &'a Ledger,
    /// Content to track and index of the unit.
    units: HashMap<&'a [u8], Vec<(&'a str, usize)>>,
    expected: BTreeMap<&'a str, BTreeSet<usize>>,
    matched: BTreeMap<&'a str, BTreeSet<usize>>,
    foreign: usize,
}

impl<'a> Comparison<'a> {
    /// Compares with that ledger.
    pub fn new(ledger: &'a Ledger) -> Self {
        let mut units: HashMap<_, Vec<_>> = HashMap::new();
        for (name, track) in &ledger.tracks {
            for index in 0..track.units.len() {
                let octets = octets(track, index);
                units.entry(octets).or_default().push((&**name, index));
            }
        }
        Self {
            ledger,
            units,
            expected: BTreeMap::new(),
            matched: BTreeMap::new(),
            foreign: 0,
        }
    }

    /// Units that came one after the other: access units as Annex B, or packets
    /// of sound. The last one may have been cut short. `paused`: whether somebody
    /// asked that the stream stop in between, so that units may be missing.
    pub fn delivered<'b>(&mut self, units: impl Iterator<Item = &'b [u8]>, paused: bool) {
        let units: Vec<&[u8]> = units.filter(|unit| !unit.is_empty()).collect();
        // Equal units (silence) are told apart by those around them: from the
        // first on that there is only once, in both directions.
        let only_one = |unit: &&[u8]| self.units.get(*unit).is_some_and(|all| all.len() == 1);
        let anchor = units.iter().position(only_one).unwrap_or(0);
        if let Some((track, start)) = self.run(&units) {
            let range = start..start + units.len();
            self.matched.entry(track).or_default().extend(range.clone());
            self.expected.entry(track).or_default().extend(range);
            return;
        }
        let (before, after) = units.split_at(anchor);
        let mut found: Vec<(&'a str, usize)> = Vec::new();
        for (index, unit) in after.iter().enumerate() {
            let last = found.last().copied();
            match self.find(unit, last) {
                Some(at) => found.push(at),
                None if index + 1 == after.len() && self.begins(unit, last) => {}
                None => self.foreign += 1,
            }
        }
        let mut next = found.first().copied();
        for unit in before.iter().rev() {
            match self.find_before(unit, next) {
                Some(at) => {
                    found.push(at);
                    next = Some(at);
                }
                None => self.foreign += 1,
            }
        }
        let mut ranges: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for &(track, index) in &found {
            self.matched.entry(track).or_default().insert(index);
            let range = ranges.entry(track).or_insert((index, index));
            *range = (range.0.min(index), range.1.max(index));
        }
        for (track, (first, last)) in ranges {
            let expected = self.expected.entry(track).or_default();
            match paused {
                true => expected.extend(found.iter().filter(|f| f.0 == track).map(|f| f.1)),
                false => expected.extend(first..=last),
            }
        }
    }

    /// What came of it.
    pub fn finish(self) -> Proof {
        let octets = |sets: &BTreeMap<&str, BTreeSet<usize>>| {
            let of_track = |(name, set): (&&str, &BTreeSet<usize>)| {
                let units = self.ledger.tracks.get(*name).map_or(&[][..], |t| &t.units);
                set.iter()
                    .filter_map(|index| Some(units.get(*index)?.length as u64))
                    .sum::<u64>()
            };
            sets.iter().map(of_track).sum()
        };
        Proof {
            ledger_bytes: octets(&self.expected),
            ledger_bytes_matched: octets(&self.matched),
            foreign: self.foreign,
        }
    }

    /// Where the ledger has all of these units one after the other, if it does.
    fn run(&self, units: &[&[u8]]) -> Option<(&'a str, usize)> {
        let is_there = |&&(name, start): &&(&'a str, usize)| {
            let track = &self.ledger.tracks[name];
            start + units.len() <= track.units.len()
                && (start..)
                    .zip(units)
                    .all(|(index, unit)| octets(track, index) == *unit)
        };
        self.units
            .get(*units.first()?)?
            .iter()
            .find(is_there)
            .copied()
    }

    /// Of equal units the next one of the same track.
    fn find(&self, unit: &[u8], last: Option<(&str, usize)>) -> Option<(&'a str, usize)> {
        let all = self.units.get(unit)?;
        let next = last.and_then(|last| {
            let after = |at: &&(&str, usize)| at.0 == last.0 && at.1 > last.1;
            all.iter().find(after)
        });
        next.or(all.first()).copied()
    }

    /// Of equal units the one of the same track that comes last before that one.
    fn find_before(&self, unit: &[u8], next: Option<(&str, usize)>) -> Option<(&'a str, usize)> {
        let all = self.units.get(unit)?;
        let last = next.and_then(|next| {
            let before = |at: &&(&str, usize)| at.0 == next.0 && at.1 < next.1;
            all.iter().rfind(before)
        });
        last.or(all.last()).copied()
    }

    /// Whether the unit after that one begins so.
    fn begins(&self, unit: &[u8], last: Option<(&str, usize)>) -> bool {
        let next = last.and_then(|(track, index)| {
            let track = self.ledger.tracks.get(track)?;
            (index + 1 < track.units.len()).then(|| octets(track, index + 1))
        });
        next.is_some_and(|next| next.starts_with(unit))
    }
}

fn octets(track: &Track, index: usize) -> &[u8] {
    let unit = &track.units[index];
    track
        .bytes
        .get(unit.offset..unit.offset + unit.length)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        let video = ledger.tracks.entry("video".into()).or_default();
        for number in 0..6u8 {
            video.push(&[vec![0x41, number, 1, 2, 3]], number.into(), 0, false);
        }
        let audio = ledger.tracks.entry("audio".into()).or_default();
        for number in 0..4 {
            audio.push_octets(&[0xff; 8], number, 0);
        }
        ledger
    }

    fn unit(number: u8) -> Vec<u8> {
        vec![0, 0, 0, 1, 0x41, number, 1, 2, 3]
    }

    fn prove(units: &[Vec<u8>], paused: bool) -> Proof {
        let ledger = ledger();
        let mut comparison = Comparison::new(&ledger);
        comparison.delivered(units.iter().map(Vec::as_slice), paused);
        comparison.finish()
    }

    #[test]
    fn what_is_delivered_whole_is_matched_whole() {
        let proof = prove(&[unit(1), unit(2), unit(3)], false);
        assert_eq!((proof.ledger_bytes, proof.ledger_bytes_matched), (27, 27));
        assert_eq!(proof.foreign, 0);
    }

    #[test]
    fn what_is_left_out_in_between_is_missed_unless_somebody_paused() {
        let units = [unit(1), unit(4)];
        let proof = prove(&units, false);
        assert_eq!((proof.ledger_bytes, proof.ledger_bytes_matched), (36, 18));
        let proof = prove(&units, true);
        assert_eq!((proof.ledger_bytes, proof.ledger_bytes_matched), (18, 18));
    }

    #[test]
    fn what_the_ledger_does_not_know_is_foreign_but_for_a_cut_at_the_end() {
        assert_eq!(prove(&[unit(1), unit(9), unit(2)], false).foreign, 1);
        let mut cut = unit(2);
        cut.truncate(6);
        assert_eq!(prove(&[unit(1), cut.clone()], false).foreign, 0);
        assert_eq!(prove(&[unit(1), cut, unit(3)], false).foreign, 1);
    }

    #[test]
    fn equal_units_are_counted_one_by_one() {
        let silence = vec![0xff; 8];
        let proof = prove(&[silence.clone(), silence.clone(), silence], false);
        assert_eq!((proof.ledger_bytes, proof.ledger_bytes_matched), (24, 24));
    }

    #[test]
    fn silence_is_told_apart_by_what_follows_it() {
        let mut ledger = Ledger::default();
        let audio = ledger.tracks.entry("audio".into()).or_default();
        for number in 0..9u8 {
            let octets = [if number == 5 { number } else { 0xff }; 8];
            audio.push_octets(&octets, number.into(), 0);
        }
        let mut comparison = Comparison::new(&ledger);
        let (silence, sound) = ([0xff; 8], [5; 8]);
        let units: [&[u8]; 4] = [&silence, &silence, &sound, &silence];
        comparison.delivered(units.into_iter(), false);
        let proof = comparison.finish();
        assert_eq!((proof.ledger_bytes, proof.ledger_bytes_matched), (32, 32));
    }

    #[test]
    fn two_viewers_of_one_stream_count_once() {
        let ledger = ledger();
        let mut comparison = Comparison::new(&ledger);
        for numbers in [[1, 2], [2, 3]] {
            let units = numbers.map(unit);
            comparison.delivered(units.iter().map(Vec::as_slice), false);
        }
        let proof = comparison.finish();
        assert_eq!((proof.ledger_bytes, proof.ledger_bytes_matched), (27, 27));
    }
}

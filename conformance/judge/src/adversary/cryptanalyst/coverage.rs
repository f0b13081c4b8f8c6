//! Which octets of a unit were left in clear: a seal over the beginning, over
//! stripes, over key frames alone.

use std::ops::Range;

use lightleak_case::{Track, Unit};

/// Octets by which the end of a clear run may be off: the octet beside it is equal
/// by chance now and then.
const SLACK: usize = 2;

/// Octets of a unit below which it does not count: it would be clear or sealed as
/// a whole.
const SHORTEST: usize = 64;

/// What was left in clear.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverage {
    /// Units that count: of 64 octets or more.
    pub units: usize,
    /// Those with clear octets.
    pub units_with_clear: usize,
    /// Octets of the units that count.
    pub octets: usize,
    /// Those in clear.
    pub clear: usize,
    /// For stretches of offsets, from the start of the unit, in how many of the
    /// units with clear octets they exist and are clear.
    pub by_offset: Vec<Offsets>,
    /// What this looks like.
    pub pattern: Pattern,
}

/// Some offsets that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// The offsets.
    pub range: Range<usize>,
    /// Units with clear octets that reach to the end of the range, at least.
    pub units: usize,
    /// Those of them in which the whole range is clear.
    pub clear: usize,
}

/// How sealing was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Nothing is clear.
    Sealed,
    /// Everything is.
    Clear,
    /// So many octets at the beginning of each unit are sealed, no more.
    SealedHead(usize),
    /// So many octets at the beginning of each unit are clear, no more.
    ClearHead(usize),
    /// Stretches are clear and sealed in turns.
    Stripes {
        /// Octets from one clear stretch to the next.
        period: usize,
        /// Those that are sealed.
        sealed: usize,
    },
    /// Key frames are sealed, and the others clear.
    SealedKeyFrames,
    /// None of these.
    Irregular,
}

/// What `clear` ranges of a track's octets, such as those of known-plaintext hits,
/// leave sealed. They may overlap and be in any order.
pub fn coverage(track: &Track, clear: &[Range<usize>]) -> Coverage {
    let mut is_clear = vec![false; track.bytes.len()];
    for range in clear {
        let end = range.end.min(is_clear.len());
        is_clear[range.start.min(end)..end].fill(true);
    }
    let units: Vec<(&Unit, &[bool])> = track
        .units
        .iter()
        .filter(|unit| unit.length >= SHORTEST)
        .filter_map(|unit| {
            let end = unit.offset.checked_add(unit.length)?;
            Some((unit, is_clear.get(unit.offset..end)?))
        })
        .collect();
    let touched: Vec<&[bool]> = units
        .iter()
        .filter(|(_, clear)| clear.contains(&true))
        .map(|(_, clear)| *clear)
        .collect();
    Coverage {
        units: units.len(),
        units_with_clear: touched.len(),
        octets: units.iter().map(|(_, clear)| clear.len()).sum(),
        clear: touched
            .iter()
            .map(|clear| clear.iter().filter(|clear| **clear).count())
            .sum(),
        by_offset: by_offset(&touched),
        pattern: pattern(&units, &touched),
    }
}

/// In ranges that double, from 64 octets on.
fn by_offset(touched: &[&[bool]]) -> Vec<Offsets> {
    let longest = touched.iter().map(|clear| clear.len()).max().unwrap_or(0);
    let mut rows = Vec::new();
    let (mut start, mut end) = (0, SHORTEST);
    while end <= longest {
        let parts = touched.iter().filter_map(|clear| clear.get(start..end));
        rows.push(Offsets {
            range: start..end,
            units: parts.clone().count(),
            clear: parts.filter(|part| !part.contains(&false)).count(),
        });
        (start, end) = (end, 2 * end);
    }
    rows
}

fn pattern(units: &[(&Unit, &[bool])], touched: &[&[bool]]) -> Pattern {
    if touched.is_empty() {
        return Pattern::Sealed;
    }
    let is_whole = |clear: &[bool]| clear.iter().filter(|clear| !**clear).count() <= SLACK;
    if units.iter().all(|(_, clear)| is_whole(clear)) {
        return Pattern::Clear;
    }
    let key_frames_differ = units.iter().any(|(unit, _)| unit.key_frame)
        && units.iter().all(|(unit, clear)| match unit.key_frame {
            true => !clear.contains(&true),
            false => is_whole(clear),
        });
    if key_frames_differ {
        return Pattern::SealedKeyFrames;
    }
    let runs: Vec<Vec<Range<usize>>> = touched.iter().map(|clear| runs(clear)).collect();
    let heads = touched
        .iter()
        .zip(&runs)
        .filter_map(|(clear, runs)| match &runs[..] {
            [run] if run.start > SLACK && clear.len() - run.end <= SLACK => Some(run.start),
            _ => None,
        });
    if let Some(head) = agreed(heads, touched.len()) {
        return Pattern::SealedHead(head);
    }
    let heads = touched
        .iter()
        .zip(&runs)
        .filter_map(|(clear, runs)| match &runs[..] {
            [run] if run.start == 0 && clear.len() - run.end > SLACK => Some(run.end),
            _ => None,
        });
    if let Some(head) = agreed(heads, touched.len()) {
        return Pattern::ClearHead(head);
    }
    let several: Vec<_> = runs.iter().filter(|runs| runs.len() > 1).collect();
    let steps: Vec<usize> = several
        .iter()
        .flat_map(|runs| runs.windows(2).map(|two| two[1].start - two[0].start))
        .collect();
    let gaps: Vec<usize> = several
        .iter()
        .flat_map(|runs| runs.windows(2).map(|two| two[1].start - two[0].end))
        .collect();
    let count = steps.len();
    match (
        agreed(steps.into_iter(), count),
        agreed(gaps.into_iter(), count),
    ) {
        (Some(period), Some(sealed)) => Pattern::Stripes { period, sealed },
        _ => Pattern::Irregular,
    }
}

/// Clear stretches.
fn runs(clear: &[bool]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut at = 0;
    for part in clear.chunk_by(|a, b| a == b) {
        if part[0] {
            runs.push(at..at + part.len());
        }
        at += part.len();
    }
    runs
}

/// The most frequent value, if four in five of `all` are about that, and there are
/// two at least.
fn agreed(values: impl Iterator<Item = usize>, all: usize) -> Option<usize> {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    let most = values
        .chunk_by(|a, b| a == b)
        .max_by_key(|equal| equal.len())?;
    let value = most[0];
    let near = values.iter().filter(|other| other.abs_diff(value) <= SLACK);
    let near = near.count();
    (near >= 2 && 5 * near >= 4 * all).then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn track(lengths: &[usize]) -> Track {
        let mut track = Track::default();
        for (number, &length) in lengths.iter().enumerate() {
            track.units.push(Unit {
                offset: track.bytes.len(),
                length,
                number: number as u32,
                time_ns: 0,
                key_frame: number % 10 == 0,
            });
            track.bytes.resize(track.bytes.len() + length, 0);
        }
        track
    }

    fn lengths() -> Vec<usize> {
        (0..40)
            .map(|n| if n % 10 == 0 { 5000 } else { 300 + 37 * n })
            .collect()
    }

    fn only(range: Range<usize>) -> Vec<Range<usize>> {
        std::iter::once(range).collect()
    }

    /// The coverage if, of each unit, what `clear` says is clear.
    fn covered(clear: impl Fn(&Unit) -> Vec<Range<usize>>) -> Coverage {
        let track = track(&lengths());
        let shift = |unit: &Unit| {
            let offset = unit.offset;
            let ranges = clear(unit).into_iter();
            ranges
                .map(move |r| offset + r.start..offset + r.end.min(unit.length))
                .collect::<Vec<_>>()
        };
        let ranges: Vec<_> = track.units.iter().flat_map(shift).collect();
        coverage(&track, &ranges)
    }

    #[test]
    fn sealed_and_clear_are_told() {
        let sealed = covered(|_| Vec::new());
        assert_eq!(
            (sealed.pattern, sealed.clear, sealed.units),
            (Pattern::Sealed, 0, 40)
        );
        let clear = covered(|unit| only(0..unit.length));
        assert_eq!((clear.pattern, clear.clear), (Pattern::Clear, clear.octets));
    }

    #[test]
    fn heads_are_measured_in_spite_of_chance() {
        for head in [16, 100, 128, 256] {
            let found = covered(|unit| only(head - usize::from(unit.number % 3 == 0)..unit.length));
            assert_eq!(found.pattern, Pattern::SealedHead(head));
            assert_eq!(found.by_offset[0].clear, 0);
            assert_eq!(found.units_with_clear, 40);
            let found = covered(|unit| only(0..head + usize::from(unit.number % 3 == 0)));
            assert_eq!(found.pattern, Pattern::ClearHead(head));
        }
    }

    #[test]
    fn stripes_are_measured() {
        // One block of ten is sealed.
        let found = covered(|unit| {
            (0..unit.length)
                .step_by(160)
                .map(|at| at + 16..at + 160)
                .filter(|range| range.start < unit.length)
                .collect()
        });
        assert_eq!(
            found.pattern,
            Pattern::Stripes {
                period: 160,
                sealed: 16
            }
        );
    }

    #[test]
    fn sealed_key_frames_are_told() {
        let found = covered(|unit| {
            let clear = if unit.key_frame { 0..0 } else { 0..unit.length };
            only(clear)
        });
        assert_eq!(found.pattern, Pattern::SealedKeyFrames);
        assert_eq!(found.units_with_clear, 36);
    }

    #[test]
    fn anything_else_is_irregular() {
        let found = covered(|unit| {
            let at = unit.number as usize * 5 % 200;
            only(at..at + 40)
        });
        assert_eq!(found.pattern, Pattern::Irregular);
        assert_eq!(found.clear, 40 * 40);
        // What is sealed before and behind is no sealed head.
        let found = covered(|_| only(50..90));
        assert_eq!(found.pattern, Pattern::Irregular);
    }

    proptest! {
        #[test]
        fn counts_hold_whatever_the_input(
            lengths in prop::collection::vec(0..400_usize, 0..12),
            ranges in prop::collection::vec((any::<usize>(), any::<usize>()), 0..12),
        ) {
            let mut track = track(&lengths);
            if let Some(unit) = track.units.first_mut() {
                unit.offset = ranges.len() * 100;
            }
            let wrap = 2 * track.bytes.len() + 1;
            let ranges: Vec<_> = ranges.iter().map(|(a, b)| a % wrap..b % wrap).collect();
            let found = coverage(&track, &ranges);
            prop_assert!(found.clear <= found.octets && found.units_with_clear <= found.units);
            prop_assert_eq!(found.pattern == Pattern::Sealed, found.clear == 0);
        }
    }
}

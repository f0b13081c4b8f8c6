//! Indexes that are kept for a while: sessions of one camera mostly have the same
//! ledger, and an index takes longer to build than most sessions to search.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lightleak_case::Ledger;

use super::Index;

/// Octets of plaintext whose indexes are kept by default; an index takes some
/// hundred times as much memory.
const MOST_OCTETS: usize = 2 << 20;

/// How much smaller an index is that has most of itself from another of the same
/// ledger.
const SHARE: usize = 8;

/// Indexes, each built once for the same two ledgers while it is kept: those that
/// were not asked for the longest go first.
#[derive(Debug)]
pub struct Indexes {
    /// The youngest comes last.
    kept: Mutex<Vec<Arc<Kept>>>,
    most_octets: usize,
}

#[derive(Debug)]
struct Kept {
    ledger: Ledger,
    foreign: Ledger,
    /// Octets that it counts for.
    weight: usize,
    index: OnceLock<Arc<Index>>,
}

impl Default for Indexes {
    /// None yet, and room for a few.
    fn default() -> Self {
        Self::up_to(MOST_OCTETS)
    }
}

impl Indexes {
    /// None yet, and room for those of so many octets of plaintext.
    pub fn up_to(octets: usize) -> Self {
        Self {
            kept: Mutex::default(),
            most_octets: octets,
        }
    }

    /// What [`Index::new`] makes of these ledgers. Who asks for what another thread
    /// builds just then waits for it.
    pub fn index(&self, ledger: &Ledger, foreign: &Ledger) -> Arc<Index> {
        if octets(ledger) > self.most_octets {
            return Arc::new(Index::new(ledger, foreign));
        }
        let kept = self.keep(ledger, foreign);
        let build = || {
            let other = self.of(ledger);
            Arc::new(Index::beside(other.as_deref(), ledger, foreign))
        };
        kept.index.get_or_init(build).clone()
    }

    /// An index of that ledger, if there is one.
    fn of(&self, ledger: &Ledger) -> Option<Arc<Index>> {
        let kept = self.kept();
        let mut same = kept.iter().filter(|k| k.ledger == *ledger);
        same.find_map(|k| k.index.get().cloned())
    }

    /// The entry of these ledgers, which is the youngest then.
    fn keep(&self, ledger: &Ledger, foreign: &Ledger) -> Arc<Kept> {
        let mut all = self.kept();
        let of_ledger = |k: &Arc<Kept>| k.ledger == *ledger;
        let found = all
            .iter()
            .position(|k| of_ledger(k) && k.foreign == *foreign);
        let found = match found {
            Some(at) => all.remove(at),
            None => Arc::new(Kept {
                weight: match all.iter().any(of_ledger) {
                    true => octets(ledger) / SHARE,
                    false => octets(ledger),
                },
                ledger: ledger.clone(),
                foreign: foreign.clone(),
                index: OnceLock::new(),
            }),
        };
        all.push(found.clone());
        let mut sum = 0;
        let fitting = all.iter().rev().take_while(|kept| {
            sum += kept.weight;
            sum <= self.most_octets
        });
        let old = all.len() - fitting.count();
        all.drain(..old);
        found
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Arc<Kept>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn octets(ledger: &Ledger) -> usize {
    ledger.tracks.values().map(|track| track.bytes.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::known_plaintext::testing::{ledger, random};

    #[test]
    fn the_same_ledgers_have_the_same_index_and_others_another() {
        let indexes = Indexes::default();
        let [one, two] = [1, 2].map(|seed| ledger(&random(seed, 5000)));
        let first = indexes.index(&one, &two);
        assert!(Arc::ptr_eq(&first, &indexes.index(&one, &two)));
        for other in [
            indexes.index(&two, &one),
            indexes.index(&one, &Ledger::default()),
        ] {
            assert!(!Arc::ptr_eq(&first, &other));
        }
        let needle = &one.tracks["video"].bytes[1000..1100];
        assert_eq!(first.search(needle, 4).len(), 1);
        assert_eq!(indexes.index(&one, &one).search(needle, 4), []);
        assert_eq!(indexes.index(&two, &one).search(needle, 4), []);
    }

    #[test]
    fn what_is_shared_finds_the_same() {
        let indexes = Indexes::default();
        let [one, two, three] = [1, 2, 3].map(|seed| ledger(&random(seed, 5000)));
        let octets = &one.tracks["video"].bytes;
        let mut foreign = two.clone();
        let track = foreign.tracks.entry("video".into()).or_default();
        track.bytes.extend(&octets[3000..4000]);
        let hidden: Vec<u8> = octets.iter().map(|octet| octet ^ 0x5a).collect();
        for other in [&two, &foreign, &three] {
            let index = indexes.index(&one, other);
            let alone = Index::new(&one, other);
            for haystack in [octets, &hidden] {
                let hits = index.search(haystack, 9);
                assert!(!hits.is_empty());
                assert_eq!(hits, alone.search(haystack, 9));
            }
        }
        let first = indexes.index(&one, &two);
        assert!(Arc::ptr_eq(&first.xor, &indexes.index(&one, &three).xor));
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
        let indexes = Indexes::up_to(3000);
        let none = Ledger::default();
        let index = |seed, length| indexes.index(&ledger(&random(seed, length)), &none);
        let kept = || {
            let octets = |k: &Arc<Kept>| octets(&k.ledger);
            indexes.kept().iter().map(octets).collect::<Vec<_>>()
        };
        let first = index(1, 1000);
        index(2, 1100);
        assert!(Arc::ptr_eq(&first, &index(1, 1000)));
        index(3, 3001);
        assert_eq!(kept(), [1100, 1000]);
        index(4, 1200);
        assert_eq!(kept(), [1000, 1200]);
        assert!(Arc::ptr_eq(&first, &index(1, 1000)));
        index(5, 3000);
        assert_eq!(kept(), [3000]);
        assert!(!Arc::ptr_eq(&first, &index(1, 1000)));
    }
}

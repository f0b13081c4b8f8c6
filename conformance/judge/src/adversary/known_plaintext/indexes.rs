//! Indexes that are kept for a while: sessions of one camera mostly have the same
//! ledger, and an index takes longer to build than most sessions to search.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lightleak_case::Ledger;

use super::Index;

/// Octets of plaintext whose indexes are kept, the foreign one's included; they
/// take some hundred times as much memory.
const MOST_OCTETS: usize = 4 << 20;

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
    index: OnceLock<Arc<Index>>,
}

impl Default for Indexes {
    /// None yet.
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            most_octets: MOST_OCTETS,
        }
    }
}

impl Indexes {
    /// What [`Index::new`] makes of these ledgers. Who asks for what another thread
    /// builds just then waits for it.
    pub fn index(&self, ledger: &Ledger, foreign: &Ledger) -> Arc<Index> {
        let build = || Arc::new(Index::new(ledger, foreign));
        if octets(ledger) + octets(foreign) > self.most_octets {
            return build();
        }
        let kept = self.keep(ledger, foreign);
        kept.index.get_or_init(build).clone()
    }

    fn keep(&self, ledger: &Ledger, foreign: &Ledger) -> Arc<Kept> {
        let mut all = self.kept();
        let is_same = |k: &Arc<Kept>| k.ledger == *ledger && k.foreign == *foreign;
        let found = match all.iter().position(is_same) {
            Some(at) => all.remove(at),
            None => Arc::new(Kept {
                ledger: ledger.clone(),
                foreign: foreign.clone(),
                index: OnceLock::new(),
            }),
        };
        all.push(found.clone());
        let mut sum = 0;
        let fitting = all.iter().rev().take_while(|kept| {
            sum += octets(&kept.ledger) + octets(&kept.foreign);
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
    fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
        let indexes = Indexes {
            most_octets: 3000,
            ..Indexes::default()
        };
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

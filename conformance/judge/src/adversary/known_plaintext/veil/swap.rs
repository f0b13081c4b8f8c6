//! Words of the ledger in the other byte order: of 16 and of 32 bits.

use super::Search;
use crate::adversary::known_plaintext::Disguise;

/// What turning the words round does to a window.
type Turn = fn(u64) -> u64;

/// The haystack with its words turned round, at each phase words can have.
pub(super) fn lift(haystack: &[u8], search: &mut Search<'_>) {
    let orders: [(usize, Turn); 2] = [(2, turn_16), (4, turn_32)];
    for (word, turn) in orders {
        for phase in 0..word.min(haystack.len()) {
            let words = &haystack[phase..];
            // To turn all of it is not cheap, and hardly ever worth it.
            if !search.index.may_have_run(words, turn) {
                continue;
            }
            let mut octets = words[..words.len() / word * word].to_vec();
            octets.chunks_exact_mut(word).for_each(<[u8]>::reverse);
            search.show(&octets, Disguise::Swap { word }, |run| {
                phase + run.start / word * word..phase + run.end.next_multiple_of(word)
            });
        }
    }
}

fn turn_16(window: u64) -> u64 {
    (window & 0x00FF_00FF_00FF_00FF) << 8 | window >> 8 & 0x00FF_00FF_00FF_00FF
}

fn turn_32(window: u64) -> u64 {
    window.swap_bytes().rotate_left(32)
}

#[cfg(test)]
mod tests {
    use crate::adversary::known_plaintext::Disguise;
    use crate::adversary::known_plaintext::testing::{index, plant, video};

    fn swapped(octets: &[u8], word: usize) -> Vec<u8> {
        let words = octets.chunks_exact(word);
        words.flat_map(|w| w.iter().rev().copied()).collect()
    }

    #[test]
    fn windows_turn_like_words() {
        let window = u64::from_le_bytes([1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(
            super::turn_16(window).to_le_bytes(),
            [2, 1, 4, 3, 6, 5, 8, 7]
        );
        assert_eq!(
            super::turn_32(window).to_le_bytes(),
            [4, 3, 2, 1, 8, 7, 6, 5]
        );
    }

    #[test]
    fn runs_of_24_octets_are_found_at_every_phase() {
        let octets = video(1, 40_000);
        let index = index(&octets, &[]);
        for word in [2, 4] {
            for at in 0..40 {
                let offset = 5000 + 7 * at;
                let hidden = swapped(&octets[offset..offset + 24], word);
                for rest in [0, 1, 300] {
                    let haystack = plant(3, at + 24 + rest, at, &hidden);
                    let hits = index.search(&haystack, 10);
                    let [hit] = &hits[..] else {
                        panic!("{word} {at} {rest} {hits:?}")
                    };
                    assert_eq!(hit.disguise, Disguise::Swap { word });
                    assert!(hit.matched >= 24 && hit.ledger_offset <= offset);
                    assert!(hit.at <= at && hit.at + hit.length >= at + 24);
                }
            }
        }
    }

    #[test]
    fn long_runs_are_whole() {
        let octets = video(1, 40_000);
        let haystack = [&b"abc"[..], &swapped(&octets[..20_000], 4)].concat();
        let hits = index(&octets, &[]).search(&haystack, 10);
        assert_eq!(hits.len(), 1);
        assert_eq!((hits[0].at, hits[0].matched), (3, 20_000));
    }
}

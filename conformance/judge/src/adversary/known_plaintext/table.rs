//! Windows of eight octets and the two structures that find them: a filter
//! that says no quickly, and a table that says where.

/// Octets in a window.
pub(in crate::adversary) const WINDOW: usize = 8;

/// Equal windows that are remembered one by one.
pub(super) const COPIES: usize = 8;

/// The window at `at`, which must lie within `octets`.
pub(in crate::adversary) fn window(octets: &[u8], at: usize) -> u64 {
    let mut window = [0; WINDOW];
    window.copy_from_slice(&octets[at..at + WINDOW]);
    u64::from_le_bytes(window)
}

/// A hash whose high bits are good.
pub(in crate::adversary) fn hash(window: u64) -> u64 {
    (window ^ window >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// A window with fewer than five different octets, or that only counts up or
/// down, says nothing: padding, fill, start codes, tables.
pub(in crate::adversary) fn is_informative(window: u64) -> bool {
    let octets = window.to_le_bytes();
    let mut seen = [0_u64; 4];
    for octet in octets {
        seen[usize::from(octet >> 6)] |= 1 << (octet & 63);
    }
    let step = octets[1].wrapping_sub(octets[0]);
    seen.iter().map(|word| word.count_ones()).sum::<u32>() >= 5
        && octets
            .windows(2)
            .any(|pair| pair[1].wrapping_sub(pair[0]) != step)
}

/// Probes that are made together, so that their memory accesses overlap.
pub(in crate::adversary) const LANES: usize = 64;

/// A Bloom filter of one memory access: three bits in one word, 8 to 16 bits for
/// every entry, so less than one probe in twenty errs to yes.
#[derive(Clone, Debug)]
pub(in crate::adversary) struct Filter {
    words: Vec<u64>,
    shift: u32,
}

impl Filter {
    pub(in crate::adversary) fn new(entries: usize) -> Self {
        let words = (entries / 8).next_power_of_two().max(2);
        Self {
            words: vec![0; words],
            shift: u64::BITS - words.trailing_zeros(),
        }
    }

    pub(in crate::adversary) fn insert(&mut self, hash: u64) {
        self.words[(hash >> self.shift) as usize] |= Self::mask(hash);
    }

    pub(super) fn may_have(&self, hash: u64) -> bool {
        !self.words[(hash >> self.shift) as usize] & Self::mask(hash) == 0
    }

    /// A bit for each of the first hashes, without a branch: the processor has the
    /// accesses of all lanes under way at once.
    #[inline]
    pub(in crate::adversary) fn may_have_each(&self, hashes: impl Iterator<Item = u64>) -> u64 {
        let mut lanes = [0; LANES];
        for (lane, hash) in lanes.iter_mut().zip(hashes) {
            *lane = u8::from(self.may_have(hash));
        }
        (0..LANES).step_by(WINDOW).fold(0, |bits, first| {
            // Octet i, which is 0 or 1, comes to lie on bit 56 + i.
            let row = window(&lanes, first).wrapping_mul(0x0102_0408_1020_4080) >> 56;
            bits | row << first
        })
    }

    fn mask(hash: u64) -> u64 {
        MASKS[(hash >> 20) as usize % MASKS.len()]
    }
}

/// Words with three bits. Looking one up is cheaper than three shifts.
static MASKS: [u64; 1024] = {
    let mut masks = [0_u64; 1024];
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut number = 0;
    while number < masks.len() {
        while masks[number].count_ones() < 3 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            masks[number] |= 1 << (state >> 58);
        }
        number += 1;
    }
    masks
};

/// Hash to offsets in the ledger: open addressing, six octets for every entry.
#[derive(Clone, Debug)]
pub(super) struct Table {
    slots: Vec<u32>,
}

/// Where a window is in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: usize,
    /// Equal windows are elsewhere in the ledger too and are not in the table.
    pub(super) more: bool,
}

impl Table {
    /// One more than the highest offset a table can hold.
    pub(super) const END: usize = 1 << 31;
    const FREE: u32 = u32::MAX;
    const MORE: u32 = 1 << 31;

    /// Room for at most `entries`.
    pub(super) fn new(entries: usize) -> Self {
        Self {
            slots: vec![Self::FREE; entries + entries / 2 + 1],
        }
    }

    /// Enters `offset`, unless `copies` entries that are the `same` are there:
    /// then it notes that there are more.
    pub(super) fn insert(
        &mut self,
        hash: u64,
        place: Place,
        copies: usize,
        same: impl Fn(usize) -> bool,
    ) {
        let flag = if place.more { Self::MORE } else { 0 };
        let mut first = None;
        let mut count = 0;
        let mut at = self.start(hash);
        while self.slots[at] != Self::FREE {
            if same((self.slots[at] & !Self::MORE) as usize) {
                let first = *first.get_or_insert(at);
                count += 1;
                if count == copies {
                    self.slots[first] |= Self::MORE;
                    return;
                }
            }
            at = if at + 1 == self.slots.len() {
                0
            } else {
                at + 1
            };
        }
        self.slots[at] = place.offset as u32 | flag;
    }

    /// What may be there under `hash`; the caller compares.
    pub(super) fn places(&self, hash: u64) -> impl Iterator<Item = Place> {
        let (before, from) = self.slots.split_at(self.start(hash));
        from.iter()
            .chain(before)
            .take_while(|slot| **slot != Self::FREE)
            .map(|slot| Place {
                offset: (slot & !Self::MORE) as usize,
                more: slot & Self::MORE != 0,
            })
    }

    fn start(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.slots.len() as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_say_nothing_are_told_apart() {
        for dull in [
            [0; 8],
            [1, 2, 3, 4, 1, 2, 3, 4],
            [0, 0, 0, 1, 0, 0, 3, 0],
            [9, 9, 9, 9, 9, 9, 9, 1],
            [1, 2, 3, 4, 5, 6, 7, 8],
            [3, 1, 255, 253, 251, 249, 247, 245],
        ] {
            assert!(!is_informative(u64::from_le_bytes(dull)), "{dull:?}");
        }
        for telling in [
            [0, 0, 0, 1, 0x67, 0x42, 0xC0, 0x1F],
            [1, 2, 3, 4, 5, 6, 7, 9],
        ] {
            assert!(is_informative(u64::from_le_bytes(telling)), "{telling:?}");
        }
    }

    #[test]
    fn what_was_inserted_is_found_and_most_else_is_not() {
        let mut filter = Filter::new(10_000);
        (0..10_000).for_each(|i| filter.insert(hash(i)));
        assert!((0..10_000).all(|i| filter.may_have(hash(i))));
        let errs = (10_000..1_010_000)
            .filter(|&i| filter.may_have(hash(i)))
            .count();
        assert!(errs < 50_000, "{errs}");
    }

    #[test]
    fn a_full_table_still_ends_every_chain() {
        let mut table = Table::new(3);
        for offset in 0..3 {
            table.insert(
                u64::MAX,
                Place {
                    offset,
                    more: false,
                },
                COPIES,
                |_| false,
            );
        }
        assert_eq!(table.places(u64::MAX).count(), 3);
        assert_eq!(Table::new(0).places(u64::MAX).count(), 0);
    }

    #[test]
    fn equal_entries_are_bounded_and_the_first_says_so() {
        let mut table = Table::new(100);
        for offset in 0..50 {
            table.insert(
                7,
                Place {
                    offset,
                    more: false,
                },
                COPIES,
                |_| true,
            );
        }
        let places: Vec<_> = table.places(7).collect();
        assert_eq!(places.len(), COPIES);
        assert_eq!(
            places[0],
            Place {
                offset: 0,
                more: true
            }
        );
        assert_eq!(
            places[7],
            Place {
                offset: 7,
                more: false
            }
        );
    }
}

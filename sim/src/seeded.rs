//! Numbers that look random and are a function of a seed alone.

/// The SplitMix64 generator (Steele, Lea, Flood 2014). Not for keys.
#[derive(Clone, Debug)]
pub(crate) struct Seeded(u64);

impl Seeded {
    /// A generator for one `purpose` under `seed`: other purposes, other numbers.
    pub(crate) fn new(seed: u64, purpose: u64) -> Self {
        Self(Self(seed).next() ^ Self(purpose ^ 0x6c69_6768_746c_6561).next())
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to, not including, `bound`; 0 if `bound` is 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        // The product is below bound << 32, so the quotient fits.
        ((u64::from(bound) * (self.next() >> 32)) >> 32) as u32
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i32, high: i32) -> i32 {
        low + self.below(low.abs_diff(high) + 1) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::Seeded;

    #[test]
    fn between_reaches_both_ends_and_nothing_else() {
        let mut numbers = Seeded::new(1, 2);
        let seen: std::collections::BTreeSet<i32> =
            (0..200).map(|_| numbers.between(-2, 2)).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [-2, -1, 0, 1, 2]);
    }

    #[test]
    fn seed_and_purpose_both_matter() {
        let first = |seed, purpose| Seeded::new(seed, purpose).next();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(2, 2));
        assert_ne!(first(1, 2), first(1, 3));
        assert_ne!(first(1, 2), first(2, 1));
    }
}

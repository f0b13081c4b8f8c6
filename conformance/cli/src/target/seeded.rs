//! Random octets of a seed.

use std::sync::Mutex;

use lightleak_sim::world::Entropy;

use super::notes::lock;

/// Reproducible octets for in-memory runs only: SplitMix64.
pub(super) struct Seeded(Mutex<u64>);

impl Seeded {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        Self(Mutex::new(mix(seed) ^ mix(!stream)))
    }
}

impl Entropy for Seeded {
    fn fill(&self, out: &mut [u8]) {
        let mut state = lock(&self.0);
        for chunk in out.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            chunk.copy_from_slice(&mix(*state).to_be_bytes()[..chunk.len()]);
        }
    }
}

/// The output function of SplitMix64.
pub(super) fn mix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

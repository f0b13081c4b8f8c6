//! Which numbers a receiver has accepted: the bits of a replay window
//! (RFC 3711 3.3.2; RFC 9605 9.3 leaves it to the application).

/// How many numbers are remembered, the highest and those before it; RFC 3711
/// demands 64.
const WINDOW: u64 = 128;

/// The highest number that was accepted, and which of those before it were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Accepted {
    /// Bit n: the one n before the highest.
    bits: u128,
}

impl Accepted {
    /// Whether the one so many before the highest was accepted, or is too old
    /// to tell.
    #[inline]
    pub(super) fn has(self, before: u64) -> bool {
        before >= WINDOW || self.bits >> before & 1 == 1
    }

    /// Accepts the one so many before the highest. What is too old is not
    /// remembered.
    #[inline]
    pub(super) fn accept_before(&mut self, before: u64) {
        if before < WINDOW {
            self.bits |= 1 << before;
        }
    }

    /// Accepts one so many after the highest, which is the highest from then
    /// on.
    #[inline]
    pub(super) fn accept_after(&mut self, after: u64) {
        let shifted = u32::try_from(after)
            .ok()
            .and_then(|n| self.bits.checked_shl(n));
        self.bits = shifted.unwrap_or(0) | 1;
    }
}

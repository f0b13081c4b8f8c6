//! Which counters were there already (RFC 9605 9.3, as RFC 3711 3.3.2 does it).

use super::SFrameError;

/// Frames that the replay window covers.
const WINDOW: u64 = 128;

/// Counters that a receiver has accepted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    highest: Option<u64>,
    /// Bit n: whether the one n before the highest was accepted.
    seen: u128,
}

impl Window {
    /// [`SFrameError::Replayed`] if the counter was there, or is too old to
    /// tell.
    #[inline]
    pub(super) fn admit(&self, ctr: u64) -> Result<(), SFrameError> {
        match self.highest {
            Some(highest) if ctr <= highest => {
                let before = highest - ctr;
                if before >= WINDOW || self.seen >> before & 1 == 1 {
                    return Err(SFrameError::Replayed(ctr));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Accepts a counter.
    #[inline]
    pub(super) fn accept(&mut self, ctr: u64) {
        match self.highest {
            Some(highest) if ctr <= highest => self.seen |= 1 << (highest - ctr).min(WINDOW - 1),
            highest => {
                let after = highest.map_or(u64::MAX, |highest| ctr - highest);
                let shifted = u32::try_from(after)
                    .ok()
                    .and_then(|n| self.seen.checked_shl(n));
                self.seen = shifted.unwrap_or(0) | 1;
                self.highest = Some(ctr);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_accepted_once_and_only_within_the_window() {
        let mut window = Window::default();
        for (ctr, accepted) in [
            (1000, true),
            (1000, false),
            (999, true),
            (999, false),
            (1000 - 127, true),
            (1000 - 128, false),
            (1001, true),
            (1001 - 127, true),
            (1000 - 127, false),
            (1001 + 128, true),
            (1001 + 1, true),
            (1001, false),
            (1 << 40, true),
            ((1 << 40) - 1, true),
            (1 << 39, false),
            (u64::MAX, true),
            (0, false),
        ] {
            let admitted = window.admit(ctr);
            assert_eq!(admitted.is_ok(), accepted, "{ctr}");
            if accepted {
                window.accept(ctr);
            }
        }
    }
}

//! Which counters were there already (RFC 9605 9.3, as RFC 3711 3.3.2 does it).

use super::SFrameError;
use crate::seal::replay::Accepted;

/// Counters that a receiver has accepted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    highest: Option<u64>,
    accepted: Accepted,
}

impl Window {
    /// [`SFrameError::Replayed`] if the counter was there, or is too old to
    /// tell.
    #[inline]
    pub(super) fn admit(&self, ctr: u64) -> Result<(), SFrameError> {
        match self.highest {
            Some(highest) if ctr <= highest && self.accepted.has(highest - ctr) => {
                Err(SFrameError::Replayed(ctr))
            }
            _ => Ok(()),
        }
    }

    /// Accepts a counter.
    #[inline]
    pub(super) fn accept(&mut self, ctr: u64) {
        match self.highest {
            Some(highest) if ctr <= highest => self.accepted.accept_before(highest - ctr),
            highest => {
                let after = highest.map_or(u64::MAX, |highest| ctr - highest);
                self.accepted.accept_after(after);
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

//! Which base key a frame is under (RFC 9605 5.1).

use super::SFrameError;

/// Most bits of a KID that count ratchet steps: how far a receiver catches up
/// for a frame that may be anybody's.
pub const MOST_RATCHET_BITS: u8 = 4;

/// A KID: a key generation, which is the epoch, and below it the low-order bits
/// of the ratchet step, as many as the application sets (none by default).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId {
    kid: u64,
    ratchet_bits: u8,
}

impl KeyId {
    /// A KID that is the key generation alone.
    pub const fn new(kid: u64) -> Self {
        Self {
            kid,
            ratchet_bits: 0,
        }
    }

    /// The KID of the first step of a generation, with so many bits for steps.
    ///
    /// # Errors
    ///
    /// [`SFrameError::RatchetBits`] for more than [`MOST_RATCHET_BITS`];
    /// [`SFrameError::Generation`] if the generation does not fit the rest.
    pub fn ratcheted(generation: u64, ratchet_bits: u8) -> Result<Self, SFrameError> {
        let id = Self::of(0, ratchet_bits)?;
        let kid = generation << ratchet_bits;
        if kid >> ratchet_bits != generation {
            return Err(SFrameError::Generation(generation));
        }
        Ok(Self { kid, ..id })
    }

    /// The KID of that number, whatever its step.
    ///
    /// # Errors
    ///
    /// [`SFrameError::RatchetBits`] for more than [`MOST_RATCHET_BITS`].
    pub fn of(kid: u64, ratchet_bits: u8) -> Result<Self, SFrameError> {
        match ratchet_bits {
            0..=MOST_RATCHET_BITS => Ok(Self { kid, ratchet_bits }),
            _ => Err(SFrameError::RatchetBits(ratchet_bits)),
        }
    }

    /// The number that is sent.
    pub const fn kid(self) -> u64 {
        self.kid
    }

    /// The key generation.
    pub const fn generation(self) -> u64 {
        self.kid >> self.ratchet_bits
    }

    /// How many bits count steps.
    pub const fn ratchet_bits(self) -> u8 {
        self.ratchet_bits
    }

    /// The same with the next step.
    ///
    /// # Errors
    ///
    /// [`SFrameError::NoRatchet`] if no bits count steps.
    pub fn next_step(self) -> Result<Self, SFrameError> {
        if self.ratchet_bits == 0 {
            return Err(SFrameError::NoRatchet(self.kid));
        }
        let step = self.kid.wrapping_add(1) & self.mask();
        Ok(Self {
            kid: self.kid & !self.mask() | step,
            ..self
        })
    }

    /// How many steps `kid`, of the same generation, is ahead.
    #[inline]
    pub(super) fn ahead(self, kid: u64) -> u64 {
        kid.wrapping_sub(self.kid) & self.mask()
    }
    /// The bits that count steps.
    fn mask(self) -> u64 {
        (1 << self.ratchet_bits) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_wrap_within_their_generation() {
        let mut id = KeyId::ratcheted(5, 2).expect("fits");
        let mut kids = Vec::new();
        for _ in 0..5 {
            kids.push(id.kid());
            id = id.next_step().expect("has steps");
        }
        assert_eq!(kids, [20, 21, 22, 23, 20]);
        assert_eq!((id.kid(), id.generation(), id.ratchet_bits()), (21, 5, 2));
        assert_eq!([id.ahead(21), id.ahead(20)], [0, 3]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(
            KeyId::ratcheted(1, 5).err(),
            Some(SFrameError::RatchetBits(5))
        );
        assert_eq!(
            KeyId::ratcheted(u64::MAX, 1).err(),
            Some(SFrameError::Generation(u64::MAX))
        );
        assert_eq!(
            KeyId::ratcheted(u64::MAX, 0).ok(),
            Some(KeyId::new(u64::MAX))
        );
        assert_eq!(KeyId::new(7).next_step(), Err(SFrameError::NoRatchet(7)));
    }
}

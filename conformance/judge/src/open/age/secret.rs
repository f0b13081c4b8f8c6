//! Keys that the judge derives or was given.

use std::fmt;

use zeroize::Zeroizing;

/// A key of so many octets: zeroised when dropped, and `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<const N: usize>(Zeroizing<[u8; N]>);

impl<const N: usize> Secret<N> {
    pub(super) fn zero() -> Self {
        Self(Zeroizing::new([0; N]))
    }

    pub(super) fn of(octets: &[u8; N]) -> Self {
        Self(Zeroizing::new(*octets))
    }

    /// The octets.
    pub fn expose(&self) -> &[u8; N] {
        &self.0
    }

    pub(super) fn expose_mut(&mut self) -> &mut [u8; N] {
        &mut self.0
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

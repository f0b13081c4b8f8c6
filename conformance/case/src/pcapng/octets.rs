//! Octets that are a part of a file in memory, and share it.

use std::{
    fmt,
    ops::{Deref, DerefMut, Range},
    sync::Arc,
};

/// Octets that were captured. Those of one file lie in one place in memory, which
/// stays as long as one of them does; changing them copies them first.
#[derive(Clone, Default)]
pub struct Octets {
    whole: Arc<Vec<u8>>,
    start: usize,
    length: usize,
}

impl Octets {
    /// A part of them, as far as they reach; nothing is copied.
    pub fn part(&self, range: Range<usize>) -> Self {
        let end = range.end.min(self.length);
        let start = range.start.min(end);
        Self {
            whole: Arc::clone(&self.whole),
            start: self.start + start,
            length: end - start,
        }
    }

    /// Keeps only the first `length`, as far as there are so many.
    pub fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }
}

impl Deref for Octets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let end = self.start + self.length;
        self.whole.get(self.start..end).unwrap_or_default()
    }
}

impl DerefMut for Octets {
    fn deref_mut(&mut self) -> &mut [u8] {
        if self.length != self.whole.len() {
            *self = Self::from(self.to_vec());
        }
        Arc::<Vec<u8>>::make_mut(&mut self.whole)
    }
}

impl From<Vec<u8>> for Octets {
    fn from(octets: Vec<u8>) -> Self {
        Self {
            start: 0,
            length: octets.len(),
            whole: Arc::new(octets),
        }
    }
}

impl From<&[u8]> for Octets {
    fn from(octets: &[u8]) -> Self {
        Self::from(octets.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Octets {
    fn from(octets: &[u8; N]) -> Self {
        Self::from(octets.to_vec())
    }
}

impl PartialEq for Octets {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Octets {}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self[..], f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_shares_and_is_copied_when_it_is_changed() {
        let whole = Octets::from(b"abcdef");
        let mut part = whole.part(2..4);
        assert_eq!(part.as_ptr(), whole[2..].as_ptr());
        part[0] = b'X';
        assert_eq!((&part[..], &whole[..]), (&b"Xd"[..], &b"abcdef"[..]));
        assert!(whole.part(5..99)[..] == *b"f" && whole.part(7..9).is_empty());
    }
}

//! Octets, read with bounds.

use std::ops::Range;

/// Reads a message from its beginning, and keeps where octets are that its
/// sender chose freely.
#[derive(Debug)]
pub struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
    free: Vec<Range<usize>>,
}

impl<'a> Reader<'a> {
    /// Reads from the first octet on.
    pub fn new(octets: &'a [u8]) -> Self {
        Self {
            octets,
            at: 0,
            free: Vec::new(),
        }
    }

    /// Where the next octet is.
    pub fn at(&self) -> usize {
        self.at
    }

    /// How many octets are left.
    pub fn left(&self) -> usize {
        self.octets.len() - self.at
    }

    /// Whether every octet is read.
    pub fn is_at_end(&self) -> bool {
        self.left() == 0
    }

    /// The next octets.
    pub fn take(&mut self, octets: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(octets)?;
        let taken = self.octets.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    /// The next octets, which the sender chose freely.
    pub fn take_free(&mut self, octets: usize) -> Option<&'a [u8]> {
        let taken = self.take(octets)?;
        if taken.iter().any(|&octet| octet != 0) {
            self.free.push(self.at - octets..self.at);
        }
        Some(taken)
    }

    /// Of the last `back` octets that were read, the sender chose the first
    /// `octets` freely.
    pub fn mark_free(&mut self, back: usize, octets: usize) {
        let start = self.at.saturating_sub(back);
        let end = self.at.min(start + octets);
        if start < end {
            self.free.push(start..end);
        }
    }

    /// The next octet.
    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|octets| octets[0])
    }

    /// The next 2 octets.
    pub fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.take(2)?.first_chunk()?))
    }

    /// The next 4 octets.
    pub fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(*self.take(4)?.first_chunk()?))
    }

    /// What is left, if all of it is zero.
    pub fn zeros(&mut self) -> Option<()> {
        let rest = self.take(self.left())?;
        rest.iter().all(|&octet| octet == 0).then_some(())
    }

    /// Where octets are that the sender chose freely.
    pub fn free(&self) -> &[Range<usize>] {
        &self.free
    }

    /// The octets that the sender chose freely, field by field.
    pub fn free_octets(&self) -> Vec<Vec<u8>> {
        let octets = |range: &Range<usize>| self.octets.get(range.clone()).map(<[u8]>::to_vec);
        self.free.iter().filter_map(octets).collect()
    }
}

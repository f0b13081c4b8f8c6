//! Reads the form of a message, and counts how much of it could not be otherwise.

use std::ops::RangeInclusive;

/// Octets, read one after the other. Every condition that they meet adds the bits
/// that random octets would have to hit to meet it: after `n` of them, random octets
/// read the same with a chance of two to the minus `n`.
#[derive(Clone, Debug)]
pub(super) struct Form<'a> {
    octets: &'a [u8],
    at: usize,
    bits: u32,
}

/// A message of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Its octets, which need not all have been captured.
    pub(super) octets: usize,
    /// How many bits of it could not be otherwise.
    pub(super) bits: u32,
}

/// Bits that a value in `[0, 2^width)` has to hit to be one of `allowed` values.
fn bits_of(width: u32, allowed: u64) -> u32 {
    width.saturating_sub(64 - allowed.saturating_sub(1).leading_zeros())
}

impl<'a> Form<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self {
            octets,
            at: 0,
            bits: 0,
        }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn left(&self) -> usize {
        self.octets.len() - self.at
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.left() == 0
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.octets.get(self.at..).unwrap_or_default()
    }

    pub(super) fn take(&mut self, octets: usize) -> Option<&'a [u8]> {
        let taken = self.rest().get(..octets)?;
        self.at += octets;
        Some(taken)
    }

    pub(super) fn skip(&mut self, octets: usize) -> Option<()> {
        self.take(octets).map(|_| ())
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u24(&mut self) -> Option<u32> {
        let [a, b, c] = self.array()?;
        Some(u32::from_be_bytes([0, a, b, c]))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn le16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn le32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A condition that random octets meet with two to the minus `bits`.
    pub(super) fn must(&mut self, met: bool, bits: u32) -> Option<()> {
        self.bits += bits;
        met.then_some(())
    }

    pub(super) fn exact(&mut self, octets: &[u8]) -> Option<()> {
        let same = self.take(octets.len())? == octets;
        self.must(same, 8 * octets.len() as u32)
    }

    pub(super) fn zeros(&mut self, octets: usize) -> Option<()> {
        let zero = self.take(octets)?.iter().all(|&octet| octet == 0);
        self.must(zero, 8 * octets as u32)
    }

    pub(super) fn u8_of(&mut self, allowed: &[u8]) -> Option<u8> {
        let value = self.u8()?;
        self.must(allowed.contains(&value), bits_of(8, allowed.len() as u64))?;
        Some(value)
    }

    pub(super) fn u8_in(&mut self, allowed: RangeInclusive<u8>) -> Option<u8> {
        let value = self.u8()?;
        let count = u64::from(allowed.end() - allowed.start()) + 1;
        self.must(allowed.contains(&value), bits_of(8, count))?;
        Some(value)
    }

    pub(super) fn u16_in(&mut self, allowed: RangeInclusive<u16>) -> Option<u16> {
        let value = self.u16()?;
        self.within(value.into(), *allowed.start(), *allowed.end())?;
        Some(value)
    }

    pub(super) fn le16_in(&mut self, allowed: RangeInclusive<u16>) -> Option<u16> {
        let value = self.le16()?;
        self.within(value.into(), *allowed.start(), *allowed.end())?;
        Some(value)
    }

    fn within(&mut self, value: u32, low: u16, high: u16) -> Option<()> {
        let count = u64::from(high - low) + 1;
        let allowed = (u32::from(low)..=u32::from(high)).contains(&value);
        self.must(allowed, bits_of(16, count))
    }

    pub(super) fn u32_in(&mut self, allowed: RangeInclusive<u32>) -> Option<u32> {
        let value = self.u32()?;
        let count = u64::from(allowed.end() - allowed.start()) + 1;
        self.must(allowed.contains(&value), bits_of(32, count))?;
        Some(value)
    }

    pub(super) fn le32_in(&mut self, allowed: RangeInclusive<u32>) -> Option<u32> {
        let value = self.le32()?;
        let count = u64::from(allowed.end() - allowed.start()) + 1;
        self.must(allowed.contains(&value), bits_of(32, count))?;
        Some(value)
    }

    /// Printable ASCII of that length: each is one of 95 of 256 values.
    pub(super) fn printable(&mut self, octets: usize) -> Option<&'a [u8]> {
        let text = self.take(octets)?;
        let printable = text.iter().all(|octet| (0x20..0x7f).contains(octet));
        self.must(printable, octets as u32)?;
        Some(text)
    }

    /// Printable ASCII that a zero ends, without it.
    pub(super) fn c_string(&mut self, longest: usize) -> Option<&'a [u8]> {
        let end = self.rest().iter().take(longest + 1).position(|&o| o == 0)?;
        let text = self.printable(end)?;
        self.exact(&[0])?;
        Some(text)
    }

    /// Bits so far, if nothing follows.
    pub(super) fn end(self) -> Option<u32> {
        self.is_at_end().then_some(self.bits)
    }

    /// Bits so far, whatever follows.
    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    /// A message of that many octets from the first on, not fewer than were read.
    pub(super) fn frame(&self, octets: usize) -> Option<Frame> {
        (octets >= self.at && octets > 0).then_some(Frame {
            octets,
            bits: self.bits,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_count_what_chance_would_have_to_hit() {
        let mut form = Form::new(b"\x01\x00\x10ab\0\0\0");
        form.exact(&[1]).unwrap();
        assert_eq!(form.bits(), 8);
        form.u16_in(0..=255).unwrap();
        assert_eq!(form.bits(), 16);
        form.c_string(8).unwrap();
        assert_eq!(form.bits(), 16 + 2 + 8);
        form.zeros(2).unwrap();
        assert_eq!(form.frame(7), None);
        assert_eq!(form.end(), Some(42));
        assert_eq!(Form::new(b"a").u8_of(b"abcd"), Some(b'a'));
        assert_eq!(
            (bits_of(8, 1), bits_of(8, 4), bits_of(8, 3), bits_of(8, 256)),
            (8, 6, 6, 0)
        );
    }
}

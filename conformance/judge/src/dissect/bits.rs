//! Octets read bit by bit, the high bit first.

/// Reads bits.
pub struct Bits<'a> {
    octets: &'a [u8],
    /// How many were read.
    pub at: usize,
}

impl<'a> Bits<'a> {
    /// Before the first.
    pub fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0 }
    }

    /// The next one.
    pub fn bit(&mut self) -> Option<u32> {
        let octet = self.octets.get(self.at / 8)?;
        let bit = octet >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit.into())
    }

    /// A number of so many bits, at most 32.
    pub fn take(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |value, _| Some(value << 1 | self.bit()?))
    }

    /// ue(v) (ITU-T H.264 9.1), `None` above `limit`.
    pub fn ue(&mut self, limit: u32) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let mut value = 1u32;
        for _ in 0..zeros {
            value = value << 1 | self.bit()?;
        }
        (value - 1 <= limit).then_some(value - 1)
    }

    /// se(v) (ITU-T H.264 9.1.1).
    pub fn se(&mut self) -> Option<i32> {
        let code = self.ue(u32::MAX - 1)?;
        let magnitude = i32::try_from(code.div_ceil(2)).ok()?;
        Some(if code % 2 == 1 { magnitude } else { -magnitude })
    }
}

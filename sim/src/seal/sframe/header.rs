//! The header of a frame (RFC 9605 4.3): a config byte, and KID and CTR in as
//! few octets as they take.

use super::SFrameError;

/// Octets of the longest header.
pub const LONGEST_HEADER: usize = 17;

/// A header that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which key.
    pub kid: u64,
    /// Which frame.
    pub ctr: u64,
    /// Octets of the header.
    pub length: usize,
}

impl Header {
    /// Reads the header that `frame` begins with.
    ///
    /// # Errors
    ///
    /// [`SFrameError::Short`] if it is not whole; [`SFrameError::NotMinimal`]
    /// if KID or CTR is in more octets than it takes.
    pub fn read(frame: &[u8]) -> Result<Self, SFrameError> {
        let Some(&config) = frame.first() else {
            return Err(SFrameError::Short {
                length: 0,
                least: 1,
            });
        };
        let (kid, at) = read_field(frame, 1, config >> 4, "kid")?;
        let (ctr, length) = read_field(frame, at, config & 0xf, "ctr")?;
        Ok(Self { kid, ctr, length })
    }
}

/// A header that is written.
#[derive(Clone, Copy, Debug)]
pub struct Encoded {
    octets: [u8; LONGEST_HEADER],
    length: usize,
}

impl Encoded {
    /// The header for KID and CTR.
    #[inline]
    pub fn new(kid: u64, ctr: u64) -> Self {
        let mut encoded = Self {
            octets: [0; LONGEST_HEADER],
            length: 1,
        };
        let kid = encoded.field(kid);
        let ctr = encoded.field(ctr);
        encoded.octets[0] = kid << 4 | ctr;
        encoded
    }

    /// Its octets.
    #[inline]
    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }

    /// Adds a value if it does not fit the config byte; what stands for it
    /// there.
    #[inline]
    fn field(&mut self, value: u64) -> u8 {
        if value < u64::from(EXTENDED) {
            return value as u8;
        }
        let length = octets_of(value);
        let end = self.length + length;
        self.octets[self.length..end].copy_from_slice(&value.to_be_bytes()[8 - length..]);
        self.length = end;
        // From 0 to 7 for 1 to 8 octets.
        EXTENDED | (length - 1) as u8
    }
}

/// The bit that says that a field of the config byte is a length less one.
const EXTENDED: u8 = 8;

/// How few octets a value takes.
#[inline]
fn octets_of(value: u64) -> usize {
    (64 - value.leading_zeros()).div_ceil(8) as usize
}

/// The value of a field, of which `config` is in the config byte, and where
/// what follows begins.
#[inline]
fn read_field(
    frame: &[u8],
    at: usize,
    config: u8,
    field: &'static str,
) -> Result<(u64, usize), SFrameError> {
    if config & EXTENDED == 0 {
        return Ok((config.into(), at));
    }
    let end = at + usize::from(config & !EXTENDED) + 1;
    let octets = frame.get(at..end).ok_or(SFrameError::Short {
        length: frame.len(),
        least: end,
    })?;
    let value = octets.iter().fold(0, |n, &o| n << 8 | u64::from(o));
    if value < u64::from(EXTENDED) || octets[0] == 0 {
        return Err(SFrameError::NotMinimal(field));
    }
    Ok((value, end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            kid in any::<u64>(), kid_bits in 0..=64_u32,
            ctr in any::<u64>(), ctr_bits in 0..=64_u32,
        ) {
            let cut = |value: u64, bits: u32| value.checked_shr(64 - bits).unwrap_or(0);
            let (kid, ctr) = (cut(kid, kid_bits), cut(ctr, ctr_bits));
            let encoded = Encoded::new(kid, ctr);
            let length = encoded.octets().len();
            let frame = [encoded.octets(), b"rest"].concat();
            prop_assert_eq!(Header::read(&frame), Ok(Header { kid, ctr, length }));
            for cut in 0..length {
                let short = matches!(Header::read(&frame[..cut]), Err(SFrameError::Short { .. }));
                prop_assert!(short);
            }
        }

        #[test]
        fn what_is_read_is_written_so(octets in prop::collection::vec(any::<u8>(), 0..20)) {
            if let Ok(Header { kid, ctr, length }) = Header::read(&octets) {
                let encoded = Encoded::new(kid, ctr);
                prop_assert_eq!(encoded.octets(), &octets[..length]);
            }
        }
    }

    #[test]
    fn fields_are_as_short_as_they_can_be() {
        for (kid, ctr, octets) in [
            (0, 0, &[0x00][..]),
            (7, 7, &[0x77]),
            (8, 0, &[0x80, 8]),
            (0x123, 0x4567, &[0x99, 1, 0x23, 0x45, 0x67]),
            (1, u64::MAX, &[0x1f, 255, 255, 255, 255, 255, 255, 255, 255]),
        ] {
            assert_eq!(Encoded::new(kid, ctr).octets(), octets);
        }
        let refused = |octets: &[u8]| Header::read(octets).err();
        assert_eq!(refused(&[0x80, 7]), Some(SFrameError::NotMinimal("kid")));
        assert_eq!(refused(&[0x09, 0, 9]), Some(SFrameError::NotMinimal("ctr")));
    }
}

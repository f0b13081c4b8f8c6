//! A sealed access unit as NAL units (ITU-T H.264), so that RFC 6184, browsers
//! and relays that know nothing of SFrame carry it.
//!
//! The whole access unit, parameter sets included, is one frame. On the outside
//! there are: with a key frame, parameter sets that are always the same; one
//! NAL unit of a coded slice whose header says nothing that a decoder takes for
//! a slice; in it the frame, with emulation prevention, and a last octet that
//! is not 0. The octets before the frame are its metadata, so they are
//! authenticated; the parameter sets are not, since a relay may rewrite them.

use bytes::Bytes;

use super::Frames;
use crate::h264::AccessUnit;

/// The cover of the sequence parameter set (7.3.2.1.1): 16 x 16 samples,
/// Constrained Baseline, level 1, no reordering.
pub const COVER_SPS: &[u8] = &[
    0x67, 0x42, 0xc0, 0x0a, 0xda, 0x7a, 0x01, 0xe1, 0x10, 0x8d, 0x40,
];
/// The cover of the picture parameter set (7.3.2.2).
pub const COVER_PPS: &[u8] = &[0x68, 0xce, 0x38, 0x80];

/// The header of a NAL unit of an IDR picture (7.3.1).
const IDR: u8 = 0x65;
/// That of another picture.
const NON_IDR: u8 = 0x61;
/// What would be the slice header (7.3.3): first_mb_in_slice 0, and a
/// slice_type of 31, which there is not, so that no decoder shows a picture.
const STUB: [u8; 2] = [0x82, 0x08];
/// Ends the NAL unit, which must not end in 0 (7.4.1).
const END: u8 = 0x80;
/// Keeps three octets from looking like a start code (7.4.1).
const EMULATION_PREVENTION: u8 = 3;

/// Octets of metadata: the header of the NAL unit, and the stub.
const METADATA: usize = 1 + STUB.len();

/// Adds an access unit to be sealed: a byte stream (Annex B) with its metadata.
pub fn push(unit: &AccessUnit, frames: &mut Frames) {
    let parts = unit.nal_units.iter();
    let parts = parts.flat_map(|nal| [&[0, 0, 0, 1][..], nal]);
    frames.push_parts(parts, &metadata(unit.key_frame));
}

/// The NAL units that carry a sealed frame.
pub fn wrap(sealed: &[u8], key_frame: bool) -> Vec<Bytes> {
    let mut slice = Vec::with_capacity(sealed.len() + sealed.len() / 64 + METADATA + 1);
    slice.extend_from_slice(&metadata(key_frame));
    let mut zeros = 0;
    for &octet in sealed {
        if zeros == 2 && octet <= EMULATION_PREVENTION {
            slice.push(EMULATION_PREVENTION);
            zeros = 0;
        }
        zeros = if octet == 0 { zeros + 1 } else { 0 };
        slice.push(octet);
    }
    slice.push(END);
    let cover: &[&'static [u8]] = if key_frame {
        &[COVER_SPS, COVER_PPS]
    } else {
        &[]
    };
    let cover = cover.iter().map(|nal| Bytes::from_static(nal));
    cover.chain([slice.into()]).collect()
}

/// Adds the sealed frame that a NAL unit carries, to be opened; whether it is
/// one of a key frame.
///
/// # Errors
///
/// What is wrong with it; nothing is added then.
pub fn unwrap(nal: &[u8], frames: &mut Frames) -> Result<bool, NalError> {
    let key_frame = match nal.first() {
        Some(&IDR) => true,
        Some(&NON_IDR) => false,
        Some(&header) => return Err(NalError::Header(header)),
        None => return Err(NalError::Empty),
    };
    let body = nal[1..].strip_prefix(&STUB).ok_or(NalError::Stub)?;
    let body = body.strip_suffix(&[END]).ok_or(NalError::End)?;
    let parts = Unescaped(body);
    if let Some(at) = body.windows(3).position(is_start) {
        return Err(NalError::StartCode(METADATA + at));
    }
    frames.push_parts(parts, &metadata(key_frame));
    Ok(key_frame)
}

/// Why a NAL unit carries no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NalError {
    /// No octets at all.
    #[error("nal unit is empty")]
    Empty,
    /// Another kind of NAL unit, such as a parameter set.
    #[error("nal unit header is {0:#04x}, not 0x65 or 0x61")]
    Header(u8),
    /// A slice that a decoder could show.
    #[error("nal unit is not followed by the stub of a slice header")]
    Stub,
    /// It is cut short.
    #[error("nal unit does not end in 0x80")]
    End,
    /// Three octets that no NAL unit contains (7.4.1).
    #[error("nal unit has a start code at {0}")]
    StartCode(usize),
}

fn metadata(key_frame: bool) -> [u8; METADATA] {
    let header = if key_frame { IDR } else { NON_IDR };
    [header, STUB[0], STUB[1]]
}

fn is_start(octets: &[u8]) -> bool {
    matches!(octets, [0, 0, octet] if *octet < EMULATION_PREVENTION)
}

/// The runs of octets between those of emulation prevention.
struct Unescaped<'a>(&'a [u8]);

impl<'a> Iterator for Unescaped<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let escape = [0, 0, EMULATION_PREVENTION];
        let found = self.0.windows(3).position(|octets| octets == escape);
        let (end, rest) = found.map_or((self.0.len(), self.0.len()), |at| (at + 2, at + 3));
        let (run, rest) = (&self.0[..end], &self.0[rest..]);
        self.0 = rest;
        Some(run)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Octets among which start codes and escapes are many.
    fn octets() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![vec(0..5_u8, 0..200), vec(any::<u8>(), 0..200)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_is_wrapped_has_no_start_code_and_comes_back(
            sealed in octets(),
            key_frame in any::<bool>(),
        ) {
            let nal_units = wrap(&sealed, key_frame);
            prop_assert_eq!(nal_units.len(), if key_frame { 3 } else { 1 });
            for nal in &nal_units {
                prop_assert!(!nal.windows(3).any(is_start));
                prop_assert_ne!(nal.last(), Some(&0));
            }
            let mut frames = Frames::new();
            let slice = &nal_units[nal_units.len() - 1];
            prop_assert_eq!(unwrap(slice, &mut frames), Ok(key_frame));
            prop_assert!(frames.iter().eq([&sealed[..]]));
        }

        #[test]
        fn arbitrary_octets_are_taken_or_refused_whole(
            octets in octets(),
            framed in any::<bool>(),
        ) {
            let nal = if framed {
                [&[0x61, 0x82, 0x08][..], &octets, &[0x80]].concat()
            } else {
                octets
            };
            let mut frames = Frames::new();
            let taken = unwrap(&nal, &mut frames);
            prop_assert_eq!(frames.len(), usize::from(taken.is_ok()));
        }
    }

    #[test]
    fn what_carries_no_frame_is_refused() {
        for (nal, error) in [
            (&[][..], NalError::Empty),
            (COVER_SPS, NalError::Header(0x67)),
            (&[0x65, 0x88, 0x84, 0x80], NalError::Stub),
            (&[0x65, 0x82, 0x08], NalError::End),
            (&[0x65, 0x82, 0x08, 1, 2], NalError::End),
            (
                &[0x61, 0x82, 0x08, 9, 0, 0, 1, 0x80],
                NalError::StartCode(4),
            ),
        ] {
            let mut frames = Frames::new();
            assert_eq!(unwrap(nal, &mut frames), Err(error));
            assert!(frames.is_empty());
        }
    }

    #[test]
    fn octets_that_look_like_a_start_code_are_kept_apart() {
        let nal_units = wrap(&[0, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0], false);
        let expected = [
            0x61, 0x82, 0x08, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3, 0, 3, 0, 0, 0x80,
        ];
        assert_eq!(nal_units, [&expected[..]]);
    }

    /// The bits of a parameter set behind so many octets.
    struct Bits<'a>(&'a [u8], usize);

    impl Bits<'_> {
        fn bit(&mut self) -> u32 {
            let bit = self.0[self.1 / 8] >> (7 - self.1 % 8) & 1;
            self.1 += 1;
            bit.into()
        }

        /// ue(v) (9.1).
        fn number(&mut self) -> u32 {
            let mut zeros = 0;
            while self.bit() == 0 {
                zeros += 1;
            }
            (0..zeros).fold(1, |n, _| n << 1 | self.bit()) - 1
        }
    }

    #[test]
    fn the_stub_says_a_type_of_slice_that_there_is_not() {
        let mut stub = Bits(&STUB, 0);
        assert_eq!((stub.number(), stub.number()), (0, 31));
    }

    #[test]
    fn the_cover_says_16_by_16_and_ends_there() {
        let mut sps = Bits(COVER_SPS, 32);
        let (id, frame_num, order, references) =
            (sps.number(), sps.number(), sps.number(), sps.number());
        assert_eq!((id, frame_num, order, references), (0, 0, 2, 1));
        let (gaps, width, height) = (sps.bit(), sps.number(), sps.number());
        assert_eq!((gaps, width, height), (0, 0, 0));
        let flags = [(); 4].map(|()| sps.bit());
        assert_eq!(flags, [1, 1, 0, 1], "frames, 8x8, no cropping, VUI");
        assert_eq!([(); 9].map(|()| sps.bit()), [0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(sps.bit(), 1);
        let restrictions = [(); 6].map(|()| sps.number());
        assert_eq!(restrictions, [0, 0, 16, 16, 0, 1]);
        assert_eq!(rest(sps), 1);

        let mut pps = Bits(COVER_PPS, 8);
        assert_eq!((pps.number(), pps.number()), (0, 0));
        assert_eq!((pps.bit(), pps.bit(), pps.number()), (0, 0, 0));
        assert_eq!((pps.number(), pps.number()), (0, 0));
        assert_eq!([(); 3].map(|()| pps.bit()), [0, 0, 0], "no weighting");
        assert_eq!([(); 3].map(|()| pps.number()), [0, 0, 0]);
        assert_eq!([(); 3].map(|()| pps.bit()), [0, 0, 0]);
        assert_eq!(rest(pps), 1);
    }

    /// rbsp_trailing_bits (7.3.2.11): a 1, and then zeros.
    fn rest(mut bits: Bits<'_>) -> u32 {
        let left = 8 * bits.0.len() - bits.1;
        let stop = bits.bit();
        stop + (1..left).map(|_| bits.bit()).sum::<u32>()
    }
}

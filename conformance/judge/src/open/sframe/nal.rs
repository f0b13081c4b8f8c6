//! SFrame inside a NAL unit of H.264: behind the NAL unit's octet a stub that no
//! decoder takes for a slice, the frame, and a stop bit; made safe by emulation
//! prevention (ITU-T H.264 7.4.1.1). Octet and stub are the frame's metadata.

use crate::dissect::h264::{IDR_SLICE, SLICE, nal_unit_type, unprevented};

/// first_mb_in_slice 0 and slice_type 15, which there is not.
const STUB: [u8; 2] = [0x82, 0x08];
/// rbsp_stop_one_bit, aligned.
const STOP: u8 = 0x80;

/// A frame that a NAL unit carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The metadata that the frame authenticates: NAL unit octet and stub.
    pub metadata: Vec<u8>,
    /// The frame.
    pub frame: Vec<u8>,
    /// Where each octet of the frame lies in the NAL unit.
    pub places: Vec<usize>,
}

impl Carried {
    /// Reads a NAL unit, start code excluded; `None` if it carries no frame.
    pub fn read(nal: &[u8]) -> Option<Self> {
        let first = *nal.first()?;
        if ![SLICE, IDR_SLICE].contains(&nal_unit_type(nal)) {
            return None;
        }
        let behind = unprevented(&nal[1..]);
        let (places, octets): (Vec<_>, Vec<_>) = behind.map(|(at, octet)| (1 + at, octet)).unzip();
        let body = octets.strip_prefix(&STUB)?;
        let frame = body.strip_suffix(&[STOP])?;
        let places = places.get(STUB.len()..STUB.len() + frame.len())?;
        Some(Self {
            metadata: [&[first], &STUB[..]].concat(),
            frame: frame.to_vec(),
            places: places.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_frame_is_what_is_between_stub_and_stop_bit() {
        let nal = [0x65, 0x82, 0x08, 7, 0, 0, 3, 1, 0, 0, 3, 0, 9, 0x80];
        let carried = Carried::read(&nal).unwrap();
        assert_eq!(carried.metadata, [0x65, 0x82, 0x08]);
        assert_eq!(carried.frame, [7, 0, 0, 1, 0, 0, 0, 9]);
        assert_eq!(carried.places, [3, 4, 5, 7, 8, 9, 11, 12]);
    }

    #[test]
    fn other_nal_units_carry_none() {
        for nal in [
            &[][..],
            &[0x65],
            &[0x65, 0x82, 0x08],
            &[0x67, 0x82, 0x08, 1, 0x80],
            &[0x65, 0x88, 0x08, 1, 0x80],
            &[0x65, 0x82, 0x08, 1],
        ] {
            assert_eq!(Carried::read(nal), None, "{nal:?}");
        }
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(0..5_u8, 0..60)) {
            let nal = [&[0x41, 0x82, 0x08][..], &octets, &[0x80]].concat();
            let _ = Carried::read(&octets);
            let carried = Carried::read(&nal).unwrap();
            for (octet, at) in carried.frame.iter().zip(&carried.places) {
                prop_assert_eq!(octet, &nal[*at]);
            }
        }
    }
}

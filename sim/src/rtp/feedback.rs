//! What a viewer asks for by RTCP.

use super::VERSION;

/// What is looked at in a compound RTCP packet (RFC 3550 6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Feedback {
    /// It leaves: BYE (RFC 3550 6.6).
    pub leaves: bool,
    /// It needs a key frame: PLI (RFC 4585 6.3.1) or FIR (RFC 5104 4.3.1).
    pub wants_key_frame: bool,
}

const BYE: u8 = 203;
const PAYLOAD_SPECIFIC: u8 = 206;
const PICTURE_LOSS: u8 = 1;
const FULL_INTRA_REQUEST: u8 = 4;

impl Feedback {
    /// Reads a compound packet, as far as it is one.
    pub fn read(packet: &[u8]) -> Self {
        let mut feedback = Self::default();
        let mut rest = packet;
        while let Some(&[first, kind, high, low]) = rest.first_chunk() {
            if first & 0xc0 != VERSION {
                break;
            }
            match (kind, first & 0x1f) {
                (BYE, _) => feedback.leaves = true,
                (PAYLOAD_SPECIFIC, PICTURE_LOSS | FULL_INTRA_REQUEST) => {
                    feedback.wants_key_frame = true;
                }
                _ => {}
            }
            // In words, without the first.
            let length = 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
            rest = rest.get(length..).unwrap_or_default();
        }
        feedback
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REPORT: [u8; 8] = [0x80, 201, 0, 1, 0, 0, 0, 1];

    #[test]
    fn what_stands_behind_a_report_is_read() {
        let with = |more: &[u8]| Feedback::read(&[&REPORT[..], more].concat());
        assert_eq!(with(&[]), Feedback::default());
        let bye = with(&[0x81, 203, 0, 1, 0, 0, 0, 1]);
        assert!(bye.leaves && !bye.wants_key_frame);
        for format in [1, 4] {
            let feedback = with(&[0x80 | format, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
            assert!(feedback.wants_key_frame && !feedback.leaves);
        }
        assert_eq!(with(&[0x83, 206, 0, 1, 0, 0, 0, 1]), Feedback::default());
        assert_eq!(with(&[0x41, 203, 0, 0]), Feedback::default());
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = Feedback::read(&octets);
        }
    }
}

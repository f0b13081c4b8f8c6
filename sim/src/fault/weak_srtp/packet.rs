//! Packets that are not as they were made.

use super::SrtpFlaw;
use crate::{rtp::HEADER_LENGTH, rtsp::sdp::PAYLOAD_TYPE};

/// Octets that are added to headers at most.
pub(super) const ADDED: usize = 8;

/// Payload type of what is sent again.
pub(super) const RETRANSMISSION: u8 = PAYLOAD_TYPE + 1;

/// The packet with what the flaw adds to its header, and how long that is.
pub(super) fn extended(packet: &[u8], flaw: SrtpFlaw) -> (Vec<u8>, usize) {
    // One-byte header, element 1 of one octet, and padding (RFC 8285 4.2).
    const AUDIO_LEVEL: [u8; ADDED] = [0xbe, 0xde, 0, 1, 0x10, 0x7f, 0, 0];
    // A CSRC, and the word of Cryptex with nothing behind it.
    const CSRC: [u8; ADDED] = [0x6c, 0x65, 0x61, 0x6b, 0xc0, 0xde, 0, 0];
    let (bits, added) = match flaw {
        SrtpFlaw::ClearExtension => (0x10, AUDIO_LEVEL),
        SrtpFlaw::ClearCsrcs => (0x11, CSRC),
        _ => return (packet.to_vec(), HEADER_LENGTH),
    };
    let (header, payload) = packet.split_at(HEADER_LENGTH);
    let mut extended = [header, &added, payload].concat();
    extended[0] |= bits;
    (extended, HEADER_LENGTH + ADDED)
}

/// Every tenth packet of video, sent again (RFC 4588 4): another SSRC and payload
/// type, and the sequence number first.
pub(super) fn retransmission(packet: &[u8]) -> Option<Vec<u8>> {
    let (header, payload) = packet.split_first_chunk::<HEADER_LENGTH>()?;
    let [_, kind, a, b, .., last] = *header;
    let is_chosen = u16::from_be_bytes([a, b]).is_multiple_of(10);
    if kind & 0x7f != PAYLOAD_TYPE || !is_chosen {
        return None;
    }
    let mut again = [&header[..], &[a, b], payload].concat();
    again[1] = RETRANSMISSION;
    again[HEADER_LENGTH - 1] = !last;
    Some(again)
}

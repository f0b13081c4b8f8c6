//! WebRTC (RFC 8825): ICE, DTLS and RTCP by str0m, which does no I/O itself.
//!
//! SRTP is our own engine ([`seal::srtp`](crate::seal::srtp)): str0m is handed
//! a key of zeros and a cipher that copies, and what it would send or has
//! received is sealed and opened outside of it. The keys are those that DTLS
//! agreed.

mod allocation;
mod copying;
mod dtls;
mod event;
mod feed;
mod lines;
mod peer;
mod sealed;
pub(crate) mod session;
mod transport;

use std::time::Duration;

use str0m::media::Pt;

pub use allocation::TurnServer;
pub use event::{Counts, DtlsVersions, PeerError};
pub(crate) use event::{Media, Packet, Track};
pub(crate) use feed::{Feed, Produced};
pub(crate) use lines::first_sequence;
pub(crate) use peer::{Peer, Purpose};
pub(crate) use sealed::{Packetizers, Seals, Senders};
pub(crate) use session::Command;

/// Payload type of H.264.
pub const VIDEO: u8 = 96;
/// That of its retransmissions (RFC 4588).
pub const VIDEO_AGAIN: u8 = 97;
/// Payload type of PCMU (RFC 3551 6).
pub const SOUND: u8 = 0;

/// Who seals with a key of its own: the camera's video and sound, and the
/// viewer's sound. The names are those of their tracks.
pub const SENDERS: [&str; 3] = ["video", "audio", "talk-back"];

/// The longest RTP packet that we make, in octets: with what SRTP adds it is
/// not above what every path in practice carries (1200 octets and headers).
pub(crate) const MAX_PACKET: usize = 1184;

/// How long ICE and DTLS may take: DTLS gives up after 40 s by itself (dimpl),
/// and whoever needs as long as that is not there.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The SDP, which says that there are no more candidates than it has (RFC 8840
/// 8.2).
pub(crate) fn complete(sdp: &str) -> String {
    let is_candidate = |line: &str| line.starts_with("a=candidate:");
    let mut lines = sdp.split_inclusive("\r\n").peekable();
    let mut complete = String::new();
    while let Some(line) = lines.next() {
        complete.push_str(line);
        if is_candidate(line) && !lines.peek().copied().is_some_and(is_candidate) {
            complete.push_str("a=end-of-candidates\r\n");
        }
    }
    complete
}

fn payload_type(number: u8) -> Pt {
    Pt::new_with_value(number)
}

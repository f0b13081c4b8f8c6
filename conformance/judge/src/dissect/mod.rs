//! From link to application: bytes to flows to readings. No opinions.
//!
//! Nothing here panics, loops or grows without bound on hostile input.

pub mod h264;
pub mod link;
pub mod rtp;
pub mod rtsp;
pub mod sdp;
pub mod stream;
pub mod tcp;
pub mod tls;

use std::net::SocketAddr;

pub use stream::{Piece, Place, Stream};

use lightleak_case::{Capture, TransportProtocol};

/// Everything that was seen in one capture.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// TCP connections and UDP conversations, in order of their first packet.
    pub flows: Vec<Flow>,
    /// Times of the tap's heartbeats, nanoseconds since 1970.
    pub heartbeats: Vec<u64>,
    /// Packets that could not be dissected, with the reason.
    pub undissected: Vec<(u64, String)>,
    /// Packets of which only a part was captured.
    pub cut: u64,
}

/// A TCP connection or a UDP conversation.
#[derive(Clone, Debug)]
pub struct Flow {
    /// TCP or UDP.
    pub transport: TransportProtocol,
    /// Who opened it: the sender of the SYN, else of the first packet.
    pub a: SocketAddr,
    /// The other end.
    pub b: SocketAddr,
    /// How far the connection came; UDP is always [`FlowState::Open`].
    pub state: FlowState,
    /// What `a` sent.
    pub from_a: Stream,
    /// What `b` sent.
    pub from_b: Stream,
    /// Number of its first packet.
    pub first_packet: u64,
    /// How many packets it has.
    pub packets: u64,
}

/// How far a TCP connection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowState {
    /// A SYN that nobody answered.
    Unanswered,
    /// A SYN that was answered with RST: nothing listens there.
    Refused,
    /// Established, or data was seen.
    Open,
}

/// Dissects a capture.
pub fn dissect(capture: &Capture) -> Traffic {
    let _ = capture;
    Traffic::default()
}

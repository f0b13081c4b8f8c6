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
pub mod udp;

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

/// Dissects a capture. Every packet ends in a flow, as a heartbeat, or in
/// [`Traffic::undissected`]; of a packet in a flow, parts that have no place in
/// its stream are named there too.
pub fn dissect(capture: &Capture) -> Traffic {
    let mut traffic = Traffic::default();
    let mut connections = tcp::Connections::default();
    let mut conversations = udp::Conversations::default();
    for packet in &capture.packets {
        if u64::from(packet.original_length) > packet.data.len() as u64 {
            traffic.cut += 1;
        }
        let mut note = |reason: String| traffic.undissected.push((packet.number, reason));
        let Some(interface) = capture.interfaces.get(packet.interface) else {
            note(format!("no interface {}", packet.interface));
            continue;
        };
        match link::read(&packet.data, interface.link_type) {
            link::Frame::Transport(transport) => match transport.segment {
                Some(segment) => {
                    let odd =
                        connections.segment(&transport, segment, packet.number, packet.time_ns);
                    if let Some(reason) = odd {
                        note(reason.to_owned());
                    }
                }
                None => {
                    if transport.surplus > 0 {
                        note(format!(
                            "{} octets behind the UDP datagram",
                            transport.surplus
                        ));
                    }
                    conversations.datagram(&transport, packet.number, packet.time_ns);
                }
            },
            link::Frame::Heartbeat => traffic.heartbeats.push(packet.time_ns),
            link::Frame::Undissected(reason) => note(reason),
        }
    }
    traffic.flows = connections.finish();
    traffic.flows.extend(conversations.finish());
    traffic.flows.sort_by_key(|flow| flow.first_packet);
    traffic
}

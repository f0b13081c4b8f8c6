//! From link to application: bytes to flows to readings. No opinions.
//!
//! Nothing here panics, loops or grows without bound on hostile input.

pub mod h264;
pub mod link;
pub mod pcmu;
pub mod rtp;
pub mod rtsp;
pub mod sdp;
pub mod stream;
pub mod tcp;
pub mod tls;
pub mod udp;

use std::net::{IpAddr, SocketAddr};

pub use stream::{Piece, Place, Span, Stream};

use lightleak_case::{Capture, TransportProtocol};

/// Everything that was seen in one capture.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// TCP connections and UDP conversations, in order of their first packet.
    pub flows: Vec<Flow>,
    /// Times of the tap's heartbeats at the beginning and the end, nanoseconds
    /// since 1970.
    pub heartbeats: Vec<u64>,
    /// What could not be dissected.
    pub undissected: Vec<Undissected>,
    /// Packets of which only a part was captured.
    pub cut: u64,
}

/// A packet, or octets of one, that could not be dissected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undissected {
    /// Number of the packet.
    pub packet: u64,
    /// Why.
    pub reason: String,
    /// Who sent it, if it is an IP packet.
    pub from: Option<IpAddr>,
    /// Its IP protocol, if it is one of no flow.
    pub protocol: Option<u8>,
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
    /// No SYN was captured: the connection began before, and who opened it is
    /// not known.
    Joined,
}

/// Dissects a capture. Every packet ends in a flow, as address resolution, as a
/// heartbeat, or in [`Traffic::undissected`]; of a packet in a flow, parts that
/// have no place in its stream are named there too. A heartbeat is the first
/// packet or the last: anybody can send frames that look like it.
pub fn dissect(capture: &Capture) -> Traffic {
    let mut traffic = Traffic::default();
    let mut connections = tcp::Connections::default();
    let mut conversations = udp::Conversations::default();
    let last = capture.packets.len().saturating_sub(1);
    for (index, packet) in capture.packets.iter().enumerate() {
        if u64::from(packet.original_length) > packet.data.len() as u64 {
            traffic.cut += 1;
        }
        let mut note = |reason: String, from, protocol| {
            traffic.undissected.push(Undissected {
                packet: packet.number,
                reason,
                from,
                protocol,
            });
        };
        let Some(interface) = capture.interfaces.get(packet.interface) else {
            note(format!("no interface {}", packet.interface), None, None);
            continue;
        };
        match link::read(&packet.data, interface.link_type) {
            link::Frame::Transport(transport) => match transport.segment {
                Some(segment) => {
                    let odd =
                        connections.segment(&transport, segment, packet.number, packet.time_ns);
                    if let Some(reason) = odd {
                        note(reason.to_owned(), Some(transport.from.ip()), None);
                    }
                }
                None => {
                    if transport.surplus > 0 {
                        let reason =
                            format!("{} octets behind the UDP datagram", transport.surplus);
                        note(reason, Some(transport.from.ip()), None);
                    }
                    conversations.datagram(&transport, packet.number, packet.time_ns);
                }
            },
            link::Frame::Heartbeat if index == 0 || index == last => {
                traffic.heartbeats.push(packet.time_ns);
            }
            link::Frame::Heartbeat => note("a heartbeat amid the capture".into(), None, None),
            link::Frame::AddressResolution => {}
            link::Frame::Undissected {
                reason,
                from,
                protocol,
            } => note(reason, from, protocol),
        }
    }
    traffic.flows = connections.finish();
    traffic.flows.extend(conversations.finish());
    traffic.flows.sort_by_key(|flow| flow.first_packet);
    traffic
}

//! From link to application: bytes to flows to readings. No opinions.
//!
//! Nothing here panics, loops or grows without bound on hostile input.

pub mod datagram;
pub mod h264;
pub mod infrastructure;
pub mod ip;
pub mod link;
pub mod rtp;
pub mod rtsp;
pub mod sdp;
pub mod stream;
pub mod tcp;
pub mod tls;
pub mod transport;
pub mod udp;

use std::net::SocketAddr;

pub use stream::{Piece, Place, Stream};

use lightleak_case::{Capture, Packet, TransportProtocol};

use datagram::{Chunk, Datagram};

/// Everything that was seen in one capture.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// TCP connections and UDP conversations, in order of their first packet.
    pub flows: Vec<Flow>,
    /// Times of the tap's heartbeats, nanoseconds since 1970.
    pub heartbeats: Vec<u64>,
    /// Packets that belong to no flow and keep the network running, and what
    /// they say.
    pub infrastructure: Vec<(u64, infrastructure::Message)>,
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

/// Dissects a capture. Every packet ends in a flow, as infrastructure, as a
/// heartbeat, or in [`Traffic::undissected`]; of a packet in a flow, parts that
/// have no place in its stream are named there too.
pub fn dissect(capture: &Capture) -> Traffic {
    let mut dissection = Dissection::default();
    for packet in &capture.packets {
        let link_type = capture.interfaces.get(packet.interface);
        dissection.packet(packet, link_type.map(|i| i.link_type));
    }
    dissection.finish()
}

/// A capture, half dissected.
#[derive(Default)]
struct Dissection<'a> {
    traffic: Traffic,
    fragments: ip::Fragments<'a>,
    connections: tcp::Connections<'a>,
    conversations: udp::Conversations,
    control: infrastructure::Control,
}

impl<'a> Dissection<'a> {
    fn packet(&mut self, packet: &'a Packet, link_type: Option<u16>) {
        if u64::from(packet.original_length) > packet.data.len() as u64 {
            self.traffic.cut += 1;
        }
        let chunk = Chunk {
            data: &packet.data,
            packet: packet.number,
            offset: 0,
            time_ns: packet.time_ns,
        };
        let Some(link_type) = link_type else {
            return self.note(packet.number, format!("no interface {}", packet.interface));
        };
        match link::read(chunk, link_type) {
            link::Frame::Ip(chunk) => match ip::read(chunk) {
                Ok(ip::Packet::Whole(datagram)) => self.datagram(datagram),
                Ok(ip::Packet::Fragment(fragment)) => {
                    let (whole, odd) = self.fragments.add(&fragment);
                    if let Some((packet, why)) = odd {
                        self.note(packet, why.to_owned());
                    }
                    if let Some(datagram) = whole {
                        self.datagram(datagram);
                    }
                }
                Err(why) => self.note(packet.number, why),
            },
            link::Frame::Arp(chunk) => match infrastructure::arp(chunk.data) {
                Some(message) => self.infrastructure(packet.number, message),
                None => self.note(packet.number, "ARP that does not parse".to_owned()),
            },
            link::Frame::Heartbeat => self.traffic.heartbeats.push(packet.time_ns),
            link::Frame::Undissected(reason) => self.note(packet.number, reason),
        }
    }

    fn datagram(&mut self, mut datagram: Datagram<'a>) {
        let number = datagram.packet;
        if let Err(why) = ip::pass_extensions(&mut datagram) {
            return self.note(number, why);
        }
        match datagram.protocol {
            transport::TCP => match transport::tcp(datagram) {
                Ok((packet, segment)) => {
                    if let Some(why) = self.connections.segment(&packet, segment) {
                        self.note(number, why.to_owned());
                    }
                }
                Err(why) => self.note(number, why),
            },
            transport::UDP => match transport::udp(datagram) {
                Ok(packet) => {
                    self.conversations.datagram(&packet);
                    if let Some(why) = packet.odd {
                        self.note(number, why);
                    }
                }
                Err(why) => self.note(number, why),
            },
            protocol => match self.control.read(&datagram) {
                Some(message) => self.infrastructure(number, message),
                None => self.note(number, format!("IP protocol {protocol}")),
            },
        }
    }

    fn infrastructure(&mut self, packet: u64, message: infrastructure::Message) {
        self.traffic.infrastructure.push((packet, message));
    }

    fn note(&mut self, packet: u64, reason: String) {
        self.traffic.undissected.push((packet, reason));
    }

    fn finish(mut self) -> Traffic {
        let (incomplete, odd) = std::mem::take(&mut self.fragments).finish();
        for datagram in incomplete {
            self.datagram(datagram);
        }
        for (packet, why) in odd {
            self.note(packet, why.to_owned());
        }
        let mut traffic = self.traffic;
        traffic.undissected.sort_by_key(|(packet, _)| *packet);
        traffic.flows = self.connections.finish();
        traffic.flows.extend(self.conversations.finish());
        traffic.flows.sort_by_key(|flow| flow.first_packet);
        traffic
    }
}

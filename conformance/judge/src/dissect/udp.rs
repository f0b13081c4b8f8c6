//! UDP conversations (RFC 768): all datagrams between two sockets.

use std::{collections::HashMap, net::SocketAddr};

use lightleak_case::TransportProtocol;

use super::{Flow, FlowState, Stream, transport::Transport};

/// The conversations of a capture.
#[derive(Debug, Default)]
pub struct Conversations {
    flows: Vec<Flow>,
    by_pair: HashMap<(SocketAddr, SocketAddr), usize>,
    tunnels: HashMap<(SocketAddr, SocketAddr), Tunnel>,
}

/// A conversation whose datagrams have packets inside, which are dissected as if
/// they had been captured by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// What it is: `vxlan`, `gtp-u`.
    pub name: &'static str,
    /// The ends of the conversation; who sent the first such datagram first.
    pub ends: [SocketAddr; 2],
    /// How many packets have others inside; none of their octets is in the
    /// conversation's streams.
    pub packets: u64,
    /// Number of the first of them.
    pub first_packet: u64,
}

impl Conversations {
    /// Adds a datagram. One of which a part is missing leaves a gap behind it.
    pub fn datagram(&mut self, packet: &Transport<'_>) {
        let from = packet.from;
        let Some(flow) = self.flow(packet) else {
            return;
        };
        let stream = match flow.a == from {
            true => &mut flow.from_a,
            false => &mut flow.from_b,
        };
        stream.push_datagram(&packet.payload);
        if packet.missing > 0 {
            stream.gaps.push(stream.bytes.len());
        }
    }

    /// Adds a datagram whose payload is elsewhere: a tunnel, of that name.
    pub fn tunnelled(&mut self, packet: &Transport<'_>, name: &'static str) {
        let (from, to) = (packet.from, packet.to);
        self.flow(packet);
        let tunnel = self.tunnels.entry((from.min(to), from.max(to)));
        let tunnel = tunnel.or_insert_with(|| Tunnel {
            name,
            ends: [from, to],
            packets: 0,
            first_packet: packet.packet,
        });
        tunnel.packets += packet.packets;
    }

    /// The conversation of a datagram, which is counted.
    fn flow(&mut self, packet: &Transport<'_>) -> Option<&mut Flow> {
        let (from, to) = (packet.from, packet.to);
        let index = *self
            .by_pair
            .entry((from.min(to), from.max(to)))
            .or_insert_with(|| {
                self.flows.push(Flow {
                    transport: TransportProtocol::Udp,
                    a: from,
                    b: to,
                    state: FlowState::Open,
                    from_a: Stream::default(),
                    from_b: Stream::default(),
                    first_packet: packet.packet,
                    packets: 0,
                });
                self.flows.len() - 1
            });
        let flow = self.flows.get_mut(index)?;
        flow.packets += packet.packets;
        Some(flow)
    }

    /// The conversations that are tunnels, in order of their first packet.
    pub fn tunnels(&self) -> Vec<Tunnel> {
        let mut all: Vec<_> = self.tunnels.values().cloned().collect();
        all.sort_by_key(|tunnel| tunnel.first_packet);
        all
    }

    /// The conversations, in order of their first packet.
    pub fn finish(self) -> Vec<Flow> {
        self.flows
    }
}

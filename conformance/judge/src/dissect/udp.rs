//! UDP conversations (RFC 768): all datagrams between two sockets.

use std::{collections::BTreeMap, net::SocketAddr};

use lightleak_case::TransportProtocol;

use super::{Flow, FlowState, Stream, transport::Transport};

/// The conversations of a capture.
#[derive(Debug, Default)]
pub struct Conversations {
    flows: Vec<Flow>,
    by_pair: BTreeMap<(SocketAddr, SocketAddr), usize>,
}

impl Conversations {
    /// Adds a datagram. One of which a part is missing leaves a gap behind it.
    pub fn datagram(&mut self, packet: &Transport<'_>) {
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
        let Some(flow) = self.flows.get_mut(index) else {
            return;
        };
        flow.packets += packet.packets;
        let stream = match flow.a == from {
            true => &mut flow.from_a,
            false => &mut flow.from_b,
        };
        stream.push_datagram(&packet.payload);
        if packet.missing > 0 {
            stream.gaps.push(stream.bytes.len());
        }
    }

    /// The conversations, in order of their first packet.
    pub fn finish(self) -> Vec<Flow> {
        self.flows
    }
}

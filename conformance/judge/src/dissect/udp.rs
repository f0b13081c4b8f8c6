//! UDP conversations (RFC 768): all datagrams between two sockets.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    ops::Range,
};

use lightleak_case::TransportProtocol;

use super::{Flow, FlowState, Stream, transport::Transport};

/// The conversations of a capture.
#[derive(Debug, Default)]
pub struct Conversations {
    all: Vec<Conversation>,
    by_pair: HashMap<(SocketAddr, SocketAddr), usize>,
    tunnels: HashMap<(SocketAddr, SocketAddr), Tunnel>,
}

#[derive(Debug)]
struct Conversation {
    /// Index of its flow.
    flow: usize,
    /// What came last from `a` and from `b`.
    recent: [VecDeque<Recent>; 2],
}

/// How a datagram was captured, as far as its own octets do not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    /// What lies before the IP packet, and on which interface, in short.
    pub link: u64,
    /// Identification of IPv4; 0 is none.
    pub identification: u16,
    /// When, nanoseconds since 1970.
    pub time_ns: u64,
}

/// A datagram that came, and the piece that it is.
#[derive(Debug)]
struct Recent {
    piece: usize,
    sighting: Sighting,
}

/// How many datagrams back one may be that was captured twice.
const LOOK_BACK: usize = 8;
/// How long after it.
const SOON_NS: u64 = 100_000_000;
/// The same, if both were captured on the same link.
const AT_ONCE_NS: u64 = 2_000_000;

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

impl Tunnel {
    /// Its ends, the lower one first.
    pub(super) fn pair(&self) -> (SocketAddr, SocketAddr) {
        let [one, other] = self.ends;
        (one.min(other), one.max(other))
    }
}

impl Conversations {
    /// Adds a datagram. One of which a part is missing leaves a gap behind it. One
    /// that was captured at two places is there once.
    pub fn datagram(&mut self, flows: &mut Vec<Flow>, packet: &Transport<'_>, sighting: Sighting) {
        let Some((flow, recent)) = self.flow(flows, packet) else {
            return;
        };
        let of_a = flow.a == packet.from;
        let [recent_a, recent_b] = recent;
        let (stream, recent) = match of_a {
            true => (&mut flow.from_a, recent_a),
            false => (&mut flow.from_b, recent_b),
        };
        if let ([octets], 0) = (&packet.payload[..], packet.missing) {
            let mut pieces = recent.iter().rev();
            let twice = pieces.find_map(|recent| recent.is(stream, octets.data, sighting));
            if let Some(range) = twice {
                return stream.again.push(range);
            }
            if !octets.data.is_empty() {
                if recent.len() >= LOOK_BACK {
                    recent.pop_front();
                }
                recent.push_back(Recent {
                    piece: stream.pieces.len(),
                    sighting,
                });
            }
        }
        stream.push_datagram(&packet.payload);
        if packet.missing > 0 && stream.gaps.last() != Some(&stream.bytes.len()) {
            stream.gaps.push(stream.bytes.len());
        }
    }

    /// Adds a datagram whose payload is elsewhere: a tunnel, of that name.
    pub fn tunnelled(&mut self, flows: &mut Vec<Flow>, packet: &Transport<'_>, name: &'static str) {
        let (from, to) = (packet.from, packet.to);
        let _ = self.flow(flows, packet);
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
    fn flow<'f>(
        &mut self,
        flows: &'f mut Vec<Flow>,
        packet: &Transport<'_>,
    ) -> Option<(&'f mut Flow, &mut [VecDeque<Recent>; 2])> {
        let (from, to) = (packet.from, packet.to);
        let pair = (from.min(to), from.max(to));
        let index = *self.by_pair.entry(pair).or_insert_with(|| {
            let (udp, open) = (TransportProtocol::Udp, FlowState::Open);
            flows.push(Flow::new(udp, from, to, open, packet.packet));
            self.all.push(Conversation {
                flow: flows.len() - 1,
                recent: Default::default(),
            });
            self.all.len() - 1
        });
        let conversation = self.all.get_mut(index)?;
        let flow = flows.get_mut(conversation.flow)?;
        flow.packets += packet.packets;
        Some((flow, &mut conversation.recent))
    }

    /// The conversations that are tunnels, in order of their ends.
    pub fn tunnels(&self) -> Vec<Tunnel> {
        let mut all: Vec<_> = self.tunnels.values().cloned().collect();
        all.sort_by_key(Tunnel::pair);
        all
    }
}

impl Recent {
    /// Where it lies, if it is that datagram, captured at another place: the same
    /// octets, and the same Identification if there is one.
    fn is(&self, stream: &Stream, octets: &[u8], sighting: Sighting) -> Option<Range<usize>> {
        let piece = stream.pieces.get(self.piece)?;
        let range = piece.at..piece.at + piece.length;
        let apart = sighting.time_ns.abs_diff(self.sighting.time_ns);
        let soon = match sighting.link == self.sighting.link {
            true => sighting.identification != 0 && apart <= AT_ONCE_NS,
            false => apart <= SOON_NS,
        };
        let same = sighting.identification == self.sighting.identification
            && stream.bytes.get(range.clone()) == Some(octets);
        (soon && same).then_some(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::datagram::Chunk;

    fn conversation(sightings: &[(u64, u16, u64)]) -> Flow {
        let mut all = Conversations::default();
        let mut flows = Vec::new();
        for (&(link, identification, time_ns), number) in sightings.iter().zip(1..) {
            let payload = Chunk {
                data: b"datagram",
                packet: number,
                offset: 42,
                time_ns,
            };
            let packet = Transport {
                from: ([10, 0, 0, 1], 1).into(),
                to: ([10, 0, 0, 2], 2).into(),
                payload: vec![payload],
                missing: 0,
                odd: None,
                packet: number,
                packets: 1,
            };
            let sighting = Sighting {
                link,
                identification,
                time_ns,
            };
            all.datagram(&mut flows, &packet, sighting);
        }
        let [flow] = flows.try_into().unwrap();
        flow
    }

    #[test]
    fn what_was_captured_at_two_places_is_there_once() {
        let counts = |sightings: &[(u64, u16, u64)]| {
            let flow = conversation(sightings);
            assert_eq!(flow.packets, sightings.len() as u64);
            (flow.from_a.pieces.len(), flow.from_a.again.len())
        };
        assert_eq!(counts(&[(1, 0, 0), (2, 0, 1000)]), (1, 1));
        assert_eq!(counts(&[(1, 7, 0), (1, 7, 1000), (2, 7, 2000)]), (1, 2));
        // Said again: no Identification, another one, or later.
        assert_eq!(counts(&[(1, 0, 0), (1, 0, 1000)]), (2, 0));
        assert_eq!(counts(&[(1, 7, 0), (2, 8, 1000)]), (2, 0));
        assert_eq!(counts(&[(1, 7, 0), (1, 7, 9_000_000)]), (2, 0));
        assert_eq!(counts(&[(1, 7, 0), (2, 7, 900_000_000)]), (2, 0));
    }
}

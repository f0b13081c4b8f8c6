//! What a device says to keep the network running: known by parsing alone, and
//! by how much it can tell in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    dissect::{
        Span, Traffic,
        infrastructure::{self, End, Kind},
    },
    seen::Seen,
    webrtc::Datagram,
};

/// Octets of its own choice (names, identifiers, echoed data, times), each
/// content counted once, that a device may say at all, and more per second. A
/// device looks up some dozen names, announces a few services and asks for the
/// time; the smallest picture worth looking at takes minutes at this rate.
const ALLOWED: u64 = 4096;
const ALLOWED_PER_SECOND: u64 = 32;

/// What of a session keeps the network running.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    /// Indices of the flows of the device that do.
    flows: BTreeSet<usize>,
    /// The first packet in which the device says something of its own choice,
    /// and how many octets it says, by protocol.
    said: BTreeMap<Kind, (u64, u64)>,
    /// How many it may say.
    allowed: u64,
}

impl Upkeep {
    /// Looks for it.
    pub(crate) fn of(seen: &Seen<'_>) -> Self {
        let mut upkeep = Self {
            flows: BTreeSet::new(),
            said: BTreeMap::new(),
            allowed: ALLOWED + ALLOWED_PER_SECOND * seconds(&seen.traffic),
        };
        let mut known = BTreeSet::new();
        for (index, (flow, _)) in seen.flows().enumerate() {
            let ours = [(End::A, flow.a), (End::B, flow.b)].map(|(end, address)| {
                let ours = seen.is_device(address.ip());
                ours.then_some(end)
            });
            if ours == [None, None] || seen.carries_own(index) {
                continue;
            }
            // Who serves others offers an interface, which is to be declared.
            let Some(found) = infrastructure::read(flow)
                .filter(|found| found.server.is_none() || !ours.contains(&found.server))
            else {
                continue;
            };
            upkeep.flows.insert(index);
            let sides = [
                (ours[0], &flow.from_a, found.free_a),
                (ours[1], &flow.from_b, found.free_b),
            ];
            for (_, stream, free) in sides.into_iter().filter(|(ours, ..)| ours.is_some()) {
                for range in free {
                    let packet = stream.place(range.start).map_or(0, |p| p.packet);
                    let octets = stream.bytes.get(range).unwrap_or_default();
                    if known.insert(octets) {
                        upkeep.says(found.kind, packet, octets);
                    }
                }
            }
        }
        let webrtc = seen.flows().filter(|(flow, c)| seen.is_webrtc(flow, c));
        for (flow, _) in webrtc {
            let ends = [(flow.a, &flow.from_a), (flow.b, &flow.from_b)];
            for (_, stream) in ends.into_iter().filter(|(end, _)| seen.is_device(end.ip())) {
                for (piece, octets) in stream.parts() {
                    let Datagram::Stun(message) = Datagram::read(octets) else {
                        continue;
                    };
                    for range in message.free(octets) {
                        let octets = octets.get(range).unwrap_or_default();
                        if known.insert(octets) {
                            upkeep.says(Kind::Stun, piece.packet, octets);
                        }
                    }
                }
            }
        }
        for (packet, message) in &seen.traffic.infrastructure {
            if seen.is_device(message.from) {
                for octets in message.free.iter().filter(|o| known.insert(o)) {
                    upkeep.says(message.kind, *packet, octets);
                }
            }
        }
        upkeep
    }

    /// Whether a flow, by its index, is upkeep and nothing else.
    pub(crate) fn keeps(&self, flow: usize) -> bool {
        self.flows.contains(&flow)
    }

    /// Where the device says more than upkeep needs, and how much.
    pub(crate) fn excess(&self) -> Option<(Span, String)> {
        let octets: u64 = self.said.values().map(|(_, octets)| octets).sum();
        if octets <= self.allowed {
            return None;
        }
        let (kind, (packet, most)) = self.said.iter().max_by_key(|(_, (_, octets))| octets)?;
        let span = Span {
            packet: *packet,
            offset: 0,
            length: 0,
        };
        let why = format!(
            "the device says {octets} octets of its own choice in what keeps a network running, {most} of them in {kind}, and {} are enough: it can be a tunnel",
            self.allowed
        );
        Some((span, why))
    }

    fn says(&mut self, kind: Kind, packet: u64, octets: &[u8]) {
        let (first, said) = self.said.entry(kind).or_insert((packet, 0));
        *first = (*first).min(packet);
        *said += octets.len() as u64;
    }
}

/// How long was looked.
fn seconds(traffic: &Traffic) -> u64 {
    let streams = traffic.flows.iter().flat_map(|f| [&f.from_a, &f.from_b]);
    let times = streams.flat_map(|s| s.pieces.first().into_iter().chain(s.pieces.last()));
    let times = times.map(|piece| piece.time_ns);
    let mut all = times.chain(traffic.heartbeats.iter().copied());
    let Some(first) = all.next() else {
        return 0;
    };
    let (low, high) = all.fold((first, first), |(low, high), time| {
        (low.min(time), high.max(time))
    });
    (high - low) / 1_000_000_000
}

//! Who sends RTP, and its packets: what SRTP carries, and what is held between
//! two protections.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use lightleak_case::Vantage;

use super::{ClearPacket, Sender, Sframed};
use crate::{
    dissect::{Flow, Traffic, rtp},
    open::sframe::Keys,
    secured::{Carrier, Secured},
};

/// SFrame in what SRTP carries, as it was opened.
pub fn on_wire(
    secured: &Secured,
    repair: &BTreeSet<u8>,
    keys: &Keys,
    is_device: &dyn Fn(IpAddr) -> bool,
) -> Vec<Sframed> {
    let carriers = secured.carriers.iter().filter(|c| c.channel.is_none());
    let read = |carrier: &Carrier| {
        let sources = carrier.sources().into_iter();
        let senders = sources.filter_map(|packets| {
            let sender = Sender {
                vantage: Vantage::Wire,
                flow: carrier.flow,
                from_a: carrier.from_a,
                is_device: is_device(carrier.from.ip()),
                ssrc: packets.first()?.0.ssrc,
            };
            let clear = packets.iter().map(|(packet, found)| ClearPacket {
                octets: &found.opened.packet,
                at: packet.range.start,
                span: packet.span,
            });
            Some((sender, clear.collect()))
        });
        Sframed::read_all(senders.collect(), repair, keys)
    };
    carriers.flat_map(read).collect()
}

/// SFrame in RTP that is held at that vantage.
pub fn held(
    vantage: Vantage,
    traffic: &Traffic,
    repair: &BTreeSet<u8>,
    keys: &Keys,
    is_device: &dyn Fn(IpAddr) -> bool,
) -> Vec<Sframed> {
    let flows = traffic.flows.iter().enumerate();
    let directions = flows.flat_map(|(index, flow)| in_flow(vantage, (index, flow), is_device));
    directions
        .flat_map(|senders| Sframed::read_all(senders, repair, keys))
        .collect()
}

/// Senders of RTP in a flow, of either direction.
fn in_flow<'a>(
    vantage: Vantage,
    (index, flow): (usize, &'a Flow),
    is_device: &dyn Fn(IpAddr) -> bool,
) -> [Vec<(Sender, Vec<ClearPacket<'a>>)>; 2] {
    let sides = [(true, flow.a, &flow.from_a), (false, flow.b, &flow.from_b)];
    sides.map(|(from_a, from, stream)| {
        let mut sources: BTreeMap<u32, Vec<ClearPacket<'_>>> = BTreeMap::new();
        for (piece, octets) in stream.parts() {
            let header = rtp::Header::parse(octets);
            let span = stream.span(piece.at, octets.len());
            if let (Some(header), Some(span)) = (header, span) {
                sources.entry(header.ssrc).or_default().push(ClearPacket {
                    octets,
                    at: piece.at,
                    span,
                });
            }
        }
        let sender = |ssrc| Sender {
            vantage,
            flow: index,
            from_a,
            is_device: is_device(from.ip()),
            ssrc,
        };
        let sources = sources.into_iter();
        sources
            .map(|(ssrc, packets)| (sender(ssrc), packets))
            .collect()
    })
}

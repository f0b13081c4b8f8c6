//! Flows for the tests of recognisers, made by hand.

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, FlowState, Stream, Traffic},
    inspect::{Claim, Label, Scene},
};

/// A flow of datagrams, or of segments: who sends (`true` is `a`), and what.
pub(super) fn flow(transport: TransportProtocol, said: &[(bool, Vec<u8>)]) -> Flow {
    let (mut from_a, mut from_b) = (Stream::default(), Stream::default());
    for ((from, octets), packet) in said.iter().zip(1..) {
        let stream = if *from { &mut from_a } else { &mut from_b };
        stream.push(octets, packet, 42, packet * 1_000_000);
    }
    Flow {
        transport,
        a: "192.0.2.1:50000".parse().unwrap(),
        b: "192.0.2.2:50001".parse().unwrap(),
        state: FlowState::Open,
        from_a,
        from_b,
        first_packet: 1,
        packets: said.len() as u64,
    }
}

/// The same of two sides, who speak in turn.
pub(super) fn between<T: AsRef<[u8]>>(
    transport: TransportProtocol,
    from_a: &[T],
    from_b: &[T],
) -> Flow {
    let mut said = Vec::new();
    for turn in 0..from_a.len().max(from_b.len()) {
        for (is_a, side) in [(true, from_a), (false, from_b)] {
            let octets = side.get(turn).map(|octets| octets.as_ref().to_vec());
            said.extend(octets.map(|octets| (is_a, octets)));
        }
    }
    flow(transport, &said)
}

pub(super) fn udp_between(from_a: &[&[u8]], from_b: &[&[u8]]) -> Flow {
    between(TransportProtocol::Udp, from_a, from_b)
}

pub(super) fn tcp_between(from_a: &[&[u8]], from_b: &[&[u8]]) -> Flow {
    between(TransportProtocol::Tcp, from_a, from_b)
}

pub(super) fn udp(said: &[(bool, Vec<u8>)]) -> Flow {
    flow(TransportProtocol::Udp, said)
}

pub(super) fn tcp(said: &[(bool, Vec<u8>)]) -> Flow {
    flow(TransportProtocol::Tcp, said)
}

/// What a recogniser says of a flow, alone in the world.
pub(super) fn alone(recognise: super::InAFlow, flow: &Flow) -> Vec<Claim> {
    let traffic = Traffic::default();
    recognise(&Scene::new(&traffic), flow)
}

/// Label and kind of its first claim.
pub(super) fn told(recognise: super::InAFlow, flow: &Flow) -> Option<(&'static str, String)> {
    let claims = alone(recognise, flow);
    claims.first().map(|c| (c.label().name(), c.kind.clone()))
}

/// Kind and label of all its claims.
pub(super) fn kinds(recognise: super::InAFlow, flow: &Flow) -> Vec<(String, Label)> {
    let claims = alone(recognise, flow).into_iter();
    claims.map(|c| (c.kind.clone(), c.label())).collect()
}

/// Octets that look like nothing, the same for the same seed.
pub(super) fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = u64::from(seed) << 1 | 1;
    let octets = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    });
    octets.take(length).collect()
}

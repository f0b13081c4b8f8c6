//! Flows for tests.

use std::net::{Ipv4Addr, SocketAddr};

use lightleak_case::TransportProtocol;

use crate::dissect::{Flow, FlowState, Stream};

/// A TCP connection of these segments.
pub(super) fn tcp(from_a: &[&[u8]], from_b: &[&[u8]]) -> Flow {
    flow(TransportProtocol::Tcp, from_a, from_b)
}

/// A UDP conversation of these datagrams.
pub(super) fn udp(from_a: &[&[u8]], from_b: &[&[u8]]) -> Flow {
    flow(TransportProtocol::Udp, from_a, from_b)
}

fn flow(transport: TransportProtocol, from_a: &[&[u8]], from_b: &[&[u8]]) -> Flow {
    let stream = |parts: &[&[u8]], from: u64| {
        let mut stream = Stream::default();
        for (packet, part) in (from..).step_by(2).zip(parts) {
            stream.push(part, packet, 42, packet);
        }
        stream
    };
    Flow {
        transport,
        a: SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000)),
        b: SocketAddr::from((Ipv4Addr::LOCALHOST, 9)),
        state: FlowState::Open,
        from_a: stream(from_a, 1),
        from_b: stream(from_b, 2),
        first_packet: 1,
        packets: (from_a.len() + from_b.len()) as u64,
    }
}

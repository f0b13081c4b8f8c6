//! What the fuzz targets share: how an input is several things, and what holds of
//! everything that was read.

#![forbid(unsafe_code)]

use lightleak_case::{Capture, Interface, Packet, TransportProtocol};
use lightleak_judge::dissect::{Flow, FlowState, Stream, Traffic};

/// Stands between the texts of one input.
pub const SEPARATOR: &[u8] = b"\n%%\n";

/// Splits an input into `N` parts; those that are missing are empty.
pub fn parts<const N: usize>(input: &[u8]) -> [&[u8]; N] {
    let mut rest = input;
    let mut parts = [&[][..]; N];
    for (index, part) in parts.iter_mut().enumerate() {
        let end = rest.windows(SEPARATOR.len()).position(|w| w == SEPARATOR);
        match end {
            Some(end) if index + 1 < N => {
                *part = &rest[..end];
                rest = &rest[end + SEPARATOR.len()..];
            }
            _ => {
                *part = rest;
                break;
            }
        }
    }
    parts
}

/// Splits an input into packets, each behind its length of 2 octets. The last
/// may be cut.
pub fn packets(input: &[u8]) -> Vec<&[u8]> {
    let mut rest = input;
    let mut packets = Vec::new();
    while let [high, low, tail @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(tail.len());
        packets.push(&tail[..length]);
        rest = &tail[length..];
    }
    packets
}

/// What [`packets`] splits.
pub fn packed<'a>(packets: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut packed = Vec::new();
    for packet in packets {
        let length = u16::try_from(packet.len()).unwrap_or(u16::MAX);
        packed.extend(length.to_be_bytes());
        packed.extend(&packet[..usize::from(length)]);
    }
    packed
}

/// A capture of packets that begin with their IP headers (LINKTYPE_RAW), one every 20
/// milliseconds.
pub fn raw_ip(packets: impl IntoIterator<Item = Vec<u8>>) -> Capture {
    const RAW_IP: u16 = 101;
    let packets = packets.into_iter().zip(1..);
    let packets = packets.map(|(data, number)| Packet {
        number,
        interface: 0,
        time_ns: number * 20_000_000,
        original_length: data.len() as u32,
        data: data.into(),
    });
    Capture {
        interfaces: vec![Interface {
            link_type: RAW_IP,
            ..Interface::default()
        }],
        packets: packets.collect(),
        ..Capture::default()
    }
}

/// An IPv4 packet with a right checksum, from one host of 192.0.2.0/24 to another.
pub fn ipv4(from: u8, to: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).wrapping_add(20).to_be_bytes();
    let mut header = [
        0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, protocol, 0, 0, 192, 0, 2, from, 192, 0, 2,
        to,
    ];
    let words = header
        .chunks(2)
        .map(|w| u32::from(w[0]) << 8 | u32::from(w[1]));
    let sum: u32 = words.sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let checksum = !((sum & 0xffff) + (sum >> 16)) as u16;
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    [&header, payload].concat()
}

/// A stream of those pieces, a packet for each.
pub fn stream<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Stream {
    let mut stream = Stream::default();
    for (piece, packet) in pieces.into_iter().zip(1..) {
        stream.push(piece, packet, 54, packet * 1000);
    }
    stream
}

/// A TCP connection of those two directions.
pub fn flow(from_a: Stream, from_b: Stream) -> Flow {
    Flow {
        transport: TransportProtocol::Tcp,
        a: ([192, 0, 2, 20], 49152).into(),
        b: ([192, 0, 2, 10], 322).into(),
        state: FlowState::Open,
        first_packet: 1,
        packets: (from_a.pieces.len() + from_b.pieces.len()) as u64,
        from_a,
        from_b,
    }
}

/// Every octet of every flow is the octet of the packet that its place names,
/// and no octet of a packet is in a flow twice.
pub fn assert_places(capture: &Capture, traffic: &Traffic) {
    let captured: usize = capture.packets.iter().map(|p| p.data.len()).sum();
    let mut seen = 0;
    for flow in &traffic.flows {
        for stream in [&flow.from_a, &flow.from_b] {
            let mut at = 0;
            for piece in &stream.pieces {
                assert_eq!(piece.at, at, "pieces cover the stream");
                let packet = capture.packets.iter().find(|p| p.number == piece.packet);
                let data = &packet.expect("the packet is there").data;
                at += piece.length;
                assert_eq!(
                    stream.bytes[piece.at..at],
                    data[piece.offset..piece.offset + piece.length],
                    "a place leads to its octets"
                );
            }
            assert_eq!(at, stream.bytes.len(), "pieces cover the stream");
            assert!(stream.gaps.is_sorted());
            assert!(stream.gaps.iter().all(|gap| *gap <= at));
            seen += at;
        }
    }
    assert!(seen <= captured, "{seen} octets of {captured}");
}

//! Reassembly of TCP: segments of two connections, in any order, doubled,
//! overlapping, lost, around the end of sequence space.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_case::{Capture, Interface, Packet};
use lightleak_fuzz::assert_places;
use lightleak_judge::dissect::{self, Dissector};

/// LINKTYPE_RAW: a packet begins with its IP header.
const RAW_IP: u16 = 101;

fuzz_target!(|input: &[u8]| {
    let packets = input.as_chunks::<8>().0.iter().zip(1..);
    let capture = Capture {
        interfaces: vec![Interface {
            link_type: RAW_IP,
            ..Interface::default()
        }],
        packets: packets.map(|(op, number)| packet(*op, number)).collect(),
        ..Capture::default()
    };
    let traffic = dissect::dissect(&capture);
    assert_places(&capture, &traffic);
    let dissected: u64 = traffic.flows.iter().map(|flow| flow.packets).sum();
    assert_eq!(dissected, capture.packets.len() as u64);
    in_parts(&capture);
});

/// Part by part, with octets left out between.
fn in_parts(capture: &Capture) {
    let mut dissector = Dissector::default();
    for (part, last) in capture.parts(3) {
        dissector.add(&part, last);
        assert_places(capture, dissector.traffic());
        for flow in dissector.flows_mut() {
            flow.from_a.leave_out(100);
            flow.from_b.leave_out(100);
        }
    }
    let flows = dissector.traffic().flows.iter();
    let dissected: u64 = flows.map(|flow| flow.packets).sum();
    assert_eq!(dissected, capture.packets.len() as u64);
}

/// One segment: who sends and on which connection, flags, length, sequence and
/// acknowledgment number.
fn packet([sender, flags, length, s0, s1, s2, a0, a1]: [u8; 8], number: u64) -> Packet {
    let (client, server) = ([192, 0, 2, 20], [192, 0, 2, 10]);
    let client_port = 49152 + u16::from(sender >> 1 & 1);
    let ends = match sender & 1 {
        0 => (client, client_port, server, 322),
        _ => (server, 322, client, client_port),
    };
    let (from, from_port, to, to_port) = ends;
    // Far jumps are as likely as near ones, and so is the end of sequence space.
    let jump = if s0 < 128 { [s0, 0] } else { [s0, 255] };
    let number_of = |low: [u8; 2]| u32::from_be_bytes([jump[0], jump[1], low[0], low[1]]);
    let (sequence, acknowledgment) = (number_of([s1, s2]), number_of([a0, a1]));

    let mut data = vec![0x45, 0];
    data.extend((40 + u16::from(length)).to_be_bytes());
    data.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    data.extend(from);
    data.extend(to);
    data.extend(from_port.to_be_bytes());
    data.extend(to_port.to_be_bytes());
    data.extend(sequence.to_be_bytes());
    data.extend(acknowledgment.to_be_bytes());
    data.extend([0x50, flags, 0x10, 0, 0, 0, 0, 0]);
    // Each packet says other things: a place that is off by a packet is seen.
    data.extend((0..length).map(|at| at ^ (number as u8).rotate_left(4)));
    Packet {
        number,
        interface: 0,
        time_ns: number * 1000,
        original_length: data.len() as u32,
        data: data.into(),
    }
}

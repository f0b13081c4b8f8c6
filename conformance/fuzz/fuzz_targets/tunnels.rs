//! Tunnels: a header of any octets, and behind it a packet that is sound, in IP or
//! in a datagram, down to what is inside.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_case::{Capture, Interface, Packet};
use lightleak_fuzz::{assert_places, packets};
use lightleak_judge::dissect;

/// LINKTYPE_RAW: a packet begins with its IP header.
const RAW_IP: u16 = 101;
/// UDP, SCTP, and IP protocols that carry packets.
const PROTOCOLS: [u8; 9] = [17, 132, 4, 41, 47, 50, 97, 115, 137];

fuzz_target!(|input: &[u8]| {
    let packet = |(octets, number): (&[u8], u64)| {
        let data = packet(octets, number as u8);
        Packet {
            number,
            interface: 0,
            time_ns: number * 1000,
            original_length: data.len() as u32,
            data: data.into(),
        }
    };
    let capture = Capture {
        interfaces: vec![Interface {
            link_type: RAW_IP,
            ..Interface::default()
        }],
        packets: packets(input).into_iter().zip(1..).map(packet).collect(),
        ..Capture::default()
    };
    let traffic = dissect::dissect(&capture);
    assert_places(&capture, &traffic);
    let opened: u64 = traffic.other_protocols.iter().map(|o| o.opened).sum();
    let tunnelled: u64 = traffic.tunnels.iter().map(|t| t.packets).sum();
    assert!(opened <= traffic.other_protocols.iter().map(|o| o.packets).sum());
    assert!(tunnelled <= traffic.flows.iter().map(|f| f.packets).sum());
});

/// A packet of the protocol that the first octet picks, with the other octets and an
/// IPv4 packet of UDP inside.
fn packet(octets: &[u8], number: u8) -> Vec<u8> {
    let [which, header @ ..] = octets else {
        return Vec::new();
    };
    let protocol = PROTOCOLS[usize::from(*which) % PROTOCOLS.len()];
    let said = [number; 9];
    let inner = ip(17, &[&[4, 1, 4, 2, 0, 17, 0, 0][..], &said].concat());
    let payload = [header, &inner].concat();
    match protocol {
        17 => {
            let length = (payload.len() as u16).wrapping_add(8).to_be_bytes();
            ip(
                17,
                &[&[8, 1, 8, 2, length[0], length[1], 0, 0], &payload[..]].concat(),
            )
        }
        _ => ip(protocol, &payload),
    }
}

/// An IPv4 packet with a right checksum.
fn ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).wrapping_add(20).to_be_bytes();
    let mut header = [
        0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
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

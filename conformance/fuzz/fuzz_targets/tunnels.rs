//! Tunnels: a header of any octets, and behind it a packet that is sound, in IP or
//! in a datagram, down to what is inside.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_fuzz::{assert_places, ipv4, packets, raw_ip};
use lightleak_judge::dissect;

/// UDP, SCTP, and IP protocols that carry packets.
const PROTOCOLS: [u8; 9] = [17, 132, 4, 41, 47, 50, 97, 115, 137];

fuzz_target!(|input: &[u8]| {
    let numbered = packets(input).into_iter().zip((1_u8..=u8::MAX).cycle());
    let capture = raw_ip(numbered.map(|(octets, number)| packet(octets, number)));
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
    let inner = ipv4(1, 2, 17, &[&[4, 1, 4, 2, 0, 17, 0, 0][..], &said].concat());
    let payload = [header, &inner].concat();
    match protocol {
        17 => {
            let length = (payload.len() as u16).wrapping_add(8).to_be_bytes();
            ipv4(
                1,
                2,
                17,
                &[&[8, 1, 8, 2, length[0], length[1], 0, 0], &payload[..]].concat(),
            )
        }
        _ => ipv4(1, 2, protocol, &payload),
    }
}

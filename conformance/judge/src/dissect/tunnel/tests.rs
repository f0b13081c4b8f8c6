use etherparse::PacketBuilder;
use lightleak_case::{Capture, Interface, Packet as Captured};
use proptest::prelude::*;

use crate::dissect::{Traffic, dissect};

use super::*;

const A: [u8; 4] = [192, 0, 2, 1];
const B: [u8; 4] = [192, 0, 2, 2];

/// An IPv4 packet inside of tunnels, with a datagram of UDP.
fn inner(payload: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    let step = PacketBuilder::ipv4([10, 9, 0, 1], [10, 9, 0, 2], 64);
    step.udp(1111, 2222).write(&mut data, payload).unwrap();
    data
}

fn inner_v6(source: [u8; 16], payload: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    let step = PacketBuilder::ipv6(source, [2; 16], 64);
    step.udp(1111, 2222).write(&mut data, payload).unwrap();
    data
}

fn ethernet(packet: &[u8]) -> Vec<u8> {
    let ether_type = match packet[0] >> 4 {
        4 => [8, 0],
        _ => [0x86, 0xdd],
    };
    [&[2; 12], &ether_type[..], packet].concat()
}

/// An IPv4 packet of that protocol.
fn ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    let step = PacketBuilder::ipv4(A, B, 64);
    step.write(&mut data, protocol.into(), payload).unwrap();
    data
}

fn udp(payload: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    let step = PacketBuilder::ipv4(A, B, 64);
    step.udp(40_000, 40_001).write(&mut data, payload).unwrap();
    data
}

fn traffic(packets: impl IntoIterator<Item = Vec<u8>>) -> Traffic {
    let packet = |(data, number): (Vec<u8>, u64)| Captured {
        number,
        interface: 0,
        time_ns: number * 1_000_000,
        original_length: u32::try_from(data.len()).unwrap(),
        data: data.into(),
    };
    dissect(&Capture {
        interfaces: vec![Interface {
            link_type: 101,
            ..Interface::default()
        }],
        packets: packets.into_iter().zip(1..).map(packet).collect(),
        ..Capture::default()
    })
}

/// Tunnels in UDP, with `packet` inside.
fn in_udp(packet: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let gtp = |flags: u8, more: &[u8]| {
        let length = u16::try_from(packet.len() + more.len())
            .unwrap()
            .to_be_bytes();
        [
            &[flags, 255, length[0], length[1], 0, 0, 0, 9],
            more,
            packet,
        ]
        .concat()
    };
    let l2tp_length = u16::try_from(packet.len() + 12).unwrap().to_be_bytes();
    let l2tp = [
        &[0x40, 2][..],
        &l2tp_length,
        &[0, 1, 0, 2, 0xff, 3, 0, 0x21],
        packet,
    ];
    let frame = ethernet(packet);
    let wlan = [
        &[0x08, 0x01][..],
        &[2; 20],
        &[0, 0],
        &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0],
        packet,
    ];
    vec![
        ("vxlan", [&[8, 0, 0, 0, 0, 0, 7, 0], &frame[..]].concat()),
        ("vxlan", [&[0x88, 0, 0, 5, 0, 0, 7, 0], &frame[..]].concat()),
        ("vxlan-gpe", [&[0x0c, 0, 0, 1, 0, 0, 7, 0], packet].concat()),
        (
            "geneve",
            [&[0, 0, 0x65, 0x58, 0, 0, 7, 0], &frame[..]].concat(),
        ),
        (
            "geneve",
            [&[1, 0, 8, 0, 0, 0, 7, 0, 1, 2, 3, 0], packet].concat(),
        ),
        ("gtp-u", gtp(0x30, &[])),
        ("gtp-u", gtp(0x34, &[0, 0, 0, 0x85, 1, 0, 9, 0])),
        ("l2tp", l2tp.concat()),
        (
            "capwap",
            [&[0, 0x10, 0x02, 0, 0, 0, 0, 0], &frame[..]].concat(),
        ),
        (
            "capwap",
            [&[0, 0x10, 0x43, 0, 0, 0, 0, 0], &wlan.concat()[..]].concat(),
        ),
        ("tzsp", [&[1, 0, 0, 1, 0x0b, 1, 6, 1], &frame[..]].concat()),
        (
            "gre-in-udp",
            [&[0x20, 0, 8, 0, 0, 0, 0, 1], packet].concat(),
        ),
        ("gue", [&[0, 4, 0, 0], packet].concat()),
        ("ip-in-udp", packet.to_vec()),
    ]
}

/// Tunnels of an IP protocol, with `packet` inside.
fn in_ip(packet: &[u8]) -> Vec<(&'static str, u8, Vec<u8>)> {
    let frame = ethernet(packet);
    let length = u16::try_from(packet.len() + 4).unwrap().to_be_bytes();
    let pptp = [
        &[0x30, 1, 0x88, 0x0b][..],
        &length,
        &[0, 1, 0, 0, 0, 2, 0xff, 3, 0, 0x21],
        packet,
    ];
    vec![
        ("ipip", 4, packet.to_vec()),
        ("gre", 47, [&[0, 0, 8, 0], packet].concat()),
        ("gre", 47, [&[0xb0, 0, 8, 0], &[1; 12][..], packet].concat()),
        (
            "nvgre",
            47,
            [&[0x20, 0, 0x65, 0x58, 0, 0, 1, 0], &frame[..]].concat(),
        ),
        ("erspan", 47, [&[0, 0, 0x88, 0xbe], &frame[..]].concat()),
        (
            "erspan",
            47,
            [
                &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0],
                &frame[..],
            ]
            .concat(),
        ),
        (
            "erspan",
            47,
            [
                &[
                    0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                ],
                &frame[..],
            ]
            .concat(),
        ),
        (
            "wccp",
            47,
            [&[0, 0, 0x88, 0x3e, 1, 2, 3, 4], packet].concat(),
        ),
        ("pptp", 47, pptp.concat()),
        (
            "gre",
            47,
            [&[0, 0, 0x88, 0x47, 0, 1, 1, 64], packet].concat(),
        ),
        (
            "esp-null",
            50,
            [
                &[0, 0, 0, 7, 0, 0, 0, 1],
                packet,
                &[1, 2, 3, 3, 4],
                &[0xcc; 12],
            ]
            .concat(),
        ),
        ("etherip", 97, [&[0x30, 0], &frame[..]].concat()),
        (
            "l2tpv3",
            115,
            [&[0, 0, 0, 1, 9, 9, 9, 9], &frame[..]].concat(),
        ),
        ("mpls", 137, [&[0, 1, 1, 64], packet].concat()),
    ]
}

/// What was said inside, by whom.
fn said(traffic: &Traffic) -> Vec<(String, Vec<u8>)> {
    let flows = traffic
        .flows
        .iter()
        .filter(|flow| !flow.from_a.bytes.is_empty());
    flows
        .map(|flow| (flow.a.to_string(), flow.from_a.bytes.clone()))
        .collect()
}

#[test]
fn what_is_inside_of_a_datagram_is_a_flow_of_its_own_and_the_outer_one_stays() {
    for (name, payload) in in_udp(&inner(b"hello")) {
        let traffic = traffic([udp(&payload)]);
        assert_eq!(
            said(&traffic),
            [("10.9.0.1:1111".into(), b"hello".to_vec())],
            "{name}"
        );
        let [tunnel] = &traffic.tunnels[..] else {
            panic!("{name}")
        };
        assert_eq!(
            (tunnel.name, tunnel.packets, tunnel.ends[0].port()),
            (name, 1, 40_000)
        );
        let outer = traffic
            .flows
            .iter()
            .find(|flow| flow.a.port() == 40_000)
            .unwrap();
        assert_eq!((outer.packets, outer.from_a.bytes.len()), (1, 0));
        assert!(
            traffic.undissected.is_empty(),
            "{name}: {:?}",
            traffic.undissected
        );
    }
}

#[test]
fn what_is_inside_of_a_packet_is_a_flow_and_the_hosts_are_told() {
    for (name, protocol, payload) in in_ip(&inner(b"hello")) {
        let traffic = traffic([ip(protocol, &payload)]);
        assert_eq!(
            said(&traffic),
            [("10.9.0.1:1111".into(), b"hello".to_vec())],
            "{name}"
        );
        let [other] = &traffic.other_protocols[..] else {
            panic!("{name}")
        };
        let expected = (Some(name), 1, protocol);
        assert_eq!((other.tunnel, other.opened, other.protocol), expected);
    }
    let v6 = inner_v6([1; 16], b"hello");
    assert_eq!(said(&traffic([ip(41, &v6)]))[0].1, b"hello");
    let teredo = inner_v6(
        [0x20, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        b"hello",
    );
    let origin = [&[0, 0, 1, 2, 3, 4, 5, 6], &teredo[..]].concat();
    for payload in [teredo, origin] {
        let traffic = traffic([udp(&payload)]);
        assert_eq!(
            (traffic.tunnels[0].name, &said(&traffic)[0].1[..]),
            ("teredo", &b"hello"[..])
        );
    }
    // Other IPv6 in UDP is no tunnel.
    assert!(traffic([udp(&v6)]).tunnels.is_empty());
}

#[test]
fn tunnels_lie_in_tunnels_and_no_deeper_than_that() {
    let mut packet = inner(b"hello");
    for depth in 1..=DEEPEST + 1 {
        packet = ip(4, &packet);
        let traffic = traffic([packet.clone()]);
        assert_eq!(
            said(&traffic).len(),
            usize::from(depth <= DEEPEST),
            "{depth}"
        );
    }
}

#[test]
fn a_tunnel_in_fragments_is_opened() {
    let payload: Vec<u8> = (0..1400u16).map(|n| n as u8).collect();
    let vxlan = [&[8, 0, 0, 0, 0, 0, 7, 0], &ethernet(&inner(&payload))[..]].concat();
    let whole = udp(&vxlan);
    let cut = |low: usize, high: usize, more: u16| {
        let mut part = [&whole[..20], &whole[20 + low..20 + high]].concat();
        let length = u16::try_from(part.len()).unwrap();
        part[2..4].copy_from_slice(&length.to_be_bytes());
        part[6..8].copy_from_slice(&(more << 13 | u16::try_from(low / 8).unwrap()).to_be_bytes());
        part
    };
    let end = whole.len() - 20;
    let traffic = traffic([cut(0, 800, 1), cut(800, end, 0)]);
    assert_eq!(said(&traffic), [("10.9.0.1:1111".into(), payload)]);
    let flow = traffic
        .flows
        .iter()
        .find(|flow| flow.a.port() == 1111)
        .unwrap();
    assert_eq!(flow.from_a.place(1000).unwrap().packet, 2);
}

#[test]
fn what_does_not_hold_together_stays_what_it_is() {
    for (name, payload) in in_udp(&inner(b"hello")) {
        let checksum = payload.len() - b"hello".len() - 8 - 10;
        for harm in 0..3 {
            let mut payload = payload.clone();
            match harm {
                0 => payload[checksum] ^= 1,
                1 => drop(payload.pop()),
                _ => payload.extend([7; 40]),
            }
            let traffic = traffic([udp(&payload)]);
            assert!(traffic.tunnels.is_empty(), "{name} {harm}");
            assert_eq!(traffic.flows[0].from_a.bytes, payload);
        }
    }
}

#[test]
fn security_associations_are_followed() {
    let esp = |spi: u32, sequence: u32| {
        let head = [spi.to_be_bytes(), sequence.to_be_bytes()].concat();
        ip(50, &[&head[..], &[0xab; 40]].concat())
    };
    let traffic = traffic([esp(7, 1), esp(7, 2), esp(9, 500), esp(7, 3), esp(7, 3)]);
    let [other] = &traffic.other_protocols[..] else {
        panic!()
    };
    let all: Vec<_> = other
        .associations
        .iter()
        .map(|one| (one.spi, one.packets, one.goes_on))
        .collect();
    assert_eq!(all, [(7, 4, 2), (9, 1, 0)]);
    assert_eq!((other.packets, other.bytes, other.opened), (5, 240, 0));
}

proptest! {
    #[test]
    fn random_datagrams_are_no_tunnels(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(in_datagram(&payload, 0), None);
    }

    #[test]
    fn hostile_octets_never_panic_and_none_is_there_twice(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        length in any::<prop::sample::Index>(),
    ) {
        let packet = inner(b"hello");
        let in_udp = in_udp(&packet).into_iter().map(|(_, payload)| (17, payload));
        let in_ip = in_ip(&packet).into_iter().map(|(_, protocol, payload)| (protocol, payload));
        let in_esp = [(50, in_esp(b"hello", 12)), (50, in_esp(b"hello", 16))];
        let all: Vec<_> = in_udp.chain(in_ip).chain(in_esp).collect();
        let (protocol, mut payload) = which.get(&all).clone();
        for (index, octet) in changes {
            let at = index.index(payload.len());
            payload[at] = octet;
        }
        payload.truncate(length.index(payload.len()) + 1);
        let whole = if protocol == 17 { udp(&payload) } else { ip(protocol, &payload) };
        let size = whole.len();
        let traffic = traffic([whole]);
        let held: usize = traffic.flows.iter().map(|f| f.from_a.bytes.len() + f.from_b.bytes.len()).sum();
        prop_assert!(held <= size);
    }
}

/// A datagram of UDP between A and B in ESP that does not encrypt.
fn in_esp(payload: &[u8], check: usize) -> Vec<u8> {
    let mut packet = Vec::new();
    let step = PacketBuilder::ipv4(A, B, 64);
    step.udp(5060, 5061).write(&mut packet, payload).unwrap();
    let mut esp = [&[0, 0, 0, 7, 0, 0, 0, 1][..], &packet[20..]].concat();
    let padding = (2 * esp.len() + 2) % 4;
    esp.extend((1..=padding).map(|n| n as u8));
    esp.extend([padding as u8, 17]);
    esp.extend((0..check).map(|n| n as u8 ^ 0x5a));
    esp
}

#[test]
fn segments_in_esp_that_does_not_encrypt_are_seen() {
    for check in [12, 16] {
        let traffic = traffic([ip(50, &in_esp(b"REGISTER sip:ims", check))]);
        let [flow] = &traffic.flows[..] else {
            panic!("{traffic:?}");
        };
        assert_eq!(flow.from_a.bytes, b"REGISTER sip:ims");
        assert_eq!(flow.from_a.place(0).map(|p| p.offset), Some(20 + 16));
    }
}

#[test]
fn a_wrong_checksum_in_esp_is_ciphertext() {
    for at in [8, 20, 14, 33] {
        let mut esp = in_esp(b"REGISTER sip:ims", 12);
        esp[at] ^= 1;
        let traffic = traffic([ip(50, &esp)]);
        assert!(traffic.flows.is_empty(), "{at}");
    }
}

#[test]
fn esp_that_does_not_encrypt_is_seen_in_udp() {
    let packet = inner(b"inside of ESP in UDP");
    let padding = (2 * packet.len() + 2) % 4;
    let mut esp = [&[0xc0, 0xff, 0xee, 7, 0, 0, 0, 1][..], &packet].concat();
    esp.extend((1..=padding).map(|n| n as u8));
    esp.extend([padding as u8, 4]);
    esp.extend([0x5a; 12]);
    let found = in_datagram(&esp, 0).unwrap();
    assert_eq!(
        (found.name, found.content),
        ("esp-null", Content::Ip(8..8 + packet.len()))
    );
    esp[30] ^= 1;
    esp[18] ^= 1;
    assert_eq!(in_datagram(&esp, 0), None);
}

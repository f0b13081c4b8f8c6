use etherparse::PacketBuilder;
use lightleak_case::{Capture, Interface, Packet as Captured};
use proptest::prelude::*;

use crate::dissect::{Flow, Traffic, Undissected, dissect};

use super::*;

const A: [u8; 4] = [10, 0, 0, 1];
const B: [u8; 4] = [10, 0, 0, 2];
/// Octets of the IPv4 header that the tests make.
const HEADER: usize = 20;

fn chunk(data: &[u8]) -> Chunk<'_> {
    Chunk {
        data,
        packet: 1,
        offset: 0,
        time_ns: 0,
    }
}

fn capture(packets: impl IntoIterator<Item = Vec<u8>>) -> Capture {
    Capture {
        interfaces: vec![Interface {
            link_type: 101,
            ..Interface::default()
        }],
        packets: packets
            .into_iter()
            .zip(1..)
            .map(|(data, number)| Captured {
                number,
                interface: 0,
                time_ns: number * 1_000_000,
                original_length: u32::try_from(data.len()).unwrap(),
                data: data.into(),
            })
            .collect(),
        ..Capture::default()
    }
}

fn traffic(packets: impl IntoIterator<Item = Vec<u8>>) -> Traffic {
    dissect(&capture(packets))
}

fn only_flow(traffic: Traffic) -> Flow {
    assert_eq!(traffic.undissected, []);
    let [flow] = traffic.flows.try_into().unwrap();
    flow
}

fn reasons(traffic: &Traffic) -> Vec<(u64, &str)> {
    traffic
        .undissected
        .iter()
        .map(|u| (u.packet, u.reason.as_str()))
        .collect()
}

fn udp(payload: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    PacketBuilder::ipv4(A, B, 64)
        .udp(5000, 6000)
        .write(&mut data, payload)
        .unwrap();
    data
}

/// A part of the payload of an IPv4 packet, as a fragment with that
/// Identification.
fn cut(packet: &[u8], id: u16, (low, high): (usize, usize)) -> Vec<u8> {
    let payload = &packet[HEADER..];
    let high = high.min(payload.len());
    let mut fragment = [&packet[..HEADER], &payload[low..high]].concat();
    let length = u16::try_from(fragment.len()).unwrap();
    let more = u16::from(high < payload.len()) << 13;
    let offset = u16::try_from(low / 8).unwrap();
    fragment[2..4].copy_from_slice(&length.to_be_bytes());
    fragment[4..6].copy_from_slice(&id.to_be_bytes());
    fragment[6..8].copy_from_slice(&(more | offset).to_be_bytes());
    fragment
}

/// An IPv6 packet with a payload behind those extension headers, each Next
/// Header first.
fn v6(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, length[0], length[1], first, 64];
    packet.extend([1; 16]);
    packet.extend([2; 16]);
    packet.extend(payload);
    packet
}

/// A UDP datagram by itself.
fn udp_alone(payload: &[u8]) -> Vec<u8> {
    udp(payload)[HEADER..].to_vec()
}

fn whole(data: &[u8]) -> Datagram<'_> {
    let Ok(Packet::Whole(mut datagram)) = read(chunk(data)) else {
        panic!("not whole");
    };
    pass_extensions(&mut datagram).unwrap();
    datagram
}

#[test]
fn the_padding_of_the_link_is_left_out() {
    let mut data = udp(b"hello");
    data.resize(46, 0);
    assert_eq!(&whole(&data).head(99)[8..], b"hello");
}

#[test]
fn what_the_snap_length_cut_off_is_counted_as_missing() {
    let data = udp(&[7; 100]);
    let datagram = whole(&data[..data.len() - 30]);
    assert_eq!((datagram.len(), datagram.missing), (78, 30));
}

#[test]
fn a_length_of_zero_stands_for_all_that_was_captured() {
    let mut data = udp(b"hello");
    data[2..4].fill(0);
    assert_eq!(whole(&data).len(), 13);
    let mut data = v6(17, &udp_alone(b"hello"));
    data[4..6].fill(0);
    assert_eq!(whole(&data).len(), 13);
}

#[test]
fn extension_headers_are_passed_over() {
    let datagram = udp_alone(b"hello");
    let with =
        |first: u8, headers: &[&[u8]]| v6(first, &[&headers.concat(), &datagram[..]].concat());
    for (name, data, at) in [
        ("hop by hop", with(0, &[&[17, 0, 5, 2, 0, 0, 1, 0]]), 48),
        (
            "two of 16",
            with(43, &[&[60, 1], &[0; 14], &[17, 1], &[0; 14]]),
            72,
        ),
        ("atomic", with(44, &[&[17, 0, 0, 0, 0, 0, 0, 9]]), 48),
        ("authentication", with(51, &[&[17, 4], &[0; 22]]), 64),
        ("mobility", with(135, &[&[17, 0, 0, 0, 0, 0, 0, 0]]), 48),
    ] {
        let datagram = whole(&data);
        assert_eq!(
            (datagram.protocol, datagram.chunks[0].offset),
            (17, at),
            "{name}"
        );
        assert_eq!(&datagram.head(99)[8..], b"hello", "{name}");
    }
    let mut v4 = udp(b"hello");
    v4[9] = 51;
    v4.splice(20..20, [&[17u8, 1][..], &[0; 10]].concat());
    v4[3] += 12;
    assert_eq!(whole(&v4).chunks[0].offset, 32);
}

#[test]
fn what_is_no_ip_packet_is_named() {
    for (data, why) in [
        (&b""[..], "no IP header"),
        (b"\x50", "IP version 5"),
        (b"\x45", "IPv4: "),
        (b"\x60", "IPv6: "),
    ] {
        assert!(read(chunk(data)).unwrap_err().starts_with(why), "{why}");
    }
    let data = v6(60, &[17, 9, 0, 0]);
    assert!(
        read(chunk(&data))
            .unwrap_err()
            .starts_with("no whole extension header 60")
    );
}

#[test]
fn fragments_in_any_order_make_one_datagram_whose_octets_keep_their_places() {
    let payload: Vec<u8> = (0..100).collect();
    let packet = udp(&payload);
    let parts = [(0, 48), (48, 64), (64, 200)].map(|part| cut(&packet, 7, part));
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let packets = order.map(|i| parts[i].clone());
        let flow = only_flow(traffic(packets.clone()));
        assert_eq!((flow.packets, flow.first_packet), (3, 1));
        let [(_, datagram)] = flow.from_a.parts().collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(datagram, payload);
        for (at, octet) in payload.iter().enumerate() {
            let place = flow.from_a.place(at).unwrap();
            let packet = &packets[usize::try_from(place.packet).unwrap() - 1];
            assert_eq!(packet[place.offset], *octet);
        }
    }
}

#[test]
fn a_mirrored_fragment_counts_once() {
    let packet = udp(&[7; 40]);
    let parts = [(0, 24), (24, 48)].map(|part| cut(&packet, 7, part));
    let [a, b] = &parts;
    let flow = only_flow(traffic([a, a, b, b].map(Clone::clone)));
    assert_eq!(flow.from_a.bytes, [7; 40]);
    let flow = only_flow(traffic([a, b, a, b].map(Clone::clone)));
    assert_eq!(flow.from_a.bytes, [7; 40]);
}

#[test]
fn an_identification_that_is_used_again_is_another_datagram() {
    let (one, two) = (udp(&[1; 40]), udp(&[2; 40]));
    let parts = |packet: &[u8]| [cut(packet, 7, (0, 24)), cut(packet, 7, (24, 48))];
    let flow = only_flow(traffic([parts(&one), parts(&two)].concat()));
    let datagrams: Vec<&[u8]> = flow.from_a.parts().map(|(_, d)| d).collect();
    assert_eq!(datagrams, [&[1; 40][..], &[2; 40]]);

    // The end of the first one was lost, long ago.
    let [begun, _] = parts(&one);
    let mut capture = capture([vec![begun], parts(&two).to_vec()].concat());
    for packet in &mut capture.packets[1..] {
        packet.time_ns += 31_000_000_000;
    }
    let flow = only_flow(dissect(&capture));
    let datagrams: Vec<&[u8]> = flow.from_a.parts().map(|(_, d)| d).collect();
    assert_eq!(datagrams, [&[2; 40][..], &[1; 16]]);
    assert_eq!(flow.from_a.gaps, [56]);
}

#[test]
fn the_first_copy_of_an_octet_wins_and_the_overlap_is_noted() {
    let (true_one, forged) = (udp(&[1; 56]), udp(&[9; 56]));
    let traffic = traffic([
        cut(&true_one, 7, (0, 24)),
        cut(&forged, 7, (16, 40)),
        cut(&true_one, 7, (24, 64)),
    ]);
    let expected = [&[1; 16][..], &[9; 16], &[1; 24]].concat();
    assert_eq!(traffic.flows[0].from_a.bytes, expected);
    let overlap = "IP fragments that overlap";
    assert_eq!(reasons(&traffic), [(2, overlap), (3, overlap)]);
}

#[test]
fn a_datagram_that_stays_incomplete_leaves_a_gap_and_names_the_rest() {
    let packet = udp(&[7; 100]);
    let parts = |list: &[(usize, usize)]| -> Vec<_> {
        list.iter().map(|&part| cut(&packet, 7, part)).collect()
    };
    let missing = "an IP fragment of a datagram of which octets before it are missing";
    let hole = traffic(parts(&[(0, 24), (48, 200)]));
    assert_eq!(hole.flows[0].from_a.bytes, [7; 16]);
    assert_eq!(hole.flows[0].from_a.gaps, [16]);
    assert_eq!(reasons(&hole), [(2, missing)]);
    let no_end = traffic(parts(&[(0, 24), (24, 48)]));
    assert_eq!(no_end.flows[0].from_a.bytes, [7; 40]);
    assert_eq!(no_end.flows[0].from_a.gaps, [40]);
    assert_eq!(reasons(&no_end), []);
    let no_beginning = traffic(parts(&[(24, 48), (48, 200)]));
    assert!(no_beginning.flows.is_empty());
    assert_eq!(reasons(&no_beginning), [(1, missing), (2, missing)]);
}

#[test]
fn fragments_that_contradict_the_rules_are_named() {
    let packet = udp(&[7; 100]);
    let mut beyond = cut(&packet, 7, (48, 200));
    beyond[6..8].copy_from_slice(&0x1fff_u16.to_be_bytes());
    let mut odd = cut(&packet, 8, (0, 24));
    odd.pop();
    odd[3] -= 1;
    let end = cut(&packet, 9, (104, 200));
    let mut behind = cut(&packet, 9, (96, 104));
    behind[7] = 0xff;
    let traffic = traffic([beyond, odd, end, behind]);
    assert_eq!(
        reasons(&traffic),
        [
            (1, "an IP fragment that ends beyond 65535 octets"),
            (2, "an IP fragment whose length is no multiple of 8"),
            (
                3,
                "an IP fragment of a datagram of which octets before it are missing"
            ),
            (4, "an IP fragment beyond the end of its datagram"),
        ]
    );
}

#[test]
fn a_tcp_header_that_is_cut_in_two_is_read() {
    let mut packet = Vec::new();
    PacketBuilder::ipv4(A, B, 64)
        .tcp(40000, 554, 100, 1000)
        .ack(1)
        .write(&mut packet, b"OPTIONS * RTSP/1.0")
        .unwrap();
    let parts = [(0, 8), (8, 24), (24, 200)].map(|part| cut(&packet, 7, part));
    let flow = only_flow(traffic(parts));
    assert_eq!(flow.b, "10.0.0.2:554".parse().unwrap());
    assert_eq!(flow.from_a.bytes, b"OPTIONS * RTSP/1.0");
    let pieces: Vec<_> = flow
        .from_a
        .pieces
        .iter()
        .map(|p| (p.length, p.packet, p.offset))
        .collect();
    assert_eq!(pieces, [(4, 2, 32), (14, 3, 20)]);
}

#[test]
fn fragments_of_ipv6_are_put_together_behind_and_before_other_headers() {
    let payload = [7; 64];
    let options = [17, 0, 1, 4, 0, 0, 0, 0];
    let datagram = [&options[..], &udp_alone(&payload)].concat();
    let part = |low: usize, high: usize, more: u16| {
        let offset = (u16::try_from(low).unwrap() | more).to_be_bytes();
        let before = [44, 0, 1, 4, 0, 0, 0, 0];
        // Its Next Header counts in the first fragment alone.
        let next = if low == 0 { 60 } else { 6 };
        let header = [next, 0, offset[0], offset[1], 0, 0, 0, 9];
        v6(0, &[&before[..], &header, &datagram[low..high]].concat())
    };
    let packets = [part(40, 80, 0), part(0, 40, 1)];
    let flow = only_flow(traffic(packets));
    assert_eq!(flow.from_a.bytes, payload);
    assert_eq!(flow.from_a.pieces[0].packet, 2);
}

#[test]
fn other_protocols_are_named() {
    let mut gre = udp(b"something");
    gre[9] = 47;
    assert_eq!(reasons(&traffic([gre])), [(1, "IP protocol 47")]);
}

#[test]
fn many_small_fragments_and_large_ones_over_them_take_little_time() {
    let packet = udp(&vec![7; 64_000]);
    let end = packet.len() - HEADER;
    let holes = (0..end).step_by(16).map(|at| cut(&packet, 7, (at, at + 8)));
    let large = (0..200).map(|_| cut(&packet, 7, (8, 64_000)));
    let packets: Vec<_> = holes.chain(large).collect();
    let traffic = traffic(packets);
    assert!(traffic.flows[0].from_a.bytes == vec![7; 64_000]);
    assert!(traffic.flows[0].from_a.gaps.is_empty());
}

proptest! {
    #[test]
    fn a_datagram_comes_out_of_its_fragments_as_it_went_in(
        payload in prop::collection::vec(any::<u8>(), 1..400),
        step in 1..10usize,
        random in prop::collection::vec((0..50usize, 1..10usize), 0..8),
        order in any::<prop::sample::Index>(),
    ) {
        let packet = udp(&payload);
        let end = packet.len() - HEADER;
        let all = (0..end).step_by(step * 8).map(|at| (at, at + step * 8));
        let random = random.into_iter().map(|(at, length)| (at * 8, (at + length) * 8));
        let mut parts: Vec<_> = random.filter(|(low, _)| *low < end).chain(all).collect();
        let first = order.index(parts.len());
        parts.rotate_left(first);
        prop_assume!(parts.iter().all(|(low, high)| (*low, *high) != (0, end) && high - low < end));
        let traffic = traffic(parts.iter().map(|&part| cut(&packet, 7, part)));
        let flow = traffic.flows.iter().find(|f| !f.from_a.bytes.is_empty()).unwrap();
        let (_, datagram) = flow.from_a.parts().next().unwrap();
        prop_assert_eq!(datagram, payload);
        for Undissected { reason: why, .. } in &traffic.undissected {
            let overlap = why == "IP fragments that overlap";
            prop_assert!(overlap || why.contains("octets before it are missing"), "{}", why);
        }
    }

    #[test]
    fn mutated_fragments_never_panic_and_places_are_right(
        parts in prop::collection::vec((0..12usize, 1..12usize, 0..2u16), 1..30),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), 0..48usize, any::<u8>()), 0..12,
        ),
        version in prop::sample::select(vec![4u8, 6]),
    ) {
        let packet = udp(&[7; 88]);
        let mut packets: Vec<_> = parts
            .iter()
            .map(|&(at, length, id)| {
                let fragment = cut(&packet, id, (at * 8, (at + length) * 8));
                match version {
                    4 => fragment,
                    _ => {
                        let offset = [fragment[6] << 3 | fragment[7] >> 5, fragment[7] << 3];
                        let more = fragment[6] >> 5 & 1;
                        let header = [17, 0, offset[0], offset[1] | more, 0, 0, 0, fragment[5]];
                        v6(44, &[&header, &fragment[HEADER..]].concat())
                    }
                }
            })
            .collect();
        for (index, at, octet) in changes {
            let index = index.index(packets.len());
            if let Some(there) = packets[index].get_mut(at) {
                *there = octet;
            }
        }
        let traffic = traffic(packets.clone());
        for flow in &traffic.flows {
            for stream in [&flow.from_a, &flow.from_b] {
                for piece in &stream.pieces {
                    let packet = &packets[usize::try_from(piece.packet).unwrap() - 1];
                    prop_assert_eq!(
                        &packet[piece.offset..piece.offset + piece.length],
                        &stream.bytes[piece.at..piece.at + piece.length]
                    );
                }
            }
        }
    }

    #[test]
    fn any_octets_are_survived(
        mut data in prop::collection::vec(any::<u8>(), 0..120),
        first in prop::sample::select(vec![0x45u8, 0x46, 0x60]),
        protocol in prop::sample::select(vec![6u8, 17, 51, 0, 44, 60, 1, 58, 2]),
        link_type in prop::sample::select(vec![1u16, 101, 113, 276, 0]),
    ) {
        if data.len() > 20 {
            data[0] = first;
            data[if first == 0x60 { 6 } else { 9 }] = protocol;
        }
        let mut capture = capture([data]);
        capture.interfaces[0].link_type = link_type;
        dissect(&capture);
    }
}

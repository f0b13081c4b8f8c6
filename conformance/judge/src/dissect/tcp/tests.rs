use etherparse::PacketBuilder;
use lightleak_case::{Capture, Interface, Packet};
use proptest::prelude::*;

use crate::dissect::{Traffic, dissect};

use super::*;

const A: ([u8; 4], u16) = ([10, 0, 0, 1], 40000);
const B: ([u8; 4], u16) = ([10, 0, 0, 2], 554);

/// Packets of a capture, in the order in which they are made.
#[derive(Default)]
struct Tap(Capture);

impl Tap {
    fn new() -> Self {
        Self(Capture {
            interfaces: vec![Interface {
                link_type: 1,
                ..Interface::default()
            }],
            ..Capture::default()
        })
    }

    /// `flags`: S, A, F, R. The acknowledgment number counts with A only.
    fn packet(
        &mut self,
        (from, to): (([u8; 4], u16), ([u8; 4], u16)),
        flags: &str,
        (sequence, ack): (u32, u32),
        payload: &[u8],
    ) -> &mut Self {
        let mut builder = PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4(from.0, to.0, 64)
            .tcp(from.1, to.1, sequence, 1000);
        for flag in flags.chars() {
            builder = match flag {
                'S' => builder.syn(),
                'A' => builder.ack(ack),
                'F' => builder.fin(),
                _ => builder.rst(),
            };
        }
        let mut data = Vec::new();
        builder.write(&mut data, payload).unwrap();
        self.captured(data)
    }

    fn captured(&mut self, data: Vec<u8>) -> &mut Self {
        let number = self.0.packets.len() as u64 + 1;
        self.0.packets.push(Packet {
            number,
            interface: 0,
            time_ns: number * 1000,
            original_length: u32::try_from(data.len()).unwrap(),
            data: data.into(),
        });
        self
    }

    /// Cuts the last packet short by that many octets.
    fn cut(&mut self, octets: usize) -> &mut Self {
        let packet = self.0.packets.last_mut().unwrap();
        let kept = packet.data.len() - octets;
        packet.data.truncate(kept);
        self
    }

    fn a(&mut self, flags: &str, numbers: (u32, u32), payload: &[u8]) -> &mut Self {
        self.packet((A, B), flags, numbers, payload)
    }

    fn b(&mut self, flags: &str, numbers: (u32, u32), payload: &[u8]) -> &mut Self {
        self.packet((B, A), flags, numbers, payload)
    }

    /// Opens with those initial sequence numbers.
    fn open(&mut self, a: u32, b: u32) -> &mut Self {
        let (first_a, first_b) = (a.wrapping_add(1), b.wrapping_add(1));
        self.a("S", (a, 0), b"");
        self.b("SA", (b, first_a), b"");
        self.a("A", (first_a, first_b), b"")
    }

    fn traffic(&self) -> Traffic {
        dissect(&self.0)
    }

    fn flow(&self) -> Flow {
        let traffic = self.traffic();
        assert!(traffic.undissected.is_empty());
        let [flow] = traffic.flows.try_into().unwrap();
        flow
    }
}

#[test]
fn a_connection_is_followed_from_syn_to_fin() {
    let mut tap = Tap::new();
    tap.open(100, 500);
    tap.a("A", (101, 501), b"hello")
        .b("A", (501, 106), b"world");
    tap.a("FA", (106, 506), b"").b("FA", (506, 107), b"!");
    tap.a("A", (107, 508), b"");
    let flow = tap.flow();
    assert_eq!((flow.a, flow.b), (A.into(), B.into()));
    assert_eq!(flow.state, FlowState::Open);
    assert_eq!((flow.first_packet, flow.packets), (1, 8));
    assert_eq!(flow.from_a.bytes, b"hello");
    assert_eq!(flow.from_b.bytes, b"world!");
    assert!(flow.from_a.ended && flow.from_b.ended);
    assert!(flow.from_a.gaps.is_empty() && flow.from_b.gaps.is_empty());
    let place = flow.from_b.place(5).unwrap();
    assert_eq!((place.packet, place.offset), (7, 54));
    assert_eq!(flow.from_b.piece(5).unwrap().time_ns, 7000);
}

#[test]
fn the_state_says_how_far_the_connection_came() {
    let state = |build: &dyn Fn(&mut Tap)| {
        let mut tap = Tap::new();
        build(&mut tap);
        let flow = tap.flow();
        assert_eq!(flow.a, A.into());
        flow.state
    };
    use FlowState::*;
    let syn = |tap: &mut Tap| {
        tap.a("S", (100, 0), b"").a("S", (100, 0), b"");
    };
    assert_eq!(state(&syn), Unanswered);
    let refused = |tap: &mut Tap| {
        syn(tap);
        tap.b("RA", (0, 101), b"").a("S", (100, 0), b"");
        tap.b("RA", (0, 101), b"");
    };
    assert_eq!(state(&refused), Refused);
    let given_up = |tap: &mut Tap| {
        syn(tap);
        tap.a("R", (101, 0), b"");
    };
    assert_eq!(state(&given_up), Unanswered);
    let scanned = |tap: &mut Tap| {
        tap.a("S", (100, 0), b"").b("SA", (5, 101), b"");
        tap.a("R", (101, 0), b"");
    };
    assert_eq!(state(&scanned), Open);
    let answers_only = |tap: &mut Tap| {
        tap.b("RA", (0, 101), b"");
    };
    assert_eq!(state(&answers_only), Joined);
    let accepts_only = |tap: &mut Tap| {
        tap.b("SA", (5, 101), b"").b("A", (6, 103), b"x");
    };
    assert_eq!(state(&accepts_only), Open);
    let in_the_middle = |tap: &mut Tap| {
        tap.a("A", (7, 9), b"x");
    };
    assert_eq!(state(&in_the_middle), Joined);
}

#[test]
fn a_port_pair_that_is_used_again_is_another_flow() {
    let mut tap = Tap::new();
    tap.open(100, 500).a("A", (101, 501), b"one");
    tap.open(90_000_000, 70_000_000);
    tap.a("A", (90_000_001, 70_000_001), b"two");
    // What comes late belongs to the first.
    tap.a("A", (104, 501), b" late");
    tap.a("R", (90_000_004, 0), b"");
    // The same number once more, as a tap that makes up framing may have it.
    tap.open(90_000_000, 70_000_000);
    tap.a("A", (90_000_001, 70_000_001), b"three");
    let traffic = tap.traffic();
    let sent: Vec<&[u8]> = traffic.flows.iter().map(|f| &f.from_a.bytes[..]).collect();
    assert_eq!(sent, [&b"one late"[..], b"two", b"three"]);
    assert!(traffic.undissected.is_empty());
}

#[test]
fn a_syn_that_was_captured_late_opens_no_other_flow() {
    let mut tap = Tap::new();
    tap.a("A", (101, 501), b"data").a("S", (100, 0), b"");
    tap.b("A", (501, 105), b"more").b("SA", (500, 101), b"");
    let flow = tap.flow();
    assert_eq!(flow.from_a.bytes, b"data");
    assert_eq!(flow.from_b.bytes, b"more");
    assert!(flow.from_a.gaps.is_empty() && flow.from_b.gaps.is_empty());
}

#[test]
fn the_first_copy_wins_and_other_octets_are_noted() {
    let mut tap = Tap::new();
    tap.open(100, 500).a("A", (103, 501), b"cde");
    tap.a("A", (101, 501), b"abXYZfg")
        .a("A", (101, 501), b"abcdefg");
    let traffic = tap.traffic();
    assert_eq!(traffic.flows[0].from_a.bytes, b"abcdefg");
    let pieces: Vec<(usize, u64, usize)> = traffic.flows[0]
        .from_a
        .pieces
        .iter()
        .map(|p| (p.at, p.packet, p.offset))
        .collect();
    assert_eq!(pieces, [(0, 5, 54), (2, 4, 54), (5, 5, 59)]);
    let packets: Vec<u64> = traffic.undissected.iter().map(|u| u.packet).collect();
    assert_eq!(packets, [5]);
}

#[test]
fn probes_do_not_disturb() {
    let mut tap = Tap::new();
    tap.open(100, 500);
    tap.a("A", (100, 501), b"\0").a("A", (101, 501), b"abc");
    // Keep-alive probes, without and with an octet of anything.
    tap.a("A", (103, 501), b"").a("A", (103, 501), b"\0");
    // A zero-window probe, and its octet again with what follows.
    tap.a("A", (104, 501), b"d").a("A", (104, 501), b"def");
    let flow = tap.flow();
    assert_eq!(flow.from_a.bytes, b"abcdef");
    assert!(flow.from_a.gaps.is_empty());
}

#[test]
fn what_was_acknowledged_and_not_captured_is_a_gap() {
    let mut tap = Tap::new();
    tap.open(100, 500).a("A", (101, 501), b"abc");
    tap.a("A", (104, 601), b"").b("FA", (601, 104), b"");
    let flow = tap.flow();
    assert!(flow.from_a.gaps.is_empty());
    assert_eq!(flow.from_b.gaps, [0]);

    // A FIN whose packet is missing is acknowledged and no gap.
    let mut tap = Tap::new();
    tap.open(100, 500).a("A", (101, 501), b"abc");
    tap.b("A", (501, 105), b"");
    assert!(tap.flow().from_a.gaps.is_empty());
    tap.b("A", (501, 106), b"");
    assert_eq!(tap.flow().from_a.gaps, [3]);
}

#[test]
fn a_packet_that_was_cut_short_leaves_a_gap() {
    let mut tap = Tap::new();
    tap.open(100, 500).a("A", (101, 501), b"abcdef").cut(2);
    assert_eq!(tap.flow().from_a.gaps, [4]);
    tap.a("A", (107, 501), b"ghi");
    let flow = tap.flow();
    assert_eq!(flow.from_a.bytes, b"abcdghi");
    assert_eq!(flow.from_a.gaps, [4]);
    assert_eq!(tap.traffic().cut, 1);
}

#[test]
fn octets_without_a_place_are_noted() {
    let mut tap = Tap::new();
    tap.open(100, 500).a("A", (101, 501), b"abc");
    tap.a("R", (104, 0), b"bye").a("A", (95, 501), b"before");
    tap.a("A", (1 << 31, 501), b"far away");
    tap.a("A", (104, 501), b"def");
    let traffic = tap.traffic();
    assert_eq!(traffic.flows[0].from_a.bytes, b"abcdef");
    let packets: Vec<u64> = traffic.undissected.iter().map(|u| u.packet).collect();
    // The one from far away is of a connection whose beginning is missing.
    assert_eq!(packets, [5, 6]);
    assert_eq!(traffic.flows[1].from_a.bytes, b"far away");
}

#[test]
fn a_udp_conversation_has_a_piece_per_datagram() {
    let mut tap = Tap::new();
    for (from, to, payload) in [(A, B, &b"one"[..]), (B, A, b"two!"), (A, B, b"three")] {
        let mut data = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4(from.0, to.0, 64)
            .udp(from.1, to.1)
            .write(&mut data, payload)
            .unwrap();
        tap.captured(data);
    }
    let flow = tap.cut(1).flow();
    assert_eq!(
        (flow.a, flow.state, flow.packets),
        (A.into(), FlowState::Open, 3)
    );
    let parts: Vec<&[u8]> = flow.from_a.parts().map(|(_, octets)| octets).collect();
    assert_eq!(parts, [&b"one"[..], b"thre"]);
    assert_eq!(flow.from_a.gaps, [7]);
    assert_eq!(flow.from_b.bytes, b"two!");
}

#[test]
fn heartbeats_and_what_is_not_dissected_are_kept() {
    let mut tap = Tap::new();
    let frame = |payload: &[u8]| [&[2; 12][..], &[0x88, 0xb5], payload].concat();
    tap.captured(frame(b"lightleak tap wire"))
        .captured(frame(b"else"));
    tap.0.packets.push(Packet {
        interface: 7,
        number: 9,
        ..tap.0.packets[0].clone()
    });
    let traffic = tap.traffic();
    assert_eq!(traffic.heartbeats, [1000]);
    let packets: Vec<u64> = traffic.undissected.iter().map(|u| u.packet).collect();
    assert_eq!(packets, [2, 9]);
}

#[test]
fn many_holes_and_what_fills_them_take_two_pieces_per_segment() {
    let mut tap = Tap::new();
    tap.open(100, 500);
    for at in 0..2000 {
        tap.a("A", (101 + 2 * at, 501), b"x");
    }
    for _ in 0..3 {
        tap.a("A", (101, 501), &[b'x'; 4000]);
    }
    let flow = tap.flow();
    assert_eq!(flow.from_a.bytes, [b'x'; 4000]);
    assert_eq!(flow.from_a.pieces.len(), 4000);
}

/// A stream, cut into segments that overlap, doubled and out of order, of which
/// some are missing; and its initial sequence number.
fn segments() -> impl Strategy<Value = (Vec<u8>, u32, Vec<(usize, usize)>)> {
    let stream = prop::collection::vec(any::<u8>(), 1..3000);
    let isn = prop_oneof![any::<u32>(), (u32::MAX - 3000)..=u32::MAX];
    (stream, isn).prop_flat_map(|(stream, isn)| {
        let segment = (0..stream.len(), 1..200usize);
        let random = prop::collection::vec(segment, 0..60);
        let step = 1..150usize;
        let length = stream.len();
        let all = (step, prop::bool::weighted(0.7)).prop_map(move |(step, all)| {
            (0..length)
                .step_by(step)
                .filter(|at| all || at / step % 3 != 0)
                .map(|at| (at, step))
                .collect::<Vec<_>>()
        });
        let segments = (random, all)
            .prop_map(|(x, y)| [x, y].concat())
            .prop_shuffle();
        (Just(stream), Just(isn), segments)
    })
}

proptest! {
    #[test]
    fn every_octet_comes_to_its_place_and_losses_are_gaps((stream, isn, segments) in segments()) {
        let mut tap = Tap::new();
        tap.open(isn, 500);
        let mut seen = vec![false; stream.len()];
        for &(at, length) in &segments {
            let end = stream.len().min(at + length);
            let sequence = isn.wrapping_add(1).wrapping_add(u32::try_from(at).unwrap());
            tap.a("A", (sequence, 501), &stream[at..end]);
            seen[at..end].fill(true);
        }
        let after = isn.wrapping_add(1).wrapping_add(u32::try_from(stream.len()).unwrap());
        tap.a("FA", (after, 501), b"");
        let flow = tap.flow();

        let (mut bytes, mut gaps) = (Vec::new(), Vec::new());
        for (i, octet) in stream.iter().enumerate() {
            if seen[i] {
                bytes.push(*octet);
            } else if i == 0 || seen[i - 1] {
                gaps.push(bytes.len());
            }
        }
        prop_assert_eq!(&flow.from_a.bytes, &bytes);
        prop_assert_eq!(&flow.from_a.gaps, &gaps);
        prop_assert!(flow.from_a.ended);
        for (piece, octets) in flow.from_a.parts() {
            let packet = &tap.0.packets[usize::try_from(piece.packet).unwrap() - 1];
            prop_assert_eq!(&packet.data[piece.offset..piece.offset + piece.length], octets);
        }
    }

    #[test]
    fn a_stream_captured_from_its_middle_is_whole_from_there(
        (stream, isn, segments) in segments(),
    ) {
        let mut tap = Tap::new();
        let mut seen = vec![false; stream.len()];
        for &(at, length) in &segments {
            let end = stream.len().min(at + length);
            let sequence = isn.wrapping_add(u32::try_from(at).unwrap());
            tap.a("A", (sequence, 501), &stream[at..end]);
            seen[at..end].fill(true);
        }
        prop_assume!(!segments.is_empty());
        let flow = tap.flow();
        let octets = stream.iter().zip(&seen).filter(|(_, seen)| **seen);
        let expected: Vec<u8> = octets.map(|(octet, _)| *octet).collect();
        prop_assert_eq!(flow.from_a.bytes, expected);
    }

    #[test]
    fn any_flags_and_numbers_are_survived(
        packets in prop::collection::vec(
            (any::<bool>(), 0u8..16, any::<u32>(), any::<u32>(), 0..5usize), 0..60,
        ),
        near in any::<bool>(),
    ) {
        let mut tap = Tap::new();
        let mut payload = 0;
        for (of_a, flags, sequence, ack, length) in packets {
            let names: String = "SAFR"
                .chars()
                .enumerate()
                .filter(|(i, _)| flags >> i & 1 == 1)
                .map(|(_, name)| name)
                .collect();
            let mask = if near { 0xff } else { u32::MAX };
            let ends = if of_a { (A, B) } else { (B, A) };
            payload += length;
            tap.packet(ends, &names, (sequence & mask, ack & mask), &[9; 5][..length]);
        }
        let traffic = tap.traffic();
        let packets: u64 = traffic.flows.iter().map(|f| f.packets).sum();
        prop_assert_eq!(packets, tap.0.packets.len() as u64);
        let kept = |f: &Flow| f.from_a.bytes.len() + f.from_b.bytes.len();
        prop_assert!(traffic.flows.iter().map(kept).sum::<usize>() <= payload);
    }

    #[test]
    fn mutated_packets_of_a_real_flow_never_panic(
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), 12..60usize, any::<u8>()), 1..12,
        ),
    ) {
        let mut tap = Tap::new();
        tap.open(u32::MAX, 500);
        for at in 0..10 {
            tap.a("A", (at * 50, 501), &[7; 50]).b("A", (501 + at * 9, 50), &[8; 9]);
        }
        tap.a("FA", (500, 591), b"");
        for (index, at, octet) in changes {
            let index = index.index(tap.0.packets.len());
            if let Some(there) = tap.0.packets[index].data.get_mut(at) {
                *there = octet;
            }
        }
        tap.traffic();
    }
}

use super::*;
use proptest::prelude::*;

fn packet(sequence: u16, time: u32, marker: bool, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96 | u8::from(marker) << 7];
    packet.extend(sequence.to_be_bytes());
    packet.extend(time.to_be_bytes());
    packet.extend([0, 0, 0, 7]);
    packet.extend_from_slice(payload);
    packet
}

fn read(packets: &[Vec<u8>]) -> Vec<FoundUnit> {
    depacketize(&packets.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// Three units of three packets: an aggregate and a unit in two fragments.
fn sound() -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for unit in 0..3u16 {
        let (at, time) = (65534u16.wrapping_add(unit * 3), u32::from(unit) * 3000);
        let aggregate = [24, 0, 2, 0x67, 9, 0, 3, 0x68, 8, 8];
        packets.push(packet(at, time, false, &aggregate));
        packets.push(packet(at.wrapping_add(1), time, false, &[0x7c, 0x85, 1, 2]));
        packets.push(packet(at.wrapping_add(2), time, true, &[0x7c, 0x45, 3, 4]));
    }
    packets
}

const UNIT: &[u8] = &[
    0, 0, 0, 1, 0x67, 9, 0, 0, 0, 1, 0x68, 8, 8, 0, 0, 0, 1, 0x65, 1, 2, 3, 4,
];

#[test]
fn units_are_put_together_across_the_wrap_of_the_sequence_number() {
    let units = read(&sound());
    assert_eq!(units.len(), 3);
    for (index, unit) in units.iter().enumerate() {
        assert_eq!(unit.annex_b, UNIT);
        assert!(unit.whole && unit.unread == 0 && unit.packets == 3);
        assert_eq!(unit.first, index * 3);
    }
}

#[test]
fn doubled_and_reordered_packets_change_nothing_but_the_index() {
    let mut packets = sound();
    packets.swap(4, 5);
    packets.swap(1, 3);
    packets.push(packets[2].clone());
    let units = read(&packets);
    assert_eq!(units.len(), 3);
    assert!(units.iter().all(|u| u.annex_b == UNIT && u.whole));
}

#[test]
fn fragments_are_never_spliced_across_a_hole() {
    // The end of unit 0 and the beginning of unit 1 are lost.
    let mut packets = sound();
    packets.drain(2..5);
    let units = read(&packets);
    assert!(!units[0].whole && !units[1].whole && units[2].whole);
    assert_eq!(units[0].annex_b, UNIT[..13]);
    assert_eq!(units[1].annex_b, b"");
    assert_eq!((units[1].packets, units[1].unread), (1, 0));

    // The same time stamp on both sides does not make them contiguous.
    let mut same_time = vec![packet(1, 0, false, &[0x7c, 0x85, 1, 2])];
    same_time.push(packet(3, 0, true, &[0x7c, 0x45, 3, 4]));
    let units = read(&same_time);
    assert!(!units[0].whole && units[0].annex_b.is_empty());
}

#[test]
fn a_hole_after_the_marker_leaves_the_unit_before_whole() {
    let mut packets = sound();
    packets.remove(3);
    let whole: Vec<_> = read(&packets).iter().map(|u| u.whole).collect();
    assert_eq!(whole, [true, false, true]);
}

#[test]
fn a_restart_of_the_sequence_is_a_hole() {
    let mut packets = vec![packet(1, 0, false, &[0x7c, 0x85, 1, 2])];
    packets.push(packet(30000, 0, true, &[0x7c, 0x45, 3, 4]));
    assert!(read(&packets)[0].annex_b.is_empty());
}

#[test]
fn what_is_no_h264_payload_is_counted() {
    let packets = [
        packet(1, 0, false, &[0x7c, 0xc5, 1, 2]),
        packet(2, 0, false, &[24, 0, 9, 1]),
        packet(3, 0, false, &[0xe5, 1, 2, 3]),
        packet(4, 0, true, &[0x7f, 1, 2, 3]),
    ];
    let units = read(&packets);
    assert_eq!((units[0].packets, units[0].unread), (4, 4));
}

#[test]
fn form_decides_what_is_rtp() {
    let plain = packet(1, 2, false, &[0x65, 1, 2]);
    assert!(is_rtp(&plain));
    let broken = |at: usize, octet: u8| {
        let mut packet = plain.clone();
        packet[at] = octet;
        packet
    };
    assert!(!is_rtp(&broken(0, 0x40)), "version 1");
    assert!(!is_rtp(&broken(1, 200)), "a sender report");
    assert!(!is_rtp(&broken(0, 0x81)), "a CSRC that is not there");
    assert!(!is_rtp(&broken(0, 0x90)), "an extension that is not there");
    let mut padded = broken(0, 0xa0);
    assert!(is_rtp(&padded));
    padded[14] = 200;
    assert!(!is_rtp(&padded), "more padding than packet");
    assert!(!is_rtp(&plain[..11]));
    assert!(is_rtcp(&[0x80, 200, 0, 0]) && !is_rtcp(&[0x80, 200, 0, 1]));
}

proptest! {
    #[test]
    fn any_packets_are_read_without_panic(
        changes in prop::collection::vec((0usize..9, 0usize..24, any::<u8>()), 0..12),
        cut in 0usize..24,
    ) {
        let mut packets = sound();
        for (packet, at, octet) in changes {
            if let Some(place) = packets[packet].get_mut(at) {
                *place = octet;
            }
        }
        packets[4].truncate(cut);
        let octets: usize = packets.iter().map(Vec::len).sum();
        let units = read(&packets);
        prop_assert!(units.iter().map(|u| u.annex_b.len()).sum::<usize>() <= 4 * octets);
    }
}

#[test]
fn requests_for_key_frames_are_found_in_compounds() {
    let report = [0x80, 201, 0, 1, 0, 0, 0, 1];
    let feedback = |format: u8, kind: u8| [0x80 | format, kind, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
    for (format, kind, asks) in [
        (1, 206, true),
        (4, 206, true),
        (15, 206, false),
        (1, 205, false),
        (1, 96, false),
    ] {
        let feedback = feedback(format, kind);
        assert_eq!(asks_for_key_frame(&feedback), asks, "{format} {kind}");
        let compound = [&report[..], &feedback].concat();
        assert_eq!(asks_for_key_frame(&compound), asks, "{format} {kind}");
        assert!(!asks_for_key_frame(&compound[..19]), "{format} {kind}");
    }
    assert!(!asks_for_key_frame(&report));
    assert!(!asks_for_key_frame(&[]));
}

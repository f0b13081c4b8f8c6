//! What the format allows.

use lightleak_case::{Capture, Interface, Packet, SecretsType};

use crate::blocks::*;

/// Time of a packet of that many ticks on an interface with these options.
fn time_ns(order: Order, options: &[Vec<u8>], ticks: u64) -> u64 {
    let blocks = [
        order.section(),
        order.interface(1, 0, options),
        order.enhanced(0, ticks, b"x", 1),
    ];
    read(&blocks).packets[0].time_ns
}

#[test]
fn interfaces_and_packets_are_read_in_both_byte_orders() {
    for o in ORDERS {
        let capture = read(&[
            o.section(),
            o.interface(
                1,
                96,
                &[o.option(2, b"eth0"), o.option(3, b"tap of the test")],
            ),
            o.interface(101, 0, &[]),
            o.enhanced(0, 7, b"first", 1500),
            o.enhanced(1, 8, b"second!!", 8),
            o.statistics(
                0,
                &[
                    o.option(4, &o.u64(10)),
                    o.option(5, &o.u64(3)),
                    o.option(7, &o.u64(4)),
                ],
            ),
        ]);
        assert_eq!(
            capture,
            Capture {
                interfaces: vec![
                    Interface {
                        link_type: 1,
                        name: "eth0".into(),
                        description: "tap of the test".into(),
                        snap_length: 96,
                        received: Some(10),
                        dropped: Some(7),
                    },
                    Interface {
                        link_type: 101,
                        ..Interface::default()
                    },
                ],
                packets: vec![
                    Packet {
                        number: 1,
                        interface: 0,
                        time_ns: 7000,
                        data: b"first".into(),
                        original_length: 1500
                    },
                    Packet {
                        number: 2,
                        interface: 1,
                        time_ns: 8000,
                        data: b"second!!".into(),
                        original_length: 8
                    },
                ],
                ..Capture::default()
            }
        );
    }
}

#[test]
fn interface_numbers_begin_anew_in_every_section() {
    let [little, big] = ORDERS;
    let capture = read(&[
        little.section(),
        little.interface(1, 0, &[]),
        little.enhanced(0, 1, b"a", 1),
        big.section(),
        big.interface(113, 0, &[]),
        big.enhanced(0, 1, b"b", 1),
    ]);
    let packets: Vec<_> = capture
        .packets
        .iter()
        .map(|p| (p.number, p.interface))
        .collect();
    assert_eq!(packets, [(1, 0), (2, 1)]);
    assert_eq!(capture.interfaces[1].link_type, 113);
}

#[test]
fn time_follows_the_resolution_and_offset_of_the_interface() {
    for o in ORDERS {
        let resolution = |value: u8| vec![o.option(9, &[value])];
        assert_eq!(time_ns(o, &[], 1_500_000), 1_500_000_000);
        assert_eq!(time_ns(o, &resolution(0), 2), 2_000_000_000);
        assert_eq!(time_ns(o, &resolution(9), u64::MAX), u64::MAX);
        assert_eq!(time_ns(o, &resolution(12), 5_000), 5);
        assert_eq!(time_ns(o, &resolution(0x7F), u64::MAX), 0);
        assert_eq!(time_ns(o, &resolution(0x80 | 10), 1536), 1_500_000_000);
        assert_eq!(time_ns(o, &resolution(0x80 | 64), 1 << 63), 500_000_000);
        assert_eq!(time_ns(o, &resolution(0xFF), u64::MAX), 0);
        assert_eq!(time_ns(o, &resolution(0), u64::MAX), u64::MAX);
        let offset = |seconds: i64| o.option(14, &o.u64(seconds.cast_unsigned()));
        assert_eq!(time_ns(o, &[offset(3)], 1), 3_000_001_000);
        assert_eq!(time_ns(o, &[offset(-3)], 4_000_000), 1_000_000_000);
        assert_eq!(time_ns(o, &[offset(i64::MIN)], 1), 0);
    }
}

#[test]
fn simple_packet_is_cut_at_the_snap_length() {
    for o in ORDERS {
        let simple = |original: u32, data: &[u8]| o.block(SPB, &[&o.u32(original), data]);
        let capture = read(&[
            o.section(),
            o.interface(1, 5, &[]),
            simple(3, b"abc"),
            simple(9, b"abcde"),
        ]);
        let packets: Vec<_> = capture
            .packets
            .iter()
            .map(|p| (&p.data[..], p.original_length))
            .collect();
        assert_eq!(packets, [(&b"abc"[..], 3), (b"abcde", 9)]);
    }
}

#[test]
fn obsolete_packet_block_is_read_with_its_drop_count() {
    for o in ORDERS {
        let packet = |drops: u16| {
            let head = [
                o.u16(0),
                o.u16(drops),
                o.u32(0),
                o.u32(9),
                o.u32(3),
                o.u32(70),
            ];
            o.block(PB, &[&head.concat(), b"abc"])
        };
        let capture = read(&[o.section(), o.interface(1, 0, &[]), packet(0xFFFF)]);
        assert_eq!(
            capture.packets,
            [Packet {
                number: 1,
                interface: 0,
                time_ns: 9000,
                data: b"abc".into(),
                original_length: 70
            }]
        );
        assert_eq!(capture.interfaces[0].dropped, None);
        let capture = read(&[o.section(), o.interface(1, 0, &[]), packet(2), packet(3)]);
        assert_eq!(capture.interfaces[0].dropped, Some(5));
    }
}

#[test]
fn drop_counts_of_packets_and_statistics_do_not_hide_each_other() {
    let o = LITTLE;
    let lost = |count: u64| o.enhanced_with(0, 1, b"abcd", 4, &o.option(4, &o.u64(count)));
    let statistics = |count: u64| o.statistics(0, &[o.option(5, &o.u64(count))]);
    let dropped = |blocks: &[Vec<u8>]| {
        let head = [o.section(), o.interface(1, 0, &[])];
        read(&[&head, blocks].concat()).interfaces[0].dropped
    };
    assert_eq!(dropped(&[lost(2), lost(1), statistics(0)]), Some(3));
    assert_eq!(dropped(&[lost(2), statistics(8)]), Some(8));
    assert_eq!(dropped(&[statistics(0)]), Some(0));
    assert_eq!(dropped(&[o.statistics(0, &[])]), None);
}

#[test]
fn other_blocks_are_skipped_and_frames_counted_as_wireshark_does() {
    for o in ORDERS {
        let capture = read(&[
            o.section(),
            o.interface(1, 0, &[]),
            o.block(NRB, &[&[0; 4]]),
            o.enhanced(0, 1, b"a", 1),
            o.block(0x7777_7777, &[b"who knows"]),
            o.enhanced(0, 2, b"b", 1),
            o.block(SYSTEMD_JOURNAL, &[b"MESSAGE=hi"]),
            o.block(CUSTOM, &[&o.u32(12345)]),
            o.enhanced(0, 3, b"c", 1),
        ]);
        let numbers: Vec<_> = capture.packets.iter().map(|p| p.number).collect();
        assert_eq!(numbers, [1, 2, 5]);
    }
}

#[test]
fn classic_pcap_is_read_in_both_byte_orders_and_resolutions() {
    for order in ORDERS {
        for (magic, time_ns) in [(0xA1B2_C3D4, 2_000_005_000), (0xA1B2_3C4D, 2_000_000_005)] {
            let capture = Capture::read(&classic(order, magic)).unwrap();
            assert_eq!(
                capture.packets,
                [Packet {
                    number: 1,
                    interface: 0,
                    time_ns,
                    data: b"abc".into(),
                    original_length: 60
                }]
            );
            assert_eq!(
                capture.interfaces,
                [Interface {
                    link_type: 1,
                    snap_length: 65535,
                    ..Interface::default()
                }]
            );
            assert!(!capture.truncated);
        }
    }
}

#[test]
fn relatives_of_classic_pcap_are_read() {
    let packets = |file: &[u8]| -> Vec<(u64, Vec<u8>, u32)> {
        let capture = Capture::read(file).unwrap();
        assert!(!capture.truncated);
        let packets = capture.packets.iter();
        packets
            .map(|p| (p.time_ns, p.data.to_vec(), p.original_length))
            .collect()
    };
    let expected = |time_ns: u64| vec![(time_ns, b"abc".to_vec(), 60); 3];
    let (microseconds, nanoseconds) = (2_000_005_000, 2_000_000_005);
    for o in ORDERS {
        let of = |magic: u32, gap: usize, more: usize| {
            let whole = classic(o, magic);
            let (header, record) = whole.split_at(24);
            let (record, data) = record.split_at(16);
            let record = [record, &vec![0xee; more], data].concat();
            [header, &vec![7; gap], &record.repeat(3)].concat()
        };
        // Kuznetzov's patch by its number, and without; Nokia's; IXIA's.
        assert_eq!(packets(&of(0xA1B2_CD34, 0, 8)), expected(microseconds));
        assert_eq!(packets(&of(0xA1B2_C3D4, 0, 8)), expected(microseconds));
        assert_eq!(packets(&of(0xA1B2_C3D4, 0, 4)), expected(microseconds));
        assert_eq!(packets(&of(0x1C00_01AC, 4, 0)), expected(nanoseconds));
        assert_eq!(packets(&of(0x1C00_01AB, 4, 0)), expected(nanoseconds));
    }
}

#[test]
fn secrets_are_kept_in_order() {
    for o in ORDERS {
        let secrets = |kind: SecretsType, octets: &[u8]| {
            let length = o.u32(octets.len() as u32);
            o.block(10, &[&o.u32(kind.0), &length, octets])
        };
        let capture = read(&[
            o.section(),
            secrets(SecretsType::TLS_KEY_LOG, b"CLIENT_RANDOM 00 11\n"),
            secrets(SecretsType(7), b"odd"),
        ]);
        let found: Vec<_> = capture.secrets.iter().map(|(k, s)| (*k, &s[..])).collect();
        let log = &b"CLIENT_RANDOM 00 11\n"[..];
        assert_eq!(
            found,
            [(SecretsType::TLS_KEY_LOG, log), (SecretsType(7), b"odd")]
        );
    }
}

//! Captures of every shape are read, and hostile ones harm nobody.

use lightleak_case::{Capture, Interface, Packet};
use proptest::prelude::*;

const SHB: u32 = 0x0A0D_0D0A;
const IDB: u32 = 1;
const PB: u32 = 2;
const SPB: u32 = 3;
const NRB: u32 = 4;
const ISB: u32 = 5;
const EPB: u32 = 6;
const SYSTEMD_JOURNAL: u32 = 9;
const CUSTOM: u32 = 0x0BAD;

/// Writes blocks in one byte order.
#[derive(Clone, Copy)]
struct Order {
    big: bool,
}

const ORDERS: [Order; 2] = [Order { big: false }, Order { big: true }];
const LITTLE: Order = ORDERS[0];

impl Order {
    fn u16(self, n: u16) -> Vec<u8> {
        self.ordered(n.to_be_bytes())
    }

    fn u32(self, n: u32) -> Vec<u8> {
        self.ordered(n.to_be_bytes())
    }

    fn u64(self, n: u64) -> Vec<u8> {
        self.ordered(n.to_be_bytes())
    }

    fn ordered<const N: usize>(self, mut bytes: [u8; N]) -> Vec<u8> {
        if !self.big {
            bytes.reverse();
        }
        bytes.to_vec()
    }

    fn block(self, block_type: u32, body: &[&[u8]]) -> Vec<u8> {
        let mut body = body.concat();
        body.resize(body.len().next_multiple_of(4), 0);
        let length = self.u32(body.len() as u32 + 12);
        [&self.u32(block_type), &length, &body, &length]
            .map(Vec::as_slice)
            .concat()
    }

    fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let mut option = [&self.u16(code), &self.u16(value.len() as u16)]
            .map(Vec::as_slice)
            .concat();
        option.extend(value);
        option.resize(option.len().next_multiple_of(4), 0);
        option
    }

    fn section(self) -> Vec<u8> {
        let body = [
            self.u32(0x1A2B_3C4D),
            self.u16(1),
            self.u16(0),
            self.u64(u64::MAX),
        ];
        self.block(SHB, &[&body.concat()])
    }

    fn interface(self, link_type: u16, snap_length: u32, options: &[Vec<u8>]) -> Vec<u8> {
        let body = [self.u16(link_type), self.u16(0), self.u32(snap_length)];
        self.block(IDB, &[&body.concat(), &options.concat()])
    }

    fn enhanced(self, interface: u32, ticks: u64, data: &[u8], original: u32) -> Vec<u8> {
        self.enhanced_with(interface, ticks, data, original, &[])
    }

    fn enhanced_with(
        self,
        interface: u32,
        ticks: u64,
        data: &[u8],
        original: u32,
        options: &[u8],
    ) -> Vec<u8> {
        let head = [
            self.u32(interface),
            self.u32((ticks >> 32) as u32),
            self.u32(ticks as u32),
            self.u32(data.len() as u32),
            self.u32(original),
        ];
        let padding = vec![0; data.len().next_multiple_of(4) - data.len()];
        self.block(EPB, &[&head.concat(), data, &padding, options])
    }

    fn statistics(self, interface: u32, options: &[Vec<u8>]) -> Vec<u8> {
        let head = [self.u32(interface), self.u64(0)];
        self.block(ISB, &[&head.concat(), &options.concat()])
    }
}

/// What a good capture of these blocks holds.
fn read(blocks: &[Vec<u8>]) -> Capture {
    Capture::read(&blocks.concat()).unwrap()
}

fn message(blocks: &[Vec<u8>]) -> String {
    Capture::read(&blocks.concat()).unwrap_err().to_string()
}

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
                truncated: false,
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
            .map(|p| (p.data.as_slice(), p.original_length))
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

/// A classic pcap of one packet, its first word being that magic number.
fn classic(order: Order, magic: u32) -> Vec<u8> {
    let header = [
        order.u32(magic),
        order.u16(2),
        order.u16(4),
        order.u64(0),
        order.u32(65535),
        // The upper bits tell of a frame check sequence of 4 octets.
        order.u32(0x4400_0001),
    ];
    let record = [
        order.u32(2),
        order.u32(5),
        order.u32(3),
        order.u32(60),
        b"abc".to_vec(),
    ];
    [header.concat(), record.concat()].concat()
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

/// A small file of every kind, with the ends of its blocks or records.
fn small_files() -> Vec<(Vec<u8>, Vec<usize>)> {
    let mut files = Vec::new();
    for o in ORDERS {
        let blocks = [
            o.section(),
            o.interface(1, 0, &[o.option(2, b"eth0"), o.option(9, &[9])]),
            o.enhanced(0, 1, b"first", 5),
            o.block(SPB, &[&o.u32(6), b"second"]),
            o.enhanced(0, 2, b"third", 5),
            o.statistics(0, &[o.option(5, &o.u64(1))]),
        ];
        let ends = blocks.iter().scan(0, |end, block| {
            *end += block.len();
            Some(*end)
        });
        files.push((blocks.concat(), ends.collect()));
        let pcap = classic(o, 0xA1B2_C3D4);
        let ends = vec![24, pcap.len()];
        files.push((pcap, ends));
    }
    files
}

#[test]
fn file_cut_anywhere_gives_the_packets_before_the_cut() {
    for (bytes, ends) in small_files() {
        let whole = Capture::read(&bytes).unwrap();
        assert!(!whole.truncated);
        for length in 4..bytes.len() {
            let cut = Capture::read(&bytes[..length]).unwrap();
            assert_eq!(cut.truncated, !ends.contains(&length), "cut at {length}");
            assert_eq!(cut.packets, whole.packets[..cut.packets.len()]);
            // The same packets as the file up to the last whole block.
            let end = ends.iter().rfind(|end| **end <= length);
            let expected = end.map_or(vec![], |end| Capture::read(&bytes[..*end]).unwrap().packets);
            assert_eq!(cut.packets, expected, "cut at {length}");
        }
    }
}

#[test]
fn what_is_no_capture_is_refused_with_what_was_found() {
    assert_eq!(message(&[]), "the file is empty (block 0, at octet 0)");
    assert_eq!(
        message(&[b"schema = 1".into()]),
        "expected pcapng or pcap, found a file that begins with 73 63 68 65; \
         editcap -F pcapng converts other capture formats (block 0, at octet 0)"
    );
    assert_eq!(
        message(&[vec![0x1F, 0x8B, 8, 0, 0]]),
        "expected pcapng or pcap, found gzip data; decompress it first (block 0, at octet 0)"
    );
    assert_eq!(
        message(&[vec![0x0A]]),
        "expected pcapng or pcap, found a file that begins with 0a; \
         editcap -F pcapng converts other capture formats (block 0, at octet 0)"
    );
}

#[test]
fn damaged_block_is_named_with_its_place() {
    for o in ORDERS {
        let good = [o.section(), o.interface(1, 0, &[])];
        let then = |block: Vec<u8>| message(&[good[0].clone(), good[1].clone(), block]);
        assert_eq!(
            then(o.enhanced(1, 0, b"a", 1)),
            "interface 1 is named, and the section has described 1 (block 2, at octet 48)"
        );
        assert_eq!(
            then(o.statistics(7, &[])),
            "interface 7 is named, and the section has described 1 (block 2, at octet 48)"
        );
        let length = |length: u32| [o.u32(EPB), o.u32(length), vec![0; 64]].concat();
        assert_eq!(
            then(length(8)),
            "block length 8, which must be a multiple of 4 and at least 12 (block 2, at octet 48)"
        );
        assert_eq!(
            then(length(33)),
            "block length 33, which must be a multiple of 4 and at least 12 (block 2, at octet 48)"
        );
        assert_eq!(
            then(length(32)),
            "block length 32 at its beginning and 0 at its end (block 2, at octet 48)"
        );
        let lie = [o.u32(0), o.u64(0), o.u32(5), o.u32(5), b"abcd".to_vec()];
        assert_eq!(
            then(o.block(EPB, &[&lie.concat()])),
            "enhanced packet block is too short for what it says it holds (block 2, at octet 48)"
        );
        let lie = [
            o.u32(0xFFFF),
            o.u64(0),
            o.u32(5),
            o.u32(5),
            b"abcd".to_vec(),
        ];
        assert_eq!(
            then(o.block(PB, &[&lie.concat()])),
            "packet of 5 octets in a block of 36 octets (block 2, at octet 48)"
        );
        assert_eq!(
            then(o.block(PB, &[&[0; 8]])),
            "packet block of only 20 octets (block 2, at octet 48)"
        );
        assert_eq!(
            then(o.statistics(0, &[o.option(5, &[1, 2, 3, 4])])),
            "option 5 of 4 octets, which must have 8 (block 2, at octet 48)"
        );
        assert_eq!(
            then(o.interface(1, 0, &[o.option(9, &[9, 9])])),
            "if_tsresol of 2 octets, which must have 1 (block 2, at octet 48)"
        );
        let mut section = o.section();
        section[8] = 0;
        assert!(then(section).starts_with("section header with byte-order magic 00 "));
        let version = [o.u32(0x1A2B_3C4D), o.u16(2), o.u16(0), o.u64(u64::MAX)];
        assert_eq!(
            then(o.block(SHB, &[&version.concat()])),
            "pcapng version 2.0, of which only 1.x is known (block 2, at octet 48)"
        );
    }
}

/// Small files of every kind with some octets changed.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (prop::sample::select(small_files()), changes).prop_map(|((mut bytes, _), changes)| {
        for (index, value) in changes {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn changed_octets_never_panic_and_nothing_is_invented(bytes in mutated()) {
        if let Ok(capture) = Capture::read(&bytes) {
            let total: usize = capture.packets.iter().map(|p| p.data.len()).sum();
            prop_assert!(total <= bytes.len());
            prop_assert!(capture.packets.iter().all(|p| p.interface < capture.interfaces.len()));
        }
    }

    #[test]
    fn random_octets_never_panic(
        magic in prop::sample::select(vec![0x0A0D_0D0A, 0xA1B2_C3D4, 0xA1B2_3C4D, 0xA1B2_CD34, 0xD4C3_B2A1, 0u32]),
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = [magic.to_le_bytes().to_vec(), rest].concat();
        let _ = Capture::read(&bytes);
    }
}

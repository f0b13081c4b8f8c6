//! What is cut, damaged or made up.

use lightleak_case::Capture;
use proptest::prelude::*;

use crate::blocks::*;

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
        message(&[b"\xFD7zXZ\0".into()]),
        "expected pcapng or pcap, found xz data; decompress it first (block 0, at octet 0)"
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

#[test]
fn what_is_left_of_a_damaged_file_is_salvaged() {
    for o in ORDERS {
        let lie = [o.u32(0), o.u64(0), o.u32(5), o.u32(5), b"abcd".to_vec()];
        let blocks = [
            o.section(),
            o.interface(1, 0, &[]),
            o.enhanced(0, 1, b"one", 3),
            o.block(EPB, &[&lie.concat()]),
            o.enhanced(0, 2, b"two", 3),
            [o.u32(EPB), o.u32(13), vec![0; 40]].concat(),
            o.enhanced(0, 3, b"lost", 4),
        ];
        let (capture, damage) = Capture::salvage(&blocks.concat()).unwrap();
        let data: Vec<_> = capture.packets.iter().map(|p| &p.data[..]).collect();
        assert_eq!(data, [b"one", b"two"]);
        // The first damage is told.
        assert_eq!(damage.unwrap().block, 3);
    }
    assert!(Capture::salvage(b"no capture").is_err());
}

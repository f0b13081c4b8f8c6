use super::*;
use proptest::prelude::*;

/// 1280x720, High profile, with a VUI.
const HIGH: &[u8] = &[
    0x67, 0x64, 0x00, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00,
    0x10, 0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x83, 0x19, 0x60,
];

#[test]
fn units_lie_between_start_codes_of_three_or_four_octets() {
    let stream = [
        9, 0, 0, 1, 0x65, 1, 2, 0, 0, 0, 1, 0x41, 3, 0, 0, 1, 0, 0, 1, 0x06, 5, 0, 0,
    ];
    let found: Vec<_> = nal_units(&stream).map(|n| (n.at, n.length)).collect();
    assert_eq!(found, [(4, 3), (11, 2), (19, 2)]);
}

#[test]
fn a_sequence_parameter_set_gives_its_size() {
    let sps = parse_sps(HIGH).unwrap();
    assert_eq!((sps.width, sps.height, sps.id), (1280, 720, 0));
    assert_eq!((sps.profile_idc, sps.level_idc), (100, 31));
}

#[test]
fn a_sequence_parameter_set_out_of_range_is_none() {
    for (at, octet) in [(0, 0x65), (1, 101), (2, 3), (3, 33)] {
        let mut broken = HIGH.to_vec();
        broken[at] = octet;
        assert_eq!(parse_sps(&broken), None, "octet {at}");
    }
    assert_eq!(parse_sps(&HIGH[..7]), None);
}

#[test]
fn headers_that_7_4_1_forbids_are_not_plausible() {
    for header in [0xe5, 0x05, 0x07, 0x66, 0x00, 0x1f] {
        assert!(!is_header_plausible(header), "{header:02x}");
    }
    for header in [0x65, 0x41, 0x01, 0x67, 0x68, 0x06, 0x09] {
        assert!(is_header_plausible(header), "{header:02x}");
    }
}

#[test]
fn an_idr_slice_is_intra() {
    // first_mb 0, slice_type 7 (I) or 5 (P), pps 0
    assert!(is_plausible(&[0x65, 0x88, 0x84, 0x00]));
    assert!(!is_plausible(&[0x65, 0x9a, 0x84, 0x00]));
    assert!(is_plausible(&[0x41, 0x9a, 0x84, 0x00]));
}

#[test]
fn emulation_prevention_is_removed_up_to_the_limit() {
    let payload = [1, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3, 3];
    let rbsp = without_emulation_prevention(&payload, 100);
    assert_eq!(rbsp, [1, 0, 0, 1, 0, 0, 0, 0, 3]);
    assert_eq!(without_emulation_prevention(&payload, 3), [1, 0, 0]);
}

proptest! {
    #[test]
    fn anything_is_read_without_panic(
        stream in prop::collection::vec(prop_oneof![Just(0u8), Just(1), any::<u8>()], 0..400)
    ) {
        let mut end = 0;
        for unit in nal_units(&stream) {
            prop_assert!(unit.at >= end + 3 && unit.length > 0);
            end = unit.at + unit.length;
            is_plausible(unit.octets(&stream));
        }
        prop_assert!(end <= stream.len());
    }

    #[test]
    fn any_parameter_set_is_read_without_panic(
        kind in prop_oneof![Just(0x67u8), Just(0x68)],
        tail in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut nal = vec![kind, 100, 0, 31];
        nal.extend(tail);
        is_plausible(&nal);
    }
}

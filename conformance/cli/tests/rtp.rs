//! The camera's packetizer against the judge's depacketizer: what comes out is
//! what went in, in whatever order a network delivers it.

use std::time::Duration;

use bytes::Bytes;
use lightleak_judge::dissect::rtp;
use lightleak_sim::{
    h264::AccessUnit,
    rtp::{Packetizer, PacketizerConfig, Packets},
};
use proptest::prelude::*;

/// How far a packet may come too late.
const WINDOW: usize = 16;

/// Slices, SEI and parameter sets with any content.
fn nal_unit() -> impl Strategy<Value = Bytes> {
    let length = prop_oneof![2..200_usize, 2..6000_usize];
    let content = length.prop_flat_map(|length| proptest::collection::vec(any::<u8>(), length));
    (
        prop::sample::select(vec![0x41_u8, 0x65, 0x06, 0x67, 0x68]),
        content,
    )
        .prop_map(|(header, mut content)| {
            content.insert(0, header);
            content.into()
        })
}

fn access_units() -> impl Strategy<Value = Vec<AccessUnit>> {
    proptest::collection::vec(proptest::collection::vec(nal_unit(), 1..6), 1..6).prop_map(|units| {
        let unit = |(number, nal_units): (u32, Vec<Bytes>)| AccessUnit {
            nal_units,
            number,
            taken: Duration::ZERO,
            rtp_time: number * 6000,
            key_frame: false,
        };
        (0..).zip(units).map(unit).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_packetized_is_found_again(
        units in access_units(),
        first_sequence: u16,
        time_offset: u32,
        max_packet in 64_usize..1500,
        delays in proptest::collection::vec(0..WINDOW, 1..400),
        doubled in proptest::collection::vec(any::<bool>(), 1..50),
    ) {
        let config = PacketizerConfig {
            payload_type: 96, ssrc: 7, first_sequence, clock_rate: 90_000, time_offset, max_packet,
        };
        let mut packetizer = Packetizer::new(config).unwrap();
        let mut sent = Vec::new();
        for unit in &units {
            let mut packets = Packets::new();
            packetizer.packetize(unit, &mut packets);
            sent.extend(packets.iter().map(<[u8]>::to_vec));
        }
        let mut order: Vec<(usize, &[u8])> = Vec::new();
        for (at, packet) in sent.iter().enumerate() {
            order.push((at + delays[at % delays.len()], packet));
            if doubled[at % doubled.len()] {
                order.push((at + delays[(at + 1) % delays.len()], packet));
            }
        }
        order.sort_by_key(|(at, _)| *at);
        let received: Vec<&[u8]> = order.into_iter().map(|(_, packet)| packet).collect();

        let found = rtp::depacketize(&received);
        prop_assert_eq!(found.len(), units.len());
        for (found, unit) in found.iter().zip(&units) {
            prop_assert!(found.whole);
            prop_assert_eq!(found.rtp_time, time_offset.wrapping_add(unit.rtp_time));
            prop_assert_eq!(&found.annex_b, &unit.annex_b());
        }
    }
}

//! What our packetizer writes, crate `rtp` reads.

use std::{collections::BTreeMap, time::Duration};

use bytes::{Buf, Bytes};
use lightleak_sim::{
    h264::AccessUnit,
    rtp::{Packetizer, PacketizerConfig, Packets},
};
use proptest::{collection::vec, prelude::*};
use rtp::{codecs::h264::H264Packet, packet::Packet, packetizer::Depacketizer};
use util::marshal::Unmarshal;

const WINDOW: usize = 16;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn packets_reordered_within_a_window_give_back_the_nal_units(
        units in vec(vec(nal_unit(), 1..4), 1..4),
        max_packet in 64_usize..=1500,
        first_sequence in prop_oneof![any::<u16>(), 0xffe0_u16..=0xffff],
        time_offset in any::<u32>(),
        delays in vec(0..WINDOW, 64),
    ) {
        let mut packetizer = Packetizer::new(PacketizerConfig {
            payload_type: 96,
            ssrc: 7,
            first_sequence,
            clock_rate: 90_000,
            time_offset,
            max_packet,
        }).expect("a valid configuration");
        let mut sent = Vec::new();
        let mut packets = Packets::new();
        for (number, nal_units) in (0..).zip(&units) {
            let unit = access_unit(number, nal_units.clone());
            packetizer.packetize(&unit, &mut packets);
            prop_assert!(packets.iter().all(|packet| packet.len() <= max_packet));
            sent.extend(packets.iter().map(Bytes::copy_from_slice));
        }

        let mut order: Vec<usize> = (0..sent.len()).collect();
        order.sort_by_key(|index| index + delays[index % delays.len()]);
        let arrived = order.iter().map(|&index| sent[index].clone());
        let received = receive(arrived, time_offset);
        prop_assert_eq!(received, units);
    }
}

/// Sorts by extended sequence number and depacketizes; an access unit ends at
/// its marker.
fn receive(arrived: impl Iterator<Item = Bytes>, time_offset: u32) -> Vec<Vec<Bytes>> {
    let mut highest = None;
    let mut sorted = BTreeMap::new();
    for mut octets in arrived {
        let packet = Packet::unmarshal(&mut octets).expect("an RTP packet");
        let sequence = packet.header.sequence_number;
        // The number nearest to the highest one seen.
        let extended = match highest {
            None => 1 << 16 | i64::from(sequence),
            Some(highest) => highest + i64::from(sequence.wrapping_sub(highest as u16) as i16),
        };
        highest = highest.max(Some(extended));
        assert!(
            sorted.insert(extended, packet).is_none(),
            "a repeated number"
        );
    }

    let mut units = vec![Vec::new()];
    let mut reader = H264Packet::default();
    for packet in sorted.into_values() {
        let unit = units.len() - 1;
        assert_eq!(
            packet.header.timestamp,
            (unit as u32 * 3000).wrapping_add(time_offset)
        );
        assert_eq!((packet.header.ssrc, packet.header.payload_type), (7, 96));
        // The reader refuses NAL units of 1 or 2 octets, which are packets as they are.
        if packet.payload.len() <= 2 {
            units[unit].push(packet.payload.clone());
        } else {
            let read = reader.depacketize(&packet.payload).expect("a payload");
            units[unit].extend(nal_units(read));
        }
        if packet.header.marker {
            units.push(Vec::new());
        }
    }
    assert_eq!(units.pop(), Some(Vec::new()), "no marker at the end");
    units
}

/// What the reader puts start codes before: several NAL units from a STAP-A.
fn nal_units(mut annex_b: Bytes) -> Vec<Bytes> {
    const START: [u8; 4] = [0, 0, 0, 1];
    let mut nal_units = Vec::new();
    while annex_b.starts_with(&START) {
        annex_b.advance(4);
        let next = annex_b.windows(4).position(|w| w == START);
        nal_units.push(annex_b.split_to(next.unwrap_or(annex_b.len())));
    }
    nal_units
}

/// A NAL unit of 1 octet to 70 kB, often near the limits of one packet.
fn nal_unit() -> impl Strategy<Value = Bytes> {
    let length = prop_oneof![4 => 1_usize..200, 2 => 1_400_usize..1_600, 1 => 1_usize..=70_000];
    // No F bit; any NRI; the types that are not a packet's own.
    let header = (0_u8..4, 1_u8..24).prop_map(|(nri, kind)| nri << 5 | kind);
    (header, length, any::<u8>()).prop_map(|(header, length, salt)| {
        let rest = (1..length).map(|index| (index as u8).wrapping_mul(31) ^ salt);
        std::iter::once(header).chain(rest).collect()
    })
}

fn access_unit(number: u32, nal_units: Vec<Bytes>) -> AccessUnit {
    AccessUnit {
        nal_units,
        number,
        taken: Duration::from_secs(1),
        rtp_time: number * 3000,
        key_frame: false,
    }
}

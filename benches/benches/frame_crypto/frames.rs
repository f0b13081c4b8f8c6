//! The frames that all contenders get: the same octets in the same order.

use std::time::Duration;

use bytes::Bytes;
use lightleak_benches::random;
use lightleak_peer::Units;
use lightleak_sim::{
    h264::AccessUnit,
    rtp::{Packetizer, PacketizerConfig, Packets},
};

use crate::scenario::Protocol;

/// Octets of the frames of one pass together: they fit the second cache.
pub const PASS: usize = 256 << 10;
/// Octets of an RTP packet, without what SRTP adds.
const PACKET: usize = 1200;
/// Octets behind each unit, for what sealing adds.
pub const ROOM: usize = 64;
/// Octets of the frame that is not measured.
const FIRST: usize = 100;

/// A small frame that is not measured, with which streams begin; then so many
/// frames of that size that they are [`PASS`] octets.
pub fn plain(protocol: Protocol, size: usize) -> Vec<Units> {
    let count = PASS.div_ceil(size);
    let sizes = std::iter::once(FIRST).chain(std::iter::repeat_n(size, count));
    let nal_units = sizes.enumerate().map(|(number, size)| {
        let mut nal_unit = random(number as u64, size);
        nal_unit[0] = 0x65;
        Bytes::from(nal_unit)
    });
    match protocol {
        Protocol::Srtp => packetized(nal_units),
        Protocol::SFrame => {
            let whole = |nal_unit: Bytes| {
                let mut units = Units::default();
                units.push(&nal_unit, ROOM);
                units
            };
            nal_units.map(whole).collect()
        }
    }
}

/// The packets of each frame.
fn packetized(nal_units: impl Iterator<Item = Bytes>) -> Vec<Units> {
    let config = PacketizerConfig {
        payload_type: 96,
        ssrc: 0x6c69_6768,
        first_sequence: 0,
        clock_rate: 90_000,
        time_offset: 0,
        max_packet: PACKET,
    };
    let mut packetizer = Packetizer::new(config).expect("it is within its limits");
    let mut packets = Packets::new();
    let frame = |(nal_unit, number): (Bytes, u32)| {
        let unit = AccessUnit {
            nal_units: vec![nal_unit],
            number,
            taken: Duration::ZERO,
            rtp_time: 3000 * number,
            key_frame: true,
        };
        packetizer.packetize(&unit, &mut packets);
        let mut units = Units::default();
        packets.iter().for_each(|packet| units.push(packet, ROOM));
        units
    };
    nal_units.zip(0..).map(frame).collect()
}

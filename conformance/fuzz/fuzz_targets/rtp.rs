//! RTP packets, the access units in them, and what H.264 says of itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_fuzz::packets;
use lightleak_judge::dissect::{h264, rtp};

fuzz_target!(|input: &[u8]| {
    let packets = packets(input);
    for packet in &packets {
        if let Some(header) = rtp::Header::parse(packet) {
            assert!(packet.get(header.payload).is_some());
        }
        rtp::is_rtp(packet);
        rtp::is_rtcp(packet);
        syntax(packet);
    }
    let units = rtp::depacketize(&packets);
    // A NAL unit of one octet has two of length before it in a STAP-A, and a
    // start code of four in a byte stream.
    let held: usize = units.iter().map(|unit| unit.annex_b.len()).sum();
    assert!(held <= 2 * input.len(), "{held} out of {}", input.len());
    for unit in &units {
        assert!(unit.first < packets.len());
        syntax(&unit.annex_b);
    }
});

fn syntax(stream: &[u8]) {
    for unit in h264::nal_units(stream) {
        let nal = unit.octets(stream);
        h264::is_plausible(nal);
        h264::parse_sps(nal);
        h264::parse_pps(nal);
        h264::parse_slice_header(nal);
        assert!(h264::without_emulation_prevention(nal, 64).len() <= 64);
    }
}

//! SRTP and SRTCP under keys of a key log: lines, then packets.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_fuzz::{packets, parts};
use lightleak_judge::open::{
    escrow::Escrow,
    srtp::{Found, KeyRing, Streams},
};

fuzz_target!(|input: &[u8]| {
    let [lines, rest] = parts(input);
    let lines = String::from_utf8_lossy(lines);
    let mut keys = Escrow::parse(lines.lines()).srtp;
    // Every one is tried with every packet.
    keys.truncate(3);
    let mut ring = KeyRing::new(keys);
    ring.expect(0, u32::MAX);
    let mut streams = Streams::new(&ring);
    for packet in packets(rest) {
        for found in [streams.rtp(packet), streams.rtcp(packet)]
            .into_iter()
            .flatten()
        {
            assert_layout(packet, &found);
        }
    }
});

/// Every octet is in one part, and what was opened is no longer than the packet.
fn assert_layout(packet: &[u8], found: &Found) {
    let mut at = 0;
    for (range, _) in &found.opened.layout.parts {
        assert_eq!(range.start, at);
        at = range.end;
    }
    assert_eq!(at, packet.len());
    assert!(found.opened.packet.len() + found.tail.tag + found.tail.mki <= packet.len());
}

//! Datagrams of a port that STUN, DTLS and SRTP share.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_fuzz::packets;
use lightleak_judge::{dissect::stun::Message, webrtc::Datagram};

fuzz_target!(|input: &[u8]| {
    for octets in packets(input).into_iter().chain([input]) {
        Datagram::read(octets);
        let Some(message) = Message::read(octets) else {
            continue;
        };
        let mut end = 0;
        for (kind, value) in &message.attributes {
            assert!(value.start >= end && value.end <= octets.len());
            end = value.end;
            assert!(message.value(octets, *kind).is_some());
        }
        message.mapped(octets);
        for range in message.free(octets) {
            assert!(octets.get(range).is_some());
        }
    }
});

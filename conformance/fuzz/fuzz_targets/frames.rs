//! Frames of any link type, down to what their payload is: link, IP and its
//! fragments, UDP, TCP, infrastructure.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_case::{Capture, Interface, Packet};
use lightleak_fuzz::{assert_places, packets};
use lightleak_judge::dissect::{self, infrastructure};

fuzz_target!(|input: &[u8]| {
    let [high, low, rest @ ..] = input else {
        return;
    };
    let interface = Interface {
        link_type: u16::from_be_bytes([*high, *low]),
        ..Interface::default()
    };
    let packet = |(data, number): (&[u8], u64)| Packet {
        number,
        interface: 0,
        time_ns: number * 1000,
        data: data.into(),
        original_length: data.len() as u32,
    };
    let capture = Capture {
        interfaces: vec![interface],
        packets: packets(rest).into_iter().zip(1..).map(packet).collect(),
        ..Capture::default()
    };
    let traffic = dissect::dissect(&capture);
    assert_places(&capture, &traffic);
    for flow in &traffic.flows {
        let _ = infrastructure::read(flow);
    }
});

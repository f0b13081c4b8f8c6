//! What is said in a flow, both ways, over UDP or TCP: whatever `inspect` recognises
//! in it, down to the files that a player would get.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_fuzz::{ipv4, packets, raw_ip};
use lightleak_judge::{
    decoder::{Decoder, DecoderError, Picture},
    inspect::{self, Limits},
};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Plays nothing.
struct Mute;

impl Decoder for Mute {
    fn decode(&self, _: &[u8], _: usize) -> Result<Vec<Picture>, DecoderError> {
        Ok(Vec::new())
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((how, input)) = input.split_first() else {
        return;
    };
    let over_tcp = how & 1 == 1;
    let mut sent = [1_u32; 2];
    let mut data = Vec::new();
    for (number, said) in packets(input).into_iter().enumerate() {
        // Who speaks, by the bits of the first octet.
        let of_a = how >> (1 + number % 7) & 1 == 0;
        let sequence = &mut sent[usize::from(of_a)];
        data.push(match over_tcp {
            true => tcp(of_a, *sequence, said),
            false => udp(of_a, said),
        });
        *sequence = sequence.wrapping_add(said.len() as u32);
    }
    let capture = raw_ip(data);
    let limits = Limits {
        pictures_per_flow: 1,
    };
    let found = inspect::inspect(&capture, &Mute, limits);
    assert!(found.failures.is_empty());
    for flow in &found.flows {
        assert!(!flow.reason.is_empty());
        let is_kind = |c: char| !c.is_whitespace() && !c.is_uppercase();
        assert!(flow.kind.chars().all(is_kind), "{}", flow.kind);
    }
});

fn udp(of_a: bool, said: &[u8]) -> Vec<u8> {
    let length = (said.len() as u16).wrapping_add(8);
    let header = [ports(of_a), length.to_be_bytes().to_vec(), vec![0, 0]].concat();
    ip(of_a, UDP, &[&header, said].concat())
}

fn tcp(of_a: bool, sequence: u32, said: &[u8]) -> Vec<u8> {
    // Five words long, ACK.
    let flags = vec![0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0];
    let number = sequence.to_be_bytes().to_vec();
    let header = [ports(of_a), number, vec![0, 0, 0, 1], flags].concat();
    ip(of_a, TCP, &[&header, said].concat())
}

fn ports(of_a: bool) -> Vec<u8> {
    match of_a {
        true => vec![0xc0, 1, 0xc0, 2],
        false => vec![0xc0, 2, 0xc0, 1],
    }
}

fn ip(of_a: bool, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match of_a {
        true => ipv4(1, 2, protocol, payload),
        false => ipv4(2, 1, protocol, payload),
    }
}

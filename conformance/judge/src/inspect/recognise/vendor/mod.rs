//! Protocols of makers of cameras, as far as their media are in clear: each takes
//! its headers away, and the structure of what remains decides.

mod baichuan;
mod dhav;
mod dvrip;
mod pppp;

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Stream, container},
    inspect::{Claim, Scene},
};

use super::findings::Findings;

/// Files that are kept of one direction.
const MOST_FILES: usize = 64;

/// What a protocol carries in a direction: its name, where it begins, and its media
/// without headers.
struct Carried {
    name: &'static str,
    at: usize,
    media: Vec<Vec<u8>>,
    /// Messages that were read.
    messages: usize,
}

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    let mut claims = Vec::new();
    for stream in [&flow.from_a, &flow.from_b] {
        let carried = match flow.transport {
            TransportProtocol::Tcp => dvrip::read(&stream.bytes)
                .or_else(|| dhav::read(&stream.bytes))
                .or_else(|| baichuan::read(&stream.bytes)),
            TransportProtocol::Udp | TransportProtocol::Sctp => pppp::read(stream),
        };
        if let Some(carried) = carried {
            claims.extend(claim(stream, &carried));
        }
    }
    claims
}

fn claim(stream: &Stream, carried: &Carried) -> Vec<Claim> {
    let mut findings = Findings::new(carried.name);
    let place = stream.place(carried.at);
    for octets in &carried.media {
        for file in container::within(octets, MOST_FILES) {
            findings.add(file, octets, place);
        }
    }
    let mut claims = findings.claims();
    let octets: usize = carried.media.iter().map(Vec::len).sum();
    let messages = carried.messages;
    claims.push(match octets {
        0 => {
            let reason = format!("{messages} messages of {} without data", carried.name);
            Claim::other(carried.name, reason).at(place)
        }
        _ => {
            let reason = format!(
                "{messages} messages of {} with {octets} octets of data; what of these no codec explains may be sealed",
                carried.name
            );
            Claim::unknown(carried.name, reason).at(place)
        }
    });
    claims
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        dissect::jpeg::scan::made,
        inspect::{
            Label,
            recognise::talk::{kinds, tcp_between, udp_between},
        },
    };

    fn told(flow: &Flow) -> Vec<(String, Label)> {
        kinds(recognise, flow)
    }

    #[test]
    fn pictures_in_packets_of_pppp_leak() {
        let jpeg = made::jpeg(320, 240);
        let packets: Vec<Vec<u8>> = jpeg
            .chunks(200)
            .enumerate()
            .map(|(index, part)| {
                let mut body = vec![0xd1, 1, 0, index as u8];
                body.extend(part);
                let length = (body.len() as u16).to_be_bytes();
                [&[0xf1, 0xd0, length[0], length[1]][..], &body].concat()
            })
            .collect();
        let mut sent: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
        sent.swap(1, 2);
        let found = told(&udp_between(&sent, &[]));
        assert_eq!(found[0], ("pppp/jpeg".into(), Label::Leak));
    }

    #[test]
    fn messages_of_dvrip_are_taken_off_their_headers() {
        let jpeg = made::jpeg(320, 240);
        let mut octets = Vec::new();
        for part in jpeg.chunks(300) {
            let mut head = [0; 20];
            head[..2].copy_from_slice(&[0xff, 1]);
            head[14..16].copy_from_slice(&1412_u16.to_le_bytes());
            head[16..].copy_from_slice(&(part.len() as u32).to_le_bytes());
            octets.extend(head);
            octets.extend(part);
        }
        let found = told(&tcp_between(&[&octets], &[]));
        assert_eq!(found[0], ("dvrip/jpeg".into(), Label::Leak));
        assert_eq!(told(&tcp_between(&[&[0xff; 400]], &[])), []);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            octets in prop::collection::vec(any::<u8>(), 0..200),
            head in prop::sample::select(vec![
                &b"\xff\x01\0\0"[..], b"DHAV", b"\xf0\xde\xbc\x0a", b"\xf1\xd0\0\x10", b"\0\0\x01\xfc",
            ]),
        ) {
            let octets = [head, &octets, head, &octets].concat();
            let _ = told(&tcp_between(&[&octets], &[]));
            let _ = told(&udp_between(&[&octets, &octets], &[&octets]));
        }
    }
}

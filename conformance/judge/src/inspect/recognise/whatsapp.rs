//! WhatsApp: the Noise handshake of its chat behind `WA` and a version, in frames
//! behind their lengths; and its calls, by how they ask relays for a place. Media of
//! these are SRTP with keys that went through the chat (WhatsApp Encryption Overview:
//! "Transport Security", "Call Setup").

use lightleak_case::TransportProtocol;

use std::{collections::BTreeMap, net::SocketAddr};

use crate::{
    dissect::{Flow, Stream, relay, rtp},
    inspect::{Claim, Scene},
};

/// Allocate, a method of TURN (RFC 8656 17).
const ALLOCATE: u8 = 3;
/// The high octet of the attribute with which a relay is asked, 0x4000: of nobody's
/// registry.
const TOKEN: u8 = 0x40;
/// Packets with the form of media that make a call.
const ENOUGH: usize = 8;

/// Octets of a key of X25519.
const KEY: usize = 32;
/// Frames that are followed.
const MOST: usize = 1 << 16;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Tcp {
        return Vec::new();
    }
    let both = [(&flow.from_a, &flow.from_b), (&flow.from_b, &flow.from_a)];
    let old = both.iter().find_map(|(client, server)| {
        funxmpp(client, server).map(|claim| claim.at(client.place(0)))
    });
    let claims = both.into_iter().filter_map(|(client, server)| {
        let begins = prologue(&client.bytes)?;
        let asked = frames(client, begins)?;
        let hello = client.bytes.get(begins + 3..)?;
        let answered = frames(server, 0).unwrap_or(0);
        if !has_key(hello) || server.gaps.is_empty() && !server.bytes.is_empty() && answered == 0 {
            return None;
        }
        let reason = format!(
            "a handshake of Noise as WhatsApp makes it, and {} frames whose lengths lead to the next",
            asked + answered
        );
        Some(Claim::sealed("whatsapp", reason).at(client.place(0)))
    });
    claims.chain(old).take(1).collect()
}

/// Whether a HandshakeMessage begins with a ClientHello, and that with its ephemeral
/// key: fields of Protocol Buffers, whose lengths have one octet or two.
fn has_key(hello: &[u8]) -> bool {
    let hello = match hello {
        [0x12, 0..=0x7f, hello @ ..] | [0x12, 0x80..=0xff, 1..=0x7f, hello @ ..] => hello,
        _ => return false,
    };
    matches!(hello, [0x0a, length, ..] if usize::from(*length) == KEY)
}

/// The chat of before Noise, FunXMPP: `WA`, version 1, and frames of which those that
/// are enciphered, with RC4, say so in their first bit.
fn funxmpp(client: &Stream, server: &Stream) -> Option<Claim> {
    if !matches!(client.bytes.as_slice(), [b'W', b'A', 1, 0..=9, ..]) {
        return None;
    }
    let (mut all, mut enciphered) = (0, 0);
    for (stream, begins) in [(client, 4), (server, 0)] {
        let bytes = stream.beginning();
        let (mut at, mut sealed) = (begins, false);
        while let Some(&[head, high, low]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            let length = usize::from(head & 0x0f) << 16 | usize::from(high) << 8 | usize::from(low);
            // 0x40: compressed.
            let is_enciphered = head & 0x80 != 0;
            if head & 0x30 != 0 || length == 0 || sealed && !is_enciphered {
                return None;
            }
            all += 1;
            enciphered += usize::from(is_enciphered);
            sealed = is_enciphered;
            at += 3 + length;
        }
    }
    let reason = format!(
        "the chat of WhatsApp before it had Noise: {all} frames whose lengths lead to the next, {enciphered} of which say that they are enciphered"
    );
    let weak = "RC4, with keys of a password".to_owned();
    (enciphered >= 3).then(|| Claim::sealed("whatsapp", reason).weak(Some(weak)))
}

/// Calls: media of a socket that asks relays of WhatsApp for a place, with STUN in
/// the same flow.
pub(super) fn calls(scene: &Scene<'_>) -> Vec<(usize, Claim)> {
    let flows = || {
        let flows = scene.traffic.flows.iter().enumerate();
        flows.filter(|(_, flow)| flow.transport == TransportProtocol::Udp)
    };
    let mut asked: BTreeMap<SocketAddr, u64> = BTreeMap::new();
    for (_, flow) in flows() {
        for (end, stream) in [(flow.a, &flow.from_a), (flow.b, &flow.from_b)] {
            if stream.parts().take(64).any(|(_, octets)| asks(octets)) {
                asked.entry(end).or_insert(flow.first_packet);
            }
        }
    }
    let calls = flows().filter_map(|(index, flow)| {
        let first = asked.get(&flow.a).or_else(|| asked.get(&flow.b))?;
        let stun = flow.parts().filter(|(_, octets)| relay::is_stun(octets)).count();
        let media = flow.parts().filter(|(_, o)| rtp::is_rtp(o) || rtp::is_rtcp(o)).count();
        let reason = format!(
            "{media} packets in the form of SRTP or SRTCP and {stun} of STUN, of a socket that asks relays of WhatsApp for a place, from packet {first} on"
        );
        (media >= ENOUGH && stun > 0).then(|| (index, Claim::sealed("whatsapp-call", reason)))
    });
    calls.collect()
}

/// Whether a datagram is an Allocate that has a token and nothing else. Its length is
/// not padded, as STUN's would be.
fn asks(octets: &[u8]) -> bool {
    let Some((&[0, ALLOCATE, l0, l1, 0x21, 0x12, 0xa4, 0x42, ..], attribute)) =
        octets.split_first_chunk::<20>()
    else {
        return false;
    };
    let Some(&[TOKEN, 0, t0, t1]) = attribute.first_chunk() else {
        return false;
    };
    let number = |high, low| usize::from(u16::from_be_bytes([high, low]));
    let (length, token) = (number(l0, l1), number(t0, t1));
    token >= 32 && length == 4 + token && attribute.len() == length
}

/// Where frames begin behind `WA`, a version and one of its dictionary; before it
/// may be `ED` with routing, which has a length of its own.
fn prologue(bytes: &[u8]) -> Option<usize> {
    let begins = match bytes {
        [b'E', b'D', 0, 1, high, middle, low, ..] => {
            7 + u32::from_be_bytes([0, *high, *middle, *low]) as usize
        }
        _ => 0,
    };
    match bytes.get(begins..)? {
        [b'W', b'A', 1..=9, 0..=9, ..] => Some(begins + 4),
        _ => None,
    }
}

/// How many frames a direction is from there on; `None` if there is none.
fn frames(stream: &Stream, from: usize) -> Option<usize> {
    let end = stream.beginning().len();
    let (mut at, mut count) = (from, 0);
    while at < end && count < MOST {
        let &[high, middle, low] = stream.bytes.get(at..)?.first_chunk()?;
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        if length == 0 || length > 1 << 21 {
            return None;
        }
        at += 3 + length;
        count += 1;
    }
    (count > 0).then_some(count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::inspect::recognise::talk::{alone, noise, tcp, told};

    use super::*;

    fn hello() -> Vec<u8> {
        let key = noise(1, KEY);
        [&b"WA\x06\x03"[..], &[0, 0, 36, 0x12, 34, 0x0a, 32], &key].concat()
    }

    #[test]
    fn the_handshake_identifies_it() {
        let answer = [&[0, 0, 90][..], &noise(2, 90)].concat();
        let flow = tcp(&[(true, hello()), (false, answer)]);
        assert_eq!(told(recognise, &flow), Some(("sealed", "whatsapp".into())));
        let mut routed = vec![b'E', b'D', 0, 1, 0, 0, 2, 8, 9];
        routed.extend(hello());
        let flow = tcp(&[(true, routed)]);
        assert_eq!(told(recognise, &flow), Some(("sealed", "whatsapp".into())));
        let mut wrong = hello();
        wrong[10] = 31;
        assert_eq!(told(recognise, &tcp(&[(true, wrong)])), None);
        let text = tcp(&[(true, b"WATCH the film".to_vec())]);
        assert_eq!(told(recognise, &text), None);
    }

    #[test]
    fn a_resumed_handshake_is_longer() {
        let key = noise(1, KEY);
        let hello = [&[0x12, 0xeb, 1, 0x0a, 32][..], &key, &noise(2, 201)].concat();
        let hello = [b"WA\x02\x01\0\0\xee", &hello[..]].concat();
        let flow = tcp(&[(true, hello)]);
        assert_eq!(told(recognise, &flow), Some(("sealed", "whatsapp".into())));
    }

    #[test]
    fn the_chat_of_before_is_sealed_weakly() {
        let frame = |head: u8, seed| [&[head, 0, 40][..], &noise(seed, 40)].concat();
        let client = [b"WA\x01\x05", &frame(0, 1)[..], &frame(0x80, 2)].concat();
        let said = |head| {
            let (more, server) = (frame(head, 3), [frame(0, 4), frame(0x80, 5)].concat());
            tcp(&[(true, client.clone()), (false, server), (true, more)])
        };
        let claims = alone(recognise, &said(0x80));
        let weak = &claims[0].standing;
        assert!(matches!(
            weak,
            crate::inspect::claim::Standing::Sealed { weak: Some(_) }
        ));
        assert_eq!(told(recognise, &said(0)), None);
        assert_eq!(told(recognise, &said(0x90)), None);
    }

    #[test]
    fn a_call_is_known_by_how_its_socket_asks_relays() {
        use crate::{dissect::Traffic, inspect::recognise::talk::udp};
        let cookie = [0x21, 0x12, 0xa4, 0x42];
        let attribute = [&[0x40, 0, 0, 62][..], &noise(1, 62)].concat();
        let ask = [&[0, 3, 0, 66][..], &cookie, &noise(2, 12), &attribute].concat();
        let stun = (true, [&[0, 1, 0, 0][..], &cookie, &noise(3, 12)].concat());
        let media = |n: u8| {
            (
                true,
                [&[0x80, 0x78, 0, n][..], &noise(n.into(), 60)].concat(),
            )
        };
        let relay = udp(&[(true, ask)]);
        let mut call = udp(&(0..9).map(media).chain([stun]).collect::<Vec<_>>());
        call.b.set_port(7);
        let mut traffic = Traffic {
            flows: vec![relay, call],
            ..Default::default()
        };
        let told = calls(&Scene::new(&traffic));
        assert_eq!((told.len(), told[0].0), (1, 1));
        traffic.flows[1].a.set_port(9);
        assert!(calls(&Scene::new(&traffic)).is_empty());
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..60), cut in 0..50_usize) {
            let mut own = hello();
            own.truncate(cut);
            own.extend(&octets);
            let _ = alone(recognise, &tcp(&[(true, own), (false, octets)]));
        }
    }
}

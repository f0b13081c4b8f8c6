//! WhatsApp's chat: its Noise handshake behind `WA` and a version, in frames behind
//! their lengths (Noise_XX and Noise_IK, whitepaper of WhatsApp, 2024).

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Stream},
    inspect::{Claim, Scene},
};

/// Octets of a key of X25519.
const KEY: usize = 32;
/// Frames that are followed.
const MOST: usize = 1 << 16;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Tcp {
        return Vec::new();
    }
    let both = [(&flow.from_a, &flow.from_b), (&flow.from_b, &flow.from_a)];
    let claims = both.into_iter().filter_map(|(client, server)| {
        let begins = prologue(&client.bytes)?;
        let asked = frames(client, begins)?;
        let hello = client.bytes.get(begins + 3..)?;
        // HandshakeMessage { ClientHello { ephemeral } }.
        let (&[0x12, _, 0x0a, length], _) = hello.split_first_chunk()? else {
            return None;
        };
        let answered = frames(server, 0).unwrap_or(0);
        if usize::from(length) != KEY || server.gaps.is_empty() && !server.bytes.is_empty() && answered == 0 {
            return None;
        }
        let reason = format!(
            "a handshake of Noise as WhatsApp makes it, and {} frames whose lengths lead to the next",
            asked + answered
        );
        Some(Claim::sealed("whatsapp", reason).at(client.place(0)))
    });
    claims.take(1).collect()
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
    let gap = stream.gaps.iter().find(|gap| **gap > 0);
    let end = gap.copied().unwrap_or(usize::MAX).min(stream.bytes.len());
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

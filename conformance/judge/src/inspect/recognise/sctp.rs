//! Signalling of telephone networks in SCTP, by the structure of each message.

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Stream},
    inspect::{Claim, Scene},
};

/// Messages that a flow has to have, all of one protocol.
const FEWEST: usize = 2;

/// Whether octets are one message of a protocol, from the first to the last.
type IsMessage = fn(&[u8]) -> bool;

const PROTOCOLS: &[(&str, IsMessage)] = &[
    ("diameter", is_diameter),
    ("sigtran", is_sigtran),
    ("ngap-s1ap", is_application_protocol),
];

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Sctp {
        return Vec::new();
    }
    let known = PROTOCOLS.iter().filter_map(|(name, is_message)| {
        let count = |stream: &Stream| -> Option<usize> {
            let mut parts = stream.parts();
            parts.try_fold(0, |n, (_, octets)| is_message(octets).then_some(n + 1))
        };
        let messages = count(&flow.from_a)? + count(&flow.from_b)?;
        (messages >= FEWEST).then_some((name, messages))
    });
    let claims = known.map(|(name, messages)| {
        let place = flow.from_a.place(0).or_else(|| flow.from_b.place(0));
        let reason = format!(
            "each of {messages} messages in SCTP has the header and the length of {name}, in clear"
        );
        Claim::other(format!("sctp/{name}"), reason).at(place)
    });
    claims.take(1).collect()
}

/// Diameter (RFC 6733 3): version 1, the length, reserved flags that are zero.
fn is_diameter(octets: &[u8]) -> bool {
    let Some(&[1, a, b, c, flags]) = octets.first_chunk() else {
        return false;
    };
    let length = u32::from_be_bytes([0, a, b, c]);
    usize::try_from(length) == Ok(octets.len()) && octets.len() >= 20 && flags & 0x0f == 0
}

/// The adaptation layers of SS7 (RFC 4666 3.1): version 1, a reserved octet, a known
/// class, and the length.
fn is_sigtran(octets: &[u8]) -> bool {
    let Some(&[1, 0, class, _, a, b, c, d]) = octets.first_chunk() else {
        return false;
    };
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    // Padding is counted by some, and not by others.
    class <= 12 && length >= 8 && length.next_multiple_of(4) == octets.len().next_multiple_of(4)
}

/// S1AP, X2AP, NGAP and their like (3GPP TS 36.413, in aligned PER): the kind of
/// message, its procedure, how critical it is, and the length of the rest.
fn is_application_protocol(octets: &[u8]) -> bool {
    let (kind, rest) = match octets {
        [kind, _, 0 | 0x40 | 0x80, rest @ ..] => (*kind, rest),
        _ => return false,
    };
    let fits = match rest {
        [short @ 0..0x80, value @ ..] => usize::from(*short) == value.len(),
        [high @ 0x80..0xc0, low, value @ ..] => {
            usize::from(u16::from_be_bytes([high & 0x3f, *low])) == value.len()
        }
        _ => false,
    };
    matches!(kind, 0 | 0x20 | 0x40 | 0x60) && fits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        dissect::{FlowState, Traffic},
        inspect::Label,
    };

    fn kinds(a: &[&[u8]], b: &[&[u8]]) -> Vec<(String, Label)> {
        let stream = |messages: &[&[u8]]| {
            let mut stream = Stream::default();
            for (message, packet) in messages.iter().zip(1..) {
                stream.push(message, packet, 62, 0);
            }
            stream
        };
        let flow = Flow {
            transport: TransportProtocol::Sctp,
            a: ([10, 0, 0, 1], 1).into(),
            b: ([10, 0, 0, 2], 2).into(),
            state: FlowState::Open,
            from_a: stream(a),
            from_b: stream(b),
            first_packet: 1,
            packets: 9,
        };
        let traffic = Traffic::default();
        let claims = recognise(&Scene::new(&traffic), &flow);
        claims.iter().map(|c| (c.kind.clone(), c.label())).collect()
    }

    #[test]
    fn signalling_is_known_by_every_message() {
        let s1ap: &[u8] = &[0x00, 0x11, 0x00, 0x03, 1, 2, 3];
        let answer: &[u8] = &[0x20, 0x11, 0x00, 0x80, 0x02, 1, 2];
        let m3ua: &[u8] = &[1, 0, 3, 1, 0, 0, 0, 8];
        let mut diameter = [0; 20];
        diameter[..5].copy_from_slice(&[1, 0, 0, 20, 0x80]);
        let other = |name: &str| vec![(name.to_owned(), Label::Other)];
        assert_eq!(kinds(&[s1ap], &[answer]), other("sctp/ngap-s1ap"));
        assert_eq!(kinds(&[], &[m3ua, m3ua]), other("sctp/sigtran"));
        assert_eq!(kinds(&[&diameter], &[&diameter]), other("sctp/diameter"));
        for (a, b) in [(s1ap, m3ua), (&s1ap[..6], answer), (b"data", b"more")] {
            assert_eq!(kinds(&[a], &[b]), []);
        }
        assert_eq!(kinds(&[s1ap], &[]), []);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4)) {
            let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            kinds(&messages, &messages);
        }
    }
}

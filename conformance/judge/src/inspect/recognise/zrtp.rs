//! ZRTP (RFC 6189): media that have keys once it was confirmed. A Hello that nobody
//! answers seals nothing: whoever can ZRTP says it in every call.

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Place, rtp, zrtp},
    inspect::{Claim, Scene},
};

/// What is sent when both have the keys (RFC 6189 4.6, 4.4).
const CONFIRMED: [&[u8; 8]; 3] = [b"Confirm1", b"Confirm2", b"Conf2ACK"];

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Udp {
        return Vec::new();
    }
    let (mut packets, mut confirmed) = (0, None);
    let mut first = None;
    let mut datagrams = Vec::new();
    for stream in [&flow.from_a, &flow.from_b] {
        for (piece, datagram) in stream.parts() {
            let place = Place {
                packet: piece.packet,
                offset: piece.offset,
            };
            if let Some(packet) = zrtp::read(datagram) {
                packets += 1;
                first = first.or(Some(place));
                if CONFIRMED.contains(&&packet.kind) {
                    let before = confirmed.is_some_and(|p: Place| p.packet <= place.packet);
                    confirmed = if before { confirmed } else { Some(place) };
                }
            } else if rtp::is_rtp(datagram) {
                datagrams.push(piece.packet);
            }
        }
    }
    let Some(first) = first else {
        return Vec::new();
    };
    let claim = match confirmed {
        Some(place) => {
            let after = datagrams.iter().filter(|packet| **packet > place.packet);
            let after = after.count();
            let before = datagrams.len() - after;
            let reason = format!(
                "{packets} packets of ZRTP with right checksums, confirmed in packet {}; {after} packets of media behind it, {before} before",
                place.packet
            );
            Claim::sealed("zrtp", reason).at(Some(place))
        }
        None => {
            let reason = format!("{packets} packets of ZRTP, and no key was confirmed");
            Claim::other("zrtp", reason).at(Some(first))
        }
    };
    vec![claim]
}

#[cfg(test)]
mod tests {
    use crate::{
        dissect::zrtp::tests::packet,
        inspect::recognise::talk::{noise, told, udp},
    };

    use super::*;

    #[test]
    fn what_was_confirmed_is_sealed_and_a_hello_is_not() {
        let hello = (true, packet(b"Hello   "));
        let confirm = (false, packet(b"Confirm1"));
        let media = (true, [&[0x80, 0][..], &noise(1, 60)].concat());
        let flow = udp(&[hello.clone(), confirm, media.clone()]);
        assert_eq!(told(recognise, &flow), Some(("sealed", "zrtp".into())));
        let flow = udp(&[hello, media]);
        assert_eq!(told(recognise, &flow), Some(("other", "zrtp".into())));
        let mut wrong = packet(b"Confirm1");
        wrong[30] ^= 1;
        assert_eq!(told(recognise, &udp(&[(true, wrong)])), None);
    }
}

//! IKE (RFC 2409, RFC 7296) and the ESP that shares its port (RFC 3948), or its
//! connection (RFC 9329).

use std::collections::BTreeMap;

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Place, Stream, ike},
    inspect::{Claim, Scene},
};

/// What a connection begins with (RFC 9329 4).
const PREFIX: &[u8] = b"IKETCP";
/// SPIs that are remembered of a direction.
const MOST_SPIS: usize = 256;
/// How far a sequence number may be from the one before.
const NEAR: u32 = 256;
/// Packets of a direction that make ESP without a handshake.
const ENOUGH: usize = 10;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    let sides = [&flow.from_a, &flow.from_b].map(|stream| match flow.transport {
        TransportProtocol::Udp | TransportProtocol::Sctp => Side::udp(stream),
        TransportProtocol::Tcp => Side::tcp(stream),
    });
    claim(&sides, flow.transport).into_iter().collect()
}

/// ESP in UDP of two hosts that speak IKE in another flow.
pub(super) fn beside(scene: &Scene<'_>) -> Vec<(usize, Claim)> {
    let flows = &scene.traffic.flows;
    let hosts = |flow: &Flow| {
        let (a, b) = (flow.a.ip(), flow.b.ip());
        (a.min(b), a.max(b))
    };
    let udp = |flow: &&Flow| flow.transport == TransportProtocol::Udp;
    let says = |flow: &&Flow| {
        let mut first = [&flow.from_a, &flow.from_b]
            .into_iter()
            .flat_map(|s| s.parts().take(64));
        first.any(|(_, octets)| ike::in_udp(octets).is_some_and(|m| m.payloads > 0))
    };
    let speak: BTreeMap<_, _> = flows
        .iter()
        .filter(udp)
        .filter(says)
        .map(|flow| (hosts(flow), flow.first_packet))
        .collect();
    let known = flows.iter().enumerate().filter_map(|(index, flow)| {
        let handshake = speak.get(&hosts(flow)).filter(|_| udp(&flow))?;
        let sides = [Side::udp(&flow.from_a), Side::udp(&flow.from_b)];
        let esp: usize = sides.iter().map(|s| s.esp).sum();
        let clear: usize = sides.iter().map(|s| s.clear).sum();
        let only = sides.iter().all(|s| s.rest + s.messages == 0 && s.goes_on());
        let reason = format!(
            "{esp} datagrams in the form of ESP, between two hosts that speak IKE in a flow from packet {handshake} on"
        );
        let place = sides.iter().filter_map(|s| s.first).min_by_key(|p| p.packet);
        (esp > 1 && clear == 0 && only).then(|| (index, Claim::sealed("esp", reason).at(place)))
    });
    known.collect()
}

/// What one end sent.
#[derive(Default)]
struct Side {
    messages: usize,
    payloads: usize,
    version: u8,
    esp: usize,
    /// Packets of ESP with an IP packet in clear.
    clear: usize,
    /// Sequence numbers that are behind the one before of their SPI, and near.
    near: usize,
    /// By SPI: the last sequence number.
    spis: BTreeMap<u32, u32>,
    lengths: Vec<usize>,
    keepalives: usize,
    rest: usize,
    first: Option<Place>,
}

impl Side {
    fn udp(stream: &Stream) -> Self {
        let mut side = Self::default();
        for (piece, datagram) in stream.parts() {
            side.take(
                datagram,
                Place {
                    packet: piece.packet,
                    offset: piece.offset,
                },
            );
        }
        side
    }

    fn tcp(stream: &Stream) -> Self {
        let mut side = Self::default();
        let mut rest = match stream.bytes.strip_prefix(PREFIX) {
            Some(rest) => rest,
            // The responder sends no prefix.
            None if matches!(stream.bytes.get(2..6), Some([0, 0, 0, 0])) => &stream.bytes,
            None => return side,
        };
        while let Some((length, behind)) = rest.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length));
            let at = stream.bytes.len() - behind.len();
            let (Some(place), Some(message)) = (
                stream.place(at),
                length
                    .checked_sub(2)
                    .and_then(|length| behind.get(..length)),
            ) else {
                break;
            };
            side.take(message, place);
            rest = behind.get(message.len()..).unwrap_or_default();
        }
        side
    }

    fn take(&mut self, datagram: &[u8], place: Place) {
        if let Some(message) = ike::in_udp(datagram) {
            self.messages += 1;
            self.payloads += message.payloads;
            self.version = self.version.max(message.version);
        } else if datagram == [0xff] {
            self.keepalives += 1;
            return;
        } else if let Some((spi, sequence)) = ike::esp(datagram) {
            self.esp += 1;
            self.clear += usize::from(ike::is_esp_in_clear(datagram));
            let last = self.spis.get(&spi).copied();
            let near = last.is_some_and(|last| last != sequence && last.abs_diff(sequence) <= NEAR);
            self.near += usize::from(near);
            if last.is_some() || self.spis.len() < MOST_SPIS {
                self.spis.insert(spi, sequence);
            }
            if self.lengths.len() < 8 && !self.lengths.contains(&datagram.len()) {
                self.lengths.push(datagram.len());
            }
        } else {
            self.rest += 1;
            return;
        }
        self.first.get_or_insert(place);
    }

    /// Whether what may be ESP goes on under few SPIs.
    fn goes_on(&self) -> bool {
        self.near + self.spis.len() >= self.esp && self.spis.len() <= 1 + self.esp / 8
    }

    /// Whether it is ESP, though nobody said IKE.
    fn is_esp(&self) -> bool {
        let varied = self.lengths.len() >= 4 || self.keepalives > 0;
        self.rest == 0 && self.esp >= ENOUGH && self.goes_on() && varied
    }
}

fn claim(sides: &[Side; 2], transport: TransportProtocol) -> Option<Claim> {
    let messages: usize = sides.iter().map(|s| s.messages).sum();
    let esp: usize = sides.iter().map(|s| s.esp).sum();
    let rest: usize = sides.iter().map(|s| s.rest).sum();
    let payloads: usize = sides.iter().map(|s| s.payloads).sum();
    let place = sides
        .iter()
        .filter_map(|s| s.first)
        .min_by_key(|p| p.packet);
    let clear: usize = sides.iter().map(|s| s.clear).sum();
    if clear > 1 && 2 * clear > esp {
        let reason = format!("{clear} of {esp} packets of ESP have IP packets in clear");
        return Some(Claim::unknown("esp-null", reason).at(place));
    }
    if messages == 0 {
        let [a, b] = sides;
        let apart = a.spis.keys().all(|spi| !b.spis.contains_key(spi));
        if transport == TransportProtocol::Tcp || !apart || !a.is_esp() || !b.is_esp() {
            return None;
        }
        let reason = format!(
            "all {esp} datagrams have the form of ESP: an SPI, and a sequence number that goes on, in both directions"
        );
        return Some(Claim::sealed("esp", reason).at(place));
    }
    // An encrypted message alone has its length and its header, and no payloads.
    if payloads == 0 && messages < 2 && esp == 0 || rest > messages + esp {
        return None;
    }
    let version = sides.iter().map(|s| s.version).max()?;
    let reason = format!(
        "{messages} messages of IKEv{version} whose lengths fit, with {payloads} payloads that follow each other; {esp} packets of ESP"
    );
    Some(Claim::sealed(format!("ikev{version}"), reason).at(place))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        dissect::ike::tests::message,
        inspect::recognise::talk::{alone, noise, tcp, told, udp},
    };

    use super::*;

    fn esp(spi: u32, sequence: u32) -> Vec<u8> {
        let length = 40 + 4 * (sequence as usize % 7);
        let head = [spi.to_be_bytes(), sequence.to_be_bytes()].concat();
        [head, noise(sequence, length)].concat()
    }

    #[test]
    fn a_first_message_identifies_it() {
        for version in [1, 2] {
            let expected = Some(("sealed", format!("ikev{version}")));
            for from in [true, false] {
                let flow = udp(&[(from, message(version)), (!from, esp(0x1000, 1))]);
                assert_eq!(told(recognise, &flow), expected);
            }
        }
        let length = (28 + 32 + 4 + 2_u16).to_be_bytes();
        let octets = [PREFIX, &length, &[0; 4], &message(2)].concat();
        let flow = tcp(&[(true, octets)]);
        assert_eq!(told(recognise, &flow), Some(("sealed", "ikev2".into())));
    }

    #[test]
    fn esp_is_known_by_its_numbers_in_both_directions() {
        let both = |step: u32| -> Vec<_> {
            let sent = |i: u32| {
                [
                    (true, esp(0x1234_5678, i * step)),
                    (false, esp(0x9999, i * step)),
                ]
            };
            (1..15).flat_map(sent).collect()
        };
        assert_eq!(
            told(recognise, &udp(&both(1))),
            Some(("sealed", "esp".into()))
        );
        assert_eq!(told(recognise, &udp(&both(100_000))), None);
        let same: Vec<_> = (1..15)
            .flat_map(|i| [(true, esp(7000, i)), (false, esp(7000, i))])
            .collect();
        assert_eq!(told(recognise, &udp(&same)), None);
        let mut one = both(1);
        one.retain(|(from, _)| *from);
        assert_eq!(told(recognise, &udp(&one)), None);
    }

    #[test]
    fn esp_beside_ike_is_known_by_its_hosts() {
        let handshake = udp(&[(true, message(2)), (false, message(2))]);
        let mut data = udp(&[(true, esp(0x1234, 1)), (true, esp(0x1234, 2))]);
        data.a.set_port(4500);
        let mut traffic = crate::dissect::Traffic {
            flows: vec![handshake, data],
            ..Default::default()
        };
        let told = beside(&Scene::new(&traffic));
        assert_eq!((told.len(), told[0].0), (1, 1));
        traffic.flows[1].a = "198.51.100.1:4500".parse().unwrap();
        assert!(beside(&Scene::new(&traffic)).is_empty());
    }

    #[test]
    fn esp_that_does_not_encrypt_seals_nothing() {
        let packet = |sequence: u32| {
            let head = [0x1000_u32.to_be_bytes(), sequence.to_be_bytes()].concat();
            let ip = [&[0x45, 0, 0, 60][..], &noise(sequence, 56)].concat();
            (true, [head, ip, noise(1, 16)].concat())
        };
        let said = [(false, message(2)), packet(1), packet(2)];
        assert_eq!(
            told(recognise, &udp(&said)),
            Some(("undetermined", "esp-null".into()))
        );
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            octets in prop::collection::vec(any::<u8>(), 0..80),
            cut in 0..60_usize,
        ) {
            let cut = message(1)[..cut].to_vec();
            let framed = [PREFIX, &octets].concat();
            let _ = alone(recognise, &udp(&[(true, octets), (false, cut.clone())]));
            let _ = alone(recognise, &tcp(&[(true, framed), (false, cut)]));
        }
    }
}

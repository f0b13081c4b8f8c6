//! OpenVPN over UDP or TCP: resets that answer each other, session IDs that stay,
//! also with tls-auth and tls-crypt; or packet IDs that go on.

use std::collections::BTreeSet;

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{
        Flow, Place, Stream,
        openvpn::{self, Packet},
    },
    inspect::{Claim, Scene},
};

/// Packets of a direction that are read.
const MOST: usize = 4096;
/// How far a packet ID may be from the one before.
const NEAR: u32 = 256;
/// Packets of data in a direction that identify it without a handshake.
const ENOUGH: usize = 6;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    let read = |stream: &Stream, other: &Stream| match flow.transport {
        TransportProtocol::Udp | TransportProtocol::Sctp => {
            Side::read(&datagrams(stream), &datagrams(other))
        }
        TransportProtocol::Tcp => Side::read(&framed(stream), &framed(other)),
    };
    let sides = [
        read(&flow.from_a, &flow.from_b),
        read(&flow.from_b, &flow.from_a),
    ];
    claim(&sides).into_iter().collect()
}

fn datagrams(stream: &Stream) -> Vec<(Place, &[u8])> {
    let place = |piece: &crate::dissect::Piece| Place {
        packet: piece.packet,
        offset: piece.offset,
    };
    let parts = stream.parts().map(|(piece, octets)| (place(piece), octets));
    parts.take(MOST).collect()
}

/// Packets behind their lengths, up to the first gap.
fn framed(stream: &Stream) -> Vec<(Place, &[u8])> {
    let gap = stream.gaps.first().copied().unwrap_or(usize::MAX);
    let mut rest = stream
        .bytes
        .get(..gap.min(stream.bytes.len()))
        .unwrap_or_default();
    let (mut at, mut found) = (0, Vec::new());
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        let (Some(packet), Some(place)) = (behind.get(..length), stream.place(at)) else {
            break;
        };
        if found.len() >= MOST || openvpn::read(packet).is_none() {
            break;
        }
        found.push((place, packet));
        at += 2 + length;
        rest = behind.get(length..).unwrap_or_default();
    }
    found
}

/// What one end sent.
#[derive(Default)]
struct Side {
    packets: usize,
    control: usize,
    data: usize,
    rest: usize,
    sessions: BTreeSet<[u8; 8]>,
    client_reset: bool,
    server_reset: bool,
    /// Packets of the control channel that acknowledge the other's, or have TLS.
    answers: usize,
    /// Packets of the control channel whose packet ID and time follow the last one's.
    stamped: usize,
    peers: BTreeSet<u32>,
    near: usize,
    first: Option<Place>,
}

impl Side {
    fn read(packets: &[(Place, &[u8])], others: &[(Place, &[u8])]) -> Self {
        let mut side = Self::default();
        let other = others
            .iter()
            .find_map(|(_, octets)| match openvpn::read(octets)? {
                Packet::Control { session, .. } => Some(session),
                _ => None,
            });
        let mut last: Option<u32> = None;
        let mut follow = [(0, None::<(u32, u32)>); 6];
        for (place, octets) in packets {
            side.packets += 1;
            match openvpn::read(octets) {
                Some(Packet::Control {
                    opcode, session, ..
                }) => {
                    side.control += 1;
                    if side.sessions.len() < 8 {
                        side.sessions.insert(session);
                    }
                    side.client_reset |= openvpn::is_client_reset(opcode);
                    side.server_reset |= openvpn::is_server_reset(opcode);
                    side.answers += usize::from(openvpn::is_answer(octets, other));
                    let stamps = openvpn::stamps(octets);
                    for ((count, last), stamp) in follow.iter_mut().zip(stamps) {
                        let follows = last.zip(stamp).is_some_and(|(l, s)| is_next(l, s));
                        *count += usize::from(follows);
                        *last = stamp.or(*last);
                    }
                }
                Some(Packet::DataV1) => side.data += 1,
                Some(Packet::DataV2 { peer, number }) => {
                    side.data += 1;
                    if side.peers.len() < 8 {
                        side.peers.insert(peer);
                    }
                    let near = last.is_some_and(|l| l != number && l.abs_diff(number) <= NEAR);
                    side.near += usize::from(near);
                    last = Some(number);
                }
                None => {
                    side.rest += 1;
                    continue;
                }
            }
            side.first.get_or_insert(*place);
        }
        side.stamped = follow.iter().map(|(count, _)| *count).max().unwrap_or(0);
        side
    }

    /// Whether nothing but packets of few sessions was sent.
    fn is_steady(&self) -> bool {
        self.rest == 0 && self.sessions.len() <= 1 + self.control / 3
    }

    /// Whether packets of data of one peer go on.
    fn goes_on(&self) -> bool {
        self.peers.len() == 1 && self.near + 1 >= self.packets && self.packets >= ENOUGH
    }
}

/// Whether a packet ID and a time follow others: a few later, in the same hour, since
/// 2001.
fn is_next((last_id, last_time): (u32, u32), (id, time): (u32, u32)) -> bool {
    const SINCE: u32 = 978_307_200;
    (1..=16).contains(&id.wrapping_sub(last_id))
        && time >= SINCE
        && time.abs_diff(last_time) <= 3600
}

fn claim(sides: &[Side; 2]) -> Option<Claim> {
    let [a, b] = sides;
    if !a.is_steady() || !b.is_steady() {
        return None;
    }
    let place = sides
        .iter()
        .filter_map(|s| s.first)
        .min_by_key(|p| p.packet);
    let control = a.control + b.control;
    let data = a.data + b.data;
    let answers = a.answers + b.answers;
    let resets = a.client_reset && b.server_reset || b.client_reset && a.server_reset;
    let reset = sides.iter().any(|s| s.client_reset || s.server_reset);
    // Resets of both, and what answers them, be it with tls-auth or tls-crypt.
    let shaken = resets && (answers > 0 || a.stamped + b.stamped >= 2);
    // One side alone, with TLS or with numbers and times behind its reset.
    let one = |side: &Side| side.answers > 0 || side.stamped >= 3;
    let alone = reset && (a.packets == 0 && one(b) || b.packets == 0 && one(a));
    if shaken || alone {
        let reason = format!(
            "resets of OpenVPN, {control} packets of its control channel under {} session IDs and {data} of data",
            a.sessions.len() + b.sessions.len(),
        );
        return Some(Claim::sealed("openvpn", reason).at(place));
    }
    if a.control + b.control == 0 && a.goes_on() && b.goes_on() {
        let reason = format!(
            "joined after the handshake: all {data} packets are data of OpenVPN, with one peer ID and packet IDs that go on in both directions"
        );
        return Some(Claim::sealed("openvpn", reason).at(place));
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::inspect::recognise::talk::{alone, noise, tcp, told, udp};

    use super::*;

    fn repeated(octets: &[u8]) -> Vec<(bool, Vec<u8>)> {
        vec![(true, octets.to_vec()); 8]
    }

    fn session(crypt: bool) -> Vec<(bool, Vec<u8>)> {
        let packet =
            |opcode: u8, id: u8, rest: &[u8]| [&[opcode << 3][..], &[id; 8], rest].concat();
        // With tls-crypt: packet ID, time, and nothing that can be read.
        let wrap = |seed: u32, plain: &[u8]| {
            let stamp = [seed.to_be_bytes(), [0x62, 0x5a, 0x9e, 0x97]].concat();
            let wrapped = [stamp, noise(seed, 60)].concat();
            if crypt { wrapped } else { plain.to_vec() }
        };
        let acked = |id: u8| [&[1, 0, 0, 0, 0][..], &[id; 8]].concat();
        let record = [&[0, 0, 0, 0, 1][..], &[22, 3, 1, 0, 9], &noise(1, 9)].concat();
        vec![
            (true, packet(7, 0x11, &wrap(1, &[0; 5]))),
            (
                false,
                packet(8, 0x22, &wrap(2, &[&acked(0x11)[..], &[0; 4]].concat())),
            ),
            (true, packet(5, 0x11, &wrap(3, &acked(0x22)))),
            (true, packet(4, 0x11, &wrap(4, &record))),
            (false, packet(4, 0x22, &wrap(5, &record))),
            (
                true,
                [&[9 << 3, 0, 0, 1, 0, 0, 0, 1][..], &noise(6, 80)].concat(),
            ),
        ]
    }

    #[test]
    fn resets_that_answer_each_other_identify_it() {
        let sealed = Some(("sealed", "openvpn".to_owned()));
        for crypt in [false, true] {
            let said = session(crypt);
            assert_eq!(told(recognise, &udp(&said)), sealed);
            let frame = |(from, o): &(bool, Vec<u8>)| {
                (*from, [&(o.len() as u16).to_be_bytes()[..], o].concat())
            };
            let framed: Vec<_> = said.iter().map(frame).collect();
            assert_eq!(told(recognise, &tcp(&framed)), sealed);
        }
        let mut other = session(true);
        other.push((true, vec![0x47; 188]));
        other.push((true, vec![0x80; 188]));
        assert_eq!(told(recognise, &udp(&other)), None);
    }

    #[test]
    fn packets_of_data_that_go_on_identify_it() {
        let data = |from, number: u32| {
            let head = [&[9 << 3, 0, 0, 1][..], &number.to_be_bytes()].concat();
            (from, [head, noise(number, 80)].concat())
        };
        let both: Vec<_> = (50..60)
            .flat_map(|n| [data(true, n), data(false, n + 9)])
            .collect();
        assert_eq!(
            told(recognise, &udp(&both)),
            Some(("sealed", "openvpn".into()))
        );
        let jump: Vec<_> = (0..10)
            .flat_map(|n| [data(true, n << 20), data(false, n)])
            .collect();
        assert_eq!(told(recognise, &udp(&jump)), None);
    }

    #[test]
    fn what_only_has_the_opcodes_is_none() {
        // Whatever repeats a head is no session, be it text or with zeros.
        for octets in [&b"PRESENCE of a device, again and again"[..], &[0x38; 40]] {
            assert_eq!(told(recognise, &udp(&repeated(octets))), None);
        }
        let zeros = [&[0x38][..], &[5; 8], &[0; 5]].concat();
        assert_eq!(told(recognise, &udp(&repeated(&zeros))), None);
        let answers = repeated(b"@NSWER to it, again and again").into_iter();
        let both = answers.map(|(_, o)| (false, o)).chain(repeated(&zeros));
        assert_eq!(told(recognise, &udp(&both.collect::<Vec<_>>())), None);
    }

    #[test]
    fn noise_is_none() {
        for seed in 0..300 {
            let flow = udp(&[(true, noise(seed, 80)), (false, noise(seed + 999, 90))]);
            assert_eq!(told(recognise, &flow), None);
        }
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            octets in prop::collection::vec(any::<u8>(), 0..80),
            cut in 0..60_usize,
        ) {
            let mut said = session(false);
            for (_, packet) in &mut said {
                packet.truncate(cut);
            }
            said.push((false, octets));
            let _ = alone(recognise, &udp(&said));
            let _ = alone(recognise, &tcp(&said));
        }
    }
}

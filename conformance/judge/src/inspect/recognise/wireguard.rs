//! WireGuard (Donenfeld 2020, 5.4): its four messages, whose lengths, zeros, peers'
//! indices and counters hold over the flow.

use std::collections::BTreeSet;

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Place, Stream},
    inspect::{Claim, Scene},
};

/// Octets of a handshake initiation (5.4.2).
const INITIATION: usize = 148;
/// Octets of a handshake response (5.4.3).
const RESPONSE: usize = 92;
/// Octets of a cookie reply (5.4.7).
const COOKIE: usize = 64;
/// Octets of a transport message without content (5.4.6).
const EMPTY: usize = 32;
/// How far a counter may be from the one before.
const NEAR: u64 = 4096;
/// Indices that a peer may have in a flow: a new one every two minutes.
const MOST_INDICES: usize = 4096;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Udp {
        return Vec::new();
    }
    let (Some(a), Some(b)) = (Side::read(&flow.from_a), Side::read(&flow.from_b)) else {
        return Vec::new();
    };
    claim(&a, &b).into_iter().collect()
}

/// What one end sent.
#[derive(Default)]
struct Side {
    initiations: usize,
    /// Of them, those whose mac2 is zero: nobody gave a cookie (5.4.4).
    without_cookie: usize,
    responses: usize,
    transport: usize,
    /// Own indices.
    senders: BTreeSet<u32>,
    /// Indices of the other that a response or a cookie reply names.
    answers: BTreeSet<u32>,
    /// Indices of the other that transport messages name.
    receivers: BTreeSet<u32>,
    /// How often a counter is behind the one before, and near.
    near: usize,
    /// How often another index begins.
    changes: usize,
    lengths: BTreeSet<usize>,
    first: Option<Place>,
}

impl Side {
    /// `None` if there is a datagram that is no message.
    fn read(stream: &Stream) -> Option<Self> {
        let mut side = Self::default();
        let longest = stream.parts().map(|(_, d)| d.len()).max().unwrap_or(0);
        let mut last: Option<(u32, u64)> = None;
        for (piece, datagram) in stream.parts() {
            let &[kind, 0, 0, 0, i0, i1, i2, i3, j0, j1, j2, j3, ..] = datagram else {
                return None;
            };
            let index = u32::from_le_bytes([i0, i1, i2, i3]);
            let end = piece.at + datagram.len();
            let cut = stream.gaps.binary_search(&end).is_ok();
            match (kind, datagram.len()) {
                (1, INITIATION) => {
                    side.initiations += 1;
                    let (sealed, mac2) = datagram.split_at_checked(INITIATION - 16)?;
                    // A key, what it seals and a MAC have no zeros in a row.
                    let zeros = sealed.windows(6).skip(4).any(|run| run == [0; 6]);
                    if zeros {
                        return None;
                    }
                    side.without_cookie += usize::from(mac2.iter().all(|octet| *octet == 0));
                    side.senders.insert(index);
                }
                (2, RESPONSE) => {
                    side.responses += 1;
                    side.senders.insert(index);
                    side.answers.insert(u32::from_le_bytes([j0, j1, j2, j3]));
                }
                (3, COOKIE) => {
                    side.answers.insert(index);
                }
                (4, length) if length >= EMPTY => {
                    // Content is padded to 16 octets, but not beyond the MTU (5.4.6).
                    if length % 16 != 0 && length != longest && !cut {
                        return None;
                    }
                    let counter = u64::from_le_bytes(*datagram.get(8..16)?.first_chunk()?);
                    let before = last.filter(|(other, _)| *other == index);
                    let near = before.is_some_and(|(_, c)| counter.abs_diff(c) <= NEAR);
                    side.near += usize::from(near && before.is_some_and(|(_, c)| c != counter));
                    side.changes += usize::from(before.is_none());
                    last = Some((index, counter));
                    side.transport += 1;
                    side.receivers.insert(index);
                    side.lengths.insert(length);
                }
                // What was cut of a handshake is not read.
                (1..=3, _) if cut => continue,
                _ => return None,
            }
            if side.senders.len().max(side.receivers.len()) > MOST_INDICES {
                return None;
            }
            side.first.get_or_insert(Place {
                packet: piece.packet,
                offset: piece.offset,
            });
        }
        Some(side)
    }

    /// Whether transport messages follow each other under few indices.
    fn goes_on(&self) -> bool {
        self.transport == 0
            || self.near + self.changes.min(1 + self.transport / 8) >= self.transport
    }
}

fn claim(a: &Side, b: &Side) -> Option<Claim> {
    if !a.goes_on() || !b.goes_on() {
        return None;
    }
    let place = [a.first, b.first]
        .into_iter()
        .flatten()
        .min_by_key(|p| p.packet);
    let answered = |one: &Side, other: &Side| {
        let all = one.answers.iter().chain(&one.receivers);
        all.filter(|index| other.senders.contains(index)).count()
    };
    let matched = answered(a, b) + answered(b, a);
    let transport = a.transport + b.transport;
    if matched > 0 || a.without_cookie + b.without_cookie > 0 {
        let reason = format!(
            "{} handshake initiations and {} responses of WireGuard, {matched} of whose indices the other end names; {transport} transport messages",
            a.initiations + b.initiations,
            a.responses + b.responses,
        );
        return Some(Claim::sealed("wireguard", reason).at(place));
    }
    let near = a.near + b.near;
    if near < 3 {
        return None;
    }
    let reason = format!(
        "joined after the handshake: all {transport} datagrams are transport messages of WireGuard, whose counters go on under {} indices",
        a.receivers.len() + b.receivers.len(),
    );
    Some(Claim::sealed("wireguard", reason).at(place))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::inspect::recognise::talk::{alone, noise, told, udp};

    use super::*;

    fn initiation() -> Vec<u8> {
        let mut octets = [&[1, 0, 0, 0, 9, 9, 9, 1][..], &noise(1, 140)].concat();
        octets[132..].fill(0);
        octets
    }

    fn response() -> Vec<u8> {
        [&[2, 0, 0, 0, 8, 8, 8, 2, 9, 9, 9, 1][..], &noise(2, 80)].concat()
    }

    fn transport(index: [u8; 4], counter: u64, length: usize) -> Vec<u8> {
        let octets = noise(counter as u32, length);
        [&[4, 0, 0, 0][..], &index, &counter.to_le_bytes(), &octets].concat()
    }

    #[test]
    fn a_handshake_seals_from_either_side() {
        let data = transport([8, 8, 8, 2], 0, 48);
        let said = [(true, initiation()), (false, response()), (true, data)];
        let sealed = Some(("sealed", "wireguard".to_owned()));
        assert_eq!(told(recognise, &udp(&said)), sealed);
        assert_eq!(told(recognise, &udp(&said[..1])), sealed);
        // A structure of the same length, filled with zeros.
        let mut filled = initiation();
        filled[60..].fill(0);
        assert_eq!(told(recognise, &udp(&[(true, filled)])), None);
        // A response whose index nobody had.
        assert_eq!(told(recognise, &udp(&said[1..2])), None);
    }

    #[test]
    fn a_session_that_was_joined_is_sealed_by_its_counters() {
        let data: Vec<_> = (70..76)
            .map(|c| (true, transport([8, 8, 8, 2], c, 64)))
            .collect();
        assert_eq!(
            told(recognise, &udp(&data)),
            Some(("sealed", "wireguard".into()))
        );
        let jump: Vec<_> = (0..6)
            .map(|c| (true, transport([8, 8, 8, c], 1 << (40 + c), 64)))
            .collect();
        assert_eq!(told(recognise, &udp(&jump)), None);
        let begun: Vec<_> = [(true, initiation())].into_iter().chain(jump).collect();
        assert_eq!(told(recognise, &udp(&begun)), None);
        let odd: Vec<_> = (70..76)
            .map(|c| (true, transport([8, 8, 8, 2], c, 60 + c as usize)))
            .collect();
        assert_eq!(told(recognise, &udp(&odd)), None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            octets in prop::collection::vec(any::<u8>(), 0..150),
            kind in 0..6_u8,
        ) {
            let headed = [&[kind, 0, 0, 0][..], &octets].concat();
            let _ = alone(recognise, &udp(&[(true, octets), (false, headed)]));
        }
    }
}

//! QUIC (RFC 9000, RFC 9369) and Google's before it, by packets that say their
//! version. Short headers alone identify nothing.

use std::collections::BTreeSet;

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{
        Flow, Place, Stream,
        quic::{self, Kind},
    },
    inspect::{Claim, Scene},
};

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Udp {
        return Vec::new();
    }
    let sides = [Side::read(&flow.from_a), Side::read(&flow.from_b)];
    ietf(&sides)
        .or_else(|| google(&sides))
        .or_else(|| google_joined(flow))
        .into_iter()
        .collect()
}

/// What one end sent.
#[derive(Default)]
struct Side {
    datagrams: usize,
    kinds: Vec<Kind>,
    versions: BTreeSet<u32>,
    /// Datagrams with long headers of versions that nobody knows.
    unknown: usize,
    /// Datagrams with short headers.
    short: usize,
    google: BTreeSet<(u8, [u8; 8])>,
    hellos: usize,
    answers: usize,
    /// Datagrams of gQUIC that name their connection, behind one that said it.
    connected: usize,
    first: Option<Place>,
}

impl Side {
    fn read(stream: &Stream) -> Self {
        let mut side = Self::default();
        for (piece, datagram) in stream.parts() {
            side.datagrams += 1;
            let place = Place {
                packet: piece.packet,
                offset: piece.offset,
            };
            let Some(first) = datagram.first() else {
                continue;
            };
            if first & 0x80 == 0 {
                side.short += usize::from(first & 0x40 != 0 && datagram.len() > 20);
            } else if let Some(packets) =
                match stream.gaps.binary_search(&(piece.at + datagram.len())) {
                    Ok(_) => quic::cut_long_headers(datagram),
                    Err(_) => quic::long_headers(datagram, false),
                }
            {
                side.versions.extend(packets.iter().map(|p| p.version));
                if side.kinds.len() < 64 {
                    side.kinds.extend(packets.iter().map(|p| p.kind));
                }
                side.first.get_or_insert(place);
                continue;
            } else if quic::long_headers(datagram, true).is_some_and(|packets| {
                packets.iter().all(|p| p.kind == Kind::Initial) && datagram.len() >= 1200
            }) {
                side.unknown += 1;
                side.first.get_or_insert(place);
            }
            if let Some(said) = quic::google(datagram) {
                side.hellos += usize::from(said.hello);
                if side.google.len() < 8 {
                    side.google.insert((said.version, said.connection));
                }
                side.first.get_or_insert(place);
            } else if let Some((_, connection)) = side.google.first() {
                side.connected += usize::from(datagram.get(1..9) == Some(&connection[..]));
            }
            side.answers += usize::from(quic::google_answers(datagram));
        }
        side
    }
}

fn ietf(sides: &[Side; 2]) -> Option<Claim> {
    let place = sides
        .iter()
        .filter_map(|s| s.first)
        .min_by_key(|p| p.packet);
    let kinds = || sides.iter().flat_map(|s| &s.kinds);
    let short: usize = sides.iter().map(|s| s.short).sum();
    let datagrams: usize = sides.iter().map(|s| s.datagrams).sum();
    // A Retry has no length that could be checked.
    let long = kinds().filter(|kind| **kind != Kind::Retry).count();
    if long == 0 {
        let unknown: usize = sides.iter().map(|s| s.unknown).sum();
        let reason = format!(
            "{unknown} datagrams in the form of QUIC's first packets, of a version that nobody knows"
        );
        return (unknown > 0).then(|| Claim::unknown("quic?", reason).at(place));
    }
    let versions = sides.iter().flat_map(|s| &s.versions).copied();
    let mut versions: Vec<_> = versions.filter(|v| *v != 0).collect();
    versions.sort_by_key(|v| quic::is_reserved(*v));
    let version = versions.first().copied();
    let initial = kinds().filter(|k| **k == Kind::Initial).count();
    let reason = format!(
        "{long} packets with long headers of QUIC whose lengths fit, {initial} of them Initial, version {}; {short} of {datagrams} datagrams have short headers",
        version.map_or("negotiated".to_owned(), |v| format!("0x{v:08x}"))
    );
    let kind = match version {
        Some(quic::V2) => "quic-v2",
        Some(version) if quic::is_google(version) => "gquic",
        _ => "quic",
    };
    Some(Claim::sealed(kind, reason).at(place))
}

fn google(sides: &[Side; 2]) -> Option<Claim> {
    let said = sides.iter().position(|s| !s.google.is_empty())?;
    let (client, server) = (sides.get(said)?, sides.get(1 - said)?);
    let (version, _) = client.google.first()?;
    let one = client.google.len() == 1;
    let proved = client.hellos > 0 || server.answers > 0 || client.connected >= 3;
    let place = client.first;
    let reason = format!(
        "gQUIC with its version Q{version:03} and one connection ID in clear; {} datagrams with CHLO, {} with REJ or SHLO, {} more of that connection",
        client.hellos, server.answers, client.connected
    );
    (one && proved).then(|| Claim::sealed("gquic", reason).at(place))
}

/// Datagrams of a direction that identify gQUIC without its handshake.
const ENOUGH: usize = 4;

/// gQUIC that was joined: one end names one connection in each datagram, the other
/// none, and the packet numbers of both go on one by one.
fn google_joined(flow: &Flow) -> Option<Claim> {
    let goes_on = |stream: &Stream| {
        let (mut last, mut steps, mut count) = (None::<[u64; 2]>, [0, 0], 0);
        let mut connections = BTreeSet::new();
        for (_, datagram) in stream.parts() {
            let (connection, numbers) = quic::google_number(datagram)?;
            connections.insert(connection);
            for ((step, number), last) in steps.iter_mut().zip(numbers).zip(last.unwrap_or(numbers))
            {
                *step += usize::from((1..=4).contains(&(number.wrapping_sub(last) & 0xff)));
            }
            last = Some(numbers);
            count += 1;
            if connections.len() > 1 {
                return None;
            }
        }
        let steps = steps.into_iter().max()?;
        (count >= ENOUGH && steps + 1 + count / 16 >= count).then_some(())?;
        Some((connections.pop_first()?, count))
    };
    let (a, b) = (goes_on(&flow.from_a)?, goes_on(&flow.from_b)?);
    let connection = match (a.0, b.0) {
        (Some(id), None) | (None, Some(id)) => id,
        _ => return None,
    };
    // A number that counts, or a constant, is no ID that was chosen by chance.
    let distinct: BTreeSet<_> = connection.iter().collect();
    let reason = format!(
        "joined after the handshake: {} datagrams of gQUIC, of which those of one end have one connection ID, and whose packet numbers go on",
        a.1 + b.1
    );
    let place = flow.from_a.place(0);
    (distinct.len() >= 5).then(|| Claim::sealed("gquic", reason).at(place))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::inspect::recognise::talk::{alone, noise, told, udp};

    use super::*;

    fn initial(version: u32, first: u8) -> Vec<u8> {
        let mut octets = vec![first];
        octets.extend(version.to_be_bytes());
        octets.extend([8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0]);
        let rest = 1200 - octets.len() - 2;
        octets.extend((rest as u16 | 0x4000).to_be_bytes());
        octets.extend(noise(1, rest));
        octets
    }

    #[test]
    fn first_packets_seal_a_flow_from_either_side() {
        for (version, first, kind) in [(1, 0xc0, "quic"), (quic::V2, 0xd0, "quic-v2")] {
            for from in [true, false] {
                let short = [&[0x41][..], &noise(2, 60)].concat();
                let flow = udp(&[(from, initial(version, first)), (!from, short)]);
                assert_eq!(told(recognise, &flow), Some(("sealed", kind.into())));
            }
        }
        let flow = udp(&[(true, initial(2, 0xc0))]);
        assert_eq!(
            told(recognise, &flow),
            Some(("undetermined", "quic?".into()))
        );
    }

    #[test]
    fn google_is_sealed_with_its_hello() {
        let mut hello = vec![0x0d, 1, 2, 3, 4, 5, 6, 7, 8];
        hello.extend(b"Q039\x01");
        hello.extend(noise(3, 12));
        hello.extend(b"\xa0\x01\x00\x04CHLO");
        let flow = udp(&[(true, hello.clone())]);
        assert_eq!(told(recognise, &flow), Some(("sealed", "gquic".into())));
        hello.truncate(30);
        assert_eq!(told(recognise, &udp(&[(true, hello)])), None);
    }

    #[test]
    fn google_that_was_joined_is_known_by_its_numbers() {
        let id = [0xbb, 0xda, 0xf3, 0xcf, 0xcb, 0x52, 0x15, 0x20];
        let said = |step: u8| -> Vec<_> {
            let one = |i: u8| [&[0x0c][..], &id, &[i * step], &noise(i.into(), 40)].concat();
            let two = |i: u8| [&[0x00, 9 + i][..], &noise(i.into(), 30)].concat();
            (1..7)
                .flat_map(|i| [(true, one(i)), (false, two(i))])
                .collect()
        };
        assert_eq!(
            told(recognise, &udp(&said(1))),
            Some(("sealed", "gquic".into()))
        );
        assert_eq!(told(recognise, &udp(&said(40))), None);
        let mut one = said(1);
        one.retain(|(from, _)| *from);
        assert_eq!(told(recognise, &udp(&one)), None);
    }

    #[test]
    fn short_headers_alone_are_none() {
        let short = |seed| (seed % 2 == 0, [&[0x41][..], &noise(seed, 60)].concat());
        let flow = udp(&(0..30).map(short).collect::<Vec<_>>());
        assert_eq!(told(recognise, &flow), None);
        let retry = [&[0xf0, 0, 0, 0, 1, 0, 0][..], &noise(3, 60)].concat();
        assert_eq!(told(recognise, &udp(&[(true, retry)])), None);
        for seed in 0..200 {
            let head = [&[0xc0, 0, 0, 0, 1][..], &noise(seed, 300)].concat();
            assert_eq!(told(recognise, &udp(&[(true, head)])), None, "{seed}");
        }
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..60)) {
            let cut = initial(1, 0xc0)[..octets.len()].to_vec();
            let _ = alone(recognise, &udp(&[(true, octets), (false, cut)]));
        }
    }
}

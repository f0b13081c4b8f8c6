//! tinc: two ends that tell their names and keys in lines of text, and encipher what
//! follows, in the same connection and in datagrams beside it (tinc manual, "The meta
//! protocol", "Authentication protocol").

use std::{collections::BTreeSet, net::IpAddr};

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Stream},
    inspect::{Claim, Label, Scene},
};

/// Octets of a line of names.
const LONGEST_NAME: usize = 256;
/// Hexadecimal digits of a session key, which is as long as a modulus of RSA.
const KEY: std::ops::RangeInclusive<usize> = 128..=4096;
/// Datagrams that have to be as long as blocks.
const FEWEST: usize = 8;

/// Blowfish by its number in OpenSSL, in four modes.
const BLOWFISH: std::ops::RangeInclusive<u32> = 91..=94;

/// What one end says first.
struct Said<'a> {
    name: &'a str,
    /// The cipher of what follows by its number in OpenSSL, where it is told.
    cipher: Option<u32>,
    /// Octets that follow.
    behind: usize,
}

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    identified(flow).into_iter().collect()
}

/// Datagrams between two ends that agree on keys beside them.
pub(super) fn beside(scene: &Scene<'_>) -> Vec<(usize, Claim)> {
    let flows = &scene.traffic.flows;
    let known: Vec<(&Flow, [IpAddr; 2])> = flows
        .iter()
        .filter(|flow| identified(flow).is_some_and(|claim| claim.label() == Label::Sealed))
        .map(|flow| (flow, [flow.a.ip(), flow.b.ip()]))
        .collect();
    if known.is_empty() {
        return Vec::new();
    }
    let datagrams = flows.iter().enumerate().filter_map(|(index, flow)| {
        if flow.transport != TransportProtocol::Udp {
            return None;
        }
        let (by, _) = known.iter().find(|(by, ends)| {
            let ports = [by.a.port(), by.b.port()];
            ends.contains(&flow.a.ip())
                && ends.contains(&flow.b.ip())
                && (ports.contains(&flow.a.port()) || ports.contains(&flow.b.port()))
        })?;
        let count = flow.parts().count();
        let odd = flow.parts().next()?.1.len() % 8;
        let blocks = flow.parts().filter(|(_, o)| o.len() > 16 && o.len() % 8 == odd);
        let reason = format!(
            "{count} datagrams, each of whole blocks of a cipher and {odd} octets more, between two ends that agree on keys for tinc from packet {} on",
            by.first_packet
        );
        let lengths: BTreeSet<_> = flow.parts().map(|(_, octets)| octets.len()).collect();
        (count >= FEWEST && lengths.len() >= 3 && blocks.count() == count)
            .then(|| (index, Claim::sealed("tinc", reason).at(flow.from_a.place(0))))
    });
    datagrams.collect()
}

fn identified(flow: &Flow) -> Option<Claim> {
    if flow.transport != TransportProtocol::Tcp {
        return None;
    }
    let streams = [&flow.from_a, &flow.from_b];
    let said: Vec<_> = streams.into_iter().filter_map(said).collect();
    let is_silent = |stream: &&Stream| stream.bytes.is_empty();
    let silent = streams.iter().filter(|stream| is_silent(stream)).count();
    let first = said.first()?;
    if said.len() + silent < 2 || said.iter().any(|said| said.behind == 0) {
        return None;
    }
    let names: Vec<_> = said.iter().map(|said| said.name).collect();
    let begins = format!("{} tell their names and keys for tinc", names.join(" and "));
    let place = streams.iter().find_map(|stream| stream.place(0));
    if said.iter().any(|said| said.cipher == Some(0)) {
        let reason = format!("{begins}, and that nothing is enciphered");
        return Some(Claim::unknown("tinc", reason).at(place));
    }
    let cipher = first.cipher?;
    let weak = said
        .iter()
        .any(|said| said.cipher.is_some_and(|cipher| BLOWFISH.contains(&cipher)))
        .then(|| "Blowfish, whose blocks have 64 bits, and no authentication".to_owned());
    let behind: usize = said.iter().map(|said| said.behind).sum();
    let reason =
        format!("{begins}, the cipher of number {cipher} of OpenSSL; {behind} octets follow");
    Some(Claim::sealed("tinc", reason).weak(weak).at(place))
}

/// `ID` and `METAKEY`.
fn said(stream: &Stream) -> Option<Said<'_>> {
    let bytes = &stream.bytes;
    let (name, rest) = line(bytes, LONGEST_NAME)?;
    let mut words = name.split(' ');
    let ("0", name, version, None) = (words.next()?, words.next()?, words.next()?, words.next())
    else {
        return None;
    };
    let is_name = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'_';
    let is_ours = version == "17" || version.starts_with("17.");
    if !is_ours || name.is_empty() || !name.bytes().all(is_name) {
        return None;
    }
    let (key, rest) = line(rest, *KEY.end() + 64)?;
    let mut words: Vec<_> = key.split(' ').collect();
    let key = words.pop()?;
    let is_key = KEY.contains(&key.len()) && key.bytes().all(|o| o.is_ascii_hexdigit());
    let numbers: Option<Vec<u32>> = words.iter().map(|word| word.parse().ok()).collect();
    match numbers?[..] {
        [1, cipher, _, _, _] if is_key => Some(Said {
            name,
            cipher: Some(cipher),
            behind: rest.len(),
        }),
        _ => None,
    }
}

/// A line of text, and what is behind it.
fn line(bytes: &[u8], longest: usize) -> Option<(&str, &[u8])> {
    let end = memchr::memchr(b'\n', bytes.get(..bytes.len().min(longest))?)?;
    let text = std::str::from_utf8(bytes.get(..end)?).ok()?;
    Some((text, bytes.get(end + 1..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        dissect::Traffic,
        inspect::recognise::talk::{alone, noise, tcp, told, udp},
    };

    use super::*;

    fn end(name: &str, cipher: u32) -> Vec<u8> {
        let key = "2CDA94".repeat(64);
        let lines = format!("0 {name} 17\n1 {cipher} 64 0 0 {key}\n");
        [lines.as_bytes(), &noise(cipher, 300)].concat()
    }

    #[test]
    fn two_who_tell_their_keys_are_sealed() {
        let both = |cipher| tcp(&[(true, end("think", cipher)), (false, end("init", 429))]);
        assert_eq!(told(recognise, &both(429)), Some(("sealed", "tinc".into())));
        let claims = alone(recognise, &both(94));
        let weak = &claims[0].standing;
        assert!(matches!(
            weak,
            crate::inspect::claim::Standing::Sealed { weak: Some(_) }
        ));
        assert_eq!(
            told(recognise, &both(0)),
            Some(("undetermined", "tinc".into()))
        );
        let one = tcp(&[(false, end("init", 429))]);
        assert_eq!(told(recognise, &one), Some(("sealed", "tinc".into())));
    }

    #[test]
    fn nobody_else_is() {
        let answered = tcp(&[(true, end("a", 9)), (false, b"220 hello\r\n".to_vec())]);
        assert_eq!(told(recognise, &answered), None);
        let short = tcp(&[(true, b"0 a 17\n1 9 64 0 0 2CDA\nmore".to_vec())]);
        assert_eq!(told(recognise, &short), None);
        let other = tcp(&[(true, b"0 a 18\n1 9 64 0 0 2CDA\n".to_vec())]);
        assert_eq!(told(recognise, &other), None);
    }

    #[test]
    fn datagrams_beside_them_are() {
        let data = |extra: usize| {
            let datagram = |n: u32| (n.is_multiple_of(2), noise(n, 36 + 8 * n as usize + extra));
            udp(&(0..9).map(datagram).collect::<Vec<_>>())
        };
        let mut odd = data(0);
        odd.from_b.push(&noise(1, 99), 99, 42, 99);
        let mut elsewhere = data(0);
        elsewhere.a.set_port(1);
        elsewhere.b.set_port(2);
        let meta = tcp(&[(true, end("think", 429)), (false, end("init", 429))]);
        let traffic = Traffic {
            flows: vec![data(4), odd, elsewhere, meta],
            ..Default::default()
        };
        let found = beside(&Scene::new(&traffic));
        assert_eq!(found.iter().map(|(flow, _)| *flow).collect::<Vec<_>>(), [0]);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..90), cut in 0..420_usize) {
            let mut own = end("a", 9);
            own.truncate(cut);
            own.extend(&octets);
            let _ = alone(recognise, &tcp(&[(true, own), (false, octets)]));
        }
    }
}

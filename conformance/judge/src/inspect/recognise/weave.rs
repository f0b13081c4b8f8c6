//! Weave, which devices of Nest speak: messages behind their lengths whose headers name
//! both nodes and say whether what follows is enciphered (OpenWeave, "Weave Message
//! Format").

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Stream},
    inspect::{Claim, Scene},
};

/// Flags: the nodes that it comes from and goes to are named.
const BOTH_NODES: u16 = 0x0300;
/// Bits that are the version, the kind of encryption, and flags.
const VERSION: u16 = 0xf000;
const ENCRYPTION: u16 = 0x00f0;
/// AES-128 in counter mode with HMAC-SHA-1.
const AES: u16 = 0x0010;
/// Octets of a header with both nodes.
const HEADER: usize = 22;
/// Octets of a key's identifier and of the HMAC.
const SEAL: usize = 2 + 20;
/// Messages that have to be seen, if the nodes are of nobody known.
const FEWEST: usize = 4;
/// How identifiers of nodes end that Nest makes, by the number that IEEE gave it.
const NEST: [u8; 3] = [0x30, 0xb4, 0x18];
/// Messages that are followed.
const MOST: usize = 1 << 16;

/// What messages of one direction say.
#[derive(Default)]
struct Read {
    messages: usize,
    enciphered: usize,
    /// Octets of those, and of what is in clear though something was enciphered before.
    sealed: usize,
    relapsed: usize,
    /// From which node to which.
    nodes: Option<([u8; 8], [u8; 8])>,
}

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    claim(flow).into_iter().collect()
}

fn claim(flow: &Flow) -> Option<Claim> {
    if flow.transport != TransportProtocol::Tcp {
        return None;
    }
    let (a, b) = (read(&flow.from_a)?, read(&flow.from_b)?);
    if let (Some((from, to)), Some(back)) = (a.nodes, b.nodes)
        && back != (to, from)
    {
        return None;
    }
    let (messages, enciphered) = (a.messages + b.messages, a.enciphered + b.enciphered);
    let place = flow.from_a.place(0).or_else(|| flow.from_b.place(0));
    let reason = format!(
        "{messages} messages of Weave between the same two nodes, whose lengths lead to the next, {enciphered} of which name a key and are enciphered"
    );
    let (sealed, relapsed) = (a.sealed + b.sealed, a.relapsed + b.relapsed);
    // Status reports may be in clear; what is told in them is little.
    let claim = match enciphered * 2 >= messages {
        true if relapsed * 16 <= sealed => Claim::sealed("weave", reason),
        true => Claim::unknown(
            "weave",
            format!("{reason}; {relapsed} octets between them are not"),
        ),
        false => Claim::other("weave", reason),
    };
    let (from, to) = a.nodes.or(b.nodes)?;
    let is_known = from.ends_with(&NEST) && to.ends_with(&NEST);
    (messages >= FEWEST || is_known).then(|| claim.at(place))
}

/// All messages up to a gap; `None` if there is something else.
fn read(stream: &Stream) -> Option<Read> {
    let mut rest = stream.beginning();
    let mut read = Read::default();
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*length));
        let (&[low, high], _) = behind.split_first_chunk()?;
        let header = u16::from_le_bytes([low, high]);
        let is_one = matches!(header & VERSION, 0x1000 | 0x2000)
            && header & !(VERSION | ENCRYPTION) == BOTH_NODES
            && matches!(header & ENCRYPTION, 0 | AES);
        let is_enciphered = header & ENCRYPTION == AES;
        let least = if is_enciphered { HEADER + SEAL } else { HEADER };
        if !is_one || length < least {
            return None;
        }
        let nodes = (
            *behind.get(6..)?.first_chunk()?,
            *behind.get(14..)?.first_chunk()?,
        );
        if read.nodes.is_some_and(|known| known != nodes) || nodes.0 == nodes.1 {
            return None;
        }
        read.nodes = Some(nodes);
        read.messages += 1;
        read.enciphered += usize::from(is_enciphered);
        match (is_enciphered, read.enciphered) {
            (true, _) => read.sealed += length,
            (false, 0) => {}
            (false, _) => read.relapsed += length,
        }
        match behind.get(length..) {
            Some(after) if read.messages < MOST => rest = after,
            // The last was cut.
            _ => break,
        }
    }
    Some(read)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::inspect::recognise::talk::{alone, noise, tcp, told};

    use super::*;

    fn message(from: u8, to: u8, enciphered: bool, id: u8) -> Vec<u8> {
        let header = if enciphered { [0x10, 0x13] } else { [0, 0x13] };
        let node = |node| {
            [
                node,
                0,
                0,
                0,
                0,
                0x30,
                0xb4,
                if id < 50 { 0x18 } else { 0x19 },
            ]
        };
        let body = noise(id.into(), 60);
        [
            &[82, 0][..],
            &header,
            &[id, 0, 0, 0],
            &node(from),
            &node(to),
            &body,
        ]
        .concat()
    }

    fn session(enciphered: bool) -> Vec<(bool, Vec<u8>)> {
        let turn = |n: u8| {
            let from = n.is_multiple_of(2);
            let (source, target) = if from { (1, 2) } else { (2, 1) };
            (from, message(source, target, enciphered && n > 1, n))
        };
        (0..8).map(turn).collect()
    }

    #[test]
    fn what_names_keys_is_sealed() {
        let label = |said: &[(bool, Vec<u8>)]| told(recognise, &tcp(said));
        assert_eq!(label(&session(true)), Some(("sealed", "weave".into())));
        assert_eq!(label(&session(false)), Some(("other", "weave".into())));
        let one_side: Vec<_> = session(true).into_iter().filter(|(a, _)| *a).collect();
        assert_eq!(label(&one_side), Some(("sealed", "weave".into())));
    }

    #[test]
    fn what_falls_back_into_clear_is_not_sealed() {
        let label = |said: &[(bool, Vec<u8>)]| told(recognise, &tcp(said));
        let turn = |n: u8| {
            let from = n.is_multiple_of(2);
            let (source, target) = if from { (1, 2) } else { (2, 1) };
            (from, message(source, target, n % 4 < 2, n))
        };
        let said: Vec<_> = (0..16).map(turn).collect();
        assert_eq!(label(&said), Some(("undetermined", "weave".into())));
    }

    #[test]
    fn look_alikes_are_not() {
        let label = |said: &[(bool, Vec<u8>)]| told(recognise, &tcp(said));
        let strangers = |most: u8| {
            let turns = (50..50 + most).map(|n| (true, message(1, 2, true, n)));
            turns.collect::<Vec<_>>()
        };
        assert_eq!(label(&strangers(3)), None);
        assert_eq!(label(&strangers(4)), Some(("sealed", "weave".into())));
        let mut wrong = session(true);
        wrong[4].1[2] = 0x20;
        assert_eq!(label(&wrong), None);
        let mut stranger = session(true);
        stranger[5].1[8] = 9;
        assert_eq!(label(&stranger), None);
        let mut trailing = session(true);
        trailing[7].1.extend(noise(3, 40));
        assert_eq!(label(&trailing), None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..90), cut in 0..84_usize) {
            let mut said = session(true);
            said[6].1.truncate(cut);
            said[6].1.extend(&octets);
            said.push((false, octets));
            let _ = alone(recognise, &tcp(&said));
        }
    }
}

//! Calls of Telegram over its relays: both ends name their call in 16 octets of every
//! datagram, and ask the relay whether it is there in a form of its own. What goes
//! between them is enciphered from end to end (Telegram, "End-to-End Encryption in
//! Voice and Video Calls"), in blocks of AES.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use lightleak_case::TransportProtocol;

use crate::{
    dissect::Flow,
    inspect::{Claim, Scene},
};

/// Octets that name a call.
const TAG: usize = 16;
/// What is behind them in words to the relay.
const TO_RELAY: [u8; 12] = [0xff; 12];
/// A question behind these, and an answer.
const ASKS: [u8; 4] = [0xfe, 0xff, 0xff, 0xff];
const ANSWERS: [u8; 4] = [0xc7, 0x72, 0x15, 0xc0];
/// Octets of a block.
const BLOCK: usize = 16;
/// The least that has a key of a message and a block.
const SHORTEST: usize = 2 * BLOCK;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    relayed(flow).into_iter().collect()
}

/// Calls without a relay, of a socket that asks relays beside.
pub(super) fn direct(scene: &Scene<'_>) -> Vec<(usize, Claim)> {
    let flows = || scene.traffic.flows.iter().enumerate();
    let mut sockets: BTreeMap<SocketAddr, u64> = BTreeMap::new();
    for (_, flow) in flows() {
        if let Some(asker) = asker(flow) {
            sockets.entry(asker).or_insert(flow.first_packet);
        }
    }
    let calls = flows().filter_map(|(index, flow)| {
        let first = sockets.get(&flow.a).or_else(|| sockets.get(&flow.b))?;
        if flow.transport != TransportProtocol::Udp || asker(flow).is_some() {
            return None;
        }
        let blocks = flow.parts().filter(|(_, o)| o.len() >= SHORTEST && o.len().is_multiple_of(BLOCK));
        let (blocks, all) = (blocks.count(), flow.parts().count());
        let reason = format!(
            "{all} datagrams of whole blocks of AES, of a socket that asks relays of Telegram, from packet {first} on"
        );
        let lengths: BTreeSet<_> = flow.parts().map(|(_, octets)| octets.len()).collect();
        (all >= 4 && lengths.len() >= 2 && blocks == all).then(|| (index, Claim::sealed("telegram-call", reason)))
    });
    calls.collect()
}

/// Who asks a relay in the flow and is answered.
fn asker(flow: &Flow) -> Option<SocketAddr> {
    if flow.transport != TransportProtocol::Udp {
        return None;
    }
    let ends = [
        (flow.a, &flow.from_a, &flow.from_b),
        (flow.b, &flow.from_b, &flow.from_a),
    ];
    let mut asking = ends.into_iter().filter(|(_, client, relay)| {
        let asked: BTreeSet<_> = client
            .parts()
            .take(64)
            .filter_map(|(_, o)| asked(o))
            .collect();
        let mut answers = relay.parts().take(64).filter_map(|(_, o)| answered(o));
        !asked.is_empty() && answers.any(|answer| asked.contains(&answer))
    });
    asking.next().map(|(end, ..)| end)
}

fn relayed(flow: &Flow) -> Option<Claim> {
    asker(flow)?;
    let tags: BTreeSet<_> = flow
        .parts()
        .filter_map(|(_, o)| asked(o))
        .map(|(tag, _)| tag)
        .collect();
    let (mut all, mut enciphered, mut unfit, mut others) = (0, 0, 0, 0);
    for (_, octets) in flow.parts() {
        all += 1;
        match octets.split_first_chunk::<TAG>() {
            Some((tag, rest)) if tags.contains(tag) => {
                let is_block = rest.len() >= SHORTEST && rest.len().is_multiple_of(BLOCK);
                let is_said = !rest.starts_with(&TO_RELAY);
                enciphered += usize::from(is_block && is_said);
                unfit += usize::from(!is_block && is_said);
            }
            _ => others += 1,
        }
    }
    if others * 10 > all || unfit * 9 > enciphered {
        return None;
    }
    let begins = "a relay of Telegram's calls is asked, and gives back what names the question";
    let place = flow.from_a.place(0).or_else(|| flow.from_b.place(0));
    Some(match enciphered {
        0 => Claim::other("telegram-relay", format!("{begins}; nothing else is sent")),
        _ => {
            let reason = format!(
                "{begins}; {enciphered} of {all} datagrams have the call's name and whole blocks of AES"
            );
            Claim::sealed("telegram-call", reason)
        }
    }
    .at(place))
}

/// The call that a question to a relay is of, and what names the question.
fn asked(octets: &[u8]) -> Option<([u8; TAG], [u8; 8])> {
    let (tag, rest) = octets.split_first_chunk::<TAG>()?;
    let rest = rest.strip_prefix(&TO_RELAY)?.strip_prefix(&ASKS)?;
    Some((*tag, *rest.first_chunk()?))
}

/// The same of its answer, which has the time before.
fn answered(octets: &[u8]) -> Option<([u8; TAG], [u8; 8])> {
    let (tag, rest) = octets.split_first_chunk::<TAG>()?;
    let rest = rest.strip_prefix(&TO_RELAY)?.strip_prefix(&ANSWERS)?;
    Some((*tag, *rest.get(4..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        dissect::Traffic,
        inspect::recognise::talk::{alone, noise, told, udp},
    };

    use super::*;

    fn greeting(tag: &[u8]) -> Vec<(bool, Vec<u8>)> {
        let name = noise(7, 8);
        let question = [tag, &TO_RELAY, &ASKS, &name].concat();
        let answer = [tag, &TO_RELAY, &ANSWERS, &[1, 2, 3, 4], &name, &[0; 20]].concat();
        vec![(true, question), (false, answer)]
    }

    #[test]
    fn a_call_over_a_relay_is_sealed() {
        let tag = noise(1, TAG);
        let mut said = greeting(&tag);
        let label = |said: &[(bool, Vec<u8>)]| told(recognise, &udp(said));
        assert_eq!(label(&said), Some(("other", "telegram-relay".into())));
        said.push((false, [&tag[..], &noise(2, 80)].concat()));
        said.push((true, [&tag[..], &noise(3, 64)].concat()));
        assert_eq!(label(&said), Some(("sealed", "telegram-call".into())));
        let mut foreign = said.clone();
        foreign.push((true, noise(9, 80)));
        assert_eq!(label(&foreign), None);
        let mut unanswered = said;
        unanswered[1].1[40] ^= 1;
        assert_eq!(label(&unanswered), None);
    }

    #[test]
    fn a_call_without_one_is_known_by_its_socket() {
        let relay = udp(&greeting(&noise(1, TAG)));
        let call = |length| {
            let datagram = |n: u32| {
                let longer = 16 * (n as usize % 3);
                (n.is_multiple_of(2), noise(n, length + longer))
            };
            let mut call = udp(&(0..6).map(datagram).collect::<Vec<_>>());
            call.b.set_port(9);
            call
        };
        let mut stranger = call(80);
        stranger.a.set_port(1);
        let traffic = Traffic {
            flows: vec![relay, call(80), call(81), stranger],
            ..Default::default()
        };
        let found = direct(&Scene::new(&traffic));
        assert_eq!(found.iter().map(|(flow, _)| *flow).collect::<Vec<_>>(), [1]);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..90), cut in 0..70_usize) {
            let mut said = greeting(&noise(1, TAG));
            said[1].1.truncate(cut);
            said[1].1.extend(&octets);
            said.push((true, octets));
            let _ = alone(recognise, &udp(&said));
        }
    }
}

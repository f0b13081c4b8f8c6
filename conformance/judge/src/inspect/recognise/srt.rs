//! SRT with a passphrase (draft-sharabayko-srt-01, 6): key material was exchanged,
//! or every data packet names its key.

use std::collections::BTreeSet;

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{
        Flow, Place,
        srt::{self, Packet},
    },
    inspect::{Claim, Scene},
};

/// Data packets of a direction that identify it without a handshake.
const ENOUGH: usize = 16;
/// How far a sequence number may be from the one before.
const NEAR: u32 = 512;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Udp {
        return Vec::new();
    }
    seen(flow)
        .and_then(|seen| seen.claim())
        .into_iter()
        .collect()
}

/// What a flow shows of SRT.
#[derive(Default)]
struct Seen {
    handshakes: usize,
    /// Handshakes that name a length of keys, or bring key material.
    keyed: usize,
    control: usize,
    data: usize,
    /// Data packets that name their key.
    sealed: usize,
    near: usize,
    sockets: BTreeSet<u32>,
    first: Option<Place>,
}

/// `None` if there is a datagram that is no SRT.
fn seen(flow: &Flow) -> Option<Seen> {
    let mut seen = Seen::default();
    for stream in [&flow.from_a, &flow.from_b] {
        let mut last: Option<u32> = None;
        for (piece, datagram) in stream.parts() {
            match srt::read(datagram)? {
                Packet::Handshake {
                    key_length, cipher, ..
                } => {
                    seen.handshakes += 1;
                    seen.keyed += usize::from(key_length > 0 || cipher.is_some_and(|c| c > 0));
                }
                Packet::KeyMaterial { cipher } => seen.keyed += usize::from(cipher > 0),
                Packet::Control { .. } => seen.control += 1,
                Packet::Data {
                    sequence,
                    key,
                    socket,
                } => {
                    seen.data += 1;
                    seen.sealed += usize::from(matches!(key, 1 | 2));
                    let near = last.is_some_and(|last| last.abs_diff(sequence) <= NEAR);
                    seen.near += usize::from(near);
                    last = Some(sequence);
                    seen.sockets.insert(socket);
                    if seen.sockets.len() > 4 {
                        return None;
                    }
                }
            }
            seen.first.get_or_insert(Place {
                packet: piece.packet,
                offset: piece.offset,
            });
        }
    }
    Some(seen)
}

impl Seen {
    fn claim(&self) -> Option<Claim> {
        let all = self.sealed == self.data;
        let steady = self.near + 2 >= self.data;
        let shaken = self.keyed > 0 && self.handshakes > 0;
        let joined = self.handshakes == 0
            && self.data >= ENOUGH
            && self.control > 0
            && self.sockets.len() <= 2;
        if !all || !steady || !(shaken || joined) {
            return None;
        }
        let reason = format!(
            "{} handshakes of SRT, {} messages that name a cipher or bring its key; all {} data packets name the key that encrypts them",
            self.handshakes, self.keyed, self.data
        );
        Some(Claim::sealed("srt", reason).at(self.first))
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        dissect::srt::tests::conclusion,
        inspect::recognise::talk::{noise, told, udp},
    };

    use super::*;

    fn data(sequence: u32, key: u8) -> (bool, Vec<u8>) {
        let head = [
            sequence.to_be_bytes(),
            [0xc0 | key << 3, 0, 0, 1],
            [0; 4],
            [0, 0, 0, 9],
        ];
        (true, [&head.concat()[..], &noise(sequence, 200)].concat())
    }

    #[test]
    fn a_passphrase_seals_and_none_does_not() {
        let flow = udp(&[(true, conclusion(Some(2))), data(1, 1), data(2, 1)]);
        assert_eq!(told(recognise, &flow), Some(("sealed", "srt".into())));
        let flow = udp(&[(true, conclusion(None)), data(1, 0), data(2, 0)]);
        assert_eq!(told(recognise, &flow), None);
        // Key material whose other side has no passphrase: what is sent is clear.
        let flow = udp(&[(true, conclusion(Some(2))), data(1, 1), data(2, 0)]);
        assert_eq!(told(recognise, &flow), None);
    }

    #[test]
    fn a_stream_that_was_joined_is_known_by_its_keys() {
        let ack = (false, [&[0x80, 2, 0, 0][..], &[0; 40]].concat());
        let mut said: Vec<_> = (500..530).map(|sequence| data(sequence, 2)).collect();
        assert_eq!(told(recognise, &udp(&said)), None);
        said.push(ack);
        assert_eq!(told(recognise, &udp(&said)), Some(("sealed", "srt".into())));
        said.push(data(100_000, 0));
        assert_eq!(told(recognise, &udp(&said)), None);
    }
}

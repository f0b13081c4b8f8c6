//! RIST in its main profile with a shared passphrase (VSF TR-06-2 8.1): GRE in UDP whose
//! headers have a key, here a nonce, and a sequence number. What is behind is
//! enciphered with AES in counter mode.

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Stream},
    inspect::{Claim, Scene},
};

/// Key Present and Sequence Number Present (RFC 2890 2).
const FLAGS: u8 = 0x30;
/// Packets of a direction that have to go on.
const FEWEST: usize = 8;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Udp {
        return Vec::new();
    }
    let streams = [&flow.from_a, &flow.from_b];
    let claims = streams.into_iter().filter_map(|stream| {
        let (packets, all) = enciphered(stream)?;
        let reason = format!(
            "{packets} of {all} datagrams of RIST with a nonce and a sequence number that goes on, which it has if what follows is enciphered"
        );
        Some(Claim::sealed("rist", reason).at(stream.place(0)))
    });
    claims.take(1).collect()
}

/// Packets of a direction, and how many there are in all.
fn enciphered(stream: &Stream) -> Option<(usize, usize)> {
    let (mut all, mut goes_on) = (0, 0);
    let mut last: Option<([u8; 4], u32)> = None;
    for (_, octets) in stream.parts() {
        all += 1;
        let header = read(octets);
        if let (Some((nonce, sequence)), Some((before, number))) = (header, last) {
            let ahead = sequence.wrapping_sub(number);
            goes_on += usize::from(nonce == before && (1..=64).contains(&ahead));
        }
        last = header.or(last);
        if all == 2 * FEWEST && goes_on < FEWEST {
            return None;
        }
    }
    (goes_on >= FEWEST && goes_on * 10 >= all * 8).then_some((goes_on + 1, all))
}

/// Nonce and sequence number behind flags, a version and a protocol of RIST's:
/// reduced overhead or keep-alive.
fn read(octets: &[u8]) -> Option<([u8; 4], u32)> {
    let (&[FLAGS, version, 0x88, 0xb5 | 0xb6], rest) = octets.split_first_chunk()? else {
        return None;
    };
    let (nonce, rest) = rest.split_first_chunk()?;
    let (sequence, body) = rest.split_first_chunk()?;
    // Reserved bits of the version are zero, and GRE's own is.
    (version & 0x87 == 0 && !body.is_empty()).then_some((*nonce, u32::from_be_bytes(*sequence)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::inspect::recognise::talk::{alone, noise, told, udp};

    use super::*;

    fn packets(flags: u8, step: u32) -> Vec<(bool, Vec<u8>)> {
        let packet = |n: u32| {
            let head = [flags, 8, 0x88, 0xb6, 1, 2, 3, 4];
            (
                true,
                [&head[..], &(n * step).to_be_bytes(), &noise(n, 80)].concat(),
            )
        };
        (0..20).map(packet).collect()
    }

    #[test]
    fn a_nonce_and_numbers_that_go_on_are_sealed() {
        let label = |said: &[(bool, Vec<u8>)]| told(recognise, &udp(said));
        let sealed = Some(("sealed", "rist".into()));
        assert_eq!(label(&packets(FLAGS, 1)), sealed);
        assert_eq!(label(&packets(FLAGS, 1)[9..19]), sealed);
        assert_eq!(label(&packets(0x10, 1)), None);
        assert_eq!(label(&packets(FLAGS, 1000)), None);
        assert_eq!(label(&packets(FLAGS, 1)[..8]), None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..40), cut in 0..20_usize) {
            let mut said = packets(FLAGS, 1);
            for (_, datagram) in &mut said {
                datagram.truncate(cut);
                datagram.extend(&octets);
            }
            let _ = alone(recognise, &udp(&said));
        }
    }
}

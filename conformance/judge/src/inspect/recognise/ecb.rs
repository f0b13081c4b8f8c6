//! Encryption block by block, each for itself (ECB): what is equal beneath is equal
//! above. It says so little that a leak needs more: that what repeats lies where the
//! packets of a container or of RTP have it.

use std::collections::{BTreeMap, HashSet};

use lightleak_case::TransportProtocol;

use crate::{
    adversary::cryptanalyst::{
        ecb::{self, BLOCK, Repeats, Runs},
        keystream::bits_of_chance,
    },
    dissect::{Flow, Stream, records, tls},
    inspect::{Claim, Scene},
};

/// Octets that are worth a look, and octets that are looked at.
const LEAST: usize = 2048;
const MOST: usize = 1 << 20;
/// Octets in which something has to repeat before more is done.
const SAMPLED: usize = 64 << 10;
/// Octets of datagrams that may be headers.
const HEADER: usize = 32;
/// Stretches that repeat.
const MIN_PAIRS: usize = 6;
/// Different blocks without which nothing is known of them.
const MIN_BLOCKS: usize = 64;
/// Bits of chance that the octets at one place of blocks may show.
const EVEN: f64 = 32.0;
/// After so many octets packets of a transport stream lie as before in blocks: the
/// least common multiple of 188 and 16.
const LATTICE: usize = 752;
/// Blocks whose distances have to fit it, and stretches.
const LATTICE_BLOCKS: usize = 5;
const LATTICE_PAIRS: usize = 12;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    let streams = [&flow.from_a, &flow.from_b].into_iter();
    let long = streams.filter(|stream| stream.bytes.len() >= LEAST);
    let claims = long.filter_map(|stream| match flow.transport {
        TransportProtocol::Tcp => connection(stream),
        TransportProtocol::Udp | TransportProtocol::Sctp => datagrams(stream),
    });
    claims.collect()
}

/// Blocks of ciphertext that repeat.
pub(super) struct Blocks {
    repeats: Option<Repeats>,
    runs: Option<Runs>,
}

impl Blocks {
    /// Those in messages, each of which begins where a cipher does, or as many octets
    /// later as all others.
    pub(super) fn find(messages: &[&[u8]]) -> Option<Self> {
        may_repeat(messages, 1)
            .then(|| Self::among(messages))
            .flatten()
    }

    /// The same in messages each of which is whole blocks.
    pub(super) fn find_aligned(messages: &[&[u8]]) -> Option<Self> {
        may_repeat(messages, BLOCK)
            .then(|| Self::among(messages))
            .flatten()
    }

    /// The same, where some may be.
    fn among(messages: &[&[u8]]) -> Option<Self> {
        let mut left = MOST;
        let fits = |message: &&&[u8]| {
            let fits = message.len() <= left;
            left = left.saturating_sub(message.len());
            fits
        };
        let messages: Vec<&[u8]> = messages.iter().take_while(fits).copied().collect();
        let repeats = ecb::repeats(&messages, &[]).filter(|repeats| {
            repeats.pairs.len() >= MIN_PAIRS && are_even(&messages, repeats.phase)
        });
        let runs = match messages.as_slice() {
            [one] => ecb::runs(one).filter(|runs| are_even(&messages, runs.phase)),
            _ => None,
        };
        (repeats.is_some() || runs.is_some()).then_some(Self { repeats, runs })
    }

    /// What they are, in words.
    pub(super) fn words(&self) -> String {
        let repeats = self.repeats.as_ref().map(|repeats| {
            format!(
                "{} stretches of whole blocks of {BLOCK} octets repeat, and begin and end at multiples of {BLOCK} octets, {} after the first octet",
                repeats.pairs.len(),
                repeats.phase
            )
        });
        let runs = self.runs.map(|runs| {
            format!(
                "{} times one block of {BLOCK} octets follows itself, {} blocks in all, from a multiple of {BLOCK} octets to another",
                runs.runs, runs.blocks
            )
        });
        let said: Vec<String> = repeats.into_iter().chain(runs).collect();
        let said = said.join("; ");
        format!(
            "{said}; all other blocks differ, as those of a cipher do that enciphers each for itself (ECB)"
        )
    }

    /// Of how many stretches the distances are multiples of 752, if nearly all are.
    fn lattice(&self, message: &[u8]) -> Option<usize> {
        let mut by_block: BTreeMap<&[u8], (usize, usize)> = BTreeMap::new();
        for pair in &self.repeats.as_ref()?.pairs {
            let (first, second) = (pair.first.1, pair.second.1);
            let block = message.get(first..first + BLOCK)?;
            let (all, fitting) = by_block.entry(block).or_default();
            *all += 1;
            *fitting += usize::from((second - first).is_multiple_of(LATTICE));
        }
        let fits = by_block.values().filter(|(all, fitting)| all == fitting);
        let (blocks, pairs) = (fits.clone().count(), fits.map(|(all, _)| all).sum());
        let shown =
            blocks >= LATTICE_BLOCKS && pairs >= LATTICE_PAIRS && blocks * 4 >= by_block.len() * 3;
        shown.then_some(pairs)
    }
}

fn connection(stream: &Stream) -> Option<Claim> {
    let (begin, octets) = unbroken(stream)?;
    if tls::is_records(octets) || !may_repeat(&[octets], 1) {
        return None;
    }
    if let Some(blocks) = Blocks::among(&[octets]) {
        let words = blocks.words();
        let claim = match blocks.lattice(octets) {
            Some(pairs) => Claim::clear(
                "ecb",
                Vec::new(),
                format!(
                    "{words}; {pairs} of them lie at multiples of {LATTICE} octets, which are four packets of a transport stream: its tables are sent again and again beneath"
                ),
            ),
            None => Claim::unknown("ecb?", words),
        };
        return Some(claim.at(stream.place(begin)));
    }
    let bodies = records::bodies(octets, 0)?;
    let bodies: Vec<&[u8]> = bodies
        .iter()
        .filter_map(|body| octets.get(body.clone()))
        .collect();
    let blocks = Blocks::find(&bodies)?;
    let reason = format!("in {} records, {}", bodies.len(), blocks.words());
    Some(Claim::unknown("ecb?", reason).at(stream.place(0)))
}

/// The longest part that nothing is missing of, and where it begins.
fn unbroken(stream: &Stream) -> Option<(usize, &[u8])> {
    let gaps = stream.gaps.iter().copied();
    let mut begin = 0;
    let mut best = 0..0;
    for end in gaps.chain([stream.bytes.len()]) {
        if end.saturating_sub(begin) > best.len() {
            best = begin..end;
        }
        begin = end;
    }
    let octets = stream.bytes.get(best.clone())?;
    let octets = octets.get(..octets.len().min(MOST))?;
    (octets.len() >= LEAST).then_some((best.start, octets))
}

fn datagrams(stream: &Stream) -> Option<Claim> {
    let parts = stream.parts().map(|(_, datagram)| datagram);
    let mut left = MOST;
    let parts: Vec<&[u8]> = parts
        .take_while(|datagram| {
            left = left.saturating_sub(datagram.len());
            left > 0
        })
        .filter(|datagram| datagram.len() >= HEADER + 2 * BLOCK)
        .collect();
    let behind = parts.iter().filter_map(|datagram| datagram.get(HEADER..));
    let behind: Vec<&[u8]> = behind.collect();
    let blocks = Blocks::find(&behind)?;
    let reason = format!("in {} datagrams, {}", parts.len(), blocks.words());
    Some(Claim::unknown("ecb?", reason).at(stream.place(0)))
}

/// Whether blocks of a cipher may be there twice, so many octets apart or a multiple.
fn may_repeat(messages: &[&[u8]], step: usize) -> bool {
    has_repeats(messages, step) && is_even(messages)
}

/// Whether a block is there twice, as far as a quick look tells.
fn has_repeats(messages: &[&[u8]], step: usize) -> bool {
    let octets: usize = messages.iter().map(|message| message.len()).sum();
    // One in four of all, by their content, or those that blocks of a cipher can be.
    let sampled = |octet: u8| step > 1 || octet & 3 == 0;
    let slots = (octets.min(SAMPLED) / step.min(4)).next_power_of_two();
    let mut seen = vec![0_u64; slots];
    let mut left = SAMPLED;
    for message in messages {
        let octets = message.get(..message.len().min(left)).unwrap_or_default();
        left -= octets.len();
        for window in octets.windows(BLOCK).step_by(step) {
            let (Some(&[a, b, ..]), Some(last)) = (window.first_chunk::<2>(), window.last_chunk())
            else {
                continue;
            };
            if !sampled(a ^ b) {
                continue;
            }
            let last = u64::from_le_bytes(*last);
            let hash = last.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
            let Some(slot) = seen.get_mut(hash as usize & (slots - 1)) else {
                continue;
            };
            if *slot == last && ecb::is_telling(window) {
                return true;
            }
            *slot = last;
        }
    }
    false
}

/// Whether no octet prevails in what is there once: what is in clear repeats as well.
fn is_even(messages: &[&[u8]]) -> bool {
    let (mut counts, mut all) = ([0_usize; 256], 0);
    let mut seen = HashSet::new();
    for block in messages.iter().flat_map(|message| message.chunks(BLOCK)) {
        if seen.insert(block) {
            for octet in block {
                counts[usize::from(*octet)] += 1;
            }
            all += block.len();
        }
        if all > SAMPLED {
            break;
        }
    }
    let most = counts.into_iter().max().unwrap_or(0);
    most <= all / 128 + BLOCK
}

/// Whether at each place of the different blocks any octet is as likely as another.
fn are_even(messages: &[&[u8]], phase: usize) -> bool {
    let mut counts = vec![[0_usize; 256]; BLOCK];
    let mut blocks = HashSet::new();
    for message in messages {
        let octets = message.get(phase..).unwrap_or_default();
        for block in octets.chunks_exact(BLOCK) {
            if blocks.insert(block) {
                for (counts, octet) in counts.iter_mut().zip(block) {
                    counts[usize::from(*octet)] += 1;
                }
            }
        }
    }
    let most = counts.iter().filter_map(|counts| counts.iter().max());
    let even = |most: &usize| bits_of_chance(blocks.len(), *most) < EVEN;
    blocks.len() >= MIN_BLOCKS && most.into_iter().all(even)
}

#[cfg(test)]
mod tests {
    use aes_gcm::aes::{
        Aes128,
        cipher::{BlockCipherEncrypt, KeyInit},
    };
    use proptest::prelude::*;

    use super::*;
    use crate::inspect::{
        Label,
        recognise::talk::{kinds, noise, tcp_between, udp_between},
    };

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let cipher = Aes128::new(&[7; 16].into());
        let mut octets = plain.to_vec();
        for block in octets.chunks_exact_mut(BLOCK) {
            let mut out = <[u8; BLOCK]>::try_from(&*block).unwrap().into();
            cipher.encrypt_block(&mut out);
            block.copy_from_slice(&out);
        }
        octets
    }

    /// Frames with filler behind each.
    fn filled() -> Vec<u8> {
        let frames = (0..20).map(|n| [noise(n, 700 + 13 * n as usize), vec![0xff; 500]].concat());
        frames.collect::<Vec<_>>().concat()
    }

    /// Packets of a transport stream: tables, which count to 16, and media.
    fn transport() -> Vec<u8> {
        let mut octets = Vec::new();
        for n in 0..2000_u32 {
            if n % 20 == 0 {
                let mut table = vec![0x47, 0x40, 0, 0x10 | (n / 20 % 16) as u8];
                table.extend(noise(9999, 60));
                table.resize(188, 0xff);
                octets.extend(table);
            } else {
                octets.extend([0x47, 1, 0, 0x10 | (n % 16) as u8]);
                octets.extend(noise(n, 184));
            }
        }
        octets
    }

    #[test]
    fn filler_shows_blocks_and_proves_nothing() {
        let octets = sealed(&filled());
        let flow = tcp_between(&[&octets], &[]);
        assert_eq!(
            kinds(recognise, &flow),
            [("ecb?".to_owned(), Label::Undetermined)]
        );
        // The same behind a header that came before.
        let flow = tcp_between(&[&noise(1, 37), &octets], &[]);
        assert_eq!(
            kinds(recognise, &flow),
            [("ecb?".to_owned(), Label::Undetermined)]
        );
    }

    #[test]
    fn tables_of_a_transport_stream_prove_it() {
        let octets = sealed(&transport());
        let flow = tcp_between(&[], &[&octets]);
        assert_eq!(kinds(recognise, &flow), [("ecb".to_owned(), Label::Leak)]);
    }

    #[test]
    fn blocks_of_datagrams_are_seen() {
        let shared: Vec<Vec<u8>> = (0..8).map(|n| noise(1000 + n, 48)).collect();
        let datagrams: Vec<Vec<u8>> = (0..120_u32)
            .map(|n| {
                let about = |s: u32| noise(7 * n + s, 64);
                let plain = [about(1), shared[n as usize % 8].clone(), about(2)].concat();
                [n.to_be_bytes().to_vec(), sealed(&plain)].concat()
            })
            .collect();
        let datagrams: Vec<&[u8]> = datagrams.iter().map(Vec::as_slice).collect();
        let flow = udp_between(&datagrams, &[]);
        assert_eq!(
            kinds(recognise, &flow),
            [("ecb?".to_owned(), Label::Undetermined)]
        );
    }

    #[test]
    fn what_is_no_ecb_is_not_claimed() {
        let plain = [transport(), filled()];
        for plain in &plain {
            assert_eq!(kinds(recognise, &tcp_between(&[plain], &[])), []);
            // Under a key of 16 octets that is repeated.
            let key = noise(5, BLOCK);
            let veiled: Vec<u8> = plain
                .iter()
                .zip(key.iter().cycle())
                .map(|(a, b)| a ^ b)
                .collect();
            assert_eq!(kinds(recognise, &tcp_between(&[&veiled], &[])), []);
        }
        // One that is chained, and one whose messages are sent again.
        let random = noise(3, 300_000);
        assert_eq!(kinds(recognise, &tcp_between(&[&random], &[])), []);
        let parts: Vec<&[u8]> = random.chunks(1200).take(40).collect();
        let twice = [&parts[..], &parts[..]].concat();
        assert_eq!(kinds(recognise, &tcp_between(&twice, &[])), []);
        assert_eq!(kinds(recognise, &udp_between(&twice, &[])), []);
        // A token in clear in each message, and blocks of a texture.
        let token = noise(4, 64);
        let messages: Vec<Vec<u8>> = (0..200)
            .map(|n| [noise(n + 50, 96), token.clone()].concat())
            .collect();
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        assert_eq!(kinds(recognise, &tcp_between(&messages, &[])), []);
        let texture: Vec<Vec<u8>> = (0..4000)
            .map(|n| {
                let mut block = noise(n % 700, BLOCK);
                block[0] = 0x40;
                block
            })
            .collect();
        assert_eq!(
            kinds(recognise, &tcp_between(&[&texture.concat()], &[])),
            []
        );
    }

    proptest! {
        // Each looks at much.
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn hostile_octets_never_panic(
            block in prop::collection::vec(any::<u8>(), 16..20),
            rest in prop::collection::vec(any::<u8>(), 0..200),
            times in 0..200_usize,
        ) {
            let octets = [rest.clone(), block.repeat(times), rest].concat();
            let _ = kinds(recognise, &tcp_between(&[&octets], &[&octets]));
            let _ = kinds(recognise, &udp_between(&[&octets, &octets], &[]));
        }

        #[test]
        fn random_octets_are_never_claimed(seed in any::<u32>(), cut in 0..64_usize) {
            let octets = noise(seed, 20_000);
            let flow = tcp_between(&[&octets[cut..]], &[]);
            prop_assert_eq!(kinds(recognise, &flow), []);
            let datagrams: Vec<&[u8]> = octets.chunks(200 + cut).collect();
            prop_assert_eq!(kinds(recognise, &udp_between(&datagrams, &[])), []);
        }
    }
}

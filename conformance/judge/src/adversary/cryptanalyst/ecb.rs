//! Electronic codebook: equal blocks of plaintext are equal blocks of ciphertext.
//!
//! Ciphertext is also equal where it was sent twice (retransmission, a second
//! viewer), so not every repetition is a finding. A copy goes on until one of the
//! two messages ends. A block of ECB that repeats stands alone: what is equal
//! begins and ends inside of both messages, is a whole number of blocks long, and
//! lies at the same phase of 16 octets as the others.

use std::collections::{BTreeMap, HashMap, HashSet};

/// Octets in a block of AES.
pub const BLOCK: usize = 16;

/// Different blocks that must repeat: one could be a clear header.
const REPEATS: usize = 3;

/// Octets of ciphertext that are looked at, at most.
const MOST: usize = 1 << 26;

/// Occurrences of a block that are compared with its first.
const MOST_COPIES: usize = 16;

/// Runs of one block that show, and blocks of each.
const RUNS: usize = 5;
const RUN: usize = 4;

/// Runs of one block, each of which begins and ends where blocks do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runs {
    /// Where blocks begin, in octets after a multiple of 16.
    pub phase: usize,
    /// Runs of four blocks and more.
    pub runs: usize,
    /// Blocks in them.
    pub blocks: usize,
    /// Where the first begins.
    pub first: usize,
}

/// Runs in which one block follows itself again and again, if they begin and end at
/// multiples of 16 octets from each other: what is long and uniform lies beneath. A
/// key of 16 octets that is merely repeated shows such runs as well, but they begin
/// and end anywhere.
pub fn runs(octets: &[u8]) -> Option<Runs> {
    let octets = &octets[..octets.len().min(MOST)];
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut start = None;
    let later = octets.get(BLOCK..)?;
    for (at, (a, b)) in octets.iter().zip(later).enumerate() {
        match (a == b, start) {
            (true, None) => start = Some(at),
            (false, Some(begin)) => {
                start = None;
                let length = at - begin + BLOCK;
                if length >= RUN * BLOCK && is_telling(&octets[begin..begin + BLOCK]) {
                    found.push((begin, length));
                }
            }
            _ => {}
        }
    }
    let &(first, _) = found.first()?;
    let mut phases = [0_usize; BLOCK];
    for (begin, _) in &found {
        phases[begin % BLOCK] += 1;
    }
    let phase = (0..BLOCK).max_by_key(|phase| phases[*phase])?;
    let fits = found
        .iter()
        .filter(|(begin, length)| begin % BLOCK == phase && length % BLOCK == 0);
    let fitting = fits.clone().count();
    // The octets beside a run are equal by chance now and then.
    (fitting >= RUNS && fitting * 10 >= found.len() * 8).then(|| Runs {
        phase,
        runs: fitting,
        blocks: fits.map(|(_, length)| length / BLOCK).sum(),
        first,
    })
}

/// Blocks that repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// Where the blocks begin, in octets after a multiple of 16 from the start of
    /// each message.
    pub phase: usize,
    /// Pairs of equal stretches, in order; at least three different blocks.
    pub pairs: Vec<Pair>,
    /// How many of the pairs have the distance of equal stretches of plaintext.
    pub explained: usize,
}

/// Equal stretches of ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The first: index of its message, offset in it.
    pub first: (usize, usize),
    /// The second.
    pub second: (usize, usize),
    /// Octets, a multiple of 16.
    pub length: usize,
}

/// The repeats in ciphertext, if chance and copies do not explain them. Each of
/// `messages` is what one call of the cipher made, without clear header and tag,
/// or at least begins with as many other octets as all the others. `plaintext` is
/// the ledger, or empty: repeats do not need it, but it explains them.
pub fn repeats(messages: &[&[u8]], plaintext: &[u8]) -> Option<Repeats> {
    let mut seen = HashSet::new();
    let mut left = MOST;
    let messages: Vec<(usize, &[u8])> = messages
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, message)| message.len() >= 2 * BLOCK && seen.insert(*message))
        .take_while(|(_, message)| {
            let fits = message.len() <= left;
            left = left.saturating_sub(message.len());
            fits
        })
        .collect();

    let mut by_phase = BTreeMap::<usize, Vec<Pair>>::new();
    for phase in 0..BLOCK {
        let pairs = isolated(&messages, phase);
        if !pairs.is_empty() {
            by_phase.insert(phase, pairs);
        }
    }
    let all: usize = by_phase.values().map(Vec::len).sum();
    let (phase, pairs) = by_phase.into_iter().max_by_key(|(_, pairs)| pairs.len())?;
    let block = |pair: &Pair| {
        let (message, offset) = pair.first;
        messages
            .iter()
            .find(|(number, _)| *number == message)
            .map(|(_, octets)| &octets[offset..offset + BLOCK])
    };
    let blocks: HashSet<_> = pairs.iter().filter_map(block).collect();
    // The octets beside a block are equal by chance now and then, so a few pairs
    // may show at other phases.
    if blocks.len() < REPEATS || 2 * pairs.len() < all {
        return None;
    }
    let distances = distances(plaintext);
    let explained = pairs.iter().filter(|pair| {
        pair.first.0 == pair.second.0 && distances.contains(&(pair.second.1 - pair.first.1))
    });
    Some(Repeats {
        phase,
        explained: explained.count(),
        pairs,
    })
}

/// Equal stretches that consist of blocks at `phase` and end, on both sides, inside
/// of both messages.
fn isolated(messages: &[(usize, &[u8])], phase: usize) -> Vec<Pair> {
    let mut first = HashMap::<&[u8], (usize, usize, usize)>::new();
    let mut pairs = Vec::new();
    // Up to where a stretch was followed, by its distance.
    let mut done = HashMap::<(usize, usize, usize), usize>::new();
    for (index, (number, message)) in messages.iter().enumerate() {
        for offset in (phase..(message.len() + 1).saturating_sub(BLOCK)).step_by(BLOCK) {
            let block = &message[offset..offset + BLOCK];
            if !is_telling(block) {
                continue;
            }
            let Some((there, place, copies)) = first.get_mut(block) else {
                first.insert(block, (index, offset, 0));
                continue;
            };
            *copies += 1;
            let (there, place) = (*there, *place);
            let diagonal = (there, index, offset.wrapping_sub(place));
            if *copies > MOST_COPIES || done.get(&diagonal).is_some_and(|end| offset < *end) {
                continue;
            }
            let (other, earlier) = messages[there];
            let a = earlier[..place]
                .iter()
                .rev()
                .zip(message[..offset].iter().rev());
            let before = a.take_while(|(a, b)| a == b).count();
            let b = earlier[place..].iter().zip(&message[offset..]);
            let length = b.take_while(|(a, b)| a == b).count();
            done.insert(diagonal, offset + length);
            let inside = before < place.min(offset)
                && length < (earlier.len() - place).min(message.len() - offset);
            if inside && before == 0 && length % BLOCK == 0 {
                pairs.push(Pair {
                    first: (other, place),
                    second: (*number, offset),
                    length,
                });
            }
        }
    }
    pairs
}

/// Ciphertext is: of random blocks one in ten million has so few different octets.
pub fn is_telling(block: &[u8]) -> bool {
    super::different(block) > BLOCK / 2
}

/// From each block of the plaintext, wherever it begins, to the next that is
/// equal.
fn distances(plaintext: &[u8]) -> HashSet<usize> {
    let plaintext = &plaintext[..plaintext.len().min(MOST / 4)];
    let mut last = HashMap::new();
    let mut distances = HashSet::new();
    for (at, block) in plaintext.windows(BLOCK).enumerate() {
        if let Some(before) = last.insert(block, at) {
            distances.insert(at - before);
        }
    }
    distances
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::cryptanalyst::testing::{ecb, random};

    /// Random octets in which six blocks occur twice, far apart.
    fn plaintext(seed: u64) -> Vec<u8> {
        let mut plain = random(seed, 20_000);
        for pair in 0..6 {
            let (from, to) = (160 + 1600 * pair, 10_400 + 1120 * pair);
            plain.copy_within(from..from + BLOCK, to);
        }
        plain
    }

    #[test]
    fn blocks_that_repeat_are_found_in_one_message_and_over_several() {
        let plain = plaintext(1);
        let sealed = ecb(7, &plain);
        let found = repeats(&[&sealed], &plain).expect("repeats");
        assert_eq!((found.phase, found.pairs.len(), found.explained), (0, 6, 6));
        assert_eq!(
            found.pairs[0],
            Pair {
                first: (0, 160),
                second: (0, 10_400),
                length: 16
            }
        );
        let messages: Vec<&[u8]> = sealed.chunks(960).collect();
        let found = repeats(&messages, &[]).expect("repeats");
        assert!(found.pairs.len() >= 5 && found.explained == 0);
    }

    #[test]
    fn a_header_before_each_message_does_not_hide_them() {
        for header in 1..16 {
            let sealed = ecb(7, &plaintext(1));
            let messages: Vec<_> = sealed
                .chunks(4000)
                .enumerate()
                .map(|(n, chunk)| [&random(n as u64 + 50, header)[..], chunk].concat())
                .collect();
            let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            let found = repeats(&messages, &[]).expect("repeats");
            assert_eq!(found.phase, header);
        }
    }

    #[test]
    fn stretches_of_several_blocks_count() {
        let mut plain = random(1, 20_000);
        for pair in 0..4 {
            plain.copy_within(160 + 1600 * pair..208 + 1600 * pair, 10_400 + 1120 * pair);
        }
        let found = repeats(&[&ecb(7, &plain)], &plain).expect("repeats");
        assert_eq!(found.phase, 0);
        assert_eq!(found.pairs.len(), 4);
        assert!(found.pairs.iter().all(|pair| pair.length == 48));
    }

    #[test]
    fn runs_of_one_block_show_if_they_begin_and_end_where_blocks_do() {
        let mut plain = Vec::new();
        for n in 0..9_u64 {
            plain.extend(random(n, 300 + 37 * n as usize));
            plain.extend([0xff; 400]);
        }
        let sealed = ecb(7, &plain);
        let found = runs(&sealed).expect("runs");
        // The last goes on to the end.
        assert_eq!((found.phase, found.runs), (0, 8));
        let moved = runs(&[&[1, 2, 3][..], &sealed].concat()).expect("runs");
        assert_eq!((moved.phase, moved.runs), (3, 8));
        // The same under a key that is repeated, and in clear.
        let key = random(99, BLOCK);
        let veiled: Vec<u8> = plain
            .iter()
            .zip(key.iter().cycle())
            .map(|(a, b)| a ^ b)
            .collect();
        assert_eq!(runs(&veiled), None);
        assert_eq!(runs(&plain), None);
        assert_eq!(runs(&random(1, 100_000)), None);
        assert_eq!(runs(&[]), None);
    }

    #[test]
    fn random_octets_have_no_repeats() {
        let octets = random(1, 1_000_000);
        let messages: Vec<&[u8]> = octets.chunks(1200).collect();
        assert_eq!(repeats(&messages, &[]), None);
        assert_eq!(repeats(&[&octets], &octets), None);
    }

    #[test]
    fn copies_are_no_repeats() {
        let octets = random(1, 200_000);
        let packets: Vec<&[u8]> = octets.chunks(1200).collect();
        // Sent twice; in other packets; with other headers and tags.
        let twice = [&packets[..], &packets[..]].concat();
        assert_eq!(repeats(&twice, &[]), None);
        let other: Vec<&[u8]> = octets.chunks(1000).collect();
        assert_eq!(repeats(&[&packets[..], &other[..]].concat(), &[]), None);
        let framed: Vec<Vec<u8>> = packets
            .iter()
            .enumerate()
            .map(|(n, packet)| {
                let (header, tag) = (random(900 + n as u64, 12), random(7000 + n as u64, 10));
                [&header[..], &packet[..n % 300 + 500], &tag].concat()
            })
            .collect();
        let framed: Vec<&[u8]> = framed.iter().map(Vec::as_slice).collect();
        let both = [&packets[..], &framed[..]].concat();
        assert_eq!(repeats(&both, &[]), None);
    }

    #[test]
    fn fill_is_no_ciphertext() {
        assert_eq!(repeats(&[&[0; 100_000]], &[]), None);
        let text = b"GET / HTTP/1.1\r\n".repeat(1000);
        assert_eq!(repeats(&[&text], &text), None);
        assert_eq!(repeats(&[], &[]), None);
        assert_eq!(repeats(&[&[], &[1], &[2; 31], &[3; 32]], &[]), None);
    }
}

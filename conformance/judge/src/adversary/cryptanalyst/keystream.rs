//! Two messages under one keystream: a nonce was used again, and the difference
//! of the ciphertexts is that of the plaintexts.
//!
//! Equal ciphertext is no reuse: it is a retransmission, or the same frame for a
//! second viewer.

use std::collections::HashMap;
use std::ops::Range;

/// Octets that must agree.
const AGREE: usize = 32;

/// Offsets from which a message and a plaintext are compared: headers at the very
/// beginning are the same in many plaintexts.
const PROBES: [usize; 4] = [0, 16, 32, 64];

/// Octets of a probe.
const PROBE: usize = 8;

/// Pairs of message and plaintext that are tried, at most.
const MOST_PAIRS: usize = 1 << 22;

/// Reports, at most.
const MOST: usize = 64;

/// Two messages under one keystream, proved with their plaintexts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reuse {
    /// Indices of two messages.
    pub messages: (usize, usize),
    /// Indices of their plaintexts, the smaller first: the difference does not say
    /// which is which.
    pub plaintexts: (usize, usize),
    /// Where in the messages their difference is that of the plaintexts.
    pub range: Range<usize>,
}

/// Pairs of different messages whose difference, over 32 octets or more, is the
/// difference of two plaintexts at the same offsets. A message begins where its
/// ciphertext does, a plaintext where one that was sealed may begin: an access
/// unit, a NAL unit, a fragment of one.
///
/// At most 2^22 pairs of message and plaintext are tried, the first ones; each
/// message is in one pair at most.
pub fn with_ledger(messages: &[&[u8]], plaintexts: &[&[u8]]) -> Vec<Reuse> {
    let plaintexts = &plaintexts[..plaintexts.len().min(MOST_PAIRS)];
    let most = MOST_PAIRS / plaintexts.len().max(1);
    let messages = &messages[..messages.len().min(most)];
    let mut reuses = Vec::<Reuse>::new();
    let mut done = vec![false; messages.len()];
    for probe in PROBES {
        let mut seen = HashMap::<[u8; PROBE], (usize, usize)>::new();
        for (a, message) in messages.iter().enumerate() {
            for (p, plaintext) in plaintexts.iter().enumerate() {
                let Some(stream) = difference(message, plaintext, probe) else {
                    continue;
                };
                // No keystream at all is another finding.
                if stream == [0; PROBE] {
                    continue;
                }
                let (b, q) = *seen.entry(stream).or_insert((a, p));
                if done[b] {
                    seen.insert(stream, (a, p));
                    continue;
                }
                if b == a || q == p || done[a] || reuses.len() == MOST {
                    continue;
                }
                let range = agreement((messages[b], message), (plaintexts[q], plaintext), probe);
                let part = &message[range.clone()];
                let is_clear = [p, q].map(|p| plaintexts[p][range.clone()] == *part);
                if range.len() >= AGREE
                    && is_clear == [false; 2]
                    && differ(&messages[b][range.clone()], part)
                {
                    (done[a], done[b]) = (true, true);
                    reuses.push(Reuse {
                        messages: (b, a),
                        plaintexts: (p.min(q), p.max(q)),
                        range,
                    });
                }
            }
        }
    }
    reuses
}

fn difference(a: &[u8], b: &[u8], at: usize) -> Option<[u8; PROBE]> {
    let a: &[u8; PROBE] = a.get(at..)?.first_chunk()?;
    let b: &[u8; PROBE] = b.get(at..)?.first_chunk()?;
    Some(std::array::from_fn(|i| a[i] ^ b[i]))
}

/// Around `at`.
fn agreement(messages: (&[u8], &[u8]), plaintexts: (&[u8], &[u8]), at: usize) -> Range<usize> {
    let length = [messages.0, messages.1, plaintexts.0, plaintexts.1]
        .map(<[u8]>::len)
        .into_iter()
        .min()
        .unwrap_or(0);
    let agrees = |i: &usize| messages.0[*i] ^ messages.1[*i] == plaintexts.0[*i] ^ plaintexts.1[*i];
    let before = (0..at).rev().take_while(agrees).count();
    let after = (at..length).take_while(agrees).count();
    at - before..at + after
}

/// Whether at least a quarter of the octets differ: chance leaves one in 256
/// equal, one message with another header all.
fn differ(a: &[u8], b: &[u8]) -> bool {
    let different = a.iter().zip(b).filter(|(a, b)| a != b).count();
    4 * different >= a.len()
}

/// What messages under one keystream show by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Structure {
    /// Two different messages are equal over a stretch, at the same offset.
    Stretch {
        /// Indices of the messages.
        messages: (usize, usize),
        /// Where they are equal.
        range: Range<usize>,
    },
    /// Octets at the same offset are equal in more messages than chance allows.
    Column {
        /// The offset.
        offset: usize,
        /// Different messages that reach so far.
        messages: usize,
        /// Those that have the octet which is the most frequent.
        equal: usize,
    },
}

/// Offsets at which columns are looked at.
const COLUMNS: usize = 64;

/// Two to the minus this is the chance of a column that is reported.
const RARE: f64 = 64.0;

/// Octets of a stretch that is reported.
const STRETCH: usize = 16;

/// What `messages` under one key show of a keystream that is used again and again,
/// if they do: equal stretches where plaintexts are equal, and columns in which
/// one octet prevails, such as those of headers of the codec. Messages begin where
/// their ciphertext does. A header that is clear by design shows the same and must
/// be left out.
pub fn without_ledger(messages: &[&[u8]]) -> Vec<Structure> {
    let mut different: Vec<(usize, &[u8])> = messages.iter().copied().enumerate().collect();
    different.sort_by_key(|(number, message)| (*message, *number));
    different.dedup_by_key(|(_, message)| *message);
    different.sort_by_key(|(number, _)| *number);
    let mut structures = stretches(&different);
    structures.extend((0..COLUMNS).filter_map(|offset| column(&different, offset)));
    structures.truncate(MOST);
    structures
}

fn stretches(messages: &[(usize, &[u8])]) -> Vec<Structure> {
    let mut structures = Vec::new();
    let mut seen = HashMap::<(usize, &[u8]), usize>::new();
    for (index, (number, message)) in messages.iter().enumerate() {
        let mut free = 0;
        // A stretch of 16 octets may begin anywhere, but most begin on a multiple
        // of four, as headers and boxes do.
        for at in (0..(message.len() + 1).saturating_sub(STRETCH)).step_by(4) {
            let octets = &message[at..at + STRETCH];
            let &mut there = seen.entry((at, octets)).or_insert(index);
            if there == index || at < free || structures.len() == MOST {
                continue;
            }
            let (other, earlier) = messages[there];
            let both = earlier.iter().zip(*message);
            let before = both
                .clone()
                .take(at)
                .rev()
                .take_while(|(a, b)| a == b)
                .count();
            let after = both.skip(at).take_while(|(a, b)| a == b).count();
            free = at + after;
            // A copy with another header or tag is equal nearly everywhere.
            let length = earlier.len().min(message.len());
            if is_mostly_different(&earlier[..length], &message[..length]) {
                structures.push(Structure::Stretch {
                    messages: (other, *number),
                    range: at - before..free,
                });
            }
        }
    }
    structures
}

fn is_mostly_different(a: &[u8], b: &[u8]) -> bool {
    2 * a.iter().zip(b).filter(|(a, b)| a != b).count() >= a.len()
}

fn column(messages: &[(usize, &[u8])], offset: usize) -> Option<Structure> {
    let mut counts = [0_usize; 256];
    for (_, message) in messages {
        if let Some(octet) = message.get(offset) {
            counts[usize::from(*octet)] += 1;
        }
    }
    let all: usize = counts.iter().sum();
    let equal = counts.into_iter().max()?;
    (bits_of_chance(all, equal) >= RARE).then_some(Structure::Column {
        offset,
        messages: all,
        equal,
    })
}

/// Minus the logarithm to base 2 of (an upper bound of) the chance that of `all`
/// random octets so many are one and the same, for any of 256 values.
pub fn bits_of_chance(all: usize, equal: usize) -> f64 {
    match bits_beyond(all, equal, 1.0 / 256.0) {
        0.0 => 0.0,
        bits => bits - 8.0,
    }
}

/// Minus the logarithm to base 2 of (an upper bound of) the chance that of `all`
/// trials so many succeed where each does with that probability: Chernoff's bound. 0
/// if that is no more than is to be expected.
pub fn bits_beyond(all: usize, so_many: usize, probability: f64) -> f64 {
    let share = so_many as f64 / all.max(1) as f64;
    if share <= probability {
        return 0.0;
    }
    let part = |of: f64, by: f64| if of > 0.0 { of * (of / by).log2() } else { 0.0 };
    all as f64 * (part(share, probability) + part(1.0 - share, 1.0 - probability))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::cryptanalyst::testing::{random, xor};

    /// Units that begin alike, as slices do.
    fn plaintexts(count: u64) -> Vec<Vec<u8>> {
        (0..count)
            .map(|n| {
                [
                    &[0, 0, 0, 1, 0x41, 0x9A][..],
                    &random(500 + n, 300 + 7 * n as usize),
                ]
                .concat()
            })
            .collect()
    }

    fn slices(messages: &[Vec<u8>]) -> Vec<&[u8]> {
        messages.iter().map(Vec::as_slice).collect()
    }

    fn sealed(plain: &[Vec<u8>], stream: impl Fn(usize) -> u64) -> Vec<Vec<u8>> {
        let seal = |(n, plain): (usize, &Vec<u8>)| xor(plain, &random(stream(n), plain.len()));
        plain.iter().enumerate().map(seal).collect()
    }

    #[test]
    fn a_nonce_used_twice_is_proved_with_the_ledger() {
        let plain = plaintexts(40);
        let sealed = sealed(&plain, |n| if n == 31 { 9005 } else { 9000 + n as u64 });
        let found = with_ledger(&slices(&sealed), &slices(&plain));
        assert_eq!(
            found,
            [Reuse {
                messages: (5, 31),
                plaintexts: (5, 31),
                range: 0..plain[5].len(),
            }]
        );
    }

    #[test]
    fn a_fixed_nonce_shows_with_the_ledger_and_without() {
        let plain = plaintexts(60);
        let sealed = sealed(&plain, |_| 9000);
        let found = with_ledger(&slices(&sealed), &slices(&plain));
        assert_eq!(found.len(), 30);
        assert!(found.iter().all(|reuse| reuse.messages == reuse.plaintexts));
        let found = without_ledger(&slices(&sealed));
        let columns: Vec<_> = found
            .iter()
            .filter_map(|structure| match structure {
                Structure::Column { offset, equal, .. } => Some((*offset, *equal)),
                Structure::Stretch { .. } => None,
            })
            .collect();
        assert_eq!(
            columns,
            (0..6).map(|offset| (offset, 60)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn two_messages_with_equal_boxes_show_without_the_ledger() {
        let mut plain = plaintexts(2);
        let shared = random(3, 24);
        for unit in &mut plain {
            unit[100..124].copy_from_slice(&shared);
        }
        let sealed = sealed(&plain, |_| 9000);
        let found = without_ledger(&slices(&sealed));
        let [
            Structure::Stretch {
                messages: (0, 1),
                range,
            },
        ] = &found[..]
        else {
            panic!("{found:?}")
        };
        assert!(range.start <= 100 && range.end >= 124);
    }

    #[test]
    fn fresh_keystreams_show_nothing() {
        let plain = plaintexts(400);
        let sealed = sealed(&plain, |n| 9000 + n as u64);
        assert_eq!(with_ledger(&slices(&sealed), &slices(&plain)), []);
        assert_eq!(without_ledger(&slices(&sealed)), []);
    }

    #[test]
    fn equal_ciphertext_is_no_reuse() {
        let plain = plaintexts(40);
        let sealed = sealed(&plain, |n| 9000 + n as u64);
        let mut twice = [sealed.clone(), sealed.clone()].concat();
        // And copies with other headers and tags.
        twice.extend(sealed.iter().enumerate().map(|(n, message)| {
            let mut copy = [message, &random(70 + n as u64, 10)[..]].concat();
            copy[..12].copy_from_slice(&random(90 + n as u64, 12));
            copy
        }));
        assert_eq!(with_ledger(&slices(&twice), &slices(&plain)), []);
        assert_eq!(without_ledger(&slices(&twice)), []);
    }

    #[test]
    fn clear_messages_are_another_finding() {
        let plain = plaintexts(40);
        assert_eq!(with_ledger(&slices(&plain), &slices(&plain)), []);
    }

    #[test]
    fn odd_input_is_no_danger() {
        let odd: [&[u8]; 5] = [&[], &[1], &[2; 15], &[3; 16], &[4; 40]];
        assert_eq!(with_ledger(&odd, &odd), []);
        assert_eq!(with_ledger(&odd, &[]), []);
        assert_eq!(with_ledger(&[], &odd), []);
        assert_eq!(without_ledger(&odd), []);
        assert_eq!(without_ledger(&[]), []);
    }

    #[test]
    fn chance_is_never_taken_for_a_column() {
        assert_eq!(bits_of_chance(0, 0), 0.0);
        assert_eq!(bits_of_chance(256, 1), 0.0);
        // Nine of nine are one value with a chance of 256 to the minus 8.
        assert!((bits_of_chance(9, 9) - 64.0).abs() < 1e-9);
        assert!(bits_of_chance(1000, 20) < 30.0);
    }
}

//! Media behind what people mistake for encryption: a constant or repeating XOR,
//! inversion, octets swapped. What is found so has to be shown by the same structure
//! as in clear.

use crate::{
    dissect::{
        Place,
        container::{self, Surety},
    },
    inspect::{Claim, Label},
};

use super::findings::Findings;

/// Octets that are worth a look, and octets that are looked at.
const LEAST: usize = 4096;
const MOST: usize = 8 << 20;
/// Octets from which keys are learned.
const LEARNED: usize = 1 << 20;
/// Octets of datagrams that are searched for the beginning of media.
const HEADER: usize = 96;
/// The longest key that repeats.
const LONGEST: usize = 32;
/// Keys that are tried on everything.
const MOST_KEYS: usize = 6;
/// Files that are kept.
const MOST_FILES: usize = 16;

/// What octets hold once their veil is off.
pub(super) fn claims(octets: &[u8], carriage: &str, place: Option<Place>) -> Vec<Claim> {
    let octets = octets.get(..octets.len().min(MOST)).unwrap_or_default();
    if octets.len() < LEAST {
        return Vec::new();
    }
    let mut possible = Vec::new();
    for key in keys(octets) {
        let plain = apply(octets, &key);
        if !is_worth(&plain) {
            continue;
        }
        let name = match key.as_slice() {
            [0xff] => format!("{carriage}-inverted"),
            [_] => format!("{carriage}-xor"),
            key => format!("{carriage}-xor{}", key.len()),
        };
        let claims = found(&plain, &name, place);
        if claims.iter().any(|claim| claim.label() == Label::Leak) {
            return claims;
        }
        possible.extend(claims);
    }
    if !possible.is_empty() {
        return possible;
    }
    for width in [2, 4] {
        let plain = swapped(octets, width);
        if is_worth(&plain) {
            let claims = found(&plain, &format!("{carriage}-swapped"), place);
            if !claims.is_empty() {
                return claims;
            }
        }
    }
    Vec::new()
}

fn found(plain: &[u8], carriage: &str, place: Option<Place>) -> Vec<Claim> {
    let mut findings = Findings::new(carriage);
    for file in container::within(plain, MOST_FILES) {
        if file.surety != Surety::Encrypted {
            findings.add(file, plain, place);
        }
    }
    findings.claims()
}

/// The octet that datagrams may be veiled with, by what NAL units with parameter sets
/// or pictures begin with, behind a header.
pub(super) fn key_of_datagrams<'a>(datagrams: impl Iterator<Item = &'a [u8]>) -> Option<u8> {
    let mut counts = [0_u32; 256];
    for datagram in datagrams {
        let head = datagram
            .get(..datagram.len().min(HEADER))
            .unwrap_or_default();
        if let Some(key) = head.windows(5).find_map(octet_key)
            && let Some(count) = counts.get_mut(usize::from(key))
        {
            *count += 1;
        }
    }
    let (key, count) = counts
        .iter()
        .enumerate()
        .skip(1)
        .max_by_key(|(_, count)| **count)?;
    (*count > 0).then_some(key as u8)
}

/// The octet that makes some others the beginning of a parameter set or a picture.
fn octet_key(window: &[u8]) -> Option<u8> {
    let [a, b, c, d, e] = *window else {
        return None;
    };
    let starts = a == b && b == c && d == a ^ 1 && [0x67, 0x27, 0x40, 0x68].contains(&(e ^ a));
    let pictures = a == c && b == a ^ 0x27 && [0xe0, 0xe1, 0xdb].contains(&(d ^ a ^ 0xff));
    match (starts, pictures && e == a ^ 0xff) {
        (true, _) => Some(a),
        (_, true) => Some(a ^ 0xff),
        _ => None,
    }
}

/// Whether beginnings of pictures or of NAL units are in it, more than by chance.
fn is_worth(plain: &[u8]) -> bool {
    let sets = [
        [0, 0, 0, 1, 0x67],
        [0, 0, 0, 1, 0x27],
        [0, 0, 0, 1, 0x40],
        [0, 0, 0, 1, 0x68],
    ];
    let headers = [
        &b"\xff\xd8\xff\xe0\x00\x10JFIF"[..],
        b"\xff\xd8\xff\xdb\x00",
        b"\xff\xd8\xff\xe1",
        b"FLV\x01",
        b"ftyp",
        b"moof",
    ];
    let has = |word: &[u8]| memchr::memmem::find(plain, word).is_some();
    sets.iter().any(|set| has(set)) || headers.iter().any(|header| has(header))
}

fn apply(octets: &[u8], key: &[u8]) -> Vec<u8> {
    octets
        .iter()
        .zip(key.iter().cycle())
        .map(|(octet, key)| octet ^ key)
        .collect()
}

fn swapped(octets: &[u8], width: usize) -> Vec<u8> {
    let words = octets.chunks_exact(width);
    words.flat_map(|word| word.iter().rev().copied()).collect()
}

/// Keys that may be: of one octet by the differences in what parameter sets and
/// headers begin with; of more by the octet that is most frequent at each place,
/// where the octets repeat at that distance more often than chance has it.
fn keys(octets: &[u8]) -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> = Vec::new();
    let mut add = |key: Vec<u8>| {
        if !keys.contains(&key) && keys.len() < MOST_KEYS && key.iter().any(|octet| *octet != 0) {
            keys.push(key);
        }
    };
    octets
        .windows(5)
        .filter_map(octet_key)
        .for_each(|key| add(vec![key]));
    let learned = octets.get(..octets.len().min(LEARNED)).unwrap_or_default();
    let mut periods: Vec<(i64, usize)> = (2..=LONGEST)
        .filter_map(|period| {
            let pairs = learned.iter().zip(learned.get(period..)?);
            let same = pairs.filter(|(a, b)| a == b).count() as i64;
            let expected = learned.len() as i64 / 256;
            // Four times what chance varies by.
            let beyond = same - expected;
            (beyond > 0 && beyond * beyond > 16 * expected).then_some((beyond, period))
        })
        .collect();
    // Multiples of a period stand out as it does, and have less to learn from.
    let most = periods.iter().map(|(beyond, _)| *beyond).max().unwrap_or(0);
    periods.retain(|(beyond, _)| beyond * 2 > most);
    periods.sort_unstable_by_key(|(_, period)| *period);
    for (_, period) in periods.into_iter().take(MOST_KEYS) {
        add(most_frequent(learned, period));
    }
    keys
}

/// A key of that many octets, if the most frequent octet is 0.
fn most_frequent(octets: &[u8], period: usize) -> Vec<u8> {
    let mut counts = vec![[0_u32; 256]; period];
    for chunk in octets.chunks(period) {
        for (counts, octet) in counts.iter_mut().zip(chunk) {
            if let Some(count) = counts.get_mut(usize::from(*octet)) {
                *count += 1;
            }
        }
    }
    let most = |counts: &[u32; 256]| {
        let most = counts.iter().enumerate().max_by_key(|(_, count)| **count);
        most.map_or(0, |(octet, _)| octet as u8)
    };
    counts.iter().map(most).collect()
}

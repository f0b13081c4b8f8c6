//! Ledgers and haystacks for the tests, and what concerns all searches.

use lightleak_case::{Ledger, Track};
use proptest::prelude::*;

use super::Index;

/// Octets of xorshift64*.
pub(in crate::adversary) fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut octets = Vec::with_capacity(length + 8);
    while octets.len() < length {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        octets.extend(state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes());
    }
    octets.truncate(length);
    octets
}

/// Like H.264 (ITU-T H.264 Annex B): parameter sets before each tenth unit,
/// start codes, and payload without three octets of start code in it.
pub(super) fn video(seed: u64, length: usize) -> Vec<u8> {
    const PARAMETER_SETS: &[u8] = &[
        0, 0, 0, 1, 0x67, 0x42, 0xC0, 0x1F, 0x8C, 0x8D, 0x40, 0x50, 0x1E, 0xD0, 0x0F, 0x08, 0x84,
        0x6A, 0, 0, 0, 1, 0x68, 0xCE, 0x3C, 0x80,
    ];
    let mut octets = Vec::new();
    let mut unit = 0_u64;
    while octets.len() < length {
        let key = unit.is_multiple_of(10);
        if key {
            octets.extend(PARAMETER_SETS);
        }
        octets.extend([
            0,
            0,
            0,
            1,
            if key { 0x65 } else { 0x41 },
            0x9A,
            unit as u8,
            0x24,
        ]);
        let payload = random(
            seed << 32 | unit,
            if key { 3000 } else { 200 + unit as usize % 700 },
        );
        octets.extend(payload.iter().map(|octet| octet.max(&1)));
        unit += 1;
    }
    octets.truncate(length);
    octets
}

/// A ledger of one track, `video`.
pub(super) fn ledger(octets: &[u8]) -> Ledger {
    let track = Track {
        bytes: octets.to_vec(),
        units: Vec::new(),
    };
    Ledger {
        tracks: [("video".to_string(), track)].into(),
    }
}

pub(super) fn index(octets: &[u8], foreign: &[u8]) -> Index {
    Index::new(&ledger(octets), &ledger(foreign))
}

/// Random octets of `length` or more with `needle` at `at`.
pub(super) fn plant(seed: u64, length: usize, at: usize, needle: &[u8]) -> Vec<u8> {
    let mut haystack = random(seed, length.max(at + needle.len()));
    haystack[at..at + needle.len()].copy_from_slice(needle);
    haystack
}

/// Base64 (RFC 4648 4).
pub(in crate::adversary) fn base64(octets: &[u8]) -> String {
    base64_in(octets, false)
        .into_iter()
        .map(char::from)
        .collect()
}

/// Base64, in the alphabet of RFC 4648 5 if `url`.
pub(super) fn base64_in(octets: &[u8], url: bool) -> Vec<u8> {
    let end = if url { "-_" } else { "+/" };
    let alphabet: Vec<u8> = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .chain(end.chars())
        .map(|character| character as u8)
        .collect();
    let mut text = Vec::new();
    for group in octets.chunks(3) {
        let bits = group
            .iter()
            .fold(0_u32, |bits, o| bits << 8 | u32::from(*o));
        let bits = bits << (8 * (3 - group.len()));
        for i in 0..=group.len() {
            text.push(alphabet[(bits >> (18 - 6 * i) & 63) as usize]);
        }
        if !url {
            text.resize(text.len() + 3 - group.len(), b'=');
        }
    }
    text
}

#[test]
fn nothing_is_found_where_nothing_is() {
    let index = index(&video(1, 1_000_000), &video(2, 1_000_000));
    for (name, haystack) in [
        ("random", random(3, 4_000_000)),
        ("video of another seed", video(4, 4_000_000)),
        (
            "inverted video of another seed",
            video(5, 2_000_000).iter().map(|o| !o).collect(),
        ),
        ("zeros", vec![0; 4_000_000]),
        (
            "text",
            b"GET /live/ch0 HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n".repeat(50_000),
        ),
        (
            "table",
            (0..4_000_000).map(|i: u32| (i / 3) as u8).collect(),
        ),
    ] {
        assert_eq!(index.search(&haystack, 10), [], "{name}");
    }
}

#[test]
fn an_empty_ledger_finds_nothing_and_an_empty_haystack_has_nothing() {
    assert_eq!(Index::default().search(&random(1, 1000), 10), []);
    let octets = random(1, 5000);
    assert_eq!(index(&octets, &[]).search(&[], 10), []);
    // All of the ledger is foreign.
    assert_eq!(index(&octets, &octets).search(&octets, 10), []);
}

#[test]
fn hits_name_track_and_offset() {
    let mut two = ledger(&random(1, 5000));
    two.tracks.insert(
        "audio".into(),
        ledger(&random(2, 5000)).tracks["video"].clone(),
    );
    let index = Index::new(&two, &Ledger::default());
    let haystack = [&random(1, 100)[50..], &random(2, 900)[800..]].concat();
    let hits = index.search(&haystack, 10);
    let found: Vec<_> = hits
        .iter()
        .map(|hit| (hit.track.as_str(), hit.ledger_offset))
        .collect();
    assert_eq!(found, [("video", 50), ("audio", 800)]);
}

/// Octets with structure: pieces of few values, repeated.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(0..3_u8, 0..100),
        (any::<u64>(), 0..600_usize).prop_map(|(seed, length)| random(seed % 4, length)),
        (any::<u64>(), 1..70_usize, 1..9_usize).prop_map(|(seed, period, times)| random(
            seed % 4,
            period
        )
        .repeat(times)),
        "[A-Za-z0-9+/\r\n]{0,200}".prop_map(String::into_bytes),
        "([0-9a-fA-F]{1,3}\r\n[a-z]{0,20}\r\n){0,9}".prop_map(String::into_bytes),
        Just(b"\x1F\x8B\x08\x00------".to_vec()),
        Just(b"\x78\x9C".to_vec()),
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn hits_are_sound_whatever_the_input(
        plain in octets(),
        foreign in octets(),
        haystack in octets(),
        limit in 0..20_usize,
    ) {
        let hits = index(&plain, &foreign).search(&haystack, limit);
        prop_assert!(hits.len() <= limit);
        prop_assert!(hits.windows(2).all(|two| two[0].at + two[0].length <= two[1].at));
        for hit in hits {
            let found = &haystack[hit.at..hit.at + hit.length];
            let there = &plain[hit.ledger_offset..hit.ledger_offset + hit.matched];
            prop_assert!(hit.matched >= 24);
            match hit.disguise {
                super::Disguise::Raw => prop_assert_eq!(found, there),
                super::Disguise::Xor { key } => {
                    prop_assert!(key.iter().any(|octet| *octet != 0));
                    prop_assert!(hit.length >= 3 * key.len() + 32);
                    for ((here, there), key) in found.iter().zip(there).zip(key.iter().cycle()) {
                        prop_assert_eq!(here ^ key, *there);
                    }
                }
                super::Disguise::Base64 => prop_assert!(hit.length >= hit.matched * 4 / 3),
                super::Disguise::Hex => prop_assert!(hit.length >= hit.matched * 2),
                super::Disguise::Swap { word } => {
                    prop_assert!(hit.length.is_multiple_of(word) && hit.length >= hit.matched);
                }
                _ => {}
            }
        }
    }
}

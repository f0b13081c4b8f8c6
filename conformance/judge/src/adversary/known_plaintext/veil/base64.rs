//! Base64 of the ledger (RFC 4648 4 and 5).
//!
//! A stretch of the haystack that consists of nothing but base64 and line
//! breaks is decoded at each of the four phases a group of four can have, and
//! the result is searched like any other octets.

use std::ops::Range;

use super::Search;
use super::text::{self, Alphabet, BREAK, OTHER};
use crate::adversary::known_plaintext::Disguise;

/// Characters that 24 octets need.
const SHORTEST: usize = 32;

/// Both alphabets in one.
const CHARACTERS: Alphabet = {
    let mut characters = [OTHER; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut value = 0;
    while value < alphabet.len() {
        characters[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    characters[b'+' as usize] = 62;
    characters[b'-' as usize] = 62;
    characters[b'/' as usize] = 63;
    characters[b'_' as usize] = 63;
    characters[b'\r' as usize] = BREAK;
    characters[b'\n' as usize] = BREAK;
    characters
};

pub(super) fn lift(haystack: &[u8], search: &mut Search<'_>) {
    each(haystack, SHORTEST, |octets, place| {
        search.show_deep(octets, Disguise::Base64, place);
        search.settle()
    });
}

/// Each stretch of so many characters or more, decoded at each phase: the octets,
/// and where some of them are in the haystack. Until `found` says no.
pub(in crate::adversary) fn each(
    haystack: &[u8],
    shortest: usize,
    mut found: impl FnMut(&[u8], &dyn Fn(Range<usize>) -> Range<usize>) -> bool,
) {
    text::stretches(haystack, &CHARACTERS, shortest, |text| {
        (0..4).all(|phase| {
            // Octet k counted from the start of the first group is in sextets
            // 4 (k div 3) + k mod 3 and the next one. Phase 3 has no octet before
            // the second group.
            let sextet = |octet: usize| {
                let octet = octet + phase;
                octet / 3 * 4 + octet % 3 - phase
            };
            found(&decode(&text.values, phase), &|run| {
                text.places
                    .range(sextet(run.start)..sextet(run.end - 1) + 2)
            })
        })
    });
}

/// The octets, if the first sextet is number `phase` of its group: one for every
/// two neighbours in a group.
fn decode(sextets: &[u8], phase: usize) -> Vec<u8> {
    let mut octets = Vec::with_capacity(sextets.len());
    let pairs = sextets.iter().zip(sextets.iter().skip(1));
    for ((a, b), number) in pairs.zip([0, 1, 2, 3].into_iter().cycle().skip(phase)) {
        match number {
            0 => octets.push(a << 2 | b >> 4),
            1 => octets.push(a << 4 | b >> 2),
            2 => octets.push(a << 6 | b),
            _ => {}
        }
    }
    octets
}

#[cfg(test)]
mod tests {
    use crate::adversary::known_plaintext::testing::{base64_in, index, random, video};
    use crate::adversary::known_plaintext::{Disguise, Hit};

    #[test]
    fn encoder_of_the_test_gives_the_vectors_of_rfc_4648() {
        assert_eq!(base64_in(b"foobar", false), b"Zm9vYmFy");
        assert_eq!(base64_in(b"fooba", false), b"Zm9vYmE=");
        assert_eq!(base64_in(b"foob", false), b"Zm9vYg==");
    }

    #[test]
    fn runs_of_24_octets_are_found_at_every_phase_in_both_alphabets() {
        let octets = random(1, 4000);
        let index = index(&octets, &[]);
        for url in [false, true] {
            for before in 0..9 {
                for cut in 0..4 {
                    let plain = [&random(2, before + 6), &octets[700..724], &random(3, 5)].concat();
                    let text = base64_in(&plain, url)[cut..].to_vec();
                    let haystack = [&b"{\"picture\":\""[..], &text, b"\"}"].concat();
                    let hits = index.search(&haystack, 10);
                    assert_eq!(hits.len(), 1, "{url} {before} {cut}");
                    let hit = &hits[0];
                    assert_eq!(hit.disguise, Disguise::Base64);
                    assert!(hit.matched >= 24 && hit.ledger_offset <= 700);
                    // The characters of the run, and no other.
                    let first = before + 6 - (700 - hit.ledger_offset);
                    let last = first + hit.matched - 1;
                    let at = 12 - cut + first / 3 * 4 + first % 3;
                    let end = 12 - cut + last / 3 * 4 + last % 3 + 2;
                    assert_eq!((hit.at, hit.at + hit.length), (at, end));
                }
            }
        }
    }

    #[test]
    fn line_breaks_are_no_obstacle() {
        let octets = video(1, 4000);
        let index = index(&octets, &[]);
        for newline in [&b"\n"[..], b"\r\n", b"\r", b"\n\n"] {
            for line in [1, 7, 64, 76] {
                let text = base64_in(&octets[1000..1300], false);
                let text = text.chunks(line).collect::<Vec<_>>().join(newline);
                let haystack = [&b"Content: \r\n\r\n"[..], &text, b"\r\n"].concat();
                assert_eq!(
                    index.search(&haystack, 10),
                    [Hit {
                        at: 13,
                        length: text.len(),
                        track: "video".into(),
                        ledger_offset: 1000,
                        matched: 300,
                        disguise: Disguise::Base64,
                    }]
                );
            }
        }
    }

    #[test]
    fn several_texts_are_found_and_bounded() {
        let octets = random(1, 4000);
        let index = index(&octets, &[]);
        let texts: Vec<_> = (0..9)
            .map(|i| base64_in(&octets[i * 400..i * 400 + 100 + i], i % 2 == 0))
            .collect();
        let haystack = texts.join(&b": "[..]);
        for limit in 0..12 {
            let hits = index.search(&haystack, limit);
            assert_eq!(hits.len(), limit.min(9));
            assert!(
                hits.iter()
                    .enumerate()
                    .all(|(i, hit)| hit.matched == 100 + i)
            );
        }
    }

    #[test]
    fn text_without_the_ledger_gives_nothing() {
        let index = index(&random(1, 4000), &[]);
        assert_eq!(index.search(&base64_in(&random(2, 100_000), false), 10), []);
        assert_eq!(index.search(&[b'\n'; 1000], 10), []);
        assert_eq!(index.search(&[b'A'; 1000], 10), []);
    }
}

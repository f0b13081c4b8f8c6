//! Hexadecimal digits of the ledger, in either case, in lines or not (RFC 4648 8).

use std::ops::Range;

use super::Search;
use super::text::{self, Alphabet, BREAK, OTHER};
use crate::adversary::known_plaintext::{Disguise, RUN};

/// Digits of the shortest run.
const SHORTEST: usize = 2 * RUN;

const DIGITS: Alphabet = {
    let mut digits = [OTHER; 256];
    let mut value = 0;
    while value < 10 {
        digits[b'0' as usize + value as usize] = value;
        value += 1;
    }
    while value < 16 {
        digits[b'a' as usize + value as usize - 10] = value;
        digits[b'A' as usize + value as usize - 10] = value;
        value += 1;
    }
    digits[b'\r' as usize] = BREAK;
    digits[b'\n' as usize] = BREAK;
    digits
};

pub(super) fn lift(haystack: &[u8], search: &mut Search<'_>) {
    each(haystack, SHORTEST, |octets, place| {
        search.show_deep(octets, Disguise::Hex, place);
        search.settle()
    });
}

/// Each stretch of so many digits or more, read from its first digit and from its
/// second: the octets, and where some of them are in the haystack. Until `found`
/// says no.
pub(in crate::adversary) fn each(
    haystack: &[u8],
    shortest: usize,
    mut found: impl FnMut(&[u8], &dyn Fn(Range<usize>) -> Range<usize>) -> bool,
) {
    text::stretches(haystack, &DIGITS, shortest, |text| {
        (0..2).all(|phase| {
            let (pairs, _) = text.values[phase..].as_chunks();
            let octets: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
            found(&octets, &|run| {
                text.places
                    .range(phase + 2 * run.start..phase + 2 * run.end)
            })
        })
    });
}

#[cfg(test)]
mod tests {
    use crate::adversary::known_plaintext::testing::{index, random, video};
    use crate::adversary::known_plaintext::{Disguise, Hit};

    fn digits(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    #[test]
    fn runs_of_24_octets_are_found_at_every_phase_in_either_case() {
        let octets = video(1, 4000);
        let index = index(&octets, &[]);
        for before in 0..60 {
            let lower = digits(&octets[700..724]);
            for text in [lower.to_uppercase(), lower] {
                let haystack = format!("{{\"id\":\"{}{text}", "7".repeat(before));
                let hits = index.search(haystack.as_bytes(), 10);
                let at = 7 + before;
                let [hit] = &hits[..] else { panic!("{hits:?}") };
                assert_eq!((hit.at, hit.length, hit.matched), (at, 48, 24));
                assert_eq!((hit.ledger_offset, &hit.disguise), (700, &Disguise::Hex));
            }
        }
    }

    #[test]
    fn line_breaks_are_no_obstacle() {
        let octets = video(1, 4000);
        let text = digits(&octets[1000..1300]);
        let lines: Vec<_> = text.as_bytes().chunks(59).collect();
        let haystack = [&b"dump:\n"[..], &lines.join(&b"\r\n"[..])].concat();
        assert_eq!(
            index(&octets, &[]).search(&haystack, 10),
            [Hit {
                at: 6,
                length: haystack.len() - 6,
                track: "video".into(),
                ledger_offset: 1000,
                matched: 300,
                disguise: Disguise::Hex,
            }]
        );
    }

    #[test]
    fn digits_of_something_else_give_nothing() {
        let index = index(&random(1, 4000), &[]);
        assert_eq!(index.search(digits(&random(2, 50_000)).as_bytes(), 10), []);
        assert_eq!(index.search(&[b'0'; 5000], 10), []);
    }
}

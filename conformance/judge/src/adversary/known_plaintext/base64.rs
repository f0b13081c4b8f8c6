//! Base64 of the ledger (RFC 4648 4 and 5).
//!
//! A stretch of the haystack that consists of nothing but base64 and line
//! breaks is decoded at each of the four phases a group of four can have, and
//! the result is searched like any other octets.

use std::ops::Range;

use super::{Found, Run};

/// Characters that 24 octets need, and the distance of the probes that find
/// every stretch of so many.
const SHORTEST: usize = 32;

/// Runs of the decoded octets and where their characters are in `haystack`.
/// They overlap neither each other nor what was `found`; at most as many as
/// there is room for.
pub(super) fn search(
    haystack: &[u8],
    found: &Found,
    raw: impl Fn(&[u8], usize) -> Vec<Run>,
) -> Vec<(Run, Range<usize>)> {
    let mut hits = Vec::new();
    let mut at = 0;
    while at < haystack.len() && hits.len() < found.room() {
        if CLASS[usize::from(haystack[at])] == OTHER {
            at += SHORTEST;
            continue;
        }
        let stretch = stretch(haystack, at);
        at = stretch.end.next_multiple_of(SHORTEST);
        let text = Text::new(haystack, stretch);
        if text.sextets.len() < SHORTEST {
            continue;
        }
        let room = found.room() - hits.len();
        let mut candidates = Vec::new();
        for phase in 0..4 {
            for run in raw(&text.decode(phase), room) {
                candidates.push((run, text.place(phase, run)));
            }
        }
        candidates.retain(|(_, place)| {
            found
                .free(place.start, haystack.len())
                .is_some_and(|free| place.end <= free.end)
        });
        keep_disjoint(&mut candidates);
        candidates.truncate(room);
        hits.append(&mut candidates);
    }
    hits
}

/// In `CLASS`: no base64.
const OTHER: u8 = 255;
/// In `CLASS`: may stand between two characters.
const BREAK: u8 = 254;

/// The value of a character in either alphabet.
const CLASS: [u8; 256] = {
    let mut class = [OTHER; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut value = 0;
    while value < alphabet.len() {
        class[alphabet[value] as usize] = value as u8;
        value += 1;
    }
    class[b'+' as usize] = 62;
    class[b'-' as usize] = 62;
    class[b'/' as usize] = 63;
    class[b'_' as usize] = 63;
    class[b'\r' as usize] = BREAK;
    class[b'\n' as usize] = BREAK;
    class
};

fn stretch(haystack: &[u8], at: usize) -> Range<usize> {
    let is_other = |octet: &u8| CLASS[usize::from(*octet)] == OTHER;
    let start = haystack[..at]
        .iter()
        .rposition(is_other)
        .map_or(0, |before| before + 1);
    let end = haystack[at..]
        .iter()
        .position(is_other)
        .map_or(haystack.len(), |length| at + length);
    start..end
}

/// A stretch without its line breaks.
struct Text {
    sextets: Vec<u8>,
    /// For each line the index of its first sextet and its place in the haystack.
    lines: Vec<(usize, usize)>,
}

impl Text {
    fn new(haystack: &[u8], stretch: Range<usize>) -> Self {
        let mut text = Self {
            sextets: Vec::with_capacity(stretch.len()),
            lines: Vec::new(),
        };
        let mut place = stretch.start;
        for line in haystack[stretch].split(|octet| CLASS[usize::from(*octet)] == BREAK) {
            if !line.is_empty() {
                text.lines.push((text.sextets.len(), place));
                text.sextets
                    .extend(line.iter().map(|octet| CLASS[usize::from(*octet)]));
            }
            place += line.len() + 1;
        }
        text
    }

    /// The octets, if the first sextet is number `phase` of its group: one for
    /// every two neighbours in a group.
    fn decode(&self, phase: usize) -> Vec<u8> {
        let mut octets = Vec::with_capacity(self.sextets.len());
        let pairs = self.sextets.iter().zip(self.sextets.iter().skip(1));
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

    /// Where in the haystack the characters of `run` are.
    fn place(&self, phase: usize, run: Run) -> Range<usize> {
        // Octet k counted from the start of the first group is in sextets
        // 4 (k div 3) + k mod 3 and the next one. Phase 3 has no octet before
        // the second group.
        let sextet = |octet: usize| {
            let octet = octet + phase;
            octet / 3 * 4 + octet % 3 - phase
        };
        self.character(sextet(run.at))..self.character(sextet(run.at + run.length - 1) + 1) + 1
    }

    fn character(&self, sextet: usize) -> usize {
        let (first, place) = self.lines[self.lines.partition_point(|line| line.0 <= sextet) - 1];
        place + sextet - first
    }
}

/// Of those that overlap, the longest stays.
fn keep_disjoint(hits: &mut Vec<(Run, Range<usize>)>) {
    hits.sort_by_key(|(run, place)| (std::cmp::Reverse(run.length), place.start));
    let mut kept = std::collections::BTreeMap::<usize, usize>::new();
    hits.retain(|(_, place)| {
        let last = kept.range(..place.end).next_back();
        let free = last.is_none_or(|(_, end)| *end <= place.start);
        if free {
            kept.insert(place.start, place.end);
        }
        free
    });
    hits.sort_by_key(|(_, place)| place.start);
}

#[cfg(test)]
mod tests {
    use crate::adversary::known_plaintext::testing::{index, random, video};
    use crate::adversary::known_plaintext::{Disguise, Hit};

    fn encode(octets: &[u8], url: bool) -> Vec<u8> {
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
    fn encoder_of_the_test_gives_the_vectors_of_rfc_4648() {
        assert_eq!(encode(b"foobar", false), b"Zm9vYmFy");
        assert_eq!(encode(b"fooba", false), b"Zm9vYmE=");
        assert_eq!(encode(b"foob", false), b"Zm9vYg==");
    }

    #[test]
    fn runs_of_24_octets_are_found_at_every_phase_in_both_alphabets() {
        let octets = random(1, 4000);
        let index = index(&octets, &[]);
        for url in [false, true] {
            for before in 0..9 {
                for cut in 0..4 {
                    let plain = [&random(2, before + 6), &octets[700..724], &random(3, 5)].concat();
                    let text = encode(&plain, url)[cut..].to_vec();
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
                let text = encode(&octets[1000..1300], false);
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
            .map(|i| encode(&octets[i * 400..i * 400 + 100 + i], i % 2 == 0))
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
        assert_eq!(index.search(&encode(&random(2, 100_000), false), 10), []);
        assert_eq!(index.search(&[b'\n'; 1000], 10), []);
        assert_eq!(index.search(&[b'A'; 1000], 10), []);
    }
}

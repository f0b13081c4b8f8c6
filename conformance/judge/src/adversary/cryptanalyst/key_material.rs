//! Secrets in clear: as they are, in hexadecimal digits of either case, in base64
//! with line breaks or without, hence in PEM too.

use std::collections::HashMap;
use std::ops::Range;

use crate::adversary::known_plaintext::table::{Filter, LANES, WINDOW, hash, window};
use crate::adversary::known_plaintext::veil::{base64, hex};

/// Octets of the shortest secret that is looked for.
pub const SHORTEST: usize = 16;

/// Secrets up to this length are found whole, longer ones by pieces of half of it.
const WHOLE: usize = 64;

/// Different octets that a secret has at least.
const DIFFERENT: usize = 8;

/// Secrets to look for.
#[derive(Clone)]
pub struct Secrets {
    names: Vec<String>,
    needles: Vec<Needle>,
    /// Under the first window of each needle their indices.
    starts: HashMap<u64, Vec<usize>>,
    filter: Filter,
}

#[derive(Clone)]
struct Needle {
    /// Of its secret in `names`.
    name: usize,
    /// Where it is in the secret.
    offset: usize,
    octets: Vec<u8>,
}

/// A secret, or a piece of one, that lies open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Name of the secret.
    pub secret: String,
    /// Where in the stream.
    pub at: usize,
    /// Octets of the stream.
    pub length: usize,
    /// Octets of the secret.
    pub octets: usize,
    /// How it is written.
    pub writing: Writing,
}

/// How octets are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// As they are.
    Raw,
    /// Hexadecimal digits.
    Hex,
    /// Base64.
    Base64,
    /// Base64 within the lines of PEM (RFC 7468 2).
    Pem,
}

impl Secrets {
    /// Names and octets. Secrets shorter than [`SHORTEST`] or of few different
    /// octets are left out: what they are like occurs by chance.
    pub fn new<N: Into<String>, O: AsRef<[u8]>>(secrets: impl IntoIterator<Item = (N, O)>) -> Self {
        let mut names = Vec::new();
        let mut needles = Vec::new();
        for (name, octets) in secrets {
            let octets = octets.as_ref();
            for piece in pieces(octets.len()) {
                let needle = &octets[piece.clone()];
                if is_telling(needle) {
                    needles.push(Needle {
                        name: names.len(),
                        offset: piece.start,
                        octets: needle.to_vec(),
                    });
                }
            }
            names.push(name.into());
        }
        let mut starts = HashMap::<_, Vec<_>>::new();
        let mut filter = Filter::new(4 * needles.len());
        for (number, needle) in needles.iter().enumerate() {
            let start = window(&needle.octets, 0);
            starts.entry(start).or_default().push(number);
            filter.insert(hash(start));
        }
        Self {
            names,
            needles,
            starts,
            filter,
        }
    }

    /// How many secrets are looked for.
    pub fn count(&self) -> usize {
        let mut names: Vec<_> = self.needles.iter().map(|needle| needle.name).collect();
        names.dedup();
        names.len()
    }

    /// Where they are in `stream`: at most `limit`, each place once, by offset.
    pub fn find(&self, stream: &[u8], limit: usize) -> Vec<Exposure> {
        let mut found = Vec::new();
        if self.needles.is_empty() {
            return found;
        }
        self.scan(stream, limit, |needle, at| {
            found.push(self.exposure(needle, at..at + needle.octets.len(), Writing::Raw));
        });
        hex::each(stream, 2 * SHORTEST, |octets, place| {
            self.scan(octets, limit.saturating_sub(found.len()), |needle, at| {
                let place = place(at..at + needle.octets.len());
                found.push(self.exposure(needle, place, Writing::Hex));
            });
            found.len() < limit
        });
        base64::each(stream, SHORTEST * 4 / 3, |octets, place| {
            self.scan(octets, limit.saturating_sub(found.len()), |needle, at| {
                let place = place(at..at + needle.octets.len());
                let writing = if is_pem(stream, place.start) {
                    Writing::Pem
                } else {
                    Writing::Base64
                };
                found.push(self.exposure(needle, place, writing));
            });
            found.len() < limit
        });
        found.truncate(limit);
        found.sort_by_key(|exposure| exposure.at);
        found
    }

    fn exposure(&self, needle: &Needle, place: Range<usize>, writing: Writing) -> Exposure {
        let name = &self.names[needle.name];
        Exposure {
            secret: if needle.offset == 0 {
                name.clone()
            } else {
                format!("{name} from its octet {}", needle.offset)
            },
            at: place.start,
            length: place.len(),
            octets: needle.octets.len(),
            writing,
        }
    }

    /// Calls `found` for every needle and where it is, at most `limit` times.
    fn scan(&self, octets: &[u8], limit: usize, mut found: impl FnMut(&Needle, usize)) {
        let mut left = limit;
        for first in (0..octets.len()).step_by(LANES) {
            let windows = octets[first..].windows(WINDOW);
            let mut passed = self
                .filter
                .may_have_each(windows.map(|octets| hash(window(octets, 0))));
            while passed != 0 {
                let at = first + passed.trailing_zeros() as usize;
                passed &= passed - 1;
                let needles = self.starts.get(&window(octets, at)).into_iter().flatten();
                for needle in needles.map(|number| &self.needles[*number]) {
                    if left > 0 && octets[at..].starts_with(&needle.octets) {
                        found(needle, at);
                        left -= 1;
                    }
                }
            }
            if left == 0 {
                return;
            }
        }
    }
}

/// Shows no secret.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({:?})", self.names)
    }
}

/// What is looked for of a secret of so many octets: the whole, or pieces.
fn pieces(length: usize) -> Vec<Range<usize>> {
    let piece = match length {
        0 => return Vec::new(),
        1..=WHOLE => length,
        _ => WHOLE / 2,
    };
    (0..length / piece)
        .map(|n| n * piece..(n + 1) * piece)
        .collect()
}

fn is_telling(octets: &[u8]) -> bool {
    let steps = |pair: &[u8]| pair[1].wrapping_sub(pair[0]);
    let mut steps = octets.windows(2).map(steps);
    let first = steps.next();
    octets.len() >= SHORTEST
        && super::different(octets) >= DIFFERENT
        && steps.any(|step| Some(step) != first)
}

/// Whether the last line with dashes before `at` begins a PEM block, near enough.
fn is_pem(stream: &[u8], at: usize) -> bool {
    let before = &stream[at.saturating_sub(1 << 14)..at];
    let begin = memchr::memmem::rfind(before, b"-----BEGIN ");
    let end = memchr::memmem::rfind(before, b"-----END ");
    begin.is_some() && begin > end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::cryptanalyst::testing::random;
    use crate::adversary::known_plaintext::base64 as encode;

    fn hex(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    fn secrets() -> Vec<(String, Vec<u8>)> {
        [16, 20, 30, 32, 48, 64, 65, 200]
            .into_iter()
            .map(|length| (format!("secret of {length}"), random(length as u64, length)))
            .collect()
    }

    #[test]
    fn every_writing_is_found_at_every_phase() {
        let secrets = secrets();
        let finder = Secrets::new(secrets.clone());
        assert_eq!(finder.count(), secrets.len());
        for (name, octets) in &secrets {
            for before in 0..7 {
                let salted = [&random(9, before)[..], octets, &random(8, 5)].concat();
                for (text, writing) in [
                    (salted.clone(), Writing::Raw),
                    (hex(&salted).into_bytes(), Writing::Hex),
                    (hex(&salted).to_uppercase().into_bytes(), Writing::Hex),
                    (encode(&salted).into_bytes(), Writing::Base64),
                    (
                        encode(&salted)
                            .replace('+', "-")
                            .replace('/', "_")
                            .into_bytes(),
                        Writing::Base64,
                    ),
                ] {
                    let stream = [&b"key="[..], &text, b"\n"].concat();
                    let found = finder.find(&stream, 100);
                    assert!(!found.is_empty(), "{name} {before} {writing:?}");
                    for one in &found {
                        assert!(one.secret.starts_with(name.as_str()), "{one:?}");
                        assert_eq!(one.writing, writing);
                        assert!(one.at >= 4 && one.at + one.length < stream.len());
                    }
                    let known: usize = found.iter().map(|one| one.octets).sum();
                    assert!(known + 32 > octets.len());
                }
            }
        }
    }

    #[test]
    fn pem_is_told_from_base64() {
        let key = random(1, 138);
        let text = encode(&key);
        let lines: Vec<_> = text.as_bytes().chunks(64).collect();
        let pem = [
            &b"-----BEGIN PRIVATE KEY-----\n"[..],
            &lines.join(&b'\n'),
            b"\n-----END PRIVATE KEY-----\n",
        ]
        .concat();
        let finder = Secrets::new([("device key", &key)]);
        let found = finder.find(&pem, 100);
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|one| one.writing == Writing::Pem));
        assert_eq!(found[1].secret, "device key from its octet 32");
        let after = [&pem[..], b"id: ", text.as_bytes()].concat();
        let found = finder.find(&after[pem.len() - 30..], 100);
        assert!(found.iter().all(|one| one.writing == Writing::Base64));
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn secrets_without_information_are_no_needles() {
        let finder = Secrets::new([
            ("short", random(1, 15)),
            ("zeros", vec![0; 32]),
            ("counter", (0..32).collect()),
            ("pattern", b"abcabcabcabcabcabcabc".to_vec()),
            ("empty", Vec::new()),
        ]);
        assert_eq!(finder.count(), 0);
        assert_eq!(finder.find(&[0; 1000], 10), []);
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        let finder = Secrets::new(secrets());
        for stream in [
            random(77, 3_000_000),
            encode(&random(78, 1_000_000)).into_bytes(),
            hex(&random(79, 500_000)).into_bytes(),
            vec![0; 1_000_000],
            vec![b'\n'; 1_000_000],
        ] {
            assert_eq!(finder.find(&stream, 10), []);
        }
    }

    #[test]
    fn finds_are_bounded() {
        let octets = random(1, 32);
        let finder = Secrets::new([("key", &octets)]);
        let stream = octets.repeat(100);
        for limit in [0, 1, 7, 100, 200] {
            assert_eq!(finder.find(&stream, limit).len(), limit.min(100));
        }
    }
}

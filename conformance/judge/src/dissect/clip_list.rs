//! The clip list of a memory card: what a device says that it recorded, signed.
//!
//! ASCII, lines end with LF:
//!
//! ```text
//! lightleak-clips 1 <serial>
//! clip <name> <start> <duration> <length> <sha256> open|closed
//! signature <hexadecimal>
//! ...
//! ```
//!
//! A signature is pure Ed25519 (RFC 8032 5.1) over `lightleak-clips 1`, LF, and
//! the SHA-256 of all octets before its line. Of a clip the last line counts.
//! Power may be cut anywhere: what then follows the last whole signature is a
//! `clip` line and the beginning of a line at most.

use std::{fmt, ops::Range};

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// What the first line begins with, and a signed message.
pub const INTRODUCTION: &str = "lightleak-clips 1";
/// What a clip's line begins with.
const CLIP: &str = "clip ";
/// What a signature's line begins with.
const SIGNATURE: &str = "signature ";
/// Octets of the longest line that is read.
const MOST: usize = 1024;

/// The key (Ed25519) that a device signs its lists with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListKey(VerifyingKey);

/// A declared key is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not 32 octets in hexadecimal.
    #[error("the key is not 32 octets in hexadecimal")]
    Octets,
    /// No point of the curve, or one of low order, for which anybody can sign.
    #[error("the key is no point of the curve, or one of low order")]
    Point,
}

impl ListKey {
    /// Reads the key as it is declared: in hexadecimal.
    pub fn parse(hexadecimal: &str) -> Result<Self, KeyError> {
        let octets = octets(&hexadecimal.to_ascii_lowercase()).ok_or(KeyError::Octets)?;
        let key = VerifyingKey::from_bytes(&octets).map_err(|_| KeyError::Point)?;
        match key.is_weak() {
            true => Err(KeyError::Point),
            false => Ok(Self(key)),
        }
    }
}

/// A list, read to the first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipList {
    /// Serial number of the device, as the list has it; signed with the first
    /// entry. Empty if the first line is not whole.
    pub serial: String,
    /// What the device vouches for, in order.
    pub entries: Vec<Entry>,
    /// Octets from the start that the device vouches for, the last good
    /// signature's line included; 0 without one.
    pub signed: usize,
    /// How the list ends.
    pub end: End,
}

/// A clip, as far as it is vouched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name of its file.
    pub name: String,
    /// When its first picture was taken, in milliseconds since 1970.
    pub start: u64,
    /// How long it is, in milliseconds.
    pub duration: u64,
    /// How many octets of the sealed file are meant, from its first on.
    pub length: u64,
    /// SHA-256 of these octets.
    pub sha256: [u8; 32],
    /// Whether the clip is complete; an open one was still being written.
    pub closed: bool,
    /// Number of its line, counted from 1.
    pub line: usize,
    /// Where its line and that of its signature lie in the list.
    pub range: Range<usize>,
}

/// How a list ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With a signature, or with its first line.
    Whole,
    /// Without a whole signature for what follows there, as when power is cut.
    Cut(Range<usize>),
    /// With something wrong; what follows is not read.
    Wrong(Wrong),
}

/// A line that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Its number, counted from 1.
    pub line: usize,
    /// Where it lies in the list, its LF included.
    pub range: Range<usize>,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, at) = (self.line, self.range.start);
        write!(f, "line {line} at offset {at} {}", self.fault)
    }
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not what the format demands there.
    #[error("is malformed")]
    Malformed,
    /// The device did not sign what stands before it.
    #[error("is no signature of the device")]
    Forged,
}

impl ClipList {
    /// What the device vouches for of a clip in the end.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.name == name)
    }
}

/// Reads a list and verifies its signatures.
pub fn read(list: &[u8], key: &ListKey) -> ClipList {
    let mut reading = ClipList {
        serial: String::new(),
        entries: Vec::new(),
        signed: 0,
        end: End::Whole,
    };
    let mut hash = Sha256::new();
    let mut pending: Option<Entry> = None;
    let (mut at, mut settled) = (0, 0);
    for (number, octets) in (1..).zip(list.split_inclusive(|octet| *octet == b'\n')) {
        let range = at..at + octets.len();
        let wrong = |fault| {
            End::Wrong(Wrong {
                line: number,
                range: range.clone(),
                fault,
            })
        };
        let expected = match (number, &pending) {
            (1, _) => INTRODUCTION,
            (_, None) => CLIP,
            (_, Some(_)) => SIGNATURE,
        };
        let Some(line) = octets.strip_suffix(b"\n") else {
            reading.end = match is_beginning(octets, expected) {
                true => End::Cut(settled..list.len()),
                false => wrong(Fault::Malformed),
            };
            return reading;
        };
        let text = str::from_utf8(line).ok().filter(|_| line.len() <= MOST);
        let words = text.and_then(|text| text.strip_prefix(expected));
        let is_settled = match (number, words, pending.take()) {
            (_, None, _) => Err(Fault::Malformed),
            (1, Some(words), _) => serial(words).map(|serial| reading.serial = serial),
            (_, Some(words), None) => {
                entry(words, number, range.clone()).map(|entry| pending = Some(entry))
            }
            (_, Some(words), Some(mut entry)) => signature(words, &hash, key).map(|()| {
                entry.range.end = range.end;
                reading.entries.push(entry);
                reading.signed = range.end;
            }),
        };
        if let Err(fault) = is_settled {
            reading.end = wrong(fault);
            return reading;
        }
        hash.update(octets);
        at = range.end;
        if pending.is_none() {
            settled = at;
        }
    }
    if settled < list.len() || list.is_empty() {
        reading.end = End::Cut(settled..list.len());
    }
    reading
}

/// Whether a line that is expected there may begin so.
fn is_beginning(octets: &[u8], expected: &str) -> bool {
    let shared = octets.len().min(expected.len());
    octets[..shared] == expected.as_bytes()[..shared]
        && octets.len() <= MOST
        && octets.iter().all(|o| o.is_ascii_graphic() || *o == b' ')
}

fn serial(words: &str) -> Result<String, Fault> {
    let serial = words.strip_prefix(' ').filter(|serial| is_word(serial));
    serial.map(str::to_owned).ok_or(Fault::Malformed)
}

/// A clip's line, after its first word.
fn entry(words: &str, line: usize, range: Range<usize>) -> Result<Entry, Fault> {
    let words: Vec<&str> = words.split(' ').collect();
    let [name, start, duration, length, sha256, state] = words[..] else {
        return Err(Fault::Malformed);
    };
    let closed = match state {
        "closed" => Some(true),
        "open" => Some(false),
        _ => None,
    };
    let entry = || {
        Some(Entry {
            name: is_word(name).then(|| name.to_owned())?,
            start: number(start)?,
            duration: number(duration)?,
            length: number(length)?,
            sha256: octets(sha256)?,
            closed: closed?,
            line,
            range,
        })
    };
    entry().ok_or(Fault::Malformed)
}

/// A signature's line, after its first word; `before` has all octets before it.
fn signature(words: &str, before: &Sha256, key: &ListKey) -> Result<(), Fault> {
    let signature = octets(words).ok_or(Fault::Malformed)?;
    let hash = before.clone().finalize();
    let message = [INTRODUCTION.as_bytes(), b"\n", &hash].concat();
    key.0
        .verify_strict(&message, &Signature::from_bytes(&signature))
        .map_err(|_| Fault::Forged)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic())
}

/// Decimal digits without a sign or zeros before them.
fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// Octets in hexadecimal digits of lower case.
fn octets<const N: usize>(hexadecimal: &str) -> Option<[u8; N]> {
    let (pairs, []) = hexadecimal.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let digit = |octet: u8| match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        _ => None,
    };
    let octet = |pair: &[u8; 2]| Some(digit(pair[0])? << 4 | digit(pair[1])?);
    let octets: Vec<u8> = pairs.iter().map(octet).collect::<Option<_>>()?;
    octets.try_into().ok()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};
    use proptest::{prelude::*, sample::Index};

    use super::*;

    const FIRST: &str = "lightleak-clips 1 LL-1\n";

    fn signing_key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn key() -> ListKey {
        ListKey::parse(&hex(signing_key().verifying_key().as_bytes())).unwrap()
    }

    fn hex(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:02x}")).collect()
    }

    fn clip(name: &str, length: u64, state: &str) -> String {
        let hash = "0f".repeat(32);
        format!("clip {name} 1767225600000 10000 {length} {hash} {state}\n")
    }

    fn sign(list: &mut String) {
        let message = [b"lightleak-clips 1\n", &Sha256::digest(&*list)[..]].concat();
        let signature = signing_key().sign(&message);
        *list += &format!("signature {}\n", hex(&signature.to_bytes()));
    }

    /// A list of two clips, one of them open before.
    fn list() -> String {
        let mut list = FIRST.to_owned();
        for line in [
            clip("a.age", 1, "open"),
            clip("a.age", 300, "closed"),
            clip("b.age", 0, "open"),
        ] {
            list += &line;
            sign(&mut list);
        }
        list
    }

    /// How a list of these octets ends.
    fn end(list: &str) -> End {
        read(list.as_bytes(), &key()).end
    }

    fn wrong(list: &str) -> (usize, Fault) {
        match end(list) {
            End::Wrong(wrong) => {
                assert!(list[wrong.range.clone()].lines().count() == 1);
                (wrong.line, wrong.fault)
            }
            other => panic!("{other:?}: {list}"),
        }
    }

    #[test]
    fn entries_are_read_with_their_places() {
        let text = list();
        let read = read(text.as_bytes(), &key());
        assert_eq!((read.end.clone(), read.signed), (End::Whole, text.len()));
        assert_eq!((read.serial.as_str(), read.entries.len()), ("LL-1", 3));
        let entry = read.entry("a.age").unwrap();
        assert_eq!((entry.length, entry.closed, entry.line), (300, true, 4));
        assert_eq!(entry.start, 1_767_225_600_000);
        assert_eq!((entry.duration, entry.sha256), (10_000, [15; 32]));
        let lines: Vec<_> = text[entry.range.clone()].lines().collect();
        assert!(lines[0].starts_with("clip a.age") && lines[1].starts_with("signature "));
        assert_eq!(lines.len(), 2);
        assert!(!read.entry("b.age").unwrap().closed);
        assert_eq!(read.entry("c.age"), None);
    }

    #[test]
    fn a_list_without_clips_is_whole_and_vouches_for_nothing() {
        let read = read(FIRST.as_bytes(), &key());
        assert_eq!((read.end, read.signed), (End::Whole, 0));
    }

    #[test]
    fn the_line_that_is_forged_is_named() {
        let mut forged = list();
        forged += &clip("c.age", 5, "closed");
        forged += &format!("signature {}\n", "00".repeat(64));
        assert_eq!(wrong(&forged), (9, Fault::Forged));
        let read = read(forged.as_bytes(), &key());
        assert_eq!((read.entries.len(), read.signed), (3, list().len()));

        let other = ListKey::parse(&hex(SigningKey::from_bytes(&[8; 32])
            .verifying_key()
            .as_bytes()));
        let read = super::read(list().as_bytes(), &other.unwrap());
        assert!(read.entries.is_empty() && read.signed == 0);
        let End::Wrong(wrong) = read.end else {
            panic!("it is believed");
        };
        assert_eq!((wrong.line, wrong.fault), (3, Fault::Forged));
        let shown = wrong.to_string();
        assert!(shown.starts_with("line 3 at offset "), "{shown}");
        assert!(shown.ends_with(" is no signature of the device"), "{shown}");
    }

    #[test]
    fn lines_of_another_form_are_malformed() {
        for line in [
            clip("a/b c.age", 1, "open"),
            clip("a", 1, "opened"),
            clip("", 1, "open"),
            clip("a", 1, "open").replace(" 10000 ", " 010000 "),
            clip("a", 1, "open").replace(" 10000 ", " +1 "),
            clip("a", 1, "open").replace("0f0f", "0F0F"),
            clip("a", 1, "open").replace("0f0f", "0f"),
            clip(&"a".repeat(1024), 1, "open"),
            clip("a", 1, "open").replace('\n', "\r\n"),
            "\n".to_owned(),
            list()[FIRST.len()..].lines().nth(1).unwrap().to_owned() + "\n",
        ] {
            let mut list = FIRST.to_owned() + &line;
            sign(&mut list);
            assert_eq!(wrong(&list), (2, Fault::Malformed), "{line}");
        }
        let unsigned = FIRST.to_owned() + &clip("a", 1, "open") + &clip("b", 1, "open");
        assert_eq!(wrong(&unsigned), (3, Fault::Malformed));
        let other = list().replacen("clips 1", "clips 2", 1);
        assert_eq!(wrong(&other), (1, Fault::Malformed));
        assert_eq!(wrong("lightleak-clips 1\n"), (1, Fault::Malformed));
    }

    #[test]
    fn what_hides_as_a_cut_line_is_malformed() {
        for rest in ["video", "clip \u{e9}", "signature 00", "clip a\t"] {
            assert_eq!(wrong(&(list() + rest)), (8, Fault::Malformed), "{rest}");
        }
        let long = format!("{}clip {}", list(), "a".repeat(1024));
        assert_eq!(wrong(&long), (8, Fault::Malformed));
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        assert_eq!(ListKey::parse("00"), Err(KeyError::Octets));
        assert_eq!(ListKey::parse(&"0g".repeat(32)), Err(KeyError::Octets));
        // The neutral element.
        let neutral = format!("01{}", "00".repeat(31));
        assert_eq!(ListKey::parse(&neutral), Err(KeyError::Point));
        let no_point = format!("02{}", "00".repeat(31));
        assert_eq!(ListKey::parse(&no_point), Err(KeyError::Point));
    }

    proptest! {
        #[test]
        fn a_cut_list_vouches_for_what_was_signed_before(cut: Index) {
            let list = list();
            let cut = cut.index(list.len());
            let read = read(&list.as_bytes()[..cut], &key());
            let ends = list.match_indices("signature ").map(|(at, _)| at + 10 + 128 + 1);
            let signed = ends.filter(|end| *end <= cut).max().unwrap_or(0);
            prop_assert_eq!(read.signed, signed);
            match read.end {
                End::Whole => prop_assert!(cut == signed || cut == FIRST.len()),
                End::Cut(range) => prop_assert_eq!(range.end, cut),
                End::Wrong(wrong) => prop_assert!(false, "{}", wrong),
            }
        }

        #[test]
        fn every_flipped_bit_is_noticed(at: Index, bit in 0..8_u8) {
            let mut list = list().into_bytes();
            let at = at.index(list.len());
            list[at] ^= 1_u8 << bit;
            let read = read(&list, &key());
            prop_assert_ne!(&read.end, &End::Whole);
            prop_assert!(read.signed <= at);
        }

        #[test]
        fn anything_is_read_without_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
            let list = [FIRST.as_bytes(), &octets].concat();
            for list in [&list, &octets] {
                prop_assert!(read(list, &key()).entries.is_empty());
            }
        }
    }
}

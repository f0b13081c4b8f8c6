//! Files that are sealed with HPKE (RFC 9180) to an owner: a line that says how,
//! and one envelope, opened with escrowed keys. `schema/sealed-file.md` has the
//! form. Every cipher in here is that of aws-lc-rs.

mod kem;
mod schedule;

#[cfg(test)]
mod tests;

use std::{fmt, ops::Range};

use zeroize::Zeroizing;

use crate::open::keylog;
use kem::Key;

/// Octets of the encapsulated key (RFC 9180 7.1).
pub const ENCAPSULATED: usize = 32;
/// Octets of the tag of AES-128-GCM.
pub const TAG: usize = 16;

/// What a sealed file begins with.
const INTRODUCTION: &str = "lightleak-hpke 1 ";
/// Octets of the longest first line.
const LONGEST_LINE: usize = 512;
/// DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-128-GCM (RFC 9180 7).
const SUITE: [u16; 3] = [0x0020, 0x0001, 0x0001];

/// The escrowed keys of a session.
#[derive(Debug, Default)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// Reads the lines `HPKE_PRIVATE_KEY`, public and private key in hexadecimal;
    /// others, and those whose halves do not fit, are left out.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let key = |line: &str| {
            let (public, private) = line.strip_prefix("HPKE_PRIVATE_KEY ")?.split_once(' ')?;
            let [public, private] = [public, private].map(|half| keylog::octets(half.trim()));
            let private = Zeroizing::new(private?);
            let key = Key::new(&private)?;
            (key.public() == public?).then_some(key)
        };
        Self(lines.into_iter().filter_map(key).collect())
    }

    /// Whether the private half of that public key is among them.
    pub fn has_public(&self, public: &[u8]) -> bool {
        self.0.iter().any(|key| key.public() == public)
    }
}

/// A file that was opened.
#[derive(Clone)]
pub struct OpenedFile {
    /// The first line and the encapsulated key, from the start of the file.
    pub header: Range<usize>,
    /// The ciphertext.
    pub sealed: Range<usize>,
    /// The tag.
    pub tag: Range<usize>,
    /// What is in it.
    pub plaintext: Vec<u8>,
}

/// Shows no plaintext: it is somebody's private life.
impl fmt::Debug for OpenedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedFile")
            .field("header", &self.header)
            .field("plaintext", &self.plaintext.len())
            .finish_non_exhaustive()
    }
}

/// Why a file does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HpkeError {
    /// Its first line is none.
    #[error("the first line is no \"{INTRODUCTION}<kem> <kdf> <aead> <length> <serial> <name>\"")]
    Line,
    /// It ends before its first line does.
    #[error("the file ends in its first line")]
    LineCut,
    /// Another suite.
    #[error("the suite is {0:04x} {1:04x} {2:04x}, not 0020 0001 0001")]
    Suite(u16, u16, u16),
    /// It ends before its envelope does, of which so many octets are there.
    #[error("the file ends {octets} octets into its envelope of {length}")]
    Cut {
        /// Where the envelope begins in the file.
        offset: usize,
        /// How many octets of it there are.
        octets: usize,
        /// How many it has.
        length: usize,
    },
    /// Octets follow.
    #[error("the envelope ends at offset {0}, and octets follow")]
    Behind(usize),
    /// It is sealed to others, or not sealed, or was altered: nobody can tell.
    #[error("none of {0} keys opens the envelope")]
    NoMatch(usize),
}

impl HpkeError {
    /// Whether a writer that lost power leaves such a file.
    pub fn is_cut(&self) -> bool {
        matches!(self, Self::LineCut | Self::Cut { .. })
    }
}

/// Whether the octets begin as a sealed file does, or are cut before they differ.
pub fn looks_like(file: &[u8]) -> bool {
    let introduction = INTRODUCTION.as_bytes();
    file.starts_with(introduction) || !file.is_empty() && introduction.starts_with(file)
}

/// Opens a file with whichever key fits.
pub fn open(file: &[u8], keys: &Keys) -> Result<OpenedFile, HpkeError> {
    let line = Line::parse(file)?;
    let begin = line.length + ENCAPSULATED;
    let end = line.length.saturating_add(line.envelope);
    if file.len() < end || line.envelope < ENCAPSULATED + TAG {
        return Err(HpkeError::Cut {
            offset: line.length,
            octets: file.len() - line.length,
            length: line.envelope,
        });
    }
    if file.len() > end {
        return Err(HpkeError::Behind(end));
    }
    let (encapsulated, sealed) = file[line.length..].split_at(ENCAPSULATED);
    // The line is bound by being the info.
    let info = &file[..line.length];
    let open = |key: &Key| {
        let shared = key.decapsulate(encapsulated)?;
        schedule::Context::base(&shared, info, SUITE).open(b"", sealed)
    };
    let plaintext = keys.0.iter().find_map(open);
    Ok(OpenedFile {
        header: 0..begin,
        sealed: begin..end - TAG,
        tag: end - TAG..end,
        plaintext: plaintext.ok_or(HpkeError::NoMatch(keys.0.len()))?,
    })
}

/// Opens an envelope (encapsulated key, and ciphertext with tag) with whichever
/// key fits: the public half of that, and what was sealed to it.
pub fn open_envelope(
    (encapsulated, sealed): (&[u8], &[u8]),
    info: &[u8],
    associated: &[u8],
    keys: &Keys,
) -> Option<(Vec<u8>, Zeroizing<Vec<u8>>)> {
    keys.0.iter().find_map(|key| {
        let shared = key.decapsulate(encapsulated)?;
        let context = schedule::Context::base(&shared, info, SUITE);
        let plaintext = context.open(associated, sealed)?;
        Some((key.public().to_vec(), Zeroizing::new(plaintext)))
    })
}

/// The first line.
struct Line {
    /// Octets of the line.
    length: usize,
    /// Octets of the envelope.
    envelope: usize,
}

impl Line {
    fn parse(file: &[u8]) -> Result<Self, HpkeError> {
        let start = &file[..file.len().min(LONGEST_LINE)];
        let end = start.iter().position(|octet| *octet == b'\n');
        if end.is_none() && file.len() < LONGEST_LINE {
            return Err(HpkeError::LineCut);
        }
        let text = end.and_then(|end| str::from_utf8(&start[..end]).ok());
        let words = text.and_then(|text| text.strip_prefix(INTRODUCTION));
        let words: Vec<&str> = words.ok_or(HpkeError::Line)?.split(' ').collect();
        let [kem, kdf, aead, envelope, _, _] = words[..] else {
            return Err(HpkeError::Line);
        };
        let suite = [kem, kdf, aead].map(|id| u16::from_str_radix(id, 16).ok());
        let [Some(kem), Some(kdf), Some(aead)] = suite else {
            return Err(HpkeError::Line);
        };
        if [kem, kdf, aead] != SUITE {
            return Err(HpkeError::Suite(kem, kdf, aead));
        }
        Ok(Self {
            length: end.unwrap_or_default() + 1,
            envelope: envelope.parse().map_err(|_| HpkeError::Line)?,
        })
    }
}

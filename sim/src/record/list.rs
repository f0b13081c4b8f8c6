//! The clip list: what a device says that it recorded, signed, so that a forged
//! clip is refused. It tells times and sizes, and nothing of the picture.
//!
//! Canonical text, ASCII, lines end with LF:
//!
//! ```text
//! lightleak-clips 1 <serial>
//! clip <name> <start> <duration> <length> <sha256> open|closed
//! signature <hexadecimal>
//! ...
//! ```
//!
//! Times are in milliseconds, `start` since 1970; `length` and `sha256` are of
//! the sealed file's first octets. Every `clip` line has its `signature`: pure
//! Ed25519 (RFC 8032 5.1) over [`CONTEXT`] and the SHA-256 of all octets before
//! the signature's line. The list only grows: of a clip the last line counts,
//! and a cut of power loses no line that was signed.

use std::{collections::BTreeMap, fmt, io, sync::Arc};

use aws_lc_rs::{
    digest::{Context, SHA256, digest},
    signature::{ED25519, UnparsedPublicKey},
};

use crate::{
    hex::Hex,
    seal::{
        keys::{ListKey, ListPublicKey},
        recording::Extent,
    },
    world::Disk,
};

/// What a signed message begins with.
pub const CONTEXT: &[u8] = b"lightleak-clips 1\n";

/// One clip, as far as it is vouched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name of its file.
    pub name: String,
    /// When its first picture was taken, in milliseconds since 1970.
    pub start: u64,
    /// How long it is, in milliseconds.
    pub duration: u64,
    /// How much of the sealed file is meant, and its hash.
    pub extent: Extent,
    /// Whether the clip is complete; an open one was still being written.
    pub closed: bool,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            start,
            duration,
            extent,
            closed,
        } = self;
        let state = if *closed { "closed" } else { "open" };
        let (length, hash) = (extent.length, Hex(&extent.sha256));
        write!(f, "clip {name} {start} {duration} {length} {hash} {state}")
    }
}

/// A list that grows.
pub struct ListWriter {
    disk: Arc<dyn Disk>,
    name: String,
    key: ListKey,
    octets: Context,
}

impl ListWriter {
    /// Makes the file.
    pub fn create(
        disk: Arc<dyn Disk>,
        name: String,
        serial: &str,
        key: ListKey,
    ) -> io::Result<Self> {
        disk.create(&name)?;
        let mut list = Self {
            disk,
            name,
            key,
            octets: Context::new(&SHA256),
        };
        list.append(&format!("lightleak-clips 1 {serial}\n"))?;
        Ok(list)
    }

    /// Name of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds a line and its signature.
    pub fn add(&mut self, entry: &Entry) -> io::Result<()> {
        let line = format!("{entry}\n");
        let mut octets = self.octets.clone();
        octets.update(line.as_bytes());
        let signature = self.key.sign(&message(octets.finish().as_ref()));
        self.append(&format!("{line}signature {}\n", Hex(&signature)))?;
        self.disk.sync(&self.name)
    }

    fn append(&mut self, text: &str) -> io::Result<()> {
        self.disk.append(&self.name, text.as_bytes())?;
        self.octets.update(text.as_bytes());
        Ok(())
    }
}

impl fmt::Debug for ListWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListWriter({})", self.name)
    }
}

/// The clips that the list vouches for, by name. Octets after the last whole
/// signature are left out: there power was cut.
pub fn verify(list: &[u8], key: &ListPublicKey) -> Result<BTreeMap<String, Entry>, ListError> {
    let mut entries = BTreeMap::new();
    let mut position = 0;
    let mut pending = None;
    for (index, line) in list.split_inclusive(|octet| *octet == b'\n').enumerate() {
        let Some(text) = line.strip_suffix(b"\n") else {
            break;
        };
        let malformed = ListError::Malformed { line: index + 1 };
        let Ok(text) = std::str::from_utf8(text) else {
            return Err(malformed);
        };
        match (index, pending.take()) {
            (0, _) if text.starts_with("lightleak-clips 1 ") => {}
            (0, _) => return Err(malformed),
            (_, None) => pending = Some(entry(text).ok_or(malformed)?),
            (_, Some(entry)) => {
                let signature = text.strip_prefix("signature ").and_then(octets);
                let signature = signature.ok_or(malformed)?;
                let hash = digest(&SHA256, &list[..position]);
                UnparsedPublicKey::new(&ED25519, &key.0)
                    .verify(&message(hash.as_ref()), &signature)
                    .map_err(|_| ListError::Forged { line: index + 1 })?;
                entries.insert(entry.name.clone(), entry);
            }
        }
        position += line.len();
    }
    Ok(entries)
}

/// Why a list is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// Not in canonical form.
    #[error("line {line} of the clip list is malformed")]
    Malformed {
        /// Counted from 1.
        line: usize,
    },
    /// The device did not sign it.
    #[error("line {line} of the clip list is no signature of the device")]
    Forged {
        /// Counted from 1.
        line: usize,
    },
}

fn message(hash: &[u8]) -> Vec<u8> {
    [CONTEXT, hash].concat()
}

/// A `clip` line; none unless it is exactly what we would write.
fn entry(line: &str) -> Option<Entry> {
    let words: Vec<&str> = line.split(' ').collect();
    let ["clip", name, start, duration, length, sha256, state] = words[..] else {
        return None;
    };
    let entry = Entry {
        name: name.to_owned(),
        start: start.parse().ok()?,
        duration: duration.parse().ok()?,
        extent: Extent {
            length: length.parse().ok()?,
            sha256: octets(sha256)?.try_into().ok()?,
        },
        closed: state == "closed",
    };
    (entry.to_string() == line).then_some(entry)
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    let (pairs, []) = hex.as_bytes().as_chunks::<2>() else {
        return None;
    };
    let digit = |octet: u8| char::from(octet).to_digit(16);
    let octet = |pair: &[u8; 2]| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok();
    pairs.iter().map(octet).collect()
}

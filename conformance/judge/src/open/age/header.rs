//! The header: a line with the version, a stanza for each recipient, and a MAC.
//!
//! Strict as the grammar: canonical base64 without padding, lines end with LF,
//! bodies in lines of 64 characters and a last one that is shorter.

use std::ops::Range;

use aws_lc_rs::hmac;

use super::{AgeError, derive};
use crate::dissect::base64;

/// What the first line begins with, whatever the version.
pub const INTRODUCTION: &[u8] = b"age-encryption.org/";
/// What the line of the MAC begins with: the last octets that the MAC covers.
pub const MAC_LINE: &[u8] = b"---";

const VERSION_LINE: &[u8] = b"age-encryption.org/v1";
/// What a stanza begins with.
const STANZA_LINE: &[u8] = b"-> ";
/// Characters of a full line of a body.
const COLUMNS: usize = 64;
/// Octets of the longest header that is read. No limit of the format; one of a
/// thousand recipients is as long.
const MOST: usize = 1 << 17;

/// For whom the file key is wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stanza {
    /// The first argument: the type of recipient.
    pub kind: String,
    /// Where the stanza lies in the file.
    pub range: Range<usize>,
    /// Whether one of the identities opened it.
    pub opened: bool,
}

/// What is wrong with a line of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// An argument is empty or has other characters than those of ASCII that
    /// are visible.
    #[error("an argument is empty or not of visible characters")]
    Argument,
    /// A line of a body is no canonical base64 of at most 64 characters.
    #[error("a body is no canonical base64 in lines of 64 characters")]
    Body,
    /// Neither a stanza nor the MAC.
    #[error("neither a stanza nor the MAC begins there")]
    Line,
    /// The header is longer than 128 KiB.
    #[error("the header is longer than {MOST} octets")]
    Long,
    /// The MAC is no canonical base64 of 32 octets.
    #[error("the MAC is no canonical base64 of 32 octets")]
    Mac,
    /// No stanza stands before the MAC.
    #[error("no stanza stands before the MAC")]
    NoStanza,
    /// A stanza for a passphrase stands beside another.
    #[error("a stanza of scrypt stands beside another")]
    ScryptNotAlone,
    /// The version is another than v1.
    #[error("the version is another than v1")]
    Version,
    /// A stanza of X25519 has other arguments than one share of 32 octets.
    #[error("a stanza of X25519 has other arguments than a share of 32 octets")]
    X25519Arguments,
    /// The body of a stanza of X25519 has not 32 octets.
    #[error("the body of a stanza of X25519 has not 32 octets")]
    X25519Body,
    /// The share of a stanza of X25519 is a point of low order (RFC 7748 6.1).
    #[error("the share of a stanza of X25519 is a point of low order")]
    X25519LowOrder,
}

/// A header, parsed.
#[derive(Debug)]
pub struct Header {
    pub stanzas: Vec<Parsed>,
    /// The MAC.
    pub mac: Vec<u8>,
    /// Octets of the file that the MAC covers.
    pub authenticated: usize,
    /// Octets of the header.
    pub length: usize,
}

/// A stanza with what is in it.
#[derive(Debug)]
pub struct Parsed {
    pub stanza: Stanza,
    /// The ephemeral share, and the sealed file key, if it is of X25519.
    pub x25519: Option<([u8; 32], [u8; 32])>,
    /// Number of its first line.
    line: usize,
}

impl Header {
    /// Whether the MAC is that of the file's header under that file key.
    pub fn authenticates(&self, file: &[u8], file_key: &[u8; 16]) -> bool {
        let key = derive(&[], file_key, b"header");
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose());
        let authenticated = file.get(..self.authenticated).unwrap_or_default();
        hmac::verify(&key, authenticated, &self.mac).is_ok()
    }
}

impl Parsed {
    /// The stanza is wrong.
    pub fn error(&self, fault: Fault) -> AgeError {
        AgeError::Header {
            line: self.line,
            offset: self.stanza.range.start,
            fault,
        }
    }
}

/// Parses the header that a file begins with.
pub fn parse(file: &[u8]) -> Result<Header, AgeError> {
    if !INTRODUCTION.starts_with(&file[..file.len().min(INTRODUCTION.len())]) {
        return Err(AgeError::NotAge);
    }
    let mut lines = Lines {
        file,
        at: 0,
        number: 0,
    };
    let version = lines.next()?;
    if version.text != VERSION_LINE {
        return Err(version.error(Fault::Version));
    }
    let mut stanzas = Vec::new();
    loop {
        let line = lines.next()?;
        if let Some(arguments) = line.text.strip_prefix(STANZA_LINE) {
            stanzas.push(stanza(&line, arguments, &mut lines)?);
        } else if let Some(mac) = line.text.strip_prefix(MAC_LINE) {
            let mac = mac.strip_prefix(b" ").and_then(base64);
            let mac = mac.filter(|mac| mac.len() == 32);
            let mac = mac.ok_or(line.error(Fault::Mac))?;
            let scrypt = stanzas.iter().find(|s| s.stanza.kind == "scrypt");
            return match (scrypt, stanzas.len()) {
                (_, 0) => Err(line.error(Fault::NoStanza)),
                (Some(scrypt), 2..) => Err(scrypt.error(Fault::ScryptNotAlone)),
                _ => Ok(Header {
                    stanzas,
                    mac,
                    authenticated: line.at + MAC_LINE.len(),
                    length: lines.at,
                }),
            };
        } else {
            return Err(line.error(Fault::Line));
        }
    }
}

fn stanza(first: &Line<'_>, arguments: &[u8], lines: &mut Lines<'_>) -> Result<Parsed, AgeError> {
    let arguments: Vec<&[u8]> = arguments.split(|octet| *octet == b' ').collect();
    let is_visible = |argument: &&[u8]| {
        !argument.is_empty() && argument.iter().all(|octet| octet.is_ascii_graphic())
    };
    if !arguments.iter().all(is_visible) {
        return Err(first.error(Fault::Argument));
    }
    let mut body = Vec::new();
    loop {
        let line = lines.next()?;
        let octets = base64(line.text).filter(|_| line.text.len() <= COLUMNS);
        body.extend(octets.ok_or(line.error(Fault::Body))?);
        if line.text.len() < COLUMNS {
            break;
        }
    }
    let x25519 = match arguments[..] {
        [b"X25519", share] => {
            let share = base64(share).and_then(|share| share.try_into().ok());
            let body = body.try_into().ok();
            Some((
                share.ok_or(first.error(Fault::X25519Arguments))?,
                body.ok_or(first.error(Fault::X25519Body))?,
            ))
        }
        [b"X25519", ..] => return Err(first.error(Fault::X25519Arguments)),
        _ => None,
    };
    Ok(Parsed {
        stanza: Stanza {
            kind: String::from_utf8_lossy(arguments[0]).into_owned(),
            range: first.at..lines.at,
            opened: false,
        },
        x25519,
        line: first.number,
    })
}

/// A line without its LF.
struct Line<'a> {
    text: &'a [u8],
    /// Where it begins in the file.
    at: usize,
    /// Counted from 1.
    number: usize,
}

impl Line<'_> {
    fn error(&self, fault: Fault) -> AgeError {
        AgeError::Header {
            line: self.number,
            offset: self.at,
            fault,
        }
    }
}

/// The lines of a file, one after the other.
struct Lines<'a> {
    file: &'a [u8],
    at: usize,
    number: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<Line<'a>, AgeError> {
        let (at, number) = (self.at, self.number + 1);
        let rest = &self.file[at..self.file.len().min(MOST)];
        let Some(length) = memchr::memchr(b'\n', rest) else {
            return Err(match self.file.len() {
                0..MOST => AgeError::HeaderCut {
                    line: number,
                    offset: at,
                },
                _ => AgeError::Header {
                    line: number,
                    offset: at,
                    fault: Fault::Long,
                },
            });
        };
        (self.at, self.number) = (at + length + 1, number);
        let text = &rest[..length];
        Ok(Line { text, at, number })
    }
}

/// Canonical base64 without padding (RFC 4648 4, 3.5).
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let (octets, bits, rest) = base64::decode(text)?;
    // What is left are zeros, and no character of its own.
    (bits < 6 && rest == 0).then_some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648 10.
    #[test]
    fn base64_is_canonical_and_without_padding() {
        for (text, octets) in [("", ""), ("Zg", "f"), ("Zm8", "fo"), ("Zm9vYmFy", "foobar")] {
            assert_eq!(base64(text.as_bytes()), Some(octets.into()), "{text}");
        }
        assert_eq!(base64(b"+/+/"), Some(vec![0xfb, 0xff, 0xbf]));
        for text in ["Zg==", "Zh", "Zm9", "Z", "Zm9vY", "-_", "Zg\r", "Z g"] {
            assert_eq!(base64(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn an_endless_header_is_refused() {
        let mut file = b"age-encryption.org/v1\n".to_vec();
        file.resize(MOST, b'x');
        let long = AgeError::Header {
            line: 2,
            offset: 22,
            fault: Fault::Long,
        };
        assert_eq!(parse(&file).err(), Some(long));
        file.pop();
        let cut = AgeError::HeaderCut {
            line: 2,
            offset: 22,
        };
        assert_eq!(parse(&file).err(), Some(cut));
    }
}

//! SFrame (RFC 9605), opened with escrowed base keys by crate `sframe`, which
//! stands on RustCrypto.

mod deviant;
mod nal;
#[cfg(test)]
mod tests;

use std::{fmt, ops::Range};

use sframe::{CipherSuite, frame::EncryptedFrameView, key::DecryptionKey};
use zeroize::Zeroizing;

use super::keylog;
pub use deviant::{Deviation, opens};
pub use nal::Carried;

/// The escrowed base keys of a session.
#[derive(Default)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// Reads the lines `SFRAME_BASE_KEY`, suite, KID and key; others, and those
    /// that are malformed, are left out.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let key = |line: &str| {
            let mut words = line.strip_prefix("SFRAME_BASE_KEY ")?.trim_end().split(' ');
            let [Some(suite), Some(kid), Some(key), None] = [(); 4].map(|()| words.next()) else {
                return None;
            };
            let &(suite, _, cipher) = SUITES.iter().find(|(_, name, _)| *name == suite)?;
            let kid = u64::from_be_bytes(keylog::octets(kid)?.try_into().ok()?);
            let key = Zeroizing::new(keylog::octets(key)?);
            let opens = DecryptionKey::derive_from(cipher, kid, &*key).ok()?;
            Some(Key {
                suite,
                kid,
                base: key,
                opens,
            })
        };
        Self(lines.into_iter().filter_map(key).collect())
    }

    /// These octets as base keys of every suite for a KID: what somebody might
    /// try who does not know which it is.
    pub fn guessed(kid: u64, octets: &[u8]) -> Self {
        let key = |&(suite, _, cipher): &(u16, &str, CipherSuite)| {
            let opens = DecryptionKey::derive_from(cipher, kid, octets).ok()?;
            Some(Key {
                suite,
                kid,
                base: Zeroizing::new(octets.to_vec()),
                opens,
            })
        };
        Self(SUITES.iter().filter_map(key).collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The base keys: their KIDs and octets.
    pub fn all(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.0.iter().map(|key| (key.kid, &key.base[..]))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} redacted)", self.0.len())
    }
}

/// The header of a frame (RFC 9605 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which key.
    pub kid: u64,
    /// Which frame.
    pub ctr: u64,
    /// Octets of the header.
    pub length: usize,
    /// Whether KID and CTR are in as few octets as they take.
    pub minimal: bool,
}

impl Header {
    /// The header that a frame begins with; none if it is not whole.
    pub fn read(frame: &[u8]) -> Option<Self> {
        let (&config, rest) = frame.split_first()?;
        let (kid, kid_length) = field(config >> 4, rest)?;
        let (ctr, ctr_length) = field(config & 0xf, &rest[kid_length..])?;
        let fits = |value: u64, length: usize| match length {
            0 => true,
            1 => value > 7,
            _ => value >> (8 * (length - 1)) > 0,
        };
        Some(Self {
            kid,
            ctr,
            length: 1 + kid_length + ctr_length,
            minimal: fits(kid, kid_length) && fits(ctr, ctr_length),
        })
    }
}

/// A frame that was opened.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenedFrame {
    /// What it says of itself.
    pub header: Header,
    /// The suite of its key, by its value in the IANA registry (RFC 9605 8.1).
    pub suite: u16,
    /// Where the ciphertext lies in the frame.
    pub sealed: Range<usize>,
    /// Where the tag does.
    pub tag: Range<usize>,
    /// What is in it.
    pub plaintext: Vec<u8>,
}

/// Shows no plaintext: it is somebody's private life.
impl fmt::Debug for OpenedFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedFrame")
            .field("header", &self.header)
            .field("suite", &self.suite)
            .field("plaintext", &self.plaintext.len())
            .finish_non_exhaustive()
    }
}

/// Why a frame does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SframeError {
    /// It ends in its header.
    #[error("the frame ends in its header")]
    Header,
    /// No key was escrowed for it.
    #[error("no base key was escrowed for kid {0:#x}")]
    UnknownKid(u64),
    /// It does not authenticate under any key of its KID.
    #[error("none of {keys} base keys for kid {kid:#x} opens the frame")]
    NoMatch {
        /// The KID.
        kid: u64,
        /// How many keys have it.
        keys: usize,
    },
}

/// Opens a frame with whichever key fits. Replays are not looked for.
pub fn open(frame: &[u8], metadata: &[u8], keys: &Keys) -> Result<OpenedFrame, SframeError> {
    let header = Header::read(frame).ok_or(SframeError::Header)?;
    let of_kid = || keys.0.iter().filter(|key| key.kid == header.kid);
    let open = |key: &Key| {
        let view = EncryptedFrameView::try_with_meta_data(frame, metadata).ok()?;
        let opened = view.decrypt(&key.opens).ok()?;
        let plaintext = opened.payload().to_vec();
        let end = header.length + plaintext.len();
        Some(OpenedFrame {
            header,
            suite: key.suite,
            sealed: header.length..end,
            tag: end..frame.len(),
            plaintext,
        })
    };
    match (of_kid().find_map(open), of_kid().count()) {
        (Some(opened), _) => Ok(opened),
        (None, 0) => Err(SframeError::UnknownKid(header.kid)),
        (None, keys) => Err(SframeError::NoMatch {
            kid: header.kid,
            keys,
        }),
    }
}

struct Key {
    suite: u16,
    kid: u64,
    base: Zeroizing<Vec<u8>>,
    opens: DecryptionKey,
}

/// The suites: value and name in the IANA registry (RFC 9605 8.1).
const SUITES: &[(u16, &str, CipherSuite)] = &[
    (
        1,
        "AES_128_CTR_HMAC_SHA256_80",
        CipherSuite::AesCtr128HmacSha256_80,
    ),
    (
        2,
        "AES_128_CTR_HMAC_SHA256_64",
        CipherSuite::AesCtr128HmacSha256_64,
    ),
    (
        3,
        "AES_128_CTR_HMAC_SHA256_32",
        CipherSuite::AesCtr128HmacSha256_32,
    ),
    (4, "AES_128_GCM_SHA256_128", CipherSuite::AesGcm128Sha256),
    (5, "AES_256_GCM_SHA512_128", CipherSuite::AesGcm256Sha512),
];

/// The value of a suite of that name in the IANA registry.
pub fn suite(name: &str) -> Option<u16> {
    let mut suites = SUITES.iter();
    suites.find(|(_, known, _)| *known == name).map(|s| s.0)
}

/// A value whose flag and low bits are `config`, and how many octets it takes
/// behind the config byte.
fn field(config: u8, rest: &[u8]) -> Option<(u64, usize)> {
    if config & 8 == 0 {
        return Some((config.into(), 0));
    }
    let length = usize::from(config & 7) + 1;
    let octets = rest.get(..length)?;
    let value = octets.iter().fold(0, |n, octet| n << 8 | u64::from(*octet));
    Some((value, length))
}

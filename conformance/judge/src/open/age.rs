//! Files of age v1 (age-encryption.org/v1): header with X25519 stanzas, and a
//! payload in chunks of 64 KiB, opened with escrowed identities. Every cipher
//! in here is that of aws-lc-rs.
//!
//! A reader of age stops at the first thing that is wrong. The judge looks
//! further, so that it can say what is wrong: a chunk that authenticates with
//! another counter or flag than its place demands is opened as a [`Deviation`].

mod bech32;
mod header;
mod identity;
mod payload;
mod secret;
mod trial;

#[cfg(test)]
mod tests;

use std::{fmt, ops::Range};

use aws_lc_rs::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, Salt},
};

pub use header::{Fault, Stanza};
pub use identity::{Identities, Malformed, MalformedLine};
pub use payload::{CHUNK, Chunk, Deviation, Difference};
pub use secret::Secret;
pub use trial::{Trial, read_identity};

/// Octets of a tag of ChaCha20-Poly1305.
pub const TAG: usize = 16;
/// Octets of the nonce between header and payload.
pub const NONCE: usize = 16;

/// A file that was opened, as far as it goes.
#[derive(Clone)]
pub struct OpenedFile {
    /// Where the header lies in the file.
    pub header: Range<usize>,
    /// To whom the file is sealed, in order.
    pub stanzas: Vec<Stanza>,
    /// Where the nonce lies in the file.
    pub nonce: Range<usize>,
    /// The chunks, in order; they begin right behind the nonce, and nothing is
    /// between them.
    pub chunks: Vec<Chunk>,
    /// What the chunks hold, in their order in the file.
    pub plaintext: Vec<u8>,
    /// Octets of the plaintext that any reader of age gives out: those before
    /// the first deviation.
    pub valid: usize,
    /// Chunks whose counter or flag is not what their place demands, in order.
    pub deviations: Vec<Deviation>,
    /// Why the chunks do not go to the end of the file, or lack the final one.
    pub stopped: Option<AgeError>,
    /// Whether it opened to a final chunk at the end of the file, without any
    /// deviation.
    pub complete: bool,
    /// The file key.
    pub file_key: Secret<16>,
    /// The key of the payload.
    pub payload_key: Secret<32>,
}

impl OpenedFile {
    /// Where in the file the octet at `at` of the plaintext lies, sealed.
    pub fn place(&self, at: usize) -> Option<usize> {
        let after = self.chunks.partition_point(|c| c.plaintext.start <= at);
        let chunk = self.chunks.get(after.checked_sub(1)?)?;
        let is_in = chunk.plaintext.contains(&at);
        is_in.then(|| chunk.sealed.start + (at - chunk.plaintext.start))
    }
}

/// Shows no plaintext: it is somebody's private life.
impl fmt::Debug for OpenedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedFile")
            .field("header", &self.header)
            .field("chunks", &self.chunks.len())
            .field("plaintext", &self.plaintext.len())
            .field("valid", &self.valid)
            .field("deviations", &self.deviations)
            .field("stopped", &self.stopped)
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}

/// Why a file does not open, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AgeError {
    /// It begins otherwise.
    #[error("the file does not begin as one of age")]
    NotAge,
    /// It ends before its header does.
    #[error("the file ends in line {line} of its header, which begins at offset {offset}")]
    HeaderCut {
        /// Counted from 1.
        line: usize,
        /// Where the unfinished line begins in the file.
        offset: usize,
    },
    /// The header is malformed.
    #[error("line {line} of the header at offset {offset}: {fault}")]
    Header {
        /// Counted from 1.
        line: usize,
        /// Where the line begins in the file.
        offset: usize,
        /// What is wrong.
        fault: Fault,
    },
    /// The file is sealed to others.
    #[error("none of {identities} identities opens any of {stanzas} stanzas")]
    NoMatch {
        /// How many were tried.
        identities: usize,
        /// How many the file has.
        stanzas: usize,
    },
    /// The header does not authenticate with the file key.
    #[error("the MAC of the header at offset {offset} is wrong")]
    HeaderMac {
        /// Where its line begins in the file.
        offset: usize,
    },
    /// It ends before its nonce does.
    #[error("the file ends in its nonce at offset {offset}")]
    NonceCut {
        /// Where the nonce begins in the file.
        offset: usize,
    },
    /// It ends before the final chunk does. Whether it was cut there or the
    /// octets were altered can't be told from the file alone.
    #[error("the file ends {octets} octets into chunk {chunk} at offset {offset}")]
    Cut {
        /// Index of the chunk that is not whole.
        chunk: usize,
        /// Where it begins in the file.
        offset: usize,
        /// How many octets of it there are: less than a whole chunk has.
        octets: usize,
    },
    /// A chunk was altered, or comes from another file.
    #[error("chunk {chunk} at offset {offset} does not authenticate")]
    Chunk {
        /// Its index.
        chunk: usize,
        /// Where it begins in the file.
        offset: usize,
    },
}

impl AgeError {
    /// Whether a writer that lost power leaves such a file.
    pub fn is_cut(&self) -> bool {
        matches!(
            self,
            Self::HeaderCut { .. } | Self::NonceCut { .. } | Self::Cut { .. }
        )
    }
}

/// Whether the octets begin as a file of age of any version does.
pub fn looks_like(file: &[u8]) -> bool {
    file.starts_with(header::INTRODUCTION)
}

/// Opens a file. An error if it does not open at all; a file that opens in part
/// says in [`OpenedFile::stopped`] and [`OpenedFile::deviations`] what is wrong.
pub fn open(file: &[u8], identities: &Identities) -> Result<OpenedFile, AgeError> {
    let mut header = header::parse(file)?;
    let file_key = identities.unwrap(&mut header)?.ok_or(AgeError::NoMatch {
        identities: identities.len(),
        stanzas: header.stanzas.len(),
    })?;
    if !header.authenticates(file, file_key.expose()) {
        return Err(AgeError::HeaderMac {
            // The MAC covers the first three octets of its line.
            offset: header.authenticated - header::MAC_LINE.len(),
        });
    }
    let nonce = header.length..header.length + NONCE;
    let salt = file.get(nonce.clone()).ok_or(AgeError::NonceCut {
        offset: nonce.start,
    })?;
    let payload_key = derive(salt, file_key.expose(), b"payload");
    let payload = payload::open(file, nonce.end, &payload_key);
    Ok(OpenedFile {
        header: 0..header.length,
        stanzas: header.stanzas.into_iter().map(|s| s.stanza).collect(),
        nonce,
        complete: payload.stopped.is_none() && payload.deviations.is_empty(),
        chunks: payload.chunks,
        plaintext: payload.plaintext,
        valid: payload.valid,
        deviations: payload.deviations,
        stopped: payload.stopped,
        file_key,
        payload_key,
    })
}

/// HKDF-SHA-256 (RFC 5869) to 32 octets.
fn derive(salt: &[u8], secret: &[u8], info: &[u8]) -> Secret<32> {
    let mut key = Secret::zero();
    Salt::new(HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info], HKDF_SHA256)
        .and_then(|okm| okm.fill(key.expose_mut()))
        .expect("HKDF gives up to 255 times 32 octets");
    key
}

/// ChaCha20-Poly1305 (RFC 8439) with a key.
struct Aead(LessSafeKey);

impl Aead {
    fn new(key: &Secret<32>) -> Self {
        let key = UnboundKey::new(&CHACHA20_POLY1305, key.expose());
        Self(LessSafeKey::new(key.expect("a key has 32 octets")))
    }

    /// Opens ciphertext and tag into `plaintext`, which has the length of the
    /// ciphertext; whether they authenticate.
    fn open(&self, nonce: [u8; 12], sealed: &[u8], tag: &[u8], plaintext: &mut [u8]) -> bool {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0
            .open_separate_gather(nonce, Aad::empty(), sealed, tag, plaintext)
            .is_ok()
    }
}

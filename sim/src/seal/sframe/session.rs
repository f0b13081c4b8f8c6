//! One base key at work: the keys that come of it, set up once, and the AEAD.

use std::fmt;

use aws_lc_rs::{
    aead::{Aad, LessSafeKey, Nonce, UnboundKey},
    constant_time::verify_slices_are_equal,
    hmac,
};
use zeroize::Zeroizing;

use super::{SFrameError, Suite};
use crate::seal::{keys::SFrameOctets, srtp::CounterMode};

/// Octets of the longest tag.
pub(super) const LONGEST_TAG: usize = 16;
/// Octets of a nonce: Nn.
const NONCE: usize = 12;
/// Octets of the key of AES in the suites that have one of HMAC beside it: Nka.
const ENCRYPTION_KEY: usize = 16;
/// Octets of the longest key of an AEAD: Nk.
const LONGEST_KEY: usize = 48;

/// The key and the salt that are derived from one base key (RFC 9605 4.4.2).
pub(super) struct Session {
    cipher: Cipher,
    salt: Zeroizing<[u8; NONCE]>,
    pub(super) tag_length: usize,
}

impl Session {
    /// Derives both.
    pub(super) fn new(base: &SFrameOctets) -> Result<Self, SFrameError> {
        let (suite, kid) = (base.suite(), base.id().kid().to_be_bytes());
        let value = suite.value().to_be_bytes();
        let mut key = Zeroizing::new([0; LONGEST_KEY]);
        let key = &mut key[..suite.key_length()];
        base.expand(&[b"SFrame 1.0 Secret key ", &kid, &value], key)?;
        let mut salt = Zeroizing::new([0; NONCE]);
        base.expand(
            &[b"SFrame 1.0 Secret salt ", &kid, &value],
            salt.as_mut_slice(),
        )?;
        Ok(Self {
            cipher: Cipher::new(suite, key)?,
            salt,
            tag_length: suite.tag_length(),
        })
    }

    /// Encrypts the start of `octets` in place; the tag fills the end of it.
    #[inline]
    pub(super) fn seal(
        &self,
        ctr: u64,
        associated: &[u8],
        octets: &mut [u8],
    ) -> Result<(), SFrameError> {
        let nonce = self.nonce(ctr);
        let (text, tag) = octets.split_at_mut(octets.len() - self.tag_length);
        match &self.cipher {
            Cipher::Galois(key) => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                let made = key.seal_in_place_separate_tag(nonce, Aad::from(associated), text);
                tag.copy_from_slice(made.map_err(|_| SFrameError::Library)?.as_ref());
            }
            Cipher::Counter {
                encryption,
                authentication,
            } => {
                apply(encryption, nonce, text)?;
                let length = tag.len();
                let full = compute_tag(authentication, nonce, associated, text, length);
                tag.copy_from_slice(&full.as_ref()[..length]);
            }
        }
        Ok(())
    }

    /// Decrypts the start of `octets` in place if the tag at its end fits. If
    /// not, nothing in there may be used.
    #[inline]
    pub(super) fn open(
        &self,
        ctr: u64,
        associated: &[u8],
        octets: &mut [u8],
    ) -> Result<(), SFrameError> {
        let nonce = self.nonce(ctr);
        match &self.cipher {
            Cipher::Galois(key) => {
                let nonce = Nonce::assume_unique_for_key(nonce);
                let opened = key.open_in_place(nonce, Aad::from(associated), octets);
                opened.map(drop).map_err(|_| SFrameError::Authentication)
            }
            Cipher::Counter {
                encryption,
                authentication,
            } => {
                let (text, tag) = octets.split_at_mut(octets.len() - self.tag_length);
                let length = tag.len();
                let full = compute_tag(authentication, nonce, associated, text, length);
                verify_slices_are_equal(&full.as_ref()[..length], tag)
                    .map_err(|_| SFrameError::Authentication)?;
                apply(encryption, nonce, text)
            }
        }
    }

    /// The salt, XORed with the counter (RFC 9605 4.4.3).
    #[inline]
    fn nonce(&self, ctr: u64) -> [u8; NONCE] {
        let mut nonce = *self.salt;
        let end = nonce.iter_mut().rev();
        end.zip(ctr.to_le_bytes()).for_each(|(n, c)| *n ^= c);
        nonce
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(redacted)")
    }
}

/// The AEAD of a suite.
#[expect(
    clippy::large_enum_variant,
    reason = "there are few, and none is worth another look-up per frame"
)]
enum Cipher {
    /// AES-GCM.
    Galois(LessSafeKey),
    /// AES-CTR with HMAC (RFC 9605 4.5.1).
    Counter {
        encryption: CounterMode,
        authentication: hmac::Key,
    },
}

impl Cipher {
    fn new(suite: Suite, key: &[u8]) -> Result<Self, SFrameError> {
        if let Some(algorithm) = suite.aead() {
            let key = UnboundKey::new(algorithm, key).map_err(|_| SFrameError::Library)?;
            return Ok(Self::Galois(LessSafeKey::new(key)));
        }
        let (encryption, authentication) = key.split_at(ENCRYPTION_KEY);
        Ok(Self::Counter {
            encryption: CounterMode::new(encryption).map_err(|_| SFrameError::Library)?,
            authentication: hmac::Key::new(hmac::HMAC_SHA256, authentication),
        })
    }
}

/// Encrypts or decrypts in counter mode, the counter being four octets behind
/// the nonce.
#[inline]
fn apply(key: &CounterMode, nonce: [u8; NONCE], text: &mut [u8]) -> Result<(), SFrameError> {
    let mut block = [0; 16];
    block[..NONCE].copy_from_slice(&nonce);
    key.apply(u128::from_be_bytes(block), text)
        .map_err(|_| SFrameError::Library)
}

/// The tag before it is cut to `length` (RFC 9605 4.5.1).
#[inline]
fn compute_tag(
    key: &hmac::Key,
    nonce: [u8; NONCE],
    associated: &[u8],
    text: &[u8],
    length: usize,
) -> hmac::Tag {
    let mut head = [0; 3 * 8 + NONCE];
    let lengths = [associated.len(), text.len(), length];
    for (out, length) in head.chunks_exact_mut(8).zip(lengths) {
        out.copy_from_slice(&(length as u64).to_be_bytes());
    }
    head[3 * 8..].copy_from_slice(&nonce);
    let mut context = hmac::Context::with_key(key);
    context.update(&head);
    context.update(associated);
    context.update(text);
    context.sign()
}

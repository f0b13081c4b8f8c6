//! Base keys of SFrame.

use std::fmt::{self, Write};

use aws_lc_rs::hkdf;
use zeroize::Zeroizing;

use super::KeyError;
use crate::{
    hex::Hex,
    seal::sframe::{KeyId, SFrameError, Suite},
    world::Entropy,
};

/// Octets of the shortest base key: the least strength of any suite.
const SHORTEST: usize = 16;
/// Octets of the longest base key: the longest hash, which a ratchet makes.
const LONGEST: usize = 64;

/// A base key (RFC 9605 4.4.1) that one sender seals with. It can't be copied,
/// since no two senders may have it; [`opening`](Self::opening) is what the
/// others get.
pub struct SFrameBaseKey(Octets);

impl SFrameBaseKey {
    /// The key of these octets, from 16 to 64 of them.
    ///
    /// # Errors
    ///
    /// [`KeyError::Range`] for another length.
    pub fn new(suite: Suite, id: KeyId, key: &[u8]) -> Result<Self, KeyError> {
        Octets::new(suite, id, key).map(Self)
    }

    /// A fresh one, as long as the hash of the suite.
    pub fn random(suite: Suite, id: KeyId, entropy: &dyn Entropy) -> Self {
        let mut new = Octets::empty(suite, id, suite.hash_length());
        entropy.fill(&mut new.key[..new.length]);
        Self(new)
    }

    /// The same for whoever opens.
    pub fn opening(&self) -> SFrameOpeningKey {
        SFrameOpeningKey(self.0.clone())
    }

    /// The key of the next ratchet step (RFC 9605 5.1).
    pub(in crate::seal) fn next(&self) -> Result<Self, SFrameError> {
        self.0.next().map(Self)
    }

    pub(in crate::seal) fn octets(&self) -> &Octets {
        &self.0
    }
}

/// A base key (RFC 9605 4.4.1) that opens, and seals nothing.
#[derive(Clone)]
pub struct SFrameOpeningKey(Octets);

impl SFrameOpeningKey {
    /// The key of these octets, from 16 to 64 of them.
    ///
    /// # Errors
    ///
    /// [`KeyError::Range`] for another length.
    pub fn new(suite: Suite, id: KeyId, key: &[u8]) -> Result<Self, KeyError> {
        Octets::new(suite, id, key).map(Self)
    }

    /// The suite that it is for.
    pub fn suite(&self) -> Suite {
        self.0.suite
    }

    /// What its frames carry.
    pub fn id(&self) -> KeyId {
        self.0.id
    }

    /// The key itself, for whoever delivers it.
    pub fn expose(&self) -> &[u8] {
        self.0.key()
    }

    /// For the escrow: `SFRAME_BASE_KEY`, the suite, KID (8 octets) and key, in
    /// hexadecimal.
    pub fn escrow(&self) -> Zeroizing<String> {
        // Long enough that no copy is left behind by growing.
        let mut line = Zeroizing::new(String::with_capacity(256));
        let Octets { suite, id, .. } = &self.0;
        let kid = id.kid().to_be_bytes();
        // Writing to a string does not fail.
        let _ = write!(
            line,
            "SFRAME_BASE_KEY {suite} {} {}",
            Hex(&kid),
            Hex(self.expose())
        );
        line
    }

    pub(in crate::seal) fn next(&self) -> Result<Self, SFrameError> {
        self.0.next().map(Self)
    }

    pub(in crate::seal) fn octets(&self) -> &Octets {
        &self.0
    }
}

/// What both are made of.
#[derive(Clone)]
pub(in crate::seal) struct Octets {
    suite: Suite,
    id: KeyId,
    key: Zeroizing<[u8; LONGEST]>,
    length: usize,
}

impl Octets {
    fn new(suite: Suite, id: KeyId, key: &[u8]) -> Result<Self, KeyError> {
        if !(SHORTEST..=LONGEST).contains(&key.len()) {
            return Err(KeyError::Range {
                field: "sframe base key",
                length: key.len(),
                least: SHORTEST,
                most: LONGEST,
            });
        }
        let mut new = Self::empty(suite, id, key.len());
        new.key[..key.len()].copy_from_slice(key);
        Ok(new)
    }

    fn empty(suite: Suite, id: KeyId, length: usize) -> Self {
        Self {
            suite,
            id,
            key: Zeroizing::new([0; LONGEST]),
            length,
        }
    }

    pub(in crate::seal) fn suite(&self) -> Suite {
        self.suite
    }

    pub(in crate::seal) fn id(&self) -> KeyId {
        self.id
    }

    fn key(&self) -> &[u8] {
        &self.key[..self.length]
    }

    /// Fills `out` with what HKDF makes of the key for `info` (RFC 9605 4.4.2,
    /// 5.1): extracted with an empty salt, then expanded.
    pub(in crate::seal) fn expand(
        &self,
        info: &[&[u8]],
        out: &mut [u8],
    ) -> Result<(), SFrameError> {
        let secret = hkdf::Salt::new(self.suite.hkdf(), b"").extract(self.key());
        let made = secret.expand(info, Length(out.len()));
        let filled = made.and_then(|made| made.fill(out));
        filled.map_err(|_| SFrameError::Library)
    }

    fn next(&self) -> Result<Self, SFrameError> {
        let id = self.id.next_step()?;
        let mut next = Self::empty(self.suite, id, self.suite.hash_length());
        self.expand(&[b"SFrame 1.0 Ratchet"], &mut next.key[..next.length])?;
        Ok(next)
    }
}

/// Octets that HKDF is to make.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl fmt::Debug for SFrameBaseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SFrameBaseKey({})", self.0)
    }
}

impl fmt::Debug for SFrameOpeningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SFrameOpeningKey({})", self.0)
    }
}

impl fmt::Display for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, kid {:#x}, redacted", self.suite, self.id.kid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_from_16_to_64_octets() {
        let new = |length| SFrameOpeningKey::new(Suite::Aes128Gcm, KeyId::new(1), &vec![1; length]);
        assert!(new(16).is_ok() && new(64).is_ok());
        assert!(new(15).is_err() && new(65).is_err());
        assert_eq!(
            new(0).err().map(|e| e.to_string()).as_deref(),
            Some("sframe base key is 0 octets long, not from 16 to 64")
        );
    }

    #[test]
    fn only_the_escrow_shows_the_key() {
        let key = SFrameBaseKey::new(Suite::Aes128Gcm, KeyId::new(0x123), &[0xab; 16])
            .expect("the right length");
        let opening = key.opening();
        assert_eq!(
            format!("{key:?} {opening:?}"),
            "SFrameBaseKey(AES_128_GCM_SHA256_128, kid 0x123, redacted) \
             SFrameOpeningKey(AES_128_GCM_SHA256_128, kid 0x123, redacted)"
        );
        assert_eq!(
            *opening.escrow(),
            format!(
                "SFRAME_BASE_KEY AES_128_GCM_SHA256_128 0000000000000123 {}",
                "ab".repeat(16)
            )
        );
    }
}

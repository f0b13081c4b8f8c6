//! The algorithms, from the libraries, each with a key that is set up once:
//! the faster of aws-lc-rs and ring for packets of some 1200 octets. In
//! Galois/counter mode that is ring, by a tenth on a CPU with AVX-512 and by half
//! or more on one that has VAES only (`benches/record`). Of counter mode and
//! HMAC-SHA1, aws-lc-rs has the first and is four times as fast at the second.
//! The price is known: ring does not clear a key schedule that is dropped;
//! aws-lc-rs does.

use std::fmt;

use aws_lc_rs::{
    cipher::{AES_128, AES_192, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
    constant_time::verify_slices_are_equal,
    hmac,
    iv::FixedLength,
};
use ring::aead::{self, Aad, LessSafeKey, Nonce, Tag, UnboundKey};

use super::SrtpError;

/// Octets of a full HMAC-SHA1.
pub(super) const MAC_LENGTH: usize = 20;
/// Octets of a tag of Galois/counter mode.
pub(super) const AEAD_TAG_LENGTH: usize = 16;

/// AES in counter mode (RFC 3711 4.1.1).
pub struct CounterMode(EncryptingKey);

impl CounterMode {
    /// With a key of 16, 24 or 32 octets.
    ///
    /// # Errors
    ///
    /// [`SrtpError::KeyLength`] for another length; [`SrtpError::Library`] if
    /// the library refuses.
    pub fn new(key: &[u8]) -> Result<Self, SrtpError> {
        let algorithm = match key.len() {
            16 => &AES_128,
            24 => &AES_192,
            32 => &AES_256,
            length => return Err(SrtpError::KeyLength(length)),
        };
        let key = UnboundCipherKey::new(algorithm, key).and_then(EncryptingKey::ctr);
        key.map(Self).map_err(refused)
    }

    /// Encrypts or decrypts `octets` (XORs the keystream on them) from the
    /// counter block `iv` on.
    ///
    /// # Errors
    ///
    /// [`SrtpError::Library`] if the library refuses.
    pub fn apply(&self, iv: u128, octets: &mut [u8]) -> Result<(), SrtpError> {
        let iv = EncryptionContext::Iv128(FixedLength::from(iv.to_be_bytes()));
        let done = self.0.less_safe_encrypt(octets, iv);
        done.map(drop).map_err(refused)
    }
}

impl fmt::Debug for CounterMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CounterMode(redacted)")
    }
}

/// HMAC-SHA1 (RFC 2104, RFC 3711 4.2.1).
pub struct AuthenticationKey(hmac::Key);

impl AuthenticationKey {
    /// With a key of any length; SRTP has 20 octets.
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key))
    }

    /// The full tag of `octets`, of which SRTP uses the first octets.
    ///
    /// # Errors
    ///
    /// [`SrtpError::Library`] if the library refuses.
    pub fn tag(&self, octets: &[u8]) -> Result<[u8; MAC_LENGTH], SrtpError> {
        let mut tag = [0; MAC_LENGTH];
        let done = hmac::sign_to_buffer(&self.0, octets, &mut tag);
        done.map_err(refused)?;
        Ok(tag)
    }

    /// Whether the tag of `octets` begins with `tag`, in constant time.
    ///
    /// # Errors
    ///
    /// [`SrtpError::Authentication`] if not, or if `tag` is empty or longer than
    /// a full one.
    pub fn verify(&self, octets: &[u8], tag: &[u8]) -> Result<(), SrtpError> {
        let full = self.tag(octets)?;
        let expected = full.get(..tag.len()).filter(|tag| !tag.is_empty());
        let expected = expected.ok_or(SrtpError::Authentication)?;
        verify_slices_are_equal(expected, tag).map_err(|_| SrtpError::Authentication)
    }
}

impl fmt::Debug for AuthenticationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthenticationKey(redacted)")
    }
}

/// AES in Galois/counter mode (RFC 7714).
pub struct GaloisCounterMode(LessSafeKey);

impl GaloisCounterMode {
    /// With a key of 16 or 32 octets.
    ///
    /// # Errors
    ///
    /// [`SrtpError::KeyLength`] for another length; [`SrtpError::Library`] if
    /// the library refuses.
    pub fn new(key: &[u8]) -> Result<Self, SrtpError> {
        let algorithm = match key.len() {
            16 => &aead::AES_128_GCM,
            32 => &aead::AES_256_GCM,
            length => return Err(SrtpError::KeyLength(length)),
        };
        let key = UnboundKey::new(algorithm, key).map_err(|_| SrtpError::Library)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Encrypts `text` in place; the tag over it and the associated data. The
    /// IV is the lower 96 bits of `iv`.
    ///
    /// # Errors
    ///
    /// [`SrtpError::Library`] if the library refuses.
    #[inline]
    pub fn seal(
        &self,
        iv: u128,
        associated: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; AEAD_TAG_LENGTH], SrtpError> {
        let mut tag = [0; AEAD_TAG_LENGTH];
        let made = self
            .0
            .seal_in_place_separate_tag(nonce(iv), Aad::from(associated), text)
            .map_err(|_| SrtpError::Library)?;
        tag.copy_from_slice(made.as_ref());
        Ok(tag)
    }

    /// Decrypts `text` in place if the tag fits; else `text` is zero, or
    /// ciphertext as it was.
    ///
    /// # Errors
    ///
    /// [`SrtpError::Authentication`] if it does not fit.
    pub fn open(
        &self,
        iv: u128,
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8],
    ) -> Result<(), SrtpError> {
        let tag = Tag::try_from(tag).map_err(|_| SrtpError::Authentication)?;
        let done =
            self.0
                .open_in_place_separate_tag(nonce(iv), Aad::from(associated), tag, text, 0..);
        done.map(drop).map_err(|_| SrtpError::Authentication)
    }
}

impl fmt::Debug for GaloisCounterMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GaloisCounterMode(redacted)")
    }
}

/// A number of up to 128 bits from its octets, the first of which weighs most.
pub(crate) fn number(octets: &[u8]) -> u128 {
    octets
        .iter()
        .fold(0, |n, &octet| n << 8 | u128::from(octet))
}

fn nonce(iv: u128) -> Nonce {
    let mut octets = [0; 12];
    octets.copy_from_slice(&iv.to_be_bytes()[4..]);
    Nonce::assume_unique_for_key(octets)
}

fn refused(_: aws_lc_rs::error::Unspecified) -> SrtpError {
    SrtpError::Library
}

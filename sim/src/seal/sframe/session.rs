//! One base key at work: the keys that come of it, set up once, and the AEAD.

use std::fmt;

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use zeroize::Zeroizing;

use super::{
    SFrameError, Suite,
    galois::{Galois, Library, NONCE},
};
use crate::seal::{keys::SFrameOctets, srtp::CounterMode};

/// Octets of the longest tag.
pub(super) const LONGEST_TAG: usize = 16;
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
            Cipher::Galois(key) => key.seal(nonce, associated, text, tag)?,
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
            Cipher::Galois(key) => key.open(nonce, associated, octets),
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
        if let Some((_, low)) = nonce.split_last_chunk_mut::<8>() {
            *low = (u64::from_be_bytes(*low) ^ ctr).to_be_bytes();
        }
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
    Galois(Galois),
    /// AES-CTR with HMAC (RFC 9605 4.5.1).
    Counter {
        encryption: CounterMode,
        authentication: hmac::Key,
    },
}

impl Cipher {
    fn new(suite: Suite, key: &[u8]) -> Result<Self, SFrameError> {
        if suite.is_galois() {
            return Galois::new(Library::fastest(), key).map(Self::Galois);
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

#[cfg(test)]
mod tests {
    use lightleak_vectors::sframe::rfc9605;

    use super::*;
    use crate::seal::{keys::SFrameBaseKey, sframe::KeyId};

    #[test]
    fn counter_mode_and_hmac_are_those_of_rfc_9605_c_2() {
        let vectors = rfc9605().aeads;
        assert_eq!(vectors.len(), 3);
        for vector in vectors {
            let suite = Suite::from_value(vector.cipher_suite).expect("a suite");
            assert_eq!(vector.key, [&vector.enc_key[..], &vector.auth_key].concat());
            let session = Session {
                cipher: Cipher::new(suite, &vector.key).expect("a key"),
                // With counter 0 the salt is the nonce.
                salt: Zeroizing::new(vector.nonce[..].try_into().expect("12 octets")),
                tag_length: suite.tag_length(),
            };
            let mut sealed = vector.pt.clone();
            sealed.resize(vector.ct.len(), 0);
            session.seal(0, &vector.aad, &mut sealed).expect("sealed");
            assert_eq!(sealed, vector.ct, "{suite}");

            let open = |ctr, aad: &[u8], octets: &[u8]| {
                let mut octets = octets.to_vec();
                session.open(ctr, aad, &mut octets)?;
                octets.truncate(vector.pt.len());
                Ok(octets)
            };
            assert_eq!(open(0, &vector.aad, &vector.ct), Ok(vector.pt.clone()));
            let refused = Err(SFrameError::Authentication);
            for bit in 0..8 * vector.ct.len() {
                let mut flipped = vector.ct.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(open(0, &vector.aad, &flipped), refused, "{suite}");
            }
            assert_eq!(open(1, &vector.aad, &vector.ct), refused, "{suite}");
            assert_eq!(open(0, &vector.aad[1..], &vector.ct), refused, "{suite}");
        }
    }

    /// What is derived on the way to the ciphertexts of C.3.
    #[test]
    fn keys_salts_and_nonces_are_those_of_rfc_9605_c_3() {
        for vector in rfc9605().frames {
            let suite = Suite::from_value(vector.cipher_suite).expect("a suite");
            let base = |kid| {
                let base = SFrameBaseKey::new(suite, KeyId::new(kid), &vector.base_key);
                base.expect("a length")
            };
            let derived = |kid, label: &[u8], length| {
                let mut out = vec![0; length];
                let done = base(kid).octets().expand(&[label], &mut out);
                done.map(|()| out).expect("derived")
            };
            let key = derived(vector.kid, &vector.sframe_key_label, suite.key_length());
            assert_eq!(key, vector.sframe_key, "{suite}");
            let session = Session::new(base(vector.kid).octets()).expect("a session");
            assert_eq!(session.salt[..], vector.sframe_salt, "{suite}");
            assert_eq!(session.nonce(vector.ctr)[..], vector.nonce, "{suite}");
            assert_ne!(session.nonce(vector.ctr + 1)[..], vector.nonce);
            // The labels end in the KID and the value of the suite.
            let other = Session::new(base(vector.kid + 1).octets()).expect("a session");
            assert_ne!(other.salt[..], vector.sframe_salt, "{suite}");
        }
    }
}

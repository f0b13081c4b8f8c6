//! The key schedule (RFC 9180 5.1) with HKDF-SHA256, and AES-128-GCM.

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf, hmac,
};
use zeroize::Zeroizing;

use super::TAG;

/// Octets of a hash, and of every secret between keys: Nh, Nsecret.
const HASH: usize = 32;
/// Octets of the key of AES-128-GCM: Nk.
const KEY: usize = 16;
/// The base mode (table 1).
const BASE: u8 = 0;

/// A secret that keys are derived from.
pub type Secret = Zeroizing<[u8; HASH]>;

/// What every label is bound to: `suite_id`.
#[derive(Clone, Copy)]
pub struct Suite<'a>(pub &'a [u8]);

impl Suite<'_> {
    /// LabeledExtract (RFC 9180 4).
    pub fn extract(self, salt: &[u8], label: &str, material: &[u8]) -> Secret {
        // HKDF-Extract is an HMAC, and an empty salt as good as one of zeros
        // (RFC 5869 2.2).
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, salt));
        for part in [&b"HPKE-v1"[..], self.0, label.as_bytes(), material] {
            context.update(part);
        }
        let mut secret = Secret::default();
        secret.copy_from_slice(context.sign().as_ref());
        secret
    }

    /// LabeledExpand (RFC 9180 4).
    pub fn expand(self, secret: &Secret, label: &str, info: &[u8], out: &mut [u8]) {
        let length = u16::try_from(out.len())
            .expect("keys are short")
            .to_be_bytes();
        let info = [&length[..], b"HPKE-v1", self.0, label.as_bytes(), info];
        hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, secret.as_ref())
            .expand(&info, Length(out.len()))
            .and_then(|made| made.fill(out))
            .expect("HKDF gives up to 255 times 32 octets");
    }
}

/// A receiver's context, before anything was opened.
pub struct Context {
    key: LessSafeKey,
    base_nonce: [u8; NONCE_LEN],
}

impl Context {
    /// That of the base mode (KeySchedule with no PSK).
    pub fn base(shared: &Secret, info: &[u8], [kem, kdf, aead]: [u16; 3]) -> Self {
        let [kem, kdf, aead] = [kem, kdf, aead].map(u16::to_be_bytes);
        let id = [&b"HPKE"[..], &kem, &kdf, &aead].concat();
        let suite = Suite(&id);
        let psk_id_hash = suite.extract(b"", "psk_id_hash", b"");
        let info_hash = suite.extract(b"", "info_hash", info);
        let context = [&[BASE][..], psk_id_hash.as_ref(), info_hash.as_ref()].concat();
        let secret = suite.extract(shared.as_ref(), "secret", b"");
        let mut key = Zeroizing::new([0; KEY]);
        suite.expand(&secret, "key", &context, key.as_mut());
        let mut base_nonce = [0; NONCE_LEN];
        suite.expand(&secret, "base_nonce", &context, &mut base_nonce);
        let key = UnboundKey::new(&AES_128_GCM, key.as_ref());
        Self {
            key: LessSafeKey::new(key.expect("a key has 16 octets")),
            base_nonce,
        }
    }

    /// Opens the first message, ciphertext and tag, if it authenticates.
    pub fn open(&self, associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        // The sequence number is 0 (RFC 9180 5.2).
        let nonce = Nonce::assume_unique_for_key(self.base_nonce);
        let (ciphertext, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG)?)?;
        let mut plaintext = vec![0; ciphertext.len()];
        self.key
            .open_separate_gather(
                nonce,
                Aad::from(associated),
                ciphertext,
                tag,
                &mut plaintext,
            )
            .ok()?;
        Some(plaintext)
    }
}

/// Octets that HKDF is to make.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

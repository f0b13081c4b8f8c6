//! SFrame: RFC 9605 Appendix C.

use serde::Deserialize;

use crate::{About, Set, load, number, octets};

/// The vectors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sframe {
    /// What it is.
    pub about: About,
    /// Headers (C.1).
    #[serde(rename = "header")]
    pub headers: Vec<Header>,
    /// The AEAD of counter mode and HMAC (C.2).
    #[serde(rename = "aead")]
    pub aeads: Vec<Aead>,
    /// Whole ciphertexts (C.3).
    #[serde(rename = "frame")]
    pub frames: Vec<Frame>,
}

/// A header (RFC 9605 4.3).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The key ID.
    #[serde(deserialize_with = "number")]
    pub kid: u64,
    /// The counter.
    #[serde(deserialize_with = "number")]
    pub ctr: u64,
    /// Its octets, 1 to 17.
    #[serde(deserialize_with = "octets")]
    pub encoded: Vec<u8>,
}

/// A text sealed by AES-CTR and HMAC (RFC 9605 4.5.1).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aead {
    /// The clause.
    pub clause: String,
    /// The number of the suite in the IANA registry.
    pub cipher_suite: u16,
    /// Both keys, one behind the other.
    #[serde(deserialize_with = "octets")]
    pub key: Vec<u8>,
    /// The key of the cipher, 16 octets.
    #[serde(deserialize_with = "octets")]
    pub enc_key: Vec<u8>,
    /// The key of HMAC, 32 octets.
    #[serde(deserialize_with = "octets")]
    pub auth_key: Vec<u8>,
    /// The nonce, 12 octets.
    #[serde(deserialize_with = "octets")]
    pub nonce: Vec<u8>,
    /// The associated data.
    #[serde(deserialize_with = "octets")]
    pub aad: Vec<u8>,
    /// The plaintext.
    #[serde(deserialize_with = "octets")]
    pub pt: Vec<u8>,
    /// Ciphertext and tag.
    #[serde(deserialize_with = "octets")]
    pub ct: Vec<u8>,
}

/// An SFrame ciphertext, with what is derived on the way to it (RFC 9605 4.4).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// The clause.
    pub clause: String,
    /// The number of the suite in the IANA registry.
    pub cipher_suite: u16,
    /// The key ID.
    #[serde(deserialize_with = "number")]
    pub kid: u64,
    /// The counter.
    #[serde(deserialize_with = "number")]
    pub ctr: u64,
    /// The base key.
    #[serde(deserialize_with = "octets")]
    pub base_key: Vec<u8>,
    /// What the key is derived with.
    #[serde(deserialize_with = "octets")]
    pub sframe_key_label: Vec<u8>,
    /// What the salt is derived with.
    #[serde(deserialize_with = "octets")]
    pub sframe_salt_label: Vec<u8>,
    /// What is extracted from the base key.
    #[serde(deserialize_with = "octets")]
    pub sframe_secret: Vec<u8>,
    /// The key of the AEAD.
    #[serde(deserialize_with = "octets")]
    pub sframe_key: Vec<u8>,
    /// The salt, 12 octets.
    #[serde(deserialize_with = "octets")]
    pub sframe_salt: Vec<u8>,
    /// The metadata.
    #[serde(deserialize_with = "octets")]
    pub metadata: Vec<u8>,
    /// The nonce, 12 octets.
    #[serde(deserialize_with = "octets")]
    pub nonce: Vec<u8>,
    /// Header and metadata.
    #[serde(deserialize_with = "octets")]
    pub aad: Vec<u8>,
    /// The plaintext.
    #[serde(deserialize_with = "octets")]
    pub pt: Vec<u8>,
    /// Header, ciphertext and tag.
    #[serde(deserialize_with = "octets")]
    pub ct: Vec<u8>,
}

impl Sframe {
    /// What is listed of it.
    pub fn set(&self) -> Set {
        let cases = self.headers.len() + self.aeads.len() + self.frames.len();
        self.about.set(cases)
    }
}

/// RFC 9605 Appendix C: 289 headers, 3 texts, 5 ciphertexts.
pub fn rfc9605() -> Sframe {
    load(include_str!("../data/sframe-rfc9605.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_the_appendix_has() {
        let vectors = rfc9605();
        assert_eq!(vectors.headers.len(), 289);
        let suites = |numbers: &mut dyn Iterator<Item = u16>| numbers.collect::<Vec<_>>();
        let aeads = &mut vectors.aeads.iter().map(|aead| aead.cipher_suite);
        assert_eq!(suites(aeads), [1, 2, 3]);
        let frames = &mut vectors.frames.iter().map(|frame| frame.cipher_suite);
        assert_eq!(suites(frames), [1, 2, 3, 4, 5]);
        let last = vectors.headers.last().expect("a header");
        assert_eq!((last.kid, last.ctr), (u64::MAX, u64::MAX));
        for frame in &vectors.frames {
            let header = frame.aad.strip_suffix(&frame.metadata[..]);
            assert!(frame.ct.starts_with(header.expect("metadata at the end")));
        }
    }
}

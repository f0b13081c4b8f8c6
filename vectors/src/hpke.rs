//! HPKE: RFC 9180 Appendix A, of the suite in use.

use serde::Deserialize;

use crate::{About, Set, load, octets};

/// The vectors of one set-up in base mode.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hpke {
    /// What it is.
    pub about: About,
    /// How both sides are set up.
    pub setup: Setup,
    /// What is sealed.
    #[serde(rename = "encryption")]
    pub encryptions: Vec<Encryption>,
    /// What is exported.
    #[serde(rename = "export")]
    pub exports: Vec<Export>,
}

/// Keys, and what follows from them (RFC 9180 4.1, 5.1).
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// The context.
    #[serde(deserialize_with = "octets")]
    pub info: Vec<u8>,
    /// What the sender's ephemeral key pair is derived from.
    #[serde(deserialize_with = "octets")]
    pub ikm_e: Vec<u8>,
    /// The sender's ephemeral private key.
    #[serde(deserialize_with = "octets")]
    pub sk_e: Vec<u8>,
    /// What the recipient's key pair is derived from.
    #[serde(deserialize_with = "octets")]
    pub ikm_r: Vec<u8>,
    /// The recipient's public key.
    #[serde(deserialize_with = "octets")]
    pub pk_r: Vec<u8>,
    /// The recipient's private key.
    #[serde(deserialize_with = "octets")]
    pub sk_r: Vec<u8>,
    /// The encapsulated key: the sender's ephemeral public key.
    #[serde(deserialize_with = "octets")]
    pub enc: Vec<u8>,
    /// The shared secret.
    #[serde(deserialize_with = "octets")]
    pub shared_secret: Vec<u8>,
    /// The key of the AEAD.
    #[serde(deserialize_with = "octets")]
    pub key: Vec<u8>,
    /// The nonce of the first message.
    #[serde(deserialize_with = "octets")]
    pub base_nonce: Vec<u8>,
    /// What exports are derived from.
    #[serde(deserialize_with = "octets")]
    pub exporter_secret: Vec<u8>,
}

/// A message of the context.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encryption {
    /// The clause.
    pub clause: String,
    /// How many messages were before it.
    pub sequence: u64,
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

/// A secret exported from the context.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// The clause.
    pub clause: String,
    /// The exporter context.
    #[serde(deserialize_with = "octets")]
    pub context: Vec<u8>,
    /// The secret, 32 octets.
    #[serde(deserialize_with = "octets")]
    pub value: Vec<u8>,
}

impl Hpke {
    /// What is listed of it: messages and exports.
    pub fn set(&self) -> Set {
        self.about.set(self.encryptions.len() + self.exports.len())
    }
}

/// RFC 9180 A.1.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, in
/// base mode.
pub fn x25519_aes_128_gcm() -> Hpke {
    load(include_str!("../data/hpke-rfc9180.toml"))
}

//! HKDF: RFC 5869 Appendix A.

use serde::Deserialize;

use crate::{About, Set, load, octets};

/// The vectors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hkdf {
    /// What it is.
    pub about: About,
    /// The derivations.
    #[serde(rename = "derivation")]
    pub derivations: Vec<Derivation>,
}

/// Keying material from a secret.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derivation {
    /// The clause.
    pub clause: String,
    /// The hash.
    pub hash: Hash,
    /// The input keying material.
    #[serde(deserialize_with = "octets")]
    pub ikm: Vec<u8>,
    /// The salt; empty for none.
    #[serde(deserialize_with = "octets")]
    pub salt: Vec<u8>,
    /// The context.
    #[serde(deserialize_with = "octets")]
    pub info: Vec<u8>,
    /// What is extracted.
    #[serde(deserialize_with = "octets")]
    pub prk: Vec<u8>,
    /// What is expanded from that.
    #[serde(deserialize_with = "octets")]
    pub okm: Vec<u8>,
}

/// The hash under HKDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Hash {
    /// SHA-1.
    #[serde(rename = "SHA-1")]
    Sha1,
    /// SHA-256.
    #[serde(rename = "SHA-256")]
    Sha256,
}

impl Hkdf {
    /// What is listed of it.
    pub fn set(&self) -> Set {
        self.about.set(self.derivations.len())
    }
}

/// RFC 5869 Appendix A: 3 with SHA-256, 4 with SHA-1.
pub fn rfc5869() -> Hkdf {
    load(include_str!("../data/hkdf-rfc5869.toml"))
}

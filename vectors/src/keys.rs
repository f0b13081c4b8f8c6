//! Keys that have been published: of test vectors and examples.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::{Set, load, octets};

/// All of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedKeys {
    /// Id of the set.
    pub id: String,
    /// The documents.
    pub source: String,
    /// Where the clauses are.
    pub clause: String,
    /// Keys of ciphers.
    pub keys: Vec<PublishedKey>,
    /// Key pairs.
    pub pairs: Vec<PublishedPair>,
}

/// A key that anybody can look up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedKey {
    /// Its octets, 16 to 32.
    #[serde(deserialize_with = "octets")]
    pub key: Vec<u8>,
    /// What it is there for.
    #[serde(rename = "use")]
    pub purpose: String,
    /// The document or library.
    pub source: String,
    /// The clause or file in it.
    pub clause: String,
}

/// A key pair whose private key anybody can look up.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedPair {
    /// The public key, as subjectPublicKey of a certificate has it (RFC 5280 4.1):
    /// on a curve the point, uncompressed.
    #[serde(deserialize_with = "octets")]
    pub public: Vec<u8>,
    /// What its source calls it.
    pub name: String,
    /// The document or library.
    pub source: String,
    /// The clause or file in it.
    pub clause: String,
}

impl PublishedKeys {
    /// Name, source and number.
    pub fn set(&self) -> Set {
        Set {
            id: self.id.clone(),
            source: self.source.clone(),
            clause: self.clause.clone(),
            cases: self.keys.len() + self.pairs.len(),
        }
    }
}

/// The published keys.
pub fn published() -> &'static PublishedKeys {
    static KEYS: LazyLock<PublishedKeys> =
        LazyLock::new(|| load(include_str!("../data/published-keys.toml")));
    &KEYS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_different_and_of_the_sizes_of_aes() {
        let keys = &published().keys;
        for (number, key) in keys.iter().enumerate() {
            assert!([16, 24, 32].contains(&key.key.len()), "{key:?}");
            assert!(keys[..number].iter().all(|other| other.key != key.key));
            assert!(!key.source.is_empty() && !key.clause.is_empty());
        }
    }

    #[test]
    fn public_keys_are_different_points_of_the_sizes_of_their_curves() {
        let pairs = &published().pairs;
        for (number, pair) in pairs.iter().enumerate() {
            let field: usize = pair.name.trim_start_matches("testECCP").parse().unwrap();
            assert_eq!(
                pair.public.len(),
                1 + 2 * field.div_ceil(8),
                "{}",
                pair.name
            );
            assert_eq!(pair.public[0], 4, "{}", pair.name);
            assert!(
                pairs[..number]
                    .iter()
                    .all(|other| other.public != pair.public)
            );
        }
    }
}

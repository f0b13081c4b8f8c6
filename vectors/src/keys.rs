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
    /// The keys.
    pub keys: Vec<PublishedKey>,
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

impl PublishedKeys {
    /// Name, source and number.
    pub fn set(&self) -> Set {
        Set {
            id: self.id.clone(),
            source: self.source.clone(),
            clause: self.clause.clone(),
            cases: self.keys.len(),
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
}

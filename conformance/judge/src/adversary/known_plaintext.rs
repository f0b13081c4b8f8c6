//! Adversary 1: looks for the plaintext of the ledger in any byte stream, raw
//! or through what people mistake for encryption.

use lightleak_case::Ledger;

/// An index over a ledger, built once per session.
#[derive(Clone, Debug, Default)]
pub struct Index {}

/// A run of plaintext that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Where in the haystack (its offset before any transformation was undone).
    pub at: usize,
    /// Length in the haystack.
    pub length: usize,
    /// Track of the ledger.
    pub track: String,
    /// Offset in the track.
    pub ledger_offset: usize,
    /// Octets of plaintext that match.
    pub matched: usize,
    /// How it was hidden.
    pub disguise: Disguise,
}

/// What people mistake for encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disguise {
    /// Nothing at all.
    Raw,
    /// XOR with a key that repeats.
    Xor {
        /// The key, one period, as it lies on the first octet of the hit.
        key: Vec<u8>,
    },
    /// Base64 (RFC 4648 4 and 5).
    Base64,
}

impl Index {
    /// Indexes the needles of `ledger`: what is in `foreign` (a ledger of
    /// another seed) or is no information (constant runs, filler) is no needle.
    pub fn new(ledger: &Ledger, foreign: &Ledger) -> Self {
        let _ = (ledger, foreign);
        Self {}
    }

    /// All hits in `haystack`, longest possible each, none inside another; at
    /// most `limit`.
    pub fn search(&self, haystack: &[u8], limit: usize) -> Vec<Hit> {
        let _ = (haystack, limit);
        Vec::new()
    }
}

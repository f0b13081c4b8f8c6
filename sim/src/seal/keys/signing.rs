//! What owners and devices sign with.

use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

/// A key of Ed25519 (RFC 8032).
#[derive(Clone)]
pub(super) struct SigningKey(Arc<Ed25519KeyPair>);

impl SigningKey {
    /// The key of that seed, which is 32 random octets (RFC 8032 5.1.5); none if
    /// the library refuses it.
    pub(super) fn from_seed(seed: &[u8; 32]) -> Option<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
        Some(Self(Arc::new(pair)))
    }

    /// What signatures are checked with.
    pub(super) fn public(&self) -> [u8; 32] {
        let mut octets = [0; 32];
        octets.copy_from_slice(self.0.public_key().as_ref());
        octets
    }

    /// The signature of a message, 64 octets.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

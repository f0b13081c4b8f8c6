//! The key of an owner, which says whose viewers may watch.

use std::fmt;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

use super::{HpkePublicKey, KeyError, signing::SigningKey};
use crate::{hex::Hex, world::Entropy};

/// What stands before a viewer's key where it is signed, so that the signature
/// says nothing else.
const CONTEXT: &[u8] = b"lightleak viewer key 1";
/// The same for a key that may watch no more.
const REVOKED: &[u8] = b"lightleak viewer revoked 1";

/// The key (Ed25519, RFC 8032) of an owner. A camera never has it.
#[derive(Clone)]
pub struct OwnerKey(SigningKey);

impl OwnerKey {
    /// The key of that seed, which is 32 random octets (RFC 8032 5.1.5).
    ///
    /// # Errors
    ///
    /// [`KeyError::Owner`] if the library refuses the seed.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        SigningKey::from_seed(seed).map(Self).ok_or(KeyError::Owner)
    }

    /// A fresh one.
    ///
    /// # Errors
    ///
    /// As [`from_seed`](Self::from_seed).
    pub fn random(entropy: &dyn Entropy) -> Result<Self, KeyError> {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        entropy.fill(seed.as_mut());
        Self::from_seed(&seed)
    }

    /// What is paired with cameras.
    pub fn public(&self) -> OwnerPublicKey {
        OwnerPublicKey(self.0.public())
    }

    /// Enrols a viewer: the signature (64 octets) over `lightleak viewer key 1`
    /// and the viewer's public key.
    pub fn enrol(&self, viewer: &HpkePublicKey) -> Vec<u8> {
        self.0.sign(&message(CONTEXT, viewer))
    }

    /// Takes that back: the signature (64 octets) over `lightleak viewer revoked
    /// 1` and the viewer's public key.
    pub fn revoke(&self, viewer: &HpkePublicKey) -> Vec<u8> {
        self.0.sign(&message(REVOKED, viewer))
    }
}

impl fmt::Debug for OwnerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnerKey(redacted)")
    }
}

/// The public half of an [`OwnerKey`]: a camera that was paired with it wraps
/// keys for the viewers that it enrols, and for no others. Displays in
/// hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerPublicKey(pub [u8; 32]);

impl OwnerPublicKey {
    /// Whether the owner enrolled that viewer.
    pub fn enrolled(&self, viewer: &HpkePublicKey, signature: &[u8]) -> bool {
        self.signed(&message(CONTEXT, viewer), signature)
    }

    /// Whether the owner took that back.
    pub fn revoked(&self, viewer: &HpkePublicKey, signature: &[u8]) -> bool {
        self.signed(&message(REVOKED, viewer), signature)
    }

    fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, self.0);
        key.verify(message, signature).is_ok()
    }
}

impl fmt::Display for OwnerPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Hex(&self.0))
    }
}

fn message(context: &[u8], viewer: &HpkePublicKey) -> Vec<u8> {
    [context, &viewer.0].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_enrols_and_only_that_viewer() {
        let [owner, other] = [1, 2].map(|seed| OwnerKey::from_seed(&[seed; 32]).unwrap());
        let [viewer, ghost] = [3, 4].map(|octet| HpkePublicKey([octet; 32]));
        let signature = owner.enrol(&viewer);
        assert_eq!(signature.len(), 64);
        assert!(owner.public().enrolled(&viewer, &signature));
        assert!(!owner.public().enrolled(&ghost, &signature));
        assert!(!other.public().enrolled(&viewer, &signature));
        assert!(!owner.public().enrolled(&viewer, &[]));
        let revoked = owner.revoke(&viewer);
        assert!(owner.public().revoked(&viewer, &revoked));
        assert!(!owner.public().revoked(&ghost, &revoked));
        assert!(!owner.public().revoked(&viewer, &signature));
        assert!(!owner.public().enrolled(&viewer, &revoked));
        assert_eq!(format!("{owner:?}"), "OwnerKey(redacted)");
    }
}

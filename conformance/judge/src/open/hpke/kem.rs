//! DHKEM(X25519, HKDF-SHA256) (RFC 9180 4.1), the receiver's side.

use std::fmt;

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, X25519};

use super::schedule::{Secret, Suite};

/// Who can open envelopes.
pub struct Key {
    private: PrivateKey,
    public: Vec<u8>,
}

impl Key {
    /// That of these octets, if they are 32.
    pub fn new(private: &[u8]) -> Option<Self> {
        let private = PrivateKey::from_private_key(&X25519, private).ok()?;
        let public = private.compute_public_key().ok()?.as_ref().to_vec();
        Some(Self { private, public })
    }

    /// The public key.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The shared secret (Decap), if `encapsulated` is a public key and gives
    /// one.
    pub fn decapsulate(&self, encapsulated: &[u8]) -> Option<Secret> {
        const KEM: Suite<'static> = Suite(b"KEM\0\x20");
        let context = [encapsulated, &self.public].concat();
        let peer = UnparsedPublicKey::new(&X25519, encapsulated);
        // The library refuses a shared secret of zeros.
        agreement::agree(&self.private, peer, (), |shared| {
            let extracted = KEM.extract(b"", "eae_prk", shared);
            let mut secret = Secret::default();
            KEM.expand(&extracted, "shared_secret", &context, secret.as_mut());
            Ok(secret)
        })
        .ok()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(redacted)")
    }
}

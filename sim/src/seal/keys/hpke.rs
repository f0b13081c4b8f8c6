//! Keys of viewers and owners, to whom HPKE seals.

use std::fmt::{self, Write};

use hpke::{Deserializable, Kem as _, Serializable};
use zeroize::Zeroizing;

use super::KeyError;
use crate::{hex::Hex, seal::envelope::Kem, world::Entropy};

/// Octets of either half (RFC 7748 5).
const LENGTH: usize = 32;

/// A private key of DHKEM(X25519, HKDF-SHA256) (RFC 9180 4.1): of a viewer, or
/// of an owner. A camera never has it.
#[derive(Clone)]
pub struct HpkeKey {
    private: Zeroizing<[u8; LENGTH]>,
    public: HpkePublicKey,
}

impl HpkeKey {
    /// The key of these octets.
    ///
    /// # Errors
    ///
    /// [`KeyError::Length`] if they are not 32.
    pub fn new(private: &[u8]) -> Result<Self, KeyError> {
        let wrong = || length("hpke private key", private);
        let octets: &[u8; LENGTH] = private.try_into().map_err(|_| wrong())?;
        let key = <Kem as hpke::Kem>::PrivateKey::from_bytes(octets).map_err(|_| wrong())?;
        let mut public = HpkePublicKey([0; LENGTH]);
        Kem::sk_to_pk(&key).write_exact(&mut public.0);
        Ok(Self {
            private: Zeroizing::new(*octets),
            public,
        })
    }

    /// A fresh one.
    ///
    /// # Errors
    ///
    /// None that is known: [`KeyError::Length`] if the library takes random
    /// octets for no key.
    pub fn random(entropy: &dyn Entropy) -> Result<Self, KeyError> {
        let mut octets = Zeroizing::new([0; LENGTH]);
        entropy.fill(octets.as_mut());
        Self::new(octets.as_ref())
    }

    /// To whom is sealed.
    pub fn public(&self) -> HpkePublicKey {
        self.public
    }

    /// For the escrow: `HPKE_PRIVATE_KEY`, public and private key in
    /// hexadecimal.
    pub fn escrow(&self) -> Zeroizing<String> {
        // Long enough that no copy is left behind by growing.
        let mut line = Zeroizing::new(String::with_capacity(256));
        // Writing to a string does not fail.
        let _ = write!(
            line,
            "HPKE_PRIVATE_KEY {} {}",
            self.public,
            Hex(self.expose())
        );
        line
    }

    pub(in crate::seal) fn expose(&self) -> &[u8; LENGTH] {
        &self.private
    }
}

impl fmt::Debug for HpkeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HpkeKey({}, redacted)", self.public)
    }
}

/// The public half of an [`HpkeKey`]; displays in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HpkePublicKey(pub [u8; LENGTH]);

impl fmt::Display for HpkePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Hex(&self.0))
    }
}

fn length(field: &'static str, octets: &[u8]) -> KeyError {
    KeyError::Length {
        field,
        length: octets.len(),
        expected: LENGTH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_escrow_shows_the_private_key() {
        let key = HpkeKey::new(&[0xab; 32]).expect("32 octets");
        let public = key.public().to_string();
        assert_eq!(format!("{key:?}"), format!("HpkeKey({public}, redacted)"));
        assert_eq!(
            *key.escrow(),
            format!("HPKE_PRIVATE_KEY {public} {}", "ab".repeat(32))
        );
        let error = HpkeKey::new(&[0; 31]).err().map(|e| e.to_string());
        assert_eq!(
            error.as_deref(),
            Some("hpke private key is 31 octets long, not 32")
        );
    }
}

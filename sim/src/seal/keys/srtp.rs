//! Master keys of SRTP.

use std::fmt::{self, Write};

use zeroize::Zeroizing;

use super::KeyError;
use crate::{
    hex::Hex,
    seal::srtp::{Mki, Suite},
    world::Entropy,
};

/// Octets of the longest master key.
const LONGEST_KEY: usize = 32;
/// Octets of the longest master salt.
const LONGEST_SALT: usize = 14;

/// A master key and its master salt (RFC 3711 3.2.1), of the lengths that
/// their suite says.
#[derive(Clone)]
pub struct SrtpMasterKey {
    suite: Suite,
    key: Zeroizing<[u8; LONGEST_KEY]>,
    salt: Zeroizing<[u8; LONGEST_SALT]>,
}

impl SrtpMasterKey {
    /// The key of these octets.
    ///
    /// # Errors
    ///
    /// [`KeyError::Length`] if `key` or `salt` is not as long as the suite
    /// says.
    pub fn new(suite: Suite, key: &[u8], salt: &[u8]) -> Result<Self, KeyError> {
        let length = |field, octets: &[u8], expected| match octets.len() {
            length if length == expected => Ok(()),
            length => Err(KeyError::Length {
                field,
                length,
                expected,
            }),
        };
        length("srtp master key", key, suite.key_length())?;
        length("srtp master salt", salt, suite.salt_length())?;
        let mut new = Self::empty(suite);
        new.key[..key.len()].copy_from_slice(key);
        new.salt[..salt.len()].copy_from_slice(salt);
        Ok(new)
    }

    /// A fresh one.
    pub fn random(suite: Suite, entropy: &dyn Entropy) -> Self {
        let mut new = Self::empty(suite);
        entropy.fill(&mut new.key[..suite.key_length()]);
        entropy.fill(&mut new.salt[..suite.salt_length()]);
        new
    }

    /// The suite that it is for.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The key itself, for whoever delivers it.
    pub fn expose_key(&self) -> &[u8] {
        &self.key[..self.suite.key_length()]
    }

    /// The salt itself, for whoever delivers it.
    pub fn expose_salt(&self) -> &[u8] {
        &self.salt[..self.suite.salt_length()]
    }

    /// For the escrow: `SRTP_MASTER_KEY`, the suite, the MKI or `-`, key and
    /// salt, all octets in hexadecimal.
    pub fn escrow(&self, mki: Option<&Mki>) -> Zeroizing<String> {
        // Long enough that no copy is left behind by growing.
        let mut line = Zeroizing::new(String::with_capacity(512));
        // Writing to a string does not fail.
        let _ = write!(line, "SRTP_MASTER_KEY {} ", self.suite);
        let _ = match mki {
            Some(mki) => write!(line, "{mki}"),
            None => write!(line, "-"),
        };
        for octets in [self.expose_key(), self.expose_salt()] {
            let _ = write!(line, " {}", Hex(octets));
        }
        line
    }

    fn empty(suite: Suite) -> Self {
        Self {
            suite,
            key: Zeroizing::new([0; LONGEST_KEY]),
            salt: Zeroizing::new([0; LONGEST_SALT]),
        }
    }
}

impl fmt::Debug for SrtpMasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SrtpMasterKey({}, redacted)", self.suite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lengths_are_those_of_the_suite() {
        for suite in Suite::ALL {
            let (key, salt) = (suite.key_length(), suite.salt_length());
            assert!(SrtpMasterKey::new(suite, &vec![1; key], &vec![1; salt]).is_ok());
            for (key, salt) in [(key - 1, salt), (key + 1, salt), (key, 0), (key, salt + 1)] {
                let error = SrtpMasterKey::new(suite, &vec![1; key], &vec![1; salt]);
                assert!(matches!(error, Err(KeyError::Length { .. })));
            }
        }
        let error = SrtpMasterKey::new(Suite::AeadAes256Gcm, &[0; 16], &[0; 12]).err();
        assert_eq!(
            error.map(|e| e.to_string()).as_deref(),
            Some("srtp master key is 16 octets long, not 32")
        );
    }

    #[test]
    fn only_the_escrow_shows_the_key() {
        let key = SrtpMasterKey::new(Suite::AeadAes128Gcm, &[0xab; 16], &[0xcd; 12])
            .expect("the right lengths");
        assert_eq!(
            format!("{key:?}"),
            "SrtpMasterKey(AEAD_AES_128_GCM, redacted)"
        );
        let rest = format!("{} {}", "ab".repeat(16), "cd".repeat(12));
        assert_eq!(
            *key.escrow(None),
            format!("SRTP_MASTER_KEY AEAD_AES_128_GCM - {rest}")
        );
        let mki = Mki::new(&[0, 1]).expect("two octets");
        assert_eq!(
            *key.escrow(Some(&mki)),
            format!("SRTP_MASTER_KEY AEAD_AES_128_GCM 0001 {rest}")
        );
    }
}

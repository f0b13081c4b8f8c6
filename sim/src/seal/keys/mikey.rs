//! Keys as MIKEY delivers them.

use std::fmt;

use zeroize::Zeroizing;

use super::{KeyError, SrtpMasterKey};
use crate::seal::srtp::{Mki, Suite};

/// A key data sub-payload of MIKEY (RFC 3830 6.13): one traffic-encrypting key
/// (TEK), with its salt beside it or behind it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyData {
    key: Zeroizing<Vec<u8>>,
    salt: Option<Zeroizing<Vec<u8>>>,
    mki: Option<Mki>,
}

impl KeyData {
    /// What is read from a message: the key, a salt if there is one beside it
    /// (TEK+SALT), and the MKI that the key validity data name.
    pub(crate) fn new(key: &[u8], salt: Option<&[u8]>, mki: Option<Mki>) -> Self {
        Self {
            key: Zeroizing::new(key.to_vec()),
            salt: salt.map(|salt| Zeroizing::new(salt.to_vec())),
            mki,
        }
    }

    /// A master key as TEK, its salt right behind it (ONVIF Streaming 8.2:
    /// "the key and the salt shall be concatenated").
    pub fn joined(key: &SrtpMasterKey, mki: Option<&Mki>) -> Self {
        let mut octets = Zeroizing::new(Vec::with_capacity(64));
        octets.extend_from_slice(key.expose_key());
        octets.extend_from_slice(key.expose_salt());
        Self {
            key: octets,
            salt: None,
            mki: mki.cloned(),
        }
    }

    /// A master key as TEK+SALT.
    pub fn with_salt(key: &SrtpMasterKey, mki: Option<&Mki>) -> Self {
        Self::new(key.expose_key(), Some(key.expose_salt()), mki.cloned())
    }

    /// The master key identifier.
    pub fn mki(&self) -> Option<&Mki> {
        self.mki.as_ref()
    }

    /// The master key, for that suite.
    ///
    /// # Errors
    ///
    /// [`KeyError::Length`] if key or salt, or both together, are not as long
    /// as the suite says.
    pub fn master_key(&self, suite: Suite) -> Result<SrtpMasterKey, KeyError> {
        match &self.salt {
            Some(salt) => SrtpMasterKey::new(suite, &self.key, salt),
            None => {
                let expected = suite.key_length() + suite.salt_length();
                if self.key.len() != expected {
                    return Err(KeyError::Length {
                        field: "srtp master key with its salt",
                        length: self.key.len(),
                        expected,
                    });
                }
                let (key, salt) = self.key.split_at(suite.key_length());
                SrtpMasterKey::new(suite, key, salt)
            }
        }
    }

    /// The key data themselves, for the message.
    pub(crate) fn expose_key(&self) -> &[u8] {
        &self.key
    }

    /// The salt data themselves, for the message.
    pub(crate) fn expose_salt(&self) -> Option<&[u8]> {
        self.salt.as_ref().map(|salt| salt.as_slice())
    }
}

impl fmt::Debug for KeyData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.salt {
            Some(_) => "TEK+SALT",
            None => "TEK",
        };
        write!(f, "KeyData({kind}, {:?}, redacted)", self.mki)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_key_comes_back_in_either_form() {
        let mki = Mki::new(&[0, 0, 0, 7]).expect("four octets");
        for suite in Suite::ALL {
            let (key, salt) = (vec![1; suite.key_length()], vec![2; suite.salt_length()]);
            let master = SrtpMasterKey::new(suite, &key, &salt).expect("the right lengths");
            for data in [
                KeyData::joined(&master, Some(&mki)),
                KeyData::with_salt(&master, None),
            ] {
                let back = data.master_key(suite).expect("the right lengths");
                assert_eq!((back.expose_key(), back.expose_salt()), (&*key, &*salt));
            }
        }
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        let suite = Suite::AesCm128HmacSha1_80;
        let error = KeyData::new(&[0; 28], None, None).master_key(suite).err();
        let said = error.map(|error| error.to_string());
        assert_eq!(
            said.as_deref(),
            Some("srtp master key with its salt is 28 octets long, not 30")
        );
        for (key, salt) in [(16, 13), (15, 14)] {
            let data = KeyData::new(&vec![0; key], Some(&vec![0; salt]), None);
            assert!(data.master_key(suite).is_err());
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let data = KeyData::new(&[0xab; 30], Some(&[0xcd; 2]), None);
        assert_eq!(format!("{data:?}"), "KeyData(TEK+SALT, None, redacted)");
    }
}

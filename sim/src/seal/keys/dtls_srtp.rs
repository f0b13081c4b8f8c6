//! What DTLS agrees for SRTP.

use std::fmt;

use super::{KeyError, SrtpMasterKey};
use crate::seal::srtp::Suite;

/// The two master keys of a connection (RFC 5764 4.2), as one of its ends has
/// them.
#[derive(Clone)]
pub struct DtlsSrtpKeys {
    /// What this end seals with.
    pub seals: SrtpMasterKey,
    /// What it opens with.
    pub opens: SrtpMasterKey,
}

impl DtlsSrtpKeys {
    /// The keys in keying material: client's key, server's key, client's salt,
    /// server's salt.
    ///
    /// # Errors
    ///
    /// [`KeyError::Length`] if it is not as long as the suite says.
    pub fn new(suite: Suite, material: &[u8], is_client: bool) -> Result<Self, KeyError> {
        let (key, salt) = (suite.key_length(), suite.salt_length());
        let expected = 2 * (key + salt);
        if material.len() != expected {
            return Err(KeyError::Length {
                field: "dtls-srtp keying material",
                length: material.len(),
                expected,
            });
        }
        let (keys, salts) = material.split_at(2 * key);
        let (client_key, server_key) = keys.split_at(key);
        let (client_salt, server_salt) = salts.split_at(salt);
        let client = SrtpMasterKey::new(suite, client_key, client_salt)?;
        let server = SrtpMasterKey::new(suite, server_key, server_salt)?;
        Ok(match is_client {
            true => Self {
                seals: client,
                opens: server,
            },
            false => Self {
                seals: server,
                opens: client,
            },
        })
    }
}

impl fmt::Debug for DtlsSrtpKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DtlsSrtpKeys({}, redacted)", self.seals.suite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_have_the_same_keys_the_other_way_round() {
        for suite in Suite::ALL {
            let (key, salt) = (suite.key_length(), suite.salt_length());
            let parts = [(1, key), (2, key), (3, salt), (4, salt)];
            let material = parts.map(|(octet, length)| vec![octet; length]).concat();
            let [client, server] =
                [true, false].map(|end| DtlsSrtpKeys::new(suite, &material, end).unwrap());
            assert_eq!(client.seals.expose_key(), vec![1; key]);
            assert_eq!(client.seals.expose_salt(), vec![3; salt]);
            assert_eq!(client.opens.expose_key(), vec![2; key]);
            assert_eq!(client.opens.expose_salt(), vec![4; salt]);
            assert_eq!(server.seals.expose_key(), client.opens.expose_key());
            assert_eq!(server.opens.expose_salt(), client.seals.expose_salt());
            assert!(DtlsSrtpKeys::new(suite, &material[1..], true).is_err());
        }
    }
}

//! Keys and record protection (RFC 5246 5, 6.2.3.3, 6.3; RFC 5288, RFC 5289,
//! RFC 7905).

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384};

use crate::{
    dissect::tls::Record,
    open::{
        aead::{self, Aead, Algorithm, NONCE, TAG},
        opened::OpenError,
    },
};

/// Length of every master secret (RFC 5246 8.1).
const MASTER_SECRET: usize = 48;
/// Octets of the nonce of AES-GCM that the keys give (RFC 5288 3).
const SALT: usize = 4;
/// Octets of the nonce of AES-GCM that the record gives (RFC 5288 3).
const EXPLICIT: usize = 8;

/// What of a cipher suite the record layer needs; its key exchange does not
/// matter to who has the master secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suite {
    /// Its AEAD algorithm.
    pub algorithm: Algorithm,
    /// The hash of its PRF.
    pub hash: Hash,
}

/// The hash of a PRF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
}

impl Suite {
    /// The suite with that number, if it can be opened.
    pub fn from_number(number: u16) -> Result<Self, OpenError> {
        let (algorithm, hash) = match number {
            // With RSA, DHE_RSA, ECDHE_ECDSA and ECDHE_RSA.
            0x009c | 0x009e | 0xc02b | 0xc02f => (Algorithm::Aes128Gcm, Hash::Sha256),
            0x009d | 0x009f | 0xc02c | 0xc030 => (Algorithm::Aes256Gcm, Hash::Sha384),
            // With ECDHE_RSA, ECDHE_ECDSA and DHE_RSA.
            0xcca8..=0xccaa => (Algorithm::ChaCha20Poly1305, Hash::Sha256),
            _ => return Err(OpenError::UnknownSuite(number)),
        };
        Ok(Self { algorithm, hash })
    }

    /// Octets of the nonce that the keys give.
    fn fixed_iv(self) -> usize {
        match self.algorithm {
            Algorithm::Aes128Gcm | Algorithm::Aes256Gcm => SALT,
            Algorithm::ChaCha20Poly1305 => NONCE,
        }
    }
}

/// The keys of both directions.
pub struct KeyBlock {
    /// Of what the client sends.
    pub client: Keys,
    /// Of what the server sends.
    pub server: Keys,
}

impl KeyBlock {
    /// Derives the keys (RFC 5246 6.3); `None` if the secret has not the length
    /// of a master secret.
    pub fn new(
        suite: Suite,
        master_secret: &[u8],
        client_random: &[u8; 32],
        server_random: &[u8; 32],
    ) -> Option<Self> {
        if master_secret.len() != MASTER_SECRET {
            return None;
        }
        let (key, iv) = (suite.algorithm.key_length(), suite.fixed_iv());
        let seed = [&server_random[..], client_random].concat();
        let block = prf(
            suite.hash,
            master_secret,
            "key expansion",
            &seed,
            2 * (key + iv),
        )?;
        let (keys, ivs) = block.split_at_checked(2 * key)?;
        let (client_key, server_key) = keys.split_at_checked(key)?;
        let (client_iv, server_iv) = ivs.split_at_checked(iv)?;
        Some(Self {
            client: Keys::new(suite, client_key, client_iv)?,
            server: Keys::new(suite, server_key, server_iv)?,
        })
    }
}

/// The keys of one direction.
pub struct Keys {
    suite: Suite,
    aead: Aead,
    /// Of AES-GCM the salt alone.
    iv: [u8; NONCE],
    sequence: u64,
}

impl Keys {
    fn new(suite: Suite, key: &[u8], fixed_iv: &[u8]) -> Option<Self> {
        let mut iv = [0; NONCE];
        iv.get_mut(..fixed_iv.len())?.copy_from_slice(fixed_iv);
        Some(Self {
            suite,
            aead: Aead::new(suite.algorithm, key)?,
            iv,
            sequence: 0,
        })
    }

    /// Octets of nonce that a fragment begins with.
    pub fn explicit_nonce(&self) -> usize {
        match self.suite.algorithm {
            Algorithm::Aes128Gcm | Algorithm::Aes256Gcm => EXPLICIT,
            Algorithm::ChaCha20Poly1305 => 0,
        }
    }

    /// Opens the next record; `None` if it does not authenticate.
    pub fn open(&mut self, record: &Record, fragment: &[u8]) -> Option<Vec<u8>> {
        let kind = (record.content_type, record.version);
        let content = self.open_at(self.sequence, kind, fragment)?;
        self.sequence = self.sequence.checked_add(1)?;
        Some(content)
    }

    /// Opens the record of that number, of that content type and version; `None`
    /// if it does not authenticate. In DTLS the number has the epoch in front
    /// (RFC 6347 4.1.2.1).
    pub fn open_at(
        &self,
        sequence: u64,
        (content_type, version): (u8, u16),
        fragment: &[u8],
    ) -> Option<Vec<u8>> {
        let (explicit, sealed) = fragment.split_at_checked(self.explicit_nonce())?;
        let nonce = match explicit {
            [] => aead::nonce(self.iv, sequence),
            explicit => {
                let mut nonce = self.iv;
                nonce[SALT..].copy_from_slice(explicit);
                nonce
            }
        };
        let length = u16::try_from(sealed.len().checked_sub(TAG)?).ok()?;
        let mut aad = [0; 13];
        aad[..8].copy_from_slice(&sequence.to_be_bytes());
        aad[8] = content_type;
        aad[9..11].copy_from_slice(&version.to_be_bytes());
        aad[11..].copy_from_slice(&length.to_be_bytes());
        self.aead.open(nonce, &aad, sealed)
    }
}

/// PRF (RFC 5246 5), `length` octets of it.
pub fn prf(hash: Hash, secret: &[u8], label: &str, seed: &[u8], length: usize) -> Option<Vec<u8>> {
    let seed = [label.as_bytes(), seed].concat();
    let mut out = Vec::new();
    let mut a = seed.clone();
    while out.len() < length {
        a = hmac(hash, secret, &[&a])?;
        out.extend(hmac(hash, secret, &[&a, &seed])?);
    }
    out.truncate(length);
    Some(out)
}

fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
    fn of<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Option<Vec<u8>> {
        let mut mac = <M as KeyInit>::new_from_slice(key).ok()?;
        for part in parts {
            mac.update(part);
        }
        Some(mac.finalize().into_bytes().to_vec())
    }
    match hash {
        Hash::Sha256 => of::<Hmac<Sha256>>(key, parts),
        Hash::Sha384 => of::<Hmac<Sha384>>(key, parts),
    }
}

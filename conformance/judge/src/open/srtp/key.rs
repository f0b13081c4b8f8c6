//! Master keys, and the session keys that are derived of them.

use std::fmt;

use aes::cipher::{KeyIvInit, StreamCipher};
use zeroize::Zeroizing;

use super::suite::Suite;

/// Octets of a master salt as the key derivation takes it (RFC 3711 4.3.1).
const FULL_SALT: usize = 14;
/// Octets of a key of AES-128.
const SHORT_KEY: usize = 16;

/// A master key with its salt (RFC 3711 3.2.1), as it was escrowed or signalled.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    /// The suite that it is for.
    pub suite: &'static Suite,
    /// What packets carry to say that they are under it; empty if they don't.
    pub mki: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    salt: Zeroizing<Vec<u8>>,
}

impl MasterKey {
    /// The key of these octets; `None` if the suite has other lengths.
    pub fn new(suite: &'static Suite, mki: &[u8], key: &[u8], salt: &[u8]) -> Option<Self> {
        (key.len() == suite.key && salt.len() == suite.salt).then(|| Self {
            suite,
            mki: mki.to_vec(),
            key: Zeroizing::new(key.to_vec()),
            salt: Zeroizing::new(salt.to_vec()),
        })
    }

    /// Reads what an escrow line says behind its label: suite, MKI or `-`, key
    /// and salt, all octets in hexadecimal.
    pub fn parse(words: &str) -> Option<Self> {
        let words: Vec<&str> = words.split_ascii_whitespace().collect();
        let &[suite, mki, key, salt] = &words[..] else {
            return None;
        };
        let mki = match mki {
            "-" => Vec::new(),
            mki => super::super::keylog::octets(mki)?,
        };
        let [key, salt] = [key, salt].map(super::super::keylog::octets);
        Self::new(Suite::find(suite)?, &mki, &key?, &salt?)
    }

    /// The key itself.
    pub fn octets(&self) -> &[u8] {
        &self.key
    }

    /// The salt itself.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// Derives a session key (RFC 3711 4.3.1, 4.3.3, RFC 6188 3). The key
    /// derivation rate is 0. A salt of 96 bits has zeros behind it (RFC 7714
    /// 11, erratum 4938).
    pub fn derive(&self, label: u8, length: usize) -> Zeroizing<Vec<u8>> {
        self.derive_from(&self.key, label, length)
    }

    /// The same, as who takes AES-128 for every key derives it.
    pub(super) fn derive_short(&self, label: u8, length: usize) -> Zeroizing<Vec<u8>> {
        let short = self.key.first_chunk::<SHORT_KEY>();
        let key = short.map_or(&self.key[..], |short| short);
        self.derive_from(key, label, length)
    }

    fn derive_from(&self, key: &[u8], label: u8, length: usize) -> Zeroizing<Vec<u8>> {
        let mut x = [0; 16];
        for (x, salt) in x[..FULL_SALT].iter_mut().zip(self.salt.iter()) {
            *x = *salt;
        }
        // label * 2^48 of 112 bits.
        x[7] ^= label;
        let mut out = Zeroizing::new(vec![0; length]);
        counter_mode(key, &x, &mut out);
        out
    }
}

/// Shows no secret.
impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({}, MKI {:02x?})", self.suite.name, self.mki)
    }
}

/// Adds the keystream of AES in counter mode, of the length of the key. A key
/// that is none of AES adds nothing.
pub(super) fn counter_mode(key: &[u8], iv: &[u8; 16], text: &mut [u8]) {
    fn apply<C: KeyIvInit + StreamCipher>(key: &[u8], iv: &[u8; 16], text: &mut [u8]) {
        if let Ok(mut cipher) = C::new_from_slices(key, iv) {
            cipher.apply_keystream(text);
        }
    }
    match key.len() {
        16 => apply::<ctr::Ctr128BE<aes::Aes128>>(key, iv, text),
        24 => apply::<ctr::Ctr128BE<aes::Aes192>>(key, iv, text),
        _ => apply::<ctr::Ctr128BE<aes::Aes256>>(key, iv, text),
    }
}

//! Record protection (RFC 8446 5.2, 7.1, 7.3).

use hkdf::Hkdf;
use sha2::{Sha256, Sha384};

use crate::open::{
    aead::{self, Aead, Algorithm, NONCE, TAG},
    opened::OpenError,
};

/// A suite of TLS 1.3 (RFC 8446 B.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// TLS_AES_128_GCM_SHA256.
    Aes128Gcm,
    /// TLS_AES_256_GCM_SHA384.
    Aes256Gcm,
    /// TLS_CHACHA20_POLY1305_SHA256.
    ChaCha20Poly1305,
}

impl Suite {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Aes128Gcm, Self::Aes256Gcm, Self::ChaCha20Poly1305];

    /// The suite with that number, if it can be opened.
    pub fn from_number(number: u16) -> Result<Self, OpenError> {
        match number {
            0x1301 => Ok(Self::Aes128Gcm),
            0x1302 => Ok(Self::Aes256Gcm),
            0x1303 => Ok(Self::ChaCha20Poly1305),
            _ => Err(OpenError::UnknownSuite(number)),
        }
    }

    /// Its AEAD algorithm.
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::Aes128Gcm => Algorithm::Aes128Gcm,
            Self::Aes256Gcm => Algorithm::Aes256Gcm,
            Self::ChaCha20Poly1305 => Algorithm::ChaCha20Poly1305,
        }
    }

    /// Hash.length.
    pub fn hash_length(self) -> usize {
        match self {
            Self::Aes256Gcm => 48,
            Self::Aes128Gcm | Self::ChaCha20Poly1305 => 32,
        }
    }
}

/// What labels begin with (RFC 8446 7.1).
pub const TLS: &str = "tls13 ";
/// What labels of DTLS begin with (RFC 9147 5.9).
pub const DTLS: &str = "dtls13";

/// The keys of one direction from one traffic secret.
pub struct Keys {
    prefix: &'static str,
    suite: Suite,
    secret: Vec<u8>,
    aead: Aead,
    iv: [u8; NONCE],
    sequence: u64,
}

/// TLSInnerPlaintext, its padding taken off.
pub struct Inner {
    /// The true content type.
    pub content_type: u8,
    /// The content.
    pub content: Vec<u8>,
    /// Octets of ciphertext that it was in, without the tag.
    pub ciphertext: usize,
}

impl Keys {
    /// Derives the keys; `None` if the secret has not the length of the suite's
    /// hash.
    pub fn new(suite: Suite, secret: &[u8]) -> Option<Self> {
        Self::derive(TLS, suite, secret)
    }

    /// The same, with labels that begin so.
    pub fn derive(prefix: &'static str, suite: Suite, secret: &[u8]) -> Option<Self> {
        if secret.len() != suite.hash_length() {
            return None;
        }
        let algorithm = suite.algorithm();
        let mut key = vec![0; algorithm.key_length()];
        let expand = |label, out: &mut [u8]| expand_label(prefix, suite, secret, label, &[], out);
        expand("key", &mut key)?;
        let mut iv = [0; NONCE];
        expand("iv", &mut iv)?;
        Some(Self {
            prefix,
            suite,
            secret: secret.to_vec(),
            aead: Aead::new(algorithm, &key)?,
            iv,
            sequence: 0,
        })
    }

    /// Its suite.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The traffic secret that it is derived of.
    pub fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// The keys after a KeyUpdate (RFC 8446 7.2).
    pub fn updated(&self) -> Option<Self> {
        let mut next = vec![0; self.suite.hash_length()];
        let (prefix, suite) = (self.prefix, self.suite);
        expand_label(prefix, suite, &self.secret, "traffic upd", &[], &mut next)?;
        Self::derive(prefix, suite, &next)
    }

    /// Opens the next record. `None` if it does not authenticate, or is nothing
    /// but padding.
    pub fn open(&mut self, header: &[u8], fragment: &[u8]) -> Option<Inner> {
        let inner = self.open_at(self.sequence, header, fragment);
        if inner.is_some() {
            self.sequence = self.sequence.checked_add(1)?;
        }
        inner
    }

    /// Opens the record of that number, as [`Keys::open`] does.
    pub fn open_at(&self, sequence: u64, header: &[u8], fragment: &[u8]) -> Option<Inner> {
        let nonce = aead::nonce(self.iv, sequence);
        let mut content = self.aead.open(nonce, header, fragment)?;
        let end = content.iter().rposition(|&octet| octet != 0)?;
        content.truncate(end + 1);
        Some(Inner {
            content_type: content.pop()?,
            content,
            ciphertext: fragment.len().saturating_sub(TAG),
        })
    }
}

/// HKDF-Expand-Label (RFC 8446 7.1). `None` if the secret is too short, or the
/// label, the context or `out` too long.
pub fn expand_label(
    prefix: &str,
    suite: Suite,
    secret: &[u8],
    label: &str,
    context: &[u8],
    out: &mut [u8],
) -> Option<()> {
    let length = u16::try_from(out.len()).ok()?.to_be_bytes();
    let label_length = [u8::try_from(prefix.len() + label.len()).ok()?];
    let context_length = [u8::try_from(context.len()).ok()?];
    let info: [&[u8]; 6] = [
        &length,
        &label_length,
        prefix.as_bytes(),
        label.as_bytes(),
        &context_length,
        context,
    ];
    match suite {
        Suite::Aes256Gcm => {
            let hkdf = Hkdf::<Sha384>::from_prk(secret).ok()?;
            hkdf.expand_multi_info(&info, out).ok()
        }
        Suite::Aes128Gcm | Suite::ChaCha20Poly1305 => {
            let hkdf = Hkdf::<Sha256>::from_prk(secret).ok()?;
            hkdf.expand_multi_info(&info, out).ok()
        }
    }
}

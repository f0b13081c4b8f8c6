//! A file that nobody escrowed an identity for, and keys that may fit by chance:
//! found lying around, or guessed.

use super::{
    Aead, TAG, bech32, header,
    header::Header,
    identity::{Identity, SECRET_KEY},
    payload::{CHUNK, nonce},
    secret::Secret,
};

/// A file to try keys on.
#[derive(Debug)]
pub struct Trial<'a> {
    file: &'a [u8],
    header: Header,
}

impl<'a> Trial<'a> {
    /// None if the header is not whole, or malformed.
    pub fn new(file: &'a [u8]) -> Option<Self> {
        let header = header::parse(file).ok()?;
        Some(Self { file, header })
    }

    /// Whether that is the file key: the header authenticates with it.
    pub fn file_key(&self, key: &[u8; 16]) -> bool {
        self.header.authenticates(self.file, key)
    }

    /// Whether that is the X25519 identity of a recipient of the file.
    pub fn identity(&self, secret: &[u8; 32]) -> bool {
        let identity = Identity::of(secret);
        let unwrap = |identity: Identity| {
            let mut stanzas = self.header.stanzas.iter();
            stanzas.any(|stanza| matches!(identity.unwrap(stanza), Ok(Some(_))))
        };
        identity.is_some_and(unwrap)
    }

    /// Whether the first chunk opens with that key.
    pub fn payload_key(&self, key: &[u8; 32]) -> bool {
        let at = self.header.length + super::NONCE;
        let rest = self.file.get(at..).unwrap_or_default();
        let chunk = &rest[..rest.len().min(CHUNK + TAG)];
        let Some(length) = chunk.len().checked_sub(TAG) else {
            return false;
        };
        let (sealed, tag) = chunk.split_at(length);
        let aead = Aead::new(&Secret::of(key));
        let mut plaintext = vec![0; length];
        [false, true].iter().any(|last| {
            let nonce = nonce(0, *last);
            aead.open(nonce, sealed, tag, &mut plaintext)
        })
    }
}

/// The octets of an X25519 identity that is written as age writes it
/// (`AGE-SECRET-KEY-1...`, in any case), if it is one.
pub fn read_identity(text: &str) -> Option<Secret<32>> {
    let octets = bech32::decode(&text.to_ascii_uppercase(), SECRET_KEY);
    let octets = zeroize::Zeroizing::new(octets?);
    let octets: &[u8; 32] = octets.as_slice().try_into().ok()?;
    Some(Secret::of(octets))
}

//! age v1 (age-encryption.org/v1) written by hand, with everything to get wrong
//! that a sound crate gets right.

use std::io::{self, Write as _};

use age::{Recipient as _, secrecy::ExposeSecret as _};
use age_core::format::{FILE_KEY_BYTES, FileKey};
use aws_lc_rs::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    error::Unspecified,
    hkdf::{HKDF_SHA256, Salt},
    hmac,
};
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};

use crate::{
    camera::Device,
    hex::Hex,
    seal::{
        keys::OwnerRecipient,
        recording::{CHUNK, Card, ClipFile, Extent},
    },
};

/// How age is done, and where it goes wrong.
#[derive(Clone, Copy, Debug)]
pub struct FaultyAge {
    /// The key of a file.
    pub file_key: fn(&Device) -> [u8; FILE_KEY_BYTES],
    /// The nonce of its payload.
    pub nonce: fn(&Device) -> [u8; NONCE],
    /// Whether chunks are counted.
    pub counts_chunks: bool,
    /// Whether the last chunk is marked.
    pub marks_last: bool,
    /// A file on the same card for the keys of files.
    pub key_file: Option<&'static str>,
}

/// Octets of the nonce of a payload.
pub const NONCE: usize = 16;

impl FaultyAge {
    /// Nothing is wrong yet.
    pub const SOUND: Self = Self {
        file_key: random,
        nonce: random,
        counts_chunks: true,
        marks_last: true,
        key_file: None,
    };

    /// Makes the file of a clip.
    pub fn create(
        self,
        device: &Device,
        owner: &OwnerRecipient,
        name: &str,
    ) -> io::Result<Box<dyn ClipFile>> {
        let disk = &device.world.disk;
        let (file_key, nonce) = ((self.file_key)(device), (self.nonce)(device));
        if let Some(key_file) = self.key_file {
            if !disk.list()?.iter().any(|name| name == key_file) {
                disk.create(key_file)?;
            }
            disk.append(key_file, format!("{name} {}\n", Hex(&file_key)).as_bytes())?;
        }
        let mut card = Card::create(disk.clone(), name)?;
        card.write_all(&header(&file_key, owner).map_err(io::Error::other)?)?;
        card.write_all(&nonce)?;
        let key = payload_key(&nonce, &FileKey::new(Box::new(file_key)));
        Ok(Box::new(FaultyAgeFile {
            how: self,
            card,
            key: key.map_err(io::Error::other)?,
            chunks: 0,
            waiting: Vec::new(),
        }))
    }
}

/// Octets by chance.
pub fn random<const N: usize>(device: &Device) -> [u8; N] {
    let mut octets = [0; N];
    device.world.entropy.fill(&mut octets);
    octets
}

struct FaultyAgeFile {
    how: FaultyAge,
    card: Card,
    key: LessSafeKey,
    chunks: u64,
    waiting: Vec<u8>,
}

impl FaultyAgeFile {
    /// STREAM: the nonce is a counter of 11 octets and a flag.
    fn seal(&mut self, mut chunk: Vec<u8>, last: bool) -> io::Result<()> {
        let mut nonce = [0; NONCE_LEN];
        if self.how.counts_chunks {
            nonce[3..11].copy_from_slice(&self.chunks.to_be_bytes());
        }
        nonce[11] = u8::from(last && self.how.marks_last);
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.chunks += 1;
        let key = &self.key;
        key.seal_in_place_append_tag(nonce, Aad::empty(), &mut chunk)
            .map_err(io::Error::other)?;
        self.card.write_all(&chunk)
    }
}

impl ClipFile for FaultyAgeFile {
    fn write(&mut self, plaintext: &[u8]) -> io::Result<()> {
        self.waiting.extend_from_slice(plaintext);
        while self.waiting.len() > CHUNK {
            let rest = self.waiting.split_off(CHUNK);
            let chunk = std::mem::replace(&mut self.waiting, rest);
            self.seal(chunk, false)?;
        }
        Ok(())
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn extent(&self) -> Extent {
        self.card.extent()
    }

    fn finish(mut self: Box<Self>) -> io::Result<Extent> {
        let chunk = std::mem::take(&mut self.waiting);
        self.seal(chunk, true)?;
        self.card.flush()?;
        Ok(self.card.extent())
    }
}

/// The version, the file key for the owner, and a MAC over both.
fn header(file_key: &[u8; FILE_KEY_BYTES], owner: &OwnerRecipient) -> io::Result<Vec<u8>> {
    let secret = FileKey::new(Box::new(*file_key));
    let (stanzas, _) = owner
        .age()
        .wrap_file_key(&secret)
        .map_err(io::Error::other)?;
    let mut header = String::from("age-encryption.org/v1\n");
    for stanza in stanzas {
        header.push_str(&format!("-> {}", stanza.tag));
        for argument in stanza.args {
            header.push_str(&format!(" {argument}"));
        }
        // A wrapped file key has 32 octets: less than a line.
        let body = BASE64_STANDARD_NO_PAD.encode(stanza.body);
        header.push_str(&format!("\n{body}\n"));
    }
    header.push_str("---");
    let key = derive(&[], file_key, b"header").map_err(io::Error::other)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let mac = hmac::sign(&key, header.as_bytes());
    header.push_str(&format!(" {}\n", BASE64_STANDARD_NO_PAD.encode(mac)));
    Ok(header.into_bytes())
}

/// The key of the chunks.
pub(super) fn payload_key(nonce: &[u8], file_key: &FileKey) -> Result<LessSafeKey, Unspecified> {
    cipher(&derive(nonce, file_key.expose_secret(), b"payload")?)
}

/// HKDF-SHA-256 (RFC 5869) from a file key.
fn derive(salt: &[u8], file_key: &[u8], label: &[u8]) -> Result<[u8; 32], Unspecified> {
    let mut key = [0; 32];
    Salt::new(HKDF_SHA256, salt)
        .extract(file_key)
        .expand(&[label], HKDF_SHA256)?
        .fill(&mut key)?;
    Ok(key)
}

fn cipher(key: &[u8]) -> Result<LessSafeKey, Unspecified> {
    Ok(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key)?))
}

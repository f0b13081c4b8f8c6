//! age v1 (age-encryption.org/v1) read by hand, by an owner's app that looks at no
//! MAC: whoever can write to the card writes what the owner believes.

use age::Identity as _;
use age_core::format::Stanza;
use aws_lc_rs::aead::{Aad, MAX_TAG_LEN, NONCE_LEN, Nonce};
use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};

use super::age_by_hand::{NONCE, payload_key};
use crate::seal::{
    keys::OwnerIdentity,
    recording::{self, CHUNK, OpenError, Opened},
};

/// Opens a clip, and what does not authenticate, too.
pub fn faulty_open(sealed: &[u8], identity: &OwnerIdentity) -> Result<Opened, OpenError> {
    match unauthenticated(sealed, identity) {
        Some(plaintext) => Ok(Opened {
            plaintext,
            complete: true,
        }),
        None => recording::open(sealed, identity),
    }
}

/// What is behind a header with a line that the identity opens. The MAC of the header
/// and those of the chunks are passed over.
fn unauthenticated(sealed: &[u8], identity: &OwnerIdentity) -> Option<Vec<u8>> {
    let mut rest = sealed;
    let mut line = || {
        let end = rest.iter().position(|octet| *octet == b'\n')?;
        let (line, behind) = rest.split_at(end);
        rest = &behind[1..];
        str::from_utf8(line).ok()
    };
    (line()? == "age-encryption.org/v1").then_some(())?;
    let mut file_key = None;
    loop {
        let head = line()?;
        if head.starts_with("---") {
            break;
        }
        let mut words = head.strip_prefix("-> ")?.split(' ').map(str::to_owned);
        let stanza = Stanza {
            tag: words.next()?,
            args: words.collect(),
            body: BASE64_STANDARD_NO_PAD.decode(line()?).ok()?,
        };
        let opened = identity.age().unwrap_stanza(&stanza);
        file_key = file_key.or(opened.and_then(Result::ok));
    }
    let (nonce, payload) = rest.split_at_checked(NONCE)?;
    let key = payload_key(nonce, &file_key?).ok()?;
    let mut plaintext = Vec::new();
    let mut chunks = (0_u64..)
        .zip(payload.chunks(CHUNK + MAX_TAG_LEN))
        .peekable();
    while let Some((counter, chunk)) = chunks.next() {
        let mut nonce = [0; NONCE_LEN];
        nonce[3..11].copy_from_slice(&counter.to_be_bytes());
        nonce[11] = u8::from(chunks.peek().is_none());
        // A stream cipher: who enciphers the ciphertext has the plaintext.
        let mut octets = chunk.get(..chunk.len().checked_sub(MAX_TAG_LEN)?)?.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let _tag = key
            .seal_in_place_separate_tag(nonce, Aad::empty(), &mut octets)
            .ok()?;
        plaintext.extend(octets);
    }
    Some(plaintext)
}

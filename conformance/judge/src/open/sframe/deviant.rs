//! Frames sealed in a way that comes near to RFC 9605 and is none: no viewer by the
//! standard opens them. The suites with AES in Galois/counter mode are tried.

use hkdf::Hkdf;
use sha2::{Sha256, Sha512};

use super::{Header, Keys};
use crate::open::aead::{Aead, Algorithm, NONCE, nonce};

/// The one label of drafts.
const LABEL: &[u8] = b"SFrame10";
/// Octets of the salt in a nonce that is put together.
const FIXED: usize = 4;

/// What differs from the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deviation {
    /// Keys are derived as in the drafts before (draft-ietf-sframe-enc-00 4.3.1).
    DraftLabels,
    /// The nonce is the first octets of the salt and the counter behind them, as in
    /// TLS 1.2 (RFC 5288 3), where the standard XORs the two (4.4.3).
    ConcatenatedNonce,
}

/// Whether a frame opens so, with whichever key fits.
pub fn opens(frame: &[u8], metadata: &[u8], keys: &Keys, deviation: Deviation) -> bool {
    let Some(header) = Header::read(frame) else {
        return false;
    };
    let Some((head, sealed)) = frame.split_at_checked(header.length) else {
        return false;
    };
    let aad = [head, metadata].concat();
    let of_kid = keys.0.iter().filter(|key| key.kid == header.kid);
    let mut opened = of_kid.filter_map(|key| {
        let base = &key.base[..];
        let (extractions, labels) = match deviation {
            Deviation::DraftLabels => (
                vec![(LABEL, base), (base, LABEL)],
                [b"key".to_vec(), b"salt".to_vec()],
            ),
            Deviation::ConcatenatedNonce => (vec![(&b""[..], base)], labels(key.kid, key.suite)),
        };
        let derived = extractions.into_iter().filter_map(|(salt, material)| {
            let extraction = (salt, material);
            match key.suite {
                4 => derive::<Sha256Of>(Algorithm::Aes128Gcm, extraction, &labels),
                5 => derive::<Sha512Of>(Algorithm::Aes256Gcm, extraction, &labels),
                _ => None,
            }
        });
        let mut derived = derived.map(|(aead, salt)| {
            let nonce = match deviation {
                Deviation::DraftLabels => nonce(salt, header.ctr),
                Deviation::ConcatenatedNonce => concatenated(salt, header.ctr),
            };
            (aead, nonce)
        });
        derived.find_map(|(aead, nonce)| aead.open(nonce, &aad, sealed))
    });
    opened.next().is_some()
}

/// The labels of key and salt (RFC 9605 4.4.2).
fn labels(kid: u64, suite: u16) -> [Vec<u8>; 2] {
    ["SFrame 1.0 Secret key ", "SFrame 1.0 Secret salt "]
        .map(|label| [label.as_bytes(), &kid.to_be_bytes(), &suite.to_be_bytes()].concat())
}

fn concatenated(salt: [u8; NONCE], counter: u64) -> [u8; NONCE] {
    let mut nonce = salt;
    nonce[FIXED..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

/// HKDF of a hash, for one extraction and two expansions.
trait Expands {
    fn expand(salt: &[u8], material: &[u8], info: &[u8], out: &mut [u8]) -> Option<()>;
}

struct Sha256Of;
struct Sha512Of;

impl Expands for Sha256Of {
    fn expand(salt: &[u8], material: &[u8], info: &[u8], out: &mut [u8]) -> Option<()> {
        Hkdf::<Sha256>::new(Some(salt), material)
            .expand(info, out)
            .ok()
    }
}

impl Expands for Sha512Of {
    fn expand(salt: &[u8], material: &[u8], info: &[u8], out: &mut [u8]) -> Option<()> {
        Hkdf::<Sha512>::new(Some(salt), material)
            .expand(info, out)
            .ok()
    }
}

fn derive<E: Expands>(
    algorithm: Algorithm,
    (salt, material): (&[u8], &[u8]),
    [of_key, of_salt]: &[Vec<u8>; 2],
) -> Option<(Aead, [u8; NONCE])> {
    let mut key = vec![0; algorithm.key_length()];
    E::expand(salt, material, of_key, &mut key)?;
    let mut salt_out = [0; NONCE];
    E::expand(salt, material, of_salt, &mut salt_out)?;
    Some((Aead::new(algorithm, &key)?, salt_out))
}

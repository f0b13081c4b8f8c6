//! The key derivation of drafts before RFC 9605 (draft-ietf-sframe-enc-00
//! 4.3.1): a device that still uses it seals what no viewer by the standard
//! opens. The suites with AES in Galois/counter mode are tried.

use hkdf::Hkdf;
use sha2::{Sha256, Sha512};

use super::{Header, Keys};
use crate::open::aead::{Aead, Algorithm, NONCE, nonce};

const LABEL: &[u8] = b"SFrame10";

/// Whether a frame opens so, with whichever key fits.
pub fn open(frame: &[u8], metadata: &[u8], keys: &Keys) -> bool {
    let Some(header) = Header::read(frame) else {
        return false;
    };
    let Some((head, sealed)) = frame.split_at_checked(header.length) else {
        return false;
    };
    let aad = [head, metadata].concat();
    let of_kid = keys.0.iter().filter(|key| key.kid == header.kid);
    let mut opened = of_kid.filter_map(|key| {
        let derived = [(LABEL, &key.base[..]), (&key.base[..], LABEL)];
        let mut derived = derived
            .into_iter()
            .filter_map(|(salt, material)| match key.suite {
                4 => derive::<Sha256Of>(Algorithm::Aes128Gcm, salt, material),
                5 => derive::<Sha512Of>(Algorithm::Aes256Gcm, salt, material),
                _ => None,
            });
        derived.find_map(|(aead, salt)| aead.open(nonce(salt, header.ctr), &aad, sealed))
    });
    opened.next().is_some()
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
    salt: &[u8],
    material: &[u8],
) -> Option<(Aead, [u8; NONCE])> {
    let mut key = vec![0; algorithm.key_length()];
    E::expand(salt, material, b"key", &mut key)?;
    let mut salt_out = [0; NONCE];
    E::expand(salt, material, b"salt", &mut salt_out)?;
    Some((Aead::new(algorithm, &key)?, salt_out))
}

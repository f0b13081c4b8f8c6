//! What is compared: the suites, each with a key.

use aws_lc_rs::hmac;
use lightleak_benches::random;
use lightleak_sim::seal::{sframe, srtp};

/// A suite and a key.
pub struct Scenario {
    /// Its name in the IANA registry.
    pub suite: &'static str,
    /// What it is a suite of.
    pub protocol: Protocol,
    /// The master key of SRTP, the base key of SFrame.
    pub key: Vec<u8>,
    /// The master salt of SRTP, the key ID of SFrame in 8 octets.
    pub salt: Vec<u8>,
}

/// What carries the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A frame is many packets, each sealed by itself.
    Srtp,
    /// A frame is sealed as a whole.
    SFrame,
}

impl Scenario {
    /// Which of the two its suite has of Galois/counter mode with 128 or 256 bits.
    pub fn gcm<A>(&self, with_128: A, with_256: A) -> Option<A> {
        match (self.suite.contains("GCM"), self.cipher_key().len()) {
            (true, 16) => Some(with_128),
            (true, _) => Some(with_256),
            _ => None,
        }
    }

    /// The HMAC of a suite in counter mode, and the octets of its tag.
    pub fn hmac(&self) -> Option<(hmac::Algorithm, usize)> {
        let (mode, bits) = self.suite.rsplit_once('_')?;
        let bits: usize = bits.parse().ok()?;
        if mode.ends_with("HMAC_SHA1") {
            Some((hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, bits / 8))
        } else if mode.ends_with("HMAC_SHA256") {
            Some((hmac::HMAC_SHA256, bits / 8))
        } else {
            None
        }
    }

    /// A key for the cipher of the suite, which need not be the one that is derived.
    pub fn cipher_key(&self) -> &[u8] {
        match self.protocol {
            Protocol::Srtp => &self.key,
            Protocol::SFrame if self.suite.contains("256_GCM") => &self.key[..32],
            Protocol::SFrame => &self.key[..16],
        }
    }
}

/// The suites of SFrame by names that are not those of SRTP too.
pub const SFRAME: [(&str, sframe::Suite); 5] = [
    (
        "SFRAME_AES_128_CTR_HMAC_SHA256_80",
        sframe::Suite::Aes128CtrHmacSha256_80,
    ),
    (
        "SFRAME_AES_128_CTR_HMAC_SHA256_64",
        sframe::Suite::Aes128CtrHmacSha256_64,
    ),
    (
        "SFRAME_AES_128_CTR_HMAC_SHA256_32",
        sframe::Suite::Aes128CtrHmacSha256_32,
    ),
    ("SFRAME_AES_128_GCM_SHA256", sframe::Suite::Aes128Gcm),
    ("SFRAME_AES_256_GCM_SHA512", sframe::Suite::Aes256Gcm),
];
/// The key ID of SFrame.
pub const KEY_ID: u64 = 7;

/// Every suite.
pub fn all() -> Vec<Scenario> {
    let srtp = srtp::Suite::ALL.map(|suite| Scenario {
        suite: suite.name(),
        protocol: Protocol::Srtp,
        key: random(1, suite.key_length()),
        salt: random(2, suite.salt_length()),
    });
    let sframe = SFRAME.map(|(name, suite)| Scenario {
        suite: name,
        protocol: Protocol::SFrame,
        key: random(3, suite.hash_length()),
        salt: KEY_ID.to_be_bytes().to_vec(),
    });
    srtp.into_iter().chain(sframe).collect()
}

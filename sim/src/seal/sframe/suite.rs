//! The cipher suites of SFrame and what each measures.

use std::{fmt, str::FromStr};

use aws_lc_rs::hkdf;

/// A cipher suite (RFC 9605 4.5). Displays and parses as its name in the IANA
/// registry (SFrame Cipher Suites, RFC 9605 8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// AES-128 in counter mode, HMAC-SHA256 cut to 80 bits.
    Aes128CtrHmacSha256_80,
    /// The same, cut to 64 bits.
    Aes128CtrHmacSha256_64,
    /// The same, cut to 32 bits.
    Aes128CtrHmacSha256_32,
    /// AES-128 in Galois/counter mode, keys by SHA-256.
    Aes128Gcm,
    /// AES-256 in Galois/counter mode, keys by SHA-512.
    Aes256Gcm,
}

impl Suite {
    /// Every suite.
    pub const ALL: [Self; 5] = [
        Self::Aes128CtrHmacSha256_80,
        Self::Aes128CtrHmacSha256_64,
        Self::Aes128CtrHmacSha256_32,
        Self::Aes128Gcm,
        Self::Aes256Gcm,
    ];

    /// The name in the registry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes128CtrHmacSha256_80 => "AES_128_CTR_HMAC_SHA256_80",
            Self::Aes128CtrHmacSha256_64 => "AES_128_CTR_HMAC_SHA256_64",
            Self::Aes128CtrHmacSha256_32 => "AES_128_CTR_HMAC_SHA256_32",
            Self::Aes128Gcm => "AES_128_GCM_SHA256_128",
            Self::Aes256Gcm => "AES_256_GCM_SHA512_128",
        }
    }

    /// The value in the registry.
    pub const fn value(self) -> u16 {
        match self {
            Self::Aes128CtrHmacSha256_80 => 1,
            Self::Aes128CtrHmacSha256_64 => 2,
            Self::Aes128CtrHmacSha256_32 => 3,
            Self::Aes128Gcm => 4,
            Self::Aes256Gcm => 5,
        }
    }

    /// The suite of that value.
    pub fn from_value(value: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.value() == value)
    }

    /// Octets of the hash: Nh.
    pub const fn hash_length(self) -> usize {
        match self {
            Self::Aes256Gcm => 64,
            _ => 32,
        }
    }

    /// Octets of the key of the AEAD, which counter mode shares with HMAC: Nk.
    pub const fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes256Gcm => 32,
            _ => 48,
        }
    }

    /// Octets of the tag: Nt.
    pub const fn tag_length(self) -> usize {
        match self {
            Self::Aes128CtrHmacSha256_80 => 10,
            Self::Aes128CtrHmacSha256_64 => 8,
            Self::Aes128CtrHmacSha256_32 => 4,
            Self::Aes128Gcm | Self::Aes256Gcm => 16,
        }
    }

    /// Whether it is in Galois/counter mode.
    pub(super) const fn is_galois(self) -> bool {
        matches!(self, Self::Aes128Gcm | Self::Aes256Gcm)
    }

    /// HKDF with the hash.
    pub(in crate::seal) fn hkdf(self) -> hkdf::Algorithm {
        match self {
            Self::Aes256Gcm => hkdf::HKDF_SHA512,
            _ => hkdf::HKDF_SHA256,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Suite {
    type Err = UnknownSuite;

    fn from_str(name: &str) -> Result<Self, UnknownSuite> {
        let mut suites = Self::ALL.into_iter();
        let found = suites.find(|suite| suite.name() == name);
        found.ok_or_else(|| UnknownSuite(name.chars().take(64).collect()))
    }
}

/// No suite has this name (of which the first 64 characters are kept).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no SFrame suite is named {0:?}")]
pub struct UnknownSuite(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_and_value_is_that_of_one_suite() {
        for (value, suite) in (1..).zip(Suite::ALL) {
            assert_eq!(suite.to_string().parse(), Ok(suite));
            assert_eq!(Suite::from_value(value), Some(suite));
        }
        assert_eq!((Suite::from_value(0), Suite::from_value(6)), (None, None));
        let unknown = "AES_256_CTR_HMAC_SHA512_80";
        let error = UnknownSuite(unknown.to_owned());
        assert_eq!(unknown.parse::<Suite>(), Err(error));
    }

    #[test]
    fn lengths_are_those_of_the_table() {
        let lengths = |suite: Suite| (suite.hash_length(), suite.key_length(), suite.tag_length());
        assert_eq!(
            Suite::ALL.map(lengths),
            [
                (32, 48, 10),
                (32, 48, 8),
                (32, 48, 4),
                (32, 16, 16),
                (64, 32, 16)
            ]
        );
    }
}

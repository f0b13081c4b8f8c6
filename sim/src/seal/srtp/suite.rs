//! The crypto suites of SRTP and what each measures.

use std::{fmt, str::FromStr};

/// A crypto suite. Displays and parses as its name in the IANA registry (SDP
/// Security Descriptions, SRTP crypto suites), for DTLS-SRTP without `SRTP_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// AES-128 in counter mode, HMAC-SHA1 cut to 80 bits (RFC 3711, RFC 4568 6.2.1).
    AesCm128HmacSha1_80,
    /// The same, where RTP (not RTCP) has tags of 32 bits (RFC 4568 6.2.2).
    AesCm128HmacSha1_32,
    /// AES-192 in counter mode, HMAC-SHA1 cut to 80 bits (RFC 6188).
    AesCm192HmacSha1_80,
    /// AES-256 in counter mode, HMAC-SHA1 cut to 80 bits (RFC 6188).
    AesCm256HmacSha1_80,
    /// AES-128 in Galois/counter mode (RFC 7714).
    AeadAes128Gcm,
    /// AES-256 in Galois/counter mode (RFC 7714).
    AeadAes256Gcm,
}

impl Suite {
    /// Every suite.
    pub const ALL: [Self; 6] = [
        Self::AesCm128HmacSha1_80,
        Self::AesCm128HmacSha1_32,
        Self::AesCm192HmacSha1_80,
        Self::AesCm256HmacSha1_80,
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
    ];

    /// The name in the registry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AesCm192HmacSha1_80 => "AES_192_CM_HMAC_SHA1_80",
            Self::AesCm256HmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// Octets of the master key, and of the session key of the cipher.
    pub const fn key_length(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 | Self::AeadAes128Gcm => 16,
            Self::AesCm192HmacSha1_80 => 24,
            Self::AesCm256HmacSha1_80 | Self::AeadAes256Gcm => 32,
        }
    }

    /// Octets of the master salt, and of the session salt: 14 in counter mode
    /// (RFC 3711 8.2), 12 in Galois/counter mode (RFC 7714 12).
    pub const fn salt_length(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Octets of the tag of an SRTP packet.
    pub const fn tag_length(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_32 => 4,
            _ => self.rtcp_tag_length(),
        }
    }

    /// Octets of the tag of an SRTCP packet, 80 bits or more in every suite
    /// (RFC 3711 5.2).
    pub const fn rtcp_tag_length(self) -> usize {
        if self.is_aead() { 16 } else { 10 }
    }

    /// Whether one algorithm both encrypts and authenticates.
    pub const fn is_aead(self) -> bool {
        matches!(self, Self::AeadAes128Gcm | Self::AeadAes256Gcm)
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
#[error("no SRTP suite is named {0:?}")]
pub struct UnknownSuite(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_the_suite_that_displays_it() {
        for suite in Suite::ALL {
            assert_eq!(suite.to_string().parse(), Ok(suite));
        }
        for name in ["", "SRTP_AES128_CM_HMAC_SHA1_80", "aead_aes_128_gcm"] {
            assert_eq!(name.parse::<Suite>(), Err(UnknownSuite(name.to_owned())));
        }
        let long = "N".repeat(1 << 16).parse::<Suite>();
        assert_eq!(long, Err(UnknownSuite("N".repeat(64))));
    }

    #[test]
    fn only_rtp_has_the_short_tag() {
        let lengths = |suite: Suite| (suite.tag_length(), suite.rtcp_tag_length());
        assert_eq!(
            Suite::ALL.map(lengths),
            [(10, 10), (4, 10), (10, 10), (10, 10), (16, 16), (16, 16)]
        );
    }
}

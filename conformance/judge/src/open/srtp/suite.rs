//! The crypto suites of SRTP, and what each measures.

/// A crypto suite.
#[derive(Debug, PartialEq, Eq)]
pub struct Suite {
    /// Its name in the IANA registry (SDP Security Descriptions, SRTP crypto
    /// suites).
    pub name: &'static str,
    /// How it encrypts.
    pub mode: Mode,
    /// Octets of the master key, and of the session key that encrypts.
    pub key: usize,
    /// Octets of the master salt, and of the session salt.
    pub salt: usize,
    /// Octets of the tag of an SRTP packet.
    pub tag: usize,
    /// Octets of the tag of an SRTCP packet.
    pub rtcp_tag: usize,
}

/// How a suite encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// AES in counter mode, with HMAC-SHA1 (RFC 3711 4.1.1, 4.2.1).
    Counter,
    /// AES in Galois/counter mode (RFC 7714).
    Galois,
}

/// Every suite (RFC 4568 6.2, RFC 6188 4, RFC 7714 12).
pub const SUITES: [Suite; 6] = [
    counter("AES_CM_128_HMAC_SHA1_80", 16, 10),
    counter("AES_CM_128_HMAC_SHA1_32", 16, 4),
    counter("AES_192_CM_HMAC_SHA1_80", 24, 10),
    counter("AES_256_CM_HMAC_SHA1_80", 32, 10),
    galois("AEAD_AES_128_GCM", 16),
    galois("AEAD_AES_256_GCM", 32),
];

impl Suite {
    /// The suite of that name.
    pub fn find(name: &str) -> Option<&'static Self> {
        SUITES.iter().find(|suite| suite.name == name)
    }

    /// Whether one algorithm both encrypts and authenticates.
    pub fn is_aead(&self) -> bool {
        self.mode == Mode::Galois
    }
}

/// RFC 3711 5.2: the tag of SRTCP has 80 bits in every one.
const fn counter(name: &'static str, key: usize, tag: usize) -> Suite {
    Suite {
        name,
        mode: Mode::Counter,
        key,
        salt: 14,
        tag,
        rtcp_tag: 10,
    }
}

const fn galois(name: &'static str, key: usize) -> Suite {
    Suite {
        name,
        mode: Mode::Galois,
        key,
        salt: 12,
        tag: 16,
        rtcp_tag: 16,
    }
}

//! The security policy of SRTP (RFC 3830 6.10.1, RFC 7714 14.2).

use super::MikeyError;
use crate::seal::srtp::Suite;

/// A security policy payload: its number and its parameters, each a type and
/// a value of 255 octets at most, 65535 octets altogether.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The number by which crypto sessions name it.
    pub number: u8,
    /// Its parameters, in order. One that is missing has its default.
    pub parameters: Vec<(u8, Vec<u8>)>,
}

/// Types of parameters.
pub(crate) mod parameter {
    pub(crate) const ENCRYPTION: u8 = 0;
    pub(crate) const ENCRYPTION_KEY: u8 = 1;
    pub(crate) const AUTHENTICATION: u8 = 2;
    pub(crate) const AUTHENTICATION_KEY: u8 = 3;
    pub(crate) const SALT: u8 = 4;
    pub(crate) const PRF: u8 = 5;
    pub(crate) const KEY_DERIVATION_RATE: u8 = 6;
    pub(crate) const SRTP_ENCRYPTION: u8 = 7;
    pub(crate) const SRTCP_ENCRYPTION: u8 = 8;
    pub(crate) const SRTP_AUTHENTICATION: u8 = 10;
    pub(crate) const TAG: u8 = 11;
    pub(crate) const PREFIX: u8 = 12;
    pub(crate) const AEAD_TAG: u8 = 20;
}
use parameter::*;

const AES_CM: u8 = 1;
const AES_GCM: u8 = 6;
const HMAC_SHA_1: u8 = 1;
const NULL: u8 = 0;
/// PRF AES-CM.
const AES_CM_PRF: u8 = 0;
const ON: u8 = 1;
/// Octets of the session authentication key (RFC 3711 5.2).
const HMAC_KEY_LENGTH: u8 = 20;

impl Policy {
    /// The suites that ONVIF Streaming 8.1 names.
    pub const SUITES: [Suite; 3] = [
        Suite::AesCm128HmacSha1_80,
        Suite::AeadAes128Gcm,
        Suite::AeadAes256Gcm,
    ];

    /// What ONVIF Streaming 8.2 has each of its suites say; any other suite
    /// says the same of its own lengths.
    pub fn of(suite: Suite) -> Self {
        // No length of a suite exceeds 32.
        let (key, salt) = (suite.key_length() as u8, suite.salt_length() as u8);
        let tag = suite.tag_length() as u8;
        let mut parameters = Vec::new();
        let mut say = |parameter: u8, value: u8| parameters.push((parameter, vec![value]));
        if suite.is_aead() {
            say(ENCRYPTION, AES_GCM);
            say(ENCRYPTION_KEY, key);
            say(AUTHENTICATION, NULL);
        } else {
            say(ENCRYPTION, AES_CM);
            say(ENCRYPTION_KEY, key);
            say(AUTHENTICATION, HMAC_SHA_1);
            say(AUTHENTICATION_KEY, HMAC_KEY_LENGTH);
        }
        say(SALT, salt);
        say(PRF, AES_CM_PRF);
        say(SRTP_ENCRYPTION, ON);
        say(SRTCP_ENCRYPTION, ON);
        say(SRTP_AUTHENTICATION, ON);
        match suite.is_aead() {
            true => say(AEAD_TAG, tag),
            false => say(TAG, tag),
        }
        Self {
            number: 0,
            parameters,
        }
    }

    /// Which suite it is: one of ONVIF's, or of RFC 6188.
    ///
    /// # Errors
    ///
    /// [`MikeyError::Policy`] names the first parameter that belongs to none,
    /// such as no encryption.
    pub fn suite(&self) -> Result<Suite, MikeyError> {
        let gcm = match self.value(ENCRYPTION, AES_CM.into()) {
            1 => false,
            6 => true,
            value => return Err(error(ENCRYPTION, value, "AES-CM (1) or AES-GCM (6)")),
        };
        let suite = match (gcm, self.value(ENCRYPTION_KEY, 16)) {
            (false, 16) => Suite::AesCm128HmacSha1_80,
            (false, 24) => Suite::AesCm192HmacSha1_80,
            (false, 32) => Suite::AesCm256HmacSha1_80,
            (true, 16) => Suite::AeadAes128Gcm,
            (true, 32) => Suite::AeadAes256Gcm,
            (false, value) => return Err(error(ENCRYPTION_KEY, value, "16, 24 or 32")),
            (true, value) => return Err(error(ENCRYPTION_KEY, value, "16 or 32")),
        };
        for (parameter, value) in &self.parameters {
            let value = number(value);
            if let Some(expected) = refused(suite, *parameter, value) {
                return Err(error(*parameter, value, expected));
            }
        }
        Ok(suite)
    }

    fn value(&self, parameter: u8, default: u64) -> u64 {
        let mut all = self.parameters.iter();
        let found = all.find(|(kind, _)| *kind == parameter);
        found.map_or(default, |(_, value)| number(value))
    }
}

/// What would be right where that is wrong for the suite.
fn refused(suite: Suite, parameter: u8, value: u64) -> Option<&'static str> {
    let gcm = suite.is_aead();
    let (right, expected) = match parameter {
        // One that is there twice, the second time with another value.
        ENCRYPTION => (value == if gcm { 6 } else { 1 }, "the same as before"),
        ENCRYPTION_KEY => (value == suite.key_length() as u64, "the same as before"),
        AUTHENTICATION if gcm => (value == 0, "NULL (0)"),
        AUTHENTICATION => (value == 1, "HMAC-SHA-1 (1)"),
        // GStreamer's messages have the length of the tag here.
        AUTHENTICATION_KEY => (gcm || matches!(value, 10 | 20), "20"),
        SALT if gcm => (value == 12, "12"),
        SALT => (value == 14, "14"),
        PRF => (value == 0, "AES-CM (0)"),
        KEY_DERIVATION_RATE => (value == 0, "0"),
        SRTP_ENCRYPTION | SRTCP_ENCRYPTION => (value == 1, "on (1)"),
        SRTP_AUTHENTICATION => (value == 1 || gcm, "on (1)"),
        TAG => (value == suite.tag_length() as u64, "the whole tag"),
        PREFIX => (value == 0, "0"),
        AEAD_TAG => (!gcm || value == 16, "16"),
        // Such as the order of FEC: nothing that we send.
        _ => (true, ""),
    };
    (!right).then_some(expected)
}

/// A value, as a number; one of more than 8 octets is out of all limits.
fn number(value: &[u8]) -> u64 {
    match value.len() {
        0..=8 => value.iter().fold(0, |sum, &o| sum << 8 | u64::from(o)),
        _ => u64::MAX,
    }
}

fn error(parameter: u8, value: u64, expected: &'static str) -> MikeyError {
    MikeyError::Policy {
        parameter,
        value,
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_is_read_from_its_policy() {
        let long = [Suite::AesCm192HmacSha1_80, Suite::AesCm256HmacSha1_80];
        for suite in Policy::SUITES.into_iter().chain(long) {
            assert_eq!(Policy::of(suite).suite(), Ok(suite));
        }
    }

    #[test]
    fn a_policy_without_parameters_is_the_default_of_the_standard() {
        let policy = Policy {
            number: 0,
            parameters: Vec::new(),
        };
        assert_eq!(policy.suite(), Ok(Suite::AesCm128HmacSha1_80));
    }

    #[test]
    fn what_weakens_protection_is_refused() {
        let flaws = [
            (ENCRYPTION, 0),
            (ENCRYPTION, 2),
            (ENCRYPTION_KEY, 0),
            (AUTHENTICATION, 0),
            (AUTHENTICATION_KEY, 0),
            (SALT, 0),
            (PRF, 1),
            (SRTP_ENCRYPTION, 0),
            (SRTCP_ENCRYPTION, 0),
            (SRTP_AUTHENTICATION, 0),
            (TAG, 4),
        ];
        for (parameter, value) in flaws {
            let mut policy = Policy::of(Suite::AesCm128HmacSha1_80);
            for (kind, octets) in &mut policy.parameters {
                if *kind == parameter {
                    *octets = vec![value];
                }
            }
            let refused = policy.suite();
            assert!(
                matches!(refused, Err(MikeyError::Policy { parameter: p, .. }) if p == parameter),
                "{parameter} = {value}: {refused:?}"
            );
        }
        let mut short = Policy::of(Suite::AeadAes128Gcm);
        short.parameters.push((AEAD_TAG, vec![8]));
        assert!(short.suite().is_err());
        let mut twice = Policy::of(Suite::AesCm128HmacSha1_80);
        twice.parameters.push((ENCRYPTION, vec![0]));
        assert!(twice.suite().is_err());
    }
}

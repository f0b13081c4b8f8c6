//! MIKEY messages (RFC 3830 6, RFC 7714 14.2), as far as they tell under which
//! policies and keys SRTP is sent.

mod payload;
#[cfg(test)]
mod tests;

use payload::Reader;

/// Payloads that are read of a message.
const MOST_PAYLOADS: usize = 256;

/// Version of RFC 3830.
const VERSION: u8 = 1;
/// CS ID map of SRTP (RFC 3830 6.1.1).
const SRTP_ID: u8 = 0;

/// Parameters of SRTP policies (RFC 3830 6.10.1, RFC 7714 14.2).
pub mod parameter {
    /// Encryption algorithm: [`NULL`], [`AES_CM`] or [`AES_GCM`].
    pub const ENCRYPTION: u8 = 0;
    /// Octets of the session key that encrypts.
    pub const ENCRYPTION_KEY: u8 = 1;
    /// Authentication algorithm: [`NULL`] or [`HMAC_SHA1`].
    pub const AUTHENTICATION: u8 = 2;
    /// SRTP encryption: 0 is off, 1 is on.
    pub const SRTP_ENCRYPTION: u8 = 7;
    /// SRTCP encryption: 0 is off, 1 is on.
    pub const SRTCP_ENCRYPTION: u8 = 8;
    /// SRTP authentication: 0 is off, 1 is on.
    pub const SRTP_AUTHENTICATION: u8 = 10;
    /// Octets of the tag.
    pub const TAG: u8 = 11;
    /// Octets of the tag of an AEAD algorithm.
    pub const AEAD_TAG: u8 = 20;

    /// Neither encrypts nor authenticates.
    pub const NULL: u32 = 0;
    /// AES in counter mode.
    pub const AES_CM: u32 = 1;
    /// AES in Galois/counter mode.
    pub const AES_GCM: u32 = 6;
    /// HMAC-SHA1.
    pub const HMAC_SHA1: u32 = 1;
}

/// A MIKEY message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mikey {
    /// Data type (RFC 3830 6.1): 0 is a message with a pre-shared key.
    pub data_type: u8,
    /// CSB ID.
    pub csb_id: u32,
    /// RAND (RFC 3830 6.11); empty if there is none.
    pub rand: Vec<u8>,
    /// The streams that it is for, if the map is one of SRTP.
    pub sessions: Vec<CryptoSession>,
    /// Security policies.
    pub policies: Vec<Policy>,
    /// Keys, as far as they are in clear.
    pub keys: Vec<KeyData>,
    /// Whether keys are encrypted, so that they could not be read.
    pub encrypted: bool,
}

/// A stream (RFC 3830 6.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CryptoSession {
    /// Number of its policy.
    pub policy: u8,
    /// SSRC; 0 if it is not known.
    pub ssrc: u32,
    /// Roll-over counter.
    pub roll_over: u32,
}

/// A security policy (RFC 3830 6.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its number.
    pub number: u8,
    /// Of which protocol; 0 is SRTP.
    pub protocol: u8,
    /// Types and values, in order.
    pub parameters: Vec<(u8, Vec<u8>)>,
}

impl Policy {
    /// The value of a parameter, of up to four octets.
    pub fn value(&self, parameter: u8) -> Option<u32> {
        let mut parameters = self.parameters.iter();
        let (_, value) = parameters.find(|(kind, _)| *kind == parameter)?;
        let number = |n: u32, octet: &u8| n << 8 | u32::from(*octet);
        (1..=4)
            .contains(&value.len())
            .then(|| value.iter().fold(0, number))
    }
}

/// A key (RFC 3830 6.13).
#[derive(Clone, PartialEq, Eq)]
pub struct KeyData {
    /// Whether it encrypts traffic itself (TEK), and not what keys are made of
    /// (TGK).
    pub is_traffic_key: bool,
    /// The key; where there is no salt, maybe with the salt behind.
    pub key: Vec<u8>,
    /// The salt.
    pub salt: Vec<u8>,
    /// SPI or MKI; empty if there is none.
    pub spi: Vec<u8>,
}

/// Shows no secret.
impl std::fmt::Debug for KeyData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (key, salt) = (self.key.len(), self.salt.len());
        write!(f, "KeyData({key} and {salt} octets, SPI {:02x?})", self.spi)
    }
}

/// Why octets are no MIKEY message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MikeyError {
    /// It ends too early.
    #[error("the message ends within {field}")]
    Short {
        /// Within which field.
        field: &'static str,
    },
    /// It is of another version.
    #[error("version {0}, not {VERSION}")]
    Version(u8),
    /// It has a payload that is not known.
    #[error("payload of type {0}")]
    Payload(u8),
    /// A field has a value that says nothing of its length.
    #[error("{field} has value {value}")]
    Value {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: u8,
    },
    /// It has more payloads than are read.
    #[error("more than {MOST_PAYLOADS} payloads")]
    Payloads,
}

impl Mikey {
    /// Its policies for SRTP (RFC 3830 6.10).
    pub fn srtp_policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter().filter(|policy| policy.protocol == 0)
    }

    /// Reads a message.
    pub fn parse(octets: &[u8]) -> Result<Self, MikeyError> {
        let mut reader = Reader::new(octets);
        let version = reader.octet("version")?;
        if version != VERSION {
            return Err(MikeyError::Version(version));
        }
        let mut mikey = Self {
            data_type: reader.octet("data type")?,
            ..Self::default()
        };
        let mut next = reader.octet("next payload")?;
        // Whether a verification is asked for, and the PRF.
        reader.octet("PRF")?;
        mikey.csb_id = reader.word("CSB ID")?;
        let sessions = reader.octet("#CS")?;
        let map = reader.octet("CS ID map type")?;
        if map == SRTP_ID {
            for _ in 0..sessions {
                mikey.sessions.push(CryptoSession {
                    policy: reader.octet("policy number")?,
                    ssrc: reader.word("SSRC")?,
                    roll_over: reader.word("ROC")?,
                });
            }
        }
        for _ in 0..MOST_PAYLOADS {
            if next == 0 {
                return Ok(mikey);
            }
            next = mikey.payload(next, &mut reader)?;
        }
        Err(MikeyError::Payloads)
    }

    /// Reads a payload of that type; the type of the next one.
    fn payload(&mut self, kind: u8, reader: &mut Reader<'_>) -> Result<u8, MikeyError> {
        if !payload::is_known(kind) {
            return Err(MikeyError::Payload(kind));
        }
        let next = reader.octet("next payload")?;
        match kind {
            payload::KEMAC => {
                let algorithm = reader.octet("encryption algorithm")?;
                let data = reader.block16("encrypted data")?;
                match algorithm {
                    // Without sub-payload there is no key.
                    0 if data.is_empty() => {}
                    0 => self.keys.extend(payload::keys(data)?),
                    _ => self.encrypted = true,
                }
                let field = "MAC algorithm";
                match reader.octet(field)? {
                    0 => {}
                    1 => _ = reader.take(20, "MAC")?,
                    value => return Err(MikeyError::Value { field, value }),
                }
            }
            payload::SP => {
                let (number, protocol) =
                    (reader.octet("policy number")?, reader.octet("protocol")?);
                let mut inner = Reader::new(reader.block16("policy")?);
                let mut parameters = Vec::new();
                while !inner.is_empty() {
                    let kind = inner.octet("policy parameter")?;
                    let value = inner.block8("policy parameter")?;
                    parameters.push((kind, value.to_vec()));
                }
                self.policies.push(Policy {
                    number,
                    protocol,
                    parameters,
                });
            }
            payload::RAND => self.rand = reader.block8("RAND")?.to_vec(),
            other => payload::skip(other, reader)?,
        }
        Ok(next)
    }
}

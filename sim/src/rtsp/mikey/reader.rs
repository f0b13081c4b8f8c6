//! From octets to a message.

use super::{
    CryptoSession, Message, MikeyError, NO_VALIDITY, NTP, NTP_UTC, NULL, PRE_SHARED, Policy, SPI,
    SRTP, SRTP_ID, TEK, TEK_WITH_SALT, VERSION, payload,
};
use crate::seal::{keys::KeyData, srtp::Mki};

impl Message {
    /// Reads a message. Identities and general extensions are passed over.
    ///
    /// # Errors
    ///
    /// [`MikeyError`] says what is wrong with it, or what of RFC 3830 it has
    /// that ONVIF Streaming 8.2 does not use.
    pub fn read(octets: &[u8]) -> Result<Self, MikeyError> {
        let mut rest = Rest(octets);
        expect(rest.octet("version")?, VERSION, "version", "1")?;
        let kind = rest.octet("data type")?;
        expect(kind, PRE_SHARED, "data type", "pre-shared (0)")?;
        let mut next = rest.octet("next payload")?;
        // Whoever gets a verification message asks for it, and nobody does.
        let prf = rest.octet("PRF function")? & 0x7f;
        expect(prf, 0, "PRF function", "MIKEY-1 (0)")?;
        let csb_id = rest.word("CSB ID")?;
        let count = rest.octet("number of crypto sessions")?;
        let map = rest.octet("map type")?;
        expect(map, SRTP_ID, "map type", "SRTP-ID (0)")?;
        let mut sessions = Vec::new();
        for _ in 0..count {
            sessions.push(CryptoSession {
                policy: rest.octet("policy number")?,
                ssrc: rest.word("SSRC")?,
                roc: rest.word("ROC")?,
            });
        }

        let (mut timestamp, mut rand, mut policy, mut key) = (None, None, None, None);
        while next != payload::LAST {
            let kind = next;
            next = rest.octet("next payload")?;
            match kind {
                payload::T => once(&mut timestamp, rest.timestamp()?, "T")?,
                payload::RAND => {
                    let length = rest.octet("RAND length")?;
                    let octets = rest.take(length.into(), "RAND")?.to_vec();
                    once(&mut rand, octets, "RAND")?;
                }
                payload::SP => once(&mut policy, rest.policy()?, "SP")?,
                payload::KEMAC => once(&mut key, rest.kemac()?, "KEMAC")?,
                payload::ID | payload::GENERAL_EXTENSION => {
                    rest.octet("type")?;
                    let length = rest.half_word("length")?;
                    rest.take(length.into(), "data")?;
                }
                other => return Err(MikeyError::Payload(other)),
            }
        }
        match rest.0.len() {
            0 => {}
            behind => return Err(MikeyError::Behind(behind)),
        }
        Ok(Self {
            csb_id,
            sessions,
            timestamp: timestamp.ok_or(MikeyError::Missing("T"))?,
            rand: rand.unwrap_or_default(),
            policy,
            key: key.ok_or(MikeyError::Missing("KEMAC"))?,
        })
    }
}

/// What is left of the octets.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, needed: usize, field: &'static str) -> Result<&'a [u8], MikeyError> {
        let left = self.0.len();
        let (taken, rest) = self.0.split_at_checked(needed).ok_or(MikeyError::Short {
            field,
            needed,
            left,
        })?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], MikeyError> {
        let mut octets = [0; N];
        octets.copy_from_slice(self.take(N, field)?);
        Ok(octets)
    }

    fn octet(&mut self, field: &'static str) -> Result<u8, MikeyError> {
        self.array(field).map(u8::from_be_bytes)
    }

    fn half_word(&mut self, field: &'static str) -> Result<u16, MikeyError> {
        self.array(field).map(u16::from_be_bytes)
    }

    fn word(&mut self, field: &'static str) -> Result<u32, MikeyError> {
        self.array(field).map(u32::from_be_bytes)
    }

    fn timestamp(&mut self) -> Result<u64, MikeyError> {
        let kind = self.octet("time stamp type")?;
        if kind != NTP {
            expect(kind, NTP_UTC, "time stamp type", "NTP-UTC (0) or NTP (1)")?;
        }
        self.array("time stamp").map(u64::from_be_bytes)
    }

    fn policy(&mut self) -> Result<Policy, MikeyError> {
        let number = self.octet("policy number")?;
        expect(
            self.octet("protocol type")?,
            SRTP,
            "protocol type",
            "SRTP (0)",
        )?;
        let length = self.half_word("policy length")?;
        let mut rest = Rest(self.take(length.into(), "policy parameters")?);
        let mut parameters = Vec::new();
        while !rest.0.is_empty() {
            let kind = rest.octet("policy parameter type")?;
            let length = rest.octet("policy parameter length")?;
            let value = rest.take(length.into(), "policy parameter")?;
            parameters.push((kind, value.to_vec()));
        }
        Ok(Policy { number, parameters })
    }

    fn kemac(&mut self) -> Result<KeyData, MikeyError> {
        let encryption = self.octet("KEMAC encryption")?;
        expect(encryption, NULL, "KEMAC encryption", "NULL (0)")?;
        let length = self.half_word("KEMAC length")?;
        let mut rest = Rest(self.take(length.into(), "KEMAC data")?);
        let key = rest.key_data()?;
        if !rest.0.is_empty() {
            return Err(MikeyError::Behind(rest.0.len()));
        }
        let mac = self.octet("KEMAC authentication")?;
        expect(mac, NULL, "KEMAC authentication", "NULL (0)")?;
        Ok(key)
    }

    fn key_data(&mut self) -> Result<KeyData, MikeyError> {
        let next = self.octet("next key data")?;
        expect(next, payload::LAST, "next key data", "none (0)")?;
        let form = self.octet("key type")?;
        let (kind, validity) = (form >> 4, form & 0x0f);
        if kind != TEK_WITH_SALT {
            expect(kind, TEK, "key type", "TEK (2) or TEK+SALT (3)")?;
        }
        let length = self.half_word("key length")?;
        let key = self.take(length.into(), "key")?;
        let salt = match kind {
            TEK_WITH_SALT => {
                let length = self.half_word("salt length")?;
                Some(self.take(length.into(), "salt")?)
            }
            _ => None,
        };
        let mki = match validity {
            NO_VALIDITY => None,
            SPI => {
                let length = self.octet("SPI length")?;
                let octets = self.take(length.into(), "SPI")?;
                Some(Mki::new(octets).map_err(|_| MikeyError::Value {
                    field: "SPI length",
                    value: length.into(),
                    expected: "from 1 to 128",
                })?)
            }
            other => {
                return Err(MikeyError::Value {
                    field: "key validity",
                    value: other.into(),
                    expected: "none (0) or SPI (1)",
                });
            }
        };
        Ok(KeyData::new(key, salt, mki))
    }
}

fn expect(
    value: u8,
    right: u8,
    field: &'static str,
    expected: &'static str,
) -> Result<(), MikeyError> {
    match value == right {
        true => Ok(()),
        false => Err(MikeyError::Value {
            field,
            value: value.into(),
            expected,
        }),
    }
}

fn once<T>(place: &mut Option<T>, value: T, name: &'static str) -> Result<(), MikeyError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(MikeyError::Twice(name)),
    }
}

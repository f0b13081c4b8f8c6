//! Fields and payloads of MIKEY messages (RFC 3830 6.2 to 6.15).

use super::{KeyData, MikeyError};

/// Key data transport.
pub const KEMAC: u8 = 1;
/// Security policy.
pub const SP: u8 = 10;
/// Random value.
pub const RAND: u8 = 11;

/// Time stamp and key data (RFC 3830 6.1, table 6.1.b); the others that are known by
/// their number alone say their length in the same way.
const TIMESTAMP: u8 = 5;
const KEY_DATA: u8 = 20;

/// Whether that payload is known.
pub fn is_known(kind: u8) -> bool {
    matches!(kind, KEMAC..=RAND | 12 | KEY_DATA | 21)
}

/// Passes over a payload of which the first octet was read.
pub fn skip(kind: u8, reader: &mut Reader<'_>) -> Result<(), MikeyError> {
    match kind {
        // Envelope data (PKE): two bits of the length are something else.
        2 => {
            let [high, low] = reader.array("envelope")?;
            reader.take(
                usize::from(u16::from_be_bytes([high & 0x3f, low])),
                "envelope",
            )?;
        }
        // DH data.
        3 => {
            let field = "DH group";
            let octets = match reader.octet(field)? {
                0 => 192,
                1 => 96,
                2 => 128,
                value => return Err(MikeyError::Value { field, value }),
            };
            reader.take(octets, "DH value")?;
            validity(reader.octet("key validity")? & 0x0f, reader)?;
        }
        // Signature: 4 bits of its type, 12 of its length.
        4 => {
            let [high, low] = reader.array("signature")?;
            reader.take(
                usize::from(u16::from_be_bytes([high & 0x0f, low])),
                "signature",
            )?;
        }
        TIMESTAMP => {
            let field = "time stamp type";
            let octets = match reader.octet(field)? {
                0 | 1 => 8,
                2 => 4,
                value => return Err(MikeyError::Value { field, value }),
            };
            reader.take(octets, "time stamp")?;
        }
        // Identity, certificate, general extension.
        6 | 7 | 21 => {
            reader.octet("type")?;
            reader.block16("identity, certificate or extension")?;
        }
        // Certificate hash, verification.
        8 | 9 => {
            let field = "hash or verification";
            let octets = match (kind, reader.octet(field)?) {
                (9, 0) => 0,
                (9, 1) | (8, 0) => 20,
                (8, 1) => 16,
                (_, value) => return Err(MikeyError::Value { field, value }),
            };
            reader.take(octets, field)?;
        }
        // Error.
        12 => _ = reader.take(3, "error")?,
        _ => _ = key(reader)?,
    }
    Ok(())
}

/// The keys of a chain of key data sub-payloads.
pub fn keys(octets: &[u8]) -> Result<Vec<KeyData>, MikeyError> {
    let mut reader = Reader::new(octets);
    let mut keys = Vec::new();
    loop {
        let next = reader.octet("next payload")?;
        keys.push(key(&mut reader)?);
        match next {
            0 => return Ok(keys),
            KEY_DATA => {}
            other => return Err(MikeyError::Payload(other)),
        }
    }
}

/// RFC 3830 6.13, behind its first octet.
fn key(reader: &mut Reader<'_>) -> Result<KeyData, MikeyError> {
    let types = reader.octet("key type")?;
    let kind = types >> 4;
    if kind > 3 {
        let field = "key type";
        return Err(MikeyError::Value { field, value: kind });
    }
    let key = reader.block16("key")?.to_vec();
    let has_salt = kind & 1 == 1;
    let salt = match has_salt {
        true => reader.block16("salt")?.to_vec(),
        false => Vec::new(),
    };
    Ok(KeyData {
        is_traffic_key: kind > 1,
        key,
        salt,
        spi: validity(types & 0x0f, reader)?,
    })
}

/// SPI or MKI; empty if the key is valid for ever or within an interval
/// (RFC 3830 6.14).
fn validity(kind: u8, reader: &mut Reader<'_>) -> Result<Vec<u8>, MikeyError> {
    match kind {
        0 => Ok(Vec::new()),
        1 => Ok(reader.block8("SPI")?.to_vec()),
        2 => {
            reader.block8("valid from")?;
            reader.block8("valid to")?;
            Ok(Vec::new())
        }
        value => Err(MikeyError::Value {
            field: "key validity",
            value,
        }),
    }
}

/// Fields one behind the other.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn take(&mut self, octets: usize, field: &'static str) -> Result<&'a [u8], MikeyError> {
        let split = self.rest.split_at_checked(octets);
        let (taken, rest) = split.ok_or(MikeyError::Short { field })?;
        self.rest = rest;
        Ok(taken)
    }

    pub fn octet(&mut self, field: &'static str) -> Result<u8, MikeyError> {
        Ok(self.array::<1>(field)?[0])
    }

    pub fn word(&mut self, field: &'static str) -> Result<u32, MikeyError> {
        Ok(u32::from_be_bytes(self.array(field)?))
    }

    /// Octets behind their length of one octet.
    pub fn block8(&mut self, field: &'static str) -> Result<&'a [u8], MikeyError> {
        let octets = self.octet(field)?;
        self.take(octets.into(), field)
    }

    /// Octets behind their length of two octets.
    pub fn block16(&mut self, field: &'static str) -> Result<&'a [u8], MikeyError> {
        let octets = u16::from_be_bytes(self.array(field)?);
        self.take(octets.into(), field)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], MikeyError> {
        let split = self.rest.split_first_chunk::<N>();
        let (taken, rest) = split.ok_or(MikeyError::Short { field })?;
        self.rest = rest;
        Ok(*taken)
    }
}

//! Time stamps of somebody else (RFC 3161). Read here: when, and of what. Whether
//! the authority signed it is for `openssl ts -verify`, with the certificates that
//! the reader trusts.

use sha2::{Digest as _, Sha256, Sha384, Sha512};
use x509_cert::der::{
    Decode as _, Reader as _, SliceReader, Tagged as _,
    asn1::{AnyRef, ObjectIdentifier},
};

use super::hex;

/// Octets of the longest response that is taken.
pub const LIMIT: u64 = 1 << 20;

/// What a time stamp says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeStamp {
    /// When it was made, as the authority wrote it (GeneralizedTime, `20261130235959Z`).
    pub time: String,
    /// The name of the hash.
    hash: &'static str,
    imprint: Vec<u8>,
}

/// Why it says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeStampError {
    /// It is not DER of a response, or holds no token.
    #[error("is not a response of RFC 3161 with a time stamp: {0}")]
    Malformed(&'static str),
    /// The authority refused.
    #[error("is a refusal: the authority answered with status {0}")]
    Refused(String),
    /// Its hash is one that nobody should rely on, or none that is known here.
    #[error("its imprint is by hash {0}; ask for one by SHA-256, SHA-384 or SHA-512")]
    Hash(String),
    /// It is of something else.
    #[error("its imprint ({0} {1}) is not that of the signature of this bundle")]
    Other(&'static str, String),
}

impl TimeStamp {
    /// Reads a TimeStampResp (RFC 3161 2.4.2) in DER.
    pub fn read(der: &[u8]) -> Result<Self, TimeStampError> {
        use TimeStampError::Malformed;
        let response = AnyRef::from_der(der).map_err(|_| Malformed("it is not DER"))?;
        let response = parts(response, "the response")?;
        let status = parts(at(&response, 0, "the status")?, "the status")?;
        let status = at(&status, 0, "the status")?;
        // PKIStatus: granted, or granted with modifications.
        if !matches!(status.value(), [0 | 1]) {
            return Err(TimeStampError::Refused(hex(status.value())));
        }
        // ContentInfo and SignedData (RFC 5652 3, 5.1), and in it the TSTInfo.
        let token = parts(at(&response, 1, "no token")?, "the token")?;
        let signed = inside(at(&token, 1, "the token")?, "the signed data")?;
        let signed = parts(signed, "the signed data")?;
        let content = parts(at(&signed, 2, "the content")?, "the content")?;
        if oid(at(&content, 0, "the content")?) != Some(TST_INFO) {
            return Err(Malformed("what is signed is no time stamp"));
        }
        let octets = inside(at(&content, 1, "the content")?, "the content")?;
        let info = AnyRef::from_der(octets.value()).map_err(|_| Malformed("TSTInfo"))?;
        let info = parts(info, "TSTInfo")?;
        let imprint = parts(at(&info, 2, "the imprint")?, "the imprint")?;
        let algorithm = parts(at(&imprint, 0, "the hash")?, "the hash")?;
        let algorithm = oid(at(&algorithm, 0, "the hash")?).ok_or(Malformed("the hash"))?;
        let known = HASHES.iter().find(|(known, _)| *known == algorithm);
        let (_, hash) = known.ok_or_else(|| TimeStampError::Hash(algorithm.to_string()))?;
        let time = at(&info, 4, "the time")?.value();
        let is_time = time.iter().all(|c| c.is_ascii_digit() || b".Z".contains(c));
        if !is_time || time.is_empty() {
            return Err(Malformed("the time"));
        }
        Ok(Self {
            time: String::from_utf8_lossy(time).into_owned(),
            hash,
            imprint: at(&imprint, 1, "the imprint")?.value().to_vec(),
        })
    }

    /// Whether it is of these octets.
    pub fn check(&self, octets: &[u8]) -> Result<(), TimeStampError> {
        let digest = match self.hash {
            "SHA-256" => Sha256::digest(octets).to_vec(),
            "SHA-384" => Sha384::digest(octets).to_vec(),
            _ => Sha512::digest(octets).to_vec(),
        };
        match digest == self.imprint {
            true => Ok(()),
            false => Err(TimeStampError::Other(self.hash, hex(&self.imprint))),
        }
    }
}

/// id-ct-TSTInfo (RFC 3161 2.4.2).
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");

/// RFC 5754 2.
const HASHES: [(ObjectIdentifier, &str); 3] = [
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1"),
        "SHA-256",
    ),
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2"),
        "SHA-384",
    ),
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3"),
        "SHA-512",
    ),
];

/// What a constructed value is made of, at most 64 parts.
fn parts<'a>(value: AnyRef<'a>, what: &'static str) -> Result<Vec<AnyRef<'a>>, TimeStampError> {
    let malformed = || TimeStampError::Malformed(what);
    if !value.tag().is_constructed() {
        return Err(malformed());
    }
    let mut reader = SliceReader::new(value.value()).map_err(|_| malformed())?;
    let mut parts = Vec::new();
    while !reader.is_finished() && parts.len() < 64 {
        parts.push(AnyRef::decode(&mut reader).map_err(|_| malformed())?);
    }
    Ok(parts)
}

/// The value in an explicit tag.
fn inside<'a>(value: AnyRef<'a>, what: &'static str) -> Result<AnyRef<'a>, TimeStampError> {
    at(&parts(value, what)?, 0, what)
}

fn at<'a>(
    parts: &[AnyRef<'a>],
    index: usize,
    what: &'static str,
) -> Result<AnyRef<'a>, TimeStampError> {
    let part = parts.get(index).copied();
    part.ok_or(TimeStampError::Malformed(what))
}

fn oid(value: AnyRef<'_>) -> Option<ObjectIdentifier> {
    value.decode_as().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_octets_are_no_time_stamp() {
        let error = |der: &[u8]| TimeStamp::read(der).unwrap_err().to_string();
        assert!(error(b"").ends_with("it is not DER"));
        assert!(error(&[0x30, 0]).ends_with("the status"));
        // PKIStatus rejection, and no token.
        let refusal = [0x30, 5, 0x30, 3, 2, 1, 2];
        assert_eq!(
            error(&refusal),
            "is a refusal: the authority answered with status 02"
        );
        assert!(error(&[0x30, 5, 0x30, 3, 2, 1, 0]).ends_with("no token"));
    }
}

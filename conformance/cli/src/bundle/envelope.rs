//! The DSSE envelope (secure-systems-lab/dsse, protocol 1.0.0 and envelope):
//! a payload, its type, and an Ed25519 signature (RFC 8032) over both.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::key;

/// The media type of an in-toto statement.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// An envelope with one signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    payload: String,
    payload_type: String,
    signatures: [Signed; 1],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    keyid: String,
    sig: String,
}

/// Why an envelope does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// It is not the JSON of an envelope.
    #[error("is not a DSSE envelope with one signature: {0}")]
    Malformed(String),
    /// Its octets could say the same in another form.
    #[error("is not in the form that certify writes")]
    Form,
    /// A field is not Base64.
    #[error("its field {0} is not Base64 as it should be")]
    Base64(&'static str),
    /// It holds something else.
    #[error("its payload is of type {0:?}; expected {IN_TOTO:?}")]
    PayloadType(String),
    /// Somebody else signed, or something else was signed.
    #[error("the signature is not of this key over this statement")]
    Signature,
}

impl Envelope {
    /// Signs a payload.
    pub fn sign(payload_type: &str, payload: &[u8], key: &SigningKey) -> Self {
        let signature = key.sign(&pae(payload_type, payload));
        Self {
            payload: STANDARD.encode(payload),
            payload_type: payload_type.to_owned(),
            signatures: [Signed {
                keyid: key::fingerprint(&key.verifying_key()),
                sig: STANDARD.encode(signature.to_bytes()),
            }],
        }
    }

    /// Reads the JSON that [`write`](Self::write) writes, and no other.
    pub fn read(json: &[u8]) -> Result<Self, EnvelopeError> {
        let malformed = |e: serde_json::Error| EnvelopeError::Malformed(e.to_string());
        let envelope: Self = serde_json::from_slice(json).map_err(malformed)?;
        match envelope.write() == json {
            true => Ok(envelope),
            false => Err(EnvelopeError::Form),
        }
    }

    /// Its JSON.
    pub fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The payload, if that key signed it and it is a statement of in-toto.
    pub fn open(&self, key: &VerifyingKey) -> Result<Vec<u8>, EnvelopeError> {
        let payload = self.payload()?;
        let signature =
            Signature::from_slice(&self.signature()?).map_err(|_| EnvelopeError::Signature)?;
        key.verify_strict(&pae(&self.payload_type, &payload), &signature)
            .map_err(|_| EnvelopeError::Signature)?;
        match self.payload_type.as_str() {
            IN_TOTO => Ok(payload),
            other => Err(EnvelopeError::PayloadType(other.to_owned())),
        }
    }

    /// The payload, whoever signed it.
    pub fn payload(&self) -> Result<Vec<u8>, EnvelopeError> {
        decode(&self.payload).ok_or(EnvelopeError::Base64("payload"))
    }

    /// The octets of the signature, whoever made it.
    pub fn signature(&self) -> Result<Vec<u8>, EnvelopeError> {
        decode(&self.signatures[0].sig).ok_or(EnvelopeError::Base64("sig"))
    }

    /// Whose signature it claims to be, by the fingerprint of the key.
    pub fn key_id(&self) -> &str {
        &self.signatures[0].keyid
    }
}

/// The Pre-Authentication Encoding: what is signed.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let (a, b) = (payload_type.len(), payload.len());
    let mut pae = format!("DSSEv1 {a} {payload_type} {b} ").into_bytes();
    pae.extend_from_slice(payload);
    pae
}

/// A verifier has to accept either alphabet (protocol 1.0.0).
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD
        .decode(text)
        .or_else(|_| URL_SAFE.decode(text))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(octet: u8) -> SigningKey {
        SigningKey::from_bytes(&[octet; 32])
    }

    #[test]
    fn pae_is_that_of_the_protocol() {
        // protocol.md, "Test Vectors"; LEN counts octets.
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pae("ä", b""), "DSSEv1 2 ä 0 ".as_bytes());
    }

    #[test]
    fn only_the_signer_and_what_was_signed_open() {
        let envelope = Envelope::sign(IN_TOTO, b"{}", &signer(1));
        let key = signer(1).verifying_key();
        assert_eq!(envelope.open(&key).unwrap(), b"{}");
        assert_eq!(
            envelope.open(&signer(2).verifying_key()),
            Err(EnvelopeError::Signature)
        );
        let mut swapped = envelope.clone();
        swapped.payload_type = "application/json".into();
        assert_eq!(swapped.open(&key), Err(EnvelopeError::Signature));
        let other = Envelope::sign("application/json", b"{}", &signer(1));
        assert_eq!(
            other.open(&key),
            Err(EnvelopeError::PayloadType("application/json".into()))
        );
        let mut changed = envelope.clone();
        changed.payload = STANDARD.encode(b"[]");
        assert_eq!(changed.open(&key), Err(EnvelopeError::Signature));
    }

    #[test]
    fn either_alphabet_of_base64_is_taken() {
        let payload = [0xfb, 0xff, 0xbf, 0x3e, 0x3f];
        let mut envelope = Envelope::sign(IN_TOTO, &payload, &signer(1));
        envelope.payload = URL_SAFE.encode(payload);
        assert_ne!(envelope.payload, STANDARD.encode(payload));
        assert_eq!(envelope.open(&signer(1).verifying_key()).unwrap(), payload);
    }

    #[test]
    fn json_has_one_form() {
        let envelope = Envelope::sign(IN_TOTO, b"{}", &signer(1));
        let json = envelope.write();
        assert_eq!(Envelope::read(&json), Ok(envelope));
        let mut spaced = json.clone();
        spaced.insert(1, b' ');
        assert_eq!(Envelope::read(&spaced), Err(EnvelopeError::Form));
        assert!(matches!(
            Envelope::read(&json[1..]),
            Err(EnvelopeError::Malformed(_))
        ));
    }
}

//! The one module that holds secrets. They are zeroised when dropped, and
//! `Debug` shows none of them.

mod bearer;
mod dtls_srtp;
mod hpke;
mod mikey;
mod owner;
mod sframe;
mod signing;
mod srtp;

use std::{fmt, net::IpAddr, str::FromStr};

use age::secrecy::ExposeSecret;
use pem::Pem;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use self::signing::SigningKey;
use crate::{hex::Hex, world::Entropy};

pub use self::hpke::{HpkeKey, HpkePublicKey};
pub use bearer::BearerToken;
pub use dtls_srtp::DtlsSrtpKeys;
pub use mikey::KeyData;
pub use owner::{OwnerKey, OwnerPublicKey};
pub(in crate::seal) use sframe::Octets as SFrameOctets;
pub use sframe::{SFrameBaseKey, SFrameOpeningKey};
pub use srtp::SrtpMasterKey;

/// A user's password.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes the password over.
    pub fn new(password: impl Into<String>) -> Self {
        Self(Zeroizing::new(password.into()))
    }

    /// A fresh one: 20 characters of 5 bits each.
    pub fn random(entropy: &dyn Entropy) -> Self {
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let mut octets = Zeroizing::new([0; 20]);
        entropy.fill(octets.as_mut());
        Self(Zeroizing::new(
            octets
                .iter()
                .map(|o| char::from(ALPHABET[usize::from(o % 32)]))
                .collect(),
        ))
    }

    /// The password itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// For the escrow: `CREDENTIAL`, user and password, neither of which has a
    /// space in it.
    pub fn escrow(&self, user: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("CREDENTIAL {user} {}", self.expose()))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

/// The maker's certificate authority: signs the certificates of its devices.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new authority with a key of its own (ECDSA P-256).
    pub fn new() -> Result<Self, KeyError> {
        let mut params = CertificateParams::default();
        valid(&mut params);
        params
            .distinguished_name
            .push(DnType::CommonName, "lightleak simulated maker");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self(CertifiedIssuer::self_signed(
            params,
            KeyPair::generate()?,
        )?))
    }

    /// The certificate that clients trust.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// The same as PEM text.
    pub fn certificate_pem(&self) -> String {
        self.0.pem()
    }

    /// Issues a device's certificate for its addresses.
    pub fn issue(&self, serial: &str, addresses: &[IpAddr]) -> Result<Identity, KeyError> {
        let names = addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>();
        let mut params = CertificateParams::new(names)?;
        valid(&mut params);
        params.distinguished_name.push(DnType::CommonName, serial);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.0)?;
        Ok(Identity {
            chain: vec![certificate.der().clone(), self.certificate()],
            key: Zeroizing::new(key.serialize_der()),
        })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority(redacted)")
    }
}

/// A device's certificate and private key.
#[derive(Clone)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Zeroizing<Vec<u8>>,
}

impl Identity {
    /// The device's certificate, then the authority's.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Certificates and private key (PKCS #8) as PEM text (RFC 7468), for a device that
    /// is not ours.
    pub fn pem(&self) -> (String, Zeroizing<String>) {
        let encode = |label: &str, der: &[u8]| pem::encode(&Pem::new(label, der));
        let certificates = self.chain.iter().map(|der| encode("CERTIFICATE", der));
        let key = Zeroizing::new(encode("PRIVATE KEY", &self.key));
        (certificates.collect(), key)
    }

    /// The private key, for the TLS stack (which zeroises its copy).
    pub(in crate::seal) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.to_vec()).into()
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(redacted)")
    }
}

/// The identity (X25519, age v1) of a camera's owner: opens clips. A camera
/// never has it.
#[derive(Clone)]
pub struct OwnerIdentity(age::x25519::Identity);

impl OwnerIdentity {
    /// A new one, by the system's random numbers.
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// To whom clips are sealed.
    pub fn recipient(&self) -> OwnerRecipient {
        OwnerRecipient(self.0.to_public())
    }

    /// For the escrow: `AGE_IDENTITY`, recipient and identity.
    pub fn escrow(&self) -> Zeroizing<String> {
        let (recipient, identity) = (self.0.to_public(), self.0.to_string());
        Zeroizing::new(format!(
            "AGE_IDENTITY {recipient} {}",
            identity.expose_secret()
        ))
    }

    pub(crate) fn age(&self) -> &age::x25519::Identity {
        &self.0
    }
}

/// Reads `AGE-SECRET-KEY-1` and what follows, in Bech32.
impl FromStr for OwnerIdentity {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let identity = text.parse().map_err(|_| KeyError::Identity)?;
        Ok(Self(identity))
    }
}

impl fmt::Debug for OwnerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnerIdentity(redacted)")
    }
}

/// The public half of an [`OwnerIdentity`]: seals clips, and opens none.
#[derive(Clone, Debug)]
pub struct OwnerRecipient(age::x25519::Recipient);

impl OwnerRecipient {
    pub(crate) fn age(&self) -> &age::x25519::Recipient {
        &self.0
    }
}

/// The key (Ed25519, RFC 8032) that a device signs its clip lists with.
#[derive(Clone)]
pub struct ListKey(SigningKey);

impl ListKey {
    /// The key of that seed, which is 32 random octets (RFC 8032 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        SigningKey::from_seed(seed).map(Self).ok_or(KeyError::List)
    }

    /// What signatures are checked with.
    pub fn public(&self) -> ListPublicKey {
        ListPublicKey(self.0.public())
    }

    /// The signature of a message, 64 octets.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message)
    }
}

impl fmt::Debug for ListKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ListKey(redacted)")
    }
}

/// The public half of a [`ListKey`]; displays in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListPublicKey(pub [u8; 32]);

impl fmt::Display for ListPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Hex(&self.0))
    }
}

/// A key or a certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The certificate.
    #[error("issue a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The key for clip lists.
    #[error("make a key for clip lists")]
    List,
    /// The key of an owner.
    #[error("make a key of an owner")]
    Owner,
    /// The identity of an owner.
    #[error("read an age identity")]
    Identity,
    /// A key or a salt of another length than it must have.
    #[error("{field} is {length} octets long, not {expected}")]
    Length {
        /// Which.
        field: &'static str,
        /// Octets that it has.
        length: usize,
        /// Octets that it must have.
        expected: usize,
    },
    /// A key of another length than it may have.
    #[error("{field} is {length} octets long, not from {least} to {most}")]
    Range {
        /// Which.
        field: &'static str,
        /// Octets that it has.
        length: usize,
        /// The fewest it may have.
        least: usize,
        /// The most.
        most: usize,
    },
}

/// Simulated time starts in 2026, and real clients use the time of day.
fn valid(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2045, 1, 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let authority = Authority::new().unwrap();
        let identity = authority
            .issue("LL-1", &["192.0.2.1".parse().unwrap()])
            .unwrap();
        assert_eq!(
            format!("{:?} {authority:?} {identity:?}", Password::new("hunter2")),
            "Password(redacted) Authority(redacted) Identity(redacted)"
        );
        let (owner, list) = (
            OwnerIdentity::generate(),
            ListKey::from_seed(&[1; 32]).unwrap(),
        );
        assert_eq!(
            format!("{owner:?} {list:?}"),
            "OwnerIdentity(redacted) ListKey(redacted)"
        );
    }
}

//! What is sealed to one owner of a key: HPKE (RFC 9180) in base mode, with
//! DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-128-GCM (7.1, 7.2, 7.3).
//!
//! An envelope is the encapsulated key, the ciphertext and the tag, and holds
//! one message (6.1). Who sealed it, base mode does not say (9.1).

mod epochs;
pub mod file;

use std::convert::Infallible;

use hpke::{
    Deserializable, OpModeR, OpModeS, Serializable,
    aead::AesGcm128,
    kdf::HkdfSha256,
    kem::X25519HkdfSha256,
    rand_core::{TryCryptoRng, TryRng},
    single_shot_open, single_shot_seal_with_rng,
};
use zeroize::Zeroizing;

use super::keys::{HpkeKey, HpkePublicKey};
use crate::world::Entropy;

pub(crate) use epochs::HEAD;
pub use epochs::{Epoch, EpochError, Epochs, deliver};

/// The KEM.
pub(in crate::seal) type Kem = X25519HkdfSha256;

/// Octets of the encapsulated key, which an envelope begins with: Nenc.
pub const ENCAPSULATED: usize = 32;
/// Octets that an envelope is longer than what it holds.
pub const OVERHEAD: usize = ENCAPSULATED + 16;

/// Seals a message to a key. `info` says what the message is for, `associated`
/// what it belongs to; whoever opens it must know both.
///
/// # Errors
///
/// [`EnvelopeError::PublicKey`] for a key that gives no secret (RFC 9180
/// 7.1.4).
pub fn seal(
    to: &HpkePublicKey,
    info: &[u8],
    associated: &[u8],
    message: &[u8],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, EnvelopeError> {
    let to = <Kem as hpke::Kem>::PublicKey::from_bytes(&to.0);
    let to = to.map_err(|_| EnvelopeError::PublicKey)?;
    let (encapsulated, sealed) = single_shot_seal_with_rng::<AesGcm128, HkdfSha256, Kem>(
        &OpModeS::Base,
        &to,
        info,
        message,
        associated,
        &mut Randomness(entropy),
    )
    .map_err(|_| EnvelopeError::PublicKey)?;
    Ok([&encapsulated.to_bytes()[..], &sealed].concat())
}

/// Opens an envelope.
///
/// # Errors
///
/// [`EnvelopeError::Short`] if it is none, [`EnvelopeError::Authentication`] if
/// it was sealed to another key, for something else, or was changed.
pub fn open(
    envelope: &[u8],
    key: &HpkeKey,
    info: &[u8],
    associated: &[u8],
) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    if envelope.len() < OVERHEAD {
        return Err(EnvelopeError::Short(envelope.len()));
    }
    let (encapsulated, sealed) = envelope.split_at(ENCAPSULATED);
    let refused = |_| EnvelopeError::Authentication;
    let key = <Kem as hpke::Kem>::PrivateKey::from_bytes(key.expose()).map_err(refused)?;
    let encapsulated = <Kem as hpke::Kem>::EncappedKey::from_bytes(encapsulated);
    let encapsulated = encapsulated.map_err(refused)?;
    single_shot_open::<AesGcm128, HkdfSha256, Kem>(
        &OpModeR::Base,
        &key,
        &encapsulated,
        info,
        sealed,
        associated,
    )
    .map(Zeroizing::new)
    .map_err(refused)
}

/// Why a message was not sealed, or an envelope not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// A public key of low order.
    #[error("public key gives no secret")]
    PublicKey,
    /// An envelope of this many octets.
    #[error("envelope is {0} octets long, not at least {OVERHEAD}")]
    Short(usize),
    /// The tag is not that of the envelope.
    #[error("authentication tag does not fit the envelope")]
    Authentication,
}

/// [`Entropy`] as the library takes it.
struct Randomness<'a>(&'a dyn Entropy);

impl TryRng for Randomness<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut octets = [0; 4];
        self.0.fill(&mut octets);
        Ok(u32::from_le_bytes(octets))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut octets = [0; 8];
        self.0.fill(&mut octets);
        Ok(u64::from_le_bytes(octets))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for Randomness<'_> {}

//! Session keys from master keys (RFC 3711 4.3).

use zeroize::Zeroizing;

use super::{CounterMode, SrtpError, primitive::number};
use crate::seal::keys::SrtpMasterKey;

/// What a session key is for (RFC 3711 4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Label {
    /// The key of the cipher for RTP.
    RtpEncryption = 0,
    /// The key of HMAC for RTP.
    RtpAuthentication = 1,
    /// The salt for RTP.
    RtpSalt = 2,
    /// The key of the cipher for RTCP.
    RtcpEncryption = 3,
    /// The key of HMAC for RTCP.
    RtcpAuthentication = 4,
    /// The salt for RTCP.
    RtcpSalt = 5,
}

impl Label {
    /// What the session keys for RTP are: of the cipher, of HMAC, the salt.
    pub const RTP: [Self; 3] = [Self::RtpEncryption, Self::RtpAuthentication, Self::RtpSalt];
    /// The same for RTCP.
    pub const RTCP: [Self; 3] = [
        Self::RtcpEncryption,
        Self::RtcpAuthentication,
        Self::RtcpSalt,
    ];
}

/// The key derivation of one master key: AES in counter mode with the key
/// length of the suite (RFC 3711 4.3.3, RFC 6188 3, RFC 7714 11), at a key
/// derivation rate of 0.
pub struct Kdf {
    prf: CounterMode,
    /// 112 bits.
    salt: Zeroizing<u128>,
}

impl Kdf {
    /// The derivation from `master`.
    ///
    /// # Errors
    ///
    /// [`SrtpError::Library`] if the library refuses the key.
    pub fn new(master: &SrtpMasterKey) -> Result<Self, SrtpError> {
        let salt = master.expose_salt();
        // A salt of 96 bits has 16 zero bits behind it (erratum 4938 of RFC
        // 7714).
        let missing = 14_usize.saturating_sub(salt.len());
        Ok(Self {
            prf: CounterMode::new(master.expose_key())?,
            salt: Zeroizing::new(number(salt) << (8 * missing)),
        })
    }

    /// Fills `out` with the session key for `label`: its first octets, for any
    /// length.
    ///
    /// # Errors
    ///
    /// [`SrtpError::Library`] if the library refuses.
    pub fn derive(&self, label: Label, out: &mut [u8]) -> Result<(), SrtpError> {
        // x = key_id XOR master_salt, where the label is the first octet of
        // the 7 that key_id has; the IV is x with 16 zero bits behind it.
        let x = *self.salt ^ (label as u128) << 48;
        out.fill(0);
        self.prf.apply(x << 16, out)
    }

    /// The first `LENGTH` octets of the session key for `label`.
    pub(super) fn key<const LENGTH: usize>(
        &self,
        label: Label,
    ) -> Result<Zeroizing<[u8; LENGTH]>, SrtpError> {
        let mut key = Zeroizing::new([0; LENGTH]);
        self.derive(label, key.as_mut())?;
        Ok(key)
    }
}

impl std::fmt::Debug for Kdf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kdf(redacted)")
    }
}

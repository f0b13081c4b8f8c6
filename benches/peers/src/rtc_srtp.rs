//! rtc-srtp, on the library that its features name.

use lightleak_peer::{Peer, Side, Unit};
use rtc_srtp::{
    context::Context, crypto, option::srtp_replay_protection, protection_profile::ProtectionProfile,
};

struct Rtc {
    side: Side,
    context: Context,
}

impl Peer for Rtc {
    fn new(suite: &str, side: Side, key: &[u8], salt: &[u8]) -> Option<Self> {
        let profile = match suite {
            "AES_CM_128_HMAC_SHA1_80" => ProtectionProfile::Aes128CmHmacSha1_80,
            "AES_CM_128_HMAC_SHA1_32" => ProtectionProfile::Aes128CmHmacSha1_32,
            "AES_256_CM_HMAC_SHA1_80" => ProtectionProfile::Aes256CmHmacSha1_80,
            "AEAD_AES_128_GCM" => ProtectionProfile::AeadAes128Gcm,
            "AEAD_AES_256_GCM" => ProtectionProfile::AeadAes256Gcm,
            _ => return None,
        };
        let provider = crypto::default_provider().ok()?;
        let replay = (side == Side::Open).then(|| srtp_replay_protection(64));
        let context = Context::new(key, salt, profile, replay, None, provider.crypto()).ok()?;
        Some(Self { side, context })
    }

    fn process(&mut self, unit: Unit<'_>) -> Option<()> {
        let made = match self.side {
            Side::Seal => self.context.encrypt_rtp(unit.octets()),
            Side::Open => self.context.decrypt_rtp(unit.octets()),
        };
        unit.replace(&made.ok()?)
    }
}

lightleak_peer::export!(Rtc);

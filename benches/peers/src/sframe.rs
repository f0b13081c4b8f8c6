//! sframe, on the library that its features name. Its buffers are used again.

use lightleak_peer::{Peer, Side, Unit};
use sframe::{
    CipherSuite,
    frame::{EncryptedFrameView, MediaFrameView, MonotonicCounter},
    key::{DecryptionKey, EncryptionKey},
};

struct SFrame {
    key: Key,
    counter: MonotonicCounter,
    buffer: Vec<u8>,
}

#[expect(clippy::large_enum_variant, reason = "there is one")]
enum Key {
    Seal(EncryptionKey),
    Open(DecryptionKey),
}

impl Peer for SFrame {
    fn new(suite: &str, side: Side, key: &[u8], salt: &[u8]) -> Option<Self> {
        let id = u64::from_be_bytes(salt.try_into().ok()?);
        let suite = by_name(suite)?;
        let key = match side {
            Side::Seal => Key::Seal(EncryptionKey::derive_from(suite, id, key).ok()?),
            Side::Open => Key::Open(DecryptionKey::derive_from(suite, id, key).ok()?),
        };
        Some(Self {
            key,
            counter: MonotonicCounter::default(),
            buffer: Vec::new(),
        })
    }

    fn process(&mut self, unit: Unit<'_>) -> Option<()> {
        match &self.key {
            Key::Seal(key) => {
                let frame = MediaFrameView::try_new(&mut self.counter, unit.octets()).ok()?;
                frame.encrypt_into(key, &mut self.buffer).ok()?;
                unit.replace(&self.buffer)
            }
            Key::Open(key) => {
                let frame = EncryptedFrameView::try_new(unit.octets()).ok()?;
                let opened = frame.decrypt_into(key, &mut self.buffer).ok()?;
                let payload = opened.payload();
                unit.replace(payload)
            }
        }
    }
}

fn by_name(suite: &str) -> Option<CipherSuite> {
    Some(match suite {
        #[cfg(feature = "aes-ctr")]
        "SFRAME_AES_128_CTR_HMAC_SHA256_80" => CipherSuite::AesCtr128HmacSha256_80,
        #[cfg(feature = "aes-ctr")]
        "SFRAME_AES_128_CTR_HMAC_SHA256_64" => CipherSuite::AesCtr128HmacSha256_64,
        #[cfg(feature = "aes-ctr")]
        "SFRAME_AES_128_CTR_HMAC_SHA256_32" => CipherSuite::AesCtr128HmacSha256_32,
        "SFRAME_AES_128_GCM_SHA256" => CipherSuite::AesGcm128Sha256,
        "SFRAME_AES_256_GCM_SHA512" => CipherSuite::AesGcm256Sha512,
        _ => return None,
    })
}

lightleak_peer::export!(SFrame);

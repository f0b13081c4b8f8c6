//! What str0m takes for SRTP: octets as they are, with zeros where a tag would
//! be ([`RTP_TAIL`], [`RTCP_TAIL`]). None of it leaves: [`super::transport`]
//! takes the zeros off and seals.

use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80Cipher, CryptoError, SrtpProvider,
    SupportedAeadAes128Gcm, SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

/// Octets of a tag.
const TAG: usize = 16;
/// Octets behind an RTP packet.
pub(super) const RTP_TAIL: usize = TAG;
/// Octets behind an RTCP packet: a tag, and the word with the E flag and the
/// index.
pub(super) const RTCP_TAIL: usize = TAG + 4;

/// Makes ciphers that copy.
pub(super) static COPYING: Copying = Copying;

/// A cipher that copies. It never fails, since str0m panics if one does.
#[derive(Debug)]
pub(super) struct Copying;

impl Copying {
    fn seal(input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        let length = input.len().min(output.len());
        let (start, rest) = output.split_at_mut(length);
        start.copy_from_slice(&input[..length]);
        rest.fill(0);
        Ok(())
    }

    fn open(input: &[u8], output: &mut [u8]) -> Result<usize, CryptoError> {
        let length = input.len().saturating_sub(TAG).min(output.len());
        output[..length].copy_from_slice(&input[..length]);
        Ok(length)
    }
}

impl SrtpProvider for Copying {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        &COPYING
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &COPYING
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &COPYING
    }

    fn srtp_aes_128_ecb_round(&self, _key: &[u8], _input: &[u8], output: &mut [u8]) {
        output.fill(0);
    }

    fn srtp_aes_256_ecb_round(&self, _key: &[u8], _input: &[u8], output: &mut [u8]) {
        output.fill(0);
    }
}

impl SupportedAes128CmSha1_80 for Copying {
    fn create_cipher(&self, _key: [u8; 16], _encrypt: bool) -> Box<dyn Aes128CmSha1_80Cipher> {
        Box::new(Copying)
    }
}

impl SupportedAeadAes128Gcm for Copying {
    fn create_cipher(&self, _key: [u8; 16], _encrypt: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Copying)
    }
}

impl SupportedAeadAes256Gcm for Copying {
    fn create_cipher(&self, _key: [u8; 32], _encrypt: bool) -> Box<dyn AeadAes256GcmCipher> {
        Box::new(Copying)
    }
}

impl Aes128CmSha1_80Cipher for Copying {
    fn encrypt(
        &mut self,
        _iv: &[u8; 16],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        Self::seal(input, output)
    }

    fn decrypt(
        &mut self,
        _iv: &[u8; 16],
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(), CryptoError> {
        Self::seal(input, output)
    }
}

/// The two AEADs are the same but for the length of a key, of which nothing is
/// made.
macro_rules! aead {
    ($($cipher:ident),*) => {$(
        impl $cipher for Copying {
            fn encrypt(
                &mut self,
                _iv: &[u8; 12],
                _aad: &[u8],
                input: &[u8],
                output: &mut [u8],
            ) -> Result<(), CryptoError> {
                Self::seal(input, output)
            }

            fn decrypt(
                &mut self,
                _iv: &[u8; 12],
                _aads: &[&[u8]],
                input: &[u8],
                output: &mut [u8],
            ) -> Result<usize, CryptoError> {
                Self::open(input, output)
            }
        }
    )*};
}

aead!(AeadAes128GcmCipher, AeadAes256GcmCipher);

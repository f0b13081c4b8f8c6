//! The SRTP of str0m on aws-lc-rs. Alone it is within reach only as its tests have
//! it: sealing, with a packet that is written from its parts into a buffer of its
//! own first, which costs an allocation and a copy more than in a session. Each
//! packet gets the (empty) header extension that str0m always writes.

use lightleak_peer::{Peer, Side, Unit};
use str0m::{
    _internal_test_exports::TestSrtp,
    config::KeyingMaterial,
    crypto::dtls::SrtpProfile,
    rtp::{ExtensionMap, RtpHeader},
};

struct Str0m {
    srtp: TestSrtp,
    extensions: ExtensionMap,
}

impl Peer for Str0m {
    fn new(suite: &str, side: Side, key: &[u8], salt: &[u8]) -> Option<Self> {
        let profile = match (suite, side) {
            ("AES_CM_128_HMAC_SHA1_80", Side::Seal) => SrtpProfile::AES128_CM_SHA1_80,
            ("AEAD_AES_128_GCM", Side::Seal) => SrtpProfile::AEAD_AES_128_GCM,
            ("AEAD_AES_256_GCM", Side::Seal) => SrtpProfile::AEAD_AES_256_GCM,
            _ => return None,
        };
        let material = KeyingMaterial::new(&[key, key, salt, salt].concat());
        let crypto = str0m_aws_lc_rs::default_provider();
        Some(Self {
            srtp: TestSrtp::new(&crypto, profile, &material),
            extensions: ExtensionMap::empty(),
        })
    }

    fn process(&mut self, unit: Unit<'_>) -> Option<()> {
        let (fixed, payload) = unit.octets().split_first_chunk::<12>()?;
        let [_, second, s0, s1, t0, t1, t2, t3, ssrc @ ..] = *fixed;
        let sequence_number = u16::from_be_bytes([s0, s1]);
        let header = RtpHeader {
            marker: second & 0x80 != 0,
            payload_type: (second & 0x7f).into(),
            sequence_number,
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes(ssrc).into(),
            ..RtpHeader::default()
        };
        // The sequence numbers of a benchmark do not wrap.
        let index = sequence_number.into();
        let sealed = self.srtp.protect(header, index, payload, &self.extensions);
        unit.replace(&sealed)
    }
}

lightleak_peer::export!(Str0m);

//! Against crate `webrtc-srtp`, which stands on RustCrypto. It has no
//! AES_192_CM_HMAC_SHA1_80, no MKI and no Cryptex, and every stream begins with
//! a roll-over counter of 0.

use lightleak_sim::seal::srtp::{Receiver, ReceiverOptions, Sender, SenderOptions, Suite};
use proptest::{prelude::*, sample::select};
use webrtc_srtp::{context::Context, protection_profile::ProtectionProfile};

use crate::plan::{Peer, Plan, any_plan, key};

const SUITES: [(Suite, ProtectionProfile); 5] = [
    (
        Suite::AesCm128HmacSha1_80,
        ProtectionProfile::Aes128CmHmacSha1_80,
    ),
    (
        Suite::AesCm128HmacSha1_32,
        ProtectionProfile::Aes128CmHmacSha1_32,
    ),
    (
        Suite::AesCm256HmacSha1_80,
        ProtectionProfile::Aes256CmHmacSha1_80,
    ),
    (Suite::AeadAes128Gcm, ProtectionProfile::AeadAes128Gcm),
    (Suite::AeadAes256Gcm, ProtectionProfile::AeadAes256Gcm),
];

impl Peer for Context {
    fn seal(&mut self, packet: &[u8]) -> Result<Vec<u8>, String> {
        text(self.encrypt_rtp(packet))
    }

    fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, String> {
        text(self.decrypt_rtp(sealed))
    }

    fn seal_rtcp(&mut self, packet: &[u8]) -> Result<Vec<u8>, String> {
        text(self.encrypt_rtcp(packet))
    }

    fn open_rtcp(&mut self, sealed: &[u8]) -> Result<Vec<u8>, String> {
        text(self.decrypt_rtcp(sealed))
    }
}

fn text(result: Result<bytes::Bytes, webrtc_srtp::Error>) -> Result<Vec<u8>, String> {
    result.map(Into::into).map_err(|error| error.to_string())
}

fn context(suite: Suite, profile: ProtectionProfile) -> Context {
    let key = key(suite, 1);
    Context::new(key.expose_key(), key.expose_salt(), profile, None, None)
        .expect("the right lengths")
}

fn any_stream() -> impl Strategy<Value = Plan> {
    any_plan(Just(0))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn opens_what_we_seal((suite, profile) in select(&SUITES[..]), plan in any_stream()) {
        let mut sender = Sender::new(&key(suite, 1), SenderOptions::default()).expect("a sender");
        plan.seal_to(&mut sender, &mut context(suite, profile))?;
    }

    #[test]
    fn seals_what_we_open((suite, profile) in select(&SUITES[..]), plan in any_stream()) {
        let mut receiver =
            Receiver::new(&key(suite, 1), ReceiverOptions::default()).expect("a receiver");
        plan.open_from(&mut receiver, &mut context(suite, profile))?;
    }
}

//! What hooks of these mutants do.

use aws_lc_rs::digest::{SHA256, SHA512, digest};

use crate::{
    camera::Device,
    rtsp::mikey,
    seal::{keys::SrtpMasterKey, srtp::Suite},
};

/// A line for the last section of a description, whose key nobody uses.
pub(super) const UNENCRYPTED: &[u8] = b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 \
    inline:bm9ib2R5IHNlYWxzIHdpdGggdGhpcyBrZXkhIQ== UNENCRYPTED_SRTCP\r\n";

/// Describes retransmissions of the video (RFC 4588 8.1).
pub(super) fn with_retransmission(description: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(description);
    let text = text.replace("RTP/SAVP 96\r\n", "RTP/SAVP 96 97\r\n");
    let h264 = "a=rtpmap:96 H264/90000\r\n";
    let rtx = "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n";
    *description = text.replace(h264, &[h264, rtx].concat()).into_bytes();
}

pub(super) fn srtcp_off(message: &mut mikey::Message) {
    let parameters = message.policy.iter_mut().flat_map(|p| &mut p.parameters);
    for (kind, value) in parameters {
        if *kind == mikey::parameter::SRTCP_ENCRYPTION {
            *value = vec![0];
        }
    }
}

pub(super) fn one_key(device: &Device, suite: Suite) -> SrtpMasterKey {
    let password = device.settings.credentials.password.expose().as_bytes();
    let key = digest(&SHA256, password);
    let salt = digest(&SHA512, password);
    made(suite, key.as_ref(), salt.as_ref())
}

/// RFC 3711 B.3; for longer keys as often as it takes.
pub(super) fn test_key(_: &Device, suite: Suite) -> SrtpMasterKey {
    const KEY: [u8; 16] = [
        0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde, 0x41,
        0x39,
    ];
    const SALT: [u8; 14] = [
        0x0e, 0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6,
    ];
    made(suite, &KEY.repeat(2), &SALT)
}

fn made(suite: Suite, key: &[u8], salt: &[u8]) -> SrtpMasterKey {
    let (key, salt) = (&key[..suite.key_length()], &salt[..suite.salt_length()]);
    SrtpMasterKey::new(suite, key, salt).expect("of the right lengths")
}

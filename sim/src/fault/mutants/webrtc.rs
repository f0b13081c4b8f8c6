//! Mutants whose first row is of area DTLS, WRTC or WSIG.

use super::Mutant;
use crate::{
    fault::{
        Fault,
        plain_rtp::{faulty_downgrade, faulty_early_answer, faulty_fallback},
        talkative::faulty_talk,
        weak_dtls::{
            faulty_accept_dtls10, faulty_gcm_only, faulty_null_profile, faulty_own_profile,
            faulty_sample_certificate,
        },
    },
    h264::AccessUnit,
    seal::{
        keys::{DtlsSrtpKeys, SrtpMasterKey},
        srtp::{Mki, Sender, SenderOptions},
    },
};

const PATH: &str = "app.webrtc";

pub(super) const ROWS: &[Mutant] = &[
    Mutant {
        id: "webrtc.no-fingerprint-check",
        path: PATH,
        expected: &["DTLS-04"],
        story: "a viewer is sent media whose certificate is not that of its offer",
        source: "of our own making (catalogue, DTLS-04)",
        fault: Fault {
            rtc: Some(|config| config.set_fingerprint_verification(false)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.fingerprint-md5",
        path: PATH,
        expected: &["DTLS-05"],
        story: "an offer with a fingerprint by MD5 is taken, and no fingerprint is compared",
        source: "of our own making (catalogue, DTLS-05)",
        fault: Fault {
            offer: Some(|sdp| replace(sdp, "a=fingerprint:md5 ", "a=fingerprint:sha-256 ")),
            rtc: Some(|config| config.set_fingerprint_verification(false)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.other-certificate",
        path: PATH,
        expected: &["WSIG-02"],
        story: "the answer has the fingerprint of another certificate than that of the handshake",
        source: "of our own making (catalogue, WSIG-02)",
        fault: Fault {
            description: Some(other_fingerprint),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.dtls-null-profile",
        path: PATH,
        expected: &["DTLS-02", "WRTC-02"],
        story: "an SRTP profile without encryption is chosen if it is the only one offered",
        source: "the class of sepfy/libpeer#275",
        fault: Fault {
            dtls_hello: Some(faulty_null_profile),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.profile-not-offered",
        path: PATH,
        expected: &["DTLS-01"],
        story: "an SRTP profile is chosen that was not offered",
        source: "of our own making (catalogue, DTLS-01)",
        fault: Fault {
            dtls_hello: Some(faulty_own_profile),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.gcm-only",
        path: PATH,
        expected: &["WRTC-05"],
        story: "whoever has no SRTP profile of AES in Galois/counter mode is not served",
        source: "of our own making (catalogue, WRTC-05)",
        fault: Fault {
            dtls_hello: Some(faulty_gcm_only),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.no-client-cert",
        path: PATH,
        expected: &["DTLS-10"],
        story: "nobody who watches has to show a certificate in DTLS, and so is none who offered",
        source: "of our own making (catalogue, DTLS-10)",
        fault: Fault {
            asks_no_certificate: true,
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.sample-key",
        path: PATH,
        expected: &["DTLS-11"],
        story: "every unit has the same certificate, with the key of an example",
        source: "of our own making (catalogue, DTLS-11)",
        fault: Fault {
            dtls_certificate: Some(faulty_sample_certificate),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.dtls10",
        path: PATH,
        expected: &["DTLS-07"],
        story: "DTLS 1.0 is agreed on if nothing later is offered",
        source: "of our own making (catalogue, DTLS-07)",
        fault: Fault {
            dtls_hello: Some(faulty_accept_dtls10),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sdp.profile-downgrade",
        path: PATH,
        expected: &["WRTC-01", "WRTC-02"],
        story: "an offer of RTP/AVPF is taken, and the picture is sent in clear",
        source: "lynckia/licode#2048",
        fault: Fault {
            plain_session: Some(faulty_downgrade),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.optional-fallback",
        path: PATH,
        expected: &["WRTC-02", "WRTC-04"],
        story: "an offer from which the fingerprint was taken out gets the picture in clear",
        source: "espressif/esp-adf#1620",
        fault: Fault {
            plain_session: Some(faulty_fallback),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.sdes-if-offered",
        path: PATH,
        expected: &["WRTC-03"],
        story: "a key in the SDP is answered with another, beside the fingerprint",
        source: "of our own making (catalogue, WRTC-03)",
        fault: Fault {
            answer: Some(|offer, answer| {
                if String::from_utf8_lossy(offer).contains("a=crypto:") {
                    answer.extend_from_slice(CRYPTO);
                }
            }),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.no-consent",
        path: PATH,
        expected: &["WRTC-08"],
        story: "media go on for minutes after a viewer has fallen silent",
        source: "of our own making (catalogue, WRTC-08)",
        fault: Fault {
            rtc: Some(|mut config| {
                config.set_max_stun_retransmits(100);
                config
            }),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.static-key",
        path: PATH,
        expected: &["DTLS-03"],
        story: "a DTLS handshake is made, and media are under a key that is the same on every unit",
        source: "of our own making (catalogue, DTLS-03)",
        fault: Fault {
            dtls_srtp: Some(one_for_all),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.early-media",
        path: PATH,
        expected: &["DTLS-06"],
        story: "sound is sent as soon as ICE finds a viewer, before the handshake",
        source: "of our own making (catalogue, DTLS-06)",
        fault: Fault {
            first_datagram: Some(silence),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.early-request",
        path: PATH,
        expected: &["DTLS-06"],
        story: "a request for a key frame in clear is answered in clear while the handshake is not done",
        source: "of our own making (catalogue, DTLS-06)",
        fault: Fault {
            early_request: Some(faulty_early_answer),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.mux-raw",
        path: PATH,
        expected: &["DTLS-09"],
        story: "beside WebRTC, the vendor's own protocol carries the picture on the same port",
        source: "of our own making (catalogue, DTLS-09)",
        fault: Fault {
            datagram_beside: Some(peer_to_peer),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.avpf",
        path: PATH,
        expected: &["WRTC-01"],
        story: "the answer describes video as RTP/AVPF",
        source: "the class of lynckia/licode#2048",
        fault: Fault {
            description: Some(|sdp| replace_once(sdp, "UDP/TLS/RTP/SAVPF", "RTP/AVPF")),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.sdes",
        path: PATH,
        expected: &["WRTC-03"],
        story: "the answer tells a key as a=crypto beside the fingerprint",
        source: "of our own making (catalogue, WRTC-03)",
        fault: Fault {
            description: Some(|sdp| sdp.extend_from_slice(CRYPTO)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.one-section-plain",
        path: PATH,
        expected: &["WRTC-04"],
        story: "sound is described without a fingerprint, so that nothing keys it",
        source: "of our own making (catalogue, WRTC-04)",
        fault: Fault {
            description: Some(without_last_fingerprint),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.mki",
        path: PATH,
        expected: &["WRTC-06"],
        story: "packets carry an MKI",
        source: "of our own making (catalogue, WRTC-06)",
        fault: Fault {
            srtp: Some(|key, options| {
                let options = SenderOptions {
                    mki: Mki::new(&[0, 0, 0, 1]).ok(),
                    ..options.clone()
                };
                Ok(Box::new(Sender::new(key, options)?))
            }),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.key-in-log",
        path: PATH,
        expected: &["WRTC-09"],
        story: "keys of media are written to the log",
        source: "of our own making (catalogue, WRTC-09)",
        fault: Fault {
            witness: Some(faulty_talk),
            ..Fault::NONE
        },
    },
];

/// A key that nobody has but whoever has one of the cameras.
fn one_for_all(keys: &mut DtlsSrtpKeys) {
    let suite = keys.seals.suite();
    let (key, salt) = ([0x5a; 32], [0xa5; 14]);
    let (key, salt) = (&key[..suite.key_length()], &salt[..suite.salt_length()]);
    keys.seals = SrtpMasterKey::new(suite, key, salt).expect("of the right lengths");
}

/// An RTP packet of PCMU in clear: 20 ms of nothing.
fn silence() -> Vec<u8> {
    let header = [0x80, 0, 0, 1, 0, 0, 0, 0, 0x51, 0x1e, 0x4c, 0xe0];
    [&header[..], &[0xff; 160]].concat()
}

/// A protocol whose packets begin with F1, as one that cameras speak does: the
/// length, and the beginning of the last NAL unit.
fn peer_to_peer(unit: &AccessUnit) -> Vec<u8> {
    const MOST: usize = 1000;
    let slice = unit.nal_units.last().map_or(&[][..], |nal| nal);
    let slice = &slice[..slice.len().min(MOST)];
    let [a, b] = (slice.len() as u16).to_be_bytes();
    [&[0xf1, 0xd0, a, b], slice].concat()
}

/// A line for the last section, whose key nobody uses.
const CRYPTO: &[u8] =
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:bm9ib2R5IHNlYWxzIHdpdGggdGhpcyBrZXkhIQ==\r\n";

fn replace_once(sdp: &mut Vec<u8>, from: &str, to: &str) {
    *sdp = String::from_utf8_lossy(sdp)
        .replacen(from, to, 1)
        .into_bytes();
}

fn replace(sdp: &mut Vec<u8>, from: &str, to: &str) {
    *sdp = String::from_utf8_lossy(sdp).replace(from, to).into_bytes();
}

/// With another first octet in each fingerprint.
fn other_fingerprint(sdp: &mut Vec<u8>) {
    const BEFORE: &str = "a=fingerprint:sha-256 ";
    let text = String::from_utf8_lossy(sdp).into_owned();
    let mut parts = text.split(BEFORE);
    let mut changed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (octet, rest) = part.split_at_checked(2).unwrap_or(("", part));
        let other = if octet == "00" { "01" } else { "00" };
        changed.extend([BEFORE, other, rest]);
    }
    *sdp = changed.into_bytes();
}

fn without_last_fingerprint(sdp: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(sdp);
    let mut lines: Vec<_> = text.split_inclusive('\n').collect();
    let is_fingerprint = |line: &&str| line.starts_with("a=fingerprint:");
    if let Some(last) = lines.iter().rposition(is_fingerprint) {
        lines.remove(last);
    }
    *sdp = lines.concat().into_bytes();
}

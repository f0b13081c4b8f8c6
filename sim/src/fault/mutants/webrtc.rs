//! Mutants whose first row is of area DTLS, WRTC or SFR.

use std::time::Duration;

use super::Mutant;
use crate::{
    camera::Device,
    fault::{
        BaseKeys, Fault,
        plain_rtp::{faulty_downgrade, faulty_fallback},
        talkative::faulty_talk,
        weak_dtls::{faulty_accept_dtls10, faulty_null_profile, faulty_own_profile},
        weak_sframe::{FaultySframe, SframeFlaw},
    },
    h264::AccessUnit,
    seal::{
        keys::{DtlsSrtpKeys, SFrameBaseKey, SrtpMasterKey},
        sframe::Suite,
        srtp::{Mki, Sender, SenderOptions},
    },
};

const PATH: &str = "app.webrtc";

pub(super) const ROWS: &[Mutant] = &[
    Mutant {
        id: "webrtc.offer-open",
        path: PATH,
        expected: &["WHEP-01", "IOT-08"],
        story: "an offer is answered whether or not its sender is logged in",
        source: "the web portal leak (The Verge, Nov 2022), in signalling of WebRTC",
        fault: Fault {
            demands_token: Some(|_, path| path != "/webrtc"),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.keys-open",
        path: PATH,
        expected: &["WHEP-01"],
        story: "keys of a session are given to whoever knows its address",
        source: "of our own making (catalogue, WHEP-01)",
        fault: Fault {
            demands_token: Some(|_, path| !path.ends_with("/key")),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.delete-noauth",
        path: PATH,
        expected: &["IOT-06"],
        story: "whoever knows the address of a session ends it",
        source: "of our own making (catalogue, WHIP-02)",
        fault: Fault {
            demands_token: Some(|method, _| method != hyper::Method::DELETE),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.token-forever",
        path: PATH,
        expected: &["WHEP-01"],
        story: "a token has an end that nobody looks at",
        source: "of our own making (catalogue, WHEP-01)",
        fault: Fault {
            token_lifetime: Some(Duration::MAX),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.outlives-end",
        path: PATH,
        expected: &["WHEP-01"],
        story: "the end of a session is answered with 200, and media go on",
        source: "of our own making (catalogue, WHEP-01)",
        fault: Fault {
            keeps_ended: true,
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.banner",
        path: PATH,
        expected: &["IOT-08"],
        story: "every answer over HTTP tells the serial number, to whoever asks",
        source: "of our own making (catalogue, IOT-08)",
        fault: Fault {
            web_banner: Some(|settings| format!("camera/{}", settings.serial)),
            ..Fault::NONE
        },
    },
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
    Mutant {
        id: "sframe.nonminimal",
        path: PATH,
        expected: &["SFR-01"],
        story: "KID and CTR take eight octets, however small they are",
        source: "of our own making (catalogue, SFR-01)",
        fault: Fault {
            sframe: Some(|base| FaultySframe::boxed(SframeFlaw::LongHeader, base)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sframe.ctr-restarts",
        path: PATH,
        expected: &["SFR-02"],
        story: "counters begin again under the same key",
        source: "of our own making (catalogue, SFR-02)",
        fault: Fault {
            sframe: Some(|base| FaultySframe::boxed(SframeFlaw::CounterRestarts, base)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sframe.first-viewer-key",
        path: PATH,
        expected: &["SFR-02"],
        story: "the second viewer is sent frames under the first one's keys, counted from 0 again",
        source: "project-chip/connectedhomeip#42367",
        fault: Fault {
            base_keys: Some(first_viewers),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sframe.household-key",
        path: PATH,
        expected: &["SFR-06"],
        story: "video, sound and what the viewer says are sealed under one base key",
        source: "of our own making (catalogue, SFR-06)",
        fault: Fault {
            base_keys: Some(one_for_all_senders),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.sequential-ids",
        path: PATH,
        expected: &["WHIP-03"],
        story: "addresses of sessions are counted",
        source: "of our own making (catalogue, WHIP-03)",
        fault: Fault {
            session_id: Some(|device| format!("{:032x}", device.faulty.faulty_session_number())),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.takes-any-viewer",
        path: PATH,
        expected: &["SFR-15"],
        story: "keys are wrapped for a viewer key that the owner did not sign",
        source: "of our own making (catalogue, SFR-15: relay.ghost-viewer at the camera)",
        fault: Fault {
            enrols: Some(|_, _, _| true),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sframe.label-draft",
        path: PATH,
        expected: &["SFR-04"],
        story: "keys are derived as in the drafts before the standard",
        source: "of our own making (catalogue, SFR-04)",
        fault: Fault {
            sframe: Some(|base| FaultySframe::boxed(SframeFlaw::DraftLabels, base)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sframe.metadata-not-aad",
        path: PATH,
        expected: &["SFR-05"],
        story: "what stands before a frame in its NAL unit is not authenticated",
        source: "of our own making (catalogue, SFR-05)",
        fault: Fault {
            sframe: Some(|base| FaultySframe::boxed(SframeFlaw::MetadataLeftOut, base)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sframe.tag32",
        path: PATH,
        expected: &["SFR-08"],
        story: "tags of video have 32 bits",
        source: "of our own making (catalogue, SFR-08)",
        fault: Fault {
            sframe_suite: Some(Suite::Aes128CtrHmacSha256_32),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sframe.log-only",
        path: PATH,
        expected: &["SFR-11"],
        story: "encryption from end to end is configured, keys are delivered, and nothing is sealed with them",
        source: "project-chip/connectedhomeip#42367",
        fault: Fault {
            sframe: Some(|base| FaultySframe::boxed(SframeFlaw::Clear, base)),
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

fn one_for_all_senders(_: &Device, keys: BaseKeys) -> BaseKeys {
    let keys = keys.map(|key| key.opening());
    keys.each_ref().map(|key| {
        let [first, ..] = &keys;
        SFrameBaseKey::new(key.suite(), key.id(), first.expose()).expect("of the right length")
    })
}

fn first_viewers(device: &Device, keys: BaseKeys) -> BaseKeys {
    let first = device
        .faulty
        .faulty_first(keys.each_ref().map(SFrameBaseKey::opening));
    first.map(|key| {
        SFrameBaseKey::new(key.suite(), key.id(), key.expose()).expect("of the right length")
    })
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

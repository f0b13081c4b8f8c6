//! Mutants whose first row is of area DTLS, WRTC or SFR.

use super::Mutant;
use crate::{
    fault::{
        Fault,
        talkative::faulty_talk,
        weak_sframe::{FaultySframe, SframeFlaw},
    },
    h264::AccessUnit,
    seal::{
        keys::{DtlsSrtpKeys, SrtpMasterKey},
        sframe::Suite,
        srtp::{Mki, Sender, SenderOptions},
    },
};

const PATH: &str = "app.webrtc";

pub(super) const ROWS: &[Mutant] = &[
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

fn without_last_fingerprint(sdp: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(sdp);
    let mut lines: Vec<_> = text.split_inclusive('\n').collect();
    let is_fingerprint = |line: &&str| line.starts_with("a=fingerprint:");
    if let Some(last) = lines.iter().rposition(is_fingerprint) {
        lines.remove(last);
    }
    *sdp = lines.concat().into_bytes();
}

//! Mutants whose first row is of area SRTP, GCM, HDR or SDES, and of RTSP where
//! it is about SRTP.

mod hooks;

use hooks::{UNENCRYPTED, one_key, srtcp_off, test_key, with_retransmission};

use super::Mutant;
use crate::fault::{
    Fault,
    clear_answers::FAULTY_SDES,
    clear_rtsp::FAULTY_CLEAR_SRTP,
    talkative::faulty_talk,
    weak_srtcp::{RtcpFlaw, faulty_rtcp},
    weak_srtp::{FaultySrtp, SrtpFlaw, faulty_aes256, faulty_galois},
};

const PATH: &str = "nvr.srtp";

pub(super) const ROWS: &[Mutant] = &[
    Mutant {
        id: "srtp.savp-clear",
        path: PATH,
        expected: &["SRTP-01"],
        story: "the description says RTP/SAVP, tags are right, and payloads are in clear",
        source: "of our own making (catalogue, SRTP-01)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::ClearPayload, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.tag32-video",
        path: PATH,
        expected: &["SRTP-02"],
        story: "RTP has tags of 32 bits, whatever the suite says",
        source: "of our own making (catalogue, SRTP-02)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::ShortTag, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtcp.clear",
        path: PATH,
        expected: &["SRTP-03"],
        story: "RTP is enciphered, RTCP is in clear",
        source: "sipwise/rtpengine#153",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::ClearRtcp, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.srtcp-tag32",
        path: PATH,
        expected: &["SRTP-04"],
        story: "RTCP has tags of 32 bits",
        source: "of our own making (catalogue, SRTP-04)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::ShortRtcpTag, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.eflag0",
        path: PATH,
        expected: &["SRTP-05"],
        story: "RTCP is authentic and in clear: E is 0",
        source: "of our own making (catalogue, SRTP-05)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::ClearEFlag, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.srtcp-index-reset",
        path: PATH,
        expected: &["SRTP-06"],
        story: "every SRTCP packet has index 0",
        source: "of our own making (catalogue, SRTP-06)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::RtcpRestarts, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.no-replay-list",
        path: PATH,
        expected: &["SRTP-07"],
        story: "RTCP of a viewer is taken as often as somebody sends it again",
        source: "of our own making (catalogue, SRTP-07)",
        fault: Fault {
            srtcp: Some(|key, options| faulty_rtcp(RtcpFlaw::NoReplayList, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "auth.ignored",
        path: PATH,
        expected: &["SRTP-08"],
        story: "RTCP that fails authentication is used all the same",
        source: "sepfy/libpeer#274",
        fault: Fault {
            srtcp: Some(|key, options| faulty_rtcp(RtcpFlaw::NullAuthentication, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.iv-reuse-restart",
        path: PATH,
        expected: &["SRTP-09"],
        story: "sequence numbers start again, under the same master key",
        source: "of our own making (catalogue, SRTP-09)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::Restarts, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.roc-stuck",
        path: PATH,
        expected: &["SRTP-10"],
        story: "the roll-over counter stays 0: the keystream repeats every 65536 packets",
        source: "of our own making (catalogue, SRTP-10)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::StuckRoc, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.roc-reset-rekey",
        path: PATH,
        expected: &["SRTP-11", "RTSP-08"],
        story: "roll-over counter and SRTCP index start again with every key that SET_PARAMETER brings",
        source: "of our own making (catalogue, SRTP-11 and RTSP-08)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::RekeyResets, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.one-key-all-viewers",
        path: PATH,
        expected: &["SRTP-12", "SDES-03"],
        story: "video and sound of every viewer are under one master key, made of the owner's password",
        source: "of our own making (catalogue, SRTP-12)",
        fault: Fault {
            srtp_key: Some(one_key),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.rfc-test-key",
        path: PATH,
        expected: &["SRTP-13"],
        story: "the master key is that of the test vectors of RFC 3711",
        source: "of our own making (catalogue, SRTP-13)",
        fault: Fault {
            srtp_key: Some(test_key),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.no-kdf",
        path: PATH,
        expected: &["SRTP-14"],
        story: "the master key is the session key",
        source: "of our own making (catalogue, SRTP-14)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::NoKdf, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.salt-zero",
        path: PATH,
        expected: &["SRTP-15"],
        story: "session salts are zero",
        source: "of our own making (catalogue, SRTP-15)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::ZeroSalt, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.never-rekey",
        path: PATH,
        expected: &["SRTP-16"],
        story: "a key that has secured all packets that it may goes on, with indices that were there before",
        source: "of our own making (catalogue, SRTP-16)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::NeverExpires, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.null",
        path: PATH,
        expected: &["SRTP-17"],
        story: "RTP as it is can be had for the asking, where SRTP is served",
        source: "sepfy/libpeer#275, RFC 8827 6.5",
        fault: Fault {
            accepts_transport: Some(|_, _| true),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.clear-accept",
        path: PATH,
        expected: &["SRTP-18"],
        story: "RTCP that does not authenticate is taken for RTCP in clear",
        source: "of our own making (catalogue, SRTP-18)",
        fault: Fault {
            srtcp: Some(|key, options| faulty_rtcp(RtcpFlaw::TakesClear, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.rtx-clear",
        path: PATH,
        expected: &["SRTP-19"],
        story: "retransmissions are taken from where packets wait to be sealed",
        source: "of our own making (catalogue, SRTP-19)",
        fault: Fault {
            srtp: Some(|key, options| {
                FaultySrtp::boxed(SrtpFlaw::ClearRetransmission, key, options)
            }),
            description: Some(with_retransmission),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.fu-header-clear",
        path: PATH,
        expected: &["SRTP-20"],
        story: "FU indicator and FU header are left in clear, so that a server can forward without the key",
        source: "of our own making (catalogue, SRTP-20)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::ClearFuHeader, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "srtp.aes256-with-128prf",
        path: PATH,
        expected: &["SRTP-21"],
        story: "AES_256_CM derives its keys with half of the master key",
        source: "of our own making (catalogue, SRTP-21)",
        fault: Fault {
            srtp: Some(|key, options| faulty_aes256(SrtpFlaw::ShortPrf, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "gcm.iv-seq-only",
        path: PATH,
        expected: &["GCM-01"],
        story: "the IV of Galois/counter mode has no roll-over counter",
        source: "of our own making (catalogue, GCM-01)",
        fault: Fault {
            srtp: Some(|key, options| faulty_galois(SrtpFlaw::StuckRoc, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "gcm.nonce-reuse",
        path: PATH,
        expected: &["GCM-02"],
        story: "in Galois/counter mode sequence numbers start again, under the same master key",
        source: "of our own making (catalogue, GCM-02)",
        fault: Fault {
            srtp: Some(|key, options| faulty_galois(SrtpFlaw::Restarts, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "gcm.eflag-not-aad",
        path: PATH,
        expected: &["GCM-03"],
        story: "in Galois/counter mode the tag of RTCP covers neither E flag nor index",
        source: "of our own making (catalogue, GCM-03)",
        fault: Fault {
            srtp: Some(|key, options| faulty_galois(SrtpFlaw::UncoveredEFlag, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "gcm.tag8",
        path: PATH,
        expected: &["GCM-04"],
        story: "the tag of Galois/counter mode is cut to 8 octets",
        source: "of our own making (catalogue, GCM-04)",
        fault: Fault {
            srtp: Some(|key, options| faulty_galois(SrtpFlaw::ShortTag, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "gcm.salt-leftpad",
        path: PATH,
        expected: &["GCM-05"],
        story: "the master salt of 96 bits has its zero bits in front when keys are derived",
        source: "the class of errors that erratum 4938 of RFC 7714 is about",
        fault: Fault {
            srtp: Some(|key, options| faulty_galois(SrtpFlaw::SaltPaddedLeft, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "gcm.256-prf128",
        path: PATH,
        expected: &["GCM-06"],
        story: "AEAD_AES_256_GCM derives its keys with half of the master key",
        source: "of our own making (catalogue, GCM-06)",
        fault: Fault {
            srtp: Some(|key, options| faulty_galois(SrtpFlaw::ShortPrf, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "hdr.audiolevel-clear",
        path: PATH,
        expected: &["HDR-01"],
        story: "a header extension tells in clear how loud it is",
        source: "of our own making (catalogue, HDR-01)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::ClearExtension, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "hdr.cryptex-csrc-clear",
        path: PATH,
        expected: &["HDR-02"],
        story: "packets are marked as those of Cryptex, and their CSRCs are in clear",
        source: "of our own making (catalogue, HDR-02)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::ClearCsrcs, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sdes.clear-signalling",
        path: PATH,
        expected: &["SDES-01"],
        story: "keys of SRTP are told in RTSP without TLS, as a=crypto",
        source: "ONVIF Streaming, SRTP over UDP",
        fault: Fault {
            listeners: Some(|l| l.push(FAULTY_SDES)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "sdes.unencrypted-srtp",
        path: PATH,
        expected: &["SDES-02"],
        story: "the description offers SRTP with UNENCRYPTED_SRTCP beside what is served",
        source: "of our own making (catalogue, SDES-02)",
        fault: Fault {
            description: Some(|description| description.extend_from_slice(UNENCRYPTED)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "rtsp.srtp-over-rtsp",
        path: PATH,
        expected: &["RTSP-02"],
        story: "SRTP is set up in RTSP without TLS too, with the right password",
        source: "of our own making (catalogue, RTSP-02)",
        fault: Fault {
            listeners: Some(|l| l.push(FAULTY_CLEAR_SRTP)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "rtsp.srtcp-off-in-sp",
        path: PATH,
        expected: &["RTSP-05"],
        story: "the security policy says that SRTCP is not encrypted",
        source: "of our own making (catalogue, RTSP-05)",
        fault: Fault {
            mikey: Some(srtcp_off),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "rtsp.mikey-log",
        path: PATH,
        expected: &["RTSP-06"],
        story: "what is told by MIKEY is written to the log as well",
        source: "of our own making (catalogue, RTSP-06)",
        fault: Fault {
            witness: Some(faulty_talk),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "rtsp.onvif-no-mki",
        path: PATH,
        expected: &["RTSP-07"],
        story: "keys have an MKI, and no packet carries it",
        source: "of our own making (catalogue, RTSP-07)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::NoMki, key, options)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "rtsp.onvif-old-key",
        path: PATH,
        expected: &["RTSP-08"],
        story: "a key that SET_PARAMETER brings is accepted, and the stream goes on under the old one",
        source: "of our own making (catalogue, RTSP-08)",
        fault: Fault {
            srtp: Some(|key, options| FaultySrtp::boxed(SrtpFlaw::NeverRekeys, key, options)),
            ..Fault::NONE
        },
    },
];

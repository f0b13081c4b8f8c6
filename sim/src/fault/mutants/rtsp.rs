//! Mutants whose first row is of area RTSP.

use rtsp_types::Method;

use super::Mutant;
use crate::{
    fault::{
        Fault,
        clear_answers::{FAULTY_BASIC, FAULTY_MIKEY},
        clear_http::{FAULTY_TUNNEL, FAULTY_WEBSOCKET},
        clear_rtsp::FAULTY_CLEAR_DIGEST,
    },
    rtsp::{Track, digest::Algorithm},
};

pub(super) const ROWS: &[Mutant] = &[
    Mutant {
        id: "onvif.none-udp",
        path: "nvr.rtsps",
        expected: &["RTSP-04"],
        story: "control over TLS with algorithm NONE, media in clear over UDP for who asks",
        source: "onvif/specs#555",
        fault: Fault {
            accepts_transport: Some(|t, _| !t.multicast),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "rtsp.setup-noauth",
        path: "nvr.rtsps",
        expected: &["RTSP-09"],
        story: "credentials are asked for DESCRIBE alone: who guesses the track's address needs none",
        source: "of our own making (catalogue, RTSP-09)",
        fault: Fault {
            demands_credentials: Some(|method| *method == Method::Describe),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "rtsp.play-noauth",
        path: "nvr.rtsps",
        expected: &["RTSP-09"],
        story: "no credentials are asked for at all, over TLS as well",
        source: "of our own making (catalogue, RTSP-09)",
        fault: Fault {
            demands_credentials: Some(|_| false),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "rtsp.rtsp554-open",
        path: "nvr.rtsps",
        expected: &["RTSP-01"],
        story: "plain RTSP on its own port beside the sealed one, with the right password",
        source: "of our own making (catalogue, RTSP-01)",
        fault: Fault {
            listeners: Some(|l| l.push(FAULTY_CLEAR_DIGEST)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "rtsp.mikey-on-554",
        path: "nvr.rtsps",
        expected: &["RTSP-03"],
        story: "DESCRIBE without TLS tells of SRTP, and its key",
        source: "of our own making (catalogue, RTSP-03)",
        fault: Fault {
            listeners: Some(|l| l.push(FAULTY_MIKEY)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "rtsp.basic-554",
        path: "nvr.rtsps",
        expected: &["RTSP-11"],
        story: "plain RTSP that asks for name and password in Basic",
        source: "of our own making (catalogue, RTSP-11)",
        fault: Fault {
            listeners: Some(|l| l.push(FAULTY_BASIC)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "rtsp.md5-only",
        path: "nvr.rtsps",
        expected: &["RTSP-11"],
        story: "the challenge of Digest knows MD5 alone",
        source: "of our own making (catalogue, RTSP-11)",
        fault: Fault {
            algorithms: Some(&[Algorithm::Md5]),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "rtsp.tunnel-http-open",
        path: "nvr.rtsps",
        expected: &["RTSP-12"],
        story: "RTSP in an HTTP tunnel without TLS, with the right password",
        source: "of our own making (catalogue, RTSP-12)",
        fault: Fault {
            listeners: Some(|l| l.push(FAULTY_TUNNEL)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "rtsp.ws-rtsp",
        path: "nvr.rtsps",
        expected: &["RTSP-13"],
        story: "RTSP in WebSocket without TLS, with the right password",
        source: "of our own making (catalogue, RTSP-13)",
        fault: Fault {
            listeners: Some(|l| l.push(FAULTY_WEBSOCKET)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "rtsp.multicast-clear",
        path: "nvr.rtsps",
        expected: &["RTSP-14"],
        story: "control over TLS, clear RTP to a group for everybody on the network",
        source: "of our own making (catalogue, RTSP-14)",
        fault: Fault {
            accepts_transport: Some(|t, _| t.is_interleaved() || t.multicast),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "rtsp.audio-clear",
        path: "nvr.rtsps",
        expected: &["RTSP-15"],
        story: "video stays inside TLS; sound goes in clear over UDP to who asks for it",
        source: "of our own making (catalogue, RTSP-15)",
        fault: Fault {
            accepts_transport: Some(|t, track| {
                t.is_interleaved() || track == Track::Sound && !t.multicast
            }),
            ..Fault::NONE
        },
    },
];

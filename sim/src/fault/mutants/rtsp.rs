//! Mutants whose first row is of area RTSP.

use rtsp_types::Method;

use super::Mutant;
use crate::fault::Fault;

pub(super) const ROWS: &[Mutant] = &[
    Mutant {
        id: "onvif.none-udp",
        path: "nvr.rtsps",
        expected: &["RTSP-04"],
        story: "control over TLS with algorithm NONE, media in clear over UDP for who asks",
        source: "onvif/specs#555",
        fault: Fault {
            accepts_transport: Some(|t| !t.multicast),
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
];

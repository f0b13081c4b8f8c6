//! RTSP: RTSP and ONVIF.

mod access;
mod clear;
mod digest;
mod rekey;
mod savp;
mod udp;

use lightleak_case::{Carriage, Hop, TransportPath, Vantage};

pub(super) use clear::{deliveries, unasked};
pub(super) use savp::ROWS as SAVP_ROWS;
pub(super) use udp::datagrams;

use super::{Level, Quote, Reading, Requirement, Stimuli};
use crate::presence::Need;

const STREAMING: &str = "ONVIF Streaming Specification 26.06";

pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "RTSP-04",
        level: Level::Must,
        // The standard allows clear RTP over UDP here: a rule of the secure profile.
        standard: Level::Info,
        title: "with RTSPS and algorithm NONE, media stay inside the TLS connection: SETUP over UDP is refused",
        source: Quote {
            document: STREAMING,
            clause: "8.1",
            text: "It can also be used for RTSPS interleaved where media is sent over the same TLS protected channel as the RTSP control messages.",
            read: Reading::InText,
        },
        expects: is_rtsps,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["udp-setup"]),
        indispensable: &["udp-setup"],
        check: udp::no_udp,
    },
    Requirement {
        id: "RTSP-09",
        level: Level::Must,
        // ONVIF: a device "should" authenticate RTSP; if it does, it "shall" so.
        standard: Level::Should,
        title: "DESCRIBE, SETUP and PLAY without valid credentials are refused with a Digest challenge, and no media come",
        source: Quote {
            document: "ONVIF Core Specification 25.12",
            clause: "5.9.1",
            text: "When authenticating RTSP or HTTP methods, an ONVIF compliant device shall use digest authentication [RFC 2617] or JWT-based authorization.",
            read: Reading::InText,
        },
        expects: is_over_tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["no-credentials", "wrong-credentials"]),
        indispensable: &["no-credentials"],
        check: access::no_access,
    },
    Requirement {
        id: "RTSP-01",
        level: Level::Must,
        // A rule of the secure profile: ONVIF asks for RTP over UDP, too.
        standard: Level::Info,
        title: "nothing is delivered over RTSP without TLS, on any port",
        source: Quote {
            document: "ETSI EN 303 645 V2.1.1",
            clause: "5.5-1",
            text: "The consumer IoT device shall use best practice cryptography to communicate securely.",
            read: Reading::SecondHand,
        },
        expects: is_over_tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["port-sweep"]),
        indispensable: &["port-sweep"],
        check: clear::no_delivery,
    },
    Requirement {
        id: "RTSP-03",
        level: Level::Must,
        standard: Level::Must,
        title: "without TLS no session description tells of SRTP or of its keys",
        source: Quote {
            document: STREAMING,
            clause: "5.1.1.4",
            text: "The device shall never return RTP/SAVP or the MIKEY in the SDP if the RTSP channel is not secure.",
            read: Reading::InText,
        },
        expects: is_over_tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["port-sweep"]),
        indispensable: &["port-sweep"],
        check: clear::no_keys,
    },
    Requirement {
        id: "RTSP-11",
        level: Level::Must,
        // RFC 7826 binds RTSP 2.0, and ONVIF leaves SHA-256 optional.
        standard: Level::Should,
        title: "Basic is neither asked for nor taken without TLS, and Digest offers SHA-256",
        source: Quote {
            document: "RFC 7826",
            clause: "19.1",
            text: "Any RTSP message containing an Authorization header using the Basic authentication scheme MUST be using a TLS connection with confidentiality protection enabled, i.e., no NULL encryption.",
            read: Reading::InText,
        },
        expects: is_over_tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["no-credentials", "port-sweep"]),
        indispensable: &["no-credentials", "port-sweep"],
        check: digest::no_basic,
    },
    Requirement {
        id: "RTSP-12",
        level: Level::Must,
        // The standard wants the tunnel over HTTPS from who has TLS, and does
        // not forbid the other.
        standard: Level::Info,
        title: "an HTTP tunnel without TLS yields no media",
        source: Quote {
            document: STREAMING,
            clause: "5.1.1.5",
            text: "A device that supports TLS shall support RTP/RTSP/HTTPS/TCP; a device that does not support TLS shall support RTP/RTSP/HTTP/TCP.",
            read: Reading::InText,
        },
        expects: is_over_tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["port-sweep"]),
        indispensable: &["port-sweep"],
        check: clear::no_tunnel,
    },
    Requirement {
        id: "RTSP-13",
        level: Level::Must,
        // A rule of the secure profile: the standard's own examples are ws://.
        standard: Level::Info,
        title: "RTSP in WebSocket without TLS is refused or yields no media",
        source: Quote {
            document: STREAMING,
            clause: "5.1.1.6",
            text: "For RTSP tunneling over WebSocket a device shall support RTP/RTSP/TCP interleaved binary data as defined in [RFC 2326] Section 10.12.",
            read: Reading::InText,
        },
        expects: is_over_tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["port-sweep"]),
        indispensable: &["port-sweep"],
        check: clear::no_websocket,
    },
    Requirement {
        id: "RTSP-14",
        level: Level::Must,
        // A rule of the secure profile: multicast of clear RTP is an option.
        standard: Level::Info,
        title: "with algorithm NONE, SETUP over multicast is refused, and no RTP goes to a group",
        source: Quote {
            document: "ONVIF Media2 Service Specification 24.06",
            clause: "5.6.1",
            text: "The implementation shall ensure that the RTP stream can be decoded without setting up an RTSP control connection.",
            read: Reading::InText,
        },
        expects: is_rtsps,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["udp-setup"]),
        indispensable: &["udp-setup"],
        check: udp::no_multicast,
    },
    Requirement {
        id: "RTSP-15",
        level: Level::Must,
        // The standard lets each track have its own algorithm, NONE among them.
        standard: Level::Info,
        title: "sound and metadata are protected as the video is: their SETUP over UDP is refused, too",
        source: Quote {
            document: STREAMING,
            clause: "8.1",
            text: "The device shall list supported SRTP cryptographic algorithms via the SecureStreamingProtocolAlgorithms structure included in the Media2 service video encoder, audio encoder and metadata configuration elements as listed below",
            read: Reading::InText,
        },
        expects: is_rtsps,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["udp-setup"]),
        indispensable: &["udp-setup"],
        check: udp::other_tracks,
    },
];

/// RTSP over TLS, whatever carries the media.
fn is_over_tls(path: &TransportPath) -> bool {
    is_rtsps(path) || path.carriage == Carriage::Rtp
}

fn is_rtsps(path: &TransportPath) -> bool {
    path.carriage == Carriage::RtspInterleaved && path.hop == Hop::Tls
}

//! The mutants: cameras with exactly one fault, one row each.

use rtsp_types::Method;

use super::{
    Fault, clear_copy::FaultyClearCopy, clear_rtsp::FAULTY_CLEAR_RTSP,
    client_hello::faulty_accept_tls10, raw_video::FAULTY_RAW_VIDEO,
};

/// A camera with exactly one fault.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// Its id, never used for another.
    pub id: &'static str,
    /// The transport path that the fault belongs to.
    pub path: &'static str,
    /// Requirements that must catch it.
    pub expected: &'static [&'static str],
    /// What it does.
    pub story: &'static str,
    /// Where that happened, or whose idea it is.
    pub source: &'static str,
    /// The fault.
    pub fault: Fault,
}

impl Mutant {
    /// The mutant of that id.
    pub fn find(id: &str) -> Option<&'static Self> {
        MUTANTS.iter().find(|m| m.id == id)
    }
}

/// All of them.
pub const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "rtsp.open",
        path: "nvr.rtsps",
        expected: &["XC-02", "XC-07"],
        story: "plain RTSP beside the sealed one, on every interface, with an empty password",
        source: "Osmantic/ODS#525",
        fault: Fault {
            listeners: Some(|l| l.push(FAULTY_CLEAR_RTSP)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "xc.debug-port",
        path: "nvr.rtsps",
        expected: &["XC-02"],
        story: "a forgotten debugging port gives the encoder's output to whoever connects",
        source: "of our own making (catalogue, XC-02)",
        fault: Fault {
            listeners: Some(|l| l.push(FAULTY_RAW_VIDEO)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "xc.clear-anywhere",
        path: "nvr.rtsps",
        expected: &["XC-01"],
        story: "a copy of the encoder's buffer goes to the maker's server, taken before the encryption",
        source: "of our own making (catalogue, XC-01)",
        fault: Fault {
            copy: Some(FaultyClearCopy {
                disguise: |octets| octets.to_vec(),
            }),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "p2p.xor-obfuscation",
        path: "nvr.rtsps",
        expected: &["XC-01"],
        story: "fixed-key scrambling where a key exchange should be",
        source: "CVE-2021-32934",
        fault: Fault {
            copy: Some(FaultyClearCopy {
                disguise: |octets| {
                    let key = b"Charlie is the designer of P2P!!";
                    octets
                        .iter()
                        .zip(key.iter().cycle())
                        .map(|(o, k)| o ^ k)
                        .collect()
                },
            }),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "xc.base64",
        path: "nvr.rtsps",
        expected: &["XC-01"],
        story: "pictures in base64, taken for unreadable",
        source: "of our own making (catalogue, XC-01)",
        fault: Fault {
            copy: Some(FaultyClearCopy {
                disguise: |octets| {
                    use base64::{Engine as _, prelude::BASE64_STANDARD};
                    BASE64_STANDARD.encode(octets).into_bytes()
                },
            }),
            ..Fault::NONE
        },
    },
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
    Mutant {
        id: "tls.tls10",
        path: "nvr.rtsps",
        expected: &["TLS-01"],
        story: "an offer of TLS 1.0 is accepted (hand-made hello: rustls has no TLS 1.0)",
        source: "of our own making (catalogue, TLS-01)",
        fault: Fault {
            client_hello: Some(faulty_accept_tls10),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "tls.mixed-socket",
        path: "nvr.rtsps",
        expected: &["TLS-12"],
        story: "a status page is written to the socket itself, beside the TLS session on it",
        source: "of our own making (catalogue, TLS-12)",
        fault: Fault {
            beneath_tls: Some(|| {
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 16\r\n\r\nstreams: 1 idle\n".to_vec()
            }),
            ..Fault::NONE
        },
    },
];

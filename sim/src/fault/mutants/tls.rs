//! Mutants whose first row is of area TLS.

use super::Mutant;
use crate::fault::{
    Fault,
    clear_page::FAULTY_CLEAR_PAGE,
    client_hello::faulty_accept_tls10,
    tls_settings::{faulty_early_data, faulty_escrow},
    weak_hello::{
        faulty_integrity_only, faulty_no_forward_secrecy, faulty_static_rsa,
        faulty_weak_certificate,
    },
};

pub(super) const ROWS: &[Mutant] = &[
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
        id: "tls.tls13-integrity-only",
        path: "nvr.rtsps",
        expected: &["TLS-03"],
        story: "TLS 1.3 with a suite that does not encrypt is accepted: a handshake like any other, and video for all to read (hand-made hello: rustls has no such suite)",
        source: "of our own making (catalogue, TLS-03)",
        fault: Fault {
            client_hello: Some(faulty_integrity_only),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "tls.static-rsa",
        path: "nvr.rtsps",
        expected: &["TLS-05"],
        story: "an offer of static RSA alone is accepted: whoever gets the key later reads what was recorded before (hand-made hello: rustls has no such suite)",
        source: "of our own making (catalogue, TLS-05)",
        fault: Fault {
            client_hello: Some(faulty_static_rsa),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "tls.no-fs",
        path: "nvr.rtsps",
        expected: &["TLS-06"],
        story: "static RSA is chosen where suites with forward secrecy are offered too (hand-made hello)",
        source: "of our own making (catalogue, TLS-06)",
        fault: Fault {
            client_hello: Some(faulty_no_forward_secrecy),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "tls.rsa1024",
        path: "nvr.rtsps",
        expected: &["TLS-07"],
        story: "a client that knows RSA alone gets the certificate of the first firmware, with 1024 bits and SHA-1 (hand-made handshake)",
        source: "of our own making (catalogue, TLS-07)",
        fault: Fault {
            client_hello: Some(faulty_weak_certificate),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "tls.port80-page",
        path: "nvr.rtsps",
        expected: &["TLS-10"],
        story: "a status page in clear on port 80, beside the sealed stream, sets a session cookie",
        source: "of our own making (catalogue, TLS-10)",
        fault: Fault {
            listeners: Some(|l| l.push(FAULTY_CLEAR_PAGE)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "tls.0rtt-play",
        path: "nvr.rtsps",
        expected: &["TLS-11"],
        story: "session tickets allow 0-RTT data, and a request in such data is accepted, whoever sends it again",
        source: "of our own making (catalogue, TLS-11)",
        fault: Fault {
            tls: Some(faulty_early_data),
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
    Mutant {
        id: "tls.keylog-mismatch",
        path: "nvr.rtsps",
        expected: &["TLS-14"],
        story: "a secret is escrowed that is not the one in use, one octet off",
        source: "of our own making (catalogue, TLS-14)",
        fault: Fault {
            tls: Some(faulty_escrow),
            ..Fault::NONE
        },
    },
];

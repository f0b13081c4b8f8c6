//! Mutants whose first row is of area TLS.

use super::Mutant;
use crate::fault::{Fault, client_hello::faulty_accept_tls10};

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

//! `weak-suites`: hand-made ClientHellos that offer nothing but what nobody
//! should accept, and some that show what a device prefers and what it
//! authenticates itself with. A sound handshake comes first.

use super::{
    Stimulus,
    hello::{self, Offer, TLS12, TLS13},
};

/// Name, version and suites (IANA TLS Cipher Suites).
const OFFERS: &[Offer] = &[
    (
        "no encryption, TLS 1.2",
        TLS12,
        &[0x003b, 0x0002, 0x0001, 0xc006, 0xc010],
    ),
    ("no encryption, TLS 1.3", TLS13, &[0xc0b4, 0xc0b5]),
    (
        "static RSA",
        TLS12,
        &[0x009c, 0x009d, 0x003c, 0x003d, 0x002f, 0x0035, 0x000a],
    ),
    (
        "Diffie-Hellman over a finite field",
        TLS12,
        &[
            0x009e, 0x009f, 0xccaa, 0x0067, 0x006b, 0x0033, 0x0039, 0x00a0, 0x00a1, 0x0031, 0x0037,
        ],
    ),
    (
        "static RSA, then forward secrecy",
        TLS12,
        &[
            0x009c, 0x009d, 0x003c, 0x002f, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8,
        ],
    ),
    (
        "RSA certificates alone",
        TLS12,
        &[0xc02f, 0xc030, 0xcca8, 0xc027, 0xc013, 0xc014],
    ),
];

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "weak-suites",
    title: "a sound TLS handshake, then ClientHellos that offer suites without encryption, without forward secrecy, and with RSA certificates alone",
    network: Some(|visit| Box::pin(hello::offer_all(visit, OFFERS))),
    webrtc: Some(|visit| Box::pin(hello::offer_all(visit, OFFERS))),
    portal: Some(|visit| Box::pin(hello::offer_all(visit.first, OFFERS))),
    ..Stimulus::NOTHING
};

//! `tls10-offer`: a hand-made ClientHello that offers TLS 1.0 at most, and one
//! that offers 1.1. A sound handshake comes first: whoever refuses old versions
//! must speak a new one.

use super::{
    Stimulus,
    hello::{self, Offer, TLS10, TLS11},
};

/// Suites of that time.
const SUITES: &[u16] = &[0xc013, 0xc009, 0x002f, 0x000a];

/// Name, version and suites.
const OFFERS: &[Offer] = &[("TLS 1.0", TLS10, SUITES), ("TLS 1.1", TLS11, SUITES)];

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "tls10-offer",
    title: "a sound TLS handshake, then ClientHellos that offer TLS 1.0 and 1.1 at most",
    network: Some(|visit| Box::pin(hello::offer_all(visit, OFFERS))),
    webrtc: Some(|visit| Box::pin(hello::offer_all(visit, OFFERS))),
    portal: Some(|visit| Box::pin(hello::offer_all(visit.first, OFFERS))),
    ..Stimulus::NOTHING
};

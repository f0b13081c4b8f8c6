//! `tls10-offer`: a hand-made ClientHello that offers TLS 1.0 at most, and one
//! that offers 1.1. A sound handshake comes first: whoever refuses old versions
//! must speak a new one.

use lightleak_case::Experience;

use super::{Diary, Stimulus, Visit, hello};

/// Suites of that time.
const SUITES: [u16; 4] = [0xc013, 0xc009, 0x002f, 0x000a];

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "tls10-offer",
    title: "a sound TLS handshake, then ClientHellos that offer TLS 1.0 and 1.1 at most",
    network: Some(|visit| Box::pin(offer(visit))),
    webrtc: Some(|visit| Box::pin(offer(visit))),
    ..Stimulus::NOTHING
};

async fn offer(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    diary.sound_handshake(&visit).await;
    for (name, version) in [("TLS 1.0", hello::TLS10), ("TLS 1.1", hello::TLS11)] {
        let answer = hello::offer(&visit, version, &SUITES).await;
        diary.note(format!("{name}: {answer}"));
    }
    diary.0
}

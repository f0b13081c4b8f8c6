//! The mutants: cameras with exactly one fault, one row each, by the area of
//! the requirement that has to catch it.

mod iot;
mod portal;
mod relay;
mod rtsp;
mod sframe;
mod signalling;
mod srtp;
mod sto;
mod tls;
mod webrtc;
mod xc;

use super::Fault;

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
    /// Every mutant, area by area.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        [
            xc::ROWS,
            rtsp::ROWS,
            srtp::ROWS,
            tls::ROWS,
            webrtc::ROWS,
            signalling::ROWS,
            sframe::ROWS,
            portal::ROWS,
            relay::ROWS,
            sto::ROWS,
            iot::ROWS,
        ]
        .into_iter()
        .flatten()
    }

    /// The mutant of that id.
    pub fn find(id: &str) -> Option<&'static Self> {
        Self::all().find(|m| m.id == id)
    }
}

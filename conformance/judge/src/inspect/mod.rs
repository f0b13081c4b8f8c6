//! What anybody who listens learns from a capture: which flow leaks, which is
//! sealed, which is neither.
//!
//! Recognisers look at every flow, by its content and never by its port, and
//! claim what they can prove. A leak needs media in clear: they were decoded, or
//! the dialogue or the codec's structure shows them. `sealed` needs a handshake or
//! the structure of records over the whole flow. Nobody's claim is not
//! `undetermined` for what its octets look like: no entropy decides anything.

mod claim;
mod conclusion;
mod eavesdropper;
pub(crate) mod leaks;
pub(crate) mod mux;
mod others;
pub mod recognise;
mod scene;
mod show;

use std::net::SocketAddr;

use lightleak_case::{Capture, TransportProtocol};

use crate::{
    decoder::{Decoder, DecoderError, Elementary, Picture, Sound},
    dissect::Place,
    mark::Mark,
};

pub use claim::{Claim, Proof, Standing};
pub use eavesdropper::Eavesdropper;
pub use others::InspectedOther;
pub use scene::{Description, Keying, Scene};

/// What the octets of a flow are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// Sound or pictures in clear, or what opens them.
    Leak,
    /// Encrypted, and identified as such.
    Sealed,
    /// Nobody can tell.
    Undetermined,
    /// In clear, and no media.
    Other,
}

impl Label {
    /// Its word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Leak => "leak",
            Self::Sealed => "sealed",
            Self::Undetermined => "undetermined",
            Self::Other => "other",
        }
    }
}

/// How much is shown.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Pictures that are kept of a flow.
    pub pictures_per_flow: usize,
}

/// What was learned from a capture.
#[derive(Clone, Debug, Default)]
pub struct Inspection {
    /// Packets of the capture.
    pub packets: u64,
    /// Octets of them that were captured.
    pub bytes: u64,
    /// Its flows, in order of their first packet.
    pub flows: Vec<Inspected>,
    /// What is no flow, in order of the first packet.
    pub others: Vec<InspectedOther>,
    /// What the decoder could not look at, and why.
    pub failures: Vec<DecoderError>,
}

/// What was learned from a flow.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// TCP, UDP or SCTP.
    pub transport: TransportProtocol,
    /// Who opened it: the sender of the SYN, else of the first packet.
    pub a: SocketAddr,
    /// The other end.
    pub b: SocketAddr,
    /// How many packets it has.
    pub packets: u64,
    /// Octets of payload that were captured, each once.
    pub bytes: u64,
    /// What it is.
    pub label: Label,
    /// The protocol, or the carriage and the codec: `tls1.3`, `rtp/h264`.
    pub kind: String,
    /// Why what seals it is weak.
    pub weak: Option<String>,
    /// How that is known, or why nothing is.
    pub reason: String,
    /// Where what decided begins.
    pub place: Option<Place>,
    /// Pictures that were decoded.
    pub frames_decoded: usize,
    /// The first of them, and what the mark says that was read from one.
    pub pictures: Vec<(Picture, Option<Mark>)>,
    /// Media that nobody here can play, as they were.
    pub unplayed: Vec<Elementary>,
    /// Sound that was decoded.
    pub sounds: Vec<Sound>,
}

/// Inspects a capture that is in memory.
pub fn inspect(capture: &Capture, decoder: &dyn Decoder, limits: Limits) -> Inspection {
    let mut eavesdropper = Eavesdropper::new(decoder, limits);
    eavesdropper.add(capture, true);
    eavesdropper.finish()
}

#[cfg(test)]
mod tests;

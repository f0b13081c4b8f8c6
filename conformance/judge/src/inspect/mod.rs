//! What anybody who listens learns from a capture: which flow leaks, which is
//! sealed, which is neither.
//!
//! Recognisers look at every flow, by its content and never by its port, and
//! claim what they can prove. A leak needs media in clear: they were decoded, or
//! the dialogue or the codec's structure shows them. `sealed` needs a handshake or
//! the structure of records over the whole flow. Nobody's claim is not
//! `undetermined` for what its octets look like: no entropy decides anything.

mod claim;
pub(crate) mod leaks;
pub(crate) mod mux;
mod others;
pub mod recognise;
mod scene;
mod show;

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
};

use lightleak_case::{Capture, TransportProtocol};

use crate::{
    decoder::{Decoder, DecoderError, Elementary, Picture},
    dissect::{self, Flow, FlowState, Place},
    mark::{self, Mark},
    parallel::in_parallel,
};

pub use claim::{Claim, Proof, Standing};
pub use others::InspectedOther;
pub use scene::{Description, Scene};

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
    pub sounds: Vec<crate::decoder::Sound>,
}

/// Inspects a capture.
pub fn inspect(capture: &Capture, decoder: &dyn Decoder, limits: Limits) -> Inspection {
    let traffic = dissect::dissect(capture);
    let scene = Scene::new(&traffic).with_secrets(&capture.secrets);
    let mut claims: Vec<Vec<Claim>> = traffic.flows.iter().map(|_| Vec::new()).collect();
    let mut failures = Vec::new();
    recognise::footage(&scene, decoder, &mut claims, &mut failures);
    let mut across: Vec<Vec<Claim>> = traffic.flows.iter().map(|_| Vec::new()).collect();
    for recognise in recognise::ACROSS_FLOWS {
        for (flow, claim) in recognise(&scene) {
            if let Some(claims) = across.get_mut(flow) {
                claims.push(claim);
            }
        }
    }
    // Few flows at a time: claims bring their media with them.
    let known = claims.into_iter().zip(across).map(Mutex::new);
    let known: Vec<_> = known.collect();
    let inspected = in_parallel(traffic.flows.len(), |index| {
        let mut known = known[index].lock().unwrap_or_else(PoisonError::into_inner);
        let (mut claims, across) = std::mem::take(&mut *known);
        let flow = &traffic.flows[index];
        for recognise in recognise::IN_A_FLOW {
            claims.extend(recognise(&scene, flow));
        }
        claims.extend(across);
        let mut failures = Vec::new();
        let shown = show::show(claims, decoder, limits, &mut failures);
        (conclude(flow, shown), failures)
    });
    let (flows, failed): (Vec<_>, Vec<_>) = inspected.into_iter().unzip();
    failures.extend(failed.into_iter().flatten());
    Inspection {
        packets: capture.packets.len() as u64,
        bytes: capture.packets.iter().map(|p| p.data.len() as u64).sum(),
        flows,
        others: traffic
            .other_protocols
            .iter()
            .map(others::inspect)
            .collect(),
        failures,
    }
}

/// What the claims of a flow come to: a leak that was shown, before what is sealed,
/// before what nobody can tell, before what is no media.
fn conclude(flow: &Flow, shown: show::Shown) -> Inspected {
    let show::Shown {
        claims,
        frames,
        pictures,
        unplayed,
        sounds,
    } = shown;
    let first = |label: Label| claims.iter().find(|claim| claim.label() == label);
    let order = [
        Label::Leak,
        Label::Sealed,
        Label::Undetermined,
        Label::Other,
    ];
    let claim = order.into_iter().find_map(first);
    let (label, kind, mut reason) = match claim {
        Some(claim) => (claim.label(), claim.kind.clone(), claim.reason.clone()),
        None => unclaimed(flow),
    };
    // One that is clear first and sealed later, or the other way round.
    if label == Label::Leak
        && let Some(sealed) = first(Label::Sealed)
    {
        reason = format!("{reason}; besides, {}: {}", sealed.kind, sealed.reason);
    }
    let weak = claim.and_then(|claim| match &claim.standing {
        Standing::Sealed { weak } => weak.clone(),
        _ => None,
    });
    let pictures = pictures.into_iter().map(|picture| {
        let mark = mark::read(&picture);
        (picture, mark)
    });
    Inspected {
        transport: flow.transport,
        a: flow.a,
        b: flow.b,
        packets: flow.packets,
        bytes: (flow.from_a.bytes.len() + flow.from_b.bytes.len()) as u64,
        label,
        kind,
        weak,
        reason,
        place: claim.and_then(|claim| claim.place),
        frames_decoded: frames,
        pictures: pictures.collect(),
        unplayed,
        sounds,
    }
}

fn unclaimed(flow: &Flow) -> (Label, String, String) {
    let is_empty = flow.from_a.bytes.is_empty() && flow.from_b.bytes.is_empty();
    match (is_empty, flow.state) {
        (true, FlowState::Unanswered | FlowState::Refused) => (
            Label::Other,
            "tcp".into(),
            "nobody answered who would talk".into(),
        ),
        (true, _) => (
            Label::Other,
            "empty".into(),
            "no octet of payload was captured".into(),
        ),
        (false, _) => (
            Label::Undetermined,
            "data".into(),
            "no protocol, no codec and no handshake was recognised in it".into(),
        ),
    }
}

#[cfg(test)]
mod tests;

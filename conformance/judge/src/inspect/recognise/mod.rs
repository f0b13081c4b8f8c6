//! Who recognises what: one file per protocol or family.

mod carved;
mod discord;
mod dtls;
mod ecb;
mod findings;
mod footage;
mod h2c;
mod http;
mod iax;
mod ike;
mod mumble;
mod openvpn;
mod pads;
mod partial;
mod plain;
mod quic;
mod rist;
mod rtmp;
mod rtp;
mod rtsp;
mod sctp;
mod smb3;
mod srt;
mod ssh;
#[cfg(test)]
mod talk;
mod telegram;
mod tinc;
mod tls;
mod ts;
mod tunnel;
mod tuya;
mod veiled;
mod vendor;
mod weave;
mod whatsapp;
mod wireguard;
mod zoom;
mod zrtp;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::{dissect::Flow, parallel::in_parallel};

use super::{Claim, Scene};

pub(super) use footage::footage;

/// What a recogniser does: says what it recognises in a flow.
pub type InAFlow = fn(&Scene<'_>, &Flow) -> Vec<Claim>;
/// What one does that has to look at several flows together: says of which flow,
/// by its index, it claims what.
pub type AcrossFlows = fn(&Scene<'_>) -> Vec<(usize, Claim)>;

/// Those that look at one flow. Of several claims with one label the first is told.
pub const IN_A_FLOW: &[InAFlow] = &[
    rtp::recognise,
    rtsp::recognise,
    http::recognise,
    rtmp::recognise,
    h2c::recognise,
    srt::recognise,
    ts::recognise,
    iax::recognise,
    tls::recognise,
    dtls::recognise,
    quic::recognise,
    wireguard::recognise,
    ssh::recognise,
    ike::recognise,
    openvpn::recognise,
    zrtp::recognise,
    discord::recognise,
    zoom::recognise,
    smb3::recognise,
    whatsapp::recognise,
    rist::recognise,
    telegram::recognise,
    tinc::recognise,
    weave::recognise,
    tuya::recognise,
    carved::recognise,
    ecb::recognise,
    plain::recognise,
    mumble::recognise,
    vendor::recognise,
    sctp::recognise,
    tunnel::recognise,
];

/// Those of which one claim may be all that there is to say of a flow.
const OF_WHOLE_FLOWS: &[InAFlow] = &[tls::recognise, rtp::recognise];

/// Those that look at all of them.
pub const ACROSS_FLOWS: &[AcrossFlows] = &[
    dtls::moved,
    dtls::inside,
    ike::beside,
    tls::inside,
    whatsapp::calls,
    telegram::direct,
    tinc::beside,
    http::across,
    pads::across,
    rtp::twice,
];

/// What is claimed of the octets inside flows that somebody opens, behind the name of
/// what was opened.
fn inside(
    scene: &Scene<'_>,
    open: impl Fn(&Flow) -> Option<(&'static str, Flow)>,
) -> Vec<(usize, Claim)> {
    let mut found = Vec::new();
    for (index, flow) in scene.traffic.flows.iter().enumerate() {
        let Some((name, inner)) = open(flow) else {
            continue;
        };
        for recognise in IN_A_FLOW {
            for claim in recognise(scene, &inner) {
                let kind = format!("{name}/{}", claim.kind);
                let claim = claim.whole(false);
                found.push((index, Claim { kind, ..claim }));
            }
        }
    }
    found
}

/// What is claimed of a flow that was known whole before, if it still is.
pub(super) fn still_whole(scene: &Scene<'_>, flow: &Flow) -> Option<Vec<Claim>> {
    let mut claims = OF_WHOLE_FLOWS
        .iter()
        .map(|recognise| recognise(scene, flow));
    claims.find(|claims| claims.iter().any(|claim| claim.is_whole))
}

/// What those claim that look at all flows together.
pub(super) fn across(scene: &Scene<'_>) -> ByFlow {
    let found = in_parallel(ACROSS_FLOWS.len(), |index| ACROSS_FLOWS[index](scene));
    ByFlow::new(found.into_iter().flatten())
}

/// Claims by the index of their flow.
#[derive(Default)]
pub(super) struct ByFlow(Mutex<BTreeMap<usize, Vec<Claim>>>);

impl ByFlow {
    pub(super) fn new(all: impl Iterator<Item = (usize, Claim)>) -> Self {
        let mut by_flow: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (flow, claim) in all {
            by_flow.entry(flow).or_default().push(claim);
        }
        Self(Mutex::new(by_flow))
    }

    /// Those of a flow, which are not kept.
    pub(super) fn take(&self, flow: usize) -> Vec<Claim> {
        let mut by_flow = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        by_flow.remove(&flow).unwrap_or_default()
    }
}

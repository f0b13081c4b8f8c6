//! What is said inside sessions of DTLS that do not encrypt, or whose secrets came with
//! the capture.

use crate::{
    dissect::{Flow, dtls},
    inspect::{Claim, Scene},
    open::{self, dtls::OpenedDtls, srtp::MasterKey},
};

use super::{super::IN_A_FLOW, may_shake};

/// What is said inside sessions whose suite does not encrypt, or whose secrets came
/// with the capture.
pub(in crate::inspect) fn inside(scene: &Scene<'_>) -> Vec<(usize, Claim)> {
    let mut found = Vec::new();
    for (index, flow) in scene.traffic.flows.iter().enumerate() {
        if !may_shake(flow) {
            continue;
        }
        let opened = unencrypted(flow).or_else(|| with_secrets(scene, flow));
        let Some((name, inner)) = opened else {
            continue;
        };
        for recognise in IN_A_FLOW {
            for claim in recognise(scene, &inner) {
                let kind = format!("{name}/{}", claim.kind);
                found.push((index, Claim { kind, ..claim }));
            }
        }
    }
    found
}

fn unencrypted(flow: &Flow) -> Option<(&'static str, Flow)> {
    let reading = dtls::read(flow)?;
    let [client, server] = reading.unencrypted(flow)?;
    let inner = match reading.client_is_a {
        true => flow.carrying(client, server),
        false => flow.carrying(server, client),
    };
    Some(("dtls-null", inner))
}

fn with_secrets(scene: &Scene<'_>, flow: &Flow) -> Option<(&'static str, Flow)> {
    let (client_is_a, opened) = opened(scene, flow)?;
    let (client, server) = (opened.client.data, opened.server.data);
    let inner = match client_is_a {
        true => flow.carrying(client, server),
        false => flow.carrying(server, client),
    };
    Some(("dtls-secrets", inner))
}

/// Whether `a` is the client, and what the secrets open that came with the capture.
fn opened(scene: &Scene<'_>, flow: &Flow) -> Option<(bool, OpenedDtls)> {
    if scene.keys.is_empty() || !may_shake(flow) {
        return None;
    }
    let reading = dtls::read(flow)?;
    let opened = open::dtls::open(flow, &reading, &scene.keys).ok()?;
    Some((reading.client_is_a, opened))
}

/// The keys of SRTP that the secrets give which came with the capture.
pub(in crate::inspect) fn exported(scene: &Scene<'_>, flow: &Flow) -> Vec<MasterKey> {
    let exported = opened(scene, flow).and_then(|(_, opened)| opened.exported);
    let keys = exported.map(|keys| [keys.client, keys.server]);
    keys.into_iter().flatten().collect()
}

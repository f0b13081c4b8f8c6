//! What is said inside sessions of DTLS that do not encrypt, or whose secrets came with
//! the capture.

use crate::{
    dissect::{Flow, Stream, dtls},
    inspect::{Claim, Scene, recognise},
    open::{self, dtls::OpenedDtls, srtp::MasterKey},
};

use super::may_shake;

/// What is said inside sessions whose suite does not encrypt, or whose secrets came
/// with the capture.
pub(in crate::inspect) fn inside(scene: &Scene<'_>) -> Vec<(usize, Claim)> {
    recognise::inside(scene, |flow| {
        may_shake(flow).then_some(())?;
        unencrypted(flow).or_else(|| with_secrets(scene, flow))
    })
}

fn unencrypted(flow: &Flow) -> Option<(&'static str, Flow)> {
    let reading = dtls::read(flow)?;
    let said = reading.unencrypted(flow)?;
    Some(("dtls-null", carrying(flow, reading.client_is_a, said)))
}

fn with_secrets(scene: &Scene<'_>, flow: &Flow) -> Option<(&'static str, Flow)> {
    let (client_is_a, opened) = opened(scene, flow)?;
    let said = [opened.client.data, opened.server.data];
    Some(("dtls-secrets", carrying(flow, client_is_a, said)))
}

fn carrying(flow: &Flow, client_is_a: bool, [client, server]: [Stream; 2]) -> Flow {
    match client_is_a {
        true => flow.carrying(client, server),
        false => flow.carrying(server, client),
    }
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

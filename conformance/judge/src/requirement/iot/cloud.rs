//! Services that the device talks to: IOT-09.

use std::collections::BTreeSet;

use lightleak_case::{TransportProtocol, Vantage};

use super::super::{class, evidence};
use crate::{
    dissect::{
        Flow, FlowState, Span,
        tls::{TLS12, suite},
    },
    seen::{Connection, Seen},
    verdict::{Assurance, Outcome},
};

pub(super) fn is_sealed(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let upkeep = &seen.upkeep;
    // Servers that serve a path for it are services.
    let is_itself = |address| seen.is_itself(address);
    let endpoints = &seen.declaration.endpoints;
    let serves = |address| endpoints.iter().any(|e| e.address == address);
    // Whoever dials the device is its client, unless it serves a path for it.
    let clients: BTreeSet<_> = seen
        .flows()
        .filter(|(flow, _)| !serves(flow.a.ip()))
        .filter(|(flow, _)| is_itself(flow.b.ip()))
        .map(|(flow, _)| flow.a.ip())
        .collect();
    let (mut found, mut unknown, mut sealed) = (Vec::new(), Vec::new(), 0);
    for (index, (flow, connection)) in seen.flows().enumerate() {
        let dials = is_itself(flow.a.ip()) && !is_itself(flow.b.ip());
        let to = flow.b.ip();
        if !dials || to.is_multicast() || clients.contains(&to) || upkeep.keeps(index) {
            continue;
        }
        // It never came to be.
        if matches!(flow.state, FlowState::Refused | FlowState::Unanswered) {
            continue;
        }
        let name = format!("{} {} to {}", flow.transport, flow.a, flow.b);
        if seen.carries_own(index) {
            let at = Span {
                packet: flow.first_packet,
                offset: 0,
                length: 0,
            };
            let why = format!("{name} carries in clear what the device produced");
            found.push(evidence(seen, at, why));
        } else if is_tls(flow, connection) || is_media(seen, index, flow, connection) {
            sealed += 1;
        } else {
            unknown.push(name);
        }
    }
    match (found.first(), unknown.first()) {
        (Some(first), _) => Outcome::Fail(first.why.clone(), found),
        (None, Some(first)) => Outcome::Inconclusive(format!(
            "what protects {} connections to services is not known, the first: {first}",
            unknown.len()
        )),
        (None, None) if sealed > 0 => Outcome::Pass(
            Assurance::Identified,
            format!("{sealed} connections to services, all of TLS or DTLS-SRTP"),
        ),
        (None, None) => {
            Outcome::NotApplicable("the device opened no connection to a service".into())
        }
    }
}

/// Whether all that was said is of WebRTC, and what its path promises.
fn is_media(seen: &Seen<'_>, index: usize, flow: &Flow, connection: &Connection) -> bool {
    seen.is_webrtc(flow, connection) && class::of_flow(seen, index, flow, connection).is_ok()
}

/// Whether all that was said is TLS 1.2 or later, and encrypted.
fn is_tls(flow: &Flow, connection: &Connection) -> bool {
    let sound = connection.tls.as_ref().is_some_and(|tls| {
        let hello = tls.server_hello;
        hello.is_some_and(|h| h.version >= TLS12 && !suite::is_null(h.cipher_suite))
            && tls.residue_a.is_none()
            && tls.residue_b.is_none()
    });
    flow.transport == TransportProtocol::Tcp && sound
}

//! What a probe found absent: a declaration alone never makes a requirement
//! inapplicable, somebody who looked and found nothing does.

use std::{collections::BTreeSet, net::IpAddr};

use lightleak_case::{Carriage, Case, TransportProtocol};

use super::Finding;
use crate::{dissect::FlowState, seen::Seen, verdict::Verdict};

/// What one session tells of what is there.
pub(super) struct Probed {
    path: String,
    /// The addresses of who serves the path, and whether every TCP port of all of
    /// them was dialled and refused.
    servers: BTreeSet<IpAddr>,
    closed: bool,
    /// The device served somebody over TCP, or sent datagrams.
    served: bool,
    /// Somebody looked at the card while pictures were produced.
    card: Option<Card>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Card {
    Empty,
    Used,
}

impl Probed {
    pub(super) fn of(seen: &Seen<'_>) -> Self {
        let mut refused = BTreeSet::new();
        let mut served = false;
        for (flow, _) in seen.flows() {
            let to_device = seen.is_device(flow.b.ip());
            match (flow.transport, flow.state) {
                (TransportProtocol::Tcp, FlowState::Refused) if to_device => {
                    refused.insert(flow.b);
                }
                (TransportProtocol::Tcp, FlowState::Unanswered | FlowState::Refused) => {}
                (TransportProtocol::Tcp, _) => {
                    served |= to_device || seen.is_device(flow.a.ip());
                }
                (TransportProtocol::Udp | TransportProtocol::Sctp, _) => {
                    served |= seen.is_device(flow.a.ip())
                }
            }
        }
        let servers = seen.declaration.servers(&seen.session.record.path);
        let all = |address: &IpAddr| {
            let ports = refused.iter().filter(|to| to.ip() == *address);
            ports.filter(|to| to.port() != 0).count() == usize::from(u16::MAX)
        };
        let produced = seen.ledger_bytes > 0;
        let card = seen.session.rest.as_ref().filter(|_| produced);
        Self {
            path: seen.session.record.path.clone(),
            closed: seen.presence.tap.is_ok() && !servers.is_empty() && servers.iter().all(all),
            servers,
            served,
            card: card.map(|files| match files.is_empty() {
                true => Card::Empty,
                false => Card::Used,
            }),
        }
    }
}

/// What could not be told of a path that a probe found absent does not apply.
pub(super) fn settle(finding: &mut Finding, case: &Case, probed: &[Probed]) {
    if finding.verdict != Verdict::Inconclusive {
        return;
    }
    let Some(path) = case.declaration.path(&finding.path) else {
        return;
    };
    let why = match path.carriage {
        Carriage::Recording => {
            let of_path = probed.iter().filter(|p| p.path == path.id);
            let looked = of_path.clone().any(|p| p.card == Some(Card::Empty));
            let used = probed.iter().any(|p| p.card == Some(Card::Used));
            (looked && !used).then_some(
                "the card was looked at while pictures were produced, and nothing was stored",
            )
        }
        _ => {
            let servers = case.declaration.servers(&path.id);
            let closed = probed.iter().any(|p| p.closed && p.servers == servers);
            let served = probed.iter().any(|p| p.served);
            (closed && !served).then_some(
                "every TCP port of whoever serves it was dialled and refused, and nobody was served in any session",
            )
        }
    };
    if let Some(why) = why {
        finding.verdict = Verdict::NotApplicable;
        finding.reason = format!("{why}; {}", finding.reason);
    }
}

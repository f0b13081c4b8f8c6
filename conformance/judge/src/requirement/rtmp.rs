//! RTMP: what holds for paths over it, and where there should be none.

use lightleak_case::{Carriage, TransportProtocol, Vantage};

use super::{Level, Quote, Reading, Requirement, Stimuli, evidence, unless};
use crate::{
    dissect::{FlowState, rtmp},
    presence::Need,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// The registered port.
const PORT: u16 = 1935;

pub(super) const ROWS: &[Requirement] = &[Requirement {
    id: "RTMP-01",
    level: Level::Must,
    // A rule of the secure profile: that of RTMP itself knows no protection.
    standard: Level::Info,
    title: "nothing is published or played over RTMP without TLS, on any port",
    source: Quote {
        document: "ETSI EN 303 645 V2.1.1",
        clause: "5.5-1",
        text: "The consumer IoT device shall use best practice cryptography to communicate securely.",
        read: Reading::SecondHand,
    },
    expects: |path| path.carriage != Carriage::Recording,
    vantages: &[Vantage::Wire],
    needs: &[Need::Tap, Need::Device],
    stimuli: Stimuli::All,
    indispensable: &["port-sweep"],
    check: no_session,
}];

fn no_session(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let ours = seen.flows().filter(|(flow, _)| {
        let is_ours = seen.is_device(flow.a.ip()) || seen.is_device(flow.b.ip());
        flow.transport == TransportProtocol::Tcp && is_ours
    });
    let ours: Vec<_> = ours.map(|(flow, _)| flow).collect();
    let found = ours.iter().filter_map(|flow| {
        let why = format!("{} speaks RTMP in clear with {}", flow.b, flow.a);
        Some(evidence(seen, rtmp::answer(flow)?, why))
    });
    unless(found.collect(), || {
        let is_sweep = seen.session.record.stimulus == "port-sweep";
        let declared = |at: &std::net::SocketAddr| {
            let endpoint = seen
                .declaration
                .endpoint(TransportProtocol::Tcp, at.ip(), at.port());
            endpoint.is_some()
        };
        let open = ours.iter().filter(|flow| flow.state == FlowState::Open);
        let mut stray = open.filter(|flow| seen.is_device(flow.b.ip()) && !declared(&flow.b));
        let asked = |at| ours.iter().any(|flow| flow.b == at && rtmp::is_asked(flow));
        let unasked = stray.find(|flow| !asked(flow.b));
        let dialled = ours.iter().any(|flow| flow.b.port() == PORT);
        match (is_sweep, unasked) {
            (true, Some(flow)) => {
                Outcome::Inconclusive(format!("nobody asked {} for RTMP, and it is open", flow.b))
            }
            (true, None) if !dialled => {
                Outcome::Inconclusive(format!("nobody dialled port {PORT}"))
            }
            _ => Outcome::Pass(
                Assurance::Absence,
                format!("none of {} connections is one of RTMP", ours.len()),
            ),
        }
    })
}

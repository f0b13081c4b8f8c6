//! XC-06: who blocks the sealed way does not get an open one.

use lightleak_case::{Carriage, TransportProtocol, Vantage};

use super::{Level, Quote, Reading, Requirement, Stimuli, evidence, rtsp, xc};
use crate::{
    presence::Need,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

pub(super) const ROWS: &[Requirement] = &[Requirement {
    id: "XC-06",
    level: Level::Must,
    standard: Level::Must,
    title: "handshakes that fail do not open a way for media without TLS",
    source: Quote {
        document: "RFC 9325",
        clause: "3.2",
        text: "When a protocol supports only a dynamic upgrade method, implementations MUST provide a way for administrators to set a strict local policy that forbids use of plaintext in the absence of a negotiated TLS channel, and administrators MUST use this policy.",
        read: Reading::InText,
    },
    expects: |path| path.carriage != Carriage::Recording,
    vantages: &[Vantage::Wire],
    needs: &[Need::Tap, Need::Device, Need::Ledger],
    stimuli: Stimuli::Only(&["blocked-tls"]),
    indispensable: &["blocked-tls"],
    check: stays_closed,
}];

fn stays_closed(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    for (flow, what, span) in rtsp::deliveries(seen) {
        let why = format!("{} without TLS: {what}", flow.b);
        found.push(evidence(seen, span, why));
    }
    for sighting in seen.sightings.iter().filter(|s| s.vantage == Vantage::Wire) {
        let why = format!("plaintext, {}, {}", sighting.hit.disguise, sighting.between);
        found.push(evidence(seen, sighting.span, why));
    }
    for (flow, span) in rtsp::datagrams(seen) {
        let why = format!("RTP of the device, {} to {}", flow.a, flow.b);
        found.push(evidence(seen, span, why));
    }
    found.extend(xc::playing(seen, Vantage::Wire));
    if let Some(first) = found.first() {
        let why = format!("after handshakes failed, {}", first.why);
        return Outcome::Fail(why, found);
    }
    if let Some(error) = &seen.unplayed {
        return Outcome::Error(error.to_string());
    }
    let connections = seen.flows().filter(|(flow, _)| {
        flow.transport == TransportProtocol::Tcp && seen.is_device(flow.b.ip())
    });
    Outcome::Pass(
        Assurance::Absence,
        format!(
            "after handshakes failed, no media came in clear on any of {} connections",
            connections.count()
        ),
    )
}

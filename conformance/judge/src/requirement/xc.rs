//! XC: what holds on every transport path.

use lightleak_case::{Hop, TransportProtocol};

use super::{Level, Quote, Reading, Requirement, Stimuli, evidence};
use crate::{
    dissect::{Flow, FlowState, Place},
    presence::Need,
    seen::{Connection, Seen},
    verdict::{Assurance, Outcome},
};

const CRA: &str = "Regulation (EU) 2024/2847";
const CONFIDENTIALITY: Quote = Quote {
    document: CRA,
    clause: "Annex I Part I (2)(e)",
    text: "protect the confidentiality of stored, transmitted or otherwise processed data, personal or other, such as by encrypting relevant data at rest or in transit by state of the art mechanisms, and by using other technical means",
    read: Reading::SecondHand,
};

pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "XC-01",
        level: Level::Must,
        standard: Level::Must,
        title: "no plaintext of the ledger appears in any captured octets, raw or thinly disguised",
        source: CONFIDENTIALITY,
        expects: |_| true,
        needs: &[Need::Tap, Need::Device, Need::Ledger],
        stimuli: Stimuli::All,
        check: no_plaintext,
    },
    Requirement {
        id: "XC-02",
        level: Level::Must,
        standard: Level::Must,
        title: "every flow of the device belongs to a declared interface and to its protection",
        source: Quote {
            document: "ETSI EN 303 645 V2.1.1",
            clause: "5.6-1",
            text: "All unused network and logical interfaces shall be disabled.",
            read: Reading::SecondHand,
        },
        expects: |_| true,
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::All,
        check: all_declared,
    },
    Requirement {
        id: "XC-07",
        level: Level::Must,
        standard: Level::Must,
        title: "no media player without keys gets a picture of the device, in any carriage, on any port",
        source: CONFIDENTIALITY,
        expects: |_| true,
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::All,
        check: no_picture,
    },
];

fn no_plaintext(seen: &Seen<'_>) -> Outcome {
    if let Some(decoy) = seen.decoy_sightings.first() {
        return Outcome::Error(format!(
            "plaintext that this device never produced was found in packet {}: the search is wrong",
            decoy.place.packet
        ));
    }
    if seen.sightings.is_empty() {
        return Outcome::Pass(
            Assurance::Absence,
            format!(
                "no run of 24 octets of {} octets of plaintext in {} octets of traffic",
                seen.ledger_bytes, seen.searched
            ),
        );
    }
    let found = seen.sightings.iter().map(|s| {
        let why = format!(
            "{} octets of track {} from offset {} on, {}, {}",
            s.hit.matched, s.hit.track, s.hit.ledger_offset, s.hit.disguise, s.between
        );
        evidence(seen, s.place, s.hit.length, why)
    });
    let first = &seen.sightings[0];
    Outcome::Fail(
        format!(
            "plaintext of track {} was seen, {}, {}",
            first.hit.track, first.hit.disguise, first.between
        ),
        found.collect(),
    )
}

fn all_declared(seen: &Seen<'_>) -> Outcome {
    let strays = seen.flows().filter_map(|(flow, connection)| {
        stray(seen, flow, connection).map(|why| {
            let place = Place {
                packet: flow.first_packet,
                offset: 0,
            };
            evidence(seen, place, 0, why)
        })
    });
    let strays: Vec<_> = strays.collect();
    if let Some(first) = strays.first() {
        return Outcome::Fail(first.why.clone(), strays);
    }
    if let Some((packet, reason)) = seen.traffic.undissected.first() {
        return Outcome::Inconclusive(format!(
            "{} packets could not be classified, the first {packet}: {reason}",
            seen.traffic.undissected.len()
        ));
    }
    Outcome::Pass(
        Assurance::Identified,
        format!(
            "{} flows, those of the device declared and protected as declared",
            seen.traffic.flows.len()
        ),
    )
}

/// Why a flow of the device is none that it declared.
fn stray(seen: &Seen<'_>, flow: &Flow, connection: &Connection) -> Option<String> {
    let name = format!("{} {} to {}", flow.transport, flow.a, flow.b);
    let sends = [(flow.a, &flow.from_a), (flow.b, &flow.from_b)]
        .iter()
        .any(|(address, stream)| seen.is_device(address.ip()) && !stream.bytes.is_empty());
    let serves = flow.transport == TransportProtocol::Tcp
        && flow.state == FlowState::Open
        && seen.is_device(flow.b.ip());
    if !sends && !serves {
        return None;
    }
    let endpoint = seen
        .declaration
        .endpoint(flow.transport, flow.b.ip(), flow.b.port());
    let Some(endpoint) = endpoint.filter(|_| seen.is_device(flow.b.ip())) else {
        return Some(format!("{name}: no such interface is declared"));
    };
    let hop = seen.declaration.path(&endpoint.path).map(|p| p.hop);
    match hop {
        None => Some(format!(
            "{name}: its path {} is not declared",
            endpoint.path
        )),
        Some(Hop::Tls) if sends && connection.tls.is_none() => {
            Some(format!("{name}: declared as TLS, and is none"))
        }
        Some(_) => None,
    }
}

fn no_picture(seen: &Seen<'_>) -> Outcome {
    let footage = match &seen.footage {
        Ok(footage) => footage,
        Err(error) => return Outcome::Error(error.to_string()),
    };
    let unit = seen.declaration.device.unit;
    let leaks = footage.iter().enumerate().filter(|(_, f)| {
        let flow = &seen.traffic.flows[f.flow];
        let ours = f.mark.is_some_and(|(mark, _)| mark.unit == unit);
        ours || seen.is_device(flow.a.ip()) || seen.is_device(flow.b.ip())
    });
    let found: Vec<_> = leaks
        .map(|(index, f)| {
            let flow = &seen.traffic.flows[f.flow];
            let (from, to) = if f.from_a {
                (flow.a, flow.b)
            } else {
                (flow.b, flow.a)
            };
            let what = match f.mark {
                Some((mark, _)) => {
                    format!("its mark says unit {}, frame {}", mark.unit, mark.frame)
                }
                None => "it carries no mark".into(),
            };
            let mut evidence = evidence(
                seen,
                f.place,
                0,
                format!(
                    "{} over {} from {from} to {to} plays: {} pictures, {what}",
                    f.carriage, flow.transport, f.frames
                ),
            );
            evidence.picture = Some(crate::report::picture_name(seen, index));
            evidence.mark = f.mark.map(|(mark, _)| mark);
            evidence
        })
        .collect();
    match found.first() {
        Some(first) => Outcome::Fail(first.why.clone(), found),
        None => Outcome::Pass(
            Assurance::Absence,
            format!("nothing in {} flows plays", seen.traffic.flows.len()),
        ),
    }
}

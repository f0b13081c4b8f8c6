//! XC: what holds on every transport path.

use lightleak_case::Vantage;

use super::{Level, Quote, Reading, Requirement, Stimuli, class, evidence};
use crate::{
    dissect::Span,
    presence::Need,
    seen::Seen,
    upkeep::Upkeep,
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
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device, Need::Ledger],
        stimuli: Stimuli::All,
        indispensable: &["honest"],
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
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::All,
        indispensable: &["honest", "port-sweep"],
        check: all_declared,
    },
    Requirement {
        id: "XC-07",
        level: Level::Must,
        standard: Level::Must,
        title: "no media player without keys gets a picture of the device, in any carriage, on any port",
        source: CONFIDENTIALITY,
        expects: |_| true,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::All,
        indispensable: &["honest", "port-sweep"],
        check: no_picture,
    },
];

fn no_plaintext(seen: &Seen<'_>, _: Vantage) -> Outcome {
    if let Some(decoy) = seen.decoy_sightings.first() {
        return Outcome::Error(format!(
            "plaintext that this device never produced was found in packet {}: the search is wrong",
            decoy.span.packet
        ));
    }
    if seen.sightings.is_empty() {
        return Outcome::Pass(
            Assurance::Absence,
            format!(
                "no run of 24 octets of the {} octets of plaintext in any of {} flows",
                seen.ledger_bytes,
                seen.traffic.flows.len()
            ),
        );
    }
    let found = seen.sightings.iter().map(|s| {
        let why = format!(
            "{} octets of track {} from offset {} on, {}, {}",
            s.hit.matched, s.hit.track, s.hit.ledger_offset, s.hit.disguise, s.between
        );
        evidence(seen, s.span, why)
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

fn all_declared(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let (mut strays, mut unknown) = (Vec::new(), Vec::new());
    let packet = |packet| Span {
        packet,
        offset: 0,
        length: 0,
    };
    let upkeep = Upkeep::of(seen);
    for (index, (flow, connection)) in seen.flows().enumerate() {
        if upkeep.keeps(index) {
            continue;
        }
        match class::of_flow(seen, index, flow, connection) {
            Ok(()) => {}
            Err(class::Stray::Known(why)) => {
                strays.push(evidence(seen, packet(flow.first_packet), why));
            }
            Err(class::Stray::Perhaps(why)) => unknown.push(why),
        }
    }
    if let Some((span, why)) = upkeep.excess() {
        strays.push(evidence(seen, span, why));
    }
    let of_nobody = seen.traffic.undissected.iter();
    let of_nobody = of_nobody.filter(|u| u.from.is_none());
    for packet_of in seen.undissected().chain(of_nobody) {
        match class::of_packet(packet_of) {
            class::Stray::Known(why) => strays.push(evidence(seen, packet(packet_of.packet), why)),
            class::Stray::Perhaps(why) => unknown.push(why),
        }
    }
    match (strays.first(), unknown.first()) {
        (Some(first), _) => Outcome::Fail(first.why.clone(), strays),
        (None, Some(first)) => Outcome::Inconclusive(format!(
            "{} flows and packets could not be classified, the first: {first}",
            unknown.len()
        )),
        (None, None) => Outcome::Pass(
            Assurance::Identified,
            format!(
                "{} flows, those of the device declared and protected as declared",
                seen.traffic.flows.len()
            ),
        ),
    }
}

fn no_picture(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let unit = seen.declaration.device.unit;
    let mut found = Vec::new();
    for (index, footage) in seen.footage.iter().enumerate() {
        let flow = &seen.traffic.flows[footage.flow];
        let (from, to) = match footage.from_a {
            true => (flow.a, flow.b),
            false => (flow.b, flow.a),
        };
        let ours = footage.mark.is_some_and(|(mark, _)| mark.unit == unit);
        if !ours && !seen.is_device(from.ip()) {
            continue;
        }
        let what = match footage.mark {
            Some((mark, _)) => format!("its mark says unit {}, frame {}", mark.unit, mark.frame),
            None => "it carries no mark".into(),
        };
        let why = format!(
            "{} over {} from {from} to {to} plays: {} pictures, {what}",
            footage.carriage, flow.transport, footage.frames
        );
        let at = Span {
            packet: footage.place.packet,
            offset: footage.place.offset,
            length: 0,
        };
        let mut evidence = evidence(seen, at, why);
        evidence.picture = Some(crate::report::picture_name(seen, index));
        evidence.mark = footage.mark.map(|(mark, _)| mark);
        found.push(evidence);
    }
    for heard in &seen.heard {
        let flow = &seen.traffic.flows[heard.flow];
        let (from, to) = match heard.from_a {
            true => (flow.a, flow.b),
            false => (flow.b, flow.a),
        };
        if heard.mark.unit != unit && !seen.is_device(from.ip()) {
            continue;
        }
        let why = format!(
            "{} over {} from {from} to {to} sounds: {} tone marks, the first says unit {}, second {}",
            heard.carriage, flow.transport, heard.marks, heard.mark.unit, heard.mark.second
        );
        let at = Span {
            packet: heard.place.packet,
            offset: heard.place.offset,
            length: 0,
        };
        found.push(evidence(seen, at, why));
    }
    if let Some(first) = found.first() {
        return Outcome::Fail(first.why.clone(), found);
    }
    if let Some(error) = &seen.unplayed {
        return Outcome::Error(error.to_string());
    }
    if let Some(first) = seen.undissected().next() {
        return Outcome::Inconclusive(format!(
            "{} packets of the device could not be played, the first {}: {}",
            seen.undissected().count(),
            first.packet,
            first.reason
        ));
    }
    Outcome::Pass(
        Assurance::Absence,
        format!("nothing in {} flows plays", seen.traffic.flows.len()),
    )
}

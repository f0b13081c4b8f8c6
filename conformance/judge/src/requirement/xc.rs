//! XC: what holds on every transport path.

use lightleak_case::Vantage;

use super::{Level, Quote, Reading, Requirement, Stimuli, class, evidence, evidence_at};
use crate::{
    adversary::media_player::Origin,
    dissect::Span,
    open::OpenError,
    presence::Need,
    seen::{Account, Seen},
    verdict::{Assurance, Evidence, Outcome},
};

const CRA: &str = "Regulation (EU) 2024/2847";
/// Source of what is about the picture itself.
pub(super) const CONFIDENTIALITY: Quote = Quote {
    document: CRA,
    clause: "Annex I Part I (2)(e)",
    text: "protect the confidentiality of stored, transmitted or otherwise processed data, personal or other, such as by encrypting relevant data at rest or in transit by state of the art mechanisms, and by using other technical means",
    read: Reading::SecondHand,
};

/// Packets that are kept as evidence.
const MOST_REFUSED: usize = 16;

pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "XC-01",
        level: Level::Must,
        standard: Level::Must,
        title: "no plaintext of the ledger appears in any captured octets, raw or thinly disguised",
        source: CONFIDENTIALITY,
        expects: |_| true,
        vantages: Vantage::ALL,
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
        id: "XC-03",
        level: Level::Must,
        standard: Level::Must,
        title: "every octet is explained, all ciphertext opens with the escrowed keys, and what it holds is what the ledger says",
        source: Quote {
            document: "ETSI EN 303 645 V2.1.1",
            clause: "5.5-1",
            text: "The consumer IoT device shall use best practice cryptography to communicate securely.",
            read: Reading::SecondHand,
        },
        expects: |_| true,
        vantages: &[Vantage::Wire, Vantage::Relay, Vantage::Peer, Vantage::Rest],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::All,
        indispensable: &["honest"],
        check: proven,
    },
    Requirement {
        id: "XC-07",
        level: Level::Must,
        standard: Level::Must,
        title: "no media player without keys gets a picture of the device, in any carriage, on any port",
        source: CONFIDENTIALITY,
        expects: |_| true,
        vantages: &[Vantage::Wire, Vantage::Relay, Vantage::Peer, Vantage::Rest],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::All,
        indispensable: &["honest", "port-sweep"],
        check: no_picture,
    },
];

fn no_plaintext(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    if let Some(decoy) = seen.decoy_sightings.iter().find(|s| s.vantage == vantage) {
        return Outcome::Error(format!(
            "plaintext that this device never produced was found in packet {}, {}: the search is wrong",
            decoy.span.packet, decoy.between
        ));
    }
    let mut found = Vec::new();
    for sighting in seen.sightings.iter().filter(|s| s.vantage == vantage) {
        let hit = &sighting.hit;
        let why = format!(
            "{} octets of track {} from offset {} on, {}, {}",
            hit.matched, hit.track, hit.ledger_offset, hit.disguise, sighting.between
        );
        let at = (vantage, sighting.file.as_deref(), sighting.span);
        found.push((hit, &sighting.between, evidence_at(seen, at, why)));
    }
    match found.first() {
        Some((first, between, _)) => Outcome::Fail(
            format!(
                "plaintext of track {} was seen, {}, {between}",
                first.track, first.disguise
            ),
            found
                .iter()
                .map(|(_, _, evidence)| evidence.clone())
                .collect(),
        ),
        None => Outcome::Pass(
            Assurance::Absence,
            format!(
                "no run of 24 octets of the {} octets of plaintext {}",
                seen.ledger_bytes,
                searched(seen, vantage)
            ),
        ),
    }
}

/// What was looked at, in words.
fn searched(seen: &Seen<'_>, vantage: Vantage) -> String {
    match vantage {
        Vantage::Rest => format!("in any of {} stored files", seen.stored.len()),
        Vantage::Log => "in the log".into(),
        Vantage::Relay | Vantage::Peer => {
            let flows = seen.held.get(&vantage).map_or(0, |held| held.flows.len());
            let holder = match vantage {
                Vantage::Relay => "the relay",
                _ => "a viewer",
            };
            format!("in any of {flows} flows that {holder} holds")
        }
        _ => format!("in any of {} flows", seen.traffic.flows.len()),
    }
}

fn all_declared(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let (mut strays, mut unknown) = (Vec::new(), Vec::new());
    let packet = |packet| Span {
        packet,
        offset: 0,
        length: 0,
    };
    let upkeep = &seen.upkeep;
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

fn proven(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let Some(Account { attribution, proof }) = seen.accounts.get(&vantage) else {
        return Outcome::Inconclusive(format!("there is no {}", vantage.file()));
    };
    let octets = attribution.octets;
    // What was missed may be what would explain them.
    if let (1.., Vantage::Wire, Err(lack)) = (octets.unexplained, vantage, &seen.presence.tap) {
        return Outcome::Inconclusive(format!(
            "{} octets are not explained: {lack}",
            octets.unexplained
        ));
    }
    if octets.unexplained > 0 {
        let found = attribution.unexplained.iter().map(|u| {
            let at = (vantage, u.file.as_deref(), u.span);
            evidence_at(seen, at, u.why.clone())
        });
        let first = attribution.unexplained.first().map(|u| u.why.as_str());
        return Outcome::Fail(
            format!(
                "{} octets are explained by nothing that was declared, the first: {}",
                octets.unexplained,
                first.unwrap_or("at no place")
            ),
            found.collect(),
        );
    }
    for (_, connection) in seen.flows().filter(|_| vantage == Vantage::Wire) {
        match connection.broken() {
            Some(OpenError::BadRecord { .. }) => {
                let why = connection.broken().map(ToString::to_string);
                return Outcome::Fail(why.unwrap_or_default(), Vec::new());
            }
            Some(error) => return Outcome::Inconclusive(error.to_string()),
            None => {}
        }
    }
    // Interleaved, they are explained by the TLS around them.
    let carriers = seen.srtp_sent().filter(|_| vantage == Vantage::Wire);
    let refused = carriers.flat_map(|c| c.packets.iter().filter(|p| p.found.is_none()));
    let refused: Vec<_> = refused
        .take(MOST_REFUSED)
        .map(|p| evidence(seen, p.span, "no known key opens this SRTP packet".into()))
        .collect();
    if let Some(first) = refused.first() {
        return match seen.secured.ring.is_empty() {
            true => Outcome::Inconclusive("no key of the SRTP that was set up is known".into()),
            false => Outcome::Fail(format!("{}: packet {}", first.why, first.packet), refused),
        };
    }
    if proof.foreign > 0 {
        return Outcome::Fail(
            format!(
                "{} units that the escrowed keys open are not in the ledger",
                proof.foreign
            ),
            Vec::new(),
        );
    }
    if proof.ledger_bytes_matched < proof.ledger_bytes {
        return Outcome::Fail(
            format!(
                "of {} octets of the ledger that were delivered, {} were found in what the escrowed keys open",
                proof.ledger_bytes, proof.ledger_bytes_matched
            ),
            Vec::new(),
        );
    }
    if octets.identified > attribution.cut {
        return Outcome::Inconclusive(format!(
            "{} octets look like ciphertext, and nothing opened them",
            octets.identified
        ));
    }
    match octets.opened {
        0 => Outcome::Pass(
            Assurance::Identified,
            "every octet is explained, and none is ciphertext of media".into(),
        ),
        // How many octets handshakes and signalling take is not the same every time.
        _ => Outcome::Pass(
            Assurance::Opened,
            format!(
                "{} octets of the ledger are in what was opened, nothing unexplained",
                proof.ledger_bytes_matched
            ),
        ),
    }
}

/// What plays, sounds or lies in clear at a vantage, of the device.
pub(super) fn playing(seen: &Seen<'_>, vantage: Vantage) -> Vec<Evidence> {
    let unit = seen.declaration.device.unit;
    let mut found = Vec::new();
    let footage = seen.footage.iter().enumerate();
    for (index, footage) in footage.filter(|(_, f)| f.origin.vantage() == vantage) {
        let ours = footage.mark.is_some_and(|(mark, _)| mark.unit == unit);
        let Some((where_, file)) = whereabouts(seen, footage.origin, ours) else {
            continue;
        };
        let what = match footage.mark {
            Some((mark, _)) => format!("its mark says unit {}, frame {}", mark.unit, mark.frame),
            None => "it carries no mark".into(),
        };
        let why = format!(
            "{} {where_} plays: {} pictures, {what}",
            footage.carriage, footage.frames
        );
        let at = footage.place.into();
        let mut evidence = evidence_at(seen, (vantage, file, at), why);
        evidence.picture = Some(crate::report::picture_name(seen, index));
        evidence.mark = footage.mark.map(|(mark, _)| mark);
        found.push(evidence);
    }
    for heard in seen.heard.iter().filter(|h| h.origin.vantage() == vantage) {
        let ours = heard.mark.unit == unit;
        let Some((where_, file)) = whereabouts(seen, heard.origin, ours) else {
            continue;
        };
        let why = format!(
            "{} {where_} sounds: {} tone marks, the first says unit {}, second {}",
            heard.carriage, heard.marks, heard.mark.unit, heard.mark.second
        );
        let at = heard.place.into();
        found.push(evidence_at(seen, (vantage, file, at), why));
    }
    let overheard = seen.overheard.iter().enumerate();
    for (index, media) in overheard.filter(|(_, o)| o.origin.vantage() == vantage) {
        let Some((where_, file)) = whereabouts(seen, media.origin, media.is_of(unit)) else {
            continue;
        };
        let why = format!("{} {where_} is in clear: {}", media.kind, media.reason);
        let mut evidence = evidence_at(seen, (vantage, file, media.place.into()), why);
        if !media.pictures.is_empty() {
            let index = seen.footage.len() + index;
            evidence.picture = Some(crate::report::picture_name(seen, index));
        }
        evidence.mark = media.mark.map(|(mark, _)| mark);
        found.push(evidence);
    }
    found
}

fn no_picture(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let found = playing(seen, vantage);
    if let Some(first) = found.first() {
        return Outcome::Fail(first.why.clone(), found);
    }
    if let Some(error) = &seen.unplayed {
        return Outcome::Error(error.to_string());
    }
    if let (Vantage::Wire, Some(first)) = (vantage, seen.undissected().next()) {
        return Outcome::Inconclusive(format!(
            "{} packets of the device could not be played, the first {}: {}",
            seen.undissected().count(),
            first.packet,
            first.reason
        ));
    }
    Outcome::Pass(
        Assurance::Absence,
        format!("nothing plays {}", searched(seen, vantage)),
    )
}

/// Where media were, in words, and the stored file if it is one. None if they
/// are not the device's own: neither it sent or stored them, nor are they marked
/// (`ours`).
fn whereabouts<'a>(
    seen: &'a Seen<'_>,
    origin: Origin,
    ours: bool,
) -> Option<(String, Option<&'a str>)> {
    match origin {
        Origin::Flow { flow, from_a } | Origin::Held { flow, from_a, .. } => {
            let traffic = match origin.vantage() {
                Vantage::Wire => &seen.traffic,
                held => seen.held.get(&held)?,
            };
            let flow = traffic.flows.get(flow)?;
            let (from, to) = match from_a {
                true => (flow.a, flow.b),
                false => (flow.b, flow.a),
            };
            let where_ = format!("over {} from {from} to {to}", flow.transport);
            (ours || seen.is_device(from.ip())).then_some((where_, None))
        }
        Origin::File(file) => {
            let name = seen.stored.get(file)?.name;
            Some((format!("in {name}"), Some(name)))
        }
    }
}

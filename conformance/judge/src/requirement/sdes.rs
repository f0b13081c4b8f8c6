//! SDES: keys that session descriptions tell.

use std::collections::BTreeSet;

use lightleak_case::{Carriage, Vantage};

use super::{Level, Quote, Reading, Requirement, Stimuli, evidence, srtp};
use crate::{
    adversary::cryptanalyst::key_material::Secrets,
    dissect::{
        Span,
        key_attribute::{self, Crypto},
        mikey::Mikey,
        rtsp::Message,
    },
    open::srtp::{MasterKey, Suite, of_mikey},
    presence::Need,
    seen::{Seen, Served},
    verdict::{Assurance, Outcome},
};

const RFC4568: &str = "RFC 4568";

/// How many finds of a direction are kept as evidence.
const MOST: usize = 4;

/// Session parameters that take protection away (RFC 4568 6.3.2, 6.3.3).
const WEAKENING: [&str; 3] = [
    "UNENCRYPTED_SRTP",
    "UNENCRYPTED_SRTCP",
    "UNAUTHENTICATED_SRTP",
];

pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "SDES-01",
        level: Level::Must,
        standard: Level::Must,
        title: "keys of SRTP are told inside TLS alone",
        source: Quote {
            document: RFC4568,
            clause: "8",
            text: "the attribute is only sent where encryption, authentication and replay protection are there (paraphrased)",
            read: Reading::SecondHand,
        },
        expects: |path| path.carriage != Carriage::Recording,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["honest", "port-sweep"]),
        indispensable: &["port-sweep"],
        check: not_in_clear,
    },
    Requirement {
        id: "SDES-02",
        // RFC 4568: NOT RECOMMENDED.
        standard: Level::Should,
        title: "no description offers SRTP without encryption or authentication",
        source: Quote {
            document: RFC4568,
            clause: "6.3.2",
            text: "UNENCRYPTED_SRTP and UNENCRYPTED_SRTCP are NOT RECOMMENDED (paraphrased)",
            read: Reading::SecondHand,
        },
        check: nothing_weak,
        ..srtp::ROW
    },
    Requirement {
        id: "SDES-03",
        title: "each key that a description tells is as long as its suite says, and there once",
        source: Quote {
            document: RFC4568,
            clause: "6.1",
            text: "the key is random, unique in the whole description, and of the length of the suite (paraphrased)",
            read: Reading::SecondHand,
        },
        check: told_once,
        ..srtp::ROW
    },
];

fn not_in_clear(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    for (flow, connection) in seen.served().filter(|(_, c)| c.tls.is_none()) {
        let messages = connection.dialogue.iter().flat_map(|d| d.messages());
        for message in messages.filter(|m| tells_key(m)) {
            let stream = match message.status {
                0 => &flow.from_a,
                _ => &flow.from_b,
            };
            if let Some(span) = stream.span(message.range.start, message.range.len()) {
                let why = format!("{} is told a key of SRTP without TLS", flow.b);
                found.push(evidence(seen, span, why));
            }
        }
    }
    let keys = seen.secured.ring.keys();
    let secrets =
        Secrets::new(keys.map(|key| (format!("a master key of {}", key.suite.name), key.octets())));
    for (flow, _) in seen.flows() {
        for stream in [&flow.from_a, &flow.from_b] {
            for exposure in secrets.find(&stream.bytes, MOST) {
                if let Some(span) = stream.span(exposure.at, exposure.length) {
                    let why = format!("{} lies open, {:?}", exposure.secret, exposure.writing);
                    found.push(evidence(seen, span, why));
                }
            }
        }
    }
    if let Some(first) = found.first() {
        return Outcome::Fail(first.why.clone(), found);
    }
    if seen.session.record.stimulus == "port-sweep"
        && let Some(why) = super::rtsp::unasked(seen)
    {
        return Outcome::Inconclusive(why);
    }
    Outcome::Pass(
        Assurance::Absence,
        format!(
            "no key of SRTP in clear, in any of {} flows",
            seen.traffic.flows.len()
        ),
    )
}

fn tells_key(message: &Message) -> bool {
    let mikey = key_attribute::mikey(message);
    let mut mikey = mikey.iter().filter_map(|octets| Mikey::parse(octets).ok());
    let has_key = |crypto: &Crypto| crypto.keys.iter().any(|key| !key.octets.is_empty());
    mikey.any(|mikey| !mikey.keys.is_empty()) || cryptos(message).iter().any(has_key)
}

fn cryptos(message: &Message) -> Vec<Crypto> {
    let media = message.sdp().into_iter().flat_map(|sdp| sdp.media);
    let values = media.flat_map(|m| m.crypto);
    values.filter_map(|value| Crypto::parse(&value)).collect()
}

fn nothing_weak(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let (mut descriptions, mut offers) = (0, 0);
    for (message, span) in descriptions_of(seen) {
        descriptions += 1;
        for crypto in cryptos(message) {
            offers += 1;
            let weak = crypto
                .parameters
                .iter()
                .find(|p| WEAKENING.contains(&p.as_str()));
            if let Some(parameter) = weak {
                let why = format!("a description offers {} with {parameter}", crypto.suite);
                found.push(evidence(seen, span, why));
            }
        }
    }
    match (found.first(), descriptions, offers) {
        (Some(first), ..) => Outcome::Fail(first.why.clone(), found),
        (None, 0, _) => Outcome::Inconclusive("no description was read inside TLS".into()),
        (None, _, 0) => Outcome::NotApplicable(format!(
            "none of {descriptions} descriptions has an a=crypto"
        )),
        (None, ..) => Outcome::Pass(
            Assurance::Opened,
            format!("{offers} a=crypto, none without encryption or authentication"),
        ),
    }
}

fn told_once(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let mut told = 0;
    for (message, span) in descriptions_of(seen) {
        let mut known = BTreeSet::new();
        let mut note = |why: String| found.push(evidence(seen, span, why));
        for crypto in cryptos(message) {
            for inline in &crypto.keys {
                told += 1;
                let suite = Suite::find(&crypto.suite);
                if suite.is_some_and(|suite| inline.octets.len() != suite.key + suite.salt) {
                    note(format!(
                        "a key of {} has {} octets",
                        crypto.suite,
                        inline.octets.len()
                    ));
                } else if !known.insert(inline.octets.clone()) {
                    note(format!(
                        "a key of {} is there twice in one description",
                        crypto.suite
                    ));
                }
            }
        }
        for octets in key_attribute::mikey(message) {
            let Ok(mikey) = Mikey::parse(&octets) else {
                continue;
            };
            let keys: Vec<MasterKey> = of_mikey(&mikey);
            told += mikey.keys.len();
            if keys.is_empty() && !mikey.keys.is_empty() {
                note("a key in MIKEY has not the length of its suite".into());
            }
            for key in keys {
                if !known.insert([key.octets(), key.salt()].concat()) {
                    note(format!(
                        "a key of {} is there twice in one description",
                        key.suite.name
                    ));
                }
            }
        }
    }
    match (found.first(), told) {
        (Some(first), _) => Outcome::Fail(first.why.clone(), found),
        (None, 0) => Outcome::Inconclusive("no description with a key was read inside TLS".into()),
        (None, told) => Outcome::Pass(
            Assurance::Opened,
            format!("{told} keys in descriptions, each as long as its suite says and there once"),
        ),
    }
}

/// Descriptions that the device gave inside TLS, and where they lie.
fn descriptions_of<'a>(seen: &'a Seen<'_>) -> impl Iterator<Item = (&'a Message, Span)> {
    let dialogues = seen.dialogues().filter(|d| d.opened);
    let answered = dialogues.flat_map(Served::answered);
    let given = answered.map(|(_, response, span)| (response, span));
    given.filter(|(response, _)| response.sdp().is_some())
}

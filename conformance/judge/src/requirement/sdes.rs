//! SDES: keys that session descriptions tell.

use std::collections::BTreeSet;

use lightleak_case::{Carriage, Vantage};

use super::{Level, Quote, Reading, Requirement, Stimuli, evidence, srtp, unless};
use crate::{
    dissect::{
        Span,
        key_attribute::{self, Crypto},
        rtsp::Message,
    },
    open::srtp::{MasterKey, Suite, of_mikey},
    presence::Need,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

const RFC4568: &str = "RFC 4568";

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
            clause: "8.3",
            text: "Furthermore, IT IS REQUIRED that encryption of the encapsulating payload be used whenever a master key parameter (inline) appears in the message.",
            read: Reading::InText,
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
        // NOT RECOMMENDED without authentication; without encryption RFC 4568 only
        // warns (8.3).
        standard: Level::Should,
        title: "no description offers SRTP without encryption or authentication",
        source: Quote {
            document: RFC4568,
            clause: "6.3.3",
            text: "Use of UNAUTHENTICATED_SRTP is NOT RECOMMENDED (see Security Considerations).",
            read: Reading::InText,
        },
        expects: srtp::is_srtp,
        check: nothing_weak,
        ..srtp::ROW
    },
    Requirement {
        id: "SDES-03",
        title: "each key that a description tells is as long as its suite says, and there once",
        source: Quote {
            document: RFC4568,
            clause: "6.1",
            text: "Each master key and salt MUST be a cryptographically random number and MUST be unique to the entire SDP message.",
            read: Reading::InText,
        },
        expects: srtp::is_srtp,
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
    found.extend(srtp::exposed(seen, Vantage::Wire, &srtp::secrets(seen)));
    unless(found, || {
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
    })
}

fn tells_key(message: &Message) -> bool {
    let mut mikey = key_attribute::mikeys(message);
    let has_key = |crypto: &Crypto| crypto.keys.iter().any(|key| !key.octets.is_empty());
    mikey.any(|mikey| !mikey.keys.is_empty()) || key_attribute::cryptos(message).iter().any(has_key)
}

fn nothing_weak(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let (mut descriptions, mut offers) = (0, 0);
    for (message, span) in descriptions_of(seen) {
        descriptions += 1;
        for crypto in key_attribute::cryptos(message) {
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
    unless(found, || match (descriptions, offers) {
        (0, _) => Outcome::Inconclusive("no description was read inside TLS".into()),
        (_, 0) => Outcome::NotApplicable(format!(
            "none of {descriptions} descriptions has an a=crypto"
        )),
        _ => Outcome::Pass(
            Assurance::Opened,
            format!("{offers} a=crypto, none without encryption or authentication"),
        ),
    })
}

fn told_once(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let mut told = 0;
    for (message, span) in descriptions_of(seen) {
        let mut known = BTreeSet::new();
        let mut note = |why: String| found.push(evidence(seen, span, why));
        for crypto in key_attribute::cryptos(message) {
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
        for mikey in key_attribute::mikeys(message) {
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
    unless(found, || match told {
        0 => Outcome::Inconclusive("no description with a key was read inside TLS".into()),
        told => Outcome::Pass(
            Assurance::Opened,
            format!("{told} keys in descriptions, each as long as its suite says and there once"),
        ),
    })
}

/// Descriptions that the device gave inside TLS, and where they lie.
fn descriptions_of<'a>(seen: &'a Seen<'_>) -> impl Iterator<Item = (&'a Message, Span)> {
    let given = seen
        .answered_inside()
        .map(|(_, response, span)| (response, span));
    given.filter(|(response, _)| response.sdp().is_some())
}

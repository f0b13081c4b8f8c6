//! SFR: SFrame from the device to its viewers.

mod enrolled;
mod played;
mod senders;

use std::collections::{BTreeMap, BTreeSet};

use lightleak_case::{EndToEnd, TransportPath, Vantage};

use super::{Quote, Reading, Requirement, Stimuli, dtls::ROW as DTLS_ROW, evidence_at, unless};
use crate::{
    deliveries::told_to_server,
    open::sframe::{self, Deviation, Header, OpenedFrame, SframeError},
    seen::Seen,
    sframed::{Frame, Sframed},
    verdict::{Assurance, Evidence, Outcome},
};

/// Frames that are kept as evidence.
const MOST: usize = 16;
/// Where frames are: behind the hop's protection a server and a viewer hold what the
/// device sealed.
const WHERE: &[Vantage] = &[Vantage::Wire, Vantage::Relay, Vantage::Peer];
/// Octets of the shortest tag for video that the secure profile takes.
const LEAST_TAG: usize = 10;

/// What every row here has in common.
const ROW: Requirement = Requirement {
    expects: is_sframe,
    source: Quote {
        document: "RFC 9605",
        ..DTLS_ROW.source
    },
    ..DTLS_ROW
};

pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "SFR-01",
        title: "KID and CTR take as few octets as they need",
        source: Quote {
            clause: "4.3",
            text: "Otherwise, the value MUST be encoded with the minimum number of bytes required and appended after the config byte, with the KID first and CTR second.",
            ..ROW.source
        },
        vantages: WHERE,
        check: headers_are_minimal,
        ..ROW
    },
    Requirement {
        id: "SFR-02",
        title: "each KID and CTR is used for one frame",
        source: Quote {
            clause: "4.3",
            text: "Applications MUST ensure that each (KID, CTR) combination is used for exactly one SFrame encryption operation.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["honest", "reconnect"]),
        indispensable: &["honest", "reconnect"],
        vantages: WHERE,
        check: counters_are_used_once,
        ..ROW
    },
    Requirement {
        id: "SFR-03",
        title: "the nonce of a frame is the salt, XORed with the counter",
        source: Quote {
            clause: "4.4.3",
            text: "The nonce is formed by first XORing the sframe_salt with the current CTR value, and then encoding the result as a big-endian integer of length AEAD.Nn.",
            ..ROW.source
        },
        vantages: WHERE,
        check: nonces_are_formed,
        ..ROW
    },
    Requirement {
        id: "SFR-04",
        title: "keys and salts are derived of the base key with the labels of the standard",
        source: Quote {
            clause: "4.4.2",
            text: "SFrame encryption and decryption use a key and salt derived from the base_key associated with a KID.",
            ..ROW.source
        },
        vantages: WHERE,
        check: keys_are_derived,
        ..ROW
    },
    Requirement {
        id: "SFR-05",
        title: "header and metadata of every frame are authenticated",
        source: Quote {
            clause: "4.4.3",
            text: "The encoded header is provided as AAD to the AEAD encryption operation, together with application-provided metadata about the encrypted media (see Section 9.4).",
            ..ROW.source
        },
        vantages: WHERE,
        check: metadata_are_authenticated,
        ..ROW
    },
    Requirement {
        id: "SFR-06",
        title: "a base key is used by one sender: not by video and sound, nor by device and viewer",
        source: Quote {
            clause: "4.4.1",
            text: "A given base_key MUST NOT be used for encryption by multiple senders.",
            ..ROW.source
        },
        vantages: WHERE,
        check: senders::one_each,
        ..ROW
    },
    Requirement {
        id: "SFR-08",
        // The standard has suites with tags of 32 and 64 bits.
        standard: super::Level::Should,
        title: "the suite is registered, and tags of video have 80 bits or more",
        source: Quote {
            clause: "4.5",
            text: "In the suite names, the length of the authentication tag is indicated by the last value: \"_128\" indicates a 128-bit tag, \"_80\" indicates an 80-bit tag, \"_64\" indicates a 64-bit tag, and \"_32\" indicates a 32-bit tag.",
            ..ROW.source
        },
        vantages: WHERE,
        check: tags_are_long,
        ..ROW
    },
    Requirement {
        id: "SFR-11",
        title: "behind the hop's protection all media are SFrame, and nothing of them can be read without the viewers' keys",
        source: Quote {
            clause: "4.4.1",
            text: "For example, if SFrame is used to provide E2E security against intermediary media nodes, then SFrame keys need to be negotiated in a way that does not make them accessible to these intermediaries.",
            ..ROW.source
        },
        vantages: WHERE,
        check: nothing_is_clear_inside,
        ..ROW
    },
    Requirement {
        id: "SFR-15",
        title: "keys are given for viewer keys alone that the paired owner signed",
        source: Quote {
            document: "Regulation (EU) 2024/2847",
            clause: "Annex I Part I (2)(d)",
            text: "ensure protection from unauthorised access by appropriate control mechanisms, including but not limited to authentication, identity or access management systems, and report on possible unauthorised access",
            read: Reading::SecondHand,
        },
        // The standard leaves the keys to the application.
        standard: super::Level::Info,
        stimuli: Stimuli::Only(&["unenrolled-viewer"]),
        indispensable: &["unenrolled-viewer"],
        check: enrolled::for_enrolled_alone,
        ..ROW
    },
    Requirement {
        id: "SFR-16",
        // The standard leaves it to the application.
        standard: super::Level::Info,
        title: "viewers play no frame twice, none of an epoch that has ended, and nothing in clear",
        expects: is_sframe_of_server,
        source: Quote {
            clause: "9.3",
            text: "It is the responsibility of the application to handle anti-replay.",
            ..ROW.source
        },
        stimuli: Stimuli::Only(&["active-relay"]),
        indispensable: &["active-relay"],
        check: played::each_once,
        ..ROW
    },
];

fn is_sframe(path: &TransportPath) -> bool {
    path.end_to_end == EndToEnd::Sframe
}

/// Somebody else than the device sends it to viewers.
fn is_sframe_of_server(path: &TransportPath) -> bool {
    is_sframe(path) && super::portal::is_portal(path)
}

/// What the device sends, seen from there.
fn sent<'a>(seen: &'a Seen<'_>, vantage: Vantage) -> impl Iterator<Item = &'a Sframed> {
    let all = seen.sframed.iter();
    all.filter(move |s| s.sender.is_device && s.sender.vantage == vantage)
}

fn frames<'a>(seen: &'a Seen<'_>, vantage: Vantage) -> impl Iterator<Item = &'a Frame> {
    sent(seen, vantage).flat_map(|sframed| &sframed.frames)
}

/// What is wrong with each frame that was opened, if something is.
fn each(
    seen: &Seen<'_>,
    vantage: Vantage,
    holds: &str,
    wrong: impl Fn(&Sframed, &Frame, &OpenedFrame) -> Option<String>,
) -> Outcome {
    let mut found = Vec::new();
    let (mut right, mut unopened) = (0, None);
    for sframed in sent(seen, vantage) {
        for frame in &sframed.frames {
            match &frame.opened {
                Err(error) => unopened = unopened.or(Some(*error)),
                Ok(opened) => match wrong(sframed, frame, opened) {
                    Some(why) => note(seen, vantage, &mut found, frame, why),
                    None => right += 1,
                },
            }
        }
    }
    unless(found, || match (right, unopened) {
        (_, Some(error)) => Outcome::Inconclusive(format!("not every frame opens: {error}")),
        (0, None) => nothing(),
        (right, None) => Outcome::Pass(Assurance::Opened, format!("{right} frames, {holds}")),
    })
}

fn note(seen: &Seen<'_>, vantage: Vantage, found: &mut Vec<Evidence>, frame: &Frame, why: String) {
    if found.len() < MOST {
        let why = format!("frame in packet {}: {why}", frame.span.packet);
        found.push(evidence_at(seen, (vantage, None, frame.span), why));
    }
}

fn nothing() -> Outcome {
    Outcome::Inconclusive("no frame of SFrame of the device was seen".into())
}

fn headers_are_minimal(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    each(
        seen,
        vantage,
        "each with the shortest header",
        |_, _, opened| {
            let Header { kid, ctr, .. } = opened.header;
            (!opened.header.minimal)
                .then(|| format!("KID {kid:#x} or CTR {ctr} takes more octets than it needs"))
        },
    )
}

/// The same frame sent again is no second encryption.
fn counters_are_used_once(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let mut used: BTreeMap<(u64, u64), &Frame> = BTreeMap::new();
    let mut found = Vec::new();
    for frame in frames(seen, vantage) {
        let Some(header) = Header::read(&frame.octets) else {
            continue;
        };
        let first = *used.entry((header.kid, header.ctr)).or_insert(frame);
        if first.octets != frame.octets {
            let why = format!(
                "KID {:#x} and CTR {} are those of another frame in packet {}",
                header.kid, header.ctr, first.span.packet
            );
            note(seen, vantage, &mut found, frame, why);
        }
    }
    unless(found, || match used.len() {
        0 => nothing(),
        all => Outcome::Pass(
            Assurance::Identified,
            format!("{all} frames, each with a KID and CTR of its own"),
        ),
    })
}

fn keys_are_derived(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let keys = &seen.base_keys;
    if keys.is_empty() && frames(seen, vantage).next().is_some() {
        return Outcome::Inconclusive("no base key was escrowed".into());
    }
    let mut found = Vec::new();
    let mut right = 0;
    for frame in frames(seen, vantage) {
        let why = match &frame.opened {
            Ok(_) => {
                right += 1;
                continue;
            }
            // What has no key, or too few metadata, says nothing of derivation.
            Err(SframeError::UnknownKid(_)) => continue,
            Err(_) if sframe::open(&frame.octets, &[], keys).is_ok() => {
                right += 1;
                continue;
            }
            // Nor does another nonce.
            Err(_) if is_deviant(frame, keys, Deviation::ConcatenatedNonce) => {
                right += 1;
                continue;
            }
            Err(_) if is_deviant(frame, keys, Deviation::DraftLabels) => {
                "it opens with the labels of a draft alone".to_owned()
            }
            Err(error) => error.to_string(),
        };
        note(seen, vantage, &mut found, frame, why);
    }
    unless(found, || match right {
        0 => nothing(),
        right => Outcome::Pass(
            Assurance::Opened,
            format!("{right} frames open with what is derived of their base key"),
        ),
    })
}

fn nonces_are_formed(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let mut found = Vec::new();
    for frame in frames(seen, vantage).filter(|frame| frame.opened.is_err()) {
        if is_deviant(frame, &seen.base_keys, Deviation::ConcatenatedNonce) {
            let why = "its nonce is the head of the salt with the counter behind it".into();
            note(seen, vantage, &mut found, frame, why);
        }
    }
    let holds = "each opened with the nonce that salt and counter make";
    unless(found, || each(seen, vantage, holds, |_, _, _| None))
}

fn is_deviant(frame: &Frame, keys: &sframe::Keys, deviation: Deviation) -> bool {
    sframe::opens(&frame.octets, &frame.metadata, keys, deviation)
}

fn metadata_are_authenticated(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let mut found = Vec::new();
    for frame in frames(seen, vantage).filter(|frame| !frame.metadata.is_empty()) {
        let without = || sframe::open(&frame.octets, &[], &seen.base_keys).is_ok();
        if frame.opened.is_err() && without() {
            let why = "it opens without its metadata, and not with them".into();
            note(seen, vantage, &mut found, frame, why);
        }
    }
    let holds = "each opened with its header and metadata as what is authenticated beside";
    unless(found, || each(seen, vantage, holds, |_, _, _| None))
}

fn tags_are_long(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let holds = "each of a registered suite with a tag that is long enough";
    each(seen, vantage, holds, |sframed, _, opened| {
        let tag = opened.tag.len();
        let short = !sframed.sound && tag < LEAST_TAG;
        short.then(|| format!("suite {} has a tag of {} bits", opened.suite, 8 * tag))
    })
}

/// Frames that open with what the server was told, without any viewer's key.
fn opened_by_server(seen: &Seen<'_>) -> Vec<Evidence> {
    let told = told_to_server(seen);
    let mut tried = BTreeSet::new();
    let mut found = Vec::new();
    for frame in frames(seen, Vantage::Relay) {
        let Some(header) = Header::read(&frame.octets) else {
            continue;
        };
        // One of each key tells.
        if !tried.insert(header.kid) {
            continue;
        }
        let opens = |octets: &Vec<u8>| {
            let keys = sframe::Keys::guessed(header.kid, octets);
            sframe::open(&frame.octets, &frame.metadata, &keys).is_ok()
        };
        if told.iter().any(opens) {
            let why = format!(
                "it opens with a key that the server was told, of KID {:#x}",
                header.kid
            );
            note(seen, Vantage::Relay, &mut found, frame, why);
        }
    }
    found
}

fn nothing_is_clear_inside(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let mut found = Vec::new();
    for sframed in sent(seen, vantage) {
        let what = if sframed.sound {
            "a packet of sound"
        } else {
            "an access unit"
        };
        for span in sframed.others.iter().take(MOST) {
            let why = format!("{what} in packet {} is no SFrame", span.packet);
            found.push(evidence_at(seen, (vantage, None, *span), why));
        }
    }
    let clear = seen.sightings.iter().filter(|s| s.vantage == vantage);
    found.extend(clear.map(|sighting| {
        let why = format!(
            "{} octets of track {} lie open, {}",
            sighting.hit.matched, sighting.hit.track, sighting.between
        );
        evidence_at(seen, (vantage, None, sighting.span), why)
    }));
    found.extend(super::xc::playing(seen, vantage));
    if vantage == Vantage::Relay {
        found.extend(opened_by_server(seen));
    }
    let holds = "and nothing of the device that is none";
    unless(found, || each(seen, vantage, holds, |_, _, _| None))
}

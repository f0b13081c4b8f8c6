//! STO: recordings at rest, and the log.

mod clips;
mod keys;
mod known_answers;
mod leaks;

use lightleak_case::{Carriage, TransportPath, Vantage};

use super::{
    Level, Quote, Reading, Requirement, Stimuli, evidence_at, unless, xc::CONFIDENTIALITY,
};
use crate::{
    dissect::Span,
    presence::Need,
    seen::Seen,
    stored::{Content, Stored},
    verdict::{Evidence, Outcome},
};

const EN: &str = "ETSI EN 303 645 V2.1.1";
const SECURE_STORAGE: Quote = Quote {
    document: EN,
    clause: "5.4-1",
    text: "Sensitive security parameters in persistent storage shall be stored securely by the device.",
    read: Reading::SecondHand,
};
const AGE: &str = "C2SP age (age-encryption.org/v1)";

/// The stimuli that leave something on a memory card that has to be told apart.
const CARD: &[&str] = &["honest", "power-cut", "forged-clip"];

pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "STO-01",
        level: Level::Must,
        standard: Level::Must,
        title: "carving what is stored finds neither plaintext nor pictures, video or sound in clear, but for what the factory put there",
        source: CONFIDENTIALITY,
        expects: |_| true,
        vantages: &[Vantage::Rest],
        needs: &[Need::Tap],
        stimuli: Stimuli::All,
        indispensable: &["honest"],
        check: leaks::nothing_to_carve,
    },
    Requirement {
        id: "STO-02",
        level: Level::Must,
        standard: Level::Must,
        title: "every chunk of every clip authenticates at its place, a clip that was cut opens to its last whole chunk and is not called complete, and the device vouches, signed, for its own clips only",
        source: Quote {
            document: AGE,
            clause: "Payload",
            text: "Streaming decryption MUST signal an error if the end of file is reached without successfully decrypting a final chunk.",
            read: Reading::InText,
        },
        expects: is_recording,
        vantages: &[Vantage::Rest],
        needs: &[Need::Tap],
        stimuli: Stimuli::All,
        indispensable: CARD,
        check: clips::authentic,
    },
    Requirement {
        id: "STO-03",
        level: Level::Must,
        standard: Level::Must,
        title: "no key and nonce seal twice: every clip of a session has a file key, a nonce and an ephemeral share of its own, and every chunk a counter of its own",
        source: Quote {
            document: AGE,
            clause: "File key",
            text: "The file key MUST be generated as 16 bytes of CSPRNG output. It MUST NOT be reused across multiple files.",
            read: Reading::InText,
        },
        expects: is_recording,
        vantages: &[Vantage::Rest],
        needs: &[Need::Tap],
        stimuli: Stimuli::All,
        indispensable: CARD,
        check: clips::never_twice,
    },
    Requirement {
        id: "STO-04",
        level: Level::Must,
        standard: Level::Must,
        title: "no key to what is stored is stored beside it, as octets or as text, or is made of identifiers",
        source: SECURE_STORAGE,
        expects: |_| true,
        vantages: &[Vantage::Rest],
        needs: &[Need::Tap],
        stimuli: Stimuli::All,
        indispensable: &["honest"],
        check: keys::not_beside,
    },
    Requirement {
        id: "STO-05",
        level: Level::Must,
        standard: Level::Must,
        title: "every stored file is sealed, or a clip list of the device that verifies, or there from the factory: no thumbnail, index, ring buffer or temporary file in clear",
        source: CONFIDENTIALITY,
        expects: |_| true,
        vantages: &[Vantage::Rest],
        needs: &[Need::Tap],
        stimuli: Stimuli::All,
        indispensable: &["honest"],
        check: leaks::nothing_else,
    },
    Requirement {
        id: "STO-06",
        level: Level::Must,
        standard: Level::Must,
        title: "the log, and what is stored beside the clips, hold no key, password or plaintext",
        source: SECURE_STORAGE,
        expects: |_| true,
        vantages: &[Vantage::Rest, Vantage::Log],
        needs: &[Need::Tap],
        stimuli: Stimuli::All,
        indispensable: &["honest"],
        check: keys::not_logged,
    },
    Requirement {
        id: "STO-07",
        level: Level::Must,
        standard: Level::Must,
        title: "nothing that a device still has after a reset opens a clip: its file key is not made of identifiers or times, not published, and not that of another clip (shown from the clips; nothing is reset)",
        source: Quote {
            document: EN,
            clause: "5.11-1",
            text: "The user shall be provided with functionality such that user data can be erased from the device in a simple manner.",
            read: Reading::SecondHand,
        },
        expects: is_recording,
        vantages: &[Vantage::Rest],
        needs: &[Need::Tap],
        stimuli: Stimuli::All,
        indispensable: &["honest"],
        check: keys::die_with_a_reset,
    },
    Requirement {
        id: "STO-09",
        level: Level::Must,
        standard: Level::Must,
        title: "what opens clips reads the published files of their format as published: sound ones to what they hold, and nothing of what does not authenticate",
        source: Quote {
            document: "RFC 5116",
            clause: "2.2",
            text: "It has only a single output, either a plaintext value P or a special symbol FAIL that indicates that the inputs are not authentic.",
            read: Reading::SecondHand,
        },
        expects: is_recording,
        vantages: &[Vantage::Rest],
        needs: &[Need::Tap],
        stimuli: Stimuli::Only(&["published-files"]),
        indispensable: &["published-files"],
        check: known_answers::as_published,
    },
];

fn is_recording(path: &TransportPath) -> bool {
    path.carriage == Carriage::Recording
}

/// What was stored and was not there from the factory; or, if that is nothing,
/// what follows from it.
fn kept<'s, 'a>(seen: &'s Seen<'a>) -> Result<Vec<&'s Stored<'a>>, Outcome> {
    if seen.session.rest.is_none() {
        return Err(Outcome::Inconclusive(
            "nobody looked at what is stored".into(),
        ));
    }
    let is_new = |file: &&Stored<'_>| !matches!(file.content, Content::Factory);
    let kept: Vec<_> = seen.stored.iter().filter(is_new).collect();
    match (kept.is_empty(), seen.ledger_bytes) {
        (false, _) => Ok(kept),
        (true, 0) => Err(Outcome::Inconclusive(
            "nothing is stored, and the ledger does not say that anything was produced".into(),
        )),
        (true, produced) => Err(Outcome::NotApplicable(format!(
            "somebody looked, and the device stored nothing of the {produced} octets that it produced"
        ))),
    }
}

/// A pass, if there was something to be found: the device produced something,
/// and on the path of the recordings it is seen in them.
fn known(seen: &Seen<'_>, pass: Outcome) -> Outcome {
    let presence = &seen.presence;
    if seen.ledger_bytes == 0 {
        return Outcome::Inconclusive("the ledger is empty".into());
    }
    if !seen.is_recording() {
        return pass;
    }
    let lack = presence.lacks(&[Need::Device, Need::Ledger], Vantage::Rest);
    match (lack, &presence.marks) {
        (None, _) => pass,
        (Some(_), Err(error)) => Outcome::Error(error.to_string()),
        (Some(lack), Ok(_)) => Outcome::Inconclusive(lack.to_owned()),
    }
}

/// A place in a stored file.
fn in_file(seen: &Seen<'_>, file: &str, at: std::ops::Range<usize>, why: String) -> Evidence {
    let span = Span {
        packet: 0,
        offset: at.start,
        length: at.len(),
    };
    evidence_at(seen, (Vantage::Rest, Some(file), span), why)
}

/// Whether the files are alike as far as the shorter one goes.
fn is_copy(a: &Stored<'_>, b: &Stored<'_>) -> bool {
    let length = a.octets.len().min(b.octets.len());
    a.octets[..length] == b.octets[..length]
}

/// Plaintext that was found in files (by name) or, at the vantage of the log, there.
fn sightings(
    seen: &Seen<'_>,
    vantage: Vantage,
    is_in: impl Fn(&str) -> bool,
) -> impl Iterator<Item = Evidence> {
    let found = seen
        .sightings
        .iter()
        .filter(move |s| s.vantage == vantage && s.file.as_deref().is_none_or(&is_in));
    found.map(move |sighting| {
        let hit = &sighting.hit;
        let why = format!(
            "{} octets of track {} from offset {} on, {}, {}",
            hit.matched, hit.track, hit.ledger_offset, hit.disguise, sighting.between
        );
        let at = (vantage, sighting.file.as_deref(), sighting.span);
        evidence_at(seen, at, why)
    })
}

/// A search that finds what this device never produced is wrong.
fn misled(seen: &Seen<'_>, vantage: Vantage) -> Option<Outcome> {
    let decoy = seen.decoy_sightings.iter().find(|s| s.vantage == vantage)?;
    Some(Outcome::Error(format!(
        "plaintext that this device never produced was found {}: the search is wrong",
        decoy.between
    )))
}

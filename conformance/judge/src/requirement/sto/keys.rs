//! Keys to what is stored, and where they must not be: STO-04, STO-06, STO-07.

use lightleak_case::Vantage;

use super::{in_file, is_copy, kept, known, misled, sightings, unless};
use crate::{
    adversary::cryptanalyst::{
        guessable::{self, Identifiers},
        key_material::{Exposure, Secrets},
        key_sweep,
    },
    dissect::Span,
    open::age::{AgeError, Identities, Trial},
    requirement::evidence_at,
    seen::Seen,
    stored::{self, Content, Stored},
    verdict::{Assurance, Evidence, Outcome},
};

/// Finds of a file or of the log that are kept as evidence.
const MOST_FINDS: usize = 4;

/// Clips whose keys are attacked: the first tell how keys are made.
const MOST_CLIPS: usize = 4;

/// Octets of a sealed file in which its header is.
const HEADER: usize = 4096;

/// Seconds around the times in a clip list in which a key may have been made.
const AROUND: u64 = 2;

pub(super) fn not_beside(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let kept = match kept(seen) {
        Ok(kept) => kept,
        Err(outcome) => return outcome,
    };
    let secrets = secrets(seen);
    let mut found = Vec::new();
    // A key that the factory put there is one all the same.
    for file in &seen.stored {
        found.extend(exposures(seen, &secrets, file));
    }
    found.extend(made_of_identifiers(seen));
    let strangers: Vec<_> = kept.iter().filter(|file| is_strange(file)).collect();
    for file in strangers.iter().take(MOST_CLIPS) {
        found.extend(swept(seen, file));
    }
    unless(found, || {
        if secrets.count() == 0 && strangers.is_empty() {
            return Outcome::Inconclusive("no secret was escrowed that can be looked for".into());
        }
        let tried = match strangers.len() {
            0 => String::new(),
            tried => format!(
                "; {tried} files that no escrowed identity opens open with nothing that lies there"
            ),
        };
        let pass = Outcome::Pass(
            Assurance::Absence,
            format!(
                "none of {} secrets is in any of {} files, and no clip's key is made of identifiers{tried}",
                secrets.count(),
                seen.stored.len()
            ),
        );
        known(seen, pass)
    })
}

pub(super) fn not_logged(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let secrets = secrets(seen);
    let nothing = |whereabouts: String| {
        let pass = Outcome::Pass(
            Assurance::Absence,
            format!(
                "none of {} secrets and nothing of the plaintext {whereabouts}",
                secrets.count()
            ),
        );
        match secrets.count() {
            0 => Outcome::Inconclusive("no secret was escrowed that can be looked for".into()),
            _ => known(seen, pass),
        }
    };
    if let Some(error) = misled(seen, vantage) {
        return error;
    }
    if vantage == Vantage::Log {
        let log = &seen.session.log;
        let finds = secrets.find(log.as_bytes(), MOST_FINDS).into_iter();
        let exposed = finds.map(|exposure| {
            let span = Span {
                packet: 0,
                offset: exposure.at,
                length: exposure.length,
            };
            evidence_at(seen, (vantage, None, span), words(&exposure, "the log"))
        });
        let found = exposed.chain(sightings(seen, vantage, |_| true));
        return unless(found.collect(), || {
            if log.is_empty() {
                return Outcome::Inconclusive("the log is empty".into());
            }
            nothing("in the log".into())
        });
    }
    let kept = match kept(seen) {
        Ok(kept) => kept,
        Err(outcome) => return outcome,
    };
    // What is called a clip is looked at as one.
    let beside = |file: &&&Stored<'_>| {
        let is_clip = matches!(file.content, Content::Sealed(_));
        !is_clip && stored::vouched(&seen.stored, file.name).is_none()
    };
    let beside: Vec<_> = kept.iter().filter(beside).collect();
    if beside.is_empty() {
        return Outcome::NotApplicable("nothing is stored beside the clips".into());
    }
    let exposed = beside
        .iter()
        .flat_map(|file| exposures(seen, &secrets, file));
    let is_beside = |name: &str| beside.iter().any(|file| file.name == name);
    let found: Vec<_> = exposed.chain(sightings(seen, vantage, is_beside)).collect();
    unless(found, || {
        nothing(format!("in {} files beside the clips", beside.len()))
    })
}

pub(super) fn die_with_a_reset(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let kept = match kept(seen) {
        Ok(kept) => kept,
        Err(outcome) => return outcome,
    };
    let mut found = made_of_identifiers(seen);
    let clips = || kept.iter().filter_map(|file| Some((*file, file.clip()?)));
    for (index, (file, clip)) in clips().enumerate() {
        let same = clips().take(index).find(|(other, before)| {
            before.file.file_key == clip.file.file_key && !is_copy(file, other)
        });
        if let Some((other, _)) = same {
            let why = format!(
                "{} and {} have the same file key: it outlives a clip",
                other.name, file.name
            );
            found.push(in_file(seen, file.name, clip.file.header.clone(), why));
        }
    }
    unless(found, || match clips().count() {
        0 => Outcome::Inconclusive("no clip opens with the escrowed identities".into()),
        clips => {
            let pass = Outcome::Pass(
                Assurance::Opened,
                format!(
                    "the file keys of {clips} clips are all different, in no list of published keys, and not made of identifiers or times"
                ),
            );
            known(seen, pass)
        }
    })
}

/// Every escrowed secret, and every key that was unwrapped with them.
fn secrets(seen: &Seen<'_>) -> Secrets {
    let escrow = seen.escrow();
    let mut secrets: Vec<(String, Vec<u8>)> = Vec::new();
    for (user, password) in escrow.credentials {
        // A short password is no needle by itself.
        for separator in [":", " "] {
            let pair = format!("{user}{separator}{password}");
            secrets.push((format!("name and password of {user}"), pair.into()));
        }
        secrets.push((format!("the password of {user}"), password.into()));
    }
    for (label, octets) in escrow.secrets {
        // Text as age writes it, in either case.
        if label == "AGE_IDENTITY" {
            secrets.push((label.clone(), octets.to_ascii_lowercase()));
        }
        secrets.push((label, octets));
    }
    let identities = Identities::parse(seen.session.keys.iter().map(String::as_str));
    for secret in identities.secrets() {
        let name = "the owner's identity".to_owned();
        secrets.push((name, secret.expose().to_vec()));
    }
    for file in &seen.stored {
        if let Some(clip) = file.clip() {
            let (key, payload) = (&clip.file.file_key, &clip.file.payload_key);
            let name = file.name;
            secrets.push((format!("the file key of {name}"), key.expose().to_vec()));
            secrets.push((
                format!("the payload key of {name}"),
                payload.expose().to_vec(),
            ));
        }
    }
    Secrets::new(secrets)
}

fn exposures(seen: &Seen<'_>, secrets: &Secrets, file: &Stored<'_>) -> Vec<Evidence> {
    let finds = secrets.find(file.octets, MOST_FINDS).into_iter();
    let exposed = finds.map(|exposure| {
        let range = exposure.at..exposure.at + exposure.length;
        in_file(seen, file.name, range, words(&exposure, file.name))
    });
    exposed.collect()
}

fn words(exposure: &Exposure, place: &str) -> String {
    let Exposure {
        secret, writing, ..
    } = exposure;
    format!("{secret} lies open, {writing:?}, in {place}")
}

/// Clips whose file key is published or made of what everybody knows.
fn made_of_identifiers(seen: &Seen<'_>) -> Vec<Evidence> {
    let clips = seen.stored.iter().filter_map(|f| Some((f, f.clip()?)));
    let attacked = clips.take(MOST_CLIPS).filter_map(|(file, clip)| {
        let key = clip.file.file_key.expose();
        let how = match guessable::published(key) {
            Some(key) => format!("is published: {} {}", key.source, key.clause),
            None => {
                let how = guessable::derivation(key, &identifiers(seen, file.name))?;
                format!("is made of what everybody knows: {how}")
            }
        };
        let why = format!("the file key of {} {how}", file.name);
        Some(in_file(seen, file.name, clip.file.header.clone(), why))
    });
    attacked.collect()
}

/// Whether it is sealed, and no escrowed identity opens it.
fn is_strange(file: &Stored<'_>) -> bool {
    match &file.content {
        Content::Sealed(opened) => matches!(**opened, Err(AgeError::NoMatch { .. })),
        _ => false,
    }
}

/// A key to a file that nobody escrowed one for, if one lies there or is made of
/// identifiers.
fn swept(seen: &Seen<'_>, file: &Stored<'_>) -> Option<Evidence> {
    let trial = Trial::new(file.octets)?;
    let unsealed = seen.stored.iter();
    let unsealed = unsealed.filter(|f| !matches!(f.content, Content::Sealed(_)));
    let mut places: Vec<(&str, &[u8])> = unsealed.map(|f| (f.name, f.octets)).collect();
    let header = &file.octets[..file.octets.len().min(HEADER)];
    places.push((file.name, header));
    let octets: Vec<&[u8]> = places.iter().map(|(_, octets)| *octets).collect();
    if let Some(fit) = key_sweep::sweep(&trial, &octets) {
        let place = places[fit.place].0;
        let why = format!("in {place} lies a key to {}: {}", file.name, fit.what);
        return Some(in_file(seen, place, fit.range, why));
    }
    let opens = |made: &[u8]| made.try_into().is_ok_and(|key| trial.file_key(key));
    let how = guessable::derived(16, &identifiers(seen, file.name), &opens)?;
    let why = format!(
        "the file key of {} is made of what everybody knows: {how}",
        file.name
    );
    Some(in_file(seen, file.name, 0..header.len(), why))
}

/// What everybody knows of the device and of a file of it.
fn identifiers(seen: &Seen<'_>, name: &str) -> Identifiers {
    let device = &seen.declaration.device;
    let mut texts = vec![
        device.serial.clone(),
        device.model.clone(),
        device.vendor.clone(),
        device.unit.to_string(),
        name.to_owned(),
    ];
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    // The number in the name, which is a time.
    texts.extend(words.filter(|word| word.len() > 7).map(str::to_owned));
    let users = seen.escrow().credentials;
    texts.extend(users.into_iter().map(|(user, _)| user));
    let entry = stored::vouched(&seen.stored, name);
    let seconds = entry.map(|entry| {
        let first = entry.start / 1000;
        let last = entry.start.saturating_add(entry.duration) / 1000;
        first.saturating_sub(AROUND)..=last.saturating_add(AROUND)
    });
    Identifiers {
        texts,
        addresses: device.addresses.clone(),
        seconds,
        ..Identifiers::default()
    }
}

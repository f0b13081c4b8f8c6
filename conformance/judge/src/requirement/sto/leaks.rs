//! What is stored in clear: STO-01, STO-05.

use std::ops::Range;

use lightleak_case::Vantage;

use super::{in_file, kept, known, misled, sightings, unless};
use crate::{
    adversary::carver,
    dissect::clip_list::End,
    open::{age::AgeError, hpke::HpkeError},
    requirement::xc,
    seen::Seen,
    stored::{Clip, Content, Stored},
    verdict::{Assurance, Outcome},
};

/// Octets of the shortest text that ciphertext is by no chance.
const SHORTEST_TEXT: usize = 32;

pub(super) fn nothing_to_carve(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let kept = match kept(seen) {
        Ok(kept) => kept,
        Err(outcome) => return outcome,
    };
    if let Some(error) = misled(seen, Vantage::Rest) {
        return error;
    }
    let mut found = xc::playing(seen, Vantage::Rest);
    found.extend(sightings(seen, Vantage::Rest, |_| true));
    for file in &kept {
        for carved in carver::carve(file.octets) {
            let why = format!("{} holds {}", file.name, carved.what);
            found.push(in_file(seen, file.name, carved.range, why));
        }
    }
    unless(found, || match &seen.unplayed {
        Some(error) => Outcome::Error(error.to_string()),
        None => {
            let pass = Outcome::Pass(
                Assurance::Absence,
                format!(
                    "{} files hold nothing of the {} octets of plaintext, and nothing that plays or looks like it",
                    kept.len(),
                    seen.ledger_bytes
                ),
            );
            known(seen, pass)
        }
    })
}

pub(super) fn nothing_else(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let kept = match kept(seen) {
        Ok(kept) => kept,
        Err(outcome) => return outcome,
    };
    let mut found = Vec::new();
    let mut unverified = None;
    let mut sealed = 0;
    for file in &kept {
        match open_part(file) {
            Ok(None) => {
                let is_sealed = matches!(file.content, Content::Sealed(_) | Content::Envelope(_));
                sealed += usize::from(is_sealed);
            }
            Ok(Some((range, what))) => {
                let why = format!("{} is stored, and is {what}", file.name);
                found.push(in_file(seen, file.name, range, why));
            }
            Err(why) => unverified = Some(format!("{}: {why}", file.name)),
        }
    }
    unless(found, || match unverified {
        Some(why) => Outcome::Inconclusive(why),
        None => {
            let pass = Outcome::Pass(
                Assurance::Identified,
                format!(
                    "of {} files {sealed} are sealed, and the others are clip lists or empty",
                    kept.len()
                ),
            );
            known(seen, pass)
        }
    })
}

/// The part of a file that is neither sealed nor vouched for, and what it is; or
/// why that is not known.
fn open_part(file: &Stored<'_>) -> Result<Option<(Range<usize>, String)>, String> {
    let all = 0..file.octets.len();
    let part = |range: Range<usize>, what: String| Ok(Some((range, what)));
    match &file.content {
        Content::Factory | Content::Counters | Content::ViewerKeys => Ok(None),
        Content::Unknown if file.octets.iter().all(|octet| *octet == 0) => Ok(None),
        Content::Unknown => part(all, looks(file.octets)),
        Content::Envelope(Ok(_)) => Ok(None),
        // Of one that was cut what is there is ciphertext, or can be read.
        Content::Envelope(Err(HpkeError::Cut { offset, .. })) => {
            let body = *offset..all.end;
            match is_open(&file.octets[body.clone()]) {
                true => part(body, "not sealed: text in clear".into()),
                false => Ok(None),
            }
        }
        Content::Envelope(Err(HpkeError::LineCut)) => Ok(None),
        Content::Envelope(Err(error @ HpkeError::NoMatch(_))) => Err(error.to_string()),
        Content::Envelope(Err(error)) => part(all, format!("not sealed with HPKE: {error}")),
        Content::List(Err(error)) => Err(error.to_string()),
        Content::List(Ok(list)) => match &list.end {
            End::Wrong(wrong) => part(
                list.signed..all.end,
                format!("no clip list of the device: {wrong}"),
            ),
            End::Whole | End::Cut(_) => Ok(None),
        },
        Content::Sealed(opened) => match &**opened {
            Ok(clip) => match unsealed(file, clip) {
                Some((range, what)) => part(range, what),
                None => Ok(None),
            },
            // To whom it is sealed, others know.
            Err(AgeError::NoMatch { .. }) => Ok(None),
            Err(error) if error.is_cut() => Ok(None),
            Err(error) => part(all, format!("no whole age file: {error}")),
        },
    }
}

/// Octets behind a final chunk, or in place of a chunk. Of one that was cut what is
/// there can be anything, and what can be read is no ciphertext.
fn unsealed(file: &Stored<'_>, clip: &Clip) -> Option<(Range<usize>, String)> {
    let chunks = &clip.file.chunks;
    let left = chunks.last().map_or(clip.file.nonce.end, |c| c.tag.end)..file.octets.len();
    let behind = chunks
        .iter()
        .any(|c| c.last && c.tag.end < file.octets.len());
    match &clip.file.stopped {
        Some(error) if behind || !error.is_cut() || is_open(&file.octets[left.clone()]) => Some((
            left.clone(),
            format!("not sealed in {} octets: {error}", left.len()),
        )),
        _ => None,
    }
}

/// Whether octets in place of ciphertext can be read.
fn is_open(octets: &[u8]) -> bool {
    octets.len() >= SHORTEST_TEXT && is_text(octets)
}

/// What octets that nobody declared look like, in words.
fn looks(octets: &[u8]) -> String {
    match carver::carve(octets).first() {
        Some(carved) => format!("in clear: {}", carved.what),
        None if is_text(octets) => "text in clear".into(),
        None => "neither sealed with age or HPKE nor a clip list".into(),
    }
}

fn is_text(octets: &[u8]) -> bool {
    let is_odd = |c: char| c.is_control() && !c.is_ascii_whitespace();
    str::from_utf8(octets).is_ok_and(|text| !text.contains(is_odd))
}

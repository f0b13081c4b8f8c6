//! STO-09: the owner's app and the published files.

use lightleak_case::{Track, Vantage};
use lightleak_vectors::age::{self, AgeFile, Expect};
use sha2::{Digest as _, Sha256};

use crate::{
    seen::Seen,
    verdict::{Assurance, Outcome},
};

use super::kept;

/// Files that are named in a reason.
const MOST_NAMED: usize = 8;

pub(super) fn as_published(seen: &Seen<'_>, _: Vantage) -> Outcome {
    if let Err(outcome) = kept(seen) {
        return outcome;
    }
    let given_out = &seen.session.played.tracks;
    let files = judged;
    let is_known = |file: &AgeFile| {
        [file.track(), file.cut_track()]
            .iter()
            .any(|track| given_out.contains_key(track))
    };
    if !files().any(is_known) {
        return Outcome::Inconclusive(
            "nobody kept what the owner's app gives out of the published files".into(),
        );
    }
    let answers = files().map(|file| {
        let [whole, cut] = [file.track(), file.cut_track()].map(|track| given_out.get(&track));
        (file, wrong(file, whole, cut))
    });
    let wrong: Vec<_> = answers
        .filter_map(|(file, wrong)| Some(format!("{} {}", file.name, wrong?)))
        .collect();
    match wrong.is_empty() {
        true => Outcome::Pass(
            Assurance::Opened,
            format!(
                "{} published files of age open to what they hold, or are refused, as published",
                files().count()
            ),
        ),
        false => Outcome::Fail(
            format!(
                "of {} published files of age, {} are not read as published: {}",
                files().count(),
                wrong.len(),
                wrong[..wrong.len().min(MOST_NAMED)].join("; ")
            ),
            Vec::new(),
        ),
    }
}

/// The files that hold something, or nothing that is authentic. What is only written
/// otherwise than the format demands, and authenticates, is a matter of tolerance: the
/// crate `age` reads two of those.
fn judged() -> impl Iterator<Item = &'static AgeFile> {
    let files = age::cctv().plain();
    files.filter(|file| file.expect != Expect::HeaderFailure)
}

/// What is wrong with what came out of a file, wholly or as far as it went.
fn wrong(file: &AgeFile, whole: Option<&Track>, cut: Option<&Track>) -> Option<&'static str> {
    let holds = |track: &Track| Sha256::digest(&track.bytes)[..] == file.payload[..];
    match (file.expect, whole, cut) {
        (Expect::Success, Some(whole), _) => {
            (!holds(whole)).then_some("opens to something that it does not hold")
        }
        (Expect::Success, None, _) => Some("is sound, and does not open to its end"),
        (_, Some(_), _) => Some("is flawed, and opens to its end"),
        (Expect::PayloadFailure, None, Some(cut)) => {
            (!holds(cut)).then_some("opens as far as something that it does not hold")
        }
        (Expect::PayloadFailure, None, None) => None,
        (_, None, Some(cut)) => (!cut.bytes.is_empty()).then_some("is no file for it, and opens"),
        (_, None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_flaw_has_its_answer() {
        let of = |expect| {
            let found = judged().find(|file| file.expect == expect);
            found.expect("there is one")
        };
        let track = |octets: &[u8]| {
            let mut track = Track::default();
            track.push_octets(octets, 0, 0);
            track
        };
        let something = track(b"something else");
        let sound = of(Expect::Success);
        assert!(wrong(sound, None, None).is_some());
        assert!(wrong(sound, None, Some(&something)).is_some());
        assert!(wrong(sound, Some(&something), None).is_some());
        for expect in [Expect::NoMatch, Expect::HmacFailure, Expect::PayloadFailure] {
            let flawed = of(expect);
            assert!(wrong(flawed, None, None).is_none(), "{expect:?}");
            assert!(
                wrong(flawed, Some(&something), None).is_some(),
                "{expect:?}"
            );
            assert!(
                wrong(flawed, None, Some(&something)).is_some(),
                "{expect:?}"
            );
        }
    }
}

//! From a report to a decision: certified or not, and if not, why not.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use lightleak_case::{Carriage, Case, EndToEnd, TransportPath, Vantage};
use lightleak_judge::{
    report::Report,
    requirement::Level,
    verdict::{Assurance, Verdict},
};
use x509_cert::der::DateTime;

use super::{
    lab::{ErrorRates, Lab, Recorder},
    redact::is_synthesised,
    statement::{Certifies, Nonce, Path, Recorded},
};

/// How verdicts become a decision, in words.
pub(super) const RULE: &str = "Every Must that the profile selects is judged; none is \
    selected by hand and none is waived. Certified is what has no Must that failed, is \
    inconclusive or in error, at least one that passed, and on every declared path the \
    assurance that its class needs. Verdicts are binary and nothing is measured, so no \
    uncertainty of measurement is taken into account. A case that the vendor recorded is \
    never certified, and one with synthesised framing certifies a simulator only.";

/// How many reasons of one kind are told one by one.
const MOST: usize = 20;

/// What a decision rests on.
pub(super) struct Facts<'a> {
    pub(super) case: &'a Case,
    pub(super) report: &'a Report,
    pub(super) lab: Option<&'a Lab>,
    pub(super) error_rates: Option<&'a ErrorRates>,
}

/// The decision.
pub(super) struct Decision {
    /// What keeps it from being certified; empty if nothing does.
    pub(super) reasons: Vec<String>,
    pub(super) certifies: Certifies,
    pub(super) recorded: Recorded,
    pub(super) nonce: Nonce,
    pub(super) paths: Vec<Path>,
}

impl Facts<'_> {
    pub(super) fn decide(&self) -> Decision {
        let recorded = self.recorded();
        let certifies = match recorded.by.as_str() {
            "simulator" => Certifies::Simulator,
            _ => Certifies::Device,
        };
        let (nonce, paths) = (self.nonce(), self.paths());
        let mut reasons = self.verdicts();
        for path in paths.iter().filter(|path| !is_enough(path)) {
            reasons.push(format!(
                "{}: {} was reached, and {} needs {}",
                path.path, path.reached, path.class, path.minimum
            ));
        }
        if paths.is_empty() {
            reasons.push("no path is declared".into());
        }
        match recorded.by.as_str() {
            "vendor" => reasons
                .push("the vendor recorded the case: it can fail, and is never certified".into()),
            "unknown" => reasons.push(
                "nobody says who recorded the case; a lab says so in the file that --lab names"
                    .into(),
            ),
            _ => {}
        }
        if certifies == Certifies::Device && self.error_rates.is_none() {
            reasons.push(
                "how often the judge errs is not told; --error-rates names the JSON of \
                 `lightleak mutants`"
                    .into(),
            );
        }
        if let Some(chosen) = &nonce.chosen
            && nonce.read.keys().any(|read| read != chosen)
        {
            let read: Vec<_> = nonce.read.keys().map(String::as_str).collect();
            let read = read.join(", ");
            reasons.push(format!(
                "the lab chose the nonce {chosen}, and marks say {read}"
            ));
        }
        if nonce.chosen.is_some() && nonce.read.is_empty() {
            reasons.push("no mark was read, so no nonce of the lab was seen".into());
        }
        Decision {
            reasons,
            certifies,
            recorded,
            nonce,
            paths,
        }
    }

    /// What the report alone says against it.
    fn verdicts(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        for (verdict, word) in [
            (Verdict::Fail, "failed"),
            (Verdict::Error, "could not be judged"),
            (Verdict::Inconclusive, "is inconclusive"),
        ] {
            // Where the harness could not look, that counts whatever the level.
            let counts = |level| verdict == Verdict::Error || level == Level::Must;
            let findings = self.report.findings.iter();
            let found = findings.filter(|f| f.verdict == verdict && counts(f.level));
            let said: BTreeSet<_> = found
                .map(|f| {
                    format!(
                        "{} {word} on {} under {}: {}",
                        f.requirement, f.path, f.stimulus, f.reason
                    )
                })
                .collect();
            let more = said.len().saturating_sub(MOST);
            reasons.extend(said.into_iter().take(MOST));
            if more > 0 {
                reasons.push(format!("and {word} in {more} more places"));
            }
        }
        if reasons.is_empty() && !self.report.conforms {
            reasons.push("nothing that counts passed".into());
        }
        reasons
    }

    fn recorded(&self) -> Recorded {
        let sessions = &self.case.sessions;
        let synthesised = is_synthesised(self.case);
        let mut repeats = BTreeMap::new();
        for session in sessions {
            let record = &session.record;
            let key = (&record.path, &record.stimulus, &record.condition);
            *repeats.entry(key).or_insert(0) += 1;
        }
        let is_simulated = synthesised
            || sessions.iter().any(|s| {
                let target = &s.record.target;
                target == "sim" || target.starts_with("sim:")
            });
        let captures = sessions.iter().flat_map(|s| s.captures.values());
        let times = captures.flat_map(|c| c.packets.iter().map(|p| p.time_ns));
        let times = || times.clone().filter(|time| *time > 0);
        Recorded {
            by: match self.lab.map(|lab| lab.recorded_by) {
                Some(Recorder::Vendor) => "vendor",
                _ if is_simulated => "simulator",
                Some(Recorder::Lab) => "lab",
                None => "unknown",
            }
            .into(),
            first: times()
                .min()
                .and_then(|time| date(Duration::from_nanos(time))),
            last: times()
                .max()
                .and_then(|time| date(Duration::from_nanos(time))),
            synthesised_framing: synthesised,
            sessions: sessions.len(),
            repeats: repeats.values().copied().min().unwrap_or(0),
        }
    }

    fn nonce(&self) -> Nonce {
        let mut read = BTreeMap::new();
        for (_, mark) in &self.report.marks {
            *read.entry(format!("{:08x}", mark.nonce)).or_insert(0) += 1;
        }
        Nonce {
            chosen: self.lab.map(|lab| lab.nonce.clone()),
            read,
        }
    }

    fn paths(&self) -> Vec<Path> {
        let paths = self.case.declaration.paths.iter();
        paths.map(|path| self.path(path)).collect()
    }

    fn path(&self, path: &TransportPath) -> Path {
        let is_relayed = self.case.declaration.is_relayed(&path.id);
        let (class, minimum) = class(path, is_relayed);
        let mut passes = BTreeMap::new();
        let findings = self.report.findings.iter();
        for finding in findings.filter(|f| f.path == path.id && f.level == Level::Must) {
            if let Some(assurance) = finding.assurance {
                *passes.entry(name(assurance).to_owned()).or_insert(0) += 1;
            }
        }
        Path {
            path: path.id.clone(),
            class: class.into(),
            minimum: name(minimum).into(),
            reached: name(self.reached(path)).into(),
            passes,
        }
    }

    /// What is known of the media of a path: the least of its honest sessions.
    fn reached(&self, path: &TransportPath) -> Assurance {
        let vantage = match path.carriage {
            Carriage::Recording => Vantage::Rest,
            _ => Vantage::Wire,
        };
        let sessions = self.report.sessions.iter();
        let honest = sessions.filter(|s| s.path == path.id && s.stimulus == "honest");
        let reached = honest.map(|session| {
            let rows = self.report.attribution.iter();
            let mut rows = rows.filter(|r| r.session == session.id && r.vantage == vantage);
            rows.next().map_or(Assurance::Absence, |row| {
                let (sent, matched) = (row.ledger_bytes, row.ledger_bytes_matched);
                if sent > 0 && matched == sent {
                    Assurance::Opened
                } else if row.bytes.identified + row.bytes.opened > 0 {
                    Assurance::Identified
                } else {
                    Assurance::Absence
                }
            })
        });
        reached.max().unwrap_or(Assurance::Absence)
    }
}

/// A time since 1970 as RFC 3339 writes it; none past the year 9999.
pub(super) fn date(time: Duration) -> Option<String> {
    let date = DateTime::from_unix_duration(time).ok()?;
    Some(date.to_string())
}

/// The class of a path, and the least that has to be known of it. Whose servers end
/// the hop holds its keys, so that what nobody encrypts from end to end can't be opened
/// by somebody who has only the device.
fn class(path: &TransportPath, is_relayed: bool) -> (&'static str, Assurance) {
    match (path.carriage, path.end_to_end) {
        (Carriage::Recording, _) => ("storage", Assurance::Opened),
        (_, EndToEnd::None) if is_relayed => ("a hop to a server", Assurance::Identified),
        (_, EndToEnd::None) => ("a hop to the viewer", Assurance::Opened),
        _ => ("end to end", Assurance::Opened),
    }
}

fn is_enough(path: &Path) -> bool {
    // The assurances by their names, the surest first.
    let rank = |wanted: &str| ASSURANCES.iter().position(|a| name(*a) == wanted);
    rank(&path.reached) <= rank(&path.minimum)
}

const ASSURANCES: [Assurance; 3] = [Assurance::Opened, Assurance::Identified, Assurance::Absence];

fn name(assurance: Assurance) -> &'static str {
    match assurance {
        Assurance::Opened => "opened",
        Assurance::Identified => "identified",
        Assurance::Absence => "absence",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_the_minimum_is_not_enough() {
        let path = |reached: &str, minimum: &str| Path {
            path: "p".into(),
            class: "c".into(),
            minimum: minimum.into(),
            reached: reached.into(),
            passes: BTreeMap::new(),
        };
        assert!(is_enough(&path("opened", "opened")));
        assert!(is_enough(&path("opened", "identified")));
        assert!(!is_enough(&path("identified", "opened")));
        assert!(!is_enough(&path("absence", "identified")));
    }

    #[test]
    fn dates_are_of_rfc_3339() {
        assert_eq!(
            date(Duration::from_secs(1_767_225_600)).unwrap(),
            "2026-01-01T00:00:00Z"
        );
        assert_eq!(date(Duration::from_secs(u64::MAX)), None);
    }
}

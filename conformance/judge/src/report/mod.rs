//! A report: one verdict per requirement, session and vantage. One file per
//! format beside this one.

pub mod annotations;
pub mod by_framework;
pub mod comparison;
pub mod exhibits;
#[cfg(test)]
mod fixture;
pub mod html;
pub mod inspection;
pub mod json;
pub mod junit;
pub mod markdown;
mod probed;
pub mod sarif;
pub mod terminal;
pub mod throughput;

use std::{collections::BTreeMap, fs, io, path::Path};

use lightleak_case::{Carriage, Case, Declaration, EndToEnd, Session, TransportPath, Vantage};
use serde::Serialize;

use self::{exhibits::Exhibits, probed::Probed, throughput::Throughput};
use crate::{
    adversary::known_plaintext::Indexes,
    attribution::Octets,
    decoder::{Decoder, Picture},
    mark::Mark,
    parallel::in_parallel,
    requirement::{self, Level, Profile, Requirement},
    seen::{Account, HELD, Seen},
    verdict::{Assurance, Evidence, Outcome, Verdict},
};

/// What to judge and how strictly.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// How much is demanded.
    pub profile: Profile,
    /// Whether a Should counts as a Must.
    pub strict: bool,
    /// Which requirements to judge.
    pub selected: &'a (dyn Fn(&str) -> bool + Sync),
}

/// The judge's report on a case.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Always [`Report::SCHEMA`].
    pub schema: &'static str,
    /// Who judged.
    pub tool: Tool,
    /// Seed of scene and plan.
    pub seed: u64,
    /// How much was demanded.
    pub profile: Profile,
    /// Whether a Should counted as a Must.
    pub strict: bool,
    /// What the harness was pointed at.
    pub target: String,
    /// What the device claims.
    pub declaration: Declaration,
    /// What was done.
    pub sessions: Vec<SessionSummary>,
    /// The verdicts.
    pub findings: Vec<Finding>,
    /// What every octet is, by session and vantage.
    pub attribution: Vec<AttributionRow>,
    /// Findings per verdict.
    pub summary: BTreeMap<Verdict, usize>,
    /// Whether every Must holds and is known to.
    pub conforms: bool,
    /// Recovered pictures, by path relative to the case.
    #[serde(skip)]
    pub pictures: BTreeMap<String, Picture>,
    /// Octets and times that reports for people show.
    #[serde(skip)]
    pub exhibits: Exhibits,
    /// Marks that were read in what the escrowed keys opened, each with the number of
    /// its session.
    #[serde(skip)]
    pub marks: Vec<(usize, Mark)>,
    /// What encryption costs, if that was measured: for the page alone.
    #[serde(skip)]
    pub throughput: Option<Throughput>,
}

/// The program that judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// Name.
    pub name: &'static str,
    /// Version.
    pub version: &'static str,
}

/// One session of the case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionSummary {
    /// Number in the report, from 1.
    pub id: usize,
    /// Transport path.
    pub path: String,
    /// What was done.
    pub stimulus: String,
    /// The circumstances.
    pub condition: String,
    /// Folder relative to the case.
    pub folder: String,
}

/// The verdict on one requirement in one session at one vantage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Id of the requirement.
    pub requirement: &'static str,
    /// How binding it is here.
    pub level: Level,
    /// Session, by its number; none if no session shows it.
    pub session: Option<usize>,
    /// Transport path.
    pub path: String,
    /// What was done.
    pub stimulus: String,
    /// The circumstances.
    pub condition: String,
    /// Where was looked.
    pub vantage: Option<Vantage>,
    /// The verdict.
    pub verdict: Verdict,
    /// How a pass is known.
    pub assurance: Option<Assurance>,
    /// Why.
    pub reason: String,
    /// Where to look.
    pub evidence: Vec<Evidence>,
}

/// What the octets of a session at one vantage are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributionRow {
    /// Session, by its number.
    pub session: usize,
    /// Transport path.
    pub path: String,
    /// Where was looked.
    pub vantage: Vantage,
    /// Octets by class.
    pub bytes: Octets,
    /// Octets of the ledger that were sent or stored.
    pub ledger_bytes: u64,
    /// Octets of these that were found in what was opened.
    pub ledger_bytes_matched: u64,
}

impl Report {
    /// The value of `schema`.
    pub const SCHEMA: &str = "lightleak.report/1";

    /// Judges a case.
    pub fn judge(case: &Case, decoder: &dyn Decoder, options: Options<'_>) -> Self {
        Self::judge_with(case, decoder, options, &Indexes::default())
    }

    /// Judges a case of several whose ledgers are partly the same: their indexes are
    /// shared. That saves time and changes nothing.
    pub fn judge_with(
        case: &Case,
        decoder: &dyn Decoder,
        options: Options<'_>,
        indexes: &Indexes,
    ) -> Self {
        let rows: Vec<_> = requirement::all()
            .filter(|r| (options.selected)(r.id))
            .collect();
        let judged = in_parallel(case.sessions.len(), |index| {
            let mut findings = Vec::new();
            let seen = Seen::look(case, &case.sessions[index], decoder, indexes);
            for vantage in Vantage::ALL {
                for row in rows.iter().filter(|row| applies(row, &seen, *vantage)) {
                    findings.push(find(row, index + 1, &seen, *vantage, options));
                }
            }
            let probed = Probed::of(&seen);
            let exhibits = Exhibits::of(index + 1, case, &seen, &findings);
            let marks = seen.presence.marks.as_deref().unwrap_or_default();
            (
                findings,
                attributed(index + 1, &seen),
                recovered(&seen),
                probed,
                exhibits,
                marks.iter().map(|m| (index + 1, *m)).collect::<Vec<_>>(),
            )
        });
        let mut exhibits = Exhibits::default();
        let (mut findings, mut attribution) = (Vec::new(), Vec::new());
        let (mut pictures, mut probed, mut marks) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (found, attributed, recovered, session, shown, read) in judged {
            findings.extend(found);
            attribution.extend(attributed);
            probed.push(session);
            marks.extend(read);
            pictures.extend(recovered);
            exhibits.extend(shown);
        }
        let shown: std::collections::BTreeSet<_> = findings
            .iter()
            .flat_map(|f: &Finding| &f.evidence)
            .filter_map(|e| e.picture.clone())
            .collect();
        pictures.retain(|name, _| shown.contains(name));
        findings.extend(unseen(case, &rows, &findings, options));
        for finding in &mut findings {
            probed::settle(finding, case, &probed);
        }

        let mut summary = BTreeMap::new();
        for finding in &findings {
            *summary.entry(finding.verdict).or_insert(0) += 1;
        }
        let first = case.sessions.first().map(|s| &s.record);
        let mut report = Self {
            schema: Self::SCHEMA,
            tool: Tool {
                name: "lightleak",
                version: env!("CARGO_PKG_VERSION"),
            },
            seed: first.map_or(0, |r| r.seed),
            profile: options.profile,
            strict: options.strict,
            target: first.map(|r| r.target.clone()).unwrap_or_default(),
            declaration: case.declaration.clone(),
            sessions: sessions(case),
            findings,
            attribution,
            summary,
            conforms: false,
            pictures,
            exhibits,
            marks,
            throughput: None,
        };
        report.conforms = report.exit_code() == 0;
        report
    }

    /// 1 a Must failed, 4 the harness could not look, 3 a Must is not known,
    /// 0 conforms: the first that applies. Where nothing that counts passed,
    /// nothing is known.
    pub fn exit_code(&self) -> u8 {
        let any = |verdict, level: Option<Level>| {
            self.findings
                .iter()
                .any(|f| f.verdict == verdict && level.is_none_or(|l| f.level == l))
        };
        let known = |f: &Finding| f.verdict == Verdict::Pass && f.level != Level::Info;
        if any(Verdict::Fail, Some(Level::Must)) {
            1
        } else if any(Verdict::Error, None) {
            4
        } else if any(Verdict::Inconclusive, Some(Level::Must)) || !self.findings.iter().any(known)
        {
            3
        } else {
            0
        }
    }

    /// The exit code in words.
    pub fn conclusion(&self) -> &'static str {
        match self.exit_code() {
            0 => "conforms",
            1 => "does not conform",
            4 => "not judged: the harness could not do its work",
            _ => "not known to conform",
        }
    }

    /// Writes `report/` into the case's folder: `report.json`, `report.html`,
    /// `report.sarif` and pictures.
    pub fn write(&self, case: &Path) -> io::Result<()> {
        let folder = case.join("report");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("report.json"), json::write(self))?;
        fs::write(folder.join("report.sarif"), sarif::write(self))?;
        fs::write(folder.join("report.html"), html::write(self))?;
        for (name, picture) in &self.pictures {
            fs::write(case.join(name), crate::picture::png(picture))?;
        }
        Ok(())
    }

    /// Findings that fail, however binding they are.
    pub fn failures(&self) -> impl Iterator<Item = &Finding> {
        let findings = self.findings.iter();
        findings.filter(|finding| finding.verdict == Verdict::Fail)
    }
}

/// Path of the recovered picture of a footage, relative to the case; what was
/// overheard comes after all footage.
pub(crate) fn picture_name(seen: &Seen<'_>, footage: usize) -> String {
    let session = seen.session.folder.rsplit('/').next().unwrap_or_default();
    let vantage = seen.footage.get(footage).map(|f| f.origin.vantage());
    let vantage = vantage.unwrap_or(Vantage::Wire).name();
    format!("report/{session}-{vantage}-{}.png", footage + 1)
}

fn sessions(case: &Case) -> Vec<SessionSummary> {
    let summary = |(index, session): (usize, &lightleak_case::Session)| SessionSummary {
        id: index + 1,
        path: session.record.path.clone(),
        stimulus: session.record.stimulus.clone(),
        condition: session.record.condition.clone(),
        folder: session.folder.clone(),
    };
    case.sessions.iter().enumerate().map(summary).collect()
}

/// A declaration alone takes nothing out: a path that is not declared is
/// judged by every row.
fn applies(row: &Requirement, seen: &Seen<'_>, vantage: Vantage) -> bool {
    let record = &seen.session.record;
    let claim = seen.declaration.path(&record.path);
    // Who promises nothing from end to end shows the viewer everything.
    let promised = claim.is_none_or(|path| path.end_to_end != EndToEnd::None);
    row.vantages.contains(&vantage)
        && seen.was_at(vantage)
        && (!HELD.contains(&vantage) || promised)
        && row.stimuli.contain(&record.stimulus)
        && claim.is_none_or(row.expects)
}

/// Presence before absence: a pass without what it needs is none, and where
/// the harness could not look for it, that is an error.
fn find(
    row: &Requirement,
    session: usize,
    seen: &Seen<'_>,
    vantage: Vantage,
    options: Options<'_>,
) -> Finding {
    let outcome = match (
        (row.check)(seen, vantage),
        seen.presence.lacks(row.needs, vantage),
    ) {
        (Outcome::Pass(..) | Outcome::NotApplicable(_) | Outcome::Inconclusive(_), _)
            if seen.presence.claims.is_err() =>
        {
            Outcome::Error(seen.presence.claims.clone().err().unwrap_or_default())
        }
        (Outcome::Pass(..) | Outcome::NotApplicable(_) | Outcome::Inconclusive(_), Some(lack))
            if seen.presence.marks.is_err() =>
        {
            Outcome::Error(lack.to_owned())
        }
        (Outcome::Pass(..) | Outcome::NotApplicable(_), Some(lack)) => {
            Outcome::Inconclusive(lack.to_owned())
        }
        (Outcome::Inconclusive(reason), Some(lack)) => {
            Outcome::Inconclusive(format!("{lack}; {reason}"))
        }
        (outcome, _) => outcome,
    };
    let (verdict, assurance, reason, evidence) = match outcome {
        Outcome::Pass(assurance, reason) => (Verdict::Pass, Some(assurance), reason, Vec::new()),
        Outcome::Fail(reason, evidence) => (Verdict::Fail, None, reason, evidence),
        Outcome::Inconclusive(reason) => (Verdict::Inconclusive, None, reason, Vec::new()),
        Outcome::NotApplicable(reason) => (Verdict::NotApplicable, None, reason, Vec::new()),
        Outcome::Error(reason) => (Verdict::Error, None, reason, Vec::new()),
    };
    let record = &seen.session.record;
    Finding {
        requirement: row.id,
        level: row.level_in(options.profile, options.strict),
        session: Some(session),
        path: record.path.clone(),
        stimulus: record.stimulus.clone(),
        condition: record.condition.clone(),
        vantage: Some(vantage),
        verdict,
        assurance,
        reason,
        evidence,
    }
}

/// Requirements of declared paths that no session shows, or not the session
/// that matters: zero checks run is never a pass.
fn unseen(
    case: &Case,
    rows: &[&'static Requirement],
    findings: &[Finding],
    options: Options<'_>,
) -> Vec<Finding> {
    let mut unseen = Vec::new();
    for path in &case.declaration.paths {
        for row in rows.iter().filter(|row| (row.expects)(path)) {
            let is_relayed = case.declaration.is_relayed(&path.id);
            let fitting = row.indispensable.iter();
            for stimulus in fitting.filter(|s| fits(s, path, is_relayed)) {
                let of_row = |f: &&Finding| {
                    (f.requirement, &*f.path, &*f.stimulus) == (row.id, &*path.id, stimulus)
                };
                let mut shown = findings.iter().filter(of_row).peekable();
                // Who never saw what the relay holds knows nothing of it.
                let is_at_relay =
                    is_relayed && *stimulus == "honest" && row.vantages.contains(&Vantage::Relay);
                let seen_there = |f: &Finding| f.vantage == Some(Vantage::Relay);
                if shown.peek().is_some() && (!is_at_relay || shown.any(seen_there)) {
                    continue;
                }
                let of_path = |s: &(usize, &Session)| {
                    (&*s.1.record.path, &*s.1.record.stimulus) == (&path.id, stimulus)
                };
                let session = (1..).zip(&case.sessions).find(of_path);
                let (verdict, vantage, reason) = unshown(row, session.map(|(_, s)| s), stimulus);
                unseen.push(Finding {
                    requirement: row.id,
                    level: row.level_in(options.profile, options.strict),
                    session: session.map(|(number, _)| number),
                    path: path.id.clone(),
                    stimulus: (*stimulus).into(),
                    condition: session.map_or("-".into(), |(_, s)| s.record.condition.clone()),
                    vantage,
                    verdict,
                    assurance: None,
                    reason,
                    evidence: Vec::new(),
                });
            }
        }
    }
    unseen
}

/// What follows where a session that matters shows nothing, or there is none. Who
/// looks into an empty card has looked.
fn unshown(
    row: &Requirement,
    session: Option<&Session>,
    stimulus: &str,
) -> (Verdict, Option<Vantage>, String) {
    let Some(session) = session else {
        let reason = format!("the case has no session of this path with {stimulus}");
        return (Verdict::Inconclusive, None, reason);
    };
    let at_rest = row.vantages.contains(&Vantage::Rest);
    match &session.rest {
        Some(rest) if at_rest && rest.is_empty() => {
            let reason = "somebody looked at what is stored, and nothing is".into();
            (Verdict::NotApplicable, Some(Vantage::Rest), reason)
        }
        _ => {
            let vantages: Vec<_> = row.vantages.iter().map(|v| v.name()).collect();
            let reason = format!("nobody looked at {}", vantages.join(" or "));
            (Verdict::Inconclusive, None, reason)
        }
    }
}

/// Whether that can be done to the path: nobody dials a memory card, and a device
/// that serves it itself has one user and no other device's.
fn fits(stimulus: &str, path: &TransportPath, is_relayed: bool) -> bool {
    const DIALS: [&str; 1] = ["port-sweep"];
    match path.carriage {
        Carriage::Recording => !DIALS.contains(&stimulus),
        _ => is_relayed || !OF_A_SERVER.contains(&stimulus),
    }
}

/// What needs accounts of several people, or viewers of one publication, or that
/// the server does it.
const OF_A_SERVER: [&str; 3] = ["active-relay", "another-users-camera", "revoked-viewer"];

fn attributed(session: usize, seen: &Seen<'_>) -> Vec<AttributionRow> {
    let row = |(vantage, account): (&Vantage, &Account)| AttributionRow {
        session,
        path: seen.session.record.path.clone(),
        vantage: *vantage,
        bytes: account.attribution.octets,
        ledger_bytes: account.proof.ledger_bytes,
        ledger_bytes_matched: account.proof.ledger_bytes_matched,
    };
    seen.accounts.iter().map(row).collect()
}

fn recovered(seen: &Seen<'_>) -> Vec<(String, Picture)> {
    let footage = seen.footage.iter().map(|f| (&f.pictures, f.mark));
    let overheard = seen.overheard.iter().map(|o| (&o.pictures, o.mark));
    let media = footage.chain(overheard).enumerate();
    media
        .filter_map(|(index, (pictures, mark))| {
            let best = mark.map_or(0, |(_, picture)| picture);
            Some((picture_name(seen, index), pictures.get(best)?.clone()))
        })
        .collect()
}

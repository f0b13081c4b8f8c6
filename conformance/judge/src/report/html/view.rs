//! The report, sorted as the page shows it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{Finding, Report},
    text,
};
use crate::{
    requirement::{self, Level, Requirement},
    verdict::Verdict,
};

/// Pictures in the page: with more it would take long to open.
const PICTURES: usize = 48;

/// A report with its findings by requirement and path.
pub(super) struct View<'a> {
    pub(super) report: &'a Report,
    /// The paths in their order in the declaration, then what else has findings.
    pub(super) paths: Vec<&'a str>,
    /// Requirements that have findings, in the catalogue's order.
    pub(super) rows: Vec<&'static Requirement>,
    /// Findings by row and path, the worst first.
    pub(super) cells: BTreeMap<(usize, usize), Cell<'a>>,
    /// Names of the recovered pictures that are in the page, those of leaks first.
    pub(super) pictures: Vec<&'a str>,
}

/// All findings on a requirement on a path.
pub(super) struct Cell<'a> {
    pub(super) row: &'static Requirement,
    pub(super) path: &'a str,
    /// Its anchor in the page.
    pub(super) anchor: String,
    /// The worst first; never empty.
    pub(super) findings: Vec<&'a Finding>,
}

impl<'a> View<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        let mut paths: Vec<&str> = Vec::new();
        let declared = report.declaration.paths.iter().map(|path| path.id.as_str());
        let others: BTreeSet<&str> = report.findings.iter().map(|f| f.path.as_str()).collect();
        for path in declared.chain(others) {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let mut sorted: BTreeMap<(&str, &str), Vec<&Finding>> = BTreeMap::new();
        for finding in &report.findings {
            let key = (finding.requirement, finding.path.as_str());
            sorted.entry(key).or_default().push(finding);
        }
        let is_found = |row: &&Requirement| {
            let mut keys = sorted.keys();
            keys.any(|(requirement, _)| *requirement == row.id)
        };
        let rows: Vec<_> = requirement::all().filter(is_found).collect();
        let mut cells = BTreeMap::new();
        for (row, requirement) in rows.iter().enumerate() {
            for (column, path) in paths.iter().enumerate() {
                let Some(mut findings) = sorted.remove(&(requirement.id, *path)) else {
                    continue;
                };
                findings.sort_by_key(|finding| {
                    std::cmp::Reverse((finding.verdict.severity(), has_picture(finding)))
                });
                let cell = Cell {
                    row: requirement,
                    path,
                    anchor: format!("{}.{}", requirement.id, column + 1),
                    findings,
                };
                cells.insert((row, column), cell);
            }
        }
        let mut view = Self {
            report,
            paths,
            rows,
            cells,
            pictures: Vec::new(),
        };
        view.pictures = view.shown();
        view
    }

    fn shown(&self) -> Vec<&'a str> {
        let mut shown = Vec::new();
        for cell in self.leaks() {
            let evidence = cell.findings.iter().flat_map(|finding| &finding.evidence);
            for name in evidence.filter_map(|evidence| evidence.picture.as_deref()) {
                if self.report.pictures.contains_key(name) && !shown.contains(&name) {
                    shown.push(name);
                }
            }
        }
        for name in self.report.pictures.keys() {
            if !shown.contains(&name.as_str()) {
                shown.push(name);
            }
        }
        shown.truncate(PICTURES);
        shown
    }

    /// Cells in which a Must fails, those with a recovered picture first.
    pub(super) fn leaks(&self) -> Vec<&Cell<'a>> {
        let leaks = self.cells.values();
        let mut leaks: Vec<_> = leaks.filter(|c| c.is_at(Verdict::Fail)).collect();
        leaks.sort_by_key(|cell| !cell.findings.iter().any(|f| has_picture(f)));
        leaks
    }

    /// Cells in which it is not known whether a Must holds.
    pub(super) fn unknown(&self) -> Vec<&Cell<'a>> {
        let cells = self.cells.values();
        let unknown = cells
            .filter(|cell| cell.is_at(Verdict::Inconclusive) || cell.findings.iter().any(is_error));
        unknown.collect()
    }

    /// The anchor of a recovered picture, if it is in the page.
    pub(super) fn picture_anchor(&self, name: &str) -> Option<String> {
        let index = self.pictures.iter().position(|shown| *shown == name)?;
        Some(format!("picture-{}", index + 1))
    }
}

impl Cell<'_> {
    /// The worst verdict.
    pub(super) fn verdict(&self) -> Verdict {
        self.findings
            .first()
            .map_or(Verdict::NotApplicable, |finding| finding.verdict)
    }

    /// The strongest level among the findings of that verdict.
    pub(super) fn level(&self) -> Level {
        let worst = self.verdict();
        let of_worst = self.findings.iter().filter(|f| f.verdict == worst);
        of_worst.map(|f| f.level).min().unwrap_or(Level::Info)
    }

    /// How many findings have that verdict.
    pub(super) fn count(&self, verdict: Verdict) -> usize {
        self.findings
            .iter()
            .filter(|f| f.verdict == verdict)
            .count()
    }

    /// Its requirement and path, in words.
    pub(super) fn name(&self) -> String {
        format!("{} on {}", self.row.id, text(self.path))
    }

    fn is_at(&self, verdict: Verdict) -> bool {
        let mut findings = self.findings.iter();
        findings.any(|f| f.verdict == verdict && f.level == Level::Must)
    }
}

fn is_error(finding: &&Finding) -> bool {
    finding.verdict == Verdict::Error
}

fn has_picture(finding: &Finding) -> bool {
    finding.evidence.iter().any(|e| e.picture.is_some())
}

/// The sign of a verdict beside its name, which does not depend on colours.
pub(super) fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "\u{2713}",
        Verdict::Fail => "\u{2717}",
        Verdict::Inconclusive => "?",
        Verdict::NotApplicable => "\u{2013}",
        Verdict::Error => "!",
    }
}

/// The class of a verdict in the style sheet.
pub(super) fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::NotApplicable => "na",
        other => other.name(),
    }
}

/// A number with its thousands apart.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            // A narrow space that no line breaks at.
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A word in the plural where there is not one.
pub(super) fn plural(count: usize, word: &str) -> String {
    let count = number(count as u64);
    match count.as_str() {
        "1" => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    }
}

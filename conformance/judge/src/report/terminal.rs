//! For people at a terminal: a line per path and vantage, then what failed,
//! why, and which file to open.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use super::{Finding, Report};
use crate::{inspect::Label, requirement, verdict::Verdict};

/// Escape sequences, or none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Whether to colour.
    pub colour: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// The word for a verdict.
    pub fn verdict(self, verdict: Verdict) -> String {
        self.cell(verdict, 0)
    }

    /// The word for what a flow is, in a column.
    pub(super) fn label(self, label: Label) -> String {
        let (code, word) = match label {
            Label::Leak => ("1;31", "LEAK"),
            Label::Sealed => ("32", "sealed"),
            Label::Undetermined => ("33", "undetermined"),
            Label::Other => ("2", "other"),
        };
        self.paint(code, &format!("{word:<12}"))
    }

    /// The word for what could not be looked at.
    pub(super) fn error(self) -> String {
        self.verdict(Verdict::Error)
    }

    /// The word for a verdict, in a column of so many characters.
    fn cell(self, verdict: Verdict, width: usize) -> String {
        let (code, word) = word(verdict);
        self.paint(code, &format!("{word:<width$}"))
    }
}

fn word(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Pass => ("32", "pass"),
        Verdict::Fail => ("1;31", "FAIL"),
        Verdict::Inconclusive => ("33", "inconclusive"),
        Verdict::NotApplicable => ("2", "not applicable"),
        Verdict::Error => ("1;35", "ERROR"),
    }
}

/// The report; `case` is where its files lie.
pub fn write(report: &Report, case: &Path, style: Style) -> String {
    let mut out = String::new();
    let device = &report.declaration.device;
    let _ = writeln!(
        out,
        "{} {} {} (unit {}), target {}, seed {}, profile {}",
        plain(&device.vendor),
        plain(&device.model),
        plain(&device.serial),
        device.unit,
        plain(&report.target),
        report.seed,
        report.profile.name(),
    );

    let mut places: BTreeMap<(&str, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        let vantage = finding.vantage.map_or("-", |v| v.name());
        places
            .entry((&finding.path, vantage))
            .or_default()
            .push(finding);
    }
    let worst = |findings: &[&Finding]| {
        Verdict::worst(findings.iter().map(|f| f.verdict)).unwrap_or(Verdict::Pass)
    };
    let paths = places.keys().map(|(path, _)| path.len()).max();
    let words = places.values().map(|of| word(worst(of)).1.len()).max();
    let (paths, words) = (paths.unwrap_or_default(), words.unwrap_or_default());
    for ((path, vantage), findings) in places {
        let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
        for finding in &findings {
            *counts.entry(finding.verdict).or_default() += 1;
        }
        let counts: Vec<_> = counts
            .iter()
            .map(|(v, n)| format!("{n} {}", v.name()))
            .collect();
        let _ = writeln!(
            out,
            "{:<paths$}  {vantage:<5}  {}  {}",
            plain(path),
            style.cell(worst(&findings), words),
            counts.join(", ")
        );
    }

    for finding in &report.findings {
        if matches!(finding.verdict, Verdict::Pass | Verdict::NotApplicable) {
            continue;
        }
        let row = requirement::all().find(|r| r.id == finding.requirement);
        let level = finding.level.name();
        let _ = writeln!(
            out,
            "\n{} {} ({level}) {} under {}: {}",
            style.verdict(finding.verdict),
            finding.requirement,
            plain(&finding.path),
            plain(&finding.stimulus),
            plain(&finding.reason),
        );
        if let Some(row) = row {
            let _ = writeln!(
                out,
                "  demanded: {} [{} {}]",
                row.title, row.source.document, row.source.clause
            );
        }
        for evidence in finding.evidence.iter().take(3) {
            let _ = writeln!(
                out,
                "  {}: {}: {}",
                file(case, &evidence.capture),
                evidence.place(),
                plain(&evidence.why)
            );
            if let Some(picture) = &evidence.picture {
                let mark = evidence
                    .mark
                    .map(|m| {
                        format!(
                            ", mark: unit {}, frame {}, nonce {:08x}",
                            m.unit, m.frame, m.nonce
                        )
                    })
                    .unwrap_or_default();
                let _ = writeln!(out, "  picture: {}{mark}", file(case, picture));
            }
        }
        if finding.evidence.len() > 3 {
            let _ = writeln!(
                out,
                "  and {} more in report.json",
                finding.evidence.len() - 3
            );
        }
    }

    let colour = match report.exit_code() {
        0 => "1;32",
        1 => "1;31",
        4 => "1;35",
        _ => "1;33",
    };
    let verdict = style.paint(colour, report.conclusion());
    let _ = writeln!(
        out,
        "\n{verdict}; report: {}, to look at: {}",
        file(case, "report/report.json"),
        file(case, "report/report.html")
    );
    out
}

fn file(case: &Path, name: &str) -> String {
    plain(&case.join(name).display().to_string())
}

/// Text from outside, without what a terminal would obey: a vendor's words are
/// not to look like ours.
pub(super) fn plain(text: &str) -> String {
    let obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.replace(obeyed, "\u{fffd}")
}

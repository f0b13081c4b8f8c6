//! Markdown, the size of a comment on a pull request.

use std::{collections::BTreeSet, fmt::Write as _};

use super::{Finding, Report};
use crate::{requirement, verdict::Verdict};

/// How many findings that do not pass are told in full.
const TOLD: usize = 20;

/// The longest reason, in characters.
const REASON: usize = 300;

/// The report as Markdown.
pub fn write(report: &Report) -> String {
    let mut out = String::new();
    let device = &report.declaration.device;
    let _ = writeln!(out, "## lightleak: {}\n", report.conclusion());
    let _ = writeln!(
        out,
        "{} {} {}, target {}, seed {}, profile {}\n",
        plain(&device.vendor),
        plain(&device.model),
        plain(&device.serial),
        code(&report.target),
        report.seed,
        report.profile.name(),
    );

    let paths: BTreeSet<&str> = report.findings.iter().map(|f| f.path.as_str()).collect();
    let _ = writeln!(
        out,
        "| requirement | {} |",
        join(paths.iter().map(|p| plain(p)))
    );
    let _ = writeln!(out, "|---|{}", "---|".repeat(paths.len()));
    for row in requirement::all() {
        let cells: Vec<_> = paths
            .iter()
            .map(|path| cell(report, row.id, path))
            .collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            let _ = writeln!(
                out,
                "| {} {} | {} |",
                row.id,
                plain(row.title),
                join(cells.into_iter())
            );
        }
    }

    let odd: Vec<_> = report
        .findings
        .iter()
        .filter(|f| !matches!(f.verdict, Verdict::Pass | Verdict::NotApplicable))
        .collect();
    if !odd.is_empty() {
        let _ = writeln!(out);
    }
    for finding in odd.iter().take(TOLD) {
        let _ = writeln!(out, "- {}", line(finding));
    }
    if odd.len() > TOLD {
        let _ = writeln!(out, "- and {} more in report.json", odd.len() - TOLD);
    }
    out
}

fn join(cells: impl Iterator<Item = String>) -> String {
    cells.collect::<Vec<_>>().join(" | ")
}

/// The worst verdict of a requirement on a path; nothing if it was not judged.
fn cell(report: &Report, requirement: &str, path: &str) -> String {
    let findings = report.findings.iter();
    let own = findings.filter(|f| f.requirement == requirement && f.path == path);
    match Verdict::worst(own.map(|f| f.verdict)) {
        Some(Verdict::Pass) => "pass".into(),
        Some(verdict) => format!("**{}**", verdict.name()),
        None => String::new(),
    }
}

fn line(finding: &Finding) -> String {
    let mut text = format!(
        "**{}** {} ({}) {} under {}: {}",
        finding.verdict.name(),
        finding.requirement,
        finding.level.name(),
        plain(&finding.path),
        plain(&finding.stimulus),
        plain(&finding.reason),
    );
    if let Some(evidence) = finding.evidence.first() {
        let _ = write!(text, " ({}, {})", code(&evidence.capture), evidence.place());
    }
    text
}

/// Text of others as text: no markup, no lines of its own.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars().take(REASON) {
        match character {
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '&' | '!' | '~' | '@' => {
                out.push('\\');
                out.push(character);
            }
            other if other.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    if text.chars().count() > REASON {
        out.push_str("...");
    }
    out
}

/// The same as code, in the line where it is.
fn code(text: &str) -> String {
    let inside = text.replace('`', "'").replace(char::is_control, " ");
    format!("`{inside}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_no_markup() {
        assert_eq!(plain("a|b\n# [x](y) <b>"), "a\\|b \\# \\[x\\](y) \\<b\\>");
        assert_eq!(plain(&"x".repeat(400)).len(), REASON + 3);
        assert_eq!(code("shim:a `b`\n\n# [x](y)"), "`shim:a 'b'  # [x](y)`");
    }
}

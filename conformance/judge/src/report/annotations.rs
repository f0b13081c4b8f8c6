//! Annotations of a pull request: workflow commands of GitHub Actions.

use std::fmt::Write as _;

use super::{Finding, Report};
use crate::{
    requirement::{self, Level},
    verdict::Verdict,
};

/// How many of a kind a step shows; of more, GitHub drops the last.
const MOST: usize = 10;

/// The longest message, in characters.
const MESSAGE: usize = 1000;

/// The report as commands, a line each: an error where a Must failed, is not known, or
/// could not be looked at, a warning where a Should failed. What is not told for want of
/// room is counted in the last one.
pub fn write(report: &Report) -> String {
    let mut out = String::new();
    for (kind, is_it) in [
        ("error", is_error as fn(&Finding) -> bool),
        ("warning", is_warning),
    ] {
        let mut findings: Vec<_> = report.findings.iter().filter(|f| is_it(f)).collect();
        // Leaks first.
        findings.sort_by_key(|finding| finding.verdict != Verdict::Fail);
        let told = match findings.len() {
            0..=MOST => findings.len(),
            _ => MOST - 1,
        };
        for finding in &findings[..told] {
            let _ = writeln!(
                out,
                "::{kind} title={}::{}",
                property(&title(finding)),
                data(&message(finding))
            );
        }
        if told < findings.len() {
            let more = findings.len() - told;
            let _ = writeln!(
                out,
                "::{kind} title=lightleak::{more} more are in the report"
            );
        }
    }
    out
}

fn is_error(finding: &Finding) -> bool {
    match finding.verdict {
        Verdict::Fail | Verdict::Inconclusive => finding.level == Level::Must,
        Verdict::Error => true,
        _ => false,
    }
}

fn is_warning(finding: &Finding) -> bool {
    finding.verdict == Verdict::Fail && finding.level == Level::Should
}

fn title(finding: &Finding) -> String {
    let Finding {
        requirement,
        path,
        stimulus,
        ..
    } = finding;
    let what = match finding.verdict {
        Verdict::Fail => "",
        Verdict::Inconclusive => " is not known",
        _ => " could not be judged",
    };
    format!("{requirement}{what}: {path} under {stimulus}")
}

fn message(finding: &Finding) -> String {
    let mut message: String = finding.reason.chars().take(MESSAGE).collect();
    let row = requirement::all().find(|row| row.id == finding.requirement);
    if let Some(row) = row {
        let quote = row.source;
        let _ = write!(
            message,
            "\ndemanded: {} [{} {}]",
            row.title, quote.document, quote.clause
        );
    }
    if let Some(first) = finding.evidence.first() {
        let _ = write!(message, "\n{}, {}", first.capture, first.place());
    }
    message
}

/// What a command says, where the runner takes off these escapes.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The same for the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{finding, report};

    #[test]
    fn what_fails_is_told_in_a_line_of_its_own() {
        let mut leak = finding(Verdict::Fail, Level::Must);
        // A device says what it likes.
        leak.reason = "100 %, \r\n::set-env name=PATH::/tmp".into();
        let told = [
            finding(Verdict::Inconclusive, Level::Must),
            leak,
            finding(Verdict::Fail, Level::Should),
            finding(Verdict::Pass, Level::Must),
            finding(Verdict::Inconclusive, Level::Should),
            finding(Verdict::Error, Level::Info),
        ];
        insta::assert_snapshot!(write(&report(told.into())));
    }

    #[test]
    fn no_more_are_told_than_are_shown() {
        let leaks = |count| report(vec![finding(Verdict::Fail, Level::Must); count]);
        assert_eq!(write(&leaks(10)).lines().count(), 10);
        let told = write(&leaks(25));
        assert_eq!(told.lines().count(), 10);
        assert!(told.ends_with("::error title=lightleak::16 more are in the report\n"));
        assert_eq!(write(&leaks(0)), "");
    }
}

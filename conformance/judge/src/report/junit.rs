//! JUnit XML, for CI systems: a suite per session, a case per finding. An
//! inconclusive Must is a failure, for CI must not go green on it.

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::{Finding, Report};
use crate::{requirement::Level, verdict::Verdict};

/// The report as JUnit XML.
pub fn write(report: &Report) -> String {
    let mut document = Document::new("lightleak");
    let sessions = report.sessions.iter().map(|s| Some(s.id));
    for session in sessions.chain([None]) {
        let mut findings = report
            .findings
            .iter()
            .filter(|f| f.session == session)
            .peekable();
        let Some(first) = findings.peek() else {
            continue;
        };
        let mut suite = TestSuite::new(place(first));
        suite.add_test_cases(findings.map(case));
        document.add_test_suite(suite);
    }
    let text = document
        .to_string()
        .expect("writing to memory does not fail");
    // Every suite says how many it skipped; the schema of Jenkins has no sum of them.
    text.replacen(&format!(" skipped=\"{}\"", document.skipped), "", 1)
}

fn case(finding: &Finding) -> TestCase {
    let vantage = finding.vantage.map_or("-", |v| v.name());
    let mut case = TestCase::new(
        format!("{} {vantage}", finding.requirement),
        status(finding),
    );
    case.set_classname(place(finding));
    case
}

/// Path, stimulus and condition.
fn place(finding: &Finding) -> String {
    format!(
        "{}.{}.{}",
        finding.path, finding.stimulus, finding.condition
    )
}

fn status(finding: &Finding) -> TestCaseStatus {
    let kind = match (finding.verdict, finding.level) {
        (Verdict::Pass, _) => return TestCaseStatus::success(),
        (Verdict::Error, _) => NonSuccessKind::Error,
        (Verdict::Fail | Verdict::Inconclusive, Level::Must) => NonSuccessKind::Failure,
        (Verdict::Fail | Verdict::Inconclusive | Verdict::NotApplicable, _) => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(format!("{}: {}", finding.verdict.name(), finding.reason));
            return skipped;
        }
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(finding.verdict.name());
    status.set_message(finding.reason.clone());
    let evidence = finding
        .evidence
        .iter()
        .map(|e| format!("{}: {}: {}", e.capture, e.place(), e.why));
    let evidence: Vec<_> = evidence.collect();
    if !evidence.is_empty() {
        status.set_description(evidence.join("\n"));
    }
    status
}

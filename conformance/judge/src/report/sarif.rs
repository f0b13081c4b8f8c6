//! SARIF 2.1.0 (OASIS), for code scanning: a rule per requirement, a result per
//! finding that fails. An inconclusive Must is a result too, for nobody's scan is to
//! go green on it; where the harness could not look, that is a notification.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Finding, Report};
use crate::{
    requirement::{self, Level, Reading, Requirement},
    verdict::{Evidence, Verdict},
};

/// What evidence beyond the first is told of a result; all is in `report.json`.
const RELATED: usize = 20;

/// Base of the addresses of evidence: the folder of the case, wherever it lies.
const CASE: &str = "CASE";

/// The report as indented JSON with a final newline. Addresses are relative to the
/// case. Who shows text regions only finds a frame by the number of its line, as in
/// the list that tshark prints; the exact place is in the location's properties.
pub fn write(report: &Report) -> String {
    let rules: BTreeMap<_, _> = requirement::all().map(|row| row.id).zip(0..).collect();
    let told = report.findings.iter().filter(|finding| is_result(finding));
    let unseen = report.findings.iter();
    let unseen = unseen.filter(|finding| finding.verdict == Verdict::Error);
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": report.tool.name,
                "version": report.tool.version,
                "semanticVersion": report.tool.version,
                "rules": requirement::all().map(|row| rule(row, report)).collect::<Vec<_>>(),
            } },
            "automationDetails": { "id": format!("{}/{}/", report.tool.name, report.target) },
            "originalUriBaseIds": { CASE: { "description": { "text": "The folder of the case." } } },
            "invocations": [{
                "executionSuccessful": !report.findings.iter().any(|f| f.verdict == Verdict::Error),
                "exitCode": report.exit_code(),
                "toolExecutionNotifications":
                    unseen.map(|finding| notification(finding, report, &rules)).collect::<Vec<_>>(),
            }],
            "results": told.map(|finding| result(finding, report, &rules)).collect::<Vec<_>>(),
            "properties": {
                "conclusion": report.conclusion(),
                "profile": report.profile.name(),
                "seed": report.seed,
                "strict": report.strict,
            },
        }],
    });
    format!("{log:#}\n")
}

fn is_result(finding: &Finding) -> bool {
    match finding.verdict {
        Verdict::Fail => true,
        Verdict::Inconclusive => finding.level == Level::Must,
        Verdict::Pass | Verdict::NotApplicable | Verdict::Error => false,
    }
}

fn rule(row: &Requirement, report: &Report) -> Value {
    let quote = row.source;
    let clause = format!("{} {}", quote.document, quote.clause);
    let read = match quote.read {
        Reading::InText => "read in its text",
        Reading::SecondHand => "read second-hand",
    };
    let level = row.level_in(report.profile, report.strict);
    let area = row.id.split('-').next().unwrap_or_default();
    let look = "The evidence names a capture or file of the case, the frame, and the offset in it: \
        in Wireshark, frame.number == N.";
    json!({
        "id": row.id,
        "shortDescription": { "text": row.title },
        "fullDescription": { "text": format!("{} [{clause}]", row.title) },
        "help": {
            "text": format!("{}.\n\n{clause} ({read}): {}\n\n{look}", row.title, quote.text),
            "markdown": format!(
                "{}.\n\n{clause} ({read}):\n\n> {}\n\n{look}",
                row.title, quote.text
            ),
        },
        "defaultConfiguration": { "level": level_name(level) },
        "properties": { "tags": ["security", area], "precision": "very-high" },
    })
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::Must => "error",
        Level::Should => "warning",
        Level::Info => "note",
    }
}

fn result(finding: &Finding, report: &Report, rules: &BTreeMap<&str, usize>) -> Value {
    let evidence = &finding.evidence;
    let locations = match evidence.first() {
        Some(first) => [location(first, finding)],
        None => [nowhere(finding, report)],
    };
    let mut related = Vec::new();
    for location in evidence.iter().skip(1).map(|e| location(e, finding)) {
        // No two may be the same.
        if related.len() < RELATED && !related.contains(&location) {
            related.push(location);
        }
    }
    json!({
        "ruleId": finding.requirement,
        "ruleIndex": rules.get(finding.requirement),
        "level": level_name(finding.level),
        "message": { "text": sentence(finding) },
        "locations": locations,
        "relatedLocations": related,
        "partialFingerprints": fingerprints(finding),
        "suppressions": [],
        "properties": {
            "path": finding.path,
            "stimulus": finding.stimulus,
            "condition": finding.condition,
            "vantage": finding.vantage.map(|vantage| vantage.name()),
            "verdict": finding.verdict.name(),
            "evidence": evidence.len(),
        },
    })
}

fn notification(finding: &Finding, report: &Report, rules: &BTreeMap<&str, usize>) -> Value {
    json!({
        "level": "error",
        "message": { "text": sentence(finding) },
        "associatedRule": {
            "id": finding.requirement,
            "index": rules.get(finding.requirement),
        },
        "locations": [nowhere(finding, report)],
    })
}

/// What is said of a finding.
fn sentence(finding: &Finding) -> String {
    let vantage = finding.vantage.map_or("-", |v| v.name());
    let doubt = match finding.verdict {
        Verdict::Fail => "",
        Verdict::Error => "the harness could not look: ",
        _ => "not known whether it holds: ",
    };
    literal(&format!(
        "{} under {} ({}), at {vantage}: {doubt}{}",
        finding.path, finding.stimulus, finding.condition, finding.reason
    ))
}

/// Text of others as text: no placeholder (3.11.5) and no link (3.11.6).
fn literal(text: &str) -> String {
    text.replace('{', "{{")
        .replace('}', "}}")
        .replace("](", "] (")
}

fn location(evidence: &Evidence, finding: &Finding) -> Value {
    let mut location = physical(&evidence.capture, evidence.packet, finding);
    let why = format!("{}: {}", evidence.place(), evidence.why);
    location["message"] = json!({ "text": literal(&why) });
    location["properties"] = json!({
        "frame": evidence.packet,
        "offset": evidence.offset,
        "length": evidence.length,
        "picture": evidence.picture,
    });
    location
}

/// Where a finding without evidence is shown: its session, or what the device claims.
fn nowhere(finding: &Finding, report: &Report) -> Value {
    let session = report.sessions.iter();
    let mut session = session.filter(|session| Some(session.id) == finding.session);
    let file = match session.next() {
        Some(session) => format!("{}/session.toml", session.folder),
        None => "declaration.toml".into(),
    };
    physical(&file, 0, finding)
}

fn physical(file: &str, packet: u64, finding: &Finding) -> Value {
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": address(file), "uriBaseId": CASE },
            "region": { "startLine": packet.max(1) },
        },
        "logicalLocations": [{ "name": finding.path, "kind": "resource" }],
    })
}

/// A relative reference (RFC 3986 4.2) to a file of the case.
fn address(file: &str) -> String {
    let octet = |octet: u8| match octet {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
            char::from(octet).to_string()
        }
        _ => format!("%{octet:02X}"),
    };
    file.bytes().map(octet).collect()
}

/// The same finding has the same ones in every run, whatever the seed, and however
/// many packets there were. Code scanning tracks results by `primaryLocationLineHash`.
fn fingerprints(finding: &Finding) -> Value {
    let vantage = finding.vantage.map_or("-", |v| v.name());
    let mut hash = Sha256::new();
    for part in [
        finding.requirement,
        &finding.path,
        &finding.stimulus,
        &finding.condition,
        vantage,
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let hash: String = hash.finalize()[..16]
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    json!({ "lightleakFinding/v1": hash, "primaryLocationLineHash": format!("{hash}:1") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{finding, report};

    fn run(report: &Report) -> Value {
        let log: Value = serde_json::from_str(&write(report)).unwrap();
        log["runs"][0].clone()
    }

    #[test]
    fn what_fails_or_is_not_known_is_a_result() {
        let told = |verdict, level| {
            let report = report(vec![finding(verdict, level)]);
            run(&report)["results"][0]["level"].clone()
        };
        assert_eq!(told(Verdict::Fail, Level::Must), "error");
        assert_eq!(told(Verdict::Fail, Level::Should), "warning");
        assert_eq!(told(Verdict::Fail, Level::Info), "note");
        assert_eq!(told(Verdict::Inconclusive, Level::Must), "error");
        assert_eq!(told(Verdict::Inconclusive, Level::Should), Value::Null);
        assert_eq!(told(Verdict::Pass, Level::Must), Value::Null);
        assert_eq!(told(Verdict::NotApplicable, Level::Must), Value::Null);
        assert_eq!(told(Verdict::Error, Level::Must), Value::Null);
    }

    #[test]
    fn a_harness_that_could_not_look_says_so() {
        let run = run(&report(vec![finding(Verdict::Error, Level::Must)]));
        let invocation = &run["invocations"][0];
        assert_eq!(invocation["executionSuccessful"], false);
        assert_eq!(invocation["exitCode"], 4);
        let notification = &invocation["toolExecutionNotifications"][0];
        assert_eq!(notification["associatedRule"]["id"], "XC-01");
    }

    #[test]
    fn fingerprints_are_of_the_finding_and_not_of_the_run() {
        let fingerprint = |finding: &Finding| fingerprints(finding)["lightleakFinding/v1"].clone();
        let first = finding(Verdict::Fail, Level::Must);
        let mut again = first.clone();
        again.session = Some(7);
        again.reason = "another packet".into();
        again.evidence.clear();
        assert_eq!(fingerprint(&first), fingerprint(&again));
        // Written into other people's trackers: it never changes.
        assert_eq!(fingerprint(&first), "48bb47c8b88f359f4b19b969425cff0d");
        let changes: [fn(&mut Finding); 5] = [
            |f| f.requirement = "XC-02",
            |f| f.path.push('2'),
            |f| f.stimulus.push('2'),
            |f| f.condition.push('2'),
            |f| f.vantage = None,
        ];
        for change in changes {
            let mut other = first.clone();
            change(&mut other);
            assert_ne!(fingerprint(&first), fingerprint(&other));
        }
    }

    #[test]
    fn evidence_is_named_by_capture_frame_and_offset() {
        let run = run(&report(vec![finding(Verdict::Fail, Level::Must)]));
        let result = &run["results"][0];
        let location = &result["locations"][0];
        // What is told twice stands there once.
        let related = result["relatedLocations"].as_array().unwrap();
        assert_eq!(related.len(), 1);
        let physical = &location["physicalLocation"];
        assert_eq!(
            physical["artifactLocation"]["uri"],
            "sessions/01/rest/a%20clip%25.mp4"
        );
        assert_eq!(physical["region"]["startLine"], 12);
        assert_eq!(location["properties"]["offset"], 54);
        let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], "XC-01");
    }

    #[test]
    fn what_others_wrote_is_no_placeholder_and_no_link() {
        assert_eq!(
            literal("{0} [x](http://y) [::1]:1"),
            "{{0}} [x] (http://y) [::1]:1"
        );
    }
}

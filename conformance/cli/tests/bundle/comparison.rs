//! What `compare` says of two reports.

use lightleak_judge::report::comparison::{Comparison, Recorded};

/// Findings as `requirement path level verdict assurance`.
fn report(version: &str, findings: &[&str]) -> Recorded {
    let finding = |finding: &&str| {
        let words: Vec<_> = finding.split(' ').collect();
        serde_json::json!({
            "requirement": words[0], "level": words[2], "session": 1,
            "path": words[1], "stimulus": "honest", "condition": "default",
            "vantage": "wire", "verdict": words[3],
            "assurance": words.get(4), "reason": format!("so it is in {version}"),
            "evidence": [],
        })
    };
    let json = serde_json::json!({
        "schema": "lightleak.report/1", "tool": {"name": "lightleak", "version": version},
        "profile": "secure", "findings": findings.iter().map(finding).collect::<Vec<_>>(),
    });
    Recorded::read(json.to_string().as_bytes()).unwrap()
}

#[test]
fn every_kind_of_change_is_told() {
    let old = report(
        "0.1.0",
        &[
            "XC-01 nvr must pass absence",
            "XC-02 nvr must fail",
            "XC-03 nvr must pass opened",
            "XC-03 nvr must pass opened",
            "XC-04 nvr must pass opened",
            "XC-05 nvr must pass opened",
            "XC-06 nvr info pass opened",
            "XC-07 nvr must pass opened",
        ],
    );
    let new = report(
        "0.2.0",
        &[
            "XC-01 nvr must fail",
            "XC-01 app must fail",
            "XC-02 nvr must pass identified",
            "XC-03 nvr must pass opened",
            "XC-03 nvr must inconclusive",
            "XC-04 nvr must pass absence",
            "XC-05 nvr must not_applicable",
            "XC-06 nvr info fail",
            "XC-08 nvr must fail",
            "XC-09 nvr must pass opened",
        ],
    );
    let comparison = Comparison::of(&old, &new);
    insta::assert_snapshot!("comparison.txt", comparison.table());
    insta::assert_snapshot!("comparison.json", comparison.json());
    assert_eq!(comparison.regressions(), 4);
    let same = Comparison::of(&new, &new);
    assert_eq!(same.regressions(), 0);
    assert_eq!(
        same.table(),
        "0 worse, 0 better, 0 new, 0 gone, 9 the same: no regression\n"
    );
}

#[test]
fn what_is_no_report_is_named() {
    let error = |json: &str| Recorded::read(json.as_bytes()).unwrap_err();
    assert!(error("{").starts_with("is no report of lightleak"));
    assert_eq!(
        error(r#"{"schema":"lightleak.report/2"}"#),
        r#"expected schema "lightleak.report/1", found "lightleak.report/2""#
    );
}

//! A path that a server serves for the device: what the server holds is judged
//! like the wire, and opens with nothing that the server was told.

use lightleak_case::{Case, Vantage};
use lightleak_judge::{
    report::Finding,
    verdict::Verdict::{Fail, Inconclusive, Pass},
};

use crate::{case::*, rtc::*};

const PORTAL: &str = "portal.webrtc";

/// The same as at the device, but that the device is somebody else.
fn relayed(plan: &Plan) -> Case {
    let mut case = case_of(plan);
    case.declaration.device.addresses = vec!["192.0.2.250".parse().unwrap()];
    case.declaration.endpoints[0].path = PORTAL.into();
    case.declaration.paths[0].id = PORTAL.into();
    let session = &mut case.sessions[0];
    session.record.path = PORTAL.into();
    let held = session.captures[&Vantage::Peer].clone();
    session.captures.insert(Vantage::Relay, held);
    case
}

fn at_relay(case: &Case, id: &str) -> Finding {
    let report = judge(case);
    let mut findings = report.findings.iter();
    let found = findings.find(|f| f.requirement == id && f.vantage == Some(Vantage::Relay));
    found.unwrap_or_else(|| panic!("no {id}")).clone()
}

#[test]
fn what_the_server_holds_is_explained_and_proven() {
    let case = relayed(&Plan::default());
    for id in [
        "XC-01", "XC-03", "XC-07", "SFR-01", "SFR-02", "SFR-03", "SFR-04", "SFR-05", "SFR-06",
        "SFR-08", "SFR-11",
    ] {
        expect(&at_relay(&case, id), Pass, "");
        expect(&of(&judge(&case), id), Pass, "");
    }
    let report = judge(&case);
    let mut rows = report.attribution.iter();
    let row = rows.find(|row| row.vantage == Vantage::Relay).unwrap();
    assert_eq!(row.bytes.unexplained, 0, "{row:?}");
    assert!(row.ledger_bytes > 0);
    assert_eq!(row.ledger_bytes_matched, row.ledger_bytes);
}

#[test]
fn what_the_server_was_told_opens_nothing() {
    let with = |sframe| Plan {
        sframe,
        ..Plan::default()
    };
    let told = relayed(&with(Sframe::KeyInClear));
    expect(
        &at_relay(&told, "SFR-11"),
        Fail,
        "with a key that the server was told",
    );
    let clear = relayed(&with(Sframe::Clear));
    expect(&at_relay(&clear, "SFR-11"), Fail, "is no SFrame");
    expect(&at_relay(&clear, "XC-01"), Fail, "video");
}

#[test]
fn frames_are_judged_as_the_server_holds_them() {
    for (id, sframe, words) in [
        ("SFR-01", Sframe::NonMinimal, "more octets"),
        ("SFR-02", Sframe::SameCounter, "another frame"),
        ("SFR-03", Sframe::ConcatenatedNonce, "the counter behind it"),
        ("SFR-04", Sframe::Draft, "a draft alone"),
        ("SFR-05", Sframe::NoMetadata, "without its metadata"),
        ("SFR-08", Sframe::ShortTag, "32 bits"),
    ] {
        let case = relayed(&Plan {
            sframe,
            ..Plan::default()
        });
        let finding = at_relay(&case, id);
        expect(&finding, Fail, words);
        let held = |capture: &str| capture.ends_with("/relay.pcapng");
        assert!(
            finding.evidence.iter().all(|e| held(&e.capture)),
            "{finding:?}"
        );
        assert!(!finding.evidence.is_empty());
    }
}

#[test]
fn who_did_not_look_at_the_server_does_not_know() {
    let mut case = relayed(&Plan::default());
    case.sessions[0].captures.remove(&Vantage::Relay);
    let report = judge(&case);
    for id in [
        "SFR-01", "SFR-02", "SFR-03", "SFR-04", "SFR-05", "SFR-06", "SFR-08", "SFR-11",
    ] {
        let unknown = |f: &&Finding| f.requirement == id && f.verdict == Inconclusive;
        let mut found = report.findings.iter().filter(unknown);
        assert!(found.any(|f| f.reason.contains("nobody looked at")), "{id}");
    }
}

#[test]
fn where_nobody_published_nothing_is_known_of_it() {
    let report = judge(&relayed(&Plan::default()));
    for id in ["WHIP-01", "WHIP-02", "WRTC-10", "SFR-13"] {
        expect(&of(&report, id), Inconclusive, "");
    }
}

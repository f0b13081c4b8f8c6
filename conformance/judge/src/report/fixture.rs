//! A small report, for the tests of its formats.

use std::collections::BTreeMap;

use lightleak_case::{Declaration, Device, Vantage};

use super::{Finding, Report, Tool, exhibits::Exhibits};
use crate::{
    requirement::{Level, Profile},
    verdict::{Evidence, Verdict},
};

/// A finding of XC-01 with three pieces of evidence.
pub(super) fn finding(verdict: Verdict, level: Level) -> Finding {
    let evidence = Evidence {
        capture: "sessions/01/rest/a clip%.mp4".into(),
        packet: 12,
        offset: 54,
        length: 24,
        why: "a slice".into(),
        ..Evidence::default()
    };
    Finding {
        requirement: "XC-01",
        level,
        session: None,
        path: "nvr.rtsps".into(),
        stimulus: "honest".into(),
        condition: "default".into(),
        vantage: Some(Vantage::Rest),
        verdict,
        assurance: None,
        reason: "plain".into(),
        evidence: vec![evidence; 3],
    }
}

/// A report with these findings.
pub(super) fn report(findings: Vec<Finding>) -> Report {
    let device = Device {
        vendor: String::new(),
        model: String::new(),
        serial: String::new(),
        firmware: String::new(),
        unit: 1,
        addresses: Vec::new(),
        clip_list_key: None,
        owner_key: None,
    };
    Report {
        schema: Report::SCHEMA,
        tool: Tool {
            name: "lightleak",
            version: "0",
        },
        seed: 1,
        profile: Profile::Secure,
        strict: false,
        target: "sim".into(),
        declaration: Declaration {
            schema: String::new(),
            device,
            endpoints: Vec::new(),
            paths: Vec::new(),
        },
        sessions: Vec::new(),
        findings,
        attribution: Vec::new(),
        summary: BTreeMap::new(),
        conforms: false,
        pictures: BTreeMap::new(),
        exhibits: Exhibits::default(),
        marks: Vec::new(),
        throughput: None,
    }
}

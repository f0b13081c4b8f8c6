use std::collections::BTreeMap;

use lightleak_case::{
    Carriage, Declaration, Device, EndToEnd, Endpoint, Hop, TransportPath, TransportProtocol,
    Vantage,
};

use super::*;
use crate::{
    attribution::{Class, Octets},
    decoder::Picture,
    mark::Mark,
    report::{
        AttributionRow, Finding, SessionSummary, Tool,
        exhibits::{Excerpt, Exhibits, PARTS, TimeLine},
    },
    requirement::{Level, Profile},
    verdict::{Assurance, Evidence, Verdict},
};

/// Whatever others write: it would be obeyed if it were not escaped, in text and in
/// attributes.
const HOSTILE: &str = "<script>alert('x')</script>\" onload=\"alert(1)\u{202e}";

/// A leak, a pass and what is not known on a path.
fn small(text: &str) -> Report {
    let capture = "sessions/01-nvr.rtsps-port-sweep-default/wire.pcapng";
    let mark = Mark {
        unit: 7,
        frame: 12,
        nonce: 0xbad_cafe,
    };
    let leak = Evidence {
        capture: capture.into(),
        packet: 12,
        offset: 54,
        length: 6,
        why: format!("{text} plays"),
        picture: Some("report/leak.png".into()),
        mark: Some(mark),
    };
    let excerpt = Excerpt {
        start: 48,
        octets: b"\0\0\0\0\0\0<b>leak".to_vec(),
        whole: 61,
        classes: vec![(0..54, Class::Header), (54..61, Class::Unexplained)],
        time_ns: Some(1_500_000_000),
        flow: Some((
            TransportProtocol::Tcp,
            "192.0.2.10:554".parse().unwrap(),
            "192.0.2.20:4001".parse().unwrap(),
        )),
    };
    let place = (capture.to_owned(), 12, 54, 6);
    let mut sent = vec![0; PARTS];
    sent[60] = 1_200;
    let line = TimeLine {
        start_ns: 1_000_000_000,
        end_ns: 2_000_000_000,
        sent,
        others: vec![10; PARTS],
    };
    let finding = |requirement, verdict| Finding {
        requirement,
        level: Level::Must,
        session: Some(1),
        path: text.into(),
        stimulus: text.into(),
        condition: text.into(),
        vantage: Some(Vantage::Wire),
        verdict,
        assurance: (verdict == Verdict::Pass).then_some(Assurance::Opened),
        reason: format!("because of {text}"),
        evidence: Vec::new(),
    };
    let findings = vec![
        finding("XC-01", Verdict::Pass),
        Finding {
            evidence: vec![leak],
            ..finding("XC-07", Verdict::Fail)
        },
        finding("XC-02", Verdict::Inconclusive),
    ];
    let picture = Picture {
        width: 2,
        height: 2,
        y: vec![235, 16, 81, 41],
        u: vec![90],
        v: vec![240],
        damaged: false,
    };
    Report {
        schema: Report::SCHEMA,
        tool: Tool {
            name: "lightleak",
            version: "0.0.0",
        },
        seed: 1,
        profile: Profile::Secure,
        strict: false,
        target: text.into(),
        declaration: Declaration {
            schema: Declaration::SCHEMA.into(),
            device: Device {
                vendor: text.into(),
                model: text.into(),
                serial: text.into(),
                firmware: text.into(),
                unit: 7,
                addresses: vec!["192.0.2.10".parse().unwrap()],
                clip_list_key: None,
                owner_key: None,
            },
            endpoints: vec![Endpoint {
                transport: TransportProtocol::Tcp,
                address: "192.0.2.10".parse().unwrap(),
                port: 322,
                path: text.into(),
            }],
            paths: vec![TransportPath {
                id: text.into(),
                url: text.into(),
                carriage: Carriage::RtspInterleaved,
                hop: Hop::Tls,
                end_to_end: EndToEnd::None,
                pages: Vec::new(),
            }],
        },
        sessions: vec![SessionSummary {
            id: 1,
            path: text.into(),
            stimulus: text.into(),
            condition: text.into(),
            folder: text.into(),
        }],
        findings,
        attribution: vec![AttributionRow {
            session: 1,
            path: text.into(),
            vantage: Vantage::Wire,
            bytes: Octets {
                header: 900,
                opened: 1_099,
                unexplained: 1,
                ..Octets::default()
            },
            ledger_bytes: 1_099,
            ledger_bytes_matched: 1_099,
        }],
        summary: BTreeMap::from([
            (Verdict::Pass, 1),
            (Verdict::Fail, 1),
            (Verdict::Inconclusive, 1),
        ]),
        conforms: false,
        pictures: BTreeMap::from([("report/leak.png".into(), picture)]),
        exhibits: Exhibits {
            excerpts: BTreeMap::from([(place, excerpt)]),
            time_lines: BTreeMap::from([((1, Vantage::Wire), line)]),
            steps: BTreeMap::from([(1, vec![text.into()])]),
        },
        marks: Vec::new(),
        throughput: None,
    }
}

#[test]
fn a_small_report() {
    let page = write(&small("nvr.rtsps"));
    // The picture's octets are the encoder's business.
    let (before, picture) = page.split_once("data:image/png;base64,").unwrap();
    let (_, after) = picture.split_once('"').unwrap();
    let page = format!("{before}data:image/png;base64,...\"{after}")
        .replace(STYLE, "/* report.css */")
        .replace(SCRIPT, "/* report.js */")
        .replace(&policy(), "(the policy)")
        .replace("><", ">\n<");
    insta::assert_snapshot!("small.html", page);
}

#[test]
fn text_of_others_is_text() {
    let page = write(&small(HOSTILE));
    assert_eq!(page.matches("<script").count(), 1, "ours");
    assert!(!page.contains("onload=\""));
    assert!(!page.contains('\u{202e}'));
    assert!(page.contains("&lt;script&gt;alert('x')&lt;/script&gt;&quot; onload=&quot;"));
}

#[test]
fn the_policy_allows_our_style_and_script_alone() {
    let policy = policy();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
    for word in ["unsafe", "http", "*", "'self'"] {
        assert!(!policy.contains(word), "{policy}");
    }
    // Either would end its element.
    assert!(!STYLE.contains("</") && !SCRIPT.contains("</"));
}

#[test]
fn every_link_leads_somewhere_and_no_name_is_given_twice() {
    let page = write(&small("nvr.rtsps"));
    let after = |start: &'static str| {
        let parts = page.split(start).skip(1);
        parts.map(|part| part.split('"').next().unwrap())
    };
    let mut ids: Vec<_> = after(" id=\"").collect();
    let links: Vec<_> = after(" href=\"#").collect();
    assert!(links.len() > 10, "{links:?}");
    for link in links {
        assert!(ids.contains(&link), "{link}");
    }
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn who_conforms_has_nothing_that_leaks() {
    let mut report = small("nvr.rtsps");
    report.findings.retain(|f| f.verdict == Verdict::Pass);
    let page = write(&report);
    assert!(page.contains("Conforms") && page.contains("Nothing was found to leak"));
    assert!(page.contains("Skip to the report") && !page.contains("What leaks"));
}

#[test]
fn throughput_is_shown_where_it_was_measured() {
    let mut report = small("nvr.rtsps");
    assert!(!write(&report).contains("What encryption costs"));
    report.throughput = Some(crate::report::throughput::tests::results());
    let page = write(&report);
    let (_, section) = page.split_once("id=\"throughput\"").unwrap();
    for part in [
        "80 %",
        "2.0 times quick",
        ">4\u{202f}000<",
        "not measured",
        "a &lt;fast&gt; one",
    ] {
        assert!(section.contains(part), "{part}: {section}");
    }
    assert!(section.contains("<svg class=\"bar\""));
}

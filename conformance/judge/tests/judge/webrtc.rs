//! WebRTC: what is opened counts as what it is, and each row sees its fault.

use lightleak_case::Vantage;
use lightleak_judge::{
    report::Finding,
    verdict::{
        Assurance,
        Verdict::{Fail, Inconclusive, NotApplicable, Pass},
    },
};

use crate::{case::*, rtc::*};

#[test]
fn what_is_opened_is_attributed_and_proven_from_end_to_end() {
    let case = case_of(&Plan::default());
    let report = judge(&case);
    for finding in &report.findings {
        assert_ne!(finding.verdict, Fail, "{finding:?}");
    }
    let proven = of(&report, "XC-03");
    expect(&proven, Pass, "nothing unexplained");
    assert_eq!(proven.assurance, Some(Assurance::Opened));
    for id in ["XC-01", "XC-02", "XC-05", "XC-07"] {
        expect(&of(&report, id), Pass, "");
    }
    let row = report
        .attribution
        .iter()
        .find(|r| r.vantage == Vantage::Wire);
    let row = row.unwrap();
    assert_eq!(
        (row.bytes.unexplained, row.bytes.identified),
        (0, 0),
        "{row:?}"
    );
    let delivered: usize = case.sessions[0]
        .ledger
        .tracks
        .values()
        .map(|t| t.bytes.len())
        .sum();
    assert_eq!(row.ledger_bytes, delivered as u64, "{row:?}");
    assert_eq!(row.ledger_bytes_matched, row.ledger_bytes, "{row:?}");
    // Everything of the ledger, what RTCP says, and what TLS carried.
    assert!(row.bytes.opened > row.ledger_bytes, "{row:?}");
}

#[test]
fn what_is_between_or_beside_is_seen() {
    let raw = Plan {
        more: vec![
            [&[0x47][..], &[9; 40]].concat(),
            [&[0x90][..], &[9; 40]].concat(),
        ],
        ..Plan::default()
    };
    for id in ["XC-02", "XC-03"] {
        expect(&of(&judge(&case_of(&raw)), id), Fail, "");
    }
    let unsignalled = Plan {
        answer: Plan::default().answer.replace("6000", "6002"),
        ..Plan::default()
    };
    expect(
        &of(&judge(&case_of(&unsignalled)), "XC-02"),
        Fail,
        "no signalling told of it",
    );
}

const ROWS: [&str; 15] = [
    "DTLS-03", "DTLS-06", "DTLS-09", "WRTC-01", "WRTC-03", "WRTC-04", "WRTC-06", "WRTC-09",
    "SFR-01", "SFR-02", "SFR-03", "SFR-04", "SFR-05", "SFR-08", "SFR-11",
];

/// The finding on the wire.
fn on_wire(plan: &Plan, id: &str) -> Finding {
    at(plan, id, Vantage::Wire)
}

fn at(plan: &Plan, id: &str, vantage: Vantage) -> Finding {
    let report = judge(&case_of(plan));
    let mut findings = report.findings.iter();
    let found = findings.find(|f| f.requirement == id && f.vantage == Some(vantage));
    found.unwrap_or_else(|| panic!("no {id}")).clone()
}

#[test]
fn every_row_passes_where_all_is_right() {
    let report = judge(&case_of(&Plan::default()));
    for id in ROWS {
        expect(&of(&report, id), Pass, "");
    }
    let at_peer = report
        .findings
        .iter()
        .filter(|f| f.vantage == Some(Vantage::Peer));
    let at_peer: Vec<_> = at_peer.map(|f| (f.requirement, f.verdict)).collect();
    for id in [
        "XC-01", "SFR-01", "SFR-02", "SFR-03", "SFR-04", "SFR-05", "SFR-06", "SFR-08", "SFR-11",
    ] {
        assert!(at_peer.contains(&(id, Pass)), "{id}");
    }
    let row = report
        .attribution
        .iter()
        .find(|r| r.vantage == Vantage::Peer)
        .unwrap();
    assert_eq!(row.bytes.unexplained, 0, "{row:?}");
    assert_eq!(
        (row.bytes.opened, row.ledger_bytes_matched),
        (row.ledger_bytes, row.ledger_bytes)
    );
}

#[test]
fn each_row_sees_its_fault() {
    let with = |change: &dyn Fn(&mut Plan)| {
        let mut plan = Plan::default();
        change(&mut plan);
        plan
    };
    let answer = |from: &str, to: &str| Plan {
        answer: Plan::default().answer.replacen(from, to, 1),
        ..Plan::default()
    };
    let sframe = |sframe| Plan {
        sframe,
        ..Plan::default()
    };
    let fingerprint = format!("a=fingerprint:sha-256 {}\r\n", ["AB"; 32].join(":"));
    let crypto = "a=rtcp-mux\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\r\n";
    for (id, plan, words) in [
        (
            "DTLS-03",
            with(&|p| p.own_keys = true),
            "none of the handshake's",
        ),
        ("DTLS-06", with(&|p| p.early = true), "before"),
        (
            "DTLS-09",
            with(&|p| p.more = vec![vec![0x47; 40]]),
            "no ChannelData",
        ),
        (
            "DTLS-09",
            with(&|p| p.more = vec![vec![0x50; 40]]),
            "means nothing",
        ),
        (
            "DTLS-09",
            with(&|p| p.more = vec![vec![0x90; 40]]),
            "no key opens it",
        ),
        (
            "DTLS-09",
            with(&|p| p.more = vec![vec![1; 40]]),
            "no message of it",
        ),
        (
            "WRTC-01",
            answer("UDP/TLS/RTP/SAVPF", "RTP/AVPF"),
            "video is described as RTP/AVPF",
        ),
        ("WRTC-03", answer("a=rtcp-mux\r\n", crypto), "tells a key"),
        ("WRTC-04", answer(&fingerprint, ""), "no fingerprint"),
        ("WRTC-06", with(&|p| p.mki = vec![7]), "MKI"),
        ("WRTC-09", sframe(Sframe::KeyInClear), "base key"),
        ("SFR-01", sframe(Sframe::NonMinimal), "more octets"),
        ("SFR-02", sframe(Sframe::SameCounter), "another frame"),
        (
            "SFR-03",
            sframe(Sframe::ConcatenatedNonce),
            "the counter behind it",
        ),
        ("SFR-04", sframe(Sframe::Draft), "a draft alone"),
        ("SFR-05", sframe(Sframe::NoMetadata), "without its metadata"),
        ("SFR-08", sframe(Sframe::ShortTag), "32 bits"),
        ("SFR-11", sframe(Sframe::Clear), "is no SFrame"),
    ] {
        expect(&on_wire(&plan, id), Fail, words);
        // Frames lie open behind the hop's protection.
        if id.starts_with("SFR-") {
            expect(&at(&plan, id, Vantage::Peer), Fail, words);
        }
    }
    let log = with(&|p| p.log = format!("base key {}", key_of_video()));
    expect(&at(&log, "WRTC-09", Vantage::Log), Fail, "base key");
    expect(
        &at(&sframe(Sframe::Clear), "XC-01", Vantage::Peer),
        Fail,
        "video",
    );
}

#[test]
fn what_is_sent_again_is_what_was_sent() {
    let plan = |again| Plan {
        again: Some(again),
        ..Plan::default()
    };
    let report = judge(&case_of(&plan(Again::Original)));
    for id in ["SFR-11", "XC-03", "XC-02"] {
        expect(&of(&report, id), Pass, "");
    }
    for vantage in [Vantage::Wire, Vantage::Peer] {
        expect(
            &at(&plan(Again::Clear), "SFR-11", vantage),
            Fail,
            "is no SFrame",
        );
    }
}

#[test]
fn a_fault_of_one_row_is_none_of_its_neighbours() {
    for (sframe, ids) in [
        (
            Sframe::Draft,
            &["SFR-03", "SFR-05", "SFR-11", "DTLS-03"][..],
        ),
        (
            Sframe::ConcatenatedNonce,
            &["SFR-02", "SFR-04", "SFR-05", "SFR-11"],
        ),
        (Sframe::NoMetadata, &["SFR-02", "SFR-03", "SFR-04"]),
        (Sframe::SameCounter, &["SFR-01", "SFR-04", "SFR-05"]),
    ] {
        let plan = Plan {
            sframe,
            ..Plan::default()
        };
        for id in ids {
            assert_ne!(on_wire(&plan, id).verdict, Fail, "{sframe:?} {id}");
        }
    }
}

#[test]
fn where_nothing_was_seen_nothing_is_known() {
    let mut case = case_of(&Plan::default());
    let session = &mut case.sessions[0];
    let capture = session.captures.get_mut(&Vantage::Wire).unwrap();
    // The heartbeats alone.
    let last = capture.packets.len() - 1;
    capture.packets.swap(1, last);
    capture.packets.truncate(2);
    session.captures.remove(&Vantage::Peer);
    let report = judge(&case);
    for id in ROWS {
        expect(&of(&report, id), Inconclusive, "");
    }
}

#[test]
fn without_keys_nothing_is_said_to_be_wrong() {
    let mut case = case_of(&Plan::default());
    case.sessions[0].keys.clear();
    let report = judge(&case);
    for id in ROWS {
        expect(&of(&report, id), Inconclusive, "");
    }
}

#[test]
fn a_path_that_a_probe_found_absent_is_not_judged() {
    let mut wire = crate::wire::Wire::new();
    for port in 1..=u16::MAX {
        wire.refuse(client(40_000), camera_at(port));
    }
    let mut case = case_of(&Plan::default());
    let mut session = session("port-sweep", wire, Vec::new());
    session.record.path = RTC_PATH.into();
    case.sessions = vec![session];
    let report = judge(&case);
    for id in ROWS {
        expect(&of(&report, id), NotApplicable, "dialled and refused");
    }
}

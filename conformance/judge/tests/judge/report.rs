//! The report as a whole: what it rests on, and what it does not depend on.

use lightleak_judge::{
    report::{Finding, Options, Report, json, terminal},
    requirement::{Level, Profile},
    verdict::Verdict::{self, Error, Fail, Inconclusive, NotApplicable, Pass},
};

use crate::{
    case::*,
    video::{self, Blind},
    wire::Wire,
};

fn leaky() -> lightleak_case::Session {
    watched(|wire, _| {
        for packet in video::rtp(&VIDEO) {
            wire.udp(camera_at(5004), client(5004), &packet);
        }
    })
}

#[test]
fn names_of_folders_change_no_verdict() {
    let mut case = case(vec![leaky(), watched(|_, _| {}), swept(|_| {})]);
    let before = judge(&case);
    case.root = "elsewhere/innocent".into();
    for (session, name) in case
        .sessions
        .iter_mut()
        .zip(["b", "a-fail", "0 \u{1b}[31m"])
    {
        session.folder = format!("sessions/{name}");
        session.record.target = "somebody else".into();
    }
    let after = judge(&case);
    let said = |report: &Report| -> Vec<_> {
        let said = |f: &Finding| (f.requirement, f.session, f.verdict, f.reason.clone());
        report.findings.iter().map(said).collect()
    };
    assert_eq!(said(&before), said(&after));
    assert_eq!(before.exit_code(), after.exit_code());
}

#[test]
fn the_same_case_gives_the_same_report() {
    let case = case((0..6).map(|_| leaky()).collect());
    let first = json::write(&judge(&case));
    for _ in 0..3 {
        assert!(json::write(&judge(&case)) == first);
    }
}

#[test]
fn a_case_without_the_session_that_matters_does_not_conform() {
    let only = |sessions| {
        let case = case(sessions);
        let options = Options {
            profile: Profile::Secure,
            strict: false,
            selected: &|id| ["XC-01", "XC-02", "XC-07"].contains(&id),
        };
        Report::judge(&case, &video::OpenH264, options)
    };
    let report = only(vec![watched(|_, _| {})]);
    assert!(
        report
            .findings
            .iter()
            .any(|f| f.requirement == "XC-02" && f.verdict == Pass)
    );
    assert_eq!(report.exit_code(), 3);
    let missing: Vec<_> = report
        .findings
        .iter()
        .filter(|f| f.session.is_none())
        .collect();
    let ids: Vec<_> = missing.iter().map(|f| f.requirement).collect();
    assert_eq!(ids, ["XC-02", "XC-07"]);
    expect(
        missing[0],
        Inconclusive,
        "no session of this path with port-sweep",
    );

    assert_eq!(only(vec![swept(|_| {})]).exit_code(), 3, "nobody watched");
    assert_eq!(only(vec![watched(|_, _| {}), swept(|_| {})]).exit_code(), 0);
    assert_eq!(only(vec![]).exit_code(), 3);
}

#[test]
fn a_sweep_that_left_out_a_port_or_an_address_is_none() {
    let mut case = case(vec![swept(|_| {})]);
    expect(&of(&judge(&case), "XC-02"), Pass, "");
    case.declaration
        .device
        .addresses
        .push("2001:db8::20".parse().unwrap());
    expect(
        &of(&judge(&case), "XC-02"),
        Inconclusive,
        "0 of 65535 TCP ports of 2001:db8::20",
    );

    let mut one_missing = swept(|_| {});
    let packets = &mut one_missing.captures.values_mut().next().unwrap().packets;
    let refusal = packets
        .iter()
        .position(|p| p.data[34..36] == 8554u16.to_be_bytes())
        .unwrap();
    packets.remove(refusal);
    expect(
        &finding(one_missing, "XC-02"),
        Inconclusive,
        "65534 of 65535",
    );

    // Somebody resets a connection that nobody saw opened.
    let mut sweep = Wire::new();
    for port in 1..=u16::MAX {
        sweep.refuse(client(40_000), camera_at(port));
        sweep.frames.remove(sweep.frames.len() - 2);
    }
    let finding = finding(session("port-sweep", sweep, Vec::new()), "XC-02");
    expect(&finding, Inconclusive, "0 of 65535");
}

/// A report of these findings.
fn of_findings(findings: &[(Verdict, Level)]) -> Report {
    let mut report = judge(&case(vec![]));
    let template = of(&report, "XC-01");
    let finding = |(verdict, level): &(Verdict, Level)| Finding {
        verdict: *verdict,
        level: *level,
        ..template.clone()
    };
    report.findings = findings.iter().map(finding).collect();
    report
}

#[test]
fn the_exit_code_is_the_first_that_applies() {
    use Level::{Info, Must, Should};
    let beside_a_pass = [
        (Pass, [0, 0, 0]),
        (Fail, [1, 0, 0]),
        (Inconclusive, [3, 0, 0]),
        (NotApplicable, [0, 0, 0]),
        (Error, [4, 4, 4]),
    ];
    for (verdict, codes) in beside_a_pass {
        for (level, code) in [Must, Should, Info].into_iter().zip(codes) {
            let report = of_findings(&[(Pass, Must), (verdict, level)]);
            assert_eq!(report.exit_code(), code, "{verdict:?} {level:?}");
        }
    }
    // Where nothing that counts passed, nothing is known.
    let alone = [
        (Pass, [0, 0, 3]),
        (Fail, [1, 3, 3]),
        (Inconclusive, [3, 3, 3]),
        (NotApplicable, [3, 3, 3]),
        (Error, [4, 4, 4]),
    ];
    for (verdict, codes) in alone {
        for (level, code) in [Must, Should, Info].into_iter().zip(codes) {
            assert_eq!(
                of_findings(&[(verdict, level)]).exit_code(),
                code,
                "{verdict:?} {level:?}"
            );
        }
    }
    assert_eq!(of_findings(&[]).exit_code(), 3);
    let order = [(Fail, 1), (Error, 4), (Inconclusive, 3), (Pass, 0)];
    for (index, (_, code)) in order.iter().enumerate() {
        let findings: Vec<_> = order[index..].iter().map(|(v, _)| (*v, Must)).collect();
        assert_eq!(of_findings(&findings).exit_code(), *code);
    }
}

#[test]
fn profile_and_strict_decide_the_level() {
    let rows = [
        ("RTSP-04", Profile::Secure, false, Level::Must),
        ("RTSP-04", Profile::Standard, false, Level::Info),
        ("RTSP-04", Profile::Standard, true, Level::Info),
        ("RTSP-09", Profile::Secure, false, Level::Must),
        ("RTSP-09", Profile::Standard, false, Level::Should),
        ("RTSP-09", Profile::Standard, true, Level::Must),
        ("XC-01", Profile::Standard, false, Level::Must),
    ];
    let case = case(vec![]);
    for (id, profile, strict, level) in rows {
        let options = Options {
            profile,
            strict,
            selected: &|row| row == id,
        };
        let report = Report::judge(&case, &Blind, options);
        assert_eq!(of(&report, id).level, level, "{id} {profile:?} {strict}");
    }
}

#[test]
fn a_selection_of_nothing_cannot_conform() {
    let case = case(vec![watched(|_, _| {})]);
    let options = Options {
        profile: Profile::Secure,
        strict: false,
        selected: &|_| false,
    };
    let report = Report::judge(&case, &Blind, options);
    assert_eq!((report.exit_code(), report.conforms), (3, false));
}

#[test]
fn what_a_vendor_writes_cannot_speak_for_the_report() {
    let mut case = case(vec![watched(|_, _| {})]);
    case.declaration.device.vendor = "\u{1b}[2J\u{1b}[1;32mconforms\u{1b}[0m\r\n\u{9b}31m".into();
    case.declaration.paths[0].id = "p\u{7}\u{202e}".into();
    let text = terminal::write(&judge(&case), &case.root, terminal::Style::default());
    let strange = text
        .chars()
        .find(|c| *c != '\n' && (c.is_control() || *c == '\u{202e}'));
    assert_eq!(strange, None, "{text}");
    assert_eq!(text.lines().filter(|l| l.trim() == "conforms").count(), 0);
}

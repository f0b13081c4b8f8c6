//! What every requirement says, generated from the rows: it passes on the honest
//! camera, is not known where nothing was seen, and does not apply where a probe
//! found nothing. That it fails on its mutant, `tests/mutants.rs` shows.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use lightleak::{
    decoder::ChildDecoder,
    target::{
        plan::Plan,
        sim::{SUB_VIDEO, SimTarget},
    },
};
use lightleak_case::{Capture, Case, Vantage};
use lightleak_judge::{
    report::{Options, Report},
    requirement::{self, Profile},
    verdict::Verdict,
};

/// Rows about what an honest camera does not have.
const ABSENT: [&str; 5] = ["HDR-02", "RTSP-12", "RTSP-13", "SDES-02", "SRTP-19"];

#[test]
fn every_row_passes_on_the_honest_camera() {
    let report = report(&honest());
    let verdicts = verdicts(&report);
    for row in requirement::all() {
        let found = &verdicts[row.id];
        assert!(
            found.is_subset(&[Verdict::Pass, Verdict::NotApplicable].into()),
            "{}: {found:?}",
            row.id
        );
        let absent = ABSENT.contains(&row.id);
        assert_eq!(found.contains(&Verdict::Pass), !absent, "{}", row.id);
        // Frames sealed from end to end are there where they are held, too.
        let of_frames = row.id.starts_with("SFR-");
        let held = [Vantage::Relay, Vantage::Peer].into_iter();
        for vantage in held.filter(|vantage| of_frames && row.vantages.contains(vantage)) {
            let mut here = report.findings.iter();
            let passes = here.any(|finding| {
                let is_here = finding.vantage == Some(vantage);
                finding.requirement == row.id && is_here && finding.verdict == Verdict::Pass
            });
            assert!(passes, "{} at {}", row.id, vantage.name());
        }
    }
}

#[test]
fn no_row_is_known_where_nothing_was_seen() {
    let honest = honest();
    let mut unheard = honest.clone();
    let mut blind = honest;
    for session in &mut blind.sessions {
        session.captures.clear();
    }
    for session in &mut unheard.sessions {
        session.captures.values_mut().for_each(only_heartbeats);
    }
    for case in [&mut blind, &mut unheard] {
        for session in &mut case.sessions {
            session.rest = None;
            session.log.clear();
            session.record.experience = Default::default();
        }
        let verdicts = judge(case);
        for row in requirement::all() {
            let found = &verdicts[row.id];
            assert_eq!(*found, [Verdict::Inconclusive].into(), "{}", row.id);
        }
    }
}

#[test]
fn no_row_applies_where_a_probe_found_nothing() {
    let mut case = honest();
    for session in &mut case.sessions {
        for (vantage, capture) in &mut session.captures {
            match (session.record.stimulus.as_str(), vantage) {
                ("port-sweep", Vantage::Wire) => close(capture),
                _ => only_heartbeats(capture),
            }
        }
        session.rest = Some(BTreeMap::new());
        session.log.clear();
        session.record.experience = Default::default();
    }
    let verdicts = judge(&case);
    for row in requirement::all() {
        let found = &verdicts[row.id];
        assert!(
            found.is_subset(&[Verdict::Pass, Verdict::NotApplicable].into())
                && found.contains(&Verdict::NotApplicable),
            "{}: {found:?}",
            row.id
        );
    }
}

fn honest() -> Case {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan {
        video: SUB_VIDEO,
        ..Plan::everything(1, folder.path(), 2)
    };
    SimTarget::HONEST.record(&plan, &()).unwrap();
    Case::read(folder.path()).unwrap()
}

fn judge(case: &Case) -> BTreeMap<&'static str, BTreeSet<Verdict>> {
    verdicts(&report(case))
}

fn report(case: &Case) -> Report {
    let decoder = ChildDecoder::new(PathBuf::from(env!("CARGO_BIN_EXE_lightleak")));
    let options = Options {
        profile: Profile::Secure,
        strict: false,
        selected: &|_| true,
    };
    Report::judge(case, &decoder, options)
}

/// The verdicts of each row.
fn verdicts(report: &Report) -> BTreeMap<&'static str, BTreeSet<Verdict>> {
    let mut verdicts: BTreeMap<_, BTreeSet<_>> = requirement::all()
        .map(|row| (row.id, BTreeSet::new()))
        .collect();
    for finding in &report.findings {
        verdicts
            .entry(finding.requirement)
            .or_default()
            .insert(finding.verdict);
    }
    verdicts
}

/// The tap was alive, and nothing was said.
fn only_heartbeats(capture: &mut Capture) {
    let last = capture.packets.len() - 1;
    let mut index = 0;
    capture.packets.retain(|_| {
        index += 1;
        index == 1 || index == last + 1
    });
    number(capture);
}

/// What the camera answered on its ports becomes a refusal, as on the next ones.
fn close(capture: &mut Capture) {
    // IPv4 behind Ethernet: the protocol.
    let is_udp = |data: &[u8]| data.get(12..14) == Some(&[8, 0]) && data.get(23) == Some(&17);
    let (first, last) = (1, capture.packets.len() as u64);
    let is_beat = |number: u64| number == first || number == last;
    capture
        .packets
        .retain(|p| is_beat(p.number) || !is_udp(&p.data));
    for open in [322, 8322, 8443, 443] {
        close_port(capture, open, open + 1);
    }
}

fn close_port(capture: &mut Capture, open: u16, refused: u16) {
    // Ethernet, and IPv4 without options: source and destination port.
    const PORTS: [usize; 2] = [34, 36];
    let port = |data: &[u8], at: usize| {
        let octets = data.get(at..at + 2)?;
        Some(u16::from_be_bytes([octets[0], octets[1]]))
    };
    let is = |data: &[u8], wanted: u16| PORTS.iter().any(|at| port(data, *at) == Some(wanted));
    let refusal = capture.packets.iter().filter(|p| is(&p.data, refused));
    let mut refusal: Vec<_> = refusal.cloned().collect();
    for packet in &mut refusal {
        for at in PORTS {
            if port(&packet.data, at) == Some(refused) {
                packet.data[at..at + 2].copy_from_slice(&open.to_be_bytes());
            }
        }
    }
    capture.packets.retain(|p| !is(&p.data, open));
    capture.packets.splice(1..1, refusal);
    number(capture);
}

fn number(capture: &mut Capture) {
    for (packet, number) in capture.packets.iter_mut().zip(1..) {
        packet.number = number;
    }
}

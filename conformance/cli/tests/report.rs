//! The report in every format, normalised: the same seed gives the same text.

use std::path::{Path, PathBuf};

use lightleak::{
    decoder::ChildDecoder,
    target::{plan::Plan, sim::SimTarget},
};
use lightleak_case::Case;
use lightleak_judge::{
    attribution::Octets,
    report::{Options, Report, json, junit, markdown, sarif, terminal},
    requirement::Profile,
};

/// Records and judges a target. Ciphertext and handshakes differ from run to
/// run, and with them the places in a capture.
fn normalised(target: SimTarget) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("case");
    target.record(&Plan::everything(1, &case, 2), &()).unwrap();
    let case = Case::read(&case).unwrap();
    let decoder = ChildDecoder::new(PathBuf::from(env!("CARGO_BIN_EXE_lightleak")));
    let options = Options {
        profile: Profile::Secure,
        strict: false,
        selected: &|_| true,
    };
    let mut report = Report::judge(&case, &decoder, options);
    for evidence in report.findings.iter_mut().flat_map(|f| &mut f.evidence) {
        (evidence.packet, evidence.offset, evidence.length) = (0, 0, 0);
    }
    // Certificates and handshakes have no fixed length.
    for row in &mut report.attribution {
        row.bytes = Octets {
            unexplained: row.bytes.unexplained,
            ..Octets::default()
        };
    }
    report
}

fn every_format(name: &str, target: SimTarget) {
    let report = normalised(target);
    insta::assert_snapshot!(format!("{name}.json"), json::write(&report));
    insta::assert_snapshot!(format!("{name}.xml"), junit::write(&report));
    insta::assert_snapshot!(format!("{name}.sarif"), sarif::write(&report));
    insta::assert_snapshot!(format!("{name}.md"), markdown::write(&report));
    let style = terminal::Style::default();
    insta::assert_snapshot!(
        format!("{name}.txt"),
        terminal::write(&report, Path::new("case"), style)
    );
}

#[test]
fn an_honest_camera_in_every_format() {
    every_format("honest", SimTarget::HONEST);
}

#[test]
fn an_open_rtsp_port_in_every_format() {
    every_format("rtsp.open", SimTarget::find("rtsp.open").unwrap());
}

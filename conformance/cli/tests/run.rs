//! `lightleak run` and `judge` as a user meets them: the program is started,
//! and its exit code, its report and its pictures are looked at.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use lightleak::stimulus;
use lightleak_judge::{decoder::Picture, mark};
use lightleak_sim::path;
use serde_json::Value;

fn lightleak(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lightleak"))
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("the program starts")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("the program exits by itself")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Records a target into a fresh folder; the folder, the case, the output.
fn record(target: &str, more: &[&str]) -> (tempfile::TempDir, PathBuf, Output) {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("case");
    let mut arguments = vec!["run", "--target", target, "--out", case.to_str().unwrap()];
    arguments.extend_from_slice(more);
    let output = lightleak(&arguments);
    (folder, case, output)
}

fn report(case: &Path) -> Value {
    let text = fs::read(case.join("report/report.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// What must not change: per finding the requirement, the session, the
/// verdict, how it is known and why.
fn verdicts(report: &Value) -> Vec<Value> {
    let keep = [
        "requirement",
        "session",
        "verdict",
        "assurance",
        "reason",
        "level",
    ];
    let finding = |f: &Value| keep.iter().map(|k| f[k].clone()).collect::<Value>();
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(finding)
        .collect()
}

#[test]
fn the_honest_camera_conforms() {
    let (_folder, case, output) = record("sim", &[]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report = report(&case);
    assert_eq!(report["schema"], "lightleak.report/1");
    assert_eq!(report["conforms"], true);
    let findings = report["findings"].as_array().unwrap();
    let absent = [
        "HDR-02", "IOT-08", "IOT-09", "RTSP-12", "RTSP-13", "SDES-02", "SRTP-15", "SRTP-19",
        "XC-05",
    ];
    for finding in findings {
        let requirement = finding["requirement"].as_str().unwrap();
        match finding["verdict"].as_str() {
            Some("pass") => {}
            Some("not_applicable") if absent.contains(&requirement) => {}
            _ => panic!("{finding}"),
        }
    }
    let sessions = path::ALL
        .iter()
        .map(|p| stimulus::ALL.iter().filter(|s| s.fits(p)).count());
    assert_eq!(
        report["sessions"].as_array().unwrap().len(),
        sessions.sum::<usize>()
    );
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let words: Vec<_> = line.lines().map(|l| l.split_whitespace().take(3)).collect();
    let wire = ["nvr.rtsps", "wire", "pass"];
    assert!(words.into_iter().any(|w| w.eq(wire)), "{line}");
}

#[test]
fn an_open_rtsp_port_leaves_a_picture_whose_mark_is_named() {
    let (_folder, case, output) = record("sim:rtsp.open", &["--stimulus", "port-sweep"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let report = report(&case);
    let findings = report["findings"].as_array().unwrap();
    let fails = |id: &str| {
        findings
            .iter()
            .find(|f| f["requirement"] == id && f["verdict"] == "fail")
            .unwrap()
    };
    fails("XC-02");
    let evidence = &fails("XC-07")["evidence"][0];
    let picture = evidence["picture"].as_str().unwrap();
    let read = mark::read(&luma(&case.join(picture))).expect("the picture carries a mark");
    assert_eq!(evidence["mark"]["unit"], read.unit);
    assert_eq!(evidence["mark"]["frame"], read.frame);
    assert_eq!(report["declaration"]["device"]["unit"], read.unit);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(picture), "{text}");
    assert!(
        text.contains(&format!("unit {}, frame {}", read.unit, read.frame)),
        "{text}"
    );
}

/// A camera that answers who asks in clear before the handshake is honest to everybody
/// else.
#[test]
fn media_before_the_handshake_come_to_who_asks_for_them_alone() {
    let (_folder, case, output) = record("sim:webrtc.early-request", &["--path", "app.webrtc"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let report = report(&case);
    let findings = report["findings"].as_array().unwrap();
    let failed: Vec<_> = findings.iter().filter(|f| f["verdict"] == "fail").collect();
    assert!(
        failed.iter().all(|f| f["stimulus"] == "early-media"),
        "{failed:?}"
    );
    let early = failed
        .iter()
        .find(|f| f["requirement"] == "DTLS-06")
        .unwrap();
    let reason = early["reason"].as_str().unwrap();
    assert!(reason.contains("without any DTLS handshake"), "{early}");
    let honest = findings.iter().find(|f| {
        f["requirement"] == "DTLS-06" && f["stimulus"] == "honest" && f["path"] == "app.webrtc"
    });
    assert_eq!(honest.unwrap()["verdict"], "pass");
}

/// What is wrong with frames is seen without the vendor's servers, in what a viewer
/// holds, and in what these servers do.
#[test]
fn faults_of_frames_are_seen_behind_the_protection_of_the_hop() {
    let app = ["--path", "app.webrtc", "--stimulus", "honest"];
    let portal = ["--path", "portal.webrtc", "--stimulus", "honest"];
    for (mutant, id, at, vantages) in [
        ("sframe.nonminimal", "SFR-01", app, &["peer"][..]),
        ("sframe.ctr-restarts", "SFR-02", app, &["peer"]),
        ("sframe.nonce-concat", "SFR-03", app, &["peer"]),
        ("sframe.label-draft", "SFR-04", app, &["peer"]),
        ("sframe.metadata-not-aad", "SFR-05", app, &["peer"]),
        ("sframe.household-key", "SFR-06", app, &["peer"]),
        ("portal.household-key", "SFR-06", portal, &["relay", "peer"]),
        ("sframe.tag32", "SFR-08", portal, &["relay", "peer"]),
    ] {
        let target = format!("sim:{mutant}");
        let (_folder, case, output) = record(&target, &[&at[..], &["--only", id]].concat());
        assert_eq!(code(&output), 1, "{mutant}: {}", stderr(&output));
        let report = report(&case);
        let findings = report["findings"].as_array().unwrap();
        for vantage in vantages {
            let mut here = findings.iter().filter(|f| f["vantage"] == *vantage);
            let found = here.find(|f| f["verdict"] == "fail");
            let found = found.unwrap_or_else(|| panic!("{mutant} is not seen at {vantage}"));
            let capture = found["evidence"][0]["capture"].as_str().unwrap();
            assert!(capture.ends_with(&format!("/{vantage}.pcapng")), "{found}");
        }
    }
}

/// Luma (ITU-R BT.601, limited range) of a PNG file.
fn luma(file: &Path) -> Picture {
    let file = std::io::BufReader::new(fs::File::open(file).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut rgb).unwrap();
    let sample = |p: &[u8]| {
        let [r, g, b] = [p[0], p[1], p[2]].map(f32::from);
        (16.0 + 0.257 * r + 0.504 * g + 0.098 * b).round() as u8
    };
    let (width, height) = (info.width as usize, info.height as usize);
    Picture {
        width,
        height,
        y: rgb.chunks_exact(3).map(sample).collect(),
        u: vec![128; width * height / 4],
        v: vec![128; width * height / 4],
        damaged: false,
    }
}

#[test]
fn a_case_that_was_moved_is_judged_as_when_it_was_recorded() {
    let (folder, case, _) = record("sim:onvif.none-udp", &["--stimulus", "udp-setup"]);
    let recorded = report(&case);
    let moved = folder.path().join("elsewhere");
    fs::rename(&case, &moved).unwrap();
    let json = folder.path().join("again.json");
    let output = lightleak(&[
        "judge",
        moved.to_str().unwrap(),
        "--json",
        json.to_str().unwrap(),
    ]);
    assert_eq!(code(&output), 1);
    let again: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    assert_eq!(again, recorded);
    assert_eq!(report(&moved), recorded);
}

#[test]
fn labels_change_no_verdict() {
    let (_honest, honest_case, _) = record("sim", &["--stimulus", "honest"]);
    for (mutant, stimulus) in [("rtsp.open", "port-sweep"), ("onvif.none-udp", "udp-setup")] {
        let (folder, case, _) = record(
            &format!("sim:{mutant}"),
            &["--stimulus", stimulus, "--stimulus", "honest"],
        );
        let before = verdicts(&report(&case));
        assert!(before.iter().any(|f| f[2] == "fail"));

        // Another name, another declaration, other names of sessions, and a
        // label that says that all is well.
        let renamed = folder.path().join("perfectly-fine");
        fs::rename(&case, &renamed).unwrap();
        fs::copy(
            honest_case.join("declaration.toml"),
            renamed.join("declaration.toml"),
        )
        .unwrap();
        for entry in fs::read_dir(renamed.join("sessions")).unwrap() {
            let entry = entry.unwrap();
            let record = entry.path().join("session.toml");
            let text = fs::read_to_string(&record).unwrap();
            fs::write(&record, text.replace(&format!("sim:{mutant}"), "sim")).unwrap();
            let number = entry.file_name().to_string_lossy()[..2].to_owned();
            fs::rename(
                entry.path(),
                entry.path().with_file_name(format!("{number}-x")),
            )
            .unwrap();
        }
        let output = lightleak(&["judge", renamed.to_str().unwrap()]);
        assert_eq!(code(&output), 1, "{}", stderr(&output));
        assert_eq!(verdicts(&report(&renamed)), before, "{mutant}");
    }
}

#[test]
fn one_seed_gives_one_report() {
    let (_a, first, _) = record("sim:rtsp.open", &["--seed", "7"]);
    let (_b, second, _) = record("sim:rtsp.open", &["--seed", "7"]);
    assert_eq!(verdicts(&report(&first)), verdicts(&report(&second)));
    let ledger = |case: &Path| {
        let session = fs::read_dir(case.join("sessions"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        let name = session.file_name();
        fs::read(case.join("sessions").join(name).join("ledger/video.bin")).unwrap()
    };
    assert_eq!(ledger(&first), ledger(&second));
    let (_c, other, _) = record("sim", &["--seed", "8", "--stimulus", "honest"]);
    assert_ne!(ledger(&first), ledger(&other));
}

#[test]
fn a_part_of_the_suite_is_not_known_to_conform() {
    let (_folder, case, output) = record("sim", &["--stimulus", "honest"]);
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert_eq!(report(&case)["conforms"], false);
    let (_folder, _, output) = record("sim", &["--stimulus", "udp-setup", "--only", "RTSP-04"]);
    assert_eq!(
        code(&output),
        0,
        "a requirement that was asked for and holds"
    );
}

#[test]
fn mistakes_on_the_command_line_are_usage() {
    for (arguments, expected) in [
        (&["run", "--target", "sim:rtsp.opne"][..], "rtsp.open"),
        (&["run", "--stimulus", "honset"], "honest"),
        (&["run", "--path", "nvr"], "nvr.rtsps"),
        (&["run", "--only", "XCC-*"], "XC-01"),
        (&["run", "--seeds", "0"], "--seeds"),
        (&["mutants", "--only", "nothing"], "rtsp.open"),
        (&["serve", "--mutant", "nothing"], "lightleak list mutants"),
        (&["frobnicate"], "frobnicate"),
    ] {
        let output = lightleak(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(
            stderr(&output).contains(expected),
            "{arguments:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn a_folder_that_is_not_ours_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let precious = folder.path().join("thesis.txt");
    fs::write(&precious, "years of work").unwrap();
    let out = folder.path().to_str().unwrap();
    for arguments in [
        &["run", "--stimulus", "tls10-offer", "--out", out][..],
        &[
            "run",
            "--stimulus",
            "tls10-offer",
            "--out",
            out,
            "--seeds",
            "2",
        ],
    ] {
        let output = lightleak(arguments);
        assert_eq!(code(&output), 2);
        assert!(
            stderr(&output).contains("not a case of lightleak"),
            "{}",
            stderr(&output)
        );
    }
    assert_eq!(fs::read_to_string(&precious).unwrap(), "years of work");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_damaged_case_says_which_file_and_where() {
    let (_folder, case, _) = record("sim", &["--stimulus", "tls10-offer"]);
    let case_name = case.to_str().unwrap();
    let session = fs::read_dir(case.join("sessions"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let damage = |file: PathBuf, content: &[u8], expected: &[&str]| {
        let sound = fs::read(&file).unwrap();
        fs::write(&file, content).unwrap();
        let output = lightleak(&["judge", case_name]);
        assert_eq!(code(&output), 4, "{}", stderr(&output));
        for text in expected {
            assert!(
                stderr(&output).contains(text),
                "no {text:?} in {}",
                stderr(&output)
            );
        }
        fs::write(&file, sound).unwrap();
    };
    damage(
        case.join("declaration.toml"),
        b"schema = 7\n",
        &["declaration.toml", "schema"],
    );
    damage(
        session.join("session.toml"),
        b"path = [\n",
        &["session.toml", "line"],
    );
    damage(
        session.join("wire.pcapng"),
        b"not a capture",
        &["wire.pcapng"],
    );
    damage(
        session.join("ledger/video.idx"),
        b"1 2 3\n",
        &["video.idx", "line"],
    );
    assert_ne!(
        code(&lightleak(&["judge", case_name])),
        4,
        "the case is sound again"
    );

    let output = lightleak(&["judge", "no-such-folder"]);
    assert_eq!(code(&output), 4);
    assert!(
        stderr(&output).contains("no-such-folder"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_capture_that_was_cut_short_is_never_a_pass() {
    let (_folder, case, _) = record("sim", &["--stimulus", "tls10-offer", "--only", "TLS-01"]);
    let session = fs::read_dir(case.join("sessions"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let wire = session.join("wire.pcapng");
    let whole = fs::read(&wire).unwrap();
    for keep in [whole.len() - 40, whole.len() / 2, 300] {
        fs::write(&wire, &whole[..keep]).unwrap();
        let output = lightleak(&["judge", case.to_str().unwrap(), "--only", "TLS-01"]);
        assert_eq!(
            code(&output),
            3,
            "{keep} of {} octets: {}",
            whole.len(),
            stderr(&output)
        );
    }
}

#[test]
fn several_seeds_are_a_case_each() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("seeds");
    let arguments = [
        "run",
        "--seeds",
        "2",
        "--stimulus",
        "udp-setup",
        "--only",
        "RTSP-04",
    ];
    let json = folder.path().join("r.json");
    let mut arguments = arguments.to_vec();
    arguments.extend([
        "--out",
        out.to_str().unwrap(),
        "--json",
        json.to_str().unwrap(),
    ]);
    for _again in 0..2 {
        let output = lightleak(&arguments);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
    }
    for seed in [1, 2] {
        assert_eq!(report(&out.join(format!("seed-{seed}")))["seed"], seed);
        assert!(folder.path().join(format!("r-{seed}.json")).exists());
    }
}

/// A laboratory that chose the nonce sees that pictures are of its own run.
#[test]
fn the_nonce_that_was_asked_for_is_in_the_mark() {
    let only = [
        "--path",
        "nvr.rtsps",
        "--stimulus",
        "port-sweep",
        "--only",
        "XC-07",
    ];
    let nonce = ["--nonce", "0badcafe"];
    let (_folder, case, output) = record("sim:rtsp.open", &[&only[..], &nonce].concat());
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let report = report(&case);
    let findings = report["findings"].as_array().unwrap().iter();
    let mut marks = findings.flat_map(|f| f["evidence"].as_array().unwrap());
    let mark = marks.find(|evidence| !evidence["mark"].is_null()).unwrap();
    assert_eq!(mark["mark"]["nonce"], 0x0bad_cafe, "{mark}");
    let (_folder, _, output) = record("sim", &["--nonce", "cafe"]);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("8 hexadecimal digits"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn results_of_a_benchmark_that_are_none_are_refused_before_anything_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("results.json");
    fs::write(&file, r#"{"schema": "lightleak.report/1"}"#).unwrap();
    let (_folder, case, output) = record("sim", &["--throughput", file.to_str().unwrap()]);
    assert_eq!(code(&output), 2);
    let told = stderr(&output);
    assert!(
        told.contains("results.json") && told.contains("lightleak.report/1"),
        "{told}"
    );
    assert!(told.contains("cargo bench"), "{told}");
    assert!(!case.exists());
}

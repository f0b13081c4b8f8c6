//! A camera in another language, through the protocol of lines: the example in Python,
//! honest and leaking, is judged as any other.

use std::{fs, path::Path, process::Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{client, lightleak};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/shim/camera.py");

/// Judges a shim at its path.
fn judge(shim: &str, more: &[&str]) -> (TempDir, Output) {
    let folder = tempfile::tempdir().expect("make a temporary folder");
    let output = lightleak()
        .args(["run", "--target", &format!("shim:{shim}"), "--out"])
        .arg(folder.path().join("case"))
        .args(["--path", "nvr.rtsps"])
        .args(more)
        .output()
        .expect("start lightleak");
    (folder, output)
}

fn report(folder: &TempDir) -> Value {
    let file = folder.path().join("case/report/report.json");
    serde_json::from_slice(&fs::read(file).expect("read the report")).expect("parse the report")
}

/// Requirements with that verdict.
fn with_verdict<'a>(report: &'a Value, verdict: &str) -> Vec<&'a str> {
    let findings = report["findings"].as_array().expect("findings").iter();
    let found = findings.filter(|f| f["verdict"] == verdict);
    found.filter_map(|f| f["requirement"].as_str()).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_honest_example_conforms_and_what_it_sent_was_opened() {
    let Some(_python) = client("python3") else {
        return;
    };
    let (folder, output) = judge(&format!("python3 {EXAMPLE}"), &[]);
    let report = report(&folder);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(report["declaration"]["device"]["model"], "shim in Python");
    for verdict in ["fail", "inconclusive", "error"] {
        assert_eq!(with_verdict(&report, verdict), [""; 0], "{verdict}");
    }
    // Not for want of looking: in the honest session records of TLS were opened, and
    // what was handed to the camera was found in them.
    let sessions = report["sessions"].as_array().expect("sessions");
    let honest = sessions.iter().find(|s| s["stimulus"] == "honest");
    let id = &honest.expect("an honest session")["id"];
    let mut attribution = report["attribution"]
        .as_array()
        .expect("attribution")
        .iter();
    let honest = attribution.find(|a| a["session"] == *id && a["vantage"] == "wire");
    let honest = honest.expect("its attribution");
    assert!(
        honest["bytes"]["opened"].as_u64() > Some(100_000),
        "{honest}"
    );
    assert!(
        honest["ledger_bytes_matched"].as_u64() > Some(100_000),
        "{honest}"
    );
    assert_eq!(honest["bytes"]["unexplained"], 0);
}

#[test]
fn the_leaking_example_is_caught_with_the_picture_and_its_mark() {
    let Some(_python) = client("python3") else {
        return;
    };
    let (folder, output) = judge(&format!("python3 {EXAMPLE} --leaking"), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let report = report(&folder);
    let failed = with_verdict(&report, "fail");
    for requirement in ["XC-01", "XC-02", "XC-07", "RTSP-01", "XC-06"] {
        assert!(failed.contains(&requirement), "{requirement}: {failed:?}");
    }
    let findings = report["findings"].as_array().expect("findings");
    let played = findings
        .iter()
        .find(|f| f["requirement"] == "XC-07" && f["verdict"] == "fail");
    let evidence = &played.expect("a picture")["evidence"][0];
    let unit = &report["declaration"]["device"]["unit"];
    assert_eq!(&evidence["mark"]["unit"], unit, "{evidence}");
    let picture = evidence["picture"].as_str().expect("a picture");
    let file = folder.path().join("case").join(picture);
    assert!(file.exists(), "{picture}");
}

#[test]
fn the_same_seed_gives_the_same_verdicts() {
    let Some(_python) = client("python3") else {
        return;
    };
    let verdicts = || {
        let (folder, _) = judge(&format!("python3 {EXAMPLE} --leaking"), &["--seed", "7"]);
        let report = report(&folder);
        let findings = report["findings"].as_array().expect("findings").clone();
        let keep = ["requirement", "session", "verdict", "assurance", "reason"];
        let finding = |f: &Value| keep.iter().map(|k| f[*k].clone()).collect::<Value>();
        findings.iter().map(finding).collect::<Vec<_>>()
    };
    // Not `assert_eq`, which would print all of them.
    let (first, second) = (verdicts(), verdicts());
    let differ = first.iter().zip(&second).find(|(a, b)| a != b);
    assert!(
        differ.is_none() && first.len() == second.len(),
        "{differ:?}"
    );
}

#[test]
fn a_shim_that_says_done_to_everything_is_an_error() {
    let (folder, output) = judge("while read line; do echo done; done", &[]);
    assert_eq!(output.status.code(), Some(4));
    assert!(
        stderr(&output).contains("exit with 89"),
        "{}",
        stderr(&output)
    );
    assert!(!folder.path().join("case").exists());
}

#[test]
fn a_shim_that_knows_no_path_is_an_error_that_says_so() {
    let (_, output) = judge("exit 89", &[]);
    assert_eq!(output.status.code(), Some(4));
    let told = "the shim implements none of the paths (nvr.rtsps)";
    assert!(stderr(&output).contains(told), "{}", stderr(&output));
}

/// What is not implemented is left out, and is not passed for it.
#[test]
fn without_the_port_sweep_what_needs_it_is_inconclusive() {
    let Some(_python) = client("python3") else {
        return;
    };
    let shim = Path::new(EXAMPLE).parent().expect("a folder");
    let copy = tempfile::tempdir().expect("make a temporary folder");
    for file in ["camera.py", "rtsp.py", "rtp.py", "tls.py"] {
        let text = fs::read_to_string(shim.join(file)).expect("read the example");
        let text = text.replace("    \"port-sweep\",\n", "");
        fs::write(copy.path().join(file), text).expect("write a copy");
    }
    let shim = format!("python3 {}/camera.py", copy.path().display());
    let (folder, output) = judge(&shim, &["--only", "XC-*"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        told.contains("not implemented: nvr.rtsps under port-sweep"),
        "{told}"
    );
    let report = report(&folder);
    assert!(with_verdict(&report, "inconclusive").contains(&"XC-02"));
}

#[test]
fn nothing_of_a_shim_is_left_when_it_is_killed() {
    let folder = tempfile::tempdir().expect("make a temporary folder");
    let pid = folder.path().join("pid");
    // Its child would go on for long.
    let shim = format!(
        "sleep 1000 & echo $! >{}; read line; echo nonsense; wait",
        pid.display()
    );
    let (_, output) = judge(&shim, &[]);
    assert_eq!(output.status.code(), Some(4));
    let pid = fs::read_to_string(pid).expect("read the number of the process");
    // Dead, or gone already.
    let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    let state = state.rsplit(") ").next().unwrap_or_default();
    assert!(state.is_empty() || state.starts_with('Z'), "{state}");
}

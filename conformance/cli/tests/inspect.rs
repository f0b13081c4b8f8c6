//! `lightleak inspect` as a user meets it: captures of our own cameras, about which
//! everything is known.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

fn lightleak(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lightleak"));
    command.args(arguments).env("NO_COLOR", "1");
    command
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("the program exits by itself")
}

/// Captures of the wire of all sessions of a target under that stimulus.
fn captures(folder: &Path, target: &str, path: &str, stimulus: &str) -> Vec<PathBuf> {
    let case = folder.join("case");
    let arguments = [
        "run",
        "-q",
        "--target",
        target,
        "--path",
        path,
        "--stimulus",
        stimulus,
        "--out",
    ];
    let recorded = lightleak(&arguments).arg(&case).output().unwrap();
    assert!(matches!(code(&recorded), 0 | 1 | 3), "{recorded:?}");
    let sessions = fs::read_dir(case.join("sessions")).unwrap();
    let captures = sessions.map(|session| session.unwrap().path().join("wire.pcapng"));
    let captures: Vec<_> = captures.filter(|capture| capture.exists()).collect();
    assert!(!captures.is_empty());
    captures
}

fn inspect(folder: &Path, captures: &[PathBuf], more: &[&str]) -> (Output, Value) {
    let json = folder.join("findings.json");
    let output = lightleak(&["inspect"])
        .args(captures)
        .arg("--json")
        .arg(&json)
        .args(more)
        .output()
        .unwrap();
    let findings = fs::read(&json).unwrap_or_default();
    (
        output,
        serde_json::from_slice(&findings).unwrap_or_default(),
    )
}

/// All flows of all captures.
fn flows(findings: &Value) -> Vec<&Value> {
    let captures = findings["captures"].as_array().unwrap().iter();
    captures
        .flat_map(|capture| capture["flows"].as_array().unwrap())
        .collect()
}

#[test]
fn an_honest_camera_leaks_nothing_and_what_seals_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for (path, kind) in [
        ("nvr.rtsps", "tls1.3"),
        ("app.webrtc", "dtls-srtp"),
        ("portal.webrtc", "dtls-srtp"),
    ] {
        let folder = folder.path().join(path);
        let captures = captures(&folder, "sim", path, "honest");
        let (output, findings) = inspect(&folder, &captures, &[]);
        assert_eq!(code(&output), 0, "{path}: {output:?}");
        let flows = flows(&findings);
        assert!(flows.iter().all(|flow| flow["label"] != "leak"), "{path}");
        let named = |flow: &&&Value| flow["label"] == "sealed" && flow["kind"] == kind;
        assert!(flows.iter().any(|flow| named(&flow)), "{path}: {flows:?}");
    }
}

#[test]
fn what_leaks_is_shown_with_its_picture() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let captures = captures(folder, "sim:rtsp.open", "nvr.rtsps", "port-sweep");
    let pictures = folder.join("pictures");
    let more = ["--pictures", pictures.to_str().unwrap()];
    let (output, findings) = inspect(folder, &captures, &more);
    assert_eq!(code(&output), 1, "{output:?}");
    let flows = flows(&findings);
    let leaks = || flows.iter().filter(|flow| flow["label"] == "leak");
    let shown = leaks().find(|flow| flow["frames_decoded"].as_u64() > Some(10));
    let shown = shown.expect("pictures of the leak were decoded");
    assert_eq!(shown["kind"], "rtsp/h264");
    let pictures_of = shown["pictures"].as_array().unwrap();
    assert_eq!(pictures_of.len(), 4);
    let first = &pictures_of[0];
    let file = fs::read(pictures.join(first["file"].as_str().unwrap())).unwrap();
    let info = png::Decoder::new(std::io::Cursor::new(file))
        .read_info()
        .unwrap();
    let (width, height) = (info.info().width, info.info().height);
    assert_eq!(first["width"], width);
    assert_eq!(first["height"], height);
    let marked = |picture: &&Value| picture["mark"]["unit"].is_u64();
    assert!(
        pictures_of.iter().any(|picture| marked(&picture)),
        "{pictures_of:?}"
    );
    // The table has the leak first, with its picture.
    let text = String::from_utf8_lossy(&output.stdout);
    let leak = text.find("LEAK").expect("the table says so");
    assert!(
        text.find("sealed  ").is_none_or(|sealed| leak < sealed),
        "{text}"
    );
    assert!(text.contains(first["file"].as_str().unwrap()), "{text}");
}

#[test]
fn pictures_are_written_nowhere_unless_somebody_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let captures = captures(folder, "sim:rtsp.open", "nvr.rtsps", "port-sweep");
    let empty = folder.join("empty");
    fs::create_dir(&empty).unwrap();
    let output = lightleak(&["inspect"])
        .args(&captures)
        .current_dir(&empty)
        .output()
        .unwrap();
    assert_eq!(code(&output), 1);
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);
}

#[test]
fn standard_input_is_a_capture_too() {
    let folder = tempfile::tempdir().unwrap();
    let captures = captures(folder.path(), "sim", "nvr.rtsps", "honest");
    let capture = fs::read(&captures[0]).unwrap();
    let mut child = lightleak(&["inspect", "-", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&capture).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0);
    let findings: Value = serde_json::from_slice(&output.stdout).expect("nothing but JSON");
    assert_eq!(findings["schema"], "lightleak.inspect/1");
    assert!(!flows(&findings).is_empty());
}

#[test]
fn what_is_no_capture_is_said_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("photo.jpg");
    fs::write(&file, [0xff, 0xd8, 0xff, 0xe0]).unwrap();
    for (path, words) in [
        (file.as_path(), "expected pcapng or pcap"),
        (Path::new("nowhere.pcap"), "nowhere.pcap"),
    ] {
        let output = lightleak(&["inspect"]).arg(path).output().unwrap();
        assert_eq!(code(&output), 2);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(words), "{said}");
    }
}

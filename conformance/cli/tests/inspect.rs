//! `lightleak inspect` as a user meets it: captures of our own cameras, about which
//! everything is known.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
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

/// Octets of the capture that is heard from a pipe, and the most memory that may take.
const ENDLESS: usize = 600 << 20;
const MEMORY_KIB: u64 = 256 << 10;

#[test]
fn a_capture_of_any_size_is_heard_in_256_mib() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("findings.json");
    let mut command = lightleak(&["inspect", "-q", "--json"]);
    let child = command.arg(&json).arg("-").stdin(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    let mut input = child.stdin.take().unwrap();
    // A few long flows of noise; in one of them there is a picture near the end.
    let picture = folder.path().join("picture.jpg");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x240"])
        .args(["-frames:v", "1"])
        .arg(&picture)
        .status();
    assert!(made.unwrap().success());
    let picture = fs::read(picture).unwrap();
    let mut noise = vec![0u8; 1 << 20];
    let mut state = 88_172_645_463_325_252_u64;
    for octet in &mut noise {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *octet = (state >> 24) as u8;
    }
    let header = [
        0xA1B2_C3D4_u32.to_le_bytes(),
        [2, 0, 4, 0],
        [0; 4],
        [0; 4],
        262_144_u32.to_le_bytes(),
        101_u32.to_le_bytes(),
    ];
    input.write_all(&header.concat()).unwrap();
    let mut sent = [0u32; 4];
    let (mut written, mut pictures) = (0, 0);
    while written < ENDLESS {
        for host in 0..4_u8 {
            let at = (written / 7 + usize::from(host) * 4099) % (noise.len() - 60_000);
            let octets = match written > ENDLESS - (20 << 20) && host == 2 && pictures < 3 {
                true => {
                    pictures += 1;
                    &picture[..]
                }
                false => &noise[at..at + 50_000],
            };
            let sequence = &mut sent[usize::from(host)];
            let length = (40 + octets.len()) as u16;
            let ip = [
                &[0x45, 0][..],
                &length.to_be_bytes(),
                &[0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, host, 10, 0, 1, 1],
                &[0x9c, 0x40, 0x13, 0x88],
                &sequence.to_be_bytes(),
                &[0, 0, 0, 0, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0],
                octets,
            ];
            let ip = ip.concat();
            *sequence = sequence.wrapping_add(octets.len() as u32);
            let time = ((written >> 20) as u32).to_le_bytes();
            let length = (ip.len() as u32).to_le_bytes();
            let record = [&time[..], &[0; 4], &length, &length, &ip].concat();
            input.write_all(&record).unwrap();
            written += record.len();
        }
    }
    drop(input);
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let code = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended.code();
        }
        let status = fs::read_to_string(&status).unwrap_or_default();
        let now = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(now) = now {
            peak = now.trim().trim_end_matches(" kB").parse().unwrap();
        }
        thread::sleep(Duration::from_millis(2));
    };
    assert_eq!(code, Some(1));
    assert!((1..MEMORY_KIB).contains(&peak), "{peak} KiB");
    let findings: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let flows = flows(&findings);
    let labels: Vec<_> = flows
        .iter()
        .map(|flow| flow["label"].as_str().unwrap())
        .collect();
    assert_eq!(
        labels,
        ["undetermined", "undetermined", "leak", "undetermined"]
    );
    let octets: u64 = flows
        .iter()
        .map(|flow| flow["bytes"].as_u64().unwrap())
        .sum();
    assert!(octets as usize > ENDLESS * 99 / 100, "{octets}");
}

//! tshark reads what the tap recorded.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::support::{client, lightleak};

/// EtherType of the tap's heartbeat.
const HEARTBEAT: &str = "0x88b5";

#[test]
fn finds_every_packet_of_an_honest_run_flawless() {
    if client("tshark").is_none() {
        return;
    }
    let case = Recorded::new(&[]);
    let sessions = case.sessions();
    assert!(sessions.len() >= 6, "{sessions:?}");
    for session in sessions {
        let seen = Seen::look_at(&session);
        assert_eq!(seen.flawed, [""; 0], "{}", session.display());
        assert!(seen.tcp > 0, "{}: no segment", session.display());
        assert_eq!(seen.heartbeats, 2, "{}", session.display());
    }
}

#[test]
fn finds_datagrams_in_clear_flawless() {
    if client("tshark").is_none() {
        return;
    }
    let case = Recorded::new(&["--target", "sim:onvif.none-udp", "--stimulus", "udp-setup"]);
    let seen = Seen::look_at(&case.session("udp-setup"));
    assert_eq!(seen.flawed, [""; 0]);
    assert!(seen.udp > 100, "{} datagrams", seen.udp);
}

#[test]
fn opens_the_rtsp_dialogue_with_the_key_log_only() {
    if client("tshark").is_none() {
        return;
    }
    let case = Recorded::new(&["--stimulus", "honest", "--stimulus", "no-credentials"]);
    let honest = case.session("honest");
    let expected = [
        "OPTIONS 200",
        "DESCRIBE 401",
        "DESCRIBE 200",
        "SETUP 200",
        "SETUP 200",
        "PLAY 200",
        "TEARDOWN 200",
    ];
    assert_eq!(dialogue(&honest, &honest.join("keys.log")), expected);
    assert_eq!(dialogue(&honest, Path::new("/dev/null")), [""; 0]);

    let refused = case.session("no-credentials");
    let expected = [
        "OPTIONS 200",
        "DESCRIBE 401",
        "SETUP 401",
        "PLAY 401",
        "SET_PARAMETER 401",
        "ANNOUNCE 401",
        "RECORD 401",
    ];
    assert_eq!(dialogue(&refused, &refused.join("keys.log")), expected);
}

#[test]
fn would_see_a_changed_octet_and_a_retransmission() {
    if client("tshark").is_none() {
        return;
    }
    let case = Recorded::new(&[
        "--target",
        "sim:decoy.rough-network",
        "--stimulus",
        "honest",
    ]);
    let session = case.session("honest");
    let flawed = Seen::look_at(&session).flawed;
    assert!(
        flawed.iter().any(|line| line.ends_with("\t1")),
        "no retransmission is seen: {flawed:?}"
    );

    let file = session.join("wire.pcapng");
    let mut octets = fs::read(&file).expect("read the capture");
    // Inside of the first TLS record of application data.
    let header = octets.windows(3).position(|three| three == [23, 3, 3]);
    octets[header.expect("a TLS record") + 8] ^= 1;
    fs::write(&file, octets).expect("write the capture");
    let flawed = Seen::look_at(&session).flawed;
    assert!(
        flawed.iter().any(|line| line.starts_with("0x0800\t1\t0\t")),
        "no changed octet is seen: {flawed:?}"
    );
}

/// A case that `lightleak run` recorded.
struct Recorded(TempDir);

impl Recorded {
    fn new(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("make a temporary folder");
        let output = lightleak()
            .args(["run", "--path", "nvr.rtsps", "--out"])
            .arg(folder.path().join("case"))
            .args(options)
            .output()
            .expect("start lightleak");
        // The verdict is not what is tested here, only that there is one.
        assert!(
            matches!(output.status.code(), Some(0 | 1 | 3)),
            "{}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Self(folder)
    }

    fn sessions(&self) -> Vec<PathBuf> {
        let folder = self.0.path().join("case/sessions");
        let entries = fs::read_dir(folder).expect("list the sessions");
        entries
            .map(|entry| entry.expect("list the sessions").path())
            .collect()
    }

    fn session(&self, stimulus: &str) -> PathBuf {
        let part = format!("-{stimulus}-");
        self.sessions()
            .into_iter()
            .find(|path| path.to_string_lossy().contains(&part))
            .unwrap_or_else(|| panic!("no session of {stimulus}"))
    }
}

/// What tshark thinks of a capture.
#[derive(Default)]
struct Seen {
    tcp: usize,
    udp: usize,
    heartbeats: usize,
    /// Packets with a bad or unchecked sum, malformed, or of note to the
    /// analysis of TCP: the columns that were asked for.
    flawed: Vec<String>,
}

impl Seen {
    fn look_at(session: &Path) -> Self {
        // The state of a checksum is 1 when it was checked and is good.
        const COLUMNS: [&str; 6] = [
            "eth.type",
            "ip.checksum.status",
            "tcp.checksum.status",
            "udp.checksum.status",
            "_ws.malformed",
            "tcp.analysis.flags",
        ];
        const CHECKS: [&str; 3] = [
            "ip.check_checksum:TRUE",
            "tcp.check_checksum:TRUE",
            "udp.check_checksum:TRUE",
        ];
        let mut options = vec!["-T", "fields"];
        options.extend(CHECKS.iter().flat_map(|check| ["-o", check]));
        options.extend(COLUMNS.iter().flat_map(|column| ["-e", column]));
        let mut seen = Self::default();
        for line in tshark(session, &session.join("keys.log"), &options).lines() {
            match line.split('\t').collect::<Vec<_>>()[..] {
                [HEARTBEAT, "", "", "", "", ""] => seen.heartbeats += 1,
                [_, "1", "1", "", "", ""] => seen.tcp += 1,
                [_, "1", "", "1", "", ""] => seen.udp += 1,
                _ => seen.flawed.push(line.to_owned()),
            }
        }
        seen
    }
}

/// Methods and status codes, in the order in which they were answered.
fn dialogue(session: &Path, keys: &Path) -> Vec<String> {
    let text = tshark(session, keys, &["-q", "-z", "follow,tls,ascii,0"]);
    let mut asked = Vec::new();
    let mut answered = Vec::new();
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            [method, _, "RTSP/1.0"] => asked.push(method.to_owned()),
            ["RTSP/1.0", status, ..] => answered.push(status.to_owned()),
            _ => {}
        }
    }
    assert_eq!(asked.len(), answered.len(), "an answer to every request");
    let pairs = asked.iter().zip(&answered);
    pairs
        .map(|(method, status)| format!("{method} {status}"))
        .collect()
}

fn tshark(session: &Path, keys: &Path, options: &[&str]) -> String {
    let output = Command::new("tshark")
        // Nobody's own settings count, and no name is looked up.
        .env("WIRESHARK_CONFIG_DIR", session)
        .arg("-n")
        .arg("-r")
        .arg(session.join("wire.pcapng"))
        .arg("-o")
        .arg(format!("tls.keylog_file:{}", keys.display()))
        .args(["-d", "tcp.port==322,tls"])
        .args(options)
        .output()
        .expect("start tshark");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

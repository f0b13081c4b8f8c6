//! The captures of `vectors/captures`: what `inspect` says of each is what its sidecar
//! says, which was written before it was asked.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Sidecar {
    what: String,
    made_with: Vec<String>,
    tshark: String,
    notes: Vec<String>,
    /// Whether what is sealed is weak.
    weak: Option<bool>,
    /// Of some labels, how many flows have them at least.
    #[serde(default)]
    fewest: BTreeMap<String, usize>,
    #[serde(rename = "flow")]
    flows: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    transport: String,
    a: String,
    b: String,
    #[serde(default)]
    server: String,
    /// One of these.
    label: Vec<String>,
    /// What the kind begins with; `*` is any.
    kind: String,
    /// Fewest frames that are decoded.
    frames: u64,
    /// Why it is not found yet, if so: then it must not be, so that this sentence goes
    /// as soon as it is.
    missed: Option<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/captures")
}

/// Every sidecar with its capture.
fn captures() -> Vec<(PathBuf, Sidecar)> {
    let entries = fs::read_dir(folder()).expect("list the captures");
    let mut paths: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    let sidecars = paths
        .iter()
        .filter(|p| p.extension() == Some(OsStr::new("toml")));
    let pairs = sidecars.map(|sidecar| {
        let text = fs::read_to_string(sidecar).expect("read a sidecar");
        let read = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", sidecar.display()));
        let capture =
            ["pcap", "pcapng", "pcap.gz", "pcap.zst"].map(|suffix| sidecar.with_extension(suffix));
        let capture = capture.into_iter().find(|path| path.exists());
        (
            capture.unwrap_or_else(|| panic!("{} has no capture", sidecar.display())),
            read,
        )
    });
    pairs.collect()
}

/// What `inspect` says of a capture.
fn inspected(capture: &Path) -> Result<Value, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_lightleak"))
        .args(["--quiet", "inspect", "--json", "-"])
        .arg(capture)
        .output()
        .expect("start lightleak");
    let said = String::from_utf8_lossy(&output.stderr);
    let found: Result<Value, _> = serde_json::from_slice(&output.stdout);
    let found = found.map_err(|e| format!("{e}: {said} {}", output.status))?;
    Ok(found["captures"][0].clone())
}

fn text<'a>(flow: &'a Value, name: &str) -> &'a str {
    flow[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {flow}"))
}

/// A flow by its ends, whichever is named first.
fn ends<'a>(transport: &'a str, a: &'a str, b: &'a str) -> (&'a str, &'a str, &'a str) {
    (transport, a.min(b), a.max(b))
}

/// In what they differ.
fn differences(sidecar: &Sidecar, found: &Value) -> Vec<String> {
    let flows = found["flows"].as_array().expect("flows");
    let mut differences = Vec::new();
    let mut labels: BTreeMap<&str, usize> = BTreeMap::new();
    for flow in flows {
        let [transport, a, b] = ["transport", "a", "b"].map(|name| text(flow, name));
        let key = ends(transport, a, b);
        let expected = sidecar
            .flows
            .iter()
            .find(|e| ends(&e.transport, &e.a, &e.b) == key);
        let (label, kind) = (text(flow, "label"), text(flow, "kind"));
        *labels.entry(label).or_default() += 1;
        let Some(expected) = expected else {
            differences.push(format!(
                "{key:?} is {label} {kind}, and tshark has no such flow"
            ));
            continue;
        };
        let is_label = expected.label.iter().any(|l| l == label || l == "*");
        // What a flow is that leaks or is sealed, its kind says.
        let is_kind = kind.starts_with(&expected.kind) || expected.kind == "*";
        let frames = flow["frames_decoded"].as_u64().unwrap_or(0);
        let is_weak = flow["weak"].is_string() || flow["weak"] == true;
        if let Some(why) = &expected.missed {
            if is_label && is_kind && frames >= expected.frames {
                differences.push(format!("{key:?} is found, though said to be missed: {why}"));
            }
            continue;
        }
        if sidecar.weak.is_some_and(|weak| weak != is_weak) {
            differences.push(format!("{key:?} is weak: {is_weak} ({})", flow["weak"]));
        }
        if !is_label || !is_kind || frames < expected.frames {
            differences.push(format!(
                "{key:?} is {label} {kind} with {frames} frames ({}), not {:?} {} with {}",
                text(flow, "reason"),
                expected.label,
                expected.kind,
                expected.frames
            ));
        }
    }
    for expected in &sidecar.flows {
        let key = ends(&expected.transport, &expected.a, &expected.b);
        let is_there = flows
            .iter()
            .any(|flow| ends(text(flow, "transport"), text(flow, "a"), text(flow, "b")) == key);
        if !is_there {
            differences.push(format!("{key:?} is not there"));
        }
    }
    for (label, fewest) in &sidecar.fewest {
        let number = labels.get(label.as_str()).copied().unwrap_or(0);
        if number < *fewest {
            differences.push(format!("{number} flows are {label}, not {fewest}"));
        }
    }
    differences
}

#[test]
fn inspect_finds_what_the_sidecars_say() {
    let ffmpeg = Command::new("ffmpeg").arg("-version").output();
    if ffmpeg.is_err() {
        let ci = env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!ci, "ffmpeg is not installed; ci/setup installs it");
        println!("skipped: ffmpeg is not installed, without which few codecs are played");
        return;
    }
    let captures = captures();
    let mut wrong = Vec::new();
    for (path, sidecar) in &captures {
        let differences = match inspected(path) {
            Ok(found) => differences(sidecar, &found),
            Err(error) => vec![error],
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let told = differences.iter();
        wrong.extend(told.map(|d| format!("{name} ({}): {d}", sidecar.what)));
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn there_is_a_capture_of_every_kind_with_its_sidecar() {
    let captures = captures();
    assert!(captures.len() >= 60, "{}", captures.len());
    let mut octets = 0;
    for (path, sidecar) in &captures {
        let length = fs::metadata(path).expect("a capture").len();
        octets += length;
        let name = path.display();
        assert!(length < 384 << 10, "{name} has {length} octets");
        assert!(
            !sidecar.what.is_empty() && !sidecar.made_with.is_empty(),
            "{name}"
        );
        assert!(
            !sidecar.tshark.is_empty() && !sidecar.flows.is_empty(),
            "{name}"
        );
        assert!(sidecar.notes.iter().all(|note| !note.is_empty()), "{name}");
        for flow in &sidecar.flows {
            assert!(
                flow.missed.as_ref().is_none_or(|why| !why.is_empty()),
                "{name}"
            );
            assert!(["", "a", "b"].contains(&flow.server.as_str()), "{name}");
            for label in &flow.label {
                let known = ["leak", "sealed", "other", "undetermined", "*"];
                assert!(known.contains(&label.as_str()), "{name}: {label}");
            }
        }
    }
    assert!(octets < 6_000_000, "{octets} octets");
}

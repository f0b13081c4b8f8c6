//! `keygen`, `certify`, `verify` and `compare` as a user meets them.

use std::{fs, path::Path};

use serde_json::Value;

use crate::support::{code, lightleak, make, small_case, text};

/// Runs in a folder whose name is no part of what is expected.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_lightleak"))
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .output()
        .expect("the program starts");
    (code(&output), text(&output.stdout), text(&output.stderr))
}

/// Times and fingerprints differ from run to run.
fn normalised(text: &str) -> String {
    let word = |word: &str| {
        let bare = word.trim_end_matches(',');
        let is_time = bare.len() == 20 && bare.ends_with('Z');
        match (bare.starts_with("sha256:"), is_time) {
            (true, _) => word.replace(bare, "HASH"),
            (_, true) => word.replace(bare, "TIME"),
            _ => word.to_owned(),
        }
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_honest_camera_is_certified_as_a_simulator() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    assert_eq!(run(at, &["run", "--out", "case"]).0, 0);
    assert_eq!(run(at, &["keygen", "lab.key"]).0, 0);
    let (code, stdout, stderr) = run(
        at,
        &["certify", "case", "--key", "lab.key", "--out", "b.tar"],
    );
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(
        stdout.contains("CERTIFIED, a simulator and no device"),
        "{stdout}"
    );

    let (code, stdout, stderr) = run(
        at,
        &["verify", "b.tar", "--pub", "lab.key.pub", "--rejudge"],
    );
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("rejudged     the same report"), "{stdout}");
    // Nobody knows whose key it is.
    let (code, stdout, _) = run(at, &["verify", "b.tar"]);
    assert_eq!(code, 3);
    assert!(stdout.contains("anybody could have signed it"), "{stdout}");
    // The case stays what it was, and is the same as what was signed.
    let (code, stdout, _) = run(at, &["compare", "case", "b.tar"]);
    assert_eq!(code, 0, "{stdout}");
    assert!(
        stdout.starts_with("0 worse, 0 better, 0 new, 0 gone"),
        "{stdout}"
    );

    let mut octets = fs::read(at.join("b.tar")).unwrap();
    let middle = octets.len() / 2;
    octets[middle] ^= 1;
    fs::write(at.join("b.tar"), octets).unwrap();
    let (code, stdout, _) = run(at, &["verify", "b.tar", "--pub", "lab.key.pub"]);
    assert_eq!(code, 1);
    assert!(
        stdout.starts_with("NOT AS IT WAS SIGNED\n  case/sessions/"),
        "{stdout}"
    );
}

#[test]
fn a_case_that_says_little_is_issued_and_not_certified() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    small_case(&at.join("case"));
    assert_eq!(run(at, &["keygen", "lab.key"]).0, 0);
    let (code, issued, stderr) = run(
        at,
        &[
            "certify", "case", "--key", "lab.key", "--out", "b.tar", "--redact",
        ],
    );
    assert_eq!(code, 3, "{issued}{stderr}");
    let (code, verified, _) = run(at, &["verify", "b.tar", "--pub", "lab.key.pub"]);
    assert_eq!(code, 3);
    insta::assert_snapshot!("certify", normalised(&issued));
    insta::assert_snapshot!("verify", normalised(&verified));
    let (code, _, stderr) = run(at, &["verify", "b.tar", "--rejudge"]);
    assert_eq!(code, 4);
    assert!(stderr.contains("were left out of this bundle"), "{stderr}");
}

#[test]
fn a_copy_without_keys_and_pictures_has_the_same_signature() {
    let made = make(false);
    let at = made.folder.path();
    let (code, told, stderr) = run(at, &["redact", "bundle.tar", "--out", "copy.tar"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(
        told.contains("files were left out; the signature is the same"),
        "{told}"
    );
    let key = ["--pub", "lab.key.pub"];
    let (_, whole, _) = run(at, &[&["verify", "bundle.tar"], &key[..]].concat());
    let (code, less, _) = run(at, &[&["verify", "copy.tar"], &key[..]].concat());
    assert_eq!(code, 3, "{less}");
    let signer = |told: &str| {
        told.lines()
            .find(|line| line.contains("sha256:"))
            .map(str::to_owned)
    };
    assert!(
        signer(&less).is_some() && signer(&less) == signer(&whole),
        "{less}"
    );
    let (code, _, stderr) = run(at, &["verify", "copy.tar", "--rejudge"]);
    assert_eq!(code, 4);
    assert!(stderr.contains("were left out of this bundle"), "{stderr}");
    let (code, _, stderr) = run(at, &["redact", "bundle.tar", "--out", "copy.tar"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("is not overwritten"), "{stderr}");
}

#[test]
fn what_was_scrubbed_is_accounted_for_when_judged_again() {
    let made = make(false);
    let bundle = made.bundle.to_str().unwrap();
    let public = made.folder.path().join("lab.key.pub");
    let output = lightleak(&[
        "verify",
        bundle,
        "--pub",
        public.to_str().unwrap(),
        "--rejudge",
    ]);
    let stdout = text(&output.stdout);
    assert_eq!(code(&output), 3, "{stdout}");
    assert!(stdout.contains("rejudged     the same report"), "{stdout}");
}

#[test]
fn a_vendors_case_is_never_certified() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    small_case(&at.join("case"));
    run(at, &["keygen", "k"]);
    let lab = "schema = \"lightleak.lab/1\"\nname = \"L\"\naddress = \"A\"\nrecorded_by = \"vendor\"\n\
        begun = \"2026-11-29\"\nended = \"2026-11-30\"\nnonce = \"c04b22a2\"\n\
        firmware_sha256 = \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"\n\
        app_version = \"1\"\nportal_version = \"none\"\nregion = \"EU\"\naccount_tier = \"free\"\n";
    fs::write(at.join("lab.toml"), lab).unwrap();
    let certify = [
        "certify", "case", "--key", "k", "--lab", "lab.toml", "--out",
    ];
    let (code, stdout, stderr) = run(at, &[&certify[..], &["b.tar"]].concat());
    assert_eq!(code, 3, "{stderr}");
    assert!(stdout.contains("the vendor recorded the case"), "{stdout}");
    assert!(stdout.contains("no mark was read"), "{stdout}");
    fs::write(at.join("lab.toml"), lab.replace("nonce", "nonsense")).unwrap();
    let (code, _, stderr) = run(at, &[&certify[..], &["c.tar"]].concat());
    assert_eq!(code, 2);
    assert!(
        stderr.contains("lab.toml") && stderr.contains("nonsense"),
        "{stderr}"
    );
}

#[test]
fn mistakes_are_usage_and_overwrite_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    small_case(&at.join("case"));
    assert_eq!(run(at, &["keygen", "k"]).0, 0);
    fs::write(at.join("precious"), "years of work").unwrap();
    for (arguments, expected) in [
        (&["keygen", "k"][..], "exists and is not overwritten"),
        (
            &["certify", "case", "--key", "k", "--out", "precious"],
            "exists and is not overwritten",
        ),
        (
            &["certify", "case", "--key", "k.pub", "--out", "b"],
            "is not an Ed25519 private key",
        ),
        (&["certify", "case", "--out", "b"], "--key"),
        (
            &[
                "certify", "case", "--key", "k", "--only", "XC-*", "--out", "b",
            ],
            "--only",
        ),
        (
            &["verify", "precious", "--pub", "k"],
            "is not an Ed25519 public key",
        ),
        (
            &["compare", "precious", "precious"],
            "is neither a report in JSON",
        ),
    ] {
        let (code, _, stderr) = run(at, arguments);
        assert_eq!(code, 2, "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    }
    assert_eq!(
        fs::read_to_string(at.join("precious")).unwrap(),
        "years of work"
    );
    assert!(!at.join("b").exists());
    assert_eq!(run(at, &["verify", "precious", "--pub", "k.pub"]).0, 1);
}

#[test]
fn only_regressions_count_in_a_comparison() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    small_case(&at.join("case"));
    run(at, &["judge", "case", "--json", "old.json"]);
    let mut report: Value =
        serde_json::from_slice(&fs::read(at.join("old.json")).unwrap()).unwrap();
    let finding = report["findings"]
        .as_array_mut()
        .and_then(|findings| findings.iter_mut().find(|f| f["verdict"] == "inconclusive"))
        .unwrap();
    (finding["verdict"], finding["level"]) = ("fail".into(), "must".into());
    fs::write(at.join("new.json"), report.to_string()).unwrap();
    let (code, stdout, _) = run(at, &["compare", "old.json", "new.json", "--json", "c.json"]);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.starts_with("worse "), "{stdout}");
    let comparison: Value = serde_json::from_slice(&fs::read(at.join("c.json")).unwrap()).unwrap();
    assert_eq!(comparison["schema"], "lightleak.comparison/1");
    assert_eq!(comparison["summary"]["regressions"], 1);
    assert!(is_valid(&at.join("c.json")));
    assert_eq!(run(at, &["compare", "new.json", "case"]).0, 0);
}

/// By a validator that is not ours; says so where there is none.
fn is_valid(file: &Path) -> bool {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/comparison.schema.json");
    let mut validator = std::process::Command::new("jsonschema");
    match validator.arg("-i").arg(file).arg(schema).status() {
        Err(_) if std::env::var_os("CI").is_none() => {
            println!("skipped: jsonschema is not installed");
            true
        }
        status => status.expect("jsonschema runs").success(),
    }
}

//! What we publish as JSON is what our schemas say, and what others have schemas
//! for is what theirs say, by validators that are not ours.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::support::{client, lightleak};

fn schema(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../schema")
        .join(format!("{name}.schema.json"))
}

/// A schema of others, which `ci/setup` fetches; skipped as a program is that is
/// not there.
fn fetched(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/schemas");
    let file = folder.join(name);
    if file.exists() {
        return Some(file);
    }
    assert!(
        env::var_os("CI").is_none_or(|ci| ci != "true"),
        "{name} is not there; ci/setup fetches it"
    );
    println!("skipped: {name} is not there");
    None
}

/// Whether the validator accepts the file; `None` without a validator.
fn is_valid(file: &Path, schema_name: &str) -> Option<bool> {
    is_valid_by(file, &schema(schema_name))
}

fn is_valid_by(file: &Path, schema: &Path) -> Option<bool> {
    let mut validator = client("jsonschema")?;
    validator.arg("-i").arg(file).arg(schema);
    Some(accepts(&mut validator))
}

/// Whether a validator accepts; what it objects to is printed.
fn accepts(validator: &mut Command) -> bool {
    let output = validator.output().unwrap();
    if !output.status.success() {
        print!("{}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

/// Runs lightleak with `--json` into a file of that folder.
fn written(folder: &Path, arguments: &[&str]) -> PathBuf {
    let file = folder.join("output.json");
    let mut command = lightleak();
    command
        .current_dir(folder)
        .args(arguments)
        .arg("--json")
        .arg(&file);
    command.output().expect("start lightleak");
    file
}

#[test]
fn reports_are_as_their_schema_says() {
    for target in ["sim", "sim:rtsp.open"] {
        let folder = tempfile::tempdir().unwrap();
        let file = written(
            folder.path(),
            &["run", "--target", target, "--stimulus", "port-sweep"],
        );
        let Some(valid) = is_valid(&file, "report") else {
            return;
        };
        assert!(valid, "{target}");

        // The schema can tell.
        let mut report: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        report["findings"][0]["verdict"] = json!("fine");
        fs::write(&file, report.to_string()).unwrap();
        assert_eq!(is_valid(&file, "report"), Some(false));
    }
}

#[test]
fn kill_matrices_are_as_their_schema_says() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), &["mutants", "--only", "tls.tls10"]);
    let Some(valid) = is_valid(&file, "mutants") else {
        return;
    };
    assert!(valid);
    fs::write(
        &file,
        json!({ "schema": "lightleak.mutants/1", "mutants": [] }).to_string(),
    )
    .unwrap();
    assert_eq!(
        is_valid(&file, "mutants"),
        Some(false),
        "there is no summary"
    );
}

#[test]
fn inspections_are_as_their_schema_says() {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("case");
    let target = "sim:rtsp.open";
    let mut record = lightleak();
    record.args(["run", "--target", target, "--path", "nvr.rtsps"]);
    record
        .args(["--stimulus", "port-sweep", "--out"])
        .arg(&case);
    record.output().expect("start lightleak");
    let sessions = fs::read_dir(case.join("sessions")).unwrap();
    let captures = sessions.map(|session| session.unwrap().path().join("wire.pcapng"));
    let captures: Vec<_> = captures.filter(|capture| capture.exists()).collect();
    let mut arguments = vec!["inspect", "--pictures", "pictures"];
    arguments.extend(captures.iter().map(|capture| capture.to_str().unwrap()));
    let file = written(folder.path(), &arguments);
    let Some(valid) = is_valid(&file, "inspect") else {
        return;
    };
    assert!(valid);

    let mut findings: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let shows = |flow: &Value| flow["pictures"][0]["width"].is_u64();
    let flows = &mut findings["captures"][0]["flows"];
    assert!(flows.as_array().unwrap().iter().any(shows));
    flows[0]["label"] = json!("fine");
    fs::write(&file, findings.to_string()).unwrap();
    assert_eq!(is_valid(&file, "inspect"), Some(false));
}

/// Records a target and judges it; the folder of the case.
fn judged(folder: &Path, target: &str, options: &[&str]) -> PathBuf {
    let case = folder.join("case");
    let mut command = lightleak();
    command.args(["run", "--target", target, "--path", "nvr.rtsps"]);
    command.args(["--stimulus", "port-sweep", "--out"]);
    command.arg(&case).args(options).current_dir(folder);
    command.output().expect("start lightleak");
    case
}

#[test]
fn sarif_is_as_its_standard_says() {
    let Some(schema) = fetched("sarif-2.1.0.json") else {
        return;
    };
    for (target, is_leak) in [("sim", false), ("sim:rtsp.open", true)] {
        let folder = tempfile::tempdir().unwrap();
        let case = judged(folder.path(), target, &["--sarif", "asked.sarif"]);
        let file = case.join("report/report.sarif");
        let text = fs::read_to_string(&file).unwrap();
        let asked = fs::read_to_string(folder.path().join("asked.sarif")).unwrap();
        assert_eq!(text, asked);
        let Some(valid) = is_valid_by(&file, &schema) else {
            return;
        };
        assert!(valid, "{target}");

        let mut log: Value = serde_json::from_str(&text).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        let fails = |result: &Value| result["properties"]["verdict"] == "fail";
        let leaks = results.iter().any(fails);
        assert_eq!(leaks, is_leak, "{target}");
        // No stimulus but one is known of the path.
        assert!(!results.is_empty());
        let prints = results.iter().map(|result| &result["partialFingerprints"]);
        let unique: BTreeSet<_> = prints.map(ToString::to_string).collect();
        assert_eq!(unique.len(), results.len(), "{target}");

        log["runs"][0]["results"][0]["level"] = json!("fine");
        fs::write(&file, log.to_string()).unwrap();
        assert_eq!(is_valid_by(&file, &schema), Some(false));
    }
}

#[test]
fn junit_is_as_jenkins_reads_it() {
    let Some(schema) = fetched("junit-10.xsd") else {
        return;
    };
    let is_valid = |file: &Path| {
        let mut validator = client("xmllint")?;
        validator.arg("--noout").arg("--schema").arg(&schema);
        Some(accepts(validator.arg(file)))
    };
    for target in ["sim", "sim:rtsp.open"] {
        let folder = tempfile::tempdir().unwrap();
        judged(folder.path(), target, &["--junit", "junit.xml"]);
        let file = folder.path().join("junit.xml");
        let Some(valid) = is_valid(&file) else {
            return;
        };
        assert!(valid, "{target}");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(
            &file,
            text.replacen("<testcase name=", "<testcase title=", 1),
        )
        .unwrap();
        assert_eq!(is_valid(&file), Some(false), "{target}");
    }
}

#[test]
fn a_step_of_github_shows_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let case = judged(folder.path(), "sim:rtsp.open", &[]);
    let summary = folder.path().join("summary.md");
    fs::write(&summary, "# What was there\n").unwrap();
    let judge = |summary: &Path| {
        let mut command = lightleak();
        command.arg("judge").arg(&case).arg("--quiet");
        command.env("GITHUB_STEP_SUMMARY", summary);
        command.output().expect("start lightleak")
    };
    assert_eq!(judge(&summary).status.code(), Some(1));
    let text = fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with("# What was there\n## lightleak: does not conform\n"));
    assert!(text.contains("**fail** XC-07"));

    let nowhere = judge(&folder.path().join("no/such/folder"));
    assert_eq!(nowhere.status.code(), Some(4));
    let message = String::from_utf8_lossy(&nowhere.stderr);
    assert!(message.contains("GITHUB_STEP_SUMMARY"), "{message}");
}

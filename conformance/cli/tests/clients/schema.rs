//! What we publish as JSON is what our schemas say, by a validator that is not
//! ours.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::support::{client, lightleak};

fn schema(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../schema")
        .join(format!("{name}.schema.json"))
}

/// Whether the validator accepts the file; `None` without a validator.
fn is_valid(file: &Path, schema_name: &str) -> Option<bool> {
    let mut validator = client("jsonschema")?;
    let output = validator
        .arg("-i")
        .arg(file)
        .arg(schema(schema_name))
        .output()
        .unwrap();
    if !output.status.success() {
        print!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Some(output.status.success())
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

//! The kill matrix: every mutant is killed by the rows that it is there for,
//! and the honest camera and the decoys fail nothing.

use std::process::Command;

use serde_json::Value;

#[test]
fn every_mutant_is_killed_and_nothing_else_fails() {
    let output = Command::new(env!("CARGO_BIN_EXE_lightleak"))
        .args(["mutants", "--json", "-", "--quiet"])
        .output()
        .unwrap();
    let matrix: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(matrix["schema"], "lightleak.mutants/1");
    let mutants = matrix["mutants"].as_array().unwrap();
    assert_eq!(mutants.len(), lightleak_sim::fault::Mutant::all().count());
    for mutant in mutants {
        assert_eq!(mutant["killed"], true, "{mutant}");
        assert_eq!(mutant["killed_by"], mutant["expected"], "{mutant}");
    }
    // 0 covers the decoys and the honest camera too.
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn decoys_and_the_honest_camera_pass_with_many_seeds() {
    for arguments in [
        &["mutants", "--only", "decoy.*", "--seeds", "4"][..],
        &["run", "--seeds", "8", "--out"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("cases");
        let mut command = Command::new(env!("CARGO_BIN_EXE_lightleak"));
        command.args(arguments);
        if arguments[0] == "run" {
            command.arg(&out);
        }
        let output = command.output().unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
}

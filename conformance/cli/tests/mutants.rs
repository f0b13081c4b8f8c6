//! The kill matrix: a mutant is killed by the rows that it is there for. All of
//! them, with many seeds, and the honest camera and the decoys, are a step of
//! `ci/test` of its own.

use std::process::{Command, Output};

use serde_json::Value;

#[test]
fn mutants_are_killed_by_the_rows_that_they_are_there_for() {
    let (output, matrix) = matrix(&["--only", "rtsp.*", "--seeds", "2"]);
    assert_eq!(matrix["schema"], "lightleak.mutants/1");
    let mutants = matrix["mutants"].as_array().unwrap();
    let all = lightleak_sim::fault::Mutant::all();
    let matching = all.filter(|mutant| mutant.id.starts_with("rtsp.")).count();
    assert!(matching > 1);
    assert_eq!(mutants.len(), matching);
    for mutant in mutants {
        assert_eq!(mutant["killed"], true, "{mutant}");
        assert_eq!(mutant["killed_by"], mutant["expected"], "{mutant}");
    }
    assert_eq!(matrix["summary"]["survived"], 0);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[test]
fn decoys_fail_nothing() {
    let (output, matrix) = matrix(&["--only", "decoy.rough-network"]);
    assert_eq!(matrix["mutants"].as_array().map(Vec::len), Some(0));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
}

fn matrix(options: &[&str]) -> (Output, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_lightleak"))
        .args(["mutants", "--json", "-", "--quiet"])
        .args(options)
        .output()
        .unwrap();
    let matrix = serde_json::from_slice(&output.stdout).unwrap();
    (output, matrix)
}

//! Ids are the only join between requirements, mutants, stimuli and paths:
//! every one must join.

use std::{collections::BTreeSet, process::Command};

use lightleak::stimulus;
use lightleak_judge::requirement::{
    self, Stimuli,
    framework::{self, Framework},
};
use lightleak_sim::{
    fault::{DECOYS, Mutant},
    path,
};
use serde_json::Value;

fn unique(ids: impl Iterator<Item = &'static str>) -> BTreeSet<&'static str> {
    let ids: Vec<_> = ids.collect();
    let set: BTreeSet<_> = ids.iter().copied().collect();
    assert_eq!(set.len(), ids.len(), "an id is used twice in {ids:?}");
    set
}

#[test]
fn every_id_joins() {
    let requirements = unique(requirement::all().map(|r| r.id));
    let stimuli = unique(stimulus::ALL.iter().map(|s| s.id));
    let paths = unique(path::ALL.iter().map(|p| p.id));
    unique(
        Mutant::all()
            .map(|m| m.id)
            .chain(DECOYS.iter().map(|d| d.id)),
    );

    for mutant in Mutant::all() {
        assert!(
            paths.contains(mutant.path),
            "{}: {}",
            mutant.id,
            mutant.path
        );
        assert!(!mutant.expected.is_empty(), "{} expects nothing", mutant.id);
        for id in mutant.expected {
            assert!(requirements.contains(id), "{}: {id}", mutant.id);
        }
    }
    for requirement in requirement::all() {
        if let Stimuli::Only(ids) = requirement.stimuli {
            for id in ids {
                assert!(stimuli.contains(id), "{}: {id}", requirement.id);
            }
        }
    }
}

#[test]
fn every_requirement_earns_its_place_by_a_mutant() {
    for requirement in requirement::all() {
        assert!(
            Mutant::all().any(|m| m.expected.contains(&requirement.id)),
            "no mutant expects {}",
            requirement.id
        );
    }
}

#[test]
fn every_requirement_quotes_its_source() {
    for requirement in requirement::all() {
        let source = requirement.source;
        for text in [
            source.document,
            source.clause,
            source.text,
            requirement.title,
        ] {
            assert!(!text.is_empty(), "{}", requirement.id);
        }
    }
}

#[test]
fn lists_name_what_there_is() {
    let clauses = Framework::ALL.iter().map(|f| framework::clauses(*f).len());
    let expected = [
        ("paths", path::ALL.len()),
        ("stimuli", stimulus::ALL.len()),
        ("requirements", requirement::all().count()),
        ("mutants", Mutant::all().count()),
        ("vectors", lightleak_vectors::sets().len()),
        ("frameworks", clauses.sum()),
    ];
    for (name, count) in expected {
        assert!(count > 0, "{name}");
        let run = |format: &str| {
            let output = Command::new(env!("CARGO_BIN_EXE_lightleak"))
                .args(["list", name, format])
                .output()
                .unwrap();
            assert!(output.status.success(), "{name} {format}");
            String::from_utf8(output.stdout).unwrap()
        };
        let list: Value = serde_json::from_str(&run("--json")).unwrap();
        assert_eq!(list["schema"], "lightleak.list/1");
        assert_eq!(list[name].as_array().unwrap().len(), count);
        assert_eq!(run("--markdown").lines().count(), count + 2);
    }
}

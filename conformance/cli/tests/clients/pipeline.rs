//! The action for GitHub and the job for GitLab: what they run is run, and what they are
//! is valid.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::support::client;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A folder in which a pipeline runs that finds this lightleak on its path.
struct Pipeline {
    folder: TempDir,
}

impl Pipeline {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("make a temporary folder"),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_else(|e| panic!("read {name}: {e}"))
    }

    /// Runs a script of the pipeline with these variables.
    fn run(&self, mut script: Command, variables: &[(&str, &str)]) -> Output {
        let program = Path::new(env!("CARGO_BIN_EXE_lightleak"));
        let beside = program.parent().expect("a folder").display();
        let path = env::var("PATH").expect("a path");
        script
            .current_dir(self.folder.path())
            .env("PATH", format!("{beside}:{path}"))
            .env("GITHUB_OUTPUT", self.file("output"))
            .env("GITHUB_STEP_SUMMARY", self.file("summary.md"))
            .envs(variables.iter().copied())
            .output()
            .expect("start the script")
    }

    fn action(&self, variables: &[(&str, &str)]) -> Output {
        self.run(Command::new(root().join("ci/action/run")), variables)
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const OPTIONS: &str = "--path nvr.rtsps --stimulus honest --stimulus port-sweep --only XC-07";

#[test]
fn the_action_annotates_a_leak_fails_and_keeps_reports() {
    let pipeline = Pipeline::new();
    let leaking = [
        ("LIGHTLEAK_TARGET", "sim:rtsp.open"),
        ("LIGHTLEAK_OPTIONS", OPTIONS),
    ];
    let output = pipeline.action(&leaking);
    assert_eq!(output.status.code(), Some(1));
    let told = stdout(&output);
    let title = "::error title=XC-07%3A nvr.rtsps under port-sweep::";
    assert!(told.lines().any(|line| line.starts_with(title)), "{told}");
    // What the device says stands where no command is obeyed.
    let (stop, rest) = told.split_once('\n').expect("lines");
    let token = stop.strip_prefix("::stop-commands::").expect("a token");
    let (before, after) = rest.split_once(&format!("::{token}::\n")).expect("an end");
    assert!(
        before.contains("FAIL XC-07") && !before.contains("\n::error"),
        "{told}"
    );
    assert!(after.starts_with("::error"), "{told}");
    for file in [
        "report.json",
        "report.html",
        "report.sarif",
        "junit.xml",
        "report.md",
    ] {
        assert!(
            pipeline
                .text(&format!("lightleak-out/report/{file}"))
                .contains("XC-07"),
            "{file}"
        );
    }
    assert!(pipeline.text("summary.md").contains("does not conform"));
    let told = pipeline.text("output");
    assert_eq!(
        told,
        "exit-code=1\nreport=lightleak-out/report\ncase=lightleak-out\n"
    );

    // The leak was there before: no regression.
    fs::copy(
        pipeline.file("lightleak-out/report/report.json"),
        pipeline.file("old.json"),
    )
    .expect("copy the report");
    let baseline = ("LIGHTLEAK_BASELINE", "old.json");
    let output = pipeline.action(&[leaking[0], leaking[1], baseline]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));

    // What leaks is a regression, though the run writes over what it is compared with.
    let own = ("LIGHTLEAK_BASELINE", "lightleak-out/report/report.json");
    let output = pipeline.action(&[("LIGHTLEAK_OPTIONS", OPTIONS)]);
    assert_eq!(output.status.code(), Some(3));
    let output = pipeline.action(&[leaking[0], leaking[1], own]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));

    // The recorded case is judged where it is.
    fs::rename(pipeline.file("lightleak-out"), pipeline.file("case")).expect("rename");
    let case = ("LIGHTLEAK_TARGET", "case:case");
    let output = pipeline.action(&[case, ("LIGHTLEAK_OPTIONS", "--only XC-07")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        pipeline
            .text("output")
            .ends_with("report=case/report\ncase=case\n")
    );
}

#[test]
fn the_action_passes_what_conforms_and_not_what_it_can_not_judge() {
    let pipeline = Pipeline::new();
    let options = "--stimulus honest --only XC-03";
    let output = pipeline.action(&[("LIGHTLEAK_OPTIONS", options)]);
    let told = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(!told.contains("::error"), "{told}");
    let output = pipeline.action(&[
        ("LIGHTLEAK_TARGET", "shim:exit 1"),
        ("LIGHTLEAK_BASELINE", "lightleak-out/report/report.json"),
    ]);
    assert_eq!(output.status.code(), Some(4));
    let output = pipeline.action(&[("LIGHTLEAK_OPTIONS", "--path nowhere")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(pipeline.text("output").contains("exit-code=2\n"));
}

/// The script of the job, as its folded block has it.
fn gitlab_script() -> String {
    let job = fs::read_to_string(root().join("ci/gitlab/lightleak.yml")).expect("read the job");
    let (_, block) = job.split_once("  script:\n    - >-\n").expect("a script");
    let lines = block.lines().map_while(|line| line.strip_prefix("      "));
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_job_for_gitlab_fails_on_a_leak_and_with_a_baseline_on_regressions() {
    let pipeline = Pipeline::new();
    let run = |variables: &[(&str, &str)]| {
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", &gitlab_script()]);
        let set = [
            ("LIGHTLEAK_TARGET", "sim:rtsp.open"),
            ("LIGHTLEAK_OPTIONS", OPTIONS),
        ];
        pipeline
            .run(bash, &[&set[..], variables].concat())
            .status
            .code()
    };
    assert_eq!(run(&[("LIGHTLEAK_BASELINE", "")]), Some(1));
    assert!(pipeline.text("lightleak-out.xml").contains("XC-07"));
    fs::copy(
        pipeline.file("lightleak-out/report/report.json"),
        pipeline.file("old.json"),
    )
    .expect("copy the report");
    let baseline = ("LIGHTLEAK_BASELINE", "old.json");
    assert_eq!(run(&[baseline]), Some(0));
    let clean = ("LIGHTLEAK_TARGET", "sim");
    assert_eq!(run(&[clean, ("LIGHTLEAK_BASELINE", "")]), Some(3));
    fs::copy(
        pipeline.file("lightleak-out/report/report.json"),
        pipeline.file("old.json"),
    )
    .expect("copy the report");
    assert_eq!(run(&[baseline]), Some(1));
}

/// Whether a file is what the schema of those who read it says.
fn is_valid(file: &Path, schema: &str) -> Option<bool> {
    let packages = root().join("target/check-jsonschema");
    if !packages.exists() {
        assert!(
            env::var_os("CI").is_none_or(|ci| ci != "true"),
            "check-jsonschema is not there; ci/setup fetches it"
        );
        println!("skipped: check-jsonschema is not there");
        return None;
    }
    let output = client("python3")?
        .args(["-m", "check_jsonschema", "--builtin-schema", schema])
        .arg(file)
        .env("PYTHONPATH", packages)
        .output()
        .expect("start check-jsonschema");
    print!("{}", String::from_utf8_lossy(&output.stdout));
    Some(output.status.success())
}

#[test]
fn actions_workflows_and_jobs_are_as_their_readers_say() {
    let folder = tempfile::tempdir().expect("make a temporary folder");
    for (file, schema, key) in [
        ("ci/action/action.yml", "vendor.github-actions", "  using:"),
        (
            "ci/action/example.yml",
            "vendor.github-workflows",
            "    runs-on:",
        ),
        (
            ".github/workflows/ci.yml",
            "vendor.github-workflows",
            "    runs-on:",
        ),
        ("ci/gitlab/lightleak.yml", "vendor.gitlab-ci", "    when:"),
    ] {
        let text = fs::read_to_string(root().join(file)).expect("read the file");
        // Of a job that is there to be extended the schema says nothing.
        let text = text.replace("\n.lightleak:", "\nlightleak:");
        let copy = folder.path().join("copy.yml");
        fs::write(&copy, &text).expect("write a copy");
        let Some(valid) = is_valid(&copy, schema) else {
            return;
        };
        assert!(valid, "{file}");
        // The schema can tell.
        fs::write(&copy, text.replace(key, &format!("{key} [1] #"))).expect("write a copy");
        assert_eq!(is_valid(&copy, schema), Some(false), "{file}");
    }
}

#[test]
fn scripts_have_no_fault_that_shellcheck_knows() {
    let Some(mut shellcheck) = client("shellcheck") else {
        return;
    };
    let mut scripts = Vec::new();
    for folder in ["ci", "ci/action", "ci/deep"] {
        for entry in fs::read_dir(root().join(folder)).expect("read a folder") {
            let path = entry.expect("read a folder").path();
            let text = fs::read(&path).unwrap_or_default();
            if text.starts_with(b"#!/usr/bin/env bash") {
                scripts.push(path);
            }
        }
    }
    assert!(scripts.len() >= 4, "{scripts:?}");
    let output = shellcheck
        .args(&scripts)
        .output()
        .expect("start shellcheck");
    assert!(output.status.success(), "{}", stdout(&output));
    let faulty = tempfile::tempdir().expect("make a temporary folder");
    let script = faulty.path().join("script");
    fs::write(&script, "#!/usr/bin/env bash\nrm -rf $1/x\n").expect("write a script");
    let mut shellcheck = Command::new("shellcheck");
    let output = shellcheck.arg(&script).output().expect("start shellcheck");
    assert!(!output.status.success());
}

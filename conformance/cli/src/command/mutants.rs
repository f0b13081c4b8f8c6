//! `lightleak mutants`: every mutant is recorded and judged; who survives shows
//! that the suite can't fail where it should.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use clap::Args;
use lightleak_judge::requirement::{self, Requirement, Stimuli};
use lightleak_sim::fault::{DECOYS, Decoy, Mutant};
use serde::Serialize;

use super::{
    Failure, Judging, Outcome, Terminal, check_globs, matches,
    run::{judge, more_severe},
    threads, write_file,
};
use crate::target::sim::{Plan, Progress as _, SUB_VIDEO, SimTarget};

/// Options of `mutants`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only mutants and decoys that match, such as `rtsp.*` (repeatable).
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,
    /// Run this many seeds, from 1 on: the first with every session, the others
    /// with those that the expected requirements look at, and decoys with those
    /// in which somebody sees the picture.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// How many cameras at a time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=256))]
    jobs: Option<u64>,
    /// Write the matrix as JSON; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The kill matrix: schema `lightleak.mutants/1`.
#[derive(Debug, Serialize)]
struct Matrix {
    schema: &'static str,
    mutants: Vec<Row>,
    summary: Summary,
    #[serde(skip)]
    controls: Vec<Control>,
}

#[derive(Debug, Serialize)]
struct Row {
    id: &'static str,
    story: &'static str,
    source: &'static str,
    expected: &'static [&'static str],
    /// Expected requirements that failed with every seed.
    killed_by: BTreeSet<&'static str>,
    /// Other requirements that failed with some seed.
    also: BTreeSet<&'static str>,
    killed: bool,
}

#[derive(Debug, Serialize)]
struct Summary {
    total: usize,
    killed: usize,
    survived: usize,
}

/// The honest camera or a decoy: nothing may fail.
#[derive(Debug)]
struct Control {
    id: &'static str,
    story: &'static str,
    failed: BTreeSet<&'static str>,
    code: u8,
}

/// One camera with one seed.
struct Job {
    target: SimTarget,
    seed: u64,
    /// The sessions that matter: with the first seed all of them.
    focus: Option<Focus>,
}

/// A part of the plan.
#[derive(Clone, Copy)]
enum Focus {
    /// The sessions that the rows look at that have to catch a mutant.
    Mutant(&'static Mutant),
    /// Those in which somebody sees the picture: of a decoy.
    Honest,
}

/// What failed, and the exit code.
type Verdict = Result<(BTreeSet<&'static str>, u8), Failure>;

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Outcome {
    let ids: Vec<_> = Mutant::all()
        .map(|m| m.id)
        .chain(DECOYS.iter().map(|d| d.id))
        .collect();
    check_globs("mutant or decoy", &arguments.only, &ids)?;
    let mutants: Vec<_> = Mutant::all()
        .filter(|m| matches(&arguments.only, m.id))
        .collect();
    let decoys: Vec<_> = DECOYS
        .iter()
        .filter(|d| matches(&arguments.only, d.id))
        .collect();
    let honest = arguments.only.is_empty();
    let mutant = |m: &&'static Mutant| (SimTarget::from(*m), Some(Focus::Mutant(m)));
    let decoy = |d: &&'static Decoy| (SimTarget::from(*d), Some(Focus::Honest));
    let targets: Vec<(SimTarget, Option<Focus>)> = mutants
        .iter()
        .map(mutant)
        .chain(decoys.iter().map(decoy))
        .chain(honest.then_some((SimTarget::HONEST, None)))
        .collect();

    let verdicts = judge_all(&targets, arguments, terminal)?;
    let mut verdicts = verdicts.chunks(arguments.seeds as usize);
    let rows: Vec<_> = mutants
        .iter()
        .zip(verdicts.by_ref())
        .map(|(m, v)| row(m, v))
        .collect();
    let killed = rows.iter().filter(|r| r.killed).count();
    let mut controls: Vec<_> = decoys
        .iter()
        .zip(verdicts.by_ref())
        .map(|(d, v)| Control::decoy(d, v))
        .collect();
    controls.extend(verdicts.map(|v| Control::new("honest", "the honest camera", v)));
    let matrix = Matrix {
        schema: "lightleak.mutants/1",
        summary: Summary {
            total: rows.len(),
            killed,
            survived: rows.len() - killed,
        },
        mutants: rows,
        controls,
    };
    terminal.print(&table(&matrix, terminal));
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(&matrix).map_err(Failure::harness)?;
        write_file(file, &(text + "\n"))?;
    }
    let survived = u8::from(matrix.summary.survived > 0);
    Ok(matrix
        .controls
        .iter()
        .fold(survived, |worst, c| more_severe(worst, c.code)))
}

/// All targets with all seeds, target by target.
fn judge_all(
    targets: &[(SimTarget, Option<Focus>)],
    arguments: &Arguments,
    terminal: &Terminal,
) -> Result<Vec<(BTreeSet<&'static str>, u8)>, Failure> {
    let jobs: Vec<_> = targets
        .iter()
        .flat_map(|&(target, focus)| {
            (1..=arguments.seeds).map(move |seed| Job {
                target,
                seed,
                focus: focus.filter(|_| seed > 1),
            })
        })
        .collect();
    let folder = tempfile::tempdir()
        .map_err(|e| Failure::harness(format!("make a temporary folder: {e}")))?;
    let progress = terminal.progress("cameras");
    progress.begin(jobs.len());
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Verdict>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let workers = arguments.jobs.map_or(threads(), |n| n as usize);
    std::thread::scope(|scope| {
        for _ in 0..workers.min(jobs.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(index) else { break };
                    let verdict = job.run(&folder.path().join(index.to_string()));
                    *results[index]
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner) = Some(verdict);
                    progress.step();
                }
            });
        }
    });
    results
        .into_iter()
        .filter_map(|r| r.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

impl Job {
    /// Records and judges; the case is of no more use then.
    fn run(&self, folder: &Path) -> Verdict {
        let mut plan = Plan {
            // A fault does not depend on the size, and what it costs does.
            video: SUB_VIDEO,
            ..Plan::everything(self.seed, folder, 1)
        };
        if let Some(focus) = self.focus {
            focus.narrow(&mut plan);
        }
        self.target.record(&plan, &()).map_err(Failure::harness)?;
        let report = judge(folder, &Judging::default())?;
        let failed = report.failures().map(|f| f.requirement).collect();
        // A part of the plan leaves rows open.
        let code = match (self.focus, report.exit_code()) {
            (Some(_), NOT_KNOWN) => 0,
            (_, code) => code,
        };
        std::fs::remove_dir_all(folder)
            .map_err(|e| Failure::harness(format!("remove {}: {e}", folder.display())))?;
        Ok((failed, code))
    }
}

/// Exit code: a Must is inconclusive.
const NOT_KNOWN: u8 = 3;

impl Focus {
    fn narrow(self, plan: &mut Plan<'_>) {
        const HONEST: &[&str] = &["honest"];
        let wanted: BTreeSet<&str> = match self {
            Focus::Honest => HONEST.iter().copied().collect(),
            Focus::Mutant(mutant) => {
                plan.paths.retain(|path| path.id == mutant.path);
                let expected = |row: &&Requirement| mutant.expected.contains(&row.id);
                let stimuli = |row: &'static Requirement| match row.stimuli {
                    Stimuli::Only(ids) => ids,
                    Stimuli::All => row.indispensable,
                };
                let rows = requirement::all().filter(expected);
                rows.flat_map(stimuli).copied().collect()
            }
        };
        plan.stimuli.retain(|stimulus| wanted.contains(stimulus.id));
    }
}

fn row(mutant: &Mutant, verdicts: &[(BTreeSet<&'static str>, u8)]) -> Row {
    let always = |id: &str| verdicts.iter().all(|(failed, _)| failed.contains(id));
    let killed_by: BTreeSet<_> = mutant
        .expected
        .iter()
        .copied()
        .filter(|id| always(id))
        .collect();
    let also = verdicts.iter().flat_map(|(failed, _)| failed).copied();
    Row {
        id: mutant.id,
        story: mutant.story,
        source: mutant.source,
        expected: mutant.expected,
        also: also.filter(|id| !mutant.expected.contains(id)).collect(),
        killed: killed_by.len() == mutant.expected.len(),
        killed_by,
    }
}

impl Control {
    fn decoy(decoy: &Decoy, verdicts: &[(BTreeSet<&'static str>, u8)]) -> Self {
        Self::new(decoy.id, decoy.story, verdicts)
    }

    fn new(
        id: &'static str,
        story: &'static str,
        verdicts: &[(BTreeSet<&'static str>, u8)],
    ) -> Self {
        let failed = verdicts
            .iter()
            .flat_map(|(failed, _)| failed)
            .copied()
            .collect();
        let code = verdicts
            .iter()
            .fold(0, |worst, (_, code)| more_severe(worst, *code));
        Self {
            id,
            story,
            failed,
            code,
        }
    }
}

fn table(matrix: &Matrix, terminal: &Terminal) -> String {
    use lightleak_judge::verdict::Verdict::{Fail, Pass};
    let join = |ids: &BTreeSet<&str>| ids.iter().copied().collect::<Vec<_>>().join(" ");
    let mut out = String::new();
    for row in &matrix.mutants {
        let word = if row.killed {
            "killed".into()
        } else {
            terminal.style.verdict(Fail) + " survived"
        };
        let also = if row.also.is_empty() {
            String::new()
        } else {
            format!("  also {}", join(&row.also))
        };
        let by = if row.killed {
            join(&row.killed_by)
        } else {
            format!("expected {}", row.expected.join(" "))
        };
        let _ = writeln!(
            out,
            "{:<26} {word} by {by}{also}\n{:<26} {}",
            row.id, "", row.story
        );
    }
    for control in &matrix.controls {
        let word = match (control.failed.is_empty(), control.code) {
            (true, 0) => terminal.style.verdict(Pass),
            (true, code) => format!("exit code {code}"),
            (false, _) => format!("{} {}", terminal.style.verdict(Fail), join(&control.failed)),
        };
        let _ = writeln!(
            out,
            "{:<26} {word}\n{:<26} {}",
            control.id, "", control.story
        );
    }
    let Summary {
        total,
        killed,
        survived,
    } = matrix.summary;
    let _ = writeln!(
        out,
        "\n{killed} of {total} mutants killed, {survived} survived"
    );
    out
}

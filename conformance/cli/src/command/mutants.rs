//! `lightleak mutants`: every mutant is recorded and judged; who survives shows
//! that the suite can't fail where it should.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use clap::Args;
use lightleak_judge::adversary::known_plaintext::Indexes;
use lightleak_sim::{
    fault::{DECOYS, Decoy, Mutant},
    path,
};
use serde::Serialize;

use super::{
    Failure, Judging, Outcome, Terminal, check_globs, matches,
    run::{more_severe, report},
    threads, write_file,
};
use crate::target::{
    plan::{Plan, Progress as _, Shared},
    sim::{SUB_VIDEO, SimTarget},
};

/// Options of `mutants`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only mutants and decoys that match, such as `rtsp.*` (repeatable).
    #[arg(long, value_name = "GLOB")]
    only: Vec<String>,
    /// The first seed.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Run this many seeds, one after the other: the first with every session of
    /// the path that the fault belongs to (of all paths, if that does not show it),
    /// the others with those that showed the fault, and decoys with those in which
    /// somebody sees the picture.
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
    common: Arc<Common>,
    /// The only path to run; none for all of them.
    path: Option<&'static str>,
    /// The sessions to run, by path and stimulus; none for all of them.
    sessions: Option<BTreeSet<Shown>>,
}

/// What cameras with the same seed have in common, and those who judge them.
struct Common {
    shared: Arc<Shared>,
    indexes: Indexes,
}

impl Default for Common {
    fn default() -> Self {
        Self {
            shared: Arc::default(),
            indexes: Indexes::up_to(MOST_OCTETS),
        }
    }
}

/// Octets of plaintext whose indexes are kept: a camera has some dozen different
/// ledgers, one for each way to ask it for pictures.
const MOST_OCTETS: usize = 6 << 20;

/// A path and a stimulus.
type Shown = (String, String);

/// What became of one camera with one seed.
struct Judged {
    /// The requirements that failed, and the sessions that showed it.
    failed: BTreeMap<&'static str, BTreeSet<Shown>>,
    /// The exit code of the report.
    code: u8,
}

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
    let all: Vec<Subject> = mutants
        .iter()
        .map(|m| Subject::Mutant(m))
        .chain(decoys.iter().map(|d| Subject::Decoy(d)))
        .chain(honest.then_some(Subject::Honest))
        .collect();

    let verdicts = judge_all(&all, arguments, terminal)?;
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

/// All subjects with all seeds, subject by subject.
fn judge_all(
    subjects: &[Subject],
    arguments: &Arguments,
    terminal: &Terminal,
) -> Result<Vec<Judged>, Failure> {
    let common = Arc::<Common>::default();
    let job = |subject: &Subject, path| Job {
        target: subject.target(),
        seed: arguments.seed,
        common: common.clone(),
        path,
        sessions: None,
    };
    let jobs = subjects.iter().map(|s| job(s, s.path()));
    let mut first = run_jobs(jobs.collect(), arguments, terminal)?;
    // What its own path does not show, another may.
    let (places, jobs): (Vec<_>, Vec<_>) = subjects
        .iter()
        .enumerate()
        .filter(|(place, subject)| !subject.is_caught(&first[*place]))
        .map(|(place, subject)| (place, job(subject, None)))
        .unzip();
    for (place, judged) in places.into_iter().zip(run_jobs(jobs, arguments, terminal)?) {
        first[place] = judged;
    }
    drop(common);
    let sessions = subjects.iter().zip(&first);
    let sessions: Vec<_> = sessions.map(|(s, first)| s.sessions(first)).collect();
    // Seed by seed, so that what is in common lives for a while only.
    let later = (1..arguments.seeds).flat_map(|after| {
        let common = Arc::<Common>::default();
        let subjects = subjects.iter().zip(&sessions);
        subjects.map(move |(subject, sessions)| Job {
            target: subject.target(),
            seed: arguments.seed.wrapping_add(after),
            common: common.clone(),
            path: None,
            sessions: sessions.clone(),
        })
    });
    let mut judged: Vec<_> = first.into_iter().map(|first| vec![first]).collect();
    let later = run_jobs(later.collect(), arguments, terminal)?;
    for (index, later) in later.into_iter().enumerate() {
        judged[index % subjects.len()].push(later);
    }
    Ok(judged.into_iter().flatten().collect())
}

/// Runs jobs side by side; the results are in their order.
fn run_jobs(
    jobs: Vec<Job>,
    arguments: &Arguments,
    terminal: &Terminal,
) -> Result<Vec<Judged>, Failure> {
    let folder = tempfile::tempdir()
        .map_err(|e| Failure::harness(format!("make a temporary folder: {e}")))?;
    let progress = terminal.progress("cameras");
    progress.begin(jobs.len());
    let results: Vec<_> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let workers = arguments.jobs.map_or(threads(), |n| n as usize);
    let workers = workers.min(jobs.len());
    // The longest ones come last.
    let jobs = Mutex::new(jobs.into_iter().enumerate().rev());
    let next = || jobs.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((index, job)) = next() {
                    let judged = job.run(&folder.path().join(index.to_string()));
                    *results[index]
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner) = Some(judged);
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

/// Whom the suite is tried on.
#[derive(Clone, Copy)]
enum Subject {
    Mutant(&'static Mutant),
    Decoy(&'static Decoy),
    Honest,
}

impl Subject {
    fn target(&self) -> SimTarget {
        match self {
            Subject::Mutant(mutant) => SimTarget::from(*mutant),
            Subject::Decoy(decoy) => SimTarget::from(*decoy),
            Subject::Honest => SimTarget::HONEST,
        }
    }

    /// Where it matters.
    fn path(&self) -> Option<&'static str> {
        match self {
            Subject::Mutant(mutant) => Some(mutant.path),
            Subject::Decoy(_) | Subject::Honest => None,
        }
    }

    /// Whether all rows that have to catch it did.
    fn is_caught(&self, judged: &Judged) -> bool {
        match self {
            Subject::Mutant(mutant) => {
                let mut expected = mutant.expected.iter();
                expected.all(|id| judged.failed.contains_key(id))
            }
            Subject::Decoy(_) | Subject::Honest => true,
        }
    }

    /// The sessions that matter with later seeds: of a mutant one for each row
    /// that has to catch it, which did so with the first seed; of a decoy those
    /// in which somebody sees the picture.
    fn sessions(&self, first: &Judged) -> Option<BTreeSet<Shown>> {
        let mut chosen = BTreeSet::new();
        match self {
            Subject::Mutant(mutant) => {
                for id in mutant.expected {
                    let shown = first.failed.get(id)?;
                    // A camera records only where its card is asked for.
                    let own = shown.iter().find(|(path, _)| path == mutant.path);
                    if chosen.is_disjoint(shown) {
                        chosen.extend(own.or(shown.first()).cloned());
                    }
                }
            }
            Subject::Decoy(_) => {
                let paths = path::ALL.iter().map(|path| path.id.to_owned());
                chosen.extend(paths.map(|path| (path, "honest".to_owned())));
            }
            Subject::Honest => return None,
        }
        Some(chosen)
    }
}

impl Job {
    /// Records and judges; the case is of no more use then.
    fn run(&self, folder: &Path) -> Result<Judged, Failure> {
        let mut plan = Plan {
            // A fault does not depend on the size, and what it costs does.
            video: SUB_VIDEO,
            shared: self.common.shared.clone(),
            ..Plan::everything(self.seed, folder, 1)
        };
        if let Some(only) = self.path {
            plan.paths.retain(|path| path.id == only);
        }
        if let Some(sessions) = &self.sessions {
            plan.paths.retain(|p| sessions.iter().any(|s| s.0 == p.id));
            plan.stimuli
                .retain(|p| sessions.iter().any(|s| s.1 == p.id));
        }
        self.target.record(&plan, &()).map_err(Failure::harness)?;
        let report = report(folder, &Judging::default(), &self.common.indexes)?;
        let mut failed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for finding in report.failures() {
            let shown = (finding.path.clone(), finding.stimulus.clone());
            failed.entry(finding.requirement).or_default().insert(shown);
        }
        // A part of the plan leaves rows open.
        let code = match (&self.sessions, report.exit_code()) {
            (Some(_), NOT_KNOWN) => 0,
            (_, code) => code,
        };
        std::fs::remove_dir_all(folder)
            .map_err(|e| Failure::harness(format!("remove {}: {e}", folder.display())))?;
        Ok(Judged { failed, code })
    }
}

/// Exit code: a Must is inconclusive.
const NOT_KNOWN: u8 = 3;

fn row(mutant: &Mutant, judged: &[Judged]) -> Row {
    let always = |id: &str| judged.iter().all(|j| j.failed.contains_key(id));
    let killed_by: BTreeSet<_> = mutant
        .expected
        .iter()
        .copied()
        .filter(|id| always(id))
        .collect();
    let also = judged.iter().flat_map(|j| j.failed.keys()).copied();
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
    fn decoy(decoy: &Decoy, judged: &[Judged]) -> Self {
        Self::new(decoy.id, decoy.story, judged)
    }

    fn new(id: &'static str, story: &'static str, judged: &[Judged]) -> Self {
        let failed = judged.iter().flat_map(|j| j.failed.keys()).copied();
        let failed = failed.collect();
        let code = judged.iter().fold(0, |worst, j| more_severe(worst, j.code));
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

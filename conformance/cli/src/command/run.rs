//! `lightleak run`: record a target, judge it, report.

use std::path::{Path, PathBuf};

use clap::Args;
use lightleak_case::Case;
use lightleak_judge::{
    adversary::known_plaintext::Indexes,
    report::{Report, terminal},
};
use lightleak_sim::{
    fault::{DECOYS, Mutant},
    path,
};

use super::{
    Failure, Judging, Outcome, Outputs, Prepared, Terminal, child_decoder, default_out, matches,
    threads,
};
use crate::{
    stimulus,
    target::{
        plan::{Plan, Progress, RecordError},
        shim::ShimTarget,
        sim::SimTarget,
    },
};

/// Options of `run`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to judge: `sim`, `sim:ID` for a mutant or decoy, `case:DIR`, or `shim:COMMAND`
    /// for a program that plays a device and speaks the protocol of lines in
    /// conformance/schema/shim.md.
    #[arg(long, default_value = "sim", value_name = "TARGET")]
    target: String,
    /// Only this transport path (repeatable).
    #[arg(long, value_name = "PATH")]
    path: Vec<String>,
    /// Only this stimulus (repeatable).
    #[arg(long, value_name = "STIMULUS")]
    stimulus: Vec<String>,
    /// Seed of scenes and plan.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The nonce that the mark carries, 8 hexadecimal digits, such as a laboratory chose;
    /// by default that of the seed.
    #[arg(long, value_name = "HEX", value_parser = nonce)]
    nonce: Option<u32>,
    /// Run this many seeds, from `--seed` on.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    #[command(flatten)]
    judging: Judging,
    /// Folder of the case.
    #[arg(long, default_value = "lightleak-out", value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    outputs: Outputs,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            target: "sim".into(),
            path: Vec::new(),
            stimulus: Vec::new(),
            seed: 1,
            nonce: None,
            seeds: 1,
            judging: Judging::default(),
            out: default_out(),
            outputs: Outputs::default(),
        }
    }
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Outcome {
    if let Some(folder) = arguments.target.strip_prefix("case:") {
        let judge = super::judge::Arguments {
            case: folder.into(),
            judging: arguments.judging.clone(),
            outputs: arguments.outputs.clone(),
        };
        return super::judge::run(&judge, terminal);
    }
    let prepared = arguments.judging.prepare()?;
    let target = Target::find(&arguments.target)?;
    let mut worst = 0;
    for seed in (0..arguments.seeds).map(|n| arguments.seed.wrapping_add(n)) {
        let out = match arguments.seeds {
            1 => arguments.out.clone(),
            _ => arguments.out.join(format!("seed-{seed}")),
        };
        if arguments.seeds > 1 {
            claim_folder_of_cases(&arguments.out)?;
        }
        record(arguments, &target, seed, &out, terminal)?;
        let report = judge(&out, &arguments.judging, &prepared)?;
        if arguments.seeds == 1 || report.exit_code() != 0 {
            terminal.print(&terminal::write(&report, &out, terminal.style));
            terminal.print(&arguments.outputs.by_framework(&report, terminal.style));
        } else {
            terminal.print(&format!("seed {seed}: conforms\n"));
        }
        let name = |file: &Path| numbered(file, arguments.seeds, seed);
        arguments.outputs.write(&report, name)?;
        worst = more_severe(worst, prepared.code(&report, terminal)?);
    }
    Ok(worst)
}

fn nonce(digits: &str) -> Result<u32, String> {
    match digits.len() {
        8 => u32::from_str_radix(digits, 16).map_err(|e| e.to_string()),
        other => Err(format!("expected 8 hexadecimal digits, found {other}")),
    }
}

/// What is recorded.
enum Target {
    Sim(Box<SimTarget>),
    Shim(ShimTarget),
}

impl Target {
    /// The target of that name.
    fn find(name: &str) -> Result<Self, Failure> {
        if name == "sim" {
            return Ok(Target::Sim(Box::new(SimTarget::HONEST)));
        }
        if let Some(command) = name.strip_prefix("shim:") {
            return Ok(Target::Shim(ShimTarget::new(command)));
        }
        let found = name.strip_prefix("sim:").and_then(SimTarget::find);
        found.map(Box::new).map(Target::Sim).ok_or_else(|| {
            let ids = Mutant::all()
                .map(|m| m.id)
                .chain(DECOYS.iter().map(|d| d.id));
            let ids = ids.collect::<Vec<_>>().join(", ");
            Failure::usage(format!(
                "no target {name:?}; there are sim, case:DIR, shim:COMMAND, and sim:ID with one of {ids}"
            ))
        })
    }

    fn record(&self, plan: &Plan, progress: &dyn Progress) -> Result<(), RecordError> {
        match self {
            Target::Sim(sim) => sim.record(plan, progress),
            Target::Shim(shim) => shim.record(plan, progress),
        }
    }

    /// What it could not be asked, in words.
    fn missing(&self) -> Vec<String> {
        match self {
            Target::Sim(_) => Vec::new(),
            Target::Shim(shim) => shim.missing(),
        }
    }
}

fn record(
    arguments: &Arguments,
    target: &Target,
    seed: u64,
    out: &Path,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mut plan = Plan::everything(seed, out, threads());
    plan.paths = select("path", path::ALL, |p| p.id, &arguments.path)?;
    plan.stimuli = select("stimulus", stimulus::ALL, |s| s.id, &arguments.stimulus)?;
    plan.nonce = arguments.nonce.unwrap_or(plan.nonce);
    let progress = terminal.progress(format!("seed {seed}"));
    target
        .record(&plan, &progress)
        .map_err(|error| match error {
            RecordError::NothingToDo => Failure::usage(error),
            RecordError::Case(lightleak_case::Error::NotOurs { .. }) => Failure::usage(error),
            error => Failure::harness(error),
        })?;
    drop(progress);
    for missing in target.missing() {
        terminal.print(&format!("not implemented: {missing}\n"));
    }
    Ok(())
}

/// Reads a case back, judges it and writes its report.
pub(super) fn judge(
    folder: &Path,
    judging: &Judging,
    prepared: &Prepared,
) -> Result<Report, Failure> {
    let mut report = report(folder, judging, &Indexes::default())?;
    report.throughput.clone_from(&prepared.throughput);
    report.write(folder).map_err(|e| {
        Failure::harness(format!("write the report into {}: {e}", folder.display()))
    })?;
    Ok(report)
}

/// Reads a case back and judges it.
pub(super) fn report(
    folder: &Path,
    judging: &Judging,
    indexes: &Indexes,
) -> Result<Report, Failure> {
    let case = Case::read(folder).map_err(|e| Failure::harness(format!("read the case: {e}")))?;
    let decoder = child_decoder()?;
    let selected = |id: &str| matches(&judging.only, id);
    let options = judging.options(&selected);
    Ok(Report::judge_with(&case, &decoder, options, indexes))
}

/// The rows with these ids, or the default ones.
fn select<T: Copy>(
    what: &str,
    rows: &[T],
    id: impl Fn(&T) -> &'static str,
    wanted: &[String],
) -> Result<Vec<T>, Failure> {
    for name in wanted {
        if !rows.iter().any(|row| id(row) == name) {
            let ids = rows.iter().map(&id).collect::<Vec<_>>().join(", ");
            return Err(Failure::usage(format!(
                "no {what} {name:?}; there are {ids}"
            )));
        }
    }
    if wanted.is_empty() {
        return Ok(rows.to_vec());
    }
    let chosen = |row: &&T| wanted.iter().any(|name| id(row) == name);
    Ok(rows.iter().filter(chosen).copied().collect())
}

/// Many seeds go into one folder, a case each: it holds nothing but those.
fn claim_folder_of_cases(out: &Path) -> Result<(), Failure> {
    let Ok(entries) = std::fs::read_dir(out) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        if !lightleak_case::is_ours(&entry.path()) {
            return Err(Failure::usage(format!(
                "{} holds {:?}, which is not a case of lightleak; name another folder",
                out.display(),
                entry.file_name()
            )));
        }
    }
    Ok(())
}

/// With several seeds, a file per seed: `report.json` becomes `report-7.json`.
fn numbered(file: &Path, seeds: u64, seed: u64) -> PathBuf {
    if seeds == 1 || file == Path::new("-") {
        return file.to_owned();
    }
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let extension = file
        .extension()
        .map(|e| format!(".{}", e.to_string_lossy()))
        .unwrap_or_default();
    file.with_file_name(format!("{stem}-{seed}{extension}"))
}

/// Of two exit codes the one that is looked for first.
pub(super) fn more_severe(a: u8, b: u8) -> u8 {
    const ORDER: [u8; 4] = [1, 4, 3, 0];
    ORDER
        .into_iter()
        .find(|code| [a, b].contains(code))
        .unwrap_or(0)
}

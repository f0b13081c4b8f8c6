//! `lightleak compare`: what became worse, what better, what is new, what is gone.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::Args;
use lightleak_judge::report::comparison::{Comparison, Recorded};

use super::{Failure, Outcome, Terminal, write_file};
use crate::bundle::{REPORT, verify::small_file};

/// Options of `compare`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What was: a report in JSON, a case with its report, or a bundle (which is not
    /// verified here).
    old: PathBuf,
    /// What is.
    new: PathBuf,
    /// Write the comparison as JSON; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Octets of the longest report.
const LIMIT: u64 = 1 << 30;

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Outcome {
    let (old, new) = (read(&arguments.old)?, read(&arguments.new)?);
    let comparison = Comparison::of(&old, &new);
    if let Some(file) = &arguments.json {
        write_file(file, &comparison.json())?;
    }
    if arguments.json.as_deref() != Some(Path::new("-")) {
        terminal.print(&comparison.table());
    }
    Ok(comparison.exit_code())
}

/// A report to compare with.
pub(super) fn read(path: &Path) -> Result<Recorded, Failure> {
    let json =
        report(path).map_err(|what| Failure::usage(format!("read {}: {what}", path.display())))?;
    Recorded::read(&json).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))
}

fn report(path: &Path) -> Result<Vec<u8>, String> {
    let file = match path.is_dir() {
        true => path.join(REPORT),
        false => path.to_owned(),
    };
    let opened = File::open(&file).map_err(|e| match path.is_dir() {
        true => format!("{e}: no {REPORT} in it; `lightleak judge` writes it"),
        false => e.to_string(),
    })?;
    let mut json = Vec::new();
    let whole = (&opened).take(LIMIT).read_to_end(&mut json);
    whole.map_err(|e| e.to_string())?;
    if json.first() == Some(&b'{') {
        return Ok(json);
    }
    let reopened = File::open(&file).map_err(|e| e.to_string())?;
    small_file(&reopened, REPORT)
        .ok_or_else(|| "is neither a report in JSON, nor a case, nor a bundle".into())
}

//! `lightleak judge`: judge a recorded case again.

use std::path::PathBuf;

use clap::Args;
use lightleak_judge::report::{json, terminal};

use super::{Judging, Outcome, Terminal, run, write_file};

/// Options of `judge`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folder of the case.
    pub(super) case: PathBuf,
    #[command(flatten)]
    pub(super) judging: Judging,
    /// Write the report as JSON; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Outcome {
    arguments.judging.check()?;
    let report = run::judge(&arguments.case, &arguments.judging)?;
    terminal.print(&terminal::write(&report, &arguments.case, terminal.style));
    if let Some(file) = &arguments.json {
        write_file(file, &json::write(&report))?;
    }
    Ok(report.exit_code())
}

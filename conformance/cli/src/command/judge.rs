//! `lightleak judge`: judge a recorded case again.

use std::path::PathBuf;

use clap::Args;
use lightleak_judge::report::terminal;

use super::{Judging, Outcome, Outputs, Terminal, run};

/// Options of `judge`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folder of the case.
    pub(super) case: PathBuf,
    #[command(flatten)]
    pub(super) judging: Judging,
    #[command(flatten)]
    pub(super) outputs: Outputs,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Outcome {
    let prepared = arguments.judging.prepare()?;
    let report = run::judge(&arguments.case, &arguments.judging, &prepared)?;
    terminal.print(&terminal::write(&report, &arguments.case, terminal.style));
    terminal.print(&arguments.outputs.by_framework(&report, terminal.style));
    arguments.outputs.write(&report, |file| file.to_owned())?;
    prepared.code(&report, terminal)
}

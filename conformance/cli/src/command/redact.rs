//! `lightleak redact`: a copy of a bundle for those who need not see everything.

use std::path::PathBuf;

use clap::Args;

use super::{Outcome, Terminal, certify::failure};
use crate::bundle::redact::redact;

/// Options of `redact`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The bundle.
    bundle: PathBuf,
    /// The copy to make, which must not exist.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Outcome {
    let left_out = redact(&arguments.bundle, &arguments.out).map_err(failure)?;
    terminal.print(&format!(
        "{}: {left_out} files were left out; the signature is the same\n",
        arguments.out.display()
    ));
    Ok(0)
}

//! `lightleak completions` and `lightleak man`: what a package installs beside the
//! program.

use std::{fs, io, path::PathBuf};

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{CommandLine, Failure, Outcome};

/// Options of `completions`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell that completes.
    shell: Shell,
}

/// Options of `man`.
#[derive(Debug, Args)]
pub(super) struct Manual {
    /// The folder that the pages are written to, such as `share/man/man1`.
    folder: PathBuf,
}

/// Prints the script of a shell.
pub(super) fn completions(arguments: &Completions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut CommandLine::command(),
        "lightleak",
        &mut script,
    );
    io::Write::write_all(&mut io::stdout(), &script)
        .map_err(|e| Failure::harness(format!("write to standard output: {e}")))?;
    Ok(0)
}

/// Writes a page for the program and one for each of its commands.
pub(super) fn manual(arguments: &Manual) -> Outcome {
    let folder = &arguments.folder;
    let unwritten =
        |e: io::Error| Failure::harness(format!("write man pages to {}: {e}", folder.display()));
    fs::create_dir_all(folder).map_err(unwritten)?;
    let command = CommandLine::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, folder).map_err(unwritten)?;
    Ok(0)
}

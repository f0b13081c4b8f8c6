//! `lightleak keygen`: a pair of Ed25519 keys to sign bundles with.

use std::path::PathBuf;

use clap::Args;

use super::{Failure, Outcome, Terminal};
use crate::bundle::key::{self, KeyError};

/// Options of `keygen`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The private key to make, which must not exist; `.pub` behind it is the public one.
    file: PathBuf,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Outcome {
    let public = key::generate(&arguments.file).map_err(|e| match e {
        KeyError::Exists(_) => Failure::usage(e),
        e => Failure::harness(format!("make the keys: {e}")),
    })?;
    terminal.print(&format!(
        "private key  {} (keep it secret)\npublic key   {} (hand it out)\nfingerprint  sha256:{}\n",
        arguments.file.display(),
        key::public_file(&arguments.file).display(),
        key::fingerprint(&public)
    ));
    Ok(0)
}

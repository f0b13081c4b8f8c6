//! `lightleak certify`: judge a case anew, and sign case, report and decision.

use std::{fs, path::PathBuf};

use clap::Args;

use super::{Failure, Outcome, ProfileName, Terminal, child_decoder, verify};
use crate::bundle::{
    BundleError,
    certify::{Request, attach, certify},
    key,
    lab::{ErrorRates, Lab},
};

/// Options of `certify`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folder of the case; with `--timestamp`, the bundle.
    case: PathBuf,
    /// The private key to sign with, which `keygen` makes.
    #[arg(long, value_name = "FILE", required_unless_present = "timestamp")]
    key: Option<PathBuf>,
    /// The bundle to make, which must not exist.
    #[arg(long, value_name = "BUNDLE")]
    out: PathBuf,
    /// How much is demanded.
    #[arg(long, value_enum, default_value_t)]
    profile: ProfileName,
    /// What the lab states: TOML of schema lightleak.lab/1.
    #[arg(long, value_name = "FILE")]
    lab: Option<PathBuf>,
    /// The judge's measured error rates: what `mutants --json` wrote.
    #[arg(long, value_name = "FILE")]
    error_rates: Option<PathBuf>,
    /// Leave out escrowed keys, pictures and sounds; the rest still verifies.
    #[arg(long)]
    redact: bool,
    /// Write the octets of the signature, to have them time-stamped.
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Attach a time stamp of the signature (RFC 3161, DER) to a bundle that is there.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "lab", "error_rates", "redact", "signature", "profile"])]
    timestamp: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Outcome {
    let Some(key) = &arguments.key else {
        return stamp(arguments, terminal);
    };
    let lab = arguments.lab.as_deref().map(Lab::read).transpose();
    let rates = arguments.error_rates.as_deref();
    let request = Request {
        case: &arguments.case,
        key: &key::read_private(key).map_err(Failure::usage)?,
        out: &arguments.out,
        profile: arguments.profile.into(),
        lab: lab.map_err(failure)?,
        error_rates: rates.map(ErrorRates::read).transpose().map_err(failure)?,
        redact: arguments.redact,
    };
    let issued = certify(&request, &child_decoder()?).map_err(failure)?;
    if let Some(file) = &arguments.signature {
        fs::write(file, &issued.signature)
            .map_err(|e| Failure::harness(format!("write {}: {e}", file.display())))?;
    }
    let mut text = verify::describe(&issued.certificate);
    if issued.left_out > 0 {
        text += &format!("left out     {} files\n", issued.left_out);
    }
    text += &format!("bundle       {}\n\n", arguments.out.display());
    text += &verify::decision(&issued.certificate);
    terminal.print(&text);
    Ok(match (issued.certificate.certified, issued.report_code) {
        (true, _) => 0,
        // The report conforms, and still nobody may rely on it.
        (false, 0) => 3,
        (false, code) => code,
    })
}

fn stamp(arguments: &Arguments, terminal: &Terminal) -> Outcome {
    let file = arguments.timestamp.clone().unwrap_or_default();
    let stamp = attach(&arguments.case, &file, &arguments.out).map_err(failure)?;
    terminal.print(&format!(
        "time stamp   {} of the signature; whose it is, `openssl ts -verify` says\nbundle       {}\n",
        stamp.time,
        arguments.out.display()
    ));
    Ok(0)
}

pub(super) fn failure(error: BundleError) -> Failure {
    match error {
        BundleError::Usage(what) => Failure::usage(what),
        error => Failure::harness(error),
    }
}

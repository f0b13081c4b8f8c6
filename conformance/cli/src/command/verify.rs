//! `lightleak verify`: is a bundle what somebody signed, and who?

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;
use lightleak_case::Case;
use lightleak_judge::{
    report::{Options, Report},
    requirement::Profile,
};

use super::{Failure, Outcome, Terminal, certify::failure, child_decoder};
use crate::bundle::{
    key,
    statement::{Certificate, Certifies},
    verify::{Checked, check, differences, extracted_report},
};

/// Options of `verify`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The bundle.
    bundle: PathBuf,
    /// The public key of the lab. Without it, only that nothing changed is checked.
    #[arg(long = "pub", value_name = "FILE")]
    public: Option<PathBuf>,
    /// Judge the case again, and compare.
    #[arg(long)]
    rejudge: bool,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Outcome {
    let public = arguments.public.as_deref().map(key::read_public);
    let public = public.transpose().map_err(Failure::usage)?;
    let folder =
        match arguments.rejudge {
            true => Some(tempfile::tempdir().map_err(|e| {
                Failure::harness(format!("make a folder to judge the case in: {e}"))
            })?),
            false => None,
        };
    let extract = folder.as_ref().map(tempfile::TempDir::path);
    let checked = check(&arguments.bundle, public.as_ref(), extract).map_err(failure)?;
    let certificate = match &checked.certificate {
        Some(certificate) if checked.problems.is_empty() => certificate,
        _ => {
            terminal.print(&refusal(&checked));
            return Ok(1);
        }
    };
    let mut text = describe(certificate);
    text += &signature(&checked, public.is_some());
    let mut is_same = true;
    if let Some(folder) = extract {
        if !checked.left_out.is_empty() {
            terminal.print(&text);
            return Err(Failure::harness(format!(
                "judge the case again: {} files were left out of this bundle; ask the lab for the whole one",
                checked.left_out.len()
            )));
        }
        let again = rejudged(certificate, &folder.join("case"))?;
        let signed = extracted_report(folder).map_err(failure)?;
        let differences = differences(certificate, &signed, &again);
        is_same = differences.is_empty();
        text += &match is_same {
            true => "rejudged     the same report\n".to_owned(),
            false => format!("rejudged     {} differences\n", differences.len()),
        };
        for difference in &differences {
            let _ = writeln!(text, "  {}", one_line(difference));
        }
    }
    text.push('\n');
    text += &decision(certificate);
    if public.is_none() {
        text += "nothing changed since it was signed, and anybody could have signed it: \
                 give the lab's public key with --pub\n";
    }
    terminal.print(&text);
    Ok(match (is_same, public.is_some() && certificate.certified) {
        (false, _) => 1,
        (true, true) => 0,
        (true, false) => 3,
    })
}

/// What a certificate says, line by line.
pub(super) fn describe(certificate: &Certificate) -> String {
    let device = &certificate.device;
    let mut text = String::new();
    let certifies = match certificate.certifies {
        Certifies::Device => "device",
        Certifies::Simulator => "SIMULATOR",
    };
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<12} {}", one_line(&value));
    };
    line(
        certifies,
        format!(
            "{} {} {}, firmware {}",
            device.vendor, device.model, device.serial, device.firmware
        ),
    );
    line(
        "judged",
        format!(
            "by {} {}, profile {}, issued {}",
            certificate.tool.name,
            certificate.tool.version,
            certificate.profile,
            certificate.issued
        ),
    );
    let recorded = &certificate.recorded;
    let unknown = || "an unknown time".to_owned();
    line(
        "recorded",
        format!(
            "by {}, {} sessions, {} of each, from {} to {}{}",
            recorded.by,
            recorded.sessions,
            recorded.repeats,
            recorded.first.clone().unwrap_or_else(unknown),
            recorded.last.clone().unwrap_or_else(unknown),
            match recorded.synthesised_framing {
                true => ", framing synthesised",
                false => "",
            }
        ),
    );
    if let Some(lab) = &certificate.lab {
        line("lab", format!("{}, {}", lab.name, lab.address));
    }
    let read: Vec<_> = certificate.nonce.read.keys().map(String::as_str).collect();
    let chosen = match &certificate.nonce.chosen {
        Some(chosen) => format!("chosen by the lab: {chosen}; "),
        None => String::new(),
    };
    line(
        "nonce",
        format!("{chosen}in the marks: {}", read.join(", ")),
    );
    if let Some(rates) = &certificate.error_rates {
        line(
            "error rates",
            format!("{} of {} mutants survived", rates.survived, rates.mutants),
        );
    }
    for path in &certificate.paths {
        let passes: Vec<_> = path
            .passes
            .iter()
            .map(|(how, n)| format!("{n} {how}"))
            .collect();
        line(
            "path",
            format!(
                "{:<16} {}: {} (at least {}); passes: {}",
                path.path,
                path.class,
                path.reached,
                path.minimum,
                passes.join(", ")
            ),
        );
    }
    text
}

/// Certified or not, and why not.
pub(super) fn decision(certificate: &Certificate) -> String {
    if certificate.certified {
        return match certificate.certifies {
            Certifies::Device => "CERTIFIED\n".into(),
            Certifies::Simulator => "CERTIFIED, a simulator and no device\n".into(),
        };
    }
    let mut text = "NOT CERTIFIED\n".to_owned();
    for reason in &certificate.reasons {
        let _ = writeln!(text, "  {}", one_line(reason));
    }
    text
}

fn signature(checked: &Checked, is_trusted: bool) -> String {
    let signer = checked.signer.as_deref().unwrap_or_default();
    let whose = match is_trusted {
        true => "the key that --pub names",
        false => "the key in the bundle, which says nothing of whose it is",
    };
    let mut text = format!(
        "signed       sha256:{signer}, {whose}\ncontent      {} files as they were signed, {} left out\n",
        checked.intact,
        checked.left_out.len()
    );
    for name in &checked.left_out {
        let _ = writeln!(text, "  left out: {}", one_line(name));
    }
    if let Some(time) = &checked.time_stamp {
        let _ = writeln!(
            text,
            "time stamp   {time}, of this signature; whose it is, `openssl ts -verify` says"
        );
    }
    text
}

fn refusal(checked: &Checked) -> String {
    let mut text = "NOT AS IT WAS SIGNED\n".to_owned();
    for problem in &checked.problems {
        let file = match problem.file.as_str() {
            "" => "the bundle",
            file => file,
        };
        let _ = writeln!(text, "  {}: {}", one_line(file), one_line(&problem.what));
    }
    text
}

/// Who wrote a bundle may have written what a terminal would obey, or a line that looks
/// like one of ours.
fn one_line(text: &str) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(visible).collect()
}

fn rejudged(
    certificate: &Certificate,
    case: &std::path::Path,
) -> Result<serde_json::Value, Failure> {
    let case = Case::read(case).map_err(|e| Failure::harness(format!("read the case: {e}")))?;
    let profile = [Profile::Secure, Profile::Standard];
    let profile = profile
        .into_iter()
        .find(|p| p.name() == certificate.profile);
    let profile = profile.ok_or_else(|| {
        Failure::harness(format!(
            "judge the case again: no profile {:?} is known",
            certificate.profile
        ))
    })?;
    let options = Options {
        profile,
        strict: false,
        selected: &|_| true,
    };
    let report = Report::judge(&case, &child_decoder()?, options);
    serde_json::to_value(report).map_err(|e| Failure::harness(format!("compare the reports: {e}")))
}

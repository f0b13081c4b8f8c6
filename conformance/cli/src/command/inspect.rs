//! `lightleak inspect`: what leaks in any capture.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use clap::Args;
use lightleak_case::Capture;
use lightleak_judge::{
    inspect::{self, Inspection, Label, Limits},
    picture,
    report::inspection::{self, Saved},
};

use super::{Failure, Outcome, Terminal, child_decoder, write_file};

/// Options of `inspect`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Captures, pcap or pcapng, inside gzip or Zstandard or not; `-` is standard input.
    #[arg(required = true, value_name = "CAPTURE")]
    captures: Vec<PathBuf>,
    /// Write the findings as JSON; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Folder for pictures and for media that nobody here can play. They may be
    /// somebody's private life: without it, none are written.
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Pictures that are written of one flow, at most.
    #[arg(long, default_value_t = 4, value_name = "N")]
    pictures_per_flow: usize,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Outcome {
    let decoder = child_decoder()?;
    let limits = Limits {
        pictures_per_flow: arguments.pictures_per_flow,
    };
    let mut inspected = Vec::new();
    for (number, path) in arguments.captures.iter().enumerate() {
        let (capture, damage) = read(path)?;
        let mut found = inspect::inspect(&capture, &decoder, limits);
        let files = match &arguments.pictures {
            Some(folder) => save(&found, folder, &prefix(path, number))?,
            None => Vec::new(),
        };
        // What was written is not needed any more.
        for flow in &mut found.flows {
            flow.pictures.clear();
            flow.sounds.clear();
            flow.unplayed.clear();
        }
        inspected.push((path.display().to_string(), found, damage, files));
    }
    let captures: Vec<_> = inspected
        .iter()
        .map(|(file, inspection, damage, files)| inspection::Capture {
            file: file.clone(),
            inspection,
            damage: damage.clone(),
            files: files.clone(),
        })
        .collect();
    // What a program reads is not mixed with what a person does.
    if arguments.json.as_deref() != Some(Path::new("-")) {
        terminal.print(&inspection::terminal(&captures, terminal.style));
    }
    if let Some(file) = &arguments.json {
        write_file(file, &inspection::json(&captures))?;
    }
    let found = || inspected.iter().map(|(_, found, ..)| found);
    let leaks = |found: &Inspection| found.flows.iter().any(|flow| flow.label == Label::Leak);
    Ok(match () {
        () if found().any(leaks) => 1,
        () if found().any(|found| !found.failures.is_empty()) => 4,
        () => 0,
    })
}

/// The capture, and what of it could not be read.
fn read(path: &Path) -> Result<(Capture, Option<String>), Failure> {
    let name = path.display();
    let octets = match path == Path::new("-") {
        true => {
            let mut octets = Vec::new();
            io::stdin().lock().read_to_end(&mut octets).map(|_| octets)
        }
        false => fs::read(path),
    };
    let octets = octets.map_err(|e| Failure::usage(format!("read {name}: {e}")))?;
    let read = Capture::salvage(octets);
    let (capture, damage) = read.map_err(|e| Failure::usage(format!("read {name}: {e}")))?;
    let cut = "it ends in the middle of a block".to_owned();
    let damage = damage.map(|damage| damage.to_string());
    let damage = damage.or(capture.truncated.then_some(cut));
    Ok((capture, damage))
}

/// What the names of the files of a capture begin with.
fn prefix(path: &Path, number: usize) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    format!("{}-{stem}", number + 1)
}

/// Writes pictures, sound, and media that were not played.
fn save(found: &Inspection, folder: &Path, prefix: &str) -> Result<Vec<Saved>, Failure> {
    let failed =
        |path: &Path, e: io::Error| Failure::harness(format!("write {}: {e}", path.display()));
    fs::create_dir_all(folder).map_err(|e| failed(folder, e))?;
    let mut files = Vec::new();
    for (index, flow) in found.flows.iter().enumerate() {
        let write = |number: usize, extension: &str, octets: &[u8]| {
            let name = format!("{prefix}-flow{}-{}.{extension}", index + 1, number + 1);
            let path = folder.join(&name);
            fs::write(&path, octets).map_err(|e| failed(&path, e))?;
            Ok::<_, Failure>(name)
        };
        for (number, (shown, mark)) in flow.pictures.iter().enumerate() {
            let file = picture::png(shown);
            files.push(Saved {
                flow: index,
                file: write(number, "png", &file)?,
                size: Some((shown.width, shown.height)),
                mark: *mark,
            });
        }
        let sounds = flow.sounds.iter().map(|sound| ("wav", sound.wav()));
        let media = flow.unplayed.iter();
        let media = media.map(|file| (file.format.extension(), file.octets.clone()));
        for (number, (extension, octets)) in sounds.chain(media).enumerate() {
            files.push(Saved {
                flow: index,
                file: write(number, extension, &octets)?,
                size: None,
                mark: None,
            });
        }
    }
    Ok(files)
}

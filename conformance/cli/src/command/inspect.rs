//! `lightleak inspect`: what leaks in any capture.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::mpsc::sync_channel,
    thread,
};

use clap::Args;
use lightleak_case::CaptureParts;
use lightleak_judge::{
    decoder::Decoder,
    inspect::{Eavesdropper, Inspected, Inspection, Label, Limits},
    mark::Mark,
    picture,
    report::inspection::{self, Saved},
};

use super::{Failure, Outcome, Terminal, child_decoder, write_file};

/// Octets of a capture that are read at once.
const PART: usize = 4 << 20;

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
        let mut media = match &arguments.pictures {
            Some(folder) => Some(Media::new(folder, prefix(path, number))?),
            None => None,
        };
        let (found, damage) = listen(path, &decoder, limits, media.as_mut())?;
        let files = media.map_or(Ok(Vec::new()), |media| media.files)?;
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

/// What was learned from a capture, and what of it could not be read.
fn listen(
    path: &Path,
    decoder: &dyn Decoder,
    limits: Limits,
    mut media: Option<&mut Media<'_>>,
) -> Result<(Inspection, Option<String>), Failure> {
    let name = path.display();
    let file: Box<dyn Read + Send> = match path == Path::new("-") {
        true => Box::new(io::stdin()),
        false => {
            Box::new(File::open(path).map_err(|e| Failure::usage(format!("read {name}: {e}")))?)
        }
    };
    let parts = CaptureParts::new(file);
    let mut parts = parts.map_err(|e| Failure::usage(format!("read {name}: {e}")))?;
    let mut eavesdropper = Eavesdropper::new(decoder, limits).giving(move |flow, inspected| {
        if let Some(media) = &mut media {
            media.save(flow, inspected);
        }
    });
    let damage = thread::scope(|scope| {
        let (send, receive) = sync_channel(1);
        let reader = scope.spawn(move || {
            let mut truncated = false;
            while let Some(part) = parts.part(PART) {
                truncated = part.truncated;
                if send.send((part, parts.is_at_end())).is_err() {
                    break;
                }
            }
            let cut = "it ends in the middle of a block".to_owned();
            let damage = parts.damage().map(|damage| damage.to_string());
            damage.or(truncated.then_some(cut))
        });
        for (part, last) in receive {
            eavesdropper.add(&part, last);
        }
        // What could not be read to its end is not called free of leaks.
        reader.join().unwrap_or_else(|panic| resume_unwind(panic))
    });
    Ok((eavesdropper.finish(), damage))
}

/// What the names of the files of a capture begin with.
fn prefix(path: &Path, number: usize) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    format!("{}-{stem}", number + 1)
}

/// Pictures, sound, and media that were not played, of one capture.
struct Media<'a> {
    folder: &'a Path,
    prefix: String,
    /// How many files were written of each flow and kind.
    written: BTreeMap<(usize, &'static str), usize>,
    files: Result<Vec<Saved>, Failure>,
}

impl<'a> Media<'a> {
    /// Makes the folder.
    fn new(folder: &'a Path, prefix: String) -> Result<Self, Failure> {
        fs::create_dir_all(folder).map_err(|e| unwritten(folder, &e))?;
        Ok(Self {
            folder,
            prefix,
            written: BTreeMap::new(),
            files: Ok(Vec::new()),
        })
    }

    fn save(&mut self, flow: usize, inspected: &Inspected) {
        for (shown, mark) in &inspected.pictures {
            let size = Some((shown.width, shown.height));
            self.write(flow, ("picture", "png"), &picture::png(shown), size, *mark);
        }
        for sound in &inspected.sounds {
            self.write(flow, ("sound", "wav"), &sound.wav(), None, None);
        }
        for file in &inspected.unplayed {
            let names = ("sound", file.format.extension());
            self.write(flow, names, &file.octets, None, None);
        }
    }

    /// Files of one `kind` are numbered; after one that failed nothing is written.
    fn write(
        &mut self,
        flow: usize,
        (kind, extension): (&'static str, &str),
        octets: &[u8],
        size: Option<(usize, usize)>,
        mark: Option<Mark>,
    ) {
        let Ok(files) = &mut self.files else {
            return;
        };
        let number = self.written.entry((flow, kind)).or_default();
        *number += 1;
        let file = format!("{}-flow{}-{number}.{extension}", self.prefix, flow + 1);
        let path = self.folder.join(&file);
        match fs::write(&path, octets) {
            Ok(()) => files.push(Saved {
                flow,
                file,
                size,
                mark,
            }),
            Err(e) => self.files = Err(unwritten(&path, &e)),
        }
    }
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::harness(format!("write {}: {error}", path.display()))
}

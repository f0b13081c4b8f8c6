//! The commands: one file each.

mod certify;
mod compare;
mod inspect;
mod judge;
mod keygen;
mod list;
mod manual;
mod mutants;
mod redact;
mod run;
mod serve;
mod summary;
mod verify;

use std::{
    fmt::Display,
    fs,
    io::{self, IsTerminal, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use lightleak_judge::{
    report::{
        Options, Report, annotations, by_framework,
        comparison::{Comparison, Recorded},
        html, json, junit, markdown, sarif,
        terminal::Style,
        throughput::Throughput,
    },
    requirement::{Profile, framework::Framework},
};

use crate::{decoder, target::plan::Progress};

/// Finds the picture that leaks out of a camera.
///
/// Exit codes, the first that applies: 2 usage; 1 a Must failed (inspect:
/// something leaks; mutants: one survived); 4 the harness could not do its work; 3 a Must is inconclusive;
/// 0 conforms.
#[derive(Debug, Parser)]
#[command(name = "lightleak", version, propagate_version = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    /// Say nothing but errors.
    #[arg(short, long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Record a target and judge it (what `lightleak` alone does).
    Run(run::Arguments),
    /// Judge a recorded case again.
    Judge(judge::Arguments),
    /// What leaks in any pcap or pcapng.
    Inspect(inspect::Arguments),
    /// The kill matrix: is the suite able to fail?
    Mutants(mutants::Arguments),
    /// List what there is.
    List(list::Arguments),
    /// Cameras for other people's clients, in real time, on free ports.
    Serve(serve::Arguments),
    /// Print the completions of a shell.
    Completions(manual::Completions),
    /// Write man pages.
    Man(manual::Manual),
    /// Make a pair of keys to sign bundles with.
    Keygen(keygen::Arguments),
    /// Judge a case anew, and sign case, report and decision.
    ///
    /// What is not certified is issued, too, and says why not. Exit codes: 0 certified;
    /// 1 a Must failed; 3 not certified for another reason.
    Certify(certify::Arguments),
    /// Is a bundle what somebody signed, and who?
    ///
    /// Exit codes: 0 a certificate, signed with the key that `--pub` names; 1 something
    /// is not as it was signed, or is not the same judged again; 3 all is as it was
    /// signed, and nobody vouches for it: it is not certified, or no `--pub` was given.
    Verify(verify::Arguments),
    /// Copy a bundle without escrowed keys and pictures; its signature still holds.
    Redact(redact::Arguments),
    /// What became worse between two reports, cases or bundles.
    ///
    /// Exit codes: 1 there are regressions; 0 there are none.
    Compare(compare::Arguments),
}

/// Runs the command that was asked for.
pub fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(decoder::CHILD_ARGUMENT) {
        return decoder::child(arguments);
    }
    let line = CommandLine::parse();
    let terminal = Terminal::new(line.quiet);
    let command = line
        .command
        .unwrap_or_else(|| Command::Run(run::Arguments::default()));
    let result = match command {
        Command::Run(arguments) => run::run(&arguments, &terminal),
        Command::Judge(arguments) => judge::run(&arguments, &terminal),
        Command::Inspect(arguments) => inspect::run(&arguments, &terminal),
        Command::Mutants(arguments) => mutants::run(&arguments, &terminal),
        Command::List(arguments) => list::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments, &terminal),
        Command::Completions(arguments) => manual::completions(&arguments),
        Command::Man(arguments) => manual::manual(&arguments),
        Command::Keygen(arguments) => keygen::run(&arguments, &terminal),
        Command::Certify(arguments) => certify::run(&arguments, &terminal),
        Command::Verify(arguments) => verify::run(&arguments, &terminal),
        Command::Redact(arguments) => redact::run(&arguments, &terminal),
        Command::Compare(arguments) => compare::run(&arguments, &terminal),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("lightleak: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Why a command ended early.
#[derive(Debug)]
struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// The user has to change something.
    fn usage(message: impl Display) -> Self {
        Self {
            code: 2,
            message: message.to_string(),
        }
    }

    /// The harness could not do its work.
    fn harness(message: impl Display) -> Self {
        Self {
            code: 4,
            message: message.to_string(),
        }
    }
}

/// Exit code of a command that came to its end.
type Outcome = Result<u8, Failure>;

/// How strictly to judge.
#[derive(Clone, Debug, Default, Args)]
struct Judging {
    /// How much is demanded.
    #[arg(long, value_enum, default_value_t)]
    profile: ProfileName,
    /// Count a Should as a Must.
    #[arg(long)]
    strict: bool,
    /// Judge only requirements that match, such as `XC-*`.
    #[arg(long, value_name = "REQ-GLOB")]
    only: Vec<String>,
    /// Show these results of the benchmark (JSON) in the HTML report.
    #[arg(long, value_name = "FILE")]
    throughput: Option<PathBuf>,
    /// A report of before, as `compare` takes it: what is no worse than there does not
    /// fail. What could not be judged does.
    #[arg(long, value_name = "OLD")]
    baseline: Option<PathBuf>,
}

impl Judging {
    /// Judges with these options; a glob that matches nothing is a mistake.
    fn options<'a>(&self, selected: &'a (dyn Fn(&str) -> bool + Sync)) -> Options<'a> {
        Options {
            profile: self.profile.into(),
            strict: self.strict,
            selected,
        }
    }

    /// Whatever was named is read before anything is recorded: the run may write over it.
    fn prepare(&self) -> Result<Prepared, Failure> {
        let ids: Vec<_> = lightleak_judge::requirement::all().map(|r| r.id).collect();
        check_globs("requirement", &self.only, &ids)?;
        Ok(Prepared {
            throughput: self.throughput()?,
            baseline: self.baseline.as_deref().map(compare::read).transpose()?,
        })
    }

    /// What the benchmark measured, if that is to be shown.
    fn throughput(&self) -> Result<Option<Throughput>, Failure> {
        let Some(file) = &self.throughput else {
            return Ok(None);
        };
        let read = fs::read(file).map_err(|e| e.to_string());
        let read = read.and_then(|json| Throughput::read(&json));
        read.map(Some).map_err(|why| {
            Failure::usage(format!(
                "read results of the benchmark in {}: {why}; `cargo bench -p lightleak-benches \
                 --bench frame_crypto` writes them to target/frame_crypto.json",
                file.display()
            ))
        })
    }
}

/// What options of judging name, read.
struct Prepared {
    throughput: Option<Throughput>,
    baseline: Option<Recorded>,
}

impl Prepared {
    /// The exit code of a report: with a baseline that of the comparison, which is shown,
    /// unless the harness could not do its work.
    fn code(&self, report: &Report, terminal: &Terminal) -> Outcome {
        let code = report.exit_code();
        let Some(baseline) = self.baseline.as_ref().filter(|_| matches!(code, 1 | 3)) else {
            return Ok(code);
        };
        let now = Recorded::read(json::write(report).as_bytes()).map_err(Failure::harness)?;
        let comparison = Comparison::of(baseline, &now);
        terminal.print(&comparison.table());
        Ok(comparison.exit_code())
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ProfileName {
    /// What a camera that promises encryption has to do.
    #[default]
    Secure,
    /// What the standards demand.
    Standard,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Secure => Profile::Secure,
            ProfileName::Standard => Profile::Standard,
        }
    }
}

/// Whether one of the globs matches, or there are none.
fn matches(globs: &[String], id: &str) -> bool {
    globs.is_empty()
        || globs
            .iter()
            .any(|glob| wildmatch::WildMatch::new(glob).matches(id))
}

/// Every glob must match something: a selection of nothing would pass.
fn check_globs(what: &str, globs: &[String], ids: &[&str]) -> Result<(), Failure> {
    for glob in globs {
        if !ids.iter().any(|id| matches(std::slice::from_ref(glob), id)) {
            let ids = ids.join(", ");
            return Err(Failure::usage(format!(
                "no {what} matches {glob:?}; there are {ids}"
            )));
        }
    }
    Ok(())
}

/// Where the report goes beside the case.
#[derive(Clone, Debug, Default, Args)]
struct Outputs {
    /// Write the report as JSON; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as JUnit XML; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report as HTML, one file; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the report as SARIF 2.1.0; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Write the report as Markdown; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write what fails as annotations of GitHub Actions (workflow commands); `-` is
    /// standard output.
    #[arg(long, value_name = "FILE")]
    annotations: Option<PathBuf>,
    /// Add what bears on the clauses of this framework, in their order, to what people
    /// read; `lightleak list frameworks` names them.
    #[arg(long, value_name = "FRAMEWORK", value_parser = framework)]
    by: Option<Framework>,
}

fn framework(id: &str) -> Result<Framework, String> {
    Framework::find(id).ok_or_else(|| {
        let ids: Vec<_> = Framework::ALL.iter().map(|f| f.id()).collect();
        format!("there are {}", ids.join(", "))
    })
}

impl Outputs {
    /// Writes what was asked for; `name` may give a file another name. In a step of
    /// GitHub Actions its summary shows the report.
    fn write(&self, report: &Report, name: impl Fn(&Path) -> PathBuf) -> Result<(), Failure> {
        let markdown = |report: &Report| {
            let by = |framework| by_framework::markdown(report, framework);
            markdown::write(report) + &self.by.map(by).unwrap_or_default()
        };
        type Format<'a> = &'a dyn Fn(&Report) -> String;
        let formats: [(_, Format<'_>); 6] = [
            (&self.json, &json::write),
            (&self.html, &html::write),
            (&self.junit, &junit::write),
            (&self.sarif, &sarif::write),
            (&self.markdown, &markdown),
            (&self.annotations, &annotations::write),
        ];
        for (file, format) in formats {
            if let Some(file) = file {
                write_file(&name(file), &format(report))?;
            }
        }
        summary::append(report.conclusion(), markdown(report))
    }

    /// The report in the order of the framework that was asked for.
    fn by_framework(&self, report: &Report, style: Style) -> String {
        let by = |framework| by_framework::terminal(report, framework, style);
        self.by.map(by).unwrap_or_default()
    }
}

/// Where people read.
#[derive(Debug)]
struct Terminal {
    quiet: bool,
    style: Style,
    bars: bool,
}

impl Terminal {
    fn new(quiet: bool) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        Self {
            quiet,
            style: Style {
                colour: io::stdout().is_terminal() && !plain,
            },
            bars: io::stderr().is_terminal() && !quiet,
        }
    }

    /// Prints, unless told to be quiet. A reader that went away is no error.
    fn print(&self, text: &str) {
        if !self.quiet {
            let _ = io::stdout().write_all(text.as_bytes());
        }
    }

    /// A progress bar on a terminal, nothing elsewhere.
    fn progress(&self, message: impl Into<String>) -> Bar {
        let bar = if self.bars {
            let bar = indicatif::ProgressBar::no_length();
            let style = indicatif::ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len}");
            bar.with_style(style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar()))
        } else {
            indicatif::ProgressBar::hidden()
        };
        Bar(bar.with_message(message.into()))
    }
}

struct Bar(indicatif::ProgressBar);

impl Progress for Bar {
    fn begin(&self, steps: usize) {
        self.0.set_length(steps as u64);
    }

    fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Writes a file that the user named; `-` is standard output.
fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    let written = if path == Path::new("-") {
        io::stdout().write_all(text.as_bytes())
    } else {
        fs::write(path, text)
    };
    written.map_err(|e| Failure::harness(format!("write {}: {e}", path.display())))
}

/// The decoder, as a child of this program.
fn child_decoder() -> Result<decoder::ChildDecoder, Failure> {
    decoder::ChildDecoder::this_program()
        .map_err(|e| Failure::harness(format!("find this program to start its decoder: {e}")))
}

/// How many sessions run at a time.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The default of `--out`.
fn default_out() -> PathBuf {
    "lightleak-out".into()
}

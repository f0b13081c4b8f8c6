//! The summary of a step of GitHub Actions: Markdown in the file that
//! `GITHUB_STEP_SUMMARY` names.

use std::{
    ffi::OsStr,
    fs::OpenOptions,
    io::{self, Write as _},
    path::Path,
};

use super::Failure;

/// The largest summary that GitHub shows, in octets; it refuses a larger one whole.
const LIMIT: u64 = 1024 * 1024;

/// Appends a report as Markdown, where there is a summary. If it has no room for that, it gets
/// the conclusion; if not even for that, nothing.
pub(super) fn append(conclusion: &str, report: String) -> Result<(), Failure> {
    let Some(file) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty()) else {
        return Ok(());
    };
    let texts = [
        report
            + "
",
        format!(
            "## lightleak: {conclusion}

The report is longer than a summary may be.

"
        ),
    ];
    append_one(Path::new(&file), &texts).map_err(|error| {
        let file = OsStr::to_string_lossy(&file);
        Failure::harness(format!(
            "append to the step's summary {file} (GITHUB_STEP_SUMMARY): {error}"
        ))
    })
}

/// Appends the first of the texts for which the file has room.
fn append_one(file: &Path, texts: &[String]) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(file)?;
    let room = LIMIT.saturating_sub(file.metadata()?.len());
    match texts.iter().find(|text| text.len() as u64 <= room) {
        Some(text) => file.write_all(text.as_bytes()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_summary_never_grows_past_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("summary.md");
        let texts = ["x".repeat(700 * 1024), "short".to_owned()];
        append_one(&file, &texts).unwrap();
        append_one(&file, &texts).unwrap();
        let written = fs::read_to_string(&file).unwrap();
        assert_eq!(written.len(), 700 * 1024 + 5);
        fs::write(&file, vec![b'x'; LIMIT as usize - 4]).unwrap();
        append_one(&file, &texts).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().len(), LIMIT - 4);
    }
}

//! Whether an independent player reads a file.

use std::{fs, process::Command};

/// What `ffprobe` says of the first stream: codec, then what was asked for. `None`,
/// with a sentence, where it is not installed.
pub fn probed(file: &[u8], extension: &str, entries: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("file.{extension}"));
    fs::write(&path, file).unwrap();
    let entries = format!("stream=codec_name,{entries}");
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-count_packets", "-of", "csv=p=0"])
        .args(["-show_entries", &entries])
        .arg(&path)
        .output();
    match output {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        Err(why) => {
            eprintln!("skipped: ffprobe can't be run here: {why}");
            None
        }
    }
}

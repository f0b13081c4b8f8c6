//! The `age` command opens what a camera stored, and ffprobe plays it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use lightleak_judge::tone;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{client, lightleak};

#[test]
fn opens_a_clip_with_the_owners_identity_and_ffprobe_counts_its_frames() {
    let (Some(age), Some(mut ffprobe)) = (client("age"), client("ffprobe")) else {
        return;
    };
    let card = Card::new();
    let clip = open(age, &card.clip, &card.identity).expect("open the clip");
    let file = card.folder.path().join("clip.mp4");
    fs::write(&file, clip).expect("write the clip");
    let output = ffprobe
        .args(["-hide_banner", "-loglevel", "error", "-count_frames"])
        .args(["-show_entries", "stream=codec_name,nb_read_frames"])
        .args(["-of", "json"])
        .arg(&file)
        .output()
        .expect("start ffprobe");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("parse the answer");
    // 10 seconds of 15 frames and of 50 packets.
    let expected = serde_json::json!([
        { "codec_name": "h264", "nb_read_frames": "150" },
        { "codec_name": "pcm_mulaw", "nb_read_frames": "500" },
    ]);
    assert_eq!(answer["streams"], expected);
    if let Some(ffmpeg) = client("ffmpeg") {
        hears_the_tone_mark(ffmpeg, &file);
    }
}

#[test]
fn opens_no_clip_without_the_owners_identity() {
    let Some(age) = client("age") else {
        return;
    };
    let card = Card::new();
    let other = card.folder.path().join("other.txt");
    let stranger = Command::new("age-keygen").arg("-o").arg(&other).output();
    assert!(stranger.expect("start age-keygen").status.success());
    let said = open(age, &card.clip, &other).expect_err("it opens");
    assert!(said.contains("no identity matched"), "{said}");
}

/// What ffmpeg takes out of the clip's sound says whose it is.
fn hears_the_tone_mark(mut ffmpeg: Command, file: &Path) {
    let output = ffmpeg
        .args(["-hide_banner", "-nostdin", "-loglevel", "error", "-i"])
        .arg(file)
        .args(["-vn", "-f", "s16le", "-acodec", "pcm_s16le", "pipe:1"])
        .output()
        .expect("start ffmpeg");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let (samples, []) = output.stdout.as_chunks::<2>() else {
        panic!("half a sample");
    };
    let samples: Vec<i16> = samples.iter().map(|s| i16::from_le_bytes(*s)).collect();
    assert_eq!(samples.len(), 500 * 160);
    let seconds: Vec<u32> = tone::read(&samples).map(|mark| mark.second).collect();
    assert_eq!(seconds, Vec::from_iter(0..10));
}

/// What comes out of a clip, or what age complained of.
fn open(mut age: Command, clip: &Path, identity: &Path) -> Result<Vec<u8>, String> {
    let output = age
        .arg("--decrypt")
        .arg("--identity")
        .arg(identity)
        .arg(clip);
    let output = output.output().expect("start age");
    if output.status.success() {
        return Ok(output.stdout);
    }
    assert!(output.stdout.is_empty(), "it opens a part");
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A card that a camera recorded on, and its owner's identity.
struct Card {
    folder: TempDir,
    clip: PathBuf,
    identity: PathBuf,
}

impl Card {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("make a temporary folder");
        let case = folder.path().join("case");
        lightleak()
            .args(["run", "--path", "owner.recording", "--stimulus", "honest"])
            .arg("--out")
            .arg(&case)
            .output()
            .expect("start lightleak");
        let session = case.join("sessions/01-owner.recording-honest-default");
        let keys = fs::read_to_string(session.join("keys.log")).expect("read the key log");
        let escrow = keys.lines().find_map(|l| l.strip_prefix("AGE_IDENTITY "));
        let (_, secret) = escrow.and_then(|l| l.split_once(' ')).expect("an identity");
        let identity = folder.path().join("owner.txt");
        fs::write(&identity, secret).expect("write the identity");
        let clips = fs::read_dir(session.join("rest")).expect("list the card");
        let clips = clips.map(|entry| entry.expect("list the card").path());
        // The first was closed, the second is cut.
        let clip = clips.filter(|path| path.extension().is_some_and(|e| e == "age"));
        Self {
            folder,
            clip: clip.min().expect("a clip"),
            identity,
        }
    }
}

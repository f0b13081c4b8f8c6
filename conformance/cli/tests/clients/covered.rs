//! What decoders that know nothing of SFrame make of sealed frames in NAL units:
//! H.264 of the size that the cover says, and no picture.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

use lightleak::decoder::ChildDecoder;
use lightleak_judge::decoder::Decoder;
use lightleak_sim::{
    h264::{AccessUnit, Encoder, EncoderConfig},
    scene::{Scene, SceneConfig},
    seal::{
        keys::SFrameBaseKey,
        sframe::{Frames, KeyId, Sender, Suite, VolatileCounters, nal},
    },
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::client;

const FRAMES: u32 = 12;
/// As many frames from one key frame to the next.
const INTERVAL: u32 = 5;

/// What ffmpeg's reader of parameter sets must say of the cover: ITU-T H.264
/// 7.3.2.1.1 and E.1.1, then 7.3.2.2.
const SEQUENCE: &[(&str, u32)] = &[
    ("nal_unit_type", 7),
    ("profile_idc", 66),
    ("constraint_set1_flag", 1),
    ("level_idc", 10),
    ("seq_parameter_set_id", 0),
    ("pic_order_cnt_type", 2),
    ("max_num_ref_frames", 1),
    // Macroblocks of 16 samples.
    ("pic_width_in_mbs_minus1", 0),
    ("pic_height_in_map_units_minus1", 0),
    ("frame_mbs_only_flag", 1),
    ("frame_cropping_flag", 0),
    ("max_num_reorder_frames", 0),
    ("max_dec_frame_buffering", 1),
    ("rbsp_stop_one_bit", 1),
];
const PICTURE: &[(&str, u32)] = &[
    ("nal_unit_type", 8),
    ("pic_parameter_set_id", 0),
    ("seq_parameter_set_id", 0),
    ("entropy_coding_mode_flag", 0),
    ("num_slice_groups_minus1", 0),
    ("redundant_pic_cnt_present_flag", 0),
    ("rbsp_stop_one_bit", 1),
];

#[test]
fn the_cover_is_read_as_parameter_sets_of_16_by_16() {
    let Some(mut ffmpeg) = client("ffmpeg") else {
        return;
    };
    let (_folder, [covered, _]) = files();
    let output = ffmpeg
        .args(["-hide_banner", "-nostdin", "-f", "h264", "-i"])
        .arg(covered)
        .args(["-c", "copy", "-bsf:v"])
        .arg("filter_units=pass_types=7-8,trace_headers")
        .args(["-f", "null", "-"])
        .output()
        .expect("start ffmpeg");
    // It ends there: without a picture it has no size for its output.
    let said = String::from_utf8_lossy(&output.stderr);
    let sets = traced(&said);
    assert_eq!(sets.len(), 2, "those that ffmpeg keeps of a stream: {said}");
    for (fields, set) in [SEQUENCE, PICTURE].into_iter().zip(&sets) {
        for field in fields {
            assert!(set.contains(field), "{field:?}: {set:?}");
        }
    }
}

#[test]
fn ffprobe_counts_sealed_frames_and_decodes_none_of_them() {
    let Some(ffprobe) = client("ffprobe") else {
        return;
    };
    let (_folder, [covered, clear]) = files();
    let look = |file: &Path| {
        std::process::Command::new(ffprobe.get_program())
            .args(["-hide_banner", "-loglevel", "error", "-f", "h264"])
            .args(["-count_packets", "-count_frames", "-show_entries"])
            .arg("stream=codec_name,profile,level,width,nb_read_packets,nb_read_frames")
            .args(["-of", "json"])
            .arg(file)
            .output()
            .expect("start ffprobe")
    };
    let output = look(&covered);
    let count = FRAMES.to_string();
    assert_eq!(
        stream(&output),
        json!({
            "codec_name": "h264",
            "profile": "Constrained Baseline",
            "level": 10,
            // It takes the size from a slice that it decodes.
            "width": 0,
            "nb_read_packets": count,
        })
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("slice type 31 too large"), "{said}");
    // Not sealed, they are decoded.
    let clear = stream(&look(&clear));
    let seen = (&clear["width"], &clear["nb_read_frames"]);
    assert_eq!(seen, (&json!(320), &json!(count)));
}

#[test]
fn openh264_shows_no_picture_of_sealed_frames() {
    let decoder = ChildDecoder::new(PathBuf::from(env!("CARGO_BIN_EXE_lightleak")));
    let (_folder, files) = files();
    let pictures = files.map(|file| {
        let octets = fs::read(file).expect("read it");
        decoder.decode(&octets, 100).expect("no error").len()
    });
    assert_eq!(pictures, [0, FRAMES as usize]);
}

/// The same frames as byte streams (Annex B): sealed and covered, and clear.
fn files() -> (TempDir, [PathBuf; 2]) {
    let folder = tempfile::tempdir().expect("make a temporary folder");
    let files = ["covered.h264", "clear.h264"].map(|name| folder.path().join(name));
    let units = units();
    let clear: Vec<u8> = units.iter().flat_map(AccessUnit::annex_b).collect();
    for (file, octets) in files.iter().zip([covered(&units), clear]) {
        fs::write(file, octets).expect("write it");
    }
    (folder, files)
}

fn units() -> Vec<AccessUnit> {
    let (width, height, frames_per_second) = (320, 180, 15);
    let mut scene = Scene::new(SceneConfig {
        seed: 1,
        width,
        height,
        frames_per_second,
        name: "covered".to_owned(),
        unit: 1,
        nonce: 1,
    })
    .expect("a scene");
    let config = EncoderConfig {
        width,
        height,
        frames_per_second,
        bits_per_second: 300_000,
        key_frame_interval: INTERVAL,
    };
    let mut encoder = Encoder::new(config, 1).expect("an encoder");
    let unit = |number| {
        let taken = Duration::from_secs(1) * number / frames_per_second;
        let picture = scene.draw(number, taken);
        encoder.encode(picture, number, taken).expect("a frame")
    };
    (0..FRAMES).map(unit).collect()
}

fn covered(units: &[AccessUnit]) -> Vec<u8> {
    let key = SFrameBaseKey::new(Suite::Aes128Gcm, KeyId::new(1), &[1; 16]).expect("a key");
    let mut sender = Sender::new(key, VolatileCounters::default()).expect("a sender");
    let mut frames = Frames::new();
    units.iter().for_each(|unit| nal::push(unit, &mut frames));
    sender.seal(&mut frames).expect("sealed");
    let carried = frames.iter().zip(units);
    let nal_units = carried.flat_map(|(sealed, unit)| nal::wrap(sealed, unit.key_frame));
    nal_units.fold(Vec::new(), |mut stream, nal| {
        stream.extend_from_slice(&[0, 0, 0, 1]);
        stream.extend_from_slice(&nal);
        stream
    })
}

/// The fields of every parameter set that ffmpeg's `trace_headers` says: lines
/// of a place, a name, bits and ` = ` the value.
fn traced(said: &str) -> Vec<Vec<(&str, u32)>> {
    let mut sets = Vec::<Vec<_>>::new();
    for line in said
        .lines()
        .filter(|line| line.starts_with("[trace_headers"))
    {
        let (_, text) = line.split_once("] ").expect("whose line it is");
        if text.ends_with(" Parameter Set") {
            sets.push(Vec::new());
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        if let (&[_, name, _, "=", value], Some(set)) = (&words[..], sets.last_mut()) {
            set.push((name, value.parse().expect("a number")));
        }
    }
    sets
}

fn stream(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    let mut answer: Value = serde_json::from_slice(&output.stdout).expect("parse the answer");
    answer["streams"][0].take()
}

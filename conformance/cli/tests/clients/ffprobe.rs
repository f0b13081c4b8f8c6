//! ffprobe looks for streams where none should be open.

use std::process::Command;

use lightleak::target::sim::VIDEO;
use serde_json::{Value, json};

use crate::support::{Served, client};

#[test]
fn sees_the_picture_at_the_undeclared_address_of_a_mutant() {
    let Some(ffprobe) = client("ffprobe") else {
        return;
    };
    let camera = Served::start(&["--mutant", "rtsp.open"]);
    let seen = streams(ffprobe, camera.text("/cameras/0/undeclared/0/url"));
    let expected = json!([
        { "codec_name": "h264", "width": VIDEO.width, "height": VIDEO.height },
        { "codec_name": "pcm_mulaw" },
    ]);
    assert_eq!(seen, Ok(expected));
}

#[test]
fn sees_video_and_sound_with_credentials_and_no_sound_in_the_sub_stream() {
    let Some(ffprobe) = client("ffprobe") else {
        return;
    };
    let camera = Served::start(&[]);
    let codecs = |seen: Result<Value, String>| -> Vec<Value> {
        let streams = seen.expect("streams").as_array().expect("a list").clone();
        streams.iter().map(|s| s["codec_name"].clone()).collect()
    };
    let seen = streams(
        Command::new(ffprobe.get_program()),
        &camera.url_with_credentials(),
    );
    assert_eq!(codecs(seen), ["h264", "pcm_mulaw"]);
    let seen = streams(ffprobe, &camera.sub_url_with_credentials());
    assert_eq!(codecs(seen), ["h264"]);
}

#[test]
fn sees_nothing_in_clear_at_the_honest_camera() {
    let Some(ffprobe) = client("ffprobe") else {
        return;
    };
    let camera = Served::start(&[]);
    assert_eq!(camera.ready["cameras"][0]["undeclared"], json!([]));
    let sealed = camera.url_with_credentials();
    let clear = sealed.replacen("rtsps://", "rtsp://", 1);
    assert_ne!(sealed, clear);
    let seen = streams(ffprobe, &clear);
    assert!(seen.is_err(), "{seen:?}");
}

/// Codec and size of the streams at an address, or what ffprobe complained of.
fn streams(mut ffprobe: Command, url: &str) -> Result<Value, String> {
    let output = ffprobe
        .args(["-hide_banner", "-loglevel", "error"])
        .args(["-rtsp_transport", "tcp", "-timeout", "20000000"])
        .args(["-show_entries", "stream=codec_name,width,height"])
        .args(["-of", "json", url])
        .output()
        .expect("start ffprobe");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut answer: Value = serde_json::from_slice(&output.stdout).expect("parse the answer");
    Ok(answer["streams"].take())
}

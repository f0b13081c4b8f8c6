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
    let expected = json!([{ "codec_name": "h264", "width": VIDEO.width, "height": VIDEO.height }]);
    assert_eq!(seen, Ok(expected));
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

//! ffmpeg pulls from a served camera.

use std::{
    net::{Ipv6Addr, TcpListener},
    process::{Command, Output},
};

use lightleak::target::sim::{SUB_VIDEO, VIDEO};
use lightleak_sim::h264::EncoderConfig;

use crate::support::{Served, UNIT, assert_marked, client, marks};

const FRAMES: usize = 60;

#[test]
fn decodes_sixty_frames_of_the_camera_with_credentials() {
    let Some(ffmpeg) = client("ffmpeg") else {
        return;
    };
    let camera = Served::start(&[]);
    decodes_sixty_frames(ffmpeg, &camera.url_with_credentials(), VIDEO);
}

#[test]
fn decodes_sixty_frames_of_the_sub_stream() {
    let Some(ffmpeg) = client("ffmpeg") else {
        return;
    };
    let camera = Served::start(&[]);
    decodes_sixty_frames(ffmpeg, &camera.sub_url_with_credentials(), SUB_VIDEO);
}

#[test]
fn decodes_sixty_frames_over_ipv6() {
    let Some(ffmpeg) = client("ffmpeg") else {
        return;
    };
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        println!("skipped: this machine has no IPv6");
        return;
    }
    let camera = Served::start(&["--bind", "::1"]);
    assert!(camera.url().starts_with("rtsps://[::1]:"));
    decodes_sixty_frames(ffmpeg, &camera.url_with_credentials(), VIDEO);
}

fn decodes_sixty_frames(ffmpeg: Command, url: &str, video: EncoderConfig) {
    let output = pull(ffmpeg, url);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");

    assert_marked(&output.stdout, video, FRAMES);
}

#[test]
fn gets_401_and_no_media_without_credentials() {
    let Some(ffmpeg) = client("ffmpeg") else {
        return;
    };
    let camera = Served::start(&[]);
    assert_refused(&pull(ffmpeg, camera.url()));
}

#[test]
fn gets_401_and_no_media_with_wrong_credentials() {
    let Some(ffmpeg) = client("ffmpeg") else {
        return;
    };
    let camera = Served::start(&[]);
    let user = camera.text("/cameras/0/paths/0/user");
    assert_refused(&pull(ffmpeg, &camera.url_with(user, "a-guess")));
}

#[test]
fn decodes_the_undeclared_stream_of_a_mutant_without_credentials() {
    let Some(ffmpeg) = client("ffmpeg") else {
        return;
    };
    let camera = Served::start(&["--mutant", "rtsp.open"]);
    let output = pull(ffmpeg, camera.text("/cameras/0/undeclared/0/url"));
    let marks = marks(&output.stdout, VIDEO);
    assert_eq!(marks.len(), FRAMES);
    assert!(
        marks
            .iter()
            .all(|mark| mark.is_some_and(|m| m.unit == UNIT)),
        "{marks:?}"
    );
}

/// What happened to a camera brand in 2022: whoever has the address that the portal
/// gives needs no more than a media player.
#[test]
fn decodes_the_stream_that_a_portal_gives_away() {
    let Some(ffmpeg) = client("ffmpeg") else {
        return;
    };
    let camera = Served::start(&["--mutant", "portal.rtmp-plain"]);
    let url = camera.text("/cameras/0/undeclared/0/url");
    assert!(url.starts_with("rtmp://"), "{url}");
    let output = pull(ffmpeg, url);
    assert_marked(&output.stdout, VIDEO, FRAMES);
}

/// Raw pictures on standard output, what went wrong on standard error.
fn pull(mut ffmpeg: Command, url: &str) -> Output {
    ffmpeg
        .args(["-hide_banner", "-nostdin", "-loglevel", "error"])
        .args(match url.starts_with("rtsp") {
            true => &["-rtsp_transport", "tcp", "-timeout", "20000000"][..],
            false => &[],
        })
        .args(["-i", url, "-frames:v", &FRAMES.to_string()])
        .args(["-fps_mode", "passthrough", "-pix_fmt", "yuv420p"])
        .args(["-f", "rawvideo", "pipe:1"])
        .output()
        .expect("start ffmpeg")
}

fn assert_refused(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("401 Unauthorized"), "{said}");
    assert_eq!(output.stdout.len(), 0, "media came all the same");
}

//! Chromium plays `app.webrtc`: WebRTC, HPKE and SFrame as a browser has them.

use std::path::Path;

use lightleak::target::sim::VIDEO;
use lightleak_judge::{decoder::Picture, mark};
use serde_json::{Value, json};

use crate::{
    chromium::Chromium,
    support::{Served, UNIT},
};

/// Milliseconds of watching: five seconds, as pictures come some time later.
const WATCH: u64 = 5_500;

/// Frames that are decoded in that time at the least.
pub const FRAMES: u64 = 60;

/// A window in which the picture is as large as it is.
const WINDOW: (u32, u32) = (1280, 900);

#[test]
fn plays_what_the_camera_shows() {
    let camera = Served::start(&[]);
    let Some(browser) = connected(&camera) else {
        return;
    };
    let outcome = watch(&browser, &camera, 0, FRAMES);
    assert!(number(&outcome["frames_decoded"]) >= FRAMES, "{outcome}");
    assert!(number(&outcome["audio"]["opened"]) > 0, "{outcome}");
    for kind in ["video", "audio"] {
        // The first may come before the keys do.
        let (refused, reason) = (number(&outcome[kind]["refused"]), &outcome[kind]["reason"]);
        let reason = reason.as_str().expect("a reason");
        let is_early = reason.starts_with("Error: no key for kid");
        assert!(refused == 0 || (refused < 10 && is_early), "{outcome}");
    }
    assert_eq!(outcome["width"], VIDEO.width, "{outcome}");
    assert_eq!(outcome["height"], VIDEO.height, "{outcome}");
    // DTLS 1.3, as getStats() has it.
    assert_eq!(outcome["dtls_version"], "FEFC", "{outcome}");
    for suite in ["dtls_cipher", "srtp_cipher"] {
        let suite = outcome[suite].as_str().expect("a suite");
        assert!(suite.contains("AES"), "{outcome}");
    }

    let picture = part_of(&browser.screenshot(), (0, 0), (VIDEO.width, VIDEO.height));
    let mark = mark::read(&picture).expect("the window shows a mark");
    assert_eq!(mark.unit, UNIT);

    let after = browser.step(json!({ "step": "leave", "time": 1500 }));
    assert_eq!(after["octets_after"], 0);
}

#[test]
fn with_another_key_no_picture_is_decoded() {
    let camera = Served::start(&[]);
    let Some(browser) = connected(&camera) else {
        return;
    };
    let outcome = watch(&browser, &camera, 1, 0);
    assert_eq!(outcome["frames_decoded"], 0, "{outcome}");
    assert_eq!(outcome["video"]["opened"], 0, "{outcome}");
    assert!(number(&outcome["video"]["refused"]) > 0, "{outcome}");
    let picture = part_of(&browser.screenshot(), (0, 0), (VIDEO.width, VIDEO.height));
    assert_eq!(mark::read(&picture), None);
}

/// A browser that has logged in and agreed on media.
pub fn connected(camera: &Served) -> Option<Chromium> {
    let browser = Chromium::start(Path::new(camera.text("/ca_file")), WINDOW)?;
    // Nothing is there for GET, and whatever answers is the camera's own origin.
    browser.go(path(camera, "url"));
    Some(browser)
}

fn watch(browser: &Chromium, camera: &Served, turned: u8, frames: u64) -> Value {
    watch_with(browser, camera, json!({}), turned, frames)
}

/// The same, with this configuration of its connection (W3C WebRTC 4.2.1).
pub fn watch_with(
    browser: &Chromium,
    camera: &Served,
    rtc: Value,
    turned: u8,
    frames: u64,
) -> Value {
    let [user, password] = ["user", "password"].map(|name| path(camera, name));
    let connected = browser.step(json!({
        "step": "connect", "user": user, "password": password, "path": "/webrtc", "rtc": rtc,
    }));
    let key = connected["viewer_key"].as_str().expect("a key");
    let signature = camera.enrol(key);
    browser.step(json!({
        "step": "watch", "viewer_key": key, "signature": signature, "turned": turned,
        "time": WATCH, "frames": frames,
    }))
}

/// What the ready file says of the path.
pub fn path<'a>(camera: &'a Served, name: &str) -> &'a str {
    told(camera, "app.webrtc", name)
}

/// What the ready file says of a path of the first camera.
pub fn told<'a>(camera: &'a Served, id: &str, name: &str) -> &'a str {
    let paths = camera.ready["cameras"][0]["paths"].as_array();
    let mut paths = paths.into_iter().flatten();
    let path = paths.find(|path| path["id"] == id);
    let value = path.and_then(|path| path[name].as_str());
    value.unwrap_or_else(|| panic!("{id} has no {name}: {}", camera.ready))
}

pub fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

/// What is right of and below that corner in a PNG, in YCbCr (ITU-T H.273, full
/// range of the luma alone matters for a mark).
pub fn part_of(png: &[u8], (left, top): (usize, usize), (width, height): (u32, u32)) -> Picture {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .expect("read the screenshot");
    let mut octets = vec![0; reader.output_buffer_size().expect("it has a size")];
    let info = reader.next_frame(&mut octets).expect("read the screenshot");
    let samples = info.color_type.samples();
    let (width, height) = (width as usize, height as usize);
    assert!(info.width as usize >= left + width && info.height as usize >= top + height);
    let luma = |x: usize, y: usize| {
        let at = (top + y) * info.line_size + (left + x) * samples;
        let [r, g, b] = [0, 1, 2].map(|channel| u32::from(octets[at + channel]));
        u8::try_from((299 * r + 587 * g + 114 * b) / 1000).expect("a mean of octets")
    };
    Picture {
        width,
        height,
        y: (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| luma(x, y))
            .collect(),
        u: vec![128; width * height / 4],
        v: vec![128; width * height / 4],
        damaged: false,
    }
}

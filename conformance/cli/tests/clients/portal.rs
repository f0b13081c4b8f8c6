//! Chromium and the portal's page, as a person uses it.

use std::{
    thread,
    time::{Duration, Instant},
};

use lightleak::target::sim::VIDEO;
use serde_json::Value;

use crate::{
    browser::{FRAMES, number, told},
    page::{PATIENCE, Page},
    support::{Served, UNIT},
};

/// Seconds in which 60 frames come with some to spare.
const WATCH: Duration = Duration::from_secs(5);
/// How often the first picture is waited for, and how long at most in the median.
const TIMES: usize = 5;
const MOST_MILLISECONDS: u64 = 3_000;

#[test]
fn shows_the_picture_and_what_protects_it() {
    let served = Served::start(&[]);
    let Some(page) = Page::open_enrolled(&served) else {
        return;
    };
    let start = Instant::now();
    page.watch();
    page.wait("show frames", |page| page.frames() >= FRAMES);
    assert!(start.elapsed() < PATIENCE);

    page.wait("name the suites", |page| page.text("hop-suite") != "-");
    assert_eq!(page.text("hop-protocol"), "DTLS 1.3");
    assert!(page.text("hop-handshake").contains("AES"));
    assert!(page.text("hop-suite").contains("AES"));
    assert_eq!(page.text("end-suite"), "SFrame, AES_128_GCM_SHA256_128");
    assert!(page.number("end-epoch") > 0);
    let stated = page.text("protected");
    assert!(stated.starts_with("End-to-end encrypted"), "{stated}");
    assert!(page.number("opened") >= FRAMES);
    assert_eq!(page.text("refused"), "0");
    assert_eq!(page.text("message"), "");

    page.keep("portal-1280.png");
    let mark = page.mark().expect("the page shows a mark");
    assert_eq!(mark.unit, UNIT);
    page.browser.narrow(390, 844);
    page.keep("portal-390.png");

    // After log-out the stream ends.
    page.run("window.last = playback.connection; at('log-out').click();");
    page.wait("log out", |page| page.is_shown("log-in"));
    let state = page.run("return last.connectionState;");
    assert_eq!(state, "closed");
    assert_eq!(page.run("return at('video').srcObject;"), Value::Null);
}

/// From the address of a camera to its first picture. On a quiet machine the median
/// is under a second, which `--nocapture` shows; here the cores are shared.
#[test]
fn the_first_picture_comes_soon_after_the_address() {
    let served = Served::start(&[]);
    let Some(page) = Page::open_enrolled(&served) else {
        return;
    };
    let url = told(&served, "portal.webrtc", "url");
    let camera = served.text("/cameras/0/id");
    let mut times: Vec<u64> = (0..TIMES)
        .map(|time| {
            // Another query, else it is the same document.
            page.browser.go(&format!("{url}?{time}#{camera}"));
            page.run("at('video').requestVideoFrameCallback((now) => { window.first = now; });");
            page.wait("show a picture", |page| {
                page.run("return window.first ?? null;") != Value::Null
            });
            number(&page.run("return Math.round(window.first);"))
        })
        .collect();
    times.sort_unstable();
    println!("milliseconds from navigation to the first picture: {times:?}");
    assert!(times[TIMES / 2] < MOST_MILLISECONDS, "{times:?}");
}

#[test]
fn log_out_elsewhere_ends_the_stream_too() {
    let served = Served::start(&[]);
    let Some(page) = Page::open_enrolled(&served) else {
        return;
    };
    page.watch();
    page.wait("show frames", |page| page.frames() >= 10);
    // As another window with the same token does.
    page.run(
        "fetch('/logout', { method: 'POST', headers: { Authorization: `Bearer ${token}` } });",
    );
    page.wait("say so", |page| {
        let stated = page.text("protected");
        !stated.starts_with("End-to-end encrypted")
    });
    thread::sleep(Duration::from_millis(500));
    let before = page.frames();
    thread::sleep(Duration::from_secs(1));
    assert_eq!(page.frames(), before);
}

#[test]
fn with_a_wrong_key_it_shows_nothing_and_says_why() {
    let served = Served::start(&[]);
    let Some(page) = Page::open_enrolled(&served) else {
        return;
    };
    // One bit of every key that is unwrapped is turned.
    page.run(
        "const decrypt = crypto.subtle.decrypt.bind(crypto.subtle);
         crypto.subtle.decrypt = async (...how) => {
           const key = new Uint8Array(await decrypt(...how));
           key[0] ^= 1;
           return key;
         };",
    );
    page.watch();
    page.wait("refuse frames", |page| {
        page.text("no-picture").starts_with("No picture: ")
    });
    thread::sleep(WATCH / 2);
    let why = page.text("no-picture");
    assert!(why.contains("a frame that this key does not open"), "{why}");
    assert_eq!(page.frames(), 0);
    assert_eq!(page.text("opened"), "0");
    assert!(page.is_shown("no-picture"));
}

#[test]
fn a_browser_that_the_owner_did_not_sign_is_told_so() {
    let served = Served::start(&[]);
    let Some(page) = Page::open(&served) else {
        return;
    };
    page.log_in();
    // The signature for another key.
    page.enrol(&"11".repeat(32));
    page.watch();
    page.wait("say why", |page| {
        page.text("no-picture").contains("its owner has not signed")
    });
    assert_eq!(page.frames(), 0);
}

#[test]
fn what_is_not_sealed_is_refused_and_never_played() {
    let served = Served::start(&["--mutant", "sframe.log-only"]);
    let Some(page) = Page::open_enrolled(&served) else {
        return;
    };
    page.watch();
    page.wait("refuse frames", |page| {
        page.text("no-picture").starts_with("No picture: ")
    });
    thread::sleep(WATCH / 2);
    assert_eq!(page.frames(), 0);
    assert_eq!(page.text("opened"), "0");
    assert!(page.is_shown("no-picture"));
}

/// The server sends frames again, drops, holds back and reorders others, and sends
/// pictures of its own in clear.
#[test]
fn what_a_server_does_against_it_is_refused_and_the_live_picture_goes_on() {
    let served = Served::start(&["--stimulus", "active-relay"]);
    let Some(page) = Page::open_enrolled(&served) else {
        return;
    };
    page.watch();
    page.wait("show frames", |page| page.frames() >= 10);
    let start = Instant::now();
    let mut shown = Vec::new();
    while start.elapsed() < WATCH * 3 {
        let at = start.elapsed();
        let Some(mark) = page.mark() else {
            page.keep("portal-attacked-unread.png");
            panic!("there is a picture without a mark after {at:?}: {shown:?}");
        };
        assert_eq!(mark.unit, UNIT, "the picture is the camera's");
        shown.push((at, mark.frame));
        thread::sleep(Duration::from_millis(200));
    }
    let counts = page.run("return playback.counts.video;");
    let (refused, clear) = (number(&counts["refused"]), number(&counts["clear"]));
    assert!(refused > 3 && clear > 3, "{counts}");
    assert!(refused > clear, "not only clear ones: {counts}");
    let stated = page.text("protected");
    assert!(stated.contains("frames came in clear"), "{stated}");
    // Never back, and never far behind what the camera films.
    assert!(shown.is_sorted_by_key(|(_, frame)| *frame), "{shown:?}");
    let rate = f64::from(VIDEO.frames_per_second);
    let begun = |(at, frame): &(Duration, u32)| f64::from(*frame) / rate - at.as_secs_f64();
    let begun: Vec<_> = shown.iter().map(begun).collect();
    let freshest = begun.iter().copied().fold(f64::MIN, f64::max);
    let behind = begun.iter().map(|at| freshest - at).fold(0.0, f64::max);
    println!("{:.1} s behind at most", behind);
    assert!(behind < 4.0, "{behind:.1} s behind: {shown:?}");
    page.keep("portal-attacked.png");
}

#[test]
fn wrong_passwords_and_what_is_no_signature_are_told() {
    let served = Served::start(&[]);
    let Some(page) = Page::open(&served) else {
        return;
    };
    page.fill_in("viewer", "wrong");
    page.wait("refuse", |page| !page.text("message").is_empty());
    assert_eq!(page.text("message"), "User or password is wrong.");
    page.log_in();
    page.run("at('signature').value = 'abc'; at('enrol').noValidate = true; at('enrol').requestSubmit();");
    page.wait("say what is wrong", |page| {
        page.text("enrolled") == "A signature has 128 hexadecimal digits."
    });
}

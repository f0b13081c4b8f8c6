//! Chromium and the portal's page, as a person uses it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use lightleak::target::sim::VIDEO;
use lightleak_judge::mark::{self, Mark};
use serde_json::{Value, json};

use crate::{
    browser::{FRAMES, number, part_of},
    chromium::Chromium,
    support::{Served, UNIT},
};

/// How long what a page does may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Seconds in which 60 frames come with some to spare.
const WATCH: Duration = Duration::from_secs(5);
const WINDOW: (u32, u32) = (1280, 900);

/// Helpers for the scripts below.
const AT: &str = "const at = (id) => document.getElementById(id);
const text = (id) => at(id).textContent;
const frames = () => at('video').getVideoPlaybackQuality().totalVideoFrames;";

#[test]
fn shows_the_picture_and_what_protects_it() {
    let served = Served::start(&[]);
    let Some(page) = Page::open(&served) else {
        return;
    };
    page.log_in();
    page.enrol(&page.viewer_key());
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

#[test]
fn log_out_elsewhere_ends_the_stream_too() {
    let served = Served::start(&[]);
    let Some(page) = Page::open(&served) else {
        return;
    };
    page.log_in();
    page.enrol(&page.viewer_key());
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
    let Some(page) = Page::open(&served) else {
        return;
    };
    page.log_in();
    page.enrol(&page.viewer_key());
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
    let Some(page) = Page::open(&served) else {
        return;
    };
    page.log_in();
    page.enrol(&page.viewer_key());
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
    let Some(page) = Page::open(&served) else {
        return;
    };
    page.log_in();
    page.enrol(&page.viewer_key());
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
    for (reason, count) in [("seen", "refused"), ("in clear", "clear")] {
        let counted = page.run_with("return playback.counts.video[arguments[0]];", &[count]);
        assert!(number(&counted) > 3, "{reason}: {counted}");
    }
    let clear = page.run("return playback.counts.video.clear;");
    let refused = page.run("return playback.counts.video.refused;");
    assert!(number(&refused) > number(&clear), "not only clear ones");
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

/// A browser at the portal.
struct Page<'a> {
    served: &'a Served,
    browser: Chromium,
}

impl<'a> Page<'a> {
    fn open(served: &'a Served) -> Option<Self> {
        let browser = Chromium::start(Path::new(served.text("/ca_file")), WINDOW)?;
        let page = Self { served, browser };
        page.browser.go(page.told("url"));
        page.wait("ask who it is", |page| page.is_shown("log-in"));
        Some(page)
    }

    fn log_in(&self) {
        self.fill_in(self.told("user"), self.told("password"));
        self.wait("list cameras", |page| page.is_shown("cameras"));
    }

    fn fill_in(&self, user: &str, password: &str) {
        self.run_with(
            "[at('user').value, at('password').value] = arguments; at('log-in').requestSubmit();",
            &[user, password],
        );
    }

    fn viewer_key(&self) -> String {
        self.text("viewer-key")
    }

    /// Keeps the owner's signature for a viewer key.
    fn enrol(&self, viewer_key: &str) {
        self.run_with(
            "at('signature').value = arguments[0]; at('enrol').requestSubmit();",
            &[&self.served.enrol(viewer_key)],
        );
        self.wait("keep the signature", |page| {
            page.text("enrolled") == "A signature is kept for this key."
        });
    }

    /// Chooses the first camera, when it is there.
    fn watch(&self) {
        self.wait("have a camera", |page| {
            let button = "document.querySelector('#list button')";
            let is_live = page.run(&format!("return {button} && !{button}.disabled;"));
            if is_live != true {
                page.run("cameras();");
            }
            is_live == true
        });
        self.run("document.querySelector('#list button').click();");
    }

    fn frames(&self) -> u64 {
        number(&self.run("return frames();"))
    }

    fn text(&self, id: &str) -> String {
        let text = self.run_with("return text(arguments[0]);", &[id]);
        text.as_str().expect("a text").to_owned()
    }

    fn number(&self, id: &str) -> u64 {
        let text = self.text(id);
        text.parse()
            .unwrap_or_else(|_| panic!("{id}: {text} is no number"))
    }

    fn is_shown(&self, id: &str) -> bool {
        self.run_with("return !!at(arguments[0]).checkVisibility();", &[id]) == true
    }

    /// The mark in the picture.
    fn mark(&self) -> Option<Mark> {
        let at = self.corner();
        let picture = self.browser.screenshot();
        let size = (VIDEO.width, VIDEO.height);
        mark::read(&part_of(&picture, at.into(), size))
    }

    /// Where the picture is in the window.
    fn corner(&self) -> [usize; 2] {
        let rect = self.run(
            "at('video').scrollIntoView();
             const { x, y, width, height } = at('video').getBoundingClientRect();
             return [x, y, width, height].map(Math.round);",
        );
        let [x, y, width, height] = [0, 1, 2, 3].map(|at| number(&rect[at]));
        // Pixel by pixel.
        assert_eq!([width, height], [VIDEO.width, VIDEO.height].map(u64::from));
        [x, y].map(|number| usize::try_from(number).expect("it is in the window"))
    }

    fn run(&self, script: &str) -> Value {
        self.run_with(script, &[])
    }

    fn run_with(&self, script: &str, arguments: &[&str]) -> Value {
        self.browser
            .run(&format!("{AT}\n{script}"), json!(arguments))
    }

    fn wait(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !done(self) {
            if Instant::now() > give_up {
                self.keep("portal-failed.png");
                panic!(
                    "the page does not {what}: {}",
                    self.run("return document.body.innerText;")
                );
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Keeps a screenshot as an artefact.
    fn keep(&self, name: &str) {
        let folder = env::var_os("LIGHTLEAK_ARTEFACTS")
            .map_or(PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
        fs::create_dir_all(&folder).expect("make the folder of artefacts");
        fs::write(folder.join(name), self.browser.screenshot()).expect("keep a screenshot");
    }

    /// What the ready file says of the path.
    fn told(&self, name: &str) -> &str {
        crate::browser::told(self.served, "portal.webrtc", name)
    }
}

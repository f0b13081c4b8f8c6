//! The portal's page in a browser, as a person uses it.

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
    browser::{number, part_of, told},
    chromium::Chromium,
    support::Served,
};

/// How long what a page does may take, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Size of the window.
pub const WINDOW: (u32, u32) = (1280, 900);

/// Helpers for the scripts below.
const AT: &str = "const at = (id) => document.getElementById(id);
const text = (id) => at(id).textContent;
const frames = () => at('video').getVideoPlaybackQuality().totalVideoFrames;";

/// A browser at the portal.
pub struct Page<'a> {
    pub browser: Chromium,
    person: Person<'a>,
}

/// Who uses it, and the owner.
pub struct Person<'a> {
    pub user: &'a str,
    pub password: &'a str,
    /// Signs a viewer's key, both in hexadecimal.
    pub signs: Box<dyn Fn(&str) -> String + 'a>,
}

impl<'a> Page<'a> {
    /// That of a server in a browser of its own, if there is one.
    pub fn open(served: &'a Served) -> Option<Self> {
        let browser = Chromium::start(Path::new(served.text("/ca_file")), WINDOW)?;
        let told = |name| told(served, "portal.webrtc", name);
        let person = Person {
            user: told("user"),
            password: told("password"),
            signs: Box::new(|viewer| served.enrol(viewer)),
        };
        Some(Self::at(told("url"), browser, person))
    }

    /// That of this address.
    pub fn at(url: &str, browser: Chromium, person: Person<'a>) -> Self {
        let page = Self { browser, person };
        page.browser.go(url);
        page.wait("ask who it is", |page| page.is_shown("log-in"));
        page
    }

    /// The same, of a person who is logged in and whose key the owner signed.
    pub fn open_enrolled(served: &'a Served) -> Option<Self> {
        let page = Self::open(served)?;
        page.log_in();
        page.enrol(&page.viewer_key());
        Some(page)
    }

    pub fn log_in(&self) {
        self.fill_in(self.person.user, self.person.password);
        self.wait("list cameras", |page| page.is_shown("cameras"));
    }

    pub fn fill_in(&self, user: &str, password: &str) {
        self.run_with(
            "[at('user').value, at('password').value] = arguments; at('log-in').requestSubmit();",
            &[user, password],
        );
    }

    pub fn viewer_key(&self) -> String {
        self.text("viewer-key")
    }

    /// Keeps the owner's signature for a viewer key.
    pub fn enrol(&self, viewer_key: &str) {
        self.run_with(
            "at('signature').value = arguments[0]; at('enrol').requestSubmit();",
            &[&(self.person.signs)(viewer_key)],
        );
        self.wait("keep the signature", |page| {
            page.text("enrolled") == "A signature is kept for this key."
        });
    }

    /// Chooses the first camera, when it is there.
    pub fn watch(&self) {
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

    pub fn frames(&self) -> u64 {
        number(&self.run("return frames();"))
    }

    pub fn text(&self, id: &str) -> String {
        let text = self.run_with("return text(arguments[0]);", &[id]);
        text.as_str().expect("a text").to_owned()
    }

    pub fn number(&self, id: &str) -> u64 {
        let text = self.text(id);
        text.parse()
            .unwrap_or_else(|_| panic!("{id}: {text} is no number"))
    }

    pub fn is_shown(&self, id: &str) -> bool {
        self.run_with("return !!at(arguments[0]).checkVisibility();", &[id]) == true
    }

    /// The mark in the picture.
    pub fn mark(&self) -> Option<Mark> {
        let at = self.corner();
        let picture = self.browser.screenshot();
        let size = (VIDEO.width, VIDEO.height);
        mark::read(&part_of(&picture, at.into(), size))
    }

    /// Where the picture is in the window.
    pub fn corner(&self) -> [usize; 2] {
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

    pub fn run(&self, script: &str) -> Value {
        self.run_with(script, &[])
    }

    pub fn run_with(&self, script: &str, arguments: &[&str]) -> Value {
        self.browser
            .run(&format!("{AT}\n{script}"), json!(arguments))
    }

    pub fn wait(&self, what: &str, done: impl Fn(&Self) -> bool) {
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
    pub fn keep(&self, name: &str) {
        let folder = env::var_os("LIGHTLEAK_ARTEFACTS")
            .map_or(PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
        fs::create_dir_all(&folder).expect("make the folder of artefacts");
        fs::write(folder.join(name), self.browser.screenshot()).expect("keep a screenshot");
    }
}

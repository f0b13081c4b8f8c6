//! Headless Chromium under WebDriver (W3C), with a home of its own, in which a
//! certificate authority of the test's own is trusted.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;
use ureq::Agent;

use crate::support::started;

/// How long a step of a page may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser; it ends with this.
pub struct Chromium {
    agent: Agent,
    /// URL of the session (W3C WebDriver 6.3).
    session: String,
    driver: Child,
    home: TempDir,
}

impl Chromium {
    /// Starts one with a window of that size, if it is installed.
    pub fn start(authority: &Path, window: (u32, u32)) -> Option<Self> {
        Self::start_with(authority, window, &[])
    }

    /// The same with more arguments.
    pub fn start_with(authority: &Path, window: (u32, u32), more: &[&str]) -> Option<Self> {
        Self::launch(Some(authority), window, more, json!({}))
    }

    /// Starts one that trusts nobody new, and notes what its pages say on their
    /// console and ask the network for.
    pub fn start_noting(window: (u32, u32)) -> Option<Self> {
        let noted = json!({ "browser": "ALL", "performance": "ALL" });
        Self::launch(None, window, &[], json!({ "goog:loggingPrefs": noted }))
    }

    fn launch(
        authority: Option<&Path>,
        (width, height): (u32, u32),
        more: &[&str],
        mut wanted: Value,
    ) -> Option<Self> {
        let home = tempfile::tempdir().expect("make a temporary folder");
        if let Some(authority) = authority {
            trust(authority, home.path())?;
        }
        let mut driver = started(
            Command::new("chromedriver")
                .arg("--port=0")
                .env("HOME", home.path())
                .stdout(Stdio::piped()),
        )?;
        let port = port(&mut driver);
        let config = Agent::config_builder().http_status_as_error(false);
        let mut browser = Self {
            agent: config.timeout_global(Some(PATIENCE)).build().into(),
            session: format!("http://127.0.0.1:{port}/session"),
            driver,
            home,
        };
        let profile = browser.home.path().join("profile");
        let mut arguments = json!([
            "--headless",
            // There is no sandbox for root, nor in many containers.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            // The camera is on the loopback interface, and candidates are addresses.
            "--allow-loopback-in-peer-connection",
            "--disable-features=WebRtcHideLocalIpsWithMdns",
            format!("--user-data-dir={}", profile.display()),
            format!("--window-size={width},{height}"),
        ]);
        if let Some(arguments) = arguments.as_array_mut() {
            arguments.extend(more.iter().map(|argument| json!(argument)));
        }
        wanted["goog:chromeOptions"] = json!({ "args": arguments });
        let session = browser.post("", json!({ "capabilities": { "alwaysMatch": wanted } }));
        let id = session["sessionId"].as_str().expect("a session has an id");
        browser.session = format!("{}/{id}", browser.session);
        let patience = u64::try_from(PATIENCE.as_millis()).expect("it is a minute");
        browser.post("/timeouts", json!({ "script": patience }));
        Some(browser)
    }

    /// What it wrote into its log, if it was told to write one.
    pub fn log(&self) -> String {
        let log = self.home.path().join("profile/chrome_debug.log");
        let log = fs::read(log).expect("read what the browser says");
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Goes to that address, whatever answers there.
    pub fn go(&self, url: &str) {
        self.post("/url", json!({ "url": url }));
    }

    /// Runs a step of the app, and gives its outcome.
    pub fn step(&self, what: Value) -> Value {
        self.step_of(
            concat!(include_str!("sframe.js"), include_str!("app.js")),
            what,
        )
    }

    /// Runs a step of a script, and gives its outcome.
    pub fn step_of(&self, script: &str, what: Value) -> Value {
        let outcome = self.post(
            "/execute/async",
            json!({ "script": script, "args": [what.clone()] }),
        );
        assert!(outcome.get("error").is_none(), "{what}: {outcome}");
        outcome
    }

    /// Runs a script, and gives what it returns.
    pub fn run(&self, script: &str, arguments: Value) -> Value {
        let body = json!({ "script": script, "args": arguments });
        self.post("/execute/sync", body)
    }

    /// What was noted since it was last asked: `browser` is the console,
    /// `performance` has events of the DevTools protocol.
    pub fn noted(&self, log: &str) -> Vec<Value> {
        let entries = self.post("/se/log", json!({ "type": log }));
        entries.as_array().expect("notes are a list").clone()
    }

    /// Presses and releases a key (W3C WebDriver 17.4.2 has the codes of those that
    /// write nothing).
    pub fn press(&self, key: char) {
        let strokes = ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key }));
        let keys = json!({ "type": "key", "id": "keyboard", "actions": strokes });
        self.post("/actions", json!({ "actions": [keys] }));
    }

    /// Shows the page as in a window with so many pixels.
    pub fn wide(&self, width: u32, height: u32) {
        let screen = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", screen);
    }

    /// Shows the page as where people prefer that: `dark` or `light`.
    pub fn prefer(&self, scheme: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": [feature] }),
        );
    }

    /// Shows the page as a telephone with a screen of that size does.
    pub fn narrow(&self, width: u32, height: u32) {
        let screen = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": true,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", screen);
    }

    fn devtools(&self, command: &str, parameters: Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.post("/goog/cdp/execute", body);
    }

    /// What the window shows, as PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        let request = self.agent.get(format!("{}/screenshot", self.session));
        let text = request.call().expect("ask for a screenshot").into_body();
        let picture = value(text);
        let text = picture.as_str().expect("a screenshot is text");
        BASE64_STANDARD.decode(text).expect("it is base64")
    }

    fn post(&self, command: &str, body: Value) -> Value {
        let request = self.agent.post(format!("{}{command}", self.session));
        let request = request.header("Content-Type", "application/json");
        let answer = request.send(body.to_string());
        value(answer.expect("ask chromedriver").into_body())
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The driver ends the browser; it may have ended itself already.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// What the driver answers, which is no error.
fn value(mut body: ureq::Body) -> Value {
    let text = body.with_config().limit(64 << 20).read_to_string();
    let text = text.expect("read what chromedriver answers");
    let mut answer: Value = serde_json::from_str(&text).expect("it is JSON");
    let value = answer["value"].take();
    assert!(!value["error"].is_string(), "{value:#}");
    value
}

/// Writes the authority into the certificate store of that home.
fn trust(authority: &Path, home: &Path) -> Option<()> {
    let store = home.join(".pki/nssdb");
    fs::create_dir_all(&store).expect("make the certificate store");
    let store = format!("sql:{}", store.display());
    let runs = [
        vec!["-d", &store, "-N", "--empty-password"],
        vec!["-d", &store, "-A", "-t", "C,,", "-n", "lightleak", "-i"],
    ];
    for (index, arguments) in runs.iter().enumerate() {
        let mut command = Command::new("certutil");
        command.args(arguments).stdout(Stdio::null());
        if index == 1 {
            command.arg(authority);
        }
        let status = started(&mut command)?.wait().expect("wait for certutil");
        assert!(status.success(), "certutil: {status}");
    }
    Some(())
}

/// Where the driver listens: it says so in its first lines.
fn port(driver: &mut Child) -> u16 {
    let output = driver.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let port = lines.find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    // Who says more must not wait for a reader.
    thread::spawn(move || lines.for_each(drop));
    port.expect("chromedriver says where it listens")
}

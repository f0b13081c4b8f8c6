//! The report as a page, in a browser as a person has it, under a validator of HTML
//! and a checker of accessibility that are not ours (`ci/npm`).

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use lightleak_case::Case;
use lightleak_judge::{
    report::{Options, Report, html},
    requirement::Profile,
    verdict::Verdict,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    chromium::Chromium,
    support::{lightleak, started},
};

const WIDE: (u32, u32) = (1280, 900);
const NARROW: (u32, u32) = (390, 844);
/// Codes of keys (W3C WebDriver 17.4.2).
const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';
/// In milliseconds.
const SOON: f64 = 2_000.0;

/// What leaks through the portal of 2022, and its report.
fn leaking() -> Recorded {
    Recorded::of(&[
        "--target",
        "sim:portal.rtmp-plain",
        "--path",
        "portal.webrtc",
        "--stimulus",
        "honest",
        "--stimulus",
        "legacy-requests",
    ])
}

/// A case that was recorded and judged; it goes with this.
struct Recorded {
    folder: TempDir,
    code: Option<i32>,
}

impl Recorded {
    fn of(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("make a temporary folder");
        let case = folder.path().join("case");
        let mut command = lightleak();
        command.arg("run").args(arguments).arg("--out").arg(&case);
        let output = command.output().expect("start lightleak");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            said.contains("report/report.html"),
            "it is announced: {said}"
        );
        let code = output.status.code();
        Self { folder, code }
    }

    fn page(&self) -> PathBuf {
        self.folder.path().join("case/report/report.html")
    }
}

fn open(page: &Path) -> Option<Chromium> {
    let browser = Chromium::start_noting(WIDE)?;
    // What its own first page says and asks for is no matter of ours.
    browser.go("about:blank");
    browser.noted("browser");
    browser.noted("performance");
    browser.go(&format!("file://{}", page.display()));
    Some(browser)
}

#[test]
fn a_leak_is_shown_with_its_picture_and_reached_by_keyboard() {
    let recorded = leaking();
    let Some(browser) = open(&recorded.page()) else {
        return;
    };
    let heading = browser.run("return document.querySelector('h1').innerText;", json!([]));
    assert!(text(&heading).contains("Does not conform"), "{heading}");
    let picture = browser.run(
        "const picture = document.querySelector('#leak-1 img');
         return [picture.naturalWidth, picture.closest('figure').innerText];",
        json!([]),
    );
    assert!(picture[0].as_u64() > Some(0), "{picture}");
    assert!(
        text(&picture[1]).contains("Its mark says: unit "),
        "{picture}"
    );

    let focus = "const focus = document.activeElement; return [focus.id, focus.innerText];";
    browser.press(TAB);
    let skip = browser.run(focus, json!([]));
    assert_eq!(skip[1], "Skip to the first leak");
    browser.press(ENTER);
    assert_eq!(browser.run(focus, json!([]))[0], "leak-1");
    browser.press(TAB);
    let link = browser.run(focus, json!([]));
    assert!(text(&link[1]).starts_with("Evidence for "), "{link}");
    browser.press(ENTER);
    let inside = browser.run(
        "const focus = document.activeElement;
         return [focus.innerText, focus.closest('details').open, !!focus.querySelector('.hex mark')];",
        json!([]),
    );
    for part in ["must", "Wireshark: frame.number == ", "What was done"] {
        assert!(text(&inside[0]).contains(part), "{part}: {inside}");
    }
    assert_eq!(inside[1], true);
    assert_silent(&browser);
}

#[test]
fn a_leaking_report_is_valid_accessible_and_fits_every_window() {
    let recorded = leaking();
    assert_eq!(recorded.code, Some(1));
    look_at("leaking", &recorded.page());
}

#[test]
fn a_conforming_report_is_valid_accessible_and_fits_every_window() {
    let folder = tempfile::tempdir().expect("make a temporary folder");
    let results = folder.path().join("frame_crypto.json");
    let row = |kind: &str, contender: &str, median: f64| {
        json!({
            "scenario": "frame_crypto", "suite": "AEAD_AES_128_GCM", "frame_bytes": 4096,
            "op": "seal", "contender": contender, "kind": kind, "median_bytes_per_s": median,
        })
    };
    let rows = [
        row("ours", "lightleak", 4.0e9),
        row("limit", "an AEAD", 5.0e9),
    ];
    let measured = json!({
        "schema": "lightleak.bench/1", "machine": { "cores": "2" }, "rows": rows,
    });
    fs::write(&results, measured.to_string()).expect("write the results");
    let recorded = Recorded::of(&[
        "--path",
        "nvr.rtsps",
        "--path",
        "nvr.srtp",
        "--only",
        "XC-*",
        "--throughput",
        results.to_str().expect("a name"),
    ]);
    assert_eq!(recorded.code, Some(0));
    look_at("conforming", &recorded.page());
    let page = fs::read_to_string(recorded.page()).expect("read the report");
    assert!(page.contains("<span>Conforms</span>"));
    assert!(page.contains(">Nothing was found to leak<"));
    assert!(page.contains(">What encryption costs<") && page.contains("80 %"));
}

#[test]
fn ten_thousand_findings_open_soon() {
    let recorded = leaking();
    let case = Case::read(&recorded.folder.path().join("case")).expect("read the case");
    let decoder = lightleak::decoder::ChildDecoder::new(env!("CARGO_BIN_EXE_lightleak").into());
    let options = Options {
        profile: Profile::Secure,
        strict: false,
        selected: &|_| true,
    };
    let mut report = Report::judge(&case, &decoder, options);
    let once = report.findings.clone();
    // Those that fail are the long ones: one of ten does.
    let (failed, others): (Vec<_>, Vec<_>) = once.iter().partition(|f| f.verdict == Verdict::Fail);
    let failed = failed.into_iter().cycle().take(1_000);
    let others = others.into_iter().cycle().take(9_000);
    report.findings = failed.chain(others).cloned().collect();
    let page = recorded.folder.path().join("many.html");
    fs::write(&page, html::write(&report)).expect("write the report");
    let length = fs::metadata(&page).expect("ask for its length").len();
    // Whatever else the machine does only adds to them.
    let mut fastest = [f64::INFINITY; 2];
    for _ in 0..3 {
        let Some(browser) = open(&page) else {
            return;
        };
        let times = browser.step_of(
            "const done = arguments[1];
             requestAnimationFrame(() => setTimeout(() => {
               const [navigation] = performance.getEntriesByType('navigation');
               const paint = performance.getEntriesByName('first-contentful-paint')[0];
               done([navigation.loadEventEnd, paint?.startTime ?? performance.now(),
                 document.querySelectorAll('.finding, .passes tbody tr').length]);
             }));",
            json!({}),
        );
        assert_eq!(times[2], 10_000, "{times}");
        for (fastest, time) in fastest.iter_mut().zip([&times[0], &times[1]]) {
            *fastest = fastest.min(time.as_f64().expect("a time"));
        }
    }
    println!("10 000 findings, {length} octets: loaded, painted after {fastest:?} ms");
    assert!(fastest.iter().all(|time| *time < SOON), "{fastest:?}");
}

/// Opens the page in wide and narrow windows, dark and light, and has it checked.
fn look_at(name: &str, page: &Path) {
    assert_valid(page);
    let Some(browser) = open(page) else {
        return;
    };
    let Some(axe) = tool("axe-core/axe.min.js") else {
        return;
    };
    let axe = fs::read_to_string(axe).expect("read axe-core");
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        for (width, height) in [WIDE, NARROW] {
            match width == NARROW.0 {
                true => browser.narrow(width, height),
                false => browser.wide(width, height),
            }
            browser.run("scrollTo(0, 0);", json!([]));
            keep(&browser, &format!("report-{name}-{scheme}-{width}.png"));
            // What is closed is not checked.
            browser.run(
                "for (const group of [...document.querySelectorAll('.group')].slice(0, 40)) group.open = true;
                 document.querySelector('.session').open = true;",
                json!([]),
            );
            let sizes = browser.run(
                "return [document.documentElement.scrollWidth, innerWidth];",
                json!([]),
            );
            assert_eq!(
                sizes,
                json!([width, width]),
                "the page does not scroll sideways"
            );
            assert_accessible(&browser, &axe);
            browser.run(
                "document.querySelector('.group').scrollIntoView();",
                json!([]),
            );
            keep(
                &browser,
                &format!("report-{name}-{scheme}-{width}-open.png"),
            );
            browser.run(
                "for (const group of document.querySelectorAll('details')) group.open = false;",
                json!([]),
            );
        }
    }
    assert_silent(&browser);
}

/// No violation of the rules of WCAG 2.2 and of good practice that axe knows.
fn assert_accessible(browser: &Chromium, axe: &str) {
    let script = format!(
        "{axe};
         const done = arguments[1];
         axe.run(document, {{ resultTypes: ['violations'] }}).then(
           (found) => done({{
             rules: found.passes.length,
             violations: found.violations.map((v) => [v.id, v.help, v.nodes.slice(0, 3).map((n) => n.html + ' ' + n.failureSummary)]),
           }}),
           (error) => done({{ error: String(error) }}));"
    );
    let found = browser.step_of(&script, json!({}));
    assert!(found["rules"].as_u64() > Some(20), "{found}");
    assert_eq!(found["violations"], json!([]), "{found:#}");
}

/// Nothing was said on the console, and nothing was asked for but the page.
fn assert_silent(browser: &Chromium) {
    assert_eq!(browser.noted("browser"), [] as [Value; 0]);
    let events = browser.noted("performance").into_iter().filter_map(|note| {
        let event: Value = serde_json::from_str(note["message"].as_str()?).ok()?;
        let event = &event["message"];
        let is_request = event["method"] == "Network.requestWillBeSent";
        is_request.then(|| text(&event["params"]["request"]["url"]).to_owned())
    });
    let asked: Vec<_> = events.filter(|url| !url.starts_with("data:")).collect();
    let is_page = |url: &String| url.starts_with("file://") && url.contains("/report.html");
    assert!(!asked.is_empty() && asked.iter().all(is_page), "{asked:?}");
}

/// The HTML standard, as the validator of its makers has it.
fn assert_valid(page: &Path) {
    let Some(jar) = tool("vnu-jar/build/dist/vnu.jar") else {
        return;
    };
    let mut validator = Command::new("java");
    validator
        .arg("-jar")
        .arg(jar)
        .args(["--errors-only"])
        .arg(page);
    let Some(child) = started(validator.stderr(std::process::Stdio::piped())) else {
        return;
    };
    let output = child.wait_with_output().expect("wait for the validator");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// What `ci/setup` installs there.
fn tool(name: &str) -> Option<PathBuf> {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ci/npm/node_modules");
    let file = modules.join(name);
    if !file.exists() {
        assert!(
            env::var_os("CI").is_none_or(|ci| ci != "true"),
            "{name} is not installed; ci/setup installs it"
        );
        println!("skipped: {name} is not installed");
        return None;
    }
    Some(file)
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}

/// Keeps a screenshot as an artefact.
fn keep(browser: &Chromium, name: &str) {
    let folder = env::var_os("LIGHTLEAK_ARTEFACTS")
        .map_or(PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    fs::create_dir_all(&folder).expect("make the folder of artefacts");
    fs::write(folder.join(name), browser.screenshot()).expect("keep a screenshot");
}

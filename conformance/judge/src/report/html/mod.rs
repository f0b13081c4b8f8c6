//! HTML, for people: one file that stands alone. It asks no network for anything,
//! its policy allows the one style sheet and the one script in it, and text of others
//! is text.

mod attribution;
mod finding;
mod first;
mod matrix;
mod octets;
mod plot;
mod session;
#[cfg(test)]
mod tests;
mod throughput;
mod view;

use base64::{Engine, prelude::BASE64_STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;
use sha2::{Digest, Sha256};

use self::view::View;
use super::{Report, terminal};

const STYLE: &str = include_str!("report.css");
const SCRIPT: &str = include_str!("report.js");

/// The report as a page.
pub fn write(report: &Report) -> String {
    let view = View::of(report);
    let device = &report.declaration.device;
    let title = format!(
        "{} {}: {}",
        text(&device.vendor),
        text(&device.model),
        report.conclusion()
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content={ (report.tool.name) " " (report.tool.version) };
                meta name="referrer" content="no-referrer";
                link rel="icon" href="data:,";
                title { (title) " - lightleak" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (first::skip_link(&view))
                (first::head(&view))
                main id="main" {
                    (first::leaks(&view))
                    (matrix::section(&view))
                    (attribution::section(&view))
                    (finding::section(&view))
                    (session::section(&view))
                    (throughput::section(report.throughput.as_ref()))
                    (claims(report))
                }
                (foot(report))
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// What the page may do (W3C CSP 3): its own style and script, and pictures in it.
fn policy() -> String {
    let hash = |text: &str| BASE64_STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// Text of others: what a reader would obey is taken out, and the rest is escaped
/// where it is written.
fn text(text: &str) -> String {
    terminal::plain(text)
}

/// A box that scrolls, so that the page does not; the keyboard reaches it.
fn scroll(label: &str, inside: &Markup) -> Markup {
    html! {
        div class="scroll" role="group" tabindex="0" aria-label=(label) { (inside) }
    }
}

/// Names, and what goes by them.
fn facts<'a>(facts: impl Iterator<Item = (&'a str, &'a str)>) -> Markup {
    html! {
        dl class="facts" {
            @for (name, value) in facts {
                div { dt { (name) } dd { bdi { (value) } } }
            }
        }
    }
}

/// The head of a table: names of columns, and their classes.
fn head(columns: &[(&str, Option<&str>)]) -> Markup {
    html! {
        thead {
            tr { @for (name, class) in columns { th scope="col" class=[class] { (name) } } }
        }
    }
}

/// What the device says of itself.
fn claims(report: &Report) -> Markup {
    let device = &report.declaration.device;
    let facts = [
        ("Vendor", text(&device.vendor)),
        ("Model", text(&device.model)),
        ("Serial number", text(&device.serial)),
        ("Firmware", text(&device.firmware)),
        ("Unit in the mark", device.unit.to_string()),
        (
            "Addresses",
            device
                .addresses
                .iter()
                .map(|a| a.to_string())
                .collect::<Vec<_>>()
                .join(", "),
        ),
    ];
    let table = html! {
        table {
            caption class="vh" { "Transport paths that the device declares" }
            (head(&["Path", "Address", "Carriage", "Hop", "End to end"].map(|name| (name, None))))
            tbody {
                @for path in &report.declaration.paths {
                    tr {
                        th scope="row" { code { (text(&path.id)) } }
                        td { code class="long" { (text(&path.url)) } }
                        td { (claimed(&path.carriage)) }
                        td { (claimed(&path.hop)) }
                        td { (claimed(&path.end_to_end)) }
                    }
                }
            }
        }
    };
    html! {
        section aria-labelledby="claims" {
            h2 id="claims" { "What the device claims" }
            p class="lead" { "These are its own words. No verdict rests on them alone." }
            (self::facts(facts.iter().map(|(name, value)| (*name, &**value))))
            (scroll("Declared transport paths", &table))
        }
    }
}

/// A value of the declaration under the name that its file gives it.
fn claimed(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    text(value.as_str().unwrap_or("-"))
}

fn foot(report: &Report) -> Markup {
    html! {
        footer {
            p {
                "Made by " (report.tool.name) " " (report.tool.version)
                ". The same verdicts, for programs: " code { "report.json" } " (" (report.schema) ")."
            }
            p {
                "Pictures and octets in this file come from the device: they may be "
                "somebody's private life. Nothing in it is sent anywhere."
            }
        }
    }
}

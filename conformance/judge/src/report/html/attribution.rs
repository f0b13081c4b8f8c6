//! What every octet is, per path and vantage.

use std::collections::BTreeMap;

use lightleak_case::Vantage;
use maud::{Markup, html};

use super::{
    head, plot, scroll, text,
    view::{View, number},
};
use crate::{
    attribution::{Class, Octets},
    report::AttributionRow,
};

/// The rows of several sessions, summed.
#[derive(Default)]
struct Sum {
    octets: Octets,
    ledger: u64,
    matched: u64,
}

pub(super) fn section(view: &View<'_>) -> Markup {
    let mut sums: BTreeMap<(usize, Vantage), Sum> = BTreeMap::new();
    for row in &view.report.attribution {
        let path = view.paths.iter().position(|path| *path == row.path);
        let path = path.unwrap_or(view.paths.len());
        let sum = sums.entry((path, row.vantage)).or_default();
        sum.octets += row.bytes;
        sum.ledger += row.ledger_bytes;
        sum.matched += row.ledger_bytes_matched;
    }
    let table = html! {
        table class="octets" {
            caption class="vh" { "Octets by class, per path and vantage" }
            (head(&[
                ("Path", None),
                ("Seen at", None),
                ("What the octets are", Some("wide")),
                ("Octets", Some("number")),
                ("Unexplained", Some("number")),
                ("Plaintext found again", Some("number")),
            ]))
            tbody {
                @for ((path, vantage), sum) in &sums {
                    @let name = view.paths.get(*path).copied().unwrap_or("-");
                    @let octets = sum.octets;
                    tr {
                        th scope="row" { code { (text(name)) } }
                        td { (vantage.name()) }
                        td class="wide" {
                            @if octets.total() == 0 { "nothing" }
                            (plot::bar(&format!("{} at {}", text(name), vantage.name()), octets))
                        }
                        td class="number" { (number(octets.total())) }
                        td class={ "number" @if octets.unexplained > 0 { " bad" } } {
                            (number(octets.unexplained))
                        }
                        td class="number" { (matched(sum.matched, sum.ledger)) }
                    }
                }
            }
        }
    };
    html! {
        section aria-labelledby="attribution" {
            h2 id="attribution" { "What every octet is" }
            p class="lead" {
                "All that was captured or stored, by what the judge can prove it to be. "
                "What is left unexplained is a finding."
            }
            (legend())
            (scroll("Octets by class", &table))
        }
    }
}

/// The same of one session.
pub(super) fn rows<'a>(rows: impl Iterator<Item = &'a AttributionRow>) -> Markup {
    html! {
        @for row in rows {
            @let label = format!("Session {} at {}", row.session, row.vantage.name());
            p class="plot-name" {
                "Octets at " (row.vantage.name()) ": " (number(row.bytes.total()))
                ", unexplained " (number(row.bytes.unexplained))
                ", plaintext found again " (matched(row.ledger_bytes_matched, row.ledger_bytes))
            }
            (plot::bar(&label, row.bytes))
        }
    }
}

/// Names of the colours.
pub(super) fn legend() -> Markup {
    html! {
        ul class="legend" aria-label="Colours" {
            @for class in Class::ALL {
                li { span class={ "swatch " (class.name()) } {} " " (meaning(class)) }
            }
        }
    }
}

fn meaning(class: Class) -> &'static str {
    match class {
        Class::Header => "header, clear by design",
        Class::Handshake => "handshake",
        Class::Infrastructure => "infrastructure",
        Class::Opened => "ciphertext, opened with the key",
        Class::Identified => "ciphertext by its structure, not opened",
        Class::Tag => "tag",
        Class::Padding => "padding",
        Class::Foreign => "of others than the device",
        Class::Unexplained => "unexplained",
    }
}

fn matched(matched: u64, ledger: u64) -> String {
    match ledger {
        0 => "-".into(),
        _ => format!("{} of {}", number(matched), number(ledger)),
    }
}

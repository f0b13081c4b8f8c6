//! What sealing and opening costs, where that was measured.

use maud::{Markup, html};

use super::{facts, head, plot, scroll, text, view::number};
use crate::report::throughput::{Compared, Throughput};

/// Ratios first: times of different machines say little.
pub(super) fn section(throughput: Option<&Throughput>) -> Markup {
    let Some(throughput) = throughput else {
        return html! {};
    };
    let machine = throughput.machine.iter();
    let machine = machine.map(|(name, value)| (text(&name.replace('_', " ")), text(value)));
    let machine: Vec<_> = machine.collect();
    let table = html! {
        table class="octets" {
            caption class="vh" { "Throughput per suite and operation" }
            (head(&[
                ("Suite", None),
                ("Operation", None),
                ("Octets of a frame", Some("number")),
                ("Of what bounds it", Some("wide")),
                ("Beside the fastest other", Some("number")),
                ("MB/s", Some("number")),
            ]))
            tbody {
                @for row in throughput.compared() { (cells(&row)) }
            }
        }
    };
    html! {
        section aria-labelledby="throughput" {
            h2 id="throughput" { "What encryption costs" }
            p class="lead" {
                "Measured in one run, as the share of what the cryptographic library alone "
                "reaches on the same octets. No verdict rests on it."
            }
            (scroll("Throughput", &table))
            (facts(machine.iter().map(|(name, value)| (&**name, &**value))))
        }
    }
}

fn cells(row: &Compared<'_>) -> Markup {
    let [scenario, suite, operation] = row.task.map(text);
    let share = |share: f64| format!("{:.0} %", share * 100.0);
    html! {
        tr {
            th scope="row" { code { (suite) } " " (scenario.replace('_', " ")) }
            td { (operation) }
            td class="number" { (number(row.frame_bytes)) }
            td class="wide" {
                @match row.of_limit {
                    Some(limit) => {
                        (share(limit))
                        (plot::share(&format!("{suite}, {operation}: {} of its bound", share(limit)), limit))
                    }
                    None => "not measured",
                }
            }
            td class="number" {
                @match row.of_peer {
                    Some((peer, times)) => { (format!("{times:.1} times ")) (text(peer)) }
                    None => "not measured",
                }
            }
            td class="number" { (number((row.bytes_per_s / 1e6) as u64)) }
        }
    }
}

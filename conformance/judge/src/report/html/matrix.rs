//! The matrix path x requirement: the worst verdict of each, and the way to it.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{
    scroll, text,
    view::{Cell, View, class, sign},
};
use crate::verdict::Verdict;

pub(super) fn section(view: &View<'_>) -> Markup {
    let mut areas: BTreeMap<usize, &str> = BTreeMap::new();
    let mut last = "";
    for (index, row) in view.rows.iter().enumerate() {
        let area = row.id.split('-').next().unwrap_or(row.id);
        if area != last {
            areas.insert(index, area);
            last = area;
        }
    }
    let starts: Vec<_> = areas.keys().copied().chain([view.rows.len()]).collect();
    let table = html! {
        table class="matrix" {
            caption class="vh" { "The worst verdict per requirement and transport path" }
            thead {
                tr {
                    th scope="col" { "Requirement" }
                    @for path in &view.paths {
                        th scope="col" { code { (text(path)) } }
                    }
                }
            }
            @for (bounds, area) in starts.windows(2).zip(areas.values()) {
                tbody {
                    tr class="area" {
                        th scope="rowgroup" colspan=(view.paths.len() + 1) { span { (area) } }
                    }
                    @for row in bounds[0]..bounds[1] { (line(view, row)) }
                }
            }
        }
    };
    html! {
        section aria-labelledby="matrix" {
            h2 id="matrix" { "Every requirement on every path" }
            p class="lead" {
                "The worst verdict of each; it leads to the findings behind it. "
                "An empty cell: the requirement does not speak of that path."
            }
            p class="tools" hidden {
                label { input type="checkbox" id="only-odd"; " Only rows that do not pass" }
            }
            (scroll("Matrix of requirements and paths", &table))
        }
    }
}

fn line(view: &View<'_>, index: usize) -> Markup {
    let row = view.rows[index];
    let cells: Vec<_> = (0..view.paths.len())
        .map(|column| view.cells.get(&(index, column)))
        .collect();
    let worst = Verdict::worst(cells.iter().flatten().map(|cell| cell.verdict()));
    let passes = matches!(worst, None | Some(Verdict::Pass | Verdict::NotApplicable));
    html! {
        tr class=[passes.then_some("fine")] {
            th scope="row" { b { (row.id) } " " span class="title" { (row.title) } }
            @for cell in cells {
                @match cell {
                    Some(cell) => (field(cell)),
                    None => td {},
                }
            }
        }
    }
}

fn field(cell: &Cell<'_>) -> Markup {
    let verdict = cell.verdict();
    let same = cell.count(verdict);
    let all = cell.findings.len();
    let level = cell.level().name();
    html! {
        td class={ (class(verdict)) " " (level) } {
            a href={ "#" (cell.anchor) } {
                span aria-hidden="true" { (sign(verdict)) }
                " " (short(verdict))
                @if verdict != Verdict::Pass && verdict != Verdict::NotApplicable && all > 1 {
                    " " small { (same) "/" (all) }
                }
                span class="vh" { " " (cell.name()) ", " (level) }
            }
        }
    }
}

fn short(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Inconclusive => "unknown",
        Verdict::NotApplicable => "n/a",
        other => other.name(),
    }
}

//! The findings, by requirement and path: what is demanded and by whom, what was done,
//! what was seen, and where to look.

use maud::{Markup, html};

use super::{
    octets, scroll, text,
    view::{Cell, View, class, plural, sign},
};
use crate::{
    report::{
        Finding,
        exhibits::{Excerpt, SHOWN},
    },
    requirement::Reading,
    verdict::{Assurance, Evidence, Verdict},
};

/// Places in captures that a finding names; `report.json` has them all.
const PLACES: usize = 8;
/// Excerpts in the page: with more it would take long to open.
const EXCERPTS: usize = 300;

pub(super) fn section(view: &View<'_>) -> Markup {
    let mut left = EXCERPTS;
    let groups = [
        ("What fails", &[Verdict::Fail][..]),
        (
            "What is not known",
            &[Verdict::Error, Verdict::Inconclusive],
        ),
        ("What passes", &[Verdict::Pass]),
        ("What does not apply", &[Verdict::NotApplicable]),
    ];
    html! {
        section aria-labelledby="findings" {
            h2 id="findings" { "Findings" }
            p class="lead" {
                (plural(view.report.findings.len(), "finding")) ", by requirement and path. "
                "Each opens to its clause, what was done, what was seen and where."
            }
            p class="tools" hidden {
                label { "Show those with " input type="search" id="filter" autocomplete="off"; }
                " " span id="filtered" role="status" {}
            }
            @for (name, verdicts) in groups {
                @let cells = cells(view, verdicts);
                @if !cells.is_empty() {
                    h3 { (name) }
                    @for cell in cells { (group(view, cell, &mut left)) }
                }
            }
        }
    }
}

fn cells<'v, 'a>(view: &'v View<'a>, verdicts: &[Verdict]) -> Vec<&'v Cell<'a>> {
    let cells = view.cells.values();
    cells.filter(|c| verdicts.contains(&c.verdict())).collect()
}

fn group(view: &View<'_>, cell: &Cell<'_>, left: &mut usize) -> Markup {
    let row = cell.row;
    let verdict = cell.verdict();
    let quote = &row.source;
    let is_told = |f: &&&Finding| !matches!(f.verdict, Verdict::Pass | Verdict::NotApplicable);
    let told = cell.findings.iter().filter(is_told);
    let others: Vec<_> = cell.findings.iter().filter(|f| !is_told(f)).collect();
    html! {
        details class={ "group " (class(verdict)) " " (cell.level().name()) } {
            summary {
                span class={ "chip " (class(verdict)) } { (sign(verdict)) " " (verdict.name()) }
                " " b { (row.id) } " " code { (text(cell.path)) }
                " " span class="title" { (row.title) }
            }
            div class="inside" id=(cell.anchor) tabindex="-1" role="group" aria-label=(cell.name()) {
                p class="sentence" { (row.id) " (" (cell.level().name()) "): " (row.title) "." }
                figure class="clause" {
                    blockquote { p { (quote.text) } }
                    figcaption {
                        cite { (quote.document) } ", " (quote.clause)
                        @match quote.read {
                            Reading::InText => " (read in the text)",
                            Reading::SecondHand => " (second-hand: quoted by another document)",
                        }
                    }
                }
                @for finding in told { (article(view, finding, left)) }
                @if !others.is_empty() { (table(cell, &others)) }
            }
        }
    }
}

/// A finding that does not pass, in full.
fn article(view: &View<'_>, finding: &Finding, left: &mut usize) -> Markup {
    let exhibits = &view.report.exhibits;
    let count = finding.evidence.len();
    html! {
        article class={ "finding " (class(finding.verdict)) } {
            h4 {
                (sign(finding.verdict)) " " (finding.verdict.name())
                " (" (finding.level.name()) ") under " (text(&finding.stimulus))
            }
            p class="reason" { (text(&finding.reason)) }
            dl class="facts" {
                div {
                    dt { "What was done" }
                    dd {
                        (text(&finding.stimulus)) ", condition " (text(&finding.condition))
                        @if let Some(session) = finding.session {
                            ", " a href={ "#s" (session) } { "session " (session) }
                        }
                    }
                }
                div { dt { "Seen at" } dd { (finding.vantage.map_or("-", |v| v.name())) } }
                div { dt { "Assurance" } dd { (assurance(finding)) } }
            }
            @if count > 0 {
                ol class="evidence" {
                    @for (index, evidence) in finding.evidence.iter().take(PLACES).enumerate() {
                        @let excerpt = exhibits.excerpt(evidence)
                            .filter(|_| index < SHOWN && spend(left));
                        li { (item(view, evidence, excerpt)) }
                    }
                }
                @if count > PLACES {
                    p { "And " (count - PLACES) " more in " code { "report.json" } "." }
                }
            }
        }
    }
}

fn spend(left: &mut usize) -> bool {
    let has_some = *left > 0;
    *left = left.saturating_sub(1);
    has_some
}

fn item(view: &View<'_>, evidence: &Evidence, excerpt: Option<&Excerpt>) -> Markup {
    let picture = evidence.picture.as_deref();
    html! {
        p class="why" { (text(&evidence.why)) }
        p class="place" {
            code class="long" { (text(&evidence.capture)) } ", " (evidence.place())
            @if evidence.length > 0 { ", " (plural(evidence.length, "octet")) }
        }
        (octets::filters(evidence, excerpt))
        @if let Some(excerpt) = excerpt { (octets::dump(evidence, excerpt)) }
        @if let Some(name) = picture {
            p {
                "Recovered picture: "
                @match view.picture_anchor(name) {
                    Some(anchor) => a href={ "#" (anchor) } { (text(name)) },
                    None => code { (text(name)) },
                }
                @if let Some(mark) = evidence.mark {
                    ", its mark: unit " (mark.unit) ", frame " (mark.frame) ", nonce "
                    code { (format!("{:08x}", mark.nonce)) }
                }
            }
        }
    }
}

/// Findings that pass or do not apply, a line each.
fn table(cell: &Cell<'_>, findings: &[&&Finding]) -> Markup {
    let name = format!("What else was judged: {}", cell.name());
    let table = html! {
        table class="passes" {
            caption class="vh" { (name) }
            thead {
                tr {
                    th scope="col" { "Verdict" } th scope="col" { "Stimulus" }
                    th scope="col" { "Condition" } th scope="col" { "Seen at" }
                    th scope="col" { "Session" } th scope="col" { "Assurance" }
                    th scope="col" { "What was seen" }
                }
            }
            tbody {
                @for finding in findings {
                    tr {
                        td { (sign(finding.verdict)) " " (finding.verdict.name()) }
                        td { (text(&finding.stimulus)) }
                        td { (text(&finding.condition)) }
                        td { (finding.vantage.map_or("-", |v| v.name())) }
                        td {
                            @match finding.session {
                                Some(session) => a href={ "#s" (session) } { (session) },
                                None => "-",
                            }
                        }
                        td { (finding.assurance.map_or("-", short)) }
                        td class="reason" { (text(&finding.reason)) }
                    }
                }
            }
        }
    };
    scroll(&name, &table)
}

fn short(assurance: Assurance) -> &'static str {
    match assurance {
        Assurance::Opened => "opened",
        Assurance::Identified => "identified",
        Assurance::Absence => "absence",
    }
}

fn assurance(finding: &Finding) -> &'static str {
    match (finding.verdict, finding.assurance) {
        (_, Some(Assurance::Opened)) => "opened: decrypted with the escrowed key, and read",
        (_, Some(Assurance::Identified)) => {
            "identified: its structure was seen, nothing was opened"
        }
        (_, Some(Assurance::Absence)) => "absence: no adversary succeeded",
        (Verdict::Fail, None) => "seen: the evidence below shows it",
        (_, None) => "none",
    }
}

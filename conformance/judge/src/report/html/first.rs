//! The first screen: conforms or not, which device, and what leaks.

use std::collections::BTreeSet;

use base64::{Engine, prelude::BASE64_STANDARD};
use maud::{Markup, html};

use super::{
    text,
    view::{Cell, View, class, number, plural, sign},
};
use crate::{
    mark::Mark,
    picture,
    verdict::{Evidence, Verdict},
};

/// How many leaks are shown as cards; the others are named.
const CARDS: usize = 8;
/// How much of what is not known is named.
const NAMED: usize = 20;

pub(super) fn skip_link(view: &View<'_>) -> Markup {
    let (target, words) = match view.leaks().is_empty() {
        false => ("#leak-1", "Skip to the first leak"),
        true => ("#main", "Skip to the report"),
    };
    html! { a class="skip" href=(target) { (words) } }
}

pub(super) fn head(view: &View<'_>) -> Markup {
    let report = view.report;
    let device = &report.declaration.device;
    let (kind, mark) = match report.exit_code() {
        0 => ("pass", sign(Verdict::Pass)),
        1 => ("fail", sign(Verdict::Fail)),
        4 => ("error", sign(Verdict::Error)),
        _ => ("inconclusive", sign(Verdict::Inconclusive)),
    };
    let conclusion = report.conclusion();
    let (first, rest) = conclusion.split_at(1);
    let strict = if report.strict { ", strict" } else { "" };
    html! {
        header class={ "head " (kind) } {
            p class="brand" { "lightleak" }
            h1 {
                span class="seal" aria-hidden="true" { (mark) }
                span { (first.to_uppercase()) (rest) }
            }
            p class="device" {
                bdi { (text(&device.vendor)) } " "
                bdi { strong { (text(&device.model)) } }
                " \u{b7} serial " bdi { (text(&device.serial)) }
                " \u{b7} firmware " bdi { (text(&device.firmware)) }
            }
            p class="meta" {
                "Profile " strong { (report.profile.name()) (strict) }
                " \u{b7} target " code { (text(&report.target)) }
                " \u{b7} seed " (report.seed)
                " \u{b7} unit " (device.unit)
            }
            ul class="counts" aria-label="Findings by verdict" {
                @for verdict in [
                    Verdict::Fail, Verdict::Error, Verdict::Inconclusive,
                    Verdict::Pass, Verdict::NotApplicable,
                ] {
                    @let count = report.summary.get(&verdict).copied().unwrap_or_default();
                    li class={ "count " (class(verdict)) @if count == 0 { " none" } } {
                        b { (number(count as u64)) } " " span { (verdict.name()) }
                    }
                }
            }
            nav aria-label="Parts of the report" {
                a href="#leaks" { @if view.leaks().is_empty() { "Proof" } @else { "Leaks" } }
                a href="#matrix" { "Matrix" }
                a href="#attribution" { "Octets" }
                a href="#findings" { "Findings" }
                a href="#sessions" { "Sessions" }
                a href="#claims" { "Claims" }
            }
        }
    }
}

pub(super) fn leaks(view: &View<'_>) -> Markup {
    let leaks = view.leaks();
    let mut shown = BTreeSet::new();
    let cards: Vec<_> = leaks
        .iter()
        .take(CARDS)
        .enumerate()
        .map(|(index, cell)| card(view, cell, index + 1, &mut shown))
        .collect();
    let pictures = view.pictures.iter();
    let others: Vec<_> = pictures.filter(|name| !shown.contains(**name)).collect();
    html! {
        section aria-labelledby="leaks" {
            @if leaks.is_empty() {
                (nothing_leaks(view))
            } @else {
                h2 id="leaks" { "What leaks" }
                p class="lead" {
                    (counted(&leaks))
                }
                div class="cards" { @for card in cards { (card) } }
                @if leaks.len() > CARDS {
                    p { "And also:" }
                    ul class="also" {
                        @for cell in &leaks[CARDS..] {
                            li { a href={ "#" (cell.anchor) } { (cell.name()) } ": " (reason(cell)) }
                        }
                    }
                }
            }
            @if !others.is_empty() {
                details class="gallery" {
                    summary { "More recovered pictures (" (others.len()) ")" }
                    div class="pictures" {
                        @for name in others { (figure(view, name)) }
                    }
                }
            }
        }
    }
}

/// How many requirements fail, on how many paths.
fn counted(leaks: &[&Cell<'_>]) -> String {
    let requirements: BTreeSet<_> = leaks.iter().map(|cell| cell.row.id).collect();
    let paths: BTreeSet<_> = leaks.iter().map(|cell| cell.path).collect();
    let (what, fail) = match requirements.len() {
        1 => ("1 requirement".to_owned(), "fails"),
        many => (format!("{many} requirements"), "fail"),
    };
    let paths = plural(paths.len(), "path");
    format!("{what} that a device must meet {fail}, on {paths}. What shows most comes first.")
}

fn nothing_leaks(view: &View<'_>) -> Markup {
    let report = view.report;
    let unknown = view.unknown();
    let rows = report.attribution.iter();
    let octets: u64 = rows.clone().map(|row| row.bytes.total()).sum();
    let unexplained: u64 = rows.clone().map(|row| row.bytes.unexplained).sum();
    let ledger: u64 = rows.clone().map(|row| row.ledger_bytes).sum();
    let matched: u64 = rows.map(|row| row.ledger_bytes_matched).sum();
    html! {
        @if unknown.is_empty() {
            h2 id="leaks" { "Nothing was found to leak" }
        } @else {
            h2 id="leaks" { "Not known" }
            p class="lead" { "Nothing was found to leak, and that says too little:" }
            ul class="also" {
                @for cell in unknown.iter().take(NAMED) {
                    li { a href={ "#" (cell.anchor) } { (cell.name()) } ": " (reason(cell)) }
                }
            }
            @if unknown.len() > NAMED {
                p { "And " (unknown.len() - NAMED) " more in the matrix." }
            }
        }
        dl class="facts proof" {
            div {
                dt { "Looked at" }
                dd { (plural(report.sessions.len(), "session")) " of " (plural(view.paths.len(), "path")) }
            }
            div { dt { "Octets seen" } dd { (number(octets)) } }
            div { dt { "Of them unexplained" } dd { (number(unexplained)) } }
            div {
                dt { "Plaintext found again in what the keys opened" }
                dd { (number(matched)) " of " (number(ledger)) " octets" }
            }
        }
    }
}

fn reason(cell: &Cell<'_>) -> String {
    let first = cell.findings.first();
    text(first.map_or("", |finding| finding.reason.as_str()))
}

fn card(view: &View<'_>, cell: &Cell<'_>, index: usize, shown: &mut BTreeSet<String>) -> Markup {
    let evidence = cell.findings.iter().flat_map(|finding| &finding.evidence);
    let mut names = evidence.filter_map(|evidence| evidence.picture.as_ref());
    let is_new = |name: &&String| view.picture_anchor(name).is_some() && !shown.contains(*name);
    let picture = names.find(is_new).cloned();
    let title = format!("leak-{index}-title");
    let fails = cell.count(Verdict::Fail);
    let stimuli: BTreeSet<String> = cell
        .findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Fail)
        .map(|finding| text(&finding.stimulus))
        .collect();
    let stimuli: Vec<String> = stimuli.into_iter().collect();
    let card = html! {
        article class="card" id={ "leak-" (index) } tabindex="-1" aria-labelledby=(title) {
            @if let Some(name) = &picture { (figure(view, name)) }
            div class="body" {
                p class="kicker" {
                    span class="chip fail" { (sign(Verdict::Fail)) " " (cell.level().name()) }
                    " " (cell.row.id) " \u{b7} " code { (text(cell.path)) }
                }
                h3 id=(title) { (reason(cell)) }
                p class="demand" { "Demanded: " (cell.row.title) "." }
                p class="done" {
                    (plural(fails, "finding")) ", under " (stimuli.join(", ")) "."
                }
                a class="open" href={ "#" (cell.anchor) } { "Evidence for " (cell.name()) }
            }
        }
    };
    shown.extend(picture);
    card
}

/// A recovered picture and what its mark says; it is in the page once.
fn figure(view: &View<'_>, name: &str) -> Markup {
    let Some(picture) = view.report.pictures.get(name) else {
        return html! {};
    };
    let octets = picture::png(picture);
    let anchor = view.picture_anchor(name).unwrap_or_default();
    let found = view.report.findings.iter().flat_map(|f| &f.evidence);
    let mut found = found.filter(|evidence| evidence.picture.as_deref() == Some(name));
    let mark = found.find_map(|evidence: &Evidence| evidence.mark);
    let source = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(octets));
    html! {
        figure id=(anchor) tabindex="-1" {
            img src=(source) width=(picture.width) height=(picture.height) decoding="async"
                alt={ "Picture recovered without a key, " (alternative(mark)) };
            figcaption {
                @match mark {
                    Some(mark) => {
                        "Its mark says: unit " b { (mark.unit) } ", frame " b { (mark.frame) }
                        ", nonce " code { (format!("{:08x}", mark.nonce)) }
                    }
                    None => "No mark could be read in it.",
                }
                @if picture.damaged { " Parts of it are damaged." }
            }
        }
    }
}

fn alternative(mark: Option<Mark>) -> String {
    match mark {
        Some(mark) => format!("frame {} of unit {}", mark.frame, mark.unit),
        None => "without a mark".into(),
    }
}

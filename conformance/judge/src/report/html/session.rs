//! The sessions: what was done in each, and when it sent how much.

use std::collections::{BTreeMap, BTreeSet};

use lightleak_case::Vantage;
use maud::{Markup, html};

use super::{
    attribution, plot, text,
    view::{View, plural},
};
use crate::report::{SessionSummary, exhibits::TimeLine};

/// Where evidence lies in each time line.
type Moments = BTreeMap<(usize, Vantage), BTreeSet<usize>>;

pub(super) fn section(view: &View<'_>) -> Markup {
    let moments = moments(view);
    html! {
        section aria-labelledby="sessions" {
            h2 id="sessions" { "Sessions" }
            p class="lead" { "What was done to the device, and when it sent how much." }
            @for session in &view.report.sessions { (details(view, session, &moments)) }
        }
    }
}

fn moments(view: &View<'_>) -> Moments {
    let exhibits = &view.report.exhibits;
    let mut moments = Moments::new();
    for finding in &view.report.findings {
        let (Some(session), Some(vantage)) = (finding.session, finding.vantage) else {
            continue;
        };
        let key = (session, vantage);
        let Some(line) = exhibits.time_lines.get(&key) else {
            continue;
        };
        for evidence in &finding.evidence {
            let excerpt = exhibits.excerpt(evidence);
            if let Some(time) = excerpt.and_then(|excerpt| excerpt.time_ns) {
                moments.entry(key).or_default().insert(line.part(time));
            }
        }
    }
    moments
}

fn details(view: &View<'_>, session: &SessionSummary, moments: &Moments) -> Markup {
    let exhibits = &view.report.exhibits;
    let steps = exhibits.steps.get(&session.id);
    let steps = steps.map(Vec::as_slice).unwrap_or_default();
    let rows = view.report.attribution.iter();
    html! {
        details class="group session" {
            summary {
                b { (session.id) } " " code { (text(&session.path)) } " "
                span class="title" {
                    (text(&session.stimulus)) ", condition " (text(&session.condition))
                }
            }
            div class="inside" id={ "s" (session.id) } tabindex="-1" role="group"
                aria-label={ "Session " (session.id) } {
                p { "Recorded in " code class="long" { (text(&session.folder)) } "." }
                @for vantage in Vantage::CAPTURED {
                    @let key = (session.id, *vantage);
                    @if let Some(line) = exhibits.time_lines.get(&key) {
                        (time_line(session.id, *vantage, line, moments.get(&key)))
                    }
                }
                (attribution::rows(rows.filter(|row| row.session == session.id)))
                @if !steps.is_empty() {
                    p { "What the client says that it did:" }
                    ol class="steps" { @for step in steps { li { (text(step)) } } }
                }
            }
        }
    }
}

fn time_line(
    session: usize,
    vantage: Vantage,
    line: &TimeLine,
    evidence: Option<&BTreeSet<usize>>,
) -> Markup {
    let evidence: Vec<_> = evidence.into_iter().flatten().copied().collect();
    let seconds = line.end_ns.saturating_sub(line.start_ns) as f64 / 1e9;
    let [sent, others] = [&line.sent, &line.others].map(|parts| parts.iter().sum::<u64>());
    let octets = |count: u64| plural(usize::try_from(count).unwrap_or(usize::MAX), "octet");
    let title = format!(
        "Session {session} at {} over {seconds:.2} s: the device sent {}, others {}{}",
        vantage.name(),
        octets(sent),
        octets(others),
        match evidence.len() {
            0 => String::new(),
            count => format!(", evidence at {}", plural(count, "moment")),
        }
    );
    html! {
        p class="plot-name" { (title) }
        (plot::time_line(&title, line, &evidence))
        p class="axis" aria-hidden="true" {
            span { "0 s" }
            span {
                span class="swatch sent" {} " device "
                span class="swatch others" {} " others "
                @if !evidence.is_empty() { span class="swatch unexplained" {} " evidence" }
            }
            span { (format!("{seconds:.2} s")) }
        }
    }
}

//! The report in the order of somebody else's clauses.

use std::fmt::Write as _;

use super::{Report, terminal::Style};
use crate::{
    requirement::{
        Reading,
        framework::{self, Framework, Mapping},
    },
    verdict::Verdict,
};

/// A clause, and what the requirements that bear on it say: the worst verdict of each
/// on any path. Those that were not judged are left out, and so is a clause on which
/// nothing that was judged bears.
pub fn clauses(
    report: &Report,
    framework: Framework,
) -> Vec<(Mapping, Vec<(&'static str, Verdict)>)> {
    let worst = |id: &'static str| {
        let own = report.findings.iter().filter(|f| f.requirement == id);
        let verdict = Verdict::worst(own.map(|f| f.verdict))?;
        Some((id, verdict))
    };
    framework::clauses(framework)
        .into_iter()
        .map(|(mapping, ids)| (mapping, ids.into_iter().filter_map(worst).collect()))
        .filter(|(_, judged): &(_, Vec<_>)| !judged.is_empty())
        .collect()
}

/// For people at a terminal: a line per clause, with what does not pass.
pub fn terminal(report: &Report, framework: Framework, style: Style) -> String {
    let clauses = clauses(report, framework);
    let width = clauses.iter().map(|(m, _)| m.clause.chars().count()).max();
    let width = width.unwrap_or_default();
    let mut out = format!("\n{}, {CAVEAT}\n", framework.document());
    for (mapping, judged) in &clauses {
        let _ = writeln!(
            out,
            "{:<width$}  {}  {}{}",
            mapping.clause,
            style.verdict(worst(judged)),
            odd(judged),
            read(*mapping),
        );
    }
    out
}

/// As Markdown: a table, to stand below the report's.
pub fn markdown(report: &Report, framework: Framework) -> String {
    let mut out = format!(
        "\n### {}\n\n{}.\n\n| clause | verdict | requirements |\n|---|---|---|\n",
        framework.document(),
        capital(CAVEAT)
    );
    for (mapping, judged) in clauses(report, framework) {
        let _ = writeln!(
            out,
            "| {} | {} | {}{} |",
            mapping.clause,
            worst(&judged).name(),
            odd(&judged),
            read(mapping)
        );
    }
    out
}

const CAVEAT: &str = "what was judged and bears on its clauses; that a clause is met takes more";

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

fn worst(judged: &[(&str, Verdict)]) -> Verdict {
    let verdicts = judged.iter().map(|(_, verdict)| *verdict);
    Verdict::worst(verdicts).unwrap_or(Verdict::Inconclusive)
}

/// The requirements that do not pass by name, the others by number.
fn odd(judged: &[(&str, Verdict)]) -> String {
    let holds = |verdict| matches!(verdict, Verdict::Pass | Verdict::NotApplicable);
    let holding = judged.iter().filter(|(_, verdict)| holds(*verdict)).count();
    let odd = judged.iter().filter(|(_, verdict)| !holds(*verdict));
    let mut parts: Vec<_> = odd
        .map(|(id, verdict)| format!("{id} {}", verdict.name()))
        .collect();
    if holding > 0 {
        parts.push(format!("{holding} of {} hold", judged.len()));
    }
    parts.join(", ")
}

fn read(mapping: Mapping) -> &'static str {
    match mapping.read {
        Reading::InText => "",
        Reading::SecondHand => " (clause read second-hand)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::{
            Finding,
            fixture::{finding, report},
        },
        requirement::Level,
    };

    fn judged() -> Report {
        let of = |requirement, verdict| Finding {
            requirement,
            ..finding(verdict, Level::Must)
        };
        report(vec![
            of("XC-01", Verdict::Pass),
            // The worst of all paths counts.
            of("XC-01", Verdict::Fail),
            of("XC-02", Verdict::Pass),
            of("IOT-01", Verdict::Inconclusive),
            of("TLS-01", Verdict::Pass),
        ])
    }

    #[test]
    fn clauses_come_in_their_order_with_what_bears_on_them() {
        let plain = Style { colour: false };
        insta::assert_snapshot!("terminal", terminal(&judged(), Framework::En303645, plain));
        insta::assert_snapshot!("markdown", markdown(&judged(), Framework::En303645));
    }

    #[test]
    fn a_clause_on_which_nothing_was_judged_is_left_out() {
        for framework in Framework::ALL {
            assert_eq!(clauses(&report(Vec::new()), *framework), []);
            let told = clauses(&judged(), *framework);
            assert!(told.iter().all(|(_, judged)| !judged.is_empty()));
        }
    }
}

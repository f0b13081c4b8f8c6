//! `lightleak list`: what there is.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use lightleak_judge::requirement::{self, Stimuli};
use lightleak_sim::{fault::MUTANTS, path};
use serde_json::{Value, json};

use super::{Failure, Outcome};
use crate::stimulus;

/// Options of `list`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to list.
    what: What,
    /// As JSON, schema `lightleak.list/1`.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// As a table in Markdown.
    #[arg(long)]
    markdown: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Transport paths of a simulated camera.
    Paths,
    /// What is done to a device.
    Stimuli,
    /// What is demanded of a device.
    Requirements,
    /// Cameras with one fault each.
    Mutants,
    /// Published known answers.
    Vectors,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let (name, rows) = rows(arguments.what);
    if arguments.json {
        let list = json!({ "schema": "lightleak.list/1", name: rows });
        println!(
            "{}",
            serde_json::to_string_pretty(&list).map_err(Failure::harness)?
        );
    } else if arguments.markdown {
        print!("{}", table(&rows, "| ", " | ", " |", true));
    } else {
        print!("{}", table(&rows, "", "  ", "", false));
    }
    Ok(0)
}

/// Name of the list, and its rows as objects whose first member is `id`.
fn rows(what: What) -> (&'static str, Vec<Value>) {
    match what {
        What::Paths => (
            "paths",
            path::ALL
                .iter()
                .map(|p| json!({ "id": p.id, "port": p.listen.port, "title": p.title }))
                .collect(),
        ),
        What::Stimuli => (
            "stimuli",
            stimulus::ALL.iter().map(|s| json!({ "id": s.id, "title": s.title })).collect(),
        ),
        What::Requirements => ("requirements", requirement::all().map(requirement_row).collect()),
        What::Mutants => (
            "mutants",
            MUTANTS
                .iter()
                .map(|m| {
                    json!({
                        "id": m.id, "path": m.path, "expected": m.expected,
                        "story": m.story, "source": m.source,
                    })
                })
                .collect(),
        ),
        What::Vectors => (
            "vectors",
            lightleak_vectors::sets()
                .iter()
                .map(|s| {
                    json!({ "id": s.id, "source": s.source, "clause": s.clause, "cases": s.cases })
                })
                .collect(),
        ),
    }
}

fn requirement_row(row: &requirement::Requirement) -> Value {
    let stimuli = match row.stimuli {
        Stimuli::All => vec!["*"],
        Stimuli::Only(ids) => ids.to_vec(),
    };
    json!({
        "id": row.id, "level": row.level, "standard": row.standard, "title": row.title,
        "stimuli": stimuli,
        "source": format!("{} {}", row.source.document, row.source.clause),
        "quote": row.source.text, "read": row.source.read,
    })
}

/// A line per row, columns aligned; in Markdown with a head.
fn table(rows: &[Value], left: &str, between: &str, right: &str, head: bool) -> String {
    let names: Vec<&String> = rows
        .first()
        .and_then(Value::as_object)
        .map(|o| o.keys().collect())
        .unwrap_or_default();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" "),
        other => other.to_string(),
    };
    let mut lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| names.iter().map(|name| text(&row[name.as_str()])).collect())
        .collect();
    if head {
        lines.insert(0, names.iter().map(ToString::to_string).collect());
        lines.insert(1, names.iter().map(|_| "---".into()).collect());
    }
    let widths: Vec<usize> = (0..names.len())
        .map(|column| {
            lines
                .iter()
                .map(|l| l[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut out = String::new();
    for line in lines {
        let cells: Vec<_> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        let _ = writeln!(out, "{left}{}{right}", cells.join(between).trim_end());
    }
    out
}

//! `lightleak list`: what there is.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use lightleak_judge::requirement::{
    self, Stimuli,
    framework::{self, Framework},
};
use lightleak_sim::{fault::Mutant, path};
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
    /// What labs and authorities ask for, clause by clause, and what bears on it.
    Frameworks,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let list = arguments.what.list();
    if arguments.json {
        let list = json!({ "schema": "lightleak.list/1", list.name: list.rows });
        println!(
            "{}",
            serde_json::to_string_pretty(&list).map_err(Failure::harness)?
        );
    } else if arguments.markdown {
        print!("{}", list.table(list.columns, "| ", " | ", " |", true));
    } else {
        print!(
            "{}",
            list.table(&list.columns[..list.brief], "", "  ", "", false)
        );
    }
    Ok(0)
}

/// A list: rows are objects with these columns as members, the first `brief`
/// of which do for a person.
struct List {
    name: &'static str,
    columns: &'static [&'static str],
    brief: usize,
    rows: Vec<Value>,
}

impl What {
    fn list(self) -> List {
        match self {
            What::Paths => List {
                name: "paths",
                columns: &["id", "port", "title"],
                brief: 3,
                rows: path::ALL
                    .iter()
                    .map(|p| json!({ "id": p.id, "port": p.port(), "title": p.title }))
                    .collect(),
            },
            What::Stimuli => List {
                name: "stimuli",
                columns: &["id", "title"],
                brief: 2,
                rows: stimulus::ALL
                    .iter()
                    .map(|s| json!({ "id": s.id, "title": s.title }))
                    .collect(),
            },
            What::Requirements => List {
                name: "requirements",
                columns: &[
                    "id",
                    "level",
                    "stimuli",
                    "title",
                    "indispensable",
                    "standard",
                    "source",
                    "quote",
                    "read",
                ],
                brief: 4,
                rows: requirement::all().map(requirement_row).collect(),
            },
            What::Mutants => List {
                name: "mutants",
                columns: &["id", "expected", "story", "path", "source"],
                brief: 3,
                rows: Mutant::all().map(mutant_row).collect(),
            },
            What::Frameworks => List {
                name: "frameworks",
                columns: &["id", "clause", "requirements", "document", "read"],
                brief: 3,
                rows: Framework::ALL
                    .iter()
                    .copied()
                    .flat_map(framework_rows)
                    .collect(),
            },
            What::Vectors => List {
                name: "vectors",
                columns: &["id", "source", "clause", "cases"],
                brief: 4,
                rows: lightleak_vectors::sets().iter().map(vector_row).collect(),
            },
        }
    }
}

fn mutant_row(mutant: &Mutant) -> Value {
    json!({
        "id": mutant.id, "path": mutant.path, "expected": mutant.expected,
        "story": mutant.story, "source": mutant.source,
    })
}

fn framework_rows(framework: Framework) -> Vec<Value> {
    let row = |(mapping, requirements): (framework::Mapping, Vec<_>)| {
        json!({
            "id": framework.id(), "document": framework.document(), "clause": mapping.clause,
            "read": mapping.read, "requirements": requirements,
        })
    };
    framework::clauses(framework).into_iter().map(row).collect()
}

fn vector_row(set: &lightleak_vectors::Set) -> Value {
    json!({ "id": set.id, "source": set.source, "clause": set.clause, "cases": set.cases })
}

fn requirement_row(row: &requirement::Requirement) -> Value {
    let stimuli = match row.stimuli {
        Stimuli::All => vec!["*"],
        Stimuli::Only(ids) => ids.to_vec(),
    };
    json!({
        "id": row.id, "level": row.level, "standard": row.standard, "title": row.title,
        "stimuli": stimuli, "indispensable": row.indispensable,
        "source": format!("{} {}", row.source.document, row.source.clause),
        "quote": row.source.text, "read": row.source.read,
    })
}

impl List {
    /// A line per row, columns aligned; in Markdown with a head.
    fn table(
        &self,
        columns: &[&str],
        left: &str,
        between: &str,
        right: &str,
        head: bool,
    ) -> String {
        let text = |value: &Value| match value {
            Value::Null => "-".into(),
            Value::String(text) => text.clone(),
            Value::Array(items) => items
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(" "),
            other => other.to_string(),
        };
        let mut lines: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| columns.iter().map(|name| text(&row[*name])).collect())
            .collect();
        if head {
            lines.insert(0, columns.iter().map(ToString::to_string).collect());
            lines.insert(1, columns.iter().map(|_| "---".into()).collect());
        }
        let widths: Vec<usize> = (0..columns.len())
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
}

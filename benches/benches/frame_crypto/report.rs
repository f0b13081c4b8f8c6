//! What was measured: for people a table in Markdown, for programs JSON as
//! `conformance/schema/bench.schema.json` says.

use std::{
    fmt::{self, Write},
    fs,
    path::Path,
};

use lightleak_peer::Side;
use lightleak_sim::seal::sframe::Library;
use serde_json::{Value, json};

use crate::{
    contender::Kind,
    limit::{AWS_LC_CTR, AWS_LC_GCM, MEMCPY, RING_GCM},
    machine::{self, Machine},
};

/// How fast a contender is at a suite, a size and a side.
pub struct Row {
    /// The suite.
    pub suite: &'static str,
    /// Octets of a frame.
    pub frame_bytes: usize,
    /// Sealing or opening.
    pub side: Side,
    /// Who.
    pub contender: String,
    /// What it is to us.
    pub kind: Kind,
    /// The median of what a frame takes.
    pub seconds: f64,
    /// How many times as fast ours is, by the medians of both, taken by turns.
    pub ours_per_theirs: f64,
}

impl Row {
    fn bytes_per_second(&self) -> f64 {
        self.frame_bytes as f64 / self.seconds
    }
}

/// What is to be reached: the start of a suite's name, frames from so many octets to
/// so many, of the library that seals, and of the best peer.
const TARGETS: &[(&str, usize, usize, f64, f64)] = &[
    ("SFRAME_AES_128_GCM_SHA256", 4 << 10, 4 << 10, 0.90, 1.5),
    ("SFRAME_AES_128_GCM_SHA256", 64 << 10, 64 << 10, 0.95, 1.5),
    ("AEAD_AES_128_GCM", 16 << 10, 256 << 10, 0.90, 1.2),
    ("AES_CM_128_HMAC_SHA1_80", 16 << 10, 256 << 10, 0.90, 1.0),
];

/// The name of a side in tables and files.
pub fn op(side: Side) -> &'static str {
    match side {
        Side::Seal => "seal",
        Side::Open => "open",
    }
}

/// What was measured, for people.
pub struct Report<'a> {
    /// All that was measured.
    pub rows: &'a [Row],
    /// On what, before.
    pub machine: &'a Machine,
    /// Who was compared, and how each was built.
    pub peers: &'a [String],
}

/// A document in Markdown: the command, the machine, the peers, whether the targets
/// are reached, and the table.
impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Cargo adds the last one.
        let arguments = std::env::args().skip(1).filter(|word| word != "--bench");
        let arguments: Vec<String> = arguments.collect();
        let arguments = arguments.join(" ");
        writeln!(
            f,
            "    cargo bench -p lightleak-benches --bench frame_crypto -- {arguments}\n"
        )?;
        for (name, fact) in self.machine.facts() {
            writeln!(f, "- {name}: {fact}")?;
        }
        writeln!(f, "- load at the end: {}", machine::load())?;
        for peer in self.peers {
            writeln!(f, "- {peer}")?;
        }
        self.targets(f)?;
        self.table(f)
    }
}

impl Report<'_> {
    fn groups(&self) -> impl Iterator<Item = &[Row]> {
        self.rows.chunk_by(|a, b| place(a) == place(b))
    }

    fn table(&self, f: &mut impl Write) -> fmt::Result {
        writeln!(
            f,
            "\n| suite | op | KiB | GB/s | frames/s | of its library | of the best peer | limits, GB/s (ours is so many times as fast) | peers |"
        )?;
        writeln!(f, "|---|---|---:|---:|---:|---:|---:|---|---|")?;
        for group in self.groups() {
            let Some(ours) = group.iter().find(|row| row.kind == Kind::Ours) else {
                continue;
            };
            writeln!(
                f,
                "| {} | {} | {} | {} | {:.0} | {} | {} | {} | {} |",
                ours.suite,
                op(ours.side),
                ours.frame_bytes >> 10,
                gigabytes(ours),
                1.0 / ours.seconds,
                ratio(library(group)),
                ratio(best_peer(group)),
                list(group, Kind::Limit),
                list(group, Kind::Peer),
            )?;
        }
        Ok(())
    }

    fn targets(&self, f: &mut impl Write) -> fmt::Result {
        writeln!(
            f,
            "\n| target (sealing) | KiB | of its library | of the best peer | |"
        )?;
        writeln!(f, "|---|---:|---:|---:|---|")?;
        for group in self.groups() {
            for &(suite, least, most, of_library, of_peer) in TARGETS {
                let (row, sizes) = (&group[0], least..=most);
                if row.suite != suite || row.side != Side::Seal || !sizes.contains(&row.frame_bytes)
                {
                    continue;
                }
                let (Some(library), Some(peer)) = (library(group), best_peer(group)) else {
                    continue;
                };
                let (library, peer) = (library.ours_per_theirs, peer.ours_per_theirs);
                let reached = library >= of_library && peer >= of_peer;
                writeln!(
                    f,
                    "| {suite} | {} | {library:.3} ({of_library:.2}) | {peer:.2} ({of_peer:.1}) | {} |",
                    row.frame_bytes >> 10,
                    if reached { "reached" } else { "MISSED" },
                )?;
            }
        }
        Ok(())
    }
}

/// Writes the file.
pub fn write(rows: &[Row], machine: &Machine, file: &Path) {
    let row = |row: &Row| {
        json!({
            "scenario": "frame_crypto",
            "suite": if row.contender == MEMCPY { "-" } else { row.suite },
            "frame_bytes": row.frame_bytes,
            "op": op(row.side),
            "contender": row.contender,
            "kind": match row.kind {
                Kind::Ours => "ours",
                Kind::Limit => "limit",
                Kind::Peer => "peer",
            },
            "median_bytes_per_s": row.bytes_per_second().round(),
        })
    };
    let facts = machine
        .facts()
        .map(|(name, fact)| (name.to_owned(), fact.into()));
    let content = json!({
        "schema": "lightleak.bench/1",
        "rows": rows.iter().map(row).collect::<Value>(),
        "machine": Value::Object(facts.collect()),
    });
    save(file, &format!("{content:#}\n"));
}

/// Writes a text, and says where.
///
/// # Panics
///
/// If it can't be written.
pub fn save(file: &Path, text: &str) {
    match fs::write(file, text) {
        Ok(()) => println!("written: {}", file.display()),
        Err(error) => panic!("write {}: {error}", file.display()),
    }
}

fn place(row: &Row) -> (&str, usize, Side) {
    (row.suite, row.frame_bytes, row.side)
}

/// The row of the library that ours stands on.
fn library(group: &[Row]) -> Option<&Row> {
    let name = match group[0].suite {
        suite if !suite.contains("GCM") => AWS_LC_CTR,
        suite if suite.starts_with("SFRAME") && Library::fastest() == Library::AwsLc => AWS_LC_GCM,
        _ => RING_GCM,
    };
    group.iter().find(|row| row.contender == name)
}

fn best_peer(group: &[Row]) -> Option<&Row> {
    let peers = group.iter().filter(|row| row.kind == Kind::Peer);
    peers.min_by(|a, b| a.ours_per_theirs.total_cmp(&b.ours_per_theirs))
}

/// All of a kind, the fastest first.
fn list(group: &[Row], kind: Kind) -> String {
    let mut rows: Vec<&Row> = group.iter().filter(|row| row.kind == kind).collect();
    rows.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let words = rows.iter().map(|row| {
        let (speed, ratio) = (gigabytes(row), row.ours_per_theirs);
        format!("{} {speed} ({ratio:.2})", row.contender)
    });
    words.collect::<Vec<_>>().join(", ")
}

fn gigabytes(row: &Row) -> String {
    format!("{:.2}", row.bytes_per_second() / 1e9)
}

fn ratio(row: Option<&Row>) -> String {
    row.map_or("-".to_owned(), |row| format!("{:.2}", row.ours_per_theirs))
}

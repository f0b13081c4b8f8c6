//! What was measured: for people a table in Markdown, for programs JSON as
//! `conformance/schema/bench.schema.json` says.

use std::{fs, path::Path};

use lightleak_peer::Side;
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

/// Prints the table, and whether the targets are reached.
pub fn print(rows: &[Row], machine: &Machine) {
    let groups = || rows.chunk_by(|a, b| place(a) == place(b));
    println!(
        "\n| suite | op | KiB | GB/s | frames/s | of its library | of the best peer | limits, GB/s (ours is so many times as fast) | peers |"
    );
    println!("|---|---|---:|---:|---:|---:|---:|---|---|");
    for group in groups() {
        let Some(ours) = group.iter().find(|row| row.kind == Kind::Ours) else {
            continue;
        };
        println!(
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
        );
    }
    println!("\n| target (sealing) | KiB | of its library | of the best peer | |");
    println!("|---|---:|---:|---:|---|");
    for group in groups() {
        for &(suite, least, most, of_library, of_peer) in TARGETS {
            let (row, sizes) = (&group[0], least..=most);
            if row.suite != suite || row.side != Side::Seal || !sizes.contains(&row.frame_bytes) {
                continue;
            }
            if let (Some(library), Some(peer)) = (library(group), best_peer(group)) {
                let reached =
                    library.ours_per_theirs >= of_library && peer.ours_per_theirs >= of_peer;
                println!(
                    "| {suite} | {} | {:.3} ({of_library:.2}) | {:.2} ({of_peer:.1}) | {} |",
                    row.frame_bytes >> 10,
                    library.ours_per_theirs,
                    peer.ours_per_theirs,
                    if reached { "reached" } else { "MISSED" },
                );
            }
        }
    }
    println!();
    for (name, fact) in machine.facts() {
        println!("{name}: {fact}");
    }
    println!("load at the end: {}", machine::load());
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
    let written = fs::write(file, format!("{content:#}\n"));
    match written {
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
        suite if suite.starts_with("SFRAME") => AWS_LC_GCM,
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

//! What sealing and opening costs: the results of a benchmark, to stand beside the
//! verdicts.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The schema of results that can be shown.
const SCHEMA: &str = "lightleak.bench/1";

/// Results of a benchmark (`conformance/schema/bench.schema.json`).
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Throughput {
    schema: String,
    rows: Vec<Row>,
    /// Facts of the machine, and what was compiled.
    pub machine: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Row {
    scenario: String,
    suite: String,
    frame_bytes: u64,
    op: String,
    contender: String,
    kind: String,
    median_bytes_per_s: f64,
}

/// What ours reaches in one task, beside others in the same run.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared<'a> {
    /// Scenario, suite (its name in the registry), and operation: `seal` or `open`.
    pub task: [&'a str; 3],
    /// Octets of a frame.
    pub frame_bytes: u64,
    /// Octets of frames per second.
    pub bytes_per_s: f64,
    /// In proportion to the fastest of what bounds the same suite.
    pub of_limit: Option<f64>,
    /// In proportion to the fastest of other implementations, and which that is.
    pub of_peer: Option<(&'a str, f64)>,
}

impl Throughput {
    /// Reads results; an error says what is wrong with them, and where.
    pub fn read(json: &[u8]) -> Result<Self, String> {
        let schema =
            |schema: &str| format!("its schema is {schema:?}, and only {SCHEMA:?} is known");
        let read = match serde_json::from_slice::<Self>(json) {
            Ok(read) => read,
            Err(error) => {
                let any: Option<serde_json::Value> = serde_json::from_slice(json).ok();
                let other = any.as_ref().and_then(|any| any["schema"].as_str());
                let other = other.filter(|other| *other != SCHEMA);
                return Err(other.map_or_else(|| error.to_string(), schema));
            }
        };
        if read.schema != SCHEMA {
            return Err(schema(&read.schema));
        }
        for (index, row) in read.rows.iter().enumerate() {
            let median = row.median_bytes_per_s;
            if !(median.is_finite() && median > 0.0) {
                let [scenario, suite, op] = row.task();
                return Err(format!(
                    "rows[{index}] ({scenario}, {suite}, {op}): median_bytes_per_s is {median}, \
                     and has to be more than 0"
                ));
            }
        }
        match read.compared().count() {
            0 => Err("no row is of kind \"ours\"".into()),
            _ => Ok(read),
        }
    }

    /// What was measured of ours, in the order of the results.
    pub fn compared(&self) -> impl Iterator<Item = Compared<'_>> {
        let ours = self.rows.iter().filter(|row| row.kind == "ours");
        ours.map(|own| {
            let fastest = |kind: &str| {
                let same = self.rows.iter().filter(|row| {
                    row.kind == kind
                        && row.task() == own.task()
                        && row.frame_bytes == own.frame_bytes
                });
                let fastest =
                    same.max_by(|a, b| a.median_bytes_per_s.total_cmp(&b.median_bytes_per_s))?;
                Some((
                    &*fastest.contender,
                    own.median_bytes_per_s / fastest.median_bytes_per_s,
                ))
            };
            Compared {
                task: own.task(),
                frame_bytes: own.frame_bytes,
                bytes_per_s: own.median_bytes_per_s,
                of_limit: fastest("limit").map(|(_, share)| share),
                of_peer: fastest("peer"),
            }
        })
    }
}

impl Row {
    fn task(&self) -> [&str; 3] {
        [&self.scenario, &self.suite, &self.op]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// One task with a limit and two peers, and one of another suite alone.
    pub(in crate::report) fn results() -> Throughput {
        let row = |suite: &str, kind: &str, contender: &str, median: f64| {
            json!({
                "scenario": "frame_crypto", "suite": suite, "frame_bytes": 4096, "op": "seal",
                "contender": contender, "kind": kind, "median_bytes_per_s": median,
            })
        };
        let results = json!({
            "schema": SCHEMA,
            "machine": { "cpu": "a <fast> one" },
            "rows": [
                row("AEAD_AES_128_GCM", "ours", "lightleak", 4.0e9),
                row("AEAD_AES_128_GCM", "limit", "an AEAD", 5.0e9),
                row("-", "limit", "memcpy", 30.0e9),
                row("AEAD_AES_128_GCM", "peer", "slow", 1.0e9),
                row("AEAD_AES_128_GCM", "peer", "quick", 2.0e9),
                row("AEAD_AES_256_GCM", "ours", "lightleak", 3.0e9),
            ],
        });
        Throughput::read(results.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn ours_is_put_beside_the_fastest_of_each_kind() {
        let results = results();
        let compared: Vec<_> = results.compared().collect();
        assert_eq!(compared.len(), 2);
        assert_eq!(
            compared[0].task,
            ["frame_crypto", "AEAD_AES_128_GCM", "seal"]
        );
        assert_eq!(compared[0].of_limit, Some(0.8));
        assert_eq!(compared[0].of_peer, Some(("quick", 2.0)));
        assert_eq!((compared[1].of_limit, compared[1].of_peer), (None, None));
    }

    #[test]
    fn what_are_no_results_is_said() {
        let told = |json: &str| Throughput::read(json.as_bytes()).unwrap_err();
        assert!(told("{").contains("line 1"), "{}", told("{"));
        assert_eq!(
            told(r#"{"schema": "lightleak.report/1"}"#),
            "its schema is \"lightleak.report/1\", and only \"lightleak.bench/1\" is known"
        );
        let lacking = told(r#"{"schema": "lightleak.bench/1", "machine": {}}"#);
        assert!(lacking.contains("missing field `rows`"), "{lacking}");
        let empty = r#"{"schema": "lightleak.bench/1", "machine": {}, "rows": []}"#;
        assert_eq!(told(empty), "no row is of kind \"ours\"");
        for median in ["0", "-1e9"] {
            let row = format!(
                r#"{{"scenario": "s", "suite": "-", "frame_bytes": 1, "op": "seal",
                    "contender": "memcpy", "kind": "limit", "median_bytes_per_s": {median}}}"#
            );
            let json = empty.replace("[]", &format!("[{row}]"));
            assert!(told(&json).starts_with("rows[0] (s, -, seal): median_bytes_per_s is"));
        }
    }
}

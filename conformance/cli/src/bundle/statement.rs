//! What is signed: a statement of in-toto (Statement v1) whose predicate is a
//! certificate of ours.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lab::{ErrorRates, Lab};

/// The value of `_type` (in-toto attestation, spec/v1/statement.md).
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// What our predicate types begin with; a version follows.
pub const PREDICATE_TYPES: &str = "urn:lightleak:certificate:";
/// The predicate type that this version makes and reads.
pub const PREDICATE_TYPE: &str = "urn:lightleak:certificate:1";

/// The digest of a file that is always there.
pub const SHA256: &str = "sha256";
/// The digest of a file that may be left out: SHA-256 of its salt and its octets. No
/// algorithm of in-toto's list, so it has a name of its own.
pub const SALTED: &str = "lightleak-salted-sha256";

/// The statement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Statement {
    /// Always [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub kind: String,
    /// Every file of the bundle but those that are not signed: the statement itself,
    /// the salts and the time stamp.
    pub subject: Vec<Subject>,
    /// [`PREDICATE_TYPE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// What is said of them.
    pub predicate: Certificate,
}

/// A file and its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Its name in the bundle.
    pub name: String,
    /// [`SHA256`] or [`SALTED`], in hexadecimal.
    pub digest: BTreeMap<String, String>,
}

/// Why a statement is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Its JSON is not that of a statement.
    #[error("is no in-toto statement: {0}")]
    Malformed(String),
    /// It speaks of something else.
    #[error("its {0} is {1:?}, expected {2:?}")]
    Other(&'static str, String, &'static str),
    /// Somebody made it with another version.
    #[error(
        "is a certificate of version {0}, and this lightleak ({version}) reads version 1; \
         use the lightleak that made it, or a newer one",
        version = env!("CARGO_PKG_VERSION")
    )]
    Version(String),
}

impl Statement {
    /// Reads the payload of an envelope. What it is, is looked at first: fields of
    /// another version must not be reported as damage.
    pub fn read(payload: &[u8]) -> Result<Self, StatementError> {
        #[derive(Deserialize)]
        struct Header {
            #[serde(rename = "_type", default)]
            kind: String,
            #[serde(rename = "predicateType", default)]
            predicate_type: String,
        }
        let malformed = |e: serde_json::Error| StatementError::Malformed(e.to_string());
        let header: Header = serde_json::from_slice(payload).map_err(malformed)?;
        if header.kind != STATEMENT_TYPE {
            return Err(StatementError::Other("_type", header.kind, STATEMENT_TYPE));
        }
        if header.predicate_type != PREDICATE_TYPE {
            return Err(match header.predicate_type.strip_prefix(PREDICATE_TYPES) {
                Some(version) => StatementError::Version(version.to_owned()),
                None => {
                    StatementError::Other("predicateType", header.predicate_type, PREDICATE_TYPE)
                }
            });
        }
        serde_json::from_slice(payload).map_err(malformed)
    }

    /// Its JSON.
    pub fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The predicate. Field by field in `conformance/schema/certificate.md`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Certificate {
    /// Whether the case is certified; if not, `reasons` says why not.
    pub certified: bool,
    /// What keeps it from being certified; empty if nothing does.
    pub reasons: Vec<String>,
    /// What it speaks of.
    pub certifies: Certifies,
    /// When it was signed, by the clock of who signed (RFC 3339).
    pub issued: String,
    /// Who judged.
    pub tool: Tool,
    /// Fingerprint of the key that signs.
    pub key: String,
    /// How much was demanded.
    pub profile: String,
    /// Whether the report conforms.
    pub conforms: bool,
    /// Findings per verdict.
    pub summary: BTreeMap<String, usize>,
    /// How the verdicts became this decision.
    pub decision_rule: String,
    /// What the device declares of itself.
    pub device: Device,
    /// What the lab states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lab: Option<Lab>,
    /// How the case came to be.
    pub recorded: Recorded,
    /// What the marks say that the judge read.
    pub nonce: Nonce,
    /// How surely it is known, path by path.
    pub paths: Vec<Path>,
    /// How often the judge errs, as measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_rates: Option<ErrorRates>,
    /// Files that may be left out.
    pub redactable: Vec<Redactable>,
    /// What was scrubbed.
    pub scrubbed: Scrubbed,
    /// Folders of the case in which nothing was found, which an archive of files does
    /// not hold: somebody looked there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub empty_folders: Vec<String>,
}

/// What a certificate speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certifies {
    /// Somebody's device.
    Device,
    /// A simulated one: the framing of its captures was synthesised.
    Simulator,
}

/// The program that judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
}

/// What the device declares of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Device {
    pub vendor: String,
    pub model: String,
    pub serial: String,
    pub firmware: String,
    pub unit: u16,
}

/// How the case came to be, as its captures tell it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// Who made the case: `lab`, `vendor`, `simulator` or `unknown`.
    pub by: String,
    /// Time of the first packet (RFC 3339), by the clock of the tap.
    pub first: Option<String>,
    /// Time of the last one.
    pub last: Option<String>,
    /// Whether some capture of the wire has synthesised framing.
    pub synthesised_framing: bool,
    /// How many sessions there are.
    pub sessions: usize,
    /// How often each path, stimulus and condition was recorded, at least.
    pub repeats: usize,
}

/// Nonces, as 8 hexadecimal digits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Nonce {
    /// The one that the lab chose.
    pub chosen: Option<String>,
    /// Those in the marks that the judge read, and how often.
    pub read: BTreeMap<String, usize>,
}

/// How surely it is known of a path.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Path {
    /// Its id.
    pub path: String,
    /// What class it belongs to.
    pub class: String,
    /// The least assurance that a path of this class needs.
    pub minimum: String,
    /// What was reached in every honest session.
    pub reached: String,
    /// Passes of its Must, per assurance.
    pub passes: BTreeMap<String, usize>,
}

/// A file that may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redactable {
    /// Its name in the bundle.
    pub name: String,
    /// Why: it holds `keys`, or `pictures` (or sounds).
    pub holds: String,
    /// SHA-256 of its salt.
    pub salt_sha256: String,
}

/// What was scrubbed of tokens and passwords.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scrubbed {
    /// Files whose content is not as it was recorded.
    pub files: Vec<String>,
    /// Findings that rest on what was scrubbed, as they are without it: who judges
    /// again finds these instead.
    pub findings: Vec<Without>,
}

/// A finding, as it is without what was scrubbed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Without {
    /// Its number in the report, from 0.
    pub finding: usize,
    /// Id of the requirement.
    pub requirement: String,
    /// The verdict.
    pub verdict: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        Statement::read(json.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn another_version_is_named_before_its_fields() {
        let statement = |kind: &str, predicate: &str| {
            format!(r#"{{"_type":"{kind}","predicateType":"{predicate}","subject":7}}"#)
        };
        assert!(
            error(&statement(STATEMENT_TYPE, "urn:lightleak:certificate:2"))
                .starts_with("is a certificate of version 2, and this lightleak (")
        );
        assert_eq!(
            error(&statement(STATEMENT_TYPE, "https://slsa.dev/provenance/v1")),
            r#"its predicateType is "https://slsa.dev/provenance/v1", expected "urn:lightleak:certificate:1""#
        );
        assert!(
            error(&statement(
                "https://in-toto.io/Statement/v2",
                PREDICATE_TYPE
            ))
            .starts_with("its _type is")
        );
        assert!(
            error(&statement(STATEMENT_TYPE, PREDICATE_TYPE))
                .starts_with("is no in-toto statement")
        );
        assert!(error("7").starts_with("is no in-toto statement"));
    }
}

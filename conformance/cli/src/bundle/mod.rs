//! Signed bundles: a case, its report and a signed statement about both in one file
//! that can be checked years later, without us (`conformance/schema/certificate.md`).

pub mod archive;
pub mod certify;
mod decide;
pub mod envelope;
pub mod key;
pub mod lab;
mod out;
pub mod redact;
mod scrub;
mod staging;
pub mod statement;
pub mod timestamp;
pub mod verify;

use std::{fmt::Write as _, io, path::PathBuf};

/// The first file: the envelope with the statement.
pub const STATEMENT: &str = "statement.dsse.json";
/// The public key of who signed.
pub const KEY: &str = "key.pub";
/// The salts of the files that may be left out, as far as these are there.
pub const SALTS: &str = "salts.json";
/// The report.
pub const REPORT: &str = "report/report.json";

/// What the name of a time stamp begins with; SHA-256 of its octets and `.tsr` follow,
/// because no signature covers it but its own.
const TIME_STAMP: &str = "timestamp-";
/// The folder of the case.
const CASE: &str = "case";

/// Octets of the longest statement, and of the longest file of salts.
const STATEMENT_LIMIT: u64 = 64 << 20;
/// Octets of the longest report.
const REPORT_LIMIT: u64 = 1 << 30;

/// Why a bundle can't be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The user has to change something.
    #[error("{0}")]
    Usage(String),
    /// The system refused.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// The case can't be read.
    #[error("read the case: {0}")]
    Case(#[from] lightleak_case::Error),
}

/// Where a file stands in a bundle: what the others are checked with comes first, the
/// rest is in the order of its octets.
fn order(name: &str) -> (u8, &str) {
    let rank = match name {
        STATEMENT => 0,
        KEY => 1,
        SALTS => 2,
        _ if is_time_stamp(name) => 3,
        _ => 4,
    };
    (rank, name)
}

fn is_time_stamp(name: &str) -> bool {
    name.starts_with(TIME_STAMP) && name.ends_with(".tsr")
}

/// Octets in lower-case hexadecimal.
fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

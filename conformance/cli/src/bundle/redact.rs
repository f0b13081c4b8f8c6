//! Which files hold what nobody else needs to see: escrowed keys, and pictures and
//! sounds.

use std::{collections::BTreeSet, path::Path};

use lightleak_case::{Case, Vantage};
use lightleak_judge::report::Report;

use super::{BundleError, CASE};

/// What a file of a bundle holds that may be left out, if anything.
pub(super) struct Sensitive {
    /// Captures with secrets in them.
    keyed: BTreeSet<String>,
    /// What evidence of a leak points to: it may show the picture.
    leaking: BTreeSet<String>,
}

impl Sensitive {
    /// Looks at a case and its report.
    pub(super) fn of(case: &Case, report: &Report) -> Self {
        let mut keyed = BTreeSet::new();
        for session in &case.sessions {
            for (vantage, capture) in &session.captures {
                if !capture.secrets.is_empty() {
                    let file = vantage.file();
                    keyed.insert(format!("{CASE}/{}/{file}", session.folder));
                }
            }
        }
        let evidence = report.failures().flat_map(|finding| &finding.evidence);
        let leaking = evidence.map(|evidence| format!("{CASE}/{}", evidence.capture));
        Self {
            keyed,
            leaking: leaking.collect(),
        }
    }

    /// What the file of that name holds: `keys` or `pictures`.
    pub(super) fn holds(&self, name: &str) -> Option<&'static str> {
        let parts: Vec<_> = name.split('/').collect();
        match parts[..] {
            [CASE, "sessions", _, "keys.log"] => Some("keys"),
            _ if self.keyed.contains(name) => Some("keys"),
            [CASE, "sessions", _, "ledger" | "played", ..] | [CASE, "decoy", ..] => {
                Some("pictures")
            }
            ["report", picture] if picture.ends_with(".png") => Some("pictures"),
            _ if self.leaking.contains(name) => Some("pictures"),
            _ => None,
        }
    }
}

/// Whether framing was synthesised in a capture of the wire: no network was there.
/// What a server or a viewer holds between two protections never has another.
pub(super) fn is_synthesised(case: &Case) -> bool {
    let captures = case
        .sessions
        .iter()
        .filter_map(|session| session.captures.get(&Vantage::Wire));
    let mut interfaces = captures.flat_map(|capture| &capture.interfaces);
    interfaces.any(|interface| interface.description.contains("synthesised"))
}

/// Refuses to write where something is.
pub(super) fn must_be_free(file: &Path) -> Result<(), BundleError> {
    match std::fs::symlink_metadata(file) {
        Ok(_) => Err(BundleError::Usage(format!(
            "{} exists and is not overwritten; name another file, or remove it yourself",
            file.display()
        ))),
        Err(_) => Ok(()),
    }
}

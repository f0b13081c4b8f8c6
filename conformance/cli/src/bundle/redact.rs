//! Which files hold what nobody else needs to see: escrowed keys, and pictures and
//! sounds; and a copy of a bundle without them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufReader},
    path::Path,
};

use lightleak_case::{Case, Vantage};
use lightleak_judge::report::Report;

use super::{
    BundleError, CASE, SALTS,
    archive::Reader,
    certify::salts_json,
    out::{must_be_free, save},
    verify::check,
};

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

/// Makes a copy of a bundle without escrowed keys and pictures: a new bundle, which must
/// not exist. The signature stands, and the rest verifies as before. How many files were
/// left out.
pub fn redact(bundle: &Path, out: &Path) -> Result<usize, BundleError> {
    must_be_free(out)?;
    let checked = check(bundle, None, None)?;
    let certificate = match checked.certificate {
        Some(certificate) if checked.problems.is_empty() => certificate,
        _ => {
            return Err(BundleError::Usage(format!(
                "{} is not as it was signed, and is not copied; `lightleak verify` says what is wrong",
                bundle.display()
            )));
        }
    };
    let redactable = certificate.redactable.into_iter().map(|file| file.name);
    let redactable: BTreeSet<_> = redactable.collect();
    let mut left_out = 0;
    let file = File::open(bundle).map_err(|e| BundleError::Io(bundle.to_owned(), e))?;
    save(out, |archive| {
        let mut reader = Reader::new(BufReader::new(&file));
        while let Some(entry) = reader.entry().map_err(io::Error::other)? {
            let mut octets = Vec::new();
            if redactable.contains(&entry.name) {
                left_out += 1;
                let drop = |_: &[u8]| Ok(());
                reader.content(&entry, drop).map_err(io::Error::other)?;
            } else if entry.name == SALTS {
                let read = |part: &[u8]| {
                    octets.extend_from_slice(part);
                    Ok(())
                };
                reader.content(&entry, read).map_err(io::Error::other)?;
                let salts: BTreeMap<String, String> = serde_json::from_slice(&octets)?;
                let kept = salts.iter().filter(|(name, _)| !redactable.contains(*name));
                let json = salts_json(&kept.collect());
                archive.entry(SALTS, json.len() as u64, &*json)?;
            } else {
                archive
                    .copy(&entry, &mut reader)
                    .map_err(io::Error::other)?;
            }
        }
        Ok(())
    })?;
    Ok(left_out)
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

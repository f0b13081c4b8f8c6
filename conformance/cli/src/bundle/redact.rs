//! Which files hold what nobody else needs to see: escrowed keys, and pictures and
//! sounds; and a copy of a bundle without them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufReader, Seek as _},
    path::Path,
};

use lightleak_case::{Case, Vantage};
use lightleak_judge::report::Report;

use super::{
    BundleError, CASE, SALTS,
    archive::Reader,
    certify::salts_json,
    out::{must_be_free, save},
    verify::{check, small_file},
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
    let failed = |e: io::Error| BundleError::Io(bundle.to_owned(), e);
    let mut file = File::open(bundle).map_err(failed)?;
    let salts = small_file(&file, SALTS).map(|json| serde_json::from_slice(&json));
    let salts = salts.transpose().map_err(|e| failed(e.into()))?;
    let mut salts: BTreeMap<String, String> = salts.unwrap_or_default();
    salts.retain(|name, _| !redactable.contains(name));
    file.rewind().map_err(failed)?;
    let mut left_out = 0;
    save(out, |archive| {
        let mut reader = Reader::new(BufReader::new(&file));
        while let Some(entry) = reader.entry().map_err(io::Error::other)? {
            let is_left_out = redactable.contains(&entry.name);
            left_out += usize::from(is_left_out);
            if is_left_out || entry.name == SALTS {
                let drop = |_: &[u8]| Ok(());
                reader.content(&entry, drop).map_err(io::Error::other)?;
            } else {
                archive
                    .copy(&entry, &mut reader)
                    .map_err(io::Error::other)?;
            }
            if entry.name == SALTS {
                let json = salts_json(&salts.iter().collect());
                archive.entry(SALTS, json.len() as u64, &*json)?;
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

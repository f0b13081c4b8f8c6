//! Checks a bundle: who signed, and that every octet is as it was signed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, BufReader, Read as _, Write as _},
    path::Path,
};

use ed25519_dalek::VerifyingKey;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    BundleError, KEY, REPORT, REPORT_LIMIT, SALTS, STATEMENT, STATEMENT_LIMIT, TIME_STAMP,
    archive::{ArchiveError, Entry, Reader},
    certify::salts_json,
    envelope::Envelope,
    hex, is_time_stamp,
    key::{fingerprint, parse_public},
    order,
    scrub::SCRUBBED,
    statement::{Certificate, SALTED, SHA256, Statement},
    timestamp::{self, TimeStamp},
};

/// Something that is not as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file in the bundle; empty if it is the bundle as a whole.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Checked {
    /// What is not as it was signed; empty if nothing is.
    pub problems: Vec<Problem>,
    /// What the statement says. Nobody should read it while there are problems.
    pub certificate: Option<Certificate>,
    /// Fingerprint of the key that signed, if the signature holds.
    pub signer: Option<String>,
    /// Files that are there and as they were signed.
    pub intact: usize,
    /// Files that were left out, as it may be.
    pub left_out: Vec<String>,
    /// When the signature was stamped, if it was: the stamp's own signature was not
    /// checked.
    pub time_stamp: Option<String>,
}

/// How many problems are told.
const MOST: usize = 100;

/// Checks a bundle. Without `key` the signature is checked with the key in the bundle,
/// and says only that nothing changed since somebody signed. With `extract`, the case
/// and the report are put into that folder.
pub fn check(
    bundle: &Path,
    key: Option<&VerifyingKey>,
    extract: Option<&Path>,
) -> Result<Checked, BundleError> {
    let failed = |e: io::Error| BundleError::Io(bundle.to_owned(), e);
    let file = File::open(bundle).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(BundleError::Usage(format!(
            "{} is not a file; a bundle is one",
            bundle.display()
        )));
    }
    let mut check = Check {
        key,
        extract,
        checked: Checked::default(),
        expected: BTreeMap::new(),
        salts: None,
        envelope: None,
        last: None,
    };
    match check.read(&mut Reader::new(BufReader::new(file))) {
        Ok(()) | Err(ArchiveError::Damaged(_)) => {
            check.make_empty_folders().map_err(failed)?;
            Ok(check.checked)
        }
        Err(ArchiveError::Io(e)) => Err(failed(e)),
    }
}

/// A small file of a bundle, if it is there.
pub fn small_file(bundle: &File, name: &str) -> Option<Vec<u8>> {
    let mut reader = Reader::new(BufReader::new(bundle));
    while let Ok(Some(entry)) = reader.entry() {
        let mut octets = Vec::new();
        let wanted = entry.name == name && entry.size <= REPORT_LIMIT;
        let part = |part: &[u8]| {
            if wanted {
                octets.extend_from_slice(part);
            }
            Ok(())
        };
        reader.content(&entry, part).ok()?;
        if wanted {
            return Some(octets);
        }
    }
    None
}

/// Where a judged report differs from the one in a bundle, in words; empty if it says
/// the same.
pub fn differences(certificate: &Certificate, signed: &Value, again: &Value) -> Vec<String> {
    let mut differences = Vec::new();
    // Another version may say the same in other words.
    let is_same_tool = signed["tool"] == again["tool"];
    let rests: BTreeMap<_, _> = certificate
        .scrubbed
        .findings
        .iter()
        .map(|finding| (finding.finding, finding))
        .collect();
    let list = |report: &Value| report["findings"].as_array().cloned().unwrap_or_default();
    let (before, after) = (list(signed), list(again));
    if before.len() != after.len() {
        differences.push(format!(
            "the report has {} findings, and judged again {}",
            before.len(),
            after.len()
        ));
    }
    for (index, (before, after)) in before.iter().zip(&after).enumerate() {
        let id = |finding: &Value| {
            let of = |field: &str| finding[field].as_str().unwrap_or("-").to_owned();
            format!(
                "{} {} under {}",
                of("requirement"),
                of("path"),
                of("stimulus")
            )
        };
        let known = ["verdict", "assurance", "level", "vantage"];
        let holds = match rests.get(&index) {
            Some(without) => {
                after["verdict"] == without.verdict.as_str()
                    && after["requirement"] == without.requirement.as_str()
            }
            None if is_same_tool && !before.to_string().contains(SCRUBBED) => before == after,
            None => known.iter().all(|field| before[field] == after[field]),
        };
        if !holds || id(before) != id(after) {
            differences.push(format!(
                "{}: {} in the report, {} ({}) judged again",
                id(before),
                before["verdict"].as_str().unwrap_or("-"),
                after["verdict"].as_str().unwrap_or("-"),
                after["reason"].as_str().unwrap_or("-"),
            ));
        }
    }
    let mut whole = vec!["sessions"];
    if is_same_tool {
        whole.extend(["attribution"]);
    }
    if rests.is_empty() {
        whole.push("conforms");
    }
    for field in whole {
        if signed[field] != again[field] {
            differences.push(format!("{field} is not the same judged again"));
        }
    }
    differences
}

/// A file that was signed.
struct Leaf {
    algorithm: String,
    digest: String,
    /// Hash of its salt, if it may be left out.
    salt: Option<String>,
    seen: bool,
}

struct Check<'a> {
    key: Option<&'a VerifyingKey>,
    extract: Option<&'a Path>,
    checked: Checked,
    expected: BTreeMap<String, Leaf>,
    salts: Option<BTreeMap<String, String>>,
    envelope: Option<Envelope>,
    last: Option<String>,
}

impl Check<'_> {
    fn read(&mut self, reader: &mut Reader<impl io::Read>) -> Result<(), ArchiveError> {
        loop {
            match reader.entry() {
                Ok(None) => break,
                Ok(Some(entry)) => {
                    if let Some(last) = &self.last
                        && order(last) >= order(&entry.name)
                    {
                        self.problem(&entry.name, "is not in its place, or there twice");
                    }
                    if self.last.is_none() && entry.name != STATEMENT {
                        let what = format!("is the first file; a bundle begins with {STATEMENT}");
                        self.problem(&entry.name, what);
                        return Ok(());
                    }
                    if order(&entry.name) > order(KEY) && self.checked.certificate.is_none() {
                        self.problem(KEY, "is missing");
                        return Ok(());
                    }
                    self.last = Some(entry.name.clone());
                    if let Err(e) = self.entry(reader, &entry) {
                        self.damaged(Some(&entry.name), &e);
                        return Err(e);
                    }
                    if self.checked.problems.len() >= MOST || self.is_hopeless() {
                        return Ok(());
                    }
                }
                Err(e) => {
                    self.damaged(None, &e);
                    return Err(e);
                }
            }
        }
        self.missing();
        Ok(())
    }

    /// Whether there is no statement to check anything with.
    fn is_hopeless(&self) -> bool {
        match self.last.as_deref() {
            Some(STATEMENT) => self.envelope.is_none(),
            _ => self.checked.certificate.is_none(),
        }
    }

    fn entry(
        &mut self,
        reader: &mut Reader<impl io::Read>,
        entry: &Entry,
    ) -> Result<(), ArchiveError> {
        let limit = match entry.name.as_str() {
            STATEMENT | SALTS => Some(STATEMENT_LIMIT),
            KEY => Some(64 << 10),
            name if is_time_stamp(name) => Some(timestamp::LIMIT),
            _ => None,
        };
        if limit.is_some_and(|limit| entry.size > limit) {
            let what = format!("has {} octets, more than any has", entry.size);
            return Err(ArchiveError::Damaged(what));
        }
        let salt = self.salts.as_ref().and_then(|salts| salts.get(&entry.name));
        let mut hash = Sha256::new();
        hash.update(salt.and_then(|salt| octets(salt)).unwrap_or_default());
        let is_signed = self.expected.contains_key(&entry.name);
        let mut file = match self.extract {
            Some(folder) if is_signed => Some(create(&folder.join(&entry.name))?),
            _ => None,
        };
        let mut whole = Vec::new();
        reader.content(entry, |part| {
            hash.update(part);
            if limit.is_some() {
                whole.extend_from_slice(part);
            }
            file.as_mut().map_or(Ok(()), |file| file.write_all(part))
        })?;
        let digest = hex(&hash.finalize());
        match entry.name.as_str() {
            STATEMENT => self.statement(&whole),
            KEY => self.public_key(&whole, &digest),
            SALTS => self.salts(&whole),
            name if is_time_stamp(name) => self.time_stamp(name, &whole, &digest),
            name => self.leaf(name, &digest),
        }
        Ok(())
    }

    fn statement(&mut self, json: &[u8]) {
        match Envelope::read(json) {
            Ok(envelope) => self.envelope = Some(envelope),
            Err(e) => self.problem(STATEMENT, e.to_string()),
        }
    }

    /// Now the signature can be checked, with this key or the one that is trusted.
    fn public_key(&mut self, pem: &[u8], digest: &str) {
        let Some(envelope) = self.envelope.take() else {
            return;
        };
        let within = std::str::from_utf8(pem).ok().and_then(parse_public);
        let signer = match (self.key, &within) {
            (Some(key), _) => *key,
            (None, Some(key)) => *key,
            (None, None) => {
                return self.problem(KEY, "is not an Ed25519 public key in PEM");
            }
        };
        let said = fingerprint(&signer);
        let payload = match envelope.open(&signer) {
            Ok(payload) => payload,
            Err(e) => {
                // Without a signature that holds, the statement says what its writer
                // wished; it may say which of the two was changed since.
                let payload = envelope.payload().unwrap_or_default();
                let of_key = Statement::read(&payload).ok().and_then(|statement| {
                    let mut subjects = statement.subject.into_iter();
                    subjects.find(|s| s.name == KEY)?.digest.remove(SHA256)
                });
                let is_changed = of_key.is_some_and(|signed| signed != digest);
                if self.key.is_none() && is_changed && envelope.key_id() != said {
                    self.problem(KEY, "is not the key that signed");
                } else {
                    let what = format!("{e} (sha256:{said})");
                    self.problem(STATEMENT, what);
                    self.problem(KEY, "may have been changed, too");
                }
                return;
            }
        };
        if envelope.key_id() != said {
            self.problem(STATEMENT, "names another key than the one that signed");
        }
        let statement = match Statement::read(&payload) {
            Ok(statement) => statement,
            Err(e) => return self.problem(STATEMENT, e.to_string()),
        };
        self.envelope = Some(envelope);
        self.checked.signer = Some(said);
        let mut salts: BTreeMap<_, _> = statement
            .predicate
            .redactable
            .iter()
            .map(|file| (file.name.clone(), file.salt_sha256.clone()))
            .collect();
        for subject in statement.subject {
            let Some((algorithm, signed)) = subject.digest.into_iter().next() else {
                self.problem(&subject.name, "is signed without a digest");
                continue;
            };
            let leaf = Leaf {
                algorithm,
                digest: signed,
                salt: salts.remove(&subject.name),
                seen: false,
            };
            self.expected.insert(subject.name, leaf);
        }
        self.checked.certificate = Some(statement.predicate);
        self.leaf(KEY, digest);
    }

    /// A salt has one form, belongs to a file that may be left out, and is the one
    /// whose hash was signed.
    fn salts(&mut self, json: &[u8]) {
        let parsed = serde_json::from_slice::<BTreeMap<String, String>>(json).ok();
        let form = |salts: &BTreeMap<String, String>| salts_json(&salts.iter().collect()) == json;
        let Some(salts) = parsed.filter(form) else {
            self.salts = Some(BTreeMap::new());
            return self.problem(SALTS, "is not in the form that certify writes");
        };
        let is_known = |name: &str, salt: &str| {
            let signed = self.expected.get(name).and_then(|leaf| leaf.salt.as_ref());
            let salt = octets(salt).map(|salt| hex(&Sha256::digest(salt)));
            signed.is_some() && signed == salt.as_ref()
        };
        let strange: Vec<_> = salts
            .iter()
            .filter(|(name, salt)| !is_known(name, salt))
            .map(|(name, _)| format!("the salt of {name:?} is not the one that was signed"))
            .collect();
        for what in strange {
            self.problem(SALTS, what);
        }
        self.salts = Some(salts);
    }

    fn time_stamp(&mut self, name: &str, der: &[u8], digest: &str) {
        if name != format!("{TIME_STAMP}{digest}.tsr") {
            return self.problem(name, "its octets are not the ones that its name says");
        }
        let signature = self.envelope.as_ref().and_then(|e| e.signature().ok());
        let stamp = TimeStamp::read(der)
            .and_then(|stamp| stamp.check(&signature.unwrap_or_default()).map(|()| stamp));
        match stamp {
            Ok(stamp) => self.checked.time_stamp = Some(stamp.time),
            Err(e) => self.problem(name, e.to_string()),
        }
    }

    fn leaf(&mut self, name: &str, digest: &str) {
        let is_salted = self.salts.as_ref().is_some_and(|s| s.contains_key(name));
        let Some(leaf) = self.expected.get_mut(name) else {
            return self.problem(name, "was not signed: it was added or renamed");
        };
        leaf.seen = true;
        let what = match leaf.algorithm.as_str() {
            SHA256 | SALTED if leaf.digest == digest => {
                self.checked.intact += 1;
                return;
            }
            SALTED if !is_salted => format!("its salt is missing in {SALTS}"),
            SHA256 | SALTED => "is not as it was signed".into(),
            other => format!("is signed by {other:?}, which is not known here"),
        };
        self.problem(name, what);
    }

    /// What was signed and is not there. Who leaves a file out takes its salt with it.
    fn missing(&mut self) {
        if self.checked.certificate.is_none() {
            if self.checked.problems.is_empty() {
                self.problem(KEY, "is missing");
            }
            return;
        }
        let Some(salts) = self.salts.take() else {
            return self.problem(SALTS, "is missing");
        };
        let mut missing = Vec::new();
        for (name, leaf) in self.expected.iter().filter(|(_, leaf)| !leaf.seen) {
            match leaf.salt.is_some() && !salts.contains_key(name) {
                true => self.checked.left_out.push(name.clone()),
                false => missing.push(name.clone()),
            }
        }
        for name in missing.iter().take(MOST) {
            self.problem(name, "is missing");
        }
    }

    fn make_empty_folders(&self) -> io::Result<()> {
        let (Some(extract), Some(certificate)) = (self.extract, &self.checked.certificate) else {
            return Ok(());
        };
        for name in &certificate.empty_folders {
            super::archive::check_name(name).map_err(io::Error::other)?;
            fs::create_dir_all(extract.join(name))?;
        }
        Ok(())
    }

    /// The archive can't be read further: which file that is about, as far as it can
    /// be told from what was expected.
    fn damaged(&mut self, within: Option<&str>, error: &ArchiveError) {
        let ArchiveError::Damaged(what) = error else {
            return;
        };
        let behind = self.last.clone();
        let file = match (within, &behind) {
            (Some(name), _) => name.to_owned(),
            (None, None) => STATEMENT.to_owned(),
            (None, Some(last)) => self.next_behind(last).unwrap_or_default(),
        };
        let place = behind.map_or_else(String::new, |last| match within {
            Some(_) => String::new(),
            None => format!(" (behind {last})"),
        });
        self.problem(&file, format!("{what}{place}; nothing behind it was read"));
    }

    /// The file that should follow.
    fn next_behind(&self, last: &str) -> Option<String> {
        if order(last) < order(KEY) {
            return Some(KEY.to_owned());
        }
        if order(last) < order(SALTS) {
            return Some(SALTS.to_owned());
        }
        let is_there = |name: &str, leaf: &Leaf| {
            let salts = self.salts.as_ref();
            leaf.salt.is_none() || salts.is_some_and(|salts| salts.contains_key(name))
        };
        let following: BTreeSet<_> = self
            .expected
            .iter()
            .filter(|(name, leaf)| order(name) > order(last) && is_there(name, leaf))
            .map(|(name, _)| order(name))
            .collect();
        following.first().map(|(_, name)| (*name).to_owned())
    }

    fn problem(&mut self, file: &str, what: impl Into<String>) {
        self.checked.problems.push(Problem {
            file: file.to_owned(),
            what: what.into(),
        });
    }
}

/// The report that [`check`] extracted.
pub fn extracted_report(folder: &Path) -> Result<Value, BundleError> {
    let path = folder.join(REPORT);
    let failed = |e: io::Error| BundleError::Io(path.clone(), e);
    let mut octets = Vec::new();
    let file = File::open(&path).map_err(failed)?;
    file.take(REPORT_LIMIT)
        .read_to_end(&mut octets)
        .map_err(failed)?;
    serde_json::from_slice(&octets).map_err(|e| failed(e.into()))
}

fn create(file: &Path) -> io::Result<File> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    File::options().write(true).create_new(true).open(file)
}

fn octets(hex: &str) -> Option<Vec<u8>> {
    let is_digit = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    if !hex.bytes().all(is_digit) || hex.len() != 64 {
        return None;
    }
    let pair = |at| u8::from_str_radix(&hex[at..at + 2], 16).ok();
    (0..hex.len()).step_by(2).map(pair).collect()
}

//! Makes a bundle: judges a case anew, decides, scrubs, and signs.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Seek as _},
    path::Path,
    time::SystemTime,
};

use ed25519_dalek::SigningKey;
use lightleak_case::{Case, Session, Vantage};
use lightleak_judge::{
    decoder::Decoder,
    picture,
    report::{Options, Report},
    requirement::Profile,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{
    BundleError, CASE, KEY, REPORT, SALTS, STATEMENT, TIME_STAMP,
    archive::Reader,
    decide::{Facts, RULE, date},
    envelope::{Envelope, IN_TOTO},
    hex, is_time_stamp,
    key::{fingerprint, public_pem},
    lab::{ErrorRates, Lab},
    order,
    out::{folder, must_be_free, save},
    redact::Sensitive,
    scrub::Secrets,
    staging,
    statement::{
        Certificate, Device, PREDICATE_TYPE, Redactable, SALTED, SHA256, STATEMENT_TYPE, Scrubbed,
        Statement, Subject, Tool, Without,
    },
    timestamp::{LIMIT, TimeStamp},
};

/// What to certify, and as who.
pub struct Request<'a> {
    /// Folder of the case.
    pub case: &'a Path,
    /// The key of the lab.
    pub key: &'a SigningKey,
    /// The bundle to make, which must not exist.
    pub out: &'a Path,
    /// How much is demanded.
    pub profile: Profile,
    /// What the lab states.
    pub lab: Option<Lab>,
    /// How often the judge errs.
    pub error_rates: Option<ErrorRates>,
    /// Whether to leave out escrowed keys and pictures.
    pub redact: bool,
}

/// What was issued.
pub struct Issued {
    /// What the bundle says.
    pub certificate: Certificate,
    /// What the report's exit code is.
    pub report_code: u8,
    /// The octets of the signature, for a time stamp.
    pub signature: Vec<u8>,
    /// How many files were left out.
    pub left_out: usize,
}

/// Judges a case and writes the bundle. What is not certified is issued, too, and says
/// why not: a lab reports what it found.
pub fn certify(request: &Request<'_>, decoder: &dyn Decoder) -> Result<Issued, BundleError> {
    must_be_free(request.out)?;
    let folder = folder(request.out);
    let failed = |e: io::Error| BundleError::Io(folder.to_owned(), e);
    let staging = tempfile::tempdir_in(folder).map_err(failed)?;
    let root = staging.path().join(CASE);
    fs::create_dir(&root).map_err(failed)?;
    let mut names = staging::copy(request.case, &root)?;
    for name in &mut names {
        *name = format!("{CASE}/{name}");
    }
    let case = Case::read(&root)?;
    let judge = |case: &Case| {
        let options = Options {
            profile: request.profile,
            strict: false,
            selected: &|_| true,
        };
        Report::judge(case, decoder, options)
    };
    let report = judge(&case);
    let facts = Facts {
        case: &case,
        report: &report,
        lab: request.lab.as_ref(),
        error_rates: request.error_rates.as_ref(),
    };
    let mut decision = facts.decide();

    let secrets = Secrets::of(&case);
    for reason in &mut decision.reasons {
        if let Some(scrubbed) = secrets.scrub(reason) {
            *reason = scrubbed;
        }
    }
    let mut json = json(&report)?;
    let files = secrets.scrub_case(&root, &case)?;
    let mut scrubbed = Scrubbed::default();
    if !files.is_empty() {
        scrubbed.files = files.iter().map(|name| format!("{CASE}/{name}")).collect();
        let without = self::json(&judge(&Case::read(&root)?))?;
        scrubbed.findings = differing(&json, &without);
    }
    secrets.scrub_report(&mut json);

    fs::create_dir(staging.path().join("report")).map_err(failed)?;
    let mut write = |name: &str, octets: &[u8]| {
        names.push(name.to_owned());
        fs::write(staging.path().join(name), octets).map_err(failed)
    };
    let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
    text.push('\n');
    write(REPORT, text.as_bytes())?;
    write(KEY, public_pem(&request.key.verifying_key()).as_bytes())?;
    for (name, picture) in &report.pictures {
        write(name, &picture::png(picture))?;
    }
    names.sort_by(|a, b| order(a).cmp(&order(b)));

    let sensitive = Sensitive::of(&case, &report);
    let leaves = Leaves::of(staging.path(), &names, &sensitive)?;
    let certificate = Certificate {
        certified: decision.reasons.is_empty(),
        reasons: decision.reasons,
        certifies: decision.certifies,
        issued: SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()
            .and_then(date)
            .unwrap_or_default(),
        tool: Tool {
            name: report.tool.name.into(),
            version: report.tool.version.into(),
        },
        key: fingerprint(&request.key.verifying_key()),
        profile: request.profile.name().into(),
        conforms: report.conforms,
        summary: summary(&json),
        decision_rule: RULE.into(),
        device: Device {
            vendor: report.declaration.device.vendor.clone(),
            model: report.declaration.device.model.clone(),
            serial: report.declaration.device.serial.clone(),
            firmware: report.declaration.device.firmware.clone(),
            unit: report.declaration.device.unit,
        },
        lab: request.lab.clone(),
        recorded: decision.recorded,
        nonce: decision.nonce,
        paths: decision.paths,
        error_rates: request.error_rates.clone(),
        redactable: leaves.redactable,
        scrubbed,
        empty_folders: empty_folders(&case),
    };
    let statement = Statement {
        kind: STATEMENT_TYPE.into(),
        subject: leaves.subjects,
        predicate_type: PREDICATE_TYPE.into(),
        predicate: certificate.clone(),
    };
    let envelope = Envelope::sign(IN_TOTO, &statement.write(), request.key);
    let is_there = |name: &str| !request.redact || !leaves.salts.contains_key(name);
    let salts: BTreeMap<_, _> = leaves
        .salts
        .iter()
        .filter(|(name, _)| is_there(name))
        .collect();
    let there: Vec<_> = names.iter().filter(|name| is_there(name)).collect();
    save(request.out, |archive| {
        let mut put = |name: &str, octets: &[u8]| archive.entry(name, octets.len() as u64, octets);
        put(STATEMENT, &envelope.write())?;
        put(KEY, public_pem(&request.key.verifying_key()).as_bytes())?;
        put(SALTS, &salts_json(&salts))?;
        for name in there.iter().filter(|name| **name != KEY) {
            let file = File::open(staging.path().join(name))?;
            archive.entry(name, file.metadata()?.len(), file)?;
        }
        Ok(())
    })?;
    Ok(Issued {
        certificate,
        report_code: report.exit_code(),
        signature: envelope.signature().unwrap_or_default(),
        left_out: names.len() - there.len(),
    })
}

/// Attaches a time stamp (RFC 3161) of its signature to a bundle: a new bundle, which
/// must not exist.
pub fn attach(bundle: &Path, time_stamp: &Path, out: &Path) -> Result<TimeStamp, BundleError> {
    must_be_free(out)?;
    let usage =
        |file: &Path, what: String| BundleError::Usage(format!("{}: {what}", file.display()));
    let mut octets = Vec::new();
    File::open(time_stamp)
        .and_then(|file| file.take(LIMIT).read_to_end(&mut octets))
        .map_err(|e| usage(time_stamp, e.to_string()))?;
    let stamp = TimeStamp::read(&octets).map_err(|e| usage(time_stamp, e.to_string()))?;
    let mut file = File::open(bundle).map_err(|e| usage(bundle, e.to_string()))?;
    let statement = super::verify::small_file(&file, STATEMENT);
    let envelope = statement
        .ok_or_else(|| usage(bundle, "is no bundle of lightleak".into()))
        .and_then(|json| {
            Envelope::read(&json).map_err(|e| usage(bundle, format!("{STATEMENT} {e}")))
        })?;
    let signature = envelope
        .signature()
        .map_err(|e| usage(bundle, e.to_string()))?;
    stamp
        .check(&signature)
        .map_err(|e| usage(time_stamp, e.to_string()))?;
    file.rewind()
        .map_err(|e| BundleError::Io(bundle.to_owned(), e))?;
    let name = format!("{TIME_STAMP}{}.tsr", hex(&Sha256::digest(&octets)));
    save(out, |archive| {
        let mut reader = Reader::new(io::BufReader::new(&file));
        let mut stamped = false;
        while let Some(entry) = reader.entry().map_err(io::Error::other)? {
            if is_time_stamp(&entry.name) {
                return Err(io::Error::other("it has a time stamp already"));
            }
            if !stamped && order(&entry.name) > order(&name) {
                archive.entry(&name, octets.len() as u64, &*octets)?;
                stamped = true;
            }
            archive
                .copy(&entry, &mut reader)
                .map_err(io::Error::other)?;
        }
        Ok(())
    })?;
    Ok(stamp)
}

/// The files of a bundle, as they are signed.
struct Leaves {
    subjects: Vec<Subject>,
    redactable: Vec<Redactable>,
    /// In hexadecimal, by the name of the file.
    salts: BTreeMap<String, String>,
}

impl Leaves {
    fn of(root: &Path, names: &[String], sensitive: &Sensitive) -> Result<Self, BundleError> {
        let mut leaves = Self {
            subjects: Vec::new(),
            redactable: Vec::new(),
            salts: BTreeMap::new(),
        };
        for name in names {
            let path = root.join(name);
            let failed = |e: io::Error| BundleError::Io(path.clone(), e);
            let mut hash = Sha256::new();
            let mut algorithm = SHA256;
            if let Some(holds) = sensitive.holds(name) {
                let mut salt = [0; 32];
                getrandom::fill(&mut salt).map_err(|e| failed(io::Error::other(e)))?;
                hash.update(salt);
                algorithm = SALTED;
                leaves.salts.insert(name.clone(), hex(&salt));
                leaves.redactable.push(Redactable {
                    name: name.clone(),
                    holds: holds.into(),
                    salt_sha256: hex(&Sha256::digest(salt)),
                });
            }
            let mut file = File::open(&path).map_err(failed)?;
            let mut buffer = vec![0; 64 << 10];
            loop {
                match file.read(&mut buffer).map_err(failed)? {
                    0 => break,
                    read => hash.update(&buffer[..read]),
                }
            }
            leaves.subjects.push(Subject {
                name: name.clone(),
                digest: [(algorithm.to_owned(), hex(&hash.finalize()))].into(),
            });
        }
        Ok(leaves)
    }
}

/// Where somebody looked at what is stored, and nothing was.
fn empty_folders(case: &Case) -> Vec<String> {
    let is_empty = |session: &&Session| session.rest.as_ref().is_some_and(|rest| rest.is_empty());
    let sessions = case.sessions.iter().filter(is_empty);
    let name = |session: &Session| format!("{CASE}/{}/{}", session.folder, Vantage::Rest.file());
    sessions.map(name).collect()
}

/// The one form of the salts.
pub(super) fn salts_json(salts: &BTreeMap<&String, &String>) -> Vec<u8> {
    serde_json::to_vec(salts).unwrap_or_default()
}

/// The findings that are others without what was scrubbed, as they then are.
fn differing(report: &Value, without: &Value) -> Vec<Without> {
    let findings = |report: &Value| report["findings"].as_array().cloned().unwrap_or_default();
    let pairs = findings(report).into_iter().zip(findings(without));
    let differ = pairs
        .enumerate()
        .filter(|(_, (with, without))| with != without);
    differ
        .map(|(finding, (_, without))| Without {
            finding,
            requirement: without["requirement"].as_str().unwrap_or_default().into(),
            verdict: without["verdict"].as_str().unwrap_or_default().into(),
        })
        .collect()
}

fn json(report: &Report) -> Result<Value, BundleError> {
    serde_json::to_value(report).map_err(|e| BundleError::Io(REPORT.into(), e.into()))
}

fn summary(report: &Value) -> BTreeMap<String, usize> {
    serde_json::from_value(report["summary"].clone()).unwrap_or_default()
}

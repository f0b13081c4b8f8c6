//! What a lab states beside the case (ISO/IEC 17025:2017, 7.8.2): schema
//! `lightleak.lab/1`, a TOML file that the lab writes by hand.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{BundleError, hex};

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lab {
    /// Always [`Lab::SCHEMA`].
    pub schema: String,
    /// Name of the lab.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Number of its accreditation, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accreditation: Option<String>,
    /// Who recorded the case.
    pub recorded_by: Recorder,
    /// First day of recording, `2026-11-30`.
    pub begun: String,
    /// Last day of recording.
    pub ended: String,
    /// The nonce that the lab chose for the marks: 8 hexadecimal digits.
    pub nonce: String,
    /// SHA-256 of the firmware image, in hexadecimal.
    pub firmware_sha256: String,
    /// Version of the app that was used, `none` if there is none.
    pub app_version: String,
    /// Version of the portal that was used, `none` if there is none.
    pub portal_version: String,
    /// Region of the account and of the vendor's servers.
    pub region: String,
    /// Tier of the account.
    pub account_tier: String,
    /// What the lab adds to the decision rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_rule: Option<String>,
}

/// Who recorded a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recorder {
    /// The lab: it can be certified.
    Lab,
    /// The vendor: it can fail, and is never certified.
    Vendor,
}

impl Lab {
    /// The value of `schema`.
    pub const SCHEMA: &str = "lightleak.lab/1";

    /// Reads the file. What is missing, unknown or malformed is an error that says so.
    pub fn read(file: &Path) -> Result<Self, BundleError> {
        let text = read(file, 1 << 20)?;
        let usage = |what: String| BundleError::Usage(format!("{}: {what}", file.display()));
        let text = String::from_utf8(text).map_err(|_| usage("is not UTF-8".into()))?;
        Self::parse(&text).map_err(usage)
    }

    fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Header {
            schema: Option<String>,
        }
        let trimmed = |e: toml::de::Error| e.to_string().trim_end().to_owned();
        let header: Header = toml::from_str(text).map_err(trimmed)?;
        if header.schema.as_deref() != Some(Self::SCHEMA) {
            let found = header.schema.unwrap_or("none".into());
            return Err(format!(
                "expected schema {:?}, found {found:?}",
                Self::SCHEMA
            ));
        }
        let lab: Self = toml::from_str(text).map_err(trimmed)?;
        lab.check()?;
        Ok(lab)
    }

    fn check(&self) -> Result<(), String> {
        for (field, value) in [
            ("name", &self.name),
            ("address", &self.address),
            ("app_version", &self.app_version),
            ("portal_version", &self.portal_version),
            ("region", &self.region),
            ("account_tier", &self.account_tier),
        ] {
            if value.trim().is_empty() {
                return Err(format!("{field} is empty; say \"none\" if there is none"));
            }
        }
        for (field, value, digits) in [
            ("nonce", &self.nonce, 8),
            ("firmware_sha256", &self.firmware_sha256, 64),
        ] {
            let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
            if value.len() != digits || !value.chars().all(is_digit) {
                return Err(format!(
                    "{field} is {value:?}; expected {digits} hexadecimal digits in lower case"
                ));
            }
        }
        for (field, value) in [("begun", &self.begun), ("ended", &self.ended)] {
            if !is_day(value) {
                return Err(format!(
                    "{field} is {value:?}; expected a day such as \"2026-11-30\""
                ));
            }
        }
        match self.begun <= self.ended {
            true => Ok(()),
            false => Err(format!(
                "ended ({}) is before begun ({})",
                self.ended, self.begun
            )),
        }
    }
}

/// How often the judge errs: the kill matrix that `lightleak mutants --json` wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorRates {
    /// Cameras with a fault that were judged.
    pub mutants: u64,
    /// Of these the ones whose fault was found.
    pub killed: u64,
    /// And those whose was not: leaks that were missed.
    pub survived: u64,
    /// SHA-256 of the matrix.
    pub sha256: String,
}

impl ErrorRates {
    /// Reads the matrix. One whose summary is not that of its rows is an error.
    pub fn read(file: &Path) -> Result<Self, BundleError> {
        #[derive(Deserialize)]
        struct Matrix {
            schema: String,
            mutants: Vec<Row>,
            summary: Summary,
        }
        #[derive(Deserialize)]
        struct Row {
            killed: bool,
        }
        #[derive(Deserialize)]
        struct Summary {
            total: u64,
            killed: u64,
            survived: u64,
        }
        let json = read(file, 64 << 20)?;
        let usage = |what: String| {
            let file = file.display();
            BundleError::Usage(format!(
                "{file}: {what}; `lightleak mutants --json FILE` writes one"
            ))
        };
        let matrix: Matrix =
            serde_json::from_slice(&json).map_err(|e| usage(format!("is no kill matrix: {e}")))?;
        if matrix.schema != "lightleak.mutants/1" {
            let what = format!(
                "expected schema \"lightleak.mutants/1\", found {:?}",
                matrix.schema
            );
            return Err(usage(what));
        }
        let total = matrix.mutants.len() as u64;
        let killed = matrix.mutants.iter().filter(|row| row.killed).count() as u64;
        let Summary {
            total: said,
            killed: says,
            survived,
        } = matrix.summary;
        if total == 0 || (said, says, survived) != (total, killed, total - killed) {
            return Err(usage("its summary is not that of its rows".into()));
        }
        Ok(Self {
            mutants: total,
            killed,
            survived,
            sha256: hex(&Sha256::digest(&json)),
        })
    }
}

fn read(file: &Path, limit: u64) -> Result<Vec<u8>, BundleError> {
    let failed = |e| BundleError::Usage(format!("read {}: {e}", file.display()));
    if fs::metadata(file).map_err(failed)?.len() > limit {
        return Err(BundleError::Usage(format!(
            "{}: has more than {limit} octets",
            file.display()
        )));
    }
    fs::read(file).map_err(failed)
}

fn is_day(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let [year, month, day] = parts[..] else {
        return false;
    };
    let number = |text: &str, digits| {
        let plain = text.len() == digits && text.bytes().all(|c| c.is_ascii_digit());
        plain.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2))
    else {
        return false;
    };
    x509_cert::der::DateTime::new(year, month as u8, day as u8, 0, 0, 0).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAB: &str = r#"schema = "lightleak.lab/1"
name = "Example Lab"
address = "1 Example Street"
recorded_by = "lab"
begun = "2026-11-29"
ended = "2026-11-30"
nonce = "c04b22a2"
firmware_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
app_version = "5.1"
portal_version = "none"
region = "EU"
account_tier = "free"
"#;

    fn error(from: &str, to: &str) -> String {
        assert!(LAB.contains(from));
        Lab::parse(&LAB.replace(from, to)).unwrap_err()
    }

    #[test]
    fn mistakes_of_a_lab_are_named() {
        assert_eq!(Lab::parse(LAB).unwrap().recorded_by, Recorder::Lab);
        assert_eq!(
            error("lab/1", "lab/2"),
            r#"expected schema "lightleak.lab/1", found "lightleak.lab/2""#
        );
        assert!(error("region =", "regoin =").contains("regoin"));
        assert!(error("region = \"EU\"\n", "").contains("missing field `region`"));
        assert_eq!(
            error("\"EU\"", "\" \""),
            "region is empty; say \"none\" if there is none"
        );
        assert!(error("c04b22a2", "C04B22A2").starts_with("nonce is"));
        assert!(error("e3b0", "e3b").starts_with("firmware_sha256 is"));
        assert!(error("2026-11-29", "2026-11-31").starts_with("begun is"));
        assert_eq!(
            error("2026-11-30", "2026-11-28"),
            "ended (2026-11-28) is before begun (2026-11-29)"
        );
        assert!(error("\"lab\"", "\"nobody\"").contains("vendor"));
    }

    #[test]
    fn matrix_must_agree_with_itself() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mutants.json");
        let matrix = |total: u64| {
            let rows = r#"{"killed":true},{"killed":false}"#;
            let json = format!(
                r#"{{"schema":"lightleak.mutants/1","mutants":[{rows}],"summary":{{"total":{total},"killed":1,"survived":1}}}}"#
            );
            fs::write(&file, json).unwrap();
            ErrorRates::read(&file)
        };
        let rates = matrix(2).unwrap();
        assert_eq!((rates.mutants, rates.killed, rates.survived), (2, 1, 1));
        let message = matrix(3).unwrap_err().to_string();
        assert!(
            message.contains("its summary is not that of its rows"),
            "{message}"
        );
    }
}

//! Files of age v1 (age-encryption.org/v1), sound and flawed: the vectors of
//! C2SP/CCTV.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::{Set, load, octets};

/// All of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgeFiles {
    /// Id of the set.
    pub id: String,
    /// Who published it.
    pub source: String,
    /// Where in it the files are.
    pub clause: String,
    /// Where it is published.
    pub url: String,
    /// Whose it is.
    pub licence: String,
    /// The files.
    pub files: Vec<AgeFile>,
}

/// A file with one property.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgeFile {
    /// Its name there.
    pub name: String,
    /// What a reader must find.
    pub expect: Expect,
    /// SHA-256 of all plaintext that a reader gives out, 32 octets, if it gives
    /// out any.
    #[serde(default, deserialize_with = "octets")]
    pub payload: Vec<u8>,
    /// Identities, in Bech32.
    pub identities: Vec<String>,
    /// What it is there for, where its name does not say.
    #[serde(default)]
    pub comment: String,
    /// Whether its octets are deflated (RFC 1950).
    #[serde(default)]
    pub deflated: bool,
    /// Its octets.
    #[serde(deserialize_with = "octets")]
    pub octets: Vec<u8>,
}

/// What a reader must find in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Expect {
    /// It opens to its end.
    #[serde(rename = "success")]
    Success,
    /// No identity opens a stanza.
    #[serde(rename = "no match")]
    NoMatch,
    /// The MAC of the header is wrong.
    #[serde(rename = "HMAC failure")]
    HmacFailure,
    /// The header is malformed.
    #[serde(rename = "header failure")]
    HeaderFailure,
    /// The payload does not open to its end.
    #[serde(rename = "payload failure")]
    PayloadFailure,
}

impl AgeFile {
    /// Its name as that of a track in a case, for what an app gives out that opens it
    /// to the end.
    pub fn track(&self) -> String {
        format!("age-{}", self.name.replace('_', "-"))
    }

    /// The same for an app that says that it is cut, or altered from there on.
    pub fn cut_track(&self) -> String {
        format!("{}-cut", self.track())
    }
}

impl AgeFiles {
    /// Those whose octets stand here as they are.
    pub fn plain(&self) -> impl Iterator<Item = &AgeFile> {
        self.files.iter().filter(|file| !file.deflated)
    }

    /// Name, source and number.
    pub fn set(&self) -> Set {
        Set {
            id: self.id.clone(),
            source: self.source.clone(),
            clause: self.clause.clone(),
            cases: self.files.len(),
        }
    }
}

/// The files.
pub fn cctv() -> &'static AgeFiles {
    static FILES: LazyLock<AgeFiles> =
        LazyLock::new(|| load(include_str!("../data/age-cctv.toml")));
    &FILES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_files_to_open_and_to_refuse_at_every_layer() {
        let files = &cctv().files;
        for expect in [
            Expect::Success,
            Expect::NoMatch,
            Expect::HmacFailure,
            Expect::HeaderFailure,
            Expect::PayloadFailure,
        ] {
            assert!(files.iter().any(|file| file.expect == expect), "{expect:?}");
        }
        for file in files {
            let releases = matches!(file.expect, Expect::Success | Expect::PayloadFailure);
            let length = if releases { 32 } else { 0 };
            assert_eq!(file.payload.len(), length, "{}", file.name);
        }
    }
}

//! The folder itself.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{Capture, Declaration, Error, Ledger, SessionRecord, Vantage};

/// A case, read.
#[derive(Clone, Debug)]
pub struct Case {
    /// The folder.
    pub root: PathBuf,
    /// `declaration.toml`.
    pub declaration: Declaration,
    /// `decoy/`: plaintext of another seed, which must never be found.
    pub decoy: Ledger,
    /// `sessions/`, sorted by folder name.
    pub sessions: Vec<Session>,
}

impl Case {
    /// Reads the whole case.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let _ = root;
        unreachable!()
    }
}

/// One session, read.
#[derive(Clone, Debug)]
pub struct Session {
    /// Folder relative to the case, with `/`: `sessions/01-nvr.rtsps-honest-default`.
    pub folder: String,
    /// `session.toml`.
    pub record: SessionRecord,
    /// The captures that are there.
    pub captures: BTreeMap<Vantage, Capture>,
    /// `keys.log`: NSS key log lines, comments and blank lines left out.
    pub keys: Vec<String>,
    /// `ledger/`.
    pub ledger: Ledger,
    /// `log.txt`.
    pub log: String,
}

/// Writes a case.
#[derive(Debug)]
pub struct CaseWriter {
    root: PathBuf,
    sessions: usize,
}

impl CaseWriter {
    /// Makes the folder. An earlier case of ours there is removed first;
    /// anything else that is not an empty folder is [`Error::NotOurs`].
    pub fn create(root: &Path, declaration: &Declaration, decoy: &Ledger) -> Result<Self, Error> {
        let _ = (declaration, decoy);
        Ok(Self {
            root: root.to_owned(),
            sessions: 0,
        })
    }

    /// Writes the next session; `captures` are finished pcapng files. Returns
    /// its folder relative to the case.
    pub fn session(
        &mut self,
        record: &SessionRecord,
        captures: &[(Vantage, Vec<u8>)],
        keys: &[String],
        ledger: &Ledger,
        log: &str,
    ) -> Result<String, Error> {
        let _ = (record, captures, keys, ledger, log, &self.root);
        self.sessions += 1;
        unreachable!()
    }
}

/// Whether the folder holds a case of lightleak (its `declaration.toml` says so).
pub fn is_ours(root: &Path) -> bool {
    let _ = root;
    unreachable!()
}

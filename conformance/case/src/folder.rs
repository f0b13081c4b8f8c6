//! The folder itself.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Capture, Declaration, Error, Ledger, SessionRecord, Vantage, file, toml_file};

/// A case, read.
#[derive(Clone, Debug)]
pub struct Case {
    /// The folder.
    pub root: PathBuf,
    /// `declaration.toml`.
    pub declaration: Declaration,
    /// `decoy/`: plaintext of another seed, which must never be found; empty
    /// if it is not there.
    pub decoy: Ledger,
    /// `factory/`: what a factory-fresh unit stores, content by file name;
    /// empty if it is not there.
    pub factory: BTreeMap<String, Vec<u8>>,
    /// `sessions/`, sorted by the number that the folder's name begins with,
    /// then by name. The names mean nothing else.
    pub sessions: Vec<Session>,
}

impl Case {
    /// Reads the whole case. `declaration.toml` and a session with its
    /// `session.toml` must be there; of a case made by hand anything else may
    /// be absent and is then empty.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let declaration = Declaration::read(&root.join(DECLARATION))?;
        let decoy = Ledger::read(&root.join(DECOY))?;
        let factory = read_stored(&root.join(FACTORY))?;
        let mut names = file::list(&root.join(SESSIONS))?.unwrap_or_default();
        names.sort_by_cached_key(|name| (leading_number(name), name.clone()));
        if names.is_empty() {
            return Err(file::damaged(root, "holds no session".into()));
        }
        let sessions = names
            .iter()
            .map(|name| Session::read(root, format!("{SESSIONS}/{name}")))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            root: root.to_owned(),
            declaration,
            decoy,
            factory,
            sessions,
        })
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
    /// `keys.log`: its lines, comments and blank ones left out.
    pub keys: Vec<String>,
    /// `ledger/`.
    pub ledger: Ledger,
    /// `played/`: what viewers played, in order, in the form of a ledger; empty if
    /// nobody watched over their shoulders. The first viewer's tracks have the names
    /// of the ledger's, those of others a hyphen and a number behind. No track tells
    /// key frames.
    pub played: Ledger,
    /// `log.txt`.
    pub log: String,
    /// `rest/`: content of the stored files by their names; none if nobody
    /// looked.
    pub rest: Option<BTreeMap<String, Vec<u8>>>,
}

impl Session {
    fn read(root: &Path, folder: String) -> Result<Self, Error> {
        let path = root.join(&folder);
        if !path.is_dir() {
            return Err(file::damaged(
                &path,
                "is not the folder of a session; remove it".into(),
            ));
        }
        let record = SessionRecord::read(&path.join(RECORD))?;
        refuse_unknown_captures(&path)?;
        let mut captures = BTreeMap::new();
        for vantage in Vantage::CAPTURED {
            let path = path.join(vantage.file());
            if let Some(bytes) = file::read(&path, CAPTURE_LIMIT)? {
                let capture =
                    Capture::read(&bytes).map_err(|e| file::damaged(&path, e.to_string()))?;
                captures.insert(*vantage, capture);
            }
        }
        let keys = file::read_text(&path.join(KEYS), KEYS_LIMIT)?.unwrap_or_default();
        Ok(Self {
            record,
            captures,
            keys: key_lines(&keys),
            ledger: Ledger::read(&path.join(LEDGER))?,
            played: Ledger::read(&path.join(PLAYED))?,
            log: file::read_text(&path.join(Vantage::Log.file()), LOG_LIMIT)?.unwrap_or_default(),
            rest: match path.join(Vantage::Rest.file()) {
                rest if rest.exists() => Some(read_stored(&rest)?),
                _ => None,
            },
            folder,
        })
    }
}

/// Writes a case.
#[derive(Debug)]
pub struct CaseWriter {
    root: PathBuf,
    sessions: usize,
}

impl CaseWriter {
    /// Makes the folder. Of an earlier case of ours there `declaration.toml`,
    /// `sessions`, `decoy`, `factory` and `report` are removed first, and nothing else;
    /// anything else that is not an empty folder is [`Error::NotOurs`] and is
    /// not touched.
    pub fn create(root: &Path, declaration: &Declaration, decoy: &Ledger) -> Result<Self, Error> {
        if is_ours(root) {
            clear(root)?;
        } else if !is_free(root)? {
            return Err(Error::NotOurs {
                path: root.to_owned(),
            });
        }
        file::create_dir(root)?;
        // First, so that what is left of an interrupted run is known as ours.
        declaration.write(&root.join(DECLARATION))?;
        decoy.write(&root.join(DECOY))?;
        Ok(Self {
            root: root.to_owned(),
            sessions: 0,
        })
    }

    /// Writes what a factory-fresh unit stores: files by name, as in
    /// [`CaseWriter::session`].
    pub fn factory(&self, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Error> {
        match files.is_empty() {
            true => Ok(()),
            false => write_stored(&self.root.join(FACTORY), files),
        }
    }

    /// Writes the next session; `captures` are finished pcapng files, `rest`
    /// stored files by name, if somebody looked (ASCII letters, digits, `.`, `-` and `_`, the first
    /// no `.`; another name is [`Error::Damaged`]). Returns its folder relative
    /// to the case.
    pub fn session(
        &mut self,
        record: &SessionRecord,
        captures: &[(Vantage, Vec<u8>)],
        keys: &[String],
        ledger: &Ledger,
        log: &str,
        rest: Option<&BTreeMap<String, Vec<u8>>>,
    ) -> Result<String, Error> {
        self.sessions += 1;
        let name = format!(
            "{:02}-{}-{}-{}",
            self.sessions, record.path, record.stimulus, record.condition
        );
        let folder = format!("{SESSIONS}/{}", file_name(&name));
        let path = self.root.join(&folder);
        file::create_dir(&path)?;
        record.write(&path.join(RECORD))?;
        for (vantage, bytes) in captures {
            file::write(&path.join(vantage.file()), bytes)?;
        }
        let keys: String = keys.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        file::write(&path.join(KEYS), keys.as_bytes())?;
        ledger.write(&path.join(LEDGER))?;
        file::write(&path.join(Vantage::Log.file()), log.as_bytes())?;
        if let Some(rest) = rest {
            write_stored(&path.join(Vantage::Rest.file()), rest)?;
        }
        Ok(folder)
    }

    /// Writes what viewers played in the session of that folder, if they did.
    pub fn played(&self, folder: &str, played: &Ledger) -> Result<(), Error> {
        match played.tracks.is_empty() {
            true => Ok(()),
            false => played.write(&self.root.join(folder).join(PLAYED)),
        }
    }
}

/// Whether the folder holds a case of lightleak (its `declaration.toml` says
/// so, of whatever version).
pub fn is_ours(root: &Path) -> bool {
    toml_file::schema(&root.join(DECLARATION))
        .is_some_and(|schema| schema.starts_with("lightleak.declaration/"))
}

const DECLARATION: &str = "declaration.toml";
const SESSIONS: &str = "sessions";
const DECOY: &str = "decoy";
const FACTORY: &str = "factory";
const REPORT: &str = "report";

const RECORD: &str = "session.toml";
const KEYS: &str = "keys.log";
const LEDGER: &str = "ledger";
const PLAYED: &str = "played";

/// Octets of files that are read whole.
const CAPTURE_LIMIT: u64 = 4 << 30;
const KEYS_LIMIT: u64 = 64 << 20;
const LOG_LIMIT: u64 = 1 << 30;
const STORED_LIMIT: u64 = 4 << 30;

/// A capture that nobody looks at would be a byte that is not judged.
fn refuse_unknown_captures(session: &Path) -> Result<(), Error> {
    for name in file::list(session)?.unwrap_or_default() {
        let known = Vantage::CAPTURED.iter().any(|v| v.file() == name);
        if !known
            && [".pcap", ".pcapng", ".cap"]
                .iter()
                .any(|end| name.ends_with(end))
        {
            let names: Vec<&str> = Vantage::CAPTURED.iter().map(|v| v.file()).collect();
            return Err(file::damaged(
                &session.join(name),
                format!(
                    "is not the capture of a vantage; rename it ({}), or remove it",
                    names.join(", ")
                ),
            ));
        }
    }
    Ok(())
}

fn read_stored(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    let mut files = BTreeMap::new();
    for name in file::list(folder)?.unwrap_or_default() {
        if let Some(octets) = file::read(&folder.join(&name), STORED_LIMIT)? {
            files.insert(name, octets);
        }
    }
    Ok(files)
}

fn write_stored(folder: &Path, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Error> {
    file::create_dir(folder)?;
    for (name, octets) in files {
        if name.is_empty() || name.starts_with('.') || *name != file_name(name) {
            let what = format!("no stored file may be called {name:?}; rename it");
            return Err(file::damaged(folder, what));
        }
        file::write(&folder.join(name), octets)?;
    }
    Ok(())
}

fn key_lines(text: &str) -> Vec<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// Number that the name begins with, so that 100 follows 99.
fn leading_number(name: &str) -> u64 {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    name[..digits].parse().unwrap_or(u64::MAX)
}

/// The name with what could lead elsewhere, or what some file system refuses,
/// replaced.
fn file_name(name: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.chars()
        .map(|c| if safe(c) { c } else { '_' })
        .collect()
}

/// Whether nothing or an empty folder is there.
fn is_free(root: &Path) -> Result<bool, Error> {
    match fs::read_dir(root) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(e) => Err(file::failed(root, e)),
    }
}

/// Removes an earlier case: the declaration last, because it is what tells
/// that the folder is ours.
fn clear(root: &Path) -> Result<(), Error> {
    for name in [SESSIONS, DECOY, FACTORY, REPORT] {
        let path = root.join(name);
        match fs::remove_dir_all(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(file::failed(&path, e)),
            _ => {}
        }
    }
    let path = root.join(DECLARATION);
    fs::remove_file(&path).map_err(|e| file::failed(&path, e))
}

//! Builds peers, and loads what was built.

#![expect(unsafe_code, reason = "a library that is loaded has to be trusted")]

use std::{
    env,
    ffi::c_void,
    fmt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{Batch, Octets, Side, Table, Units};

/// A peer's library; it stays loaded.
#[derive(Clone, Copy, Debug)]
pub struct Library {
    table: &'static Table,
}

/// Why there is no library.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Cargo did not start.
    Start(std::io::Error),
    /// It was not built; what cargo said at last.
    Build(String),
    /// It was not loaded, or is no peer.
    Load(libloading::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => write!(f, "start cargo: {error}"),
            Self::Build(said) => write!(f, "build: {said}"),
            Self::Load(error) => write!(f, "load: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl Library {
    /// Builds the peer of that name (its folder) with the release
    /// profile, into this target folder, and loads it.
    ///
    /// # Errors
    ///
    /// What keeps it from being built or loaded: [`Error`].
    pub fn build(name: &str, target: &Path) -> Result<Self, Error> {
        let manifest = workspace().join("Cargo.toml");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .args(["build", "--release", "--locked", "--package"])
            .arg(format!("lightleak-peer-{name}"))
            .arg("--manifest-path")
            .arg(manifest)
            .arg("--target-dir")
            .arg(target)
            .stdin(Stdio::null());
        let output = command.output().map_err(Error::Start)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let first = said.lines().find(|line| line.starts_with("error"));
            return Err(Error::Build(first.unwrap_or(said.trim()).to_owned()));
        }
        let file = format!(
            "{}lightleak_peer_{}{}",
            env::consts::DLL_PREFIX,
            name.replace('-', "_"),
            env::consts::DLL_SUFFIX
        );
        Self::load(&target.join("release").join(file))
    }

    fn load(file: &Path) -> Result<Self, Error> {
        // SAFETY: it was just built from the sources of this project, and does nothing
        // when it is loaded.
        let library = unsafe { libloading::Library::new(file) }.map_err(Error::Load)?;
        // It is never unloaded, so that what it shows is there for ever.
        let library = Box::leak(Box::new(library));
        // SAFETY: the macro `export` gave the name this type.
        let table = unsafe { library.get::<&'static Table>(b"LIGHTLEAK_PEER\0") };
        Ok(Self {
            table: *table.map_err(Error::Load)?,
        })
    }

    /// How it was optimised, and the CPU features that its compiler could count on.
    pub fn compiled(&self) -> Compiled {
        compiled(self.table)
    }

    /// The peer with a suite and a key, as [`Peer::new`](crate::Peer::new) has it.
    pub fn peer(&self, suite: &str, side: Side, key: &[u8], salt: &[u8]) -> Option<Loaded> {
        let [suite, key, salt] = [suite.as_bytes(), key, salt].map(Octets::of);
        // SAFETY: the octets are there during the call.
        let state = unsafe { (self.table.new)(suite, side, key, salt) };
        // Made only if there is a state, for it is dropped with it.
        (!state.is_null()).then(|| Loaded {
            table: self.table,
            state,
        })
    }
}

/// How code was compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compiled {
    /// The level of optimisation.
    pub opt_level: &'static str,
    /// The CPU features that the compiler could count on.
    pub cpu_features: &'static str,
}

impl Compiled {
    /// That of the program that has this crate in it.
    pub const OURS: Self = Self {
        opt_level: env!("PEER_OPT_LEVEL"),
        cpu_features: env!("PEER_CPU_FEATURES"),
    };
}

/// A peer at work.
#[derive(Debug)]
pub struct Loaded {
    table: &'static Table,
    state: *mut c_void,
}

impl Loaded {
    /// Seals or opens units in their order; whether all of them. Only if `keep` is
    /// set, the units surely are what came of them.
    pub fn process(&mut self, units: &mut Units, keep: bool) -> bool {
        let mut batch = Batch {
            bytes: units.bytes.as_mut_ptr(),
            length: units.bytes.len(),
            slots: units.slots.as_mut_ptr(),
            count: units.slots.len(),
            keep,
        };
        // SAFETY: the state is of this table; the buffers are there during the call,
        // and nobody else has them.
        unsafe { (self.table.process)(self.state, &mut batch) }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        // SAFETY: the state is of this table, and it is dropped once.
        unsafe { (self.table.free)(self.state) }
    }
}

/// The version of a crate that the peers are built with.
pub fn version(name: &str) -> Option<&'static str> {
    let lock = include_str!("../../peers/Cargo.lock");
    let mut lines = lock.lines();
    lines.find(|line| {
        line.strip_prefix("name = ")
            .is_some_and(|n| n.trim_matches('"') == name)
    })?;
    Some(lines.next()?.strip_prefix("version = ")?.trim_matches('"'))
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../peers")
}

fn compiled(table: &Table) -> Compiled {
    // SAFETY: they are constants of a library that stays loaded.
    let text = |octets: Octets| str::from_utf8(unsafe { octets.get() }).unwrap_or("?");
    Compiled {
        opt_level: text(table.opt_level),
        cpu_features: text(table.cpu_features),
    }
}

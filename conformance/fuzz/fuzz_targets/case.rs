//! The files of a case: declaration, session record, key log, ledger, log.

#![no_main]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use libfuzzer_sys::fuzz_target;
use lightleak_case::{Case, CaseWriter};
use lightleak_fuzz::parts;
use tempfile::TempDir;

const FILES: [&str; 8] = [
    "declaration.toml",
    "sessions/01-a/session.toml",
    "sessions/01-a/keys.log",
    "sessions/01-a/ledger/video.idx",
    "sessions/01-a/ledger/video.bin",
    "sessions/01-a/log.txt",
    "sessions/01-a/wire.pcapng",
    "sessions/01-a/rest/clip.mp4.age",
];

static SCRATCH: LazyLock<TempDir> = LazyLock::new(|| {
    let scratch = tempfile::tempdir().expect("make a temporary folder");
    for file in FILES {
        let path = read_from(scratch.path()).join(file);
        let folder = path.parent().expect("it has a folder");
        fs::create_dir_all(folder).expect("make a folder");
    }
    scratch
});

fuzz_target!(|input: &[u8]| {
    let root = read_from(SCRATCH.path());
    for (file, content) in FILES.iter().zip(parts::<{ FILES.len() }>(input)) {
        fs::write(root.join(file), content).expect("write a file");
    }
    if let Ok(case) = Case::read(&root) {
        assert_rewritten(&case);
    }
});

/// What was read is read again from what is written of it.
fn assert_rewritten(case: &Case) {
    let root = SCRATCH.path().join("written");
    let session = &case.sessions[0];
    let mut writer = CaseWriter::create(&root, &case.declaration, &case.decoy).expect("write");
    let written = writer.session(
        &session.record,
        &[],
        &session.keys,
        &session.ledger,
        &session.log,
        session.rest.as_ref(),
    );
    // It may be that no line of an index can say a unit, or no file have that name.
    if written.is_err() {
        return;
    }
    let again = Case::read(&root).expect("read what was written");
    assert_eq!(again.declaration, case.declaration);
    assert_eq!(again.sessions[0].record, session.record);
    assert_eq!(again.sessions[0].keys, session.keys);
    assert_eq!(again.sessions[0].ledger, session.ledger);
    assert_eq!(again.sessions[0].log, session.log);
    assert_eq!(again.sessions[0].rest, session.rest);
}

fn read_from(scratch: &Path) -> PathBuf {
    scratch.join("case")
}

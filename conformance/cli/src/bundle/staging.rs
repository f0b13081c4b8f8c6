//! A copy of a case that nobody else writes to: what is judged is what is signed.

use std::{fs, io, path::Path};

use super::{BundleError, archive::check_name};

/// What a case has at its top, but the report.
const PARTS: [&str; 4] = ["declaration.toml", "sessions", "decoy", "factory"];

/// How deep folders may lie in one another.
const DEPTH: usize = 8;

/// Copies a case; the names of its files, relative to it, sorted. What is neither a
/// file nor a folder, or has a name that can't be in a bundle, is an error; what is
/// beside the parts of a case is left where it is.
pub(super) fn copy(case: &Path, to: &Path) -> Result<Vec<String>, BundleError> {
    let mut names = Vec::new();
    for part in PARTS {
        if fs::symlink_metadata(case.join(part)).is_ok() {
            copy_any(case, to, part, DEPTH, &mut names)?;
        }
    }
    names.sort();
    Ok(names)
}

fn copy_any(
    case: &Path,
    to: &Path,
    name: &str,
    depth: usize,
    names: &mut Vec<String>,
) -> Result<(), BundleError> {
    let from = case.join(name);
    let failed = |e: io::Error| BundleError::Io(from.clone(), e);
    let refused = |what: &str| Err(BundleError::Usage(format!("{}: {what}", from.display())));
    if let Err(why) = check_name(name) {
        return refused(&format!("{why}; rename it"));
    }
    let kind = fs::symlink_metadata(&from).map_err(failed)?.file_type();
    let target = to.join(name);
    if kind.is_file() {
        fs::copy(&from, &target).map_err(failed)?;
        names.push(name.to_owned());
        return Ok(());
    }
    if !kind.is_dir() {
        return refused("is neither a file nor a folder; put the file itself there");
    }
    if depth == 0 {
        return refused("lies too deep in folders; a case has no such");
    }
    fs::create_dir(&target).map_err(failed)?;
    for entry in fs::read_dir(&from).map_err(failed)? {
        let entry = entry.map_err(failed)?.file_name();
        let Some(entry) = entry.to_str() else {
            return refused("holds a name that is not UTF-8; rename it");
        };
        copy_any(case, to, &format!("{name}/{entry}"), depth - 1, names)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (case, to) = (folder.path().join("case"), folder.path().join("to"));
        fs::create_dir_all(case.join("sessions/1")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(case.join("declaration.toml"), "d").unwrap();
        fs::write(case.join("diary.txt"), "private").unwrap();
        fs::write(case.join("sessions/1/log.txt"), "l").unwrap();
        let names = copy(&case, &to).unwrap();
        assert_eq!(names, ["declaration.toml", "sessions/1/log.txt"]);
        assert!(!to.join("diary.txt").exists());
        std::os::unix::fs::symlink("/etc/passwd", case.join("sessions/1/keys.log")).unwrap();
        let again = folder.path().join("again");
        fs::create_dir(&again).unwrap();
        let message = copy(&case, &again).unwrap_err().to_string();
        assert!(
            message.contains("keys.log: is neither a file nor a folder"),
            "{message}"
        );
    }
}

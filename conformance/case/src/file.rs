//! Files of a case: read whole, up to a limit.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use crate::Error;

/// Reads the whole file; none if it is not there. A file of more than `limit`
/// octets, or one that is no plain file, is damaged.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(path, e)),
    };
    // To open a pipe would wait for somebody to write.
    if !metadata.is_file() {
        return Err(damaged(path, "is not a file".into()));
    }
    let mut bytes = Vec::new();
    if metadata.len() <= limit {
        File::open(path)
            .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
            .map_err(|e| failed(path, e))?;
    }
    if metadata.len().max(bytes.len() as u64) > limit {
        return Err(damaged(
            path,
            format!(
                "holds {} octets, more than the {limit} that are read; record shorter sessions",
                metadata.len().max(bytes.len() as u64)
            ),
        ));
    }
    Ok(Some(bytes))
}

/// Reads the whole file as UTF-8; none if it is not there.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<Option<String>, Error> {
    let Some(bytes) = read(path, limit)? else {
        return Ok(None);
    };
    String::from_utf8(bytes).map(Some).map_err(|e| {
        let valid = e.utf8_error().valid_up_to();
        let line = 1 + e.as_bytes()[..valid]
            .iter()
            .filter(|b| **b == b'\n')
            .count();
        damaged(path, format!("line {line}: is not UTF-8"))
    })
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    fs::write(path, bytes).map_err(|e| failed(path, e))
}

pub(crate) fn create_dir(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|e| failed(path, e))
}

/// What a folder holds, sorted by name; none if it is not there. Names that are
/// not UTF-8 are damage.
pub(crate) fn list(path: &Path) -> Result<Option<Vec<String>>, Error> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(path, e)),
    };
    let mut names = entries
        .map(|entry| {
            let entry = entry.map_err(|e| failed(path, e))?;
            entry
                .file_name()
                .into_string()
                .map_err(|_| damaged(&entry.path(), "the name is not UTF-8; rename it".into()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    names.sort();
    Ok(Some(names))
}

pub(crate) fn damaged(path: &Path, what: String) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        what,
    }
}

pub(crate) fn failed(path: &Path, source: io::Error) -> Error {
    Error::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_beyond_the_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wire.pcapng");
        write(&path, &[0; 11]).unwrap();
        assert_eq!(read(&path, 11).unwrap().unwrap().len(), 11);
        assert_eq!(
            read(&path, 10).unwrap_err().to_string(),
            format!(
                "{}: holds 11 octets, more than the 10 that are read; record shorter sessions",
                path.display()
            )
        );
    }

    #[test]
    fn text_that_is_not_utf8_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.txt");
        write(&path, b"one\ntwo\xFF\n").unwrap();
        assert_eq!(
            read_text(&path, 100).unwrap_err().to_string(),
            format!("{}: line 2: is not UTF-8", path.display())
        );
    }

    #[test]
    fn folder_in_place_of_a_file_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            read(folder.path(), 10).unwrap_err().to_string(),
            format!("{}: is not a file", folder.path().display())
        );
    }
}

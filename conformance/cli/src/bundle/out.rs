//! Where bundles are written: whole or not at all, and over nothing.

use std::{
    fs::File,
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use super::{BundleError, archive::Writer};

/// Refuses to write where something is.
pub(super) fn must_be_free(file: &Path) -> Result<(), BundleError> {
    match std::fs::symlink_metadata(file) {
        Ok(_) => Err(BundleError::Usage(format!(
            "{} exists and is not overwritten; name another file, or remove it yourself",
            file.display()
        ))),
        Err(_) => Ok(()),
    }
}

/// The folder in which a file will be.
pub(super) fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Writes a bundle, which is there whole or not at all.
pub(super) fn save(
    out: &Path,
    fill: impl FnOnce(&mut Writer<BufWriter<&File>>) -> io::Result<()>,
) -> Result<(), BundleError> {
    let failed = |e: io::Error| BundleError::Io(PathBuf::from(out), e);
    let file = tempfile::NamedTempFile::new_in(folder(out)).map_err(failed)?;
    let mut archive = Writer::new(BufWriter::new(file.as_file()));
    fill(&mut archive).map_err(failed)?;
    archive.finish().map_err(failed)?;
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file()
        .set_permissions(permissions)
        .map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist_noclobber(out).map_err(|e| failed(e.error))?;
    Ok(())
}

//! Why a case could not be read or written.

use std::{io, path::PathBuf};

/// Fits "failed to read the case: {error}".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is there and is not what it should be.
    #[error("{path}: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong and where in the file.
        what: String,
    },
    /// The folder to write exists and is not a case of ours.
    #[error(
        "{path} exists and is not a case of lightleak; name another folder, or remove it yourself"
    )]
    NotOurs {
        /// The folder.
        path: PathBuf,
    },
}

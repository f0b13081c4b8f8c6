//! Ed25519 keys (RFC 8032) in PEM: the private one in PKCS #8 (RFC 8410), the public
//! one as SubjectPublicKeyInfo, as openssl reads and writes them.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use ed25519_dalek::{
    SigningKey, VerifyingKey,
    pkcs8::{
        DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
        KeypairBytes, spki::der::pem::LineEnding,
    },
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::hex;

/// Octets of the longest file that could hold a key.
const LIMIT: u64 = 64 << 10;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The system refused.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// A key is there already, and what it signed could never be checked again.
    #[error("{0} exists and is not overwritten; name another file, or move it away yourself")]
    Exists(PathBuf),
    /// Something else is in the file.
    #[error("{0} is not {1}; `lightleak keygen` makes a pair")]
    NoKey(PathBuf, &'static str),
}

/// Makes a pair: the private key in `file`, readable by its owner alone, the public
/// key beside it in [`public_file`]. Neither may exist.
pub fn generate(file: &Path) -> Result<VerifyingKey, KeyError> {
    let public = public_file(file);
    for file in [file, &public] {
        if fs::symlink_metadata(file).is_ok() {
            return Err(KeyError::Exists(file.to_owned()));
        }
    }
    let failed = |e: io::Error| KeyError::Io(file.to_owned(), e);
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|e| failed(io::Error::other(e)))?;
    let key = SigningKey::from_bytes(&seed);
    // Without the public key beside it: openssl 3.0 reads no other.
    let pair = KeypairBytes {
        secret_key: *seed,
        public_key: None,
    };
    let pem = pair.to_pkcs8_pem(LineEnding::LF);
    let pem = pem.map_err(|e| failed(io::Error::other(e)))?;
    create(file, 0o600, pem.as_bytes())?;
    create(&public, 0o644, public_pem(&key.verifying_key()).as_bytes())?;
    Ok(key.verifying_key())
}

/// Where the public key of a private one is: the same name with `.pub` behind it.
pub fn public_file(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".pub");
    name.into()
}

/// Reads a private key.
pub fn read_private(file: &Path) -> Result<SigningKey, KeyError> {
    let pem = Zeroizing::new(read(file)?);
    SigningKey::from_pkcs8_pem(&pem).map_err(|_| {
        let expected = "an Ed25519 private key in PKCS #8 PEM without a passphrase";
        KeyError::NoKey(file.to_owned(), expected)
    })
}

/// Reads a public key.
pub fn read_public(file: &Path) -> Result<VerifyingKey, KeyError> {
    let expected = "an Ed25519 public key in PEM";
    parse_public(&read(file)?).ok_or_else(|| KeyError::NoKey(file.to_owned(), expected))
}

/// The public key in a PEM, if it is one.
pub fn parse_public(pem: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_public_key_pem(pem).ok()
}

/// The PEM of a public key.
pub fn public_pem(key: &VerifyingKey) -> String {
    key.to_public_key_pem(LineEnding::LF).unwrap_or_default()
}

/// What a key is known by: SHA-256 of its SubjectPublicKeyInfo, in hexadecimal, as
/// `openssl pkey -pubin -outform DER | sha256sum` says it.
pub fn fingerprint(key: &VerifyingKey) -> String {
    let der = key.to_public_key_der();
    hex(&Sha256::digest(
        der.as_ref().map_or(&[][..], |der| der.as_bytes()),
    ))
}

fn read(file: &Path) -> Result<String, KeyError> {
    let failed = |e: io::Error| KeyError::Io(file.to_owned(), e);
    if fs::metadata(file).map_err(failed)?.len() > LIMIT {
        return Err(KeyError::NoKey(file.to_owned(), "a key: it is too long"));
    }
    fs::read_to_string(file).map_err(failed)
}

fn create(file: &Path, mode: u32, content: &[u8]) -> Result<(), KeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let written = options.open(file).and_then(|mut open| {
        open.write_all(content)?;
        open.sync_all()
    });
    written.map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists(file.to_owned()),
        _ => KeyError::Io(file.to_owned(), e),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn pair_is_read_back_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lab.key");
        let public = generate(&file).unwrap();
        assert_eq!(read_private(&file).unwrap().verifying_key(), public);
        assert_eq!(read_public(&public_file(&file)).unwrap(), public);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(generate(&file), Err(KeyError::Exists(_))));
        fs::remove_file(&file).unwrap();
        assert!(matches!(generate(&file), Err(KeyError::Exists(_))));
        assert!(!file.exists());
    }

    #[test]
    fn other_files_are_no_keys() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lab.key");
        generate(&file).unwrap();
        let message = read_public(&file).unwrap_err().to_string();
        assert!(
            message
                .ends_with("is not an Ed25519 public key in PEM; `lightleak keygen` makes a pair")
        );
        assert!(matches!(
            read_private(&public_file(&file)),
            Err(KeyError::NoKey(..))
        ));
    }
}

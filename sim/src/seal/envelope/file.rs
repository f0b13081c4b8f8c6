//! A file that is sealed to an owner: a line that says how, which the envelope
//! behind it is bound to. `conformance/schema/sealed-file.md` has the form.

use zeroize::Zeroizing;

use super::{
    EnvelopeError, HpkeKey, HpkePublicKey, OVERHEAD, open as open_envelope, seal as seal_envelope,
};
use crate::world::Entropy;

/// What a sealed file begins with: the form, and the suite (RFC 9180 7).
const INTRODUCTION: &str = "lightleak-hpke 1 0020 0001 0001";

/// Seals a file of that name, of the device with that serial number. Neither
/// has a space in it.
///
/// # Errors
///
/// [`EnvelopeError::PublicKey`] for a key that gives no secret.
pub fn seal(
    to: &HpkePublicKey,
    serial: &str,
    name: &str,
    content: &[u8],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, EnvelopeError> {
    let length = content.len() + OVERHEAD;
    let mut file = format!("{INTRODUCTION} {length} {serial} {name}\n").into_bytes();
    let envelope = seal_envelope(to, &file, b"", content, entropy)?;
    file.extend(envelope);
    Ok(file)
}

/// Opens the file of that name.
///
/// # Errors
///
/// [`FileError`] says what is wrong with it.
pub fn open(file: &[u8], key: &HpkeKey, name: &str) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let end = file.iter().position(|octet| *octet == b'\n');
    let (line, envelope) = file.split_at(end.ok_or(FileError::Line)? + 1);
    let text = str::from_utf8(&line[..line.len() - 1]).ok();
    let words = text.and_then(|text| text.strip_prefix(INTRODUCTION));
    let words: Vec<&str> = words.ok_or(FileError::Line)?.split(' ').collect();
    let ["", length, _, own_name] = words[..] else {
        return Err(FileError::Line);
    };
    if own_name != name {
        return Err(FileError::Name(own_name.chars().take(64).collect()));
    }
    if length.parse() != Ok(envelope.len()) {
        return Err(FileError::Length(envelope.len()));
    }
    Ok(open_envelope(envelope, key, line, b"")?)
}

/// Why a file does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The first line is not of this form.
    #[error("read its first line")]
    Line,
    /// It is another file (the first 64 characters of its name are kept).
    #[error("believe its name: it was {0:?}")]
    Name(String),
    /// It was cut, or something follows.
    #[error("believe its length: {0} octets follow its first line")]
    Length(usize),
    /// The envelope.
    #[error("open it: {0}")]
    Envelope(#[from] EnvelopeError),
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ones;

    impl Entropy for Ones {
        fn fill(&self, out: &mut [u8]) {
            out.fill(1);
        }
    }

    #[test]
    fn a_file_opens_under_its_own_name_only() {
        let key = HpkeKey::new(&[7; 32]).expect("32 octets");
        let mut file =
            seal(&key.public(), "LL-1", "a.jpg.hpke", b"picture", &Ones).expect("sealed");
        assert!(file.starts_with(b"lightleak-hpke 1 0020 0001 0001 55 LL-1 a.jpg.hpke\n"));
        let opened = open(&file, &key, "a.jpg.hpke");
        assert_eq!(opened.as_deref().map(Vec::as_slice), Ok(&b"picture"[..]));
        let other = HpkeKey::new(&[8; 32]).expect("32 octets");
        let closed = FileError::Envelope(EnvelopeError::Authentication);
        assert_eq!(open(&file, &other, "a.jpg.hpke"), Err(closed.clone()));
        let name = FileError::Name("a.jpg.hpke".into());
        assert_eq!(open(&file, &key, "b.jpg.hpke"), Err(name));
        let cut = open(&file[..file.len() - 1], &key, "a.jpg.hpke");
        assert_eq!(cut, Err(FileError::Length(54)));
        for text in ["", "lightleak-hpke 1 0020 0001 0001 55 LL-1\n", "x\n"] {
            let refused = open(text.as_bytes(), &key, "a.jpg.hpke");
            assert_eq!(refused, Err(FileError::Line), "{text}");
        }
        // The line is bound, too.
        let serial = file.windows(4).position(|w| w == b"LL-1").expect("there");
        file[serial + 3] = b'2';
        assert_eq!(open(&file, &key, "a.jpg.hpke"), Err(closed));
    }
}

//! Keys that lie around: everything that could be one is tried on a file that is
//! sealed with age, without knowing the key.
//!
//! | what | tried as |
//! |---|---|
//! | `AGE-SECRET-KEY-1...` | identity |
//! | every 16 octets, of hexadecimal digits and base64 too | file key |
//! | every 32 octets, of these too | identity, key of the payload |
//!
//! Text comes first, then octets as they are; at most 2^16 file keys and 2^12
//! other keys are tried on a file.

use std::ops::Range;

use crate::{
    adversary::known_plaintext::veil::{base64, hex},
    open::age::{Trial, read_identity},
};

/// File keys that are tried.
const MOST_FILE_KEYS: usize = 1 << 16;
/// Other keys that are tried; each takes a hundred microseconds.
const MOST_KEYS: usize = 1 << 12;
/// Characters of an identity behind its first octets.
const IDENTITY: usize = 74;

/// A key that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// In which of the places that were searched.
    pub place: usize,
    /// Where in it.
    pub range: Range<usize>,
    /// What it is, in words.
    pub what: &'static str,
}

/// The first key in any of `places` that fits.
pub fn sweep(trial: &Trial<'_>, places: &[&[u8]]) -> Option<Fit> {
    let mut sweep = Sweep {
        trial,
        file_keys: MOST_FILE_KEYS,
        keys: MOST_KEYS,
        fit: None,
    };
    for search in [Sweep::identities, Sweep::texts, Sweep::raw] {
        for (place, octets) in places.iter().enumerate() {
            search(&mut sweep, place, octets);
            if sweep.fit.is_some() {
                return sweep.fit;
            }
        }
    }
    None
}

struct Sweep<'a> {
    trial: &'a Trial<'a>,
    file_keys: usize,
    keys: usize,
    fit: Option<Fit>,
}

impl Sweep<'_> {
    fn identities(&mut self, place: usize, octets: &[u8]) {
        const BEGINNING: &[u8] = b"AGE-SECRET-KEY-1";
        let upper = octets.to_ascii_uppercase();
        for at in memchr::memmem::find_iter(&upper, BEGINNING) {
            let range = at..(at + IDENTITY).min(upper.len());
            let text = str::from_utf8(&upper[range.clone()]);
            let secret = text.ok().and_then(read_identity);
            let Some(left) = self.keys.checked_sub(1).filter(|_| secret.is_some()) else {
                continue;
            };
            self.keys = left;
            if secret.is_some_and(|secret| self.trial.identity(secret.expose())) {
                let what = "an identity that the file is sealed to";
                self.fit = Some(Fit { place, range, what });
                return;
            }
        }
    }

    fn texts(&mut self, place: usize, octets: &[u8]) {
        let mut decoded = |octets: &[u8], at: &dyn Fn(Range<usize>) -> Range<usize>| {
            self.windows(place, octets, at);
            self.fit.is_none() && self.file_keys > 0
        };
        hex::each(octets, 32, &mut decoded);
        base64::each(octets, 22, &mut decoded);
    }

    fn raw(&mut self, place: usize, octets: &[u8]) {
        self.windows(place, octets, &|range| range);
    }

    fn windows(&mut self, place: usize, octets: &[u8], at: &dyn Fn(Range<usize>) -> Range<usize>) {
        for start in 0..octets.len() {
            let found = self.window(&octets[start..]);
            if let Some((length, what)) = found {
                let range = at(start..start + length);
                self.fit = Some(Fit { place, range, what });
            }
            if self.fit.is_some() || self.file_keys == 0 {
                return;
            }
        }
    }

    /// Octets of the key that these begin with, if they do.
    fn window(&mut self, octets: &[u8]) -> Option<(usize, &'static str)> {
        let key: &[u8; 16] = octets.first_chunk()?;
        self.file_keys = self.file_keys.saturating_sub(1);
        if self.trial.file_key(key) {
            return Some((16, "the key of the file"));
        }
        let key: &[u8; 32] = octets.first_chunk()?;
        self.keys = self.keys.checked_sub(1)?;
        if self.trial.identity(key) {
            return Some((32, "an identity that the file is sealed to"));
        }
        self.trial
            .payload_key(key)
            .then_some((32, "the key of the payload"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use age::secrecy::ExposeSecret as _;

    use super::*;
    use crate::adversary::{cryptanalyst::testing::random, known_plaintext::base64 as encode};
    use crate::open::age::{Identities, OpenedFile, open};

    /// A sealed file, who it is for, and what a reader knows.
    fn sealed() -> (Vec<u8>, String, OpenedFile) {
        let identity = age::x25519::Identity::generate();
        let recipient = identity.to_public();
        let to = std::iter::once(&recipient as &dyn age::Recipient);
        let mut file = Vec::new();
        let mut writer = age::Encryptor::with_recipients(to)
            .unwrap()
            .wrap_output(&mut file)
            .unwrap();
        writer.write_all(&random(3, 1000)).unwrap();
        writer.finish().unwrap();
        let text = identity.to_string().expose_secret().to_owned();
        let line = format!("AGE_IDENTITY {recipient} {text}");
        let opened = open(&file, &Identities::parse([line.as_str()])).unwrap();
        (file, text, opened)
    }

    #[test]
    fn a_key_that_lies_around_is_found_however_it_is_written() {
        let (file, text, opened) = sealed();
        let trial = Trial::new(&file).unwrap();
        let (file_key, payload_key) = (opened.file_key.expose(), opened.payload_key.expose());
        let identity = *read_identity(&text).unwrap().expose();
        let hex = |octets: &[u8]| {
            octets
                .iter()
                .map(|o| format!("{o:02X}"))
                .collect::<String>()
        };
        let padded = encode(&[&random(1, 4)[..], file_key].concat());
        for (key, what) in [
            (text.clone().into_bytes(), "an identity"),
            (text.to_lowercase().into_bytes(), "an identity"),
            (identity.to_vec(), "an identity"),
            (encode(&identity).into_bytes(), "an identity"),
            (file_key.to_vec(), "the key of the file"),
            (hex(file_key).into_bytes(), "the key of the file"),
            (padded.into_bytes(), "the key of the file"),
            (payload_key.to_vec(), "the key of the payload"),
            (hex(payload_key).into_bytes(), "the key of the payload"),
        ] {
            let place = [&b"key: "[..], &key, b"\n"].concat();
            let fit = sweep(&trial, &[b"nothing", &place]).unwrap();
            assert!(fit.what.starts_with(what), "{fit:?}");
            assert!(fit.place == 1 && fit.range.start >= 5, "{fit:?}");
            assert!(fit.range.end <= place.len(), "{fit:?}");
        }
    }

    #[test]
    fn other_keys_do_not_fit() {
        let ((file, ..), (other, text, opened)) = (sealed(), sealed());
        let trial = Trial::new(&file).unwrap();
        let (key, long) = (opened.file_key.expose(), opened.payload_key.expose());
        let places = [text.as_bytes(), key, long, &other, &random(9, 100_000)];
        assert_eq!(sweep(&trial, &places), None);
        assert!(Trial::new(b"age-encryption.org/v1\n").is_none());
    }
}

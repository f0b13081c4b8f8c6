//! What lies in `rest/`: each file known by its content, sealed ones opened with
//! the escrowed identities.

use lightleak_case::{Case, Session};

use crate::{
    dissect::{
        clip_list::{self, ClipList, KeyError, ListKey},
        mp4::{self, Movie},
    },
    open::{
        age::{self, AgeError, Identities, OpenedFile},
        hpke::{self, HpkeError},
    },
};

/// A stored file.
#[derive(Debug)]
pub struct Stored<'a> {
    /// Its name.
    pub name: &'a str,
    /// All of it.
    pub octets: &'a [u8],
    /// What it is.
    pub content: Content,
}

/// What a stored file is.
#[derive(Debug)]
pub enum Content {
    /// As it lies on the card when the device leaves the factory.
    Factory,
    /// An age file, as far as the escrowed identities open it.
    Sealed(Box<Result<Clip, AgeError>>),
    /// A file that is sealed with HPKE, if an escrowed key opens it.
    Envelope(Result<hpke::OpenedFile, HpkeError>),
    /// A clip list, as far as the declared key verifies it.
    List(Result<ClipList, KeyError>),
    /// Counters: 8 octets each and their complement, in the order of their values,
    /// which no key of SFrame reaches (RFC 9605 9.1).
    Counters,
    /// Public keys of viewers whose private ones were escrowed.
    ViewerKeys,
    /// Something else.
    Unknown,
}

/// A sealed file, opened.
#[derive(Debug)]
pub struct Clip {
    /// The age file.
    pub file: OpenedFile,
    /// The MP4 that it holds.
    pub movie: Movie,
}

impl<'a> Stored<'a> {
    /// All files of a session.
    pub fn all(case: &'a Case, session: &'a Session) -> Vec<Self> {
        let identities = Identities::parse(session.keys.iter().map(String::as_str));
        let keys = hpke::Keys::parse(session.keys.iter().map(String::as_str));
        let key = case.declaration.device.clip_list_key.as_deref();
        let key = ListKey::parse(key.unwrap_or_default());
        let rest = session.rest.iter().flatten();
        let stored = rest.map(|(name, octets)| {
            let content = if case.factory.get(name) == Some(octets) {
                Content::Factory
            } else if age::looks_like(octets) {
                Content::Sealed(Box::new(age::open(octets, &identities).map(|file| {
                    let movie = mp4::dissect(&file.plaintext);
                    Clip { file, movie }
                })))
            } else if hpke::looks_like(octets) {
                Content::Envelope(hpke::open(octets, &keys))
            } else if octets.starts_with(clip_list::INTRODUCTION.as_bytes()) {
                Content::List(key.clone().map(|key| clip_list::read(octets, &key)))
            } else if is_counters(octets) {
                Content::Counters
            } else if is_viewer_keys(octets, &keys) {
                Content::ViewerKeys
            } else {
                Content::Unknown
            };
            Self {
                name,
                octets,
                content,
            }
        });
        stored.collect()
    }

    /// The clip in it, if it is one and opens.
    pub fn clip(&self) -> Option<&Clip> {
        match &self.content {
            Content::Sealed(opened) => opened.as_ref().as_ref().ok(),
            _ => None,
        }
    }

    /// What is sealed with HPKE in it, if it opens.
    pub fn document(&self) -> Option<&hpke::OpenedFile> {
        match &self.content {
            Content::Envelope(opened) => opened.as_ref().ok(),
            _ => None,
        }
    }

    /// The list in it, if it is one and there is a key to verify it.
    pub fn list(&self) -> Option<&ClipList> {
        match &self.content {
            Content::List(Ok(list)) => Some(list),
            _ => None,
        }
    }
}

/// Counters that are taken for counters: more would be enough to hide something.
const MOST_COUNTERS: usize = 64;
/// No counter is as great.
const GREATEST_COUNTER: u64 = 1 << 40;

fn is_counters(octets: &[u8]) -> bool {
    let (records, []) = octets.as_chunks::<16>() else {
        return false;
    };
    let value = |record: &[u8; 16]| {
        let (value, complement) = record.split_first_chunk::<8>()?;
        let value = u64::from_be_bytes(*value);
        let is_whole = complement == (!value).to_be_bytes();
        (is_whole && value < GREATEST_COUNTER).then_some(value)
    };
    let values: Option<Vec<u64>> = records.iter().map(value).collect();
    values.is_some_and(|values| {
        (1..=MOST_COUNTERS).contains(&values.len()) && values.is_sorted_by(|a, b| a < b)
    })
}

fn is_viewer_keys(octets: &[u8], keys: &hpke::Keys) -> bool {
    let (listed, []) = octets.as_chunks::<32>() else {
        return false;
    };
    !listed.is_empty() && listed.iter().all(|key| keys.has_public(key))
}

/// What the device vouches for of a file, if it does so in any list.
pub fn vouched<'a>(stored: &'a [Stored<'_>], name: &str) -> Option<&'a clip_list::Entry> {
    stored.iter().find_map(|file| file.list()?.entry(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_whole_small_and_in_their_order() {
        let records = |values: &[u64]| -> Vec<u8> {
            let record = |v: &u64| [v.to_be_bytes(), (!v).to_be_bytes()].concat();
            values.iter().flat_map(record).collect()
        };
        assert!(is_counters(&records(&[0, 1, 65536])));
        for other in [&[][..], &[1, 1], &[2, 1], &[GREATEST_COUNTER]] {
            assert!(!is_counters(&records(other)), "{other:?}");
        }
        let many: Vec<u64> = (0..=64).collect();
        assert!(!is_counters(&records(&many)));
        let mut changed = records(&[7]);
        changed[15] ^= 1;
        assert!(!is_counters(&changed) && !is_counters(&changed[..15]));
    }
}

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

/// What the device vouches for of a file, if it does so in any list.
pub fn vouched<'a>(stored: &'a [Stored<'_>], name: &str) -> Option<&'a clip_list::Entry> {
    stored.iter().find_map(|file| file.list()?.entry(name))
}

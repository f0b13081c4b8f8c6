//! The owner at home with the memory card: checks the signed lists, and opens
//! what they vouch for.

use std::{collections::BTreeMap, io};

use crate::{
    record::{
        CLIP_PREFIX, LIST_PREFIX,
        beside::{EVENTS_PREFIX, THUMBNAIL_PREFIX},
        list::{self, Entry, ListError},
        mp4::{self, Footage},
    },
    seal::{
        envelope::file::{self, FileError},
        keys::{HpkeKey, ListPublicKey, OwnerIdentity},
        recording::{self, Extent, OpenError},
    },
    world::Disk,
};

/// Who may see the recordings.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Opens the clips.
    pub identity: OwnerIdentity,
    /// Opens what lies beside them.
    pub documents: HpkeKey,
    /// Whose lists are believed.
    pub device: ListPublicKey,
}

/// A clip that the device vouches for.
#[derive(Clone, Debug)]
pub struct Clip {
    /// Its line in the list.
    pub entry: Entry,
    /// What a player finds in it.
    pub footage: Footage,
}

/// What is on a card.
#[derive(Debug, Default)]
pub struct Contents {
    /// Clips that were believed and opened, oldest first.
    pub clips: Vec<Clip>,
    /// Thumbnails and events that opened: name and content.
    pub documents: Vec<(String, Vec<u8>)>,
    /// Files that were not, and why.
    pub refused: Vec<(String, Refusal)>,
}

/// Why a file was not believed or not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The card does not give it.
    #[error("read it: {0}")]
    Read(#[from] io::Error),
    /// A list that the device did not sign.
    #[error("believe it: {0}")]
    List(#[from] ListError),
    /// No list vouches for it.
    #[error("believe it: no list vouches for it")]
    Unlisted,
    /// It is not what the list vouches for.
    #[error("believe it: it is not what the list vouches for")]
    Altered,
    /// Not sealed to the owner, or not at all.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Not sealed to the owner, or another file.
    #[error(transparent)]
    Document(#[from] FileError),
    /// No MP4 inside.
    #[error("play it: {0}")]
    Play(#[from] mp4_atom::Error),
}

impl Owner {
    /// Reads a card. An error of the card itself is the only one.
    pub fn read(&self, disk: &dyn Disk) -> io::Result<Contents> {
        let mut contents = Contents::default();
        let names = disk.list()?;
        let mut entries = BTreeMap::new();
        for name in names.iter().filter(|name| name.starts_with(LIST_PREFIX)) {
            match self.list(disk, name) {
                Ok(listed) => entries.extend(listed),
                Err(refusal) => contents.refused.push((name.clone(), refusal)),
            }
        }
        for name in names.iter().filter(|name| name.starts_with(CLIP_PREFIX)) {
            match self.clip(disk, name, entries.get(name)) {
                Ok(clip) => contents.clips.push(clip),
                Err(refusal) => contents.refused.push((name.clone(), refusal)),
            }
        }
        let beside = [THUMBNAIL_PREFIX, EVENTS_PREFIX];
        let is_beside = |name: &&String| beside.iter().any(|prefix| name.starts_with(prefix));
        for name in names.iter().filter(is_beside) {
            match self.document(disk, name) {
                Ok(octets) => contents.documents.push((name.clone(), octets)),
                Err(refusal) => contents.refused.push((name.clone(), refusal)),
            }
        }
        Ok(contents)
    }

    fn document(&self, disk: &dyn Disk, name: &str) -> Result<Vec<u8>, Refusal> {
        Ok(file::open(&disk.read(name)?, &self.documents, name)?.to_vec())
    }

    fn list(&self, disk: &dyn Disk, name: &str) -> Result<BTreeMap<String, Entry>, Refusal> {
        Ok(list::verify(&disk.read(name)?, &self.device)?)
    }

    fn clip(&self, disk: &dyn Disk, name: &str, entry: Option<&Entry>) -> Result<Clip, Refusal> {
        let entry = entry.ok_or(Refusal::Unlisted)?;
        let sealed = disk.read(name)?;
        let vouched = vouched(&sealed, &entry.extent).ok_or(Refusal::Altered)?;
        let opened = recording::open(vouched, &self.identity)?;
        Ok(Clip {
            entry: entry.clone(),
            footage: mp4::read(&opened.plaintext)?,
        })
    }
}

/// The part of a file that a list vouches for, if it is unaltered.
fn vouched<'a>(sealed: &'a [u8], extent: &Extent) -> Option<&'a [u8]> {
    let part = sealed.get(..usize::try_from(extent.length).ok()?)?;
    (recording::extent(part) == *extent).then_some(part)
}

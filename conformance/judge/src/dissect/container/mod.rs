//! Files of pictures, sound and video by their structure: what a file is that some
//! octets begin with, and which files lie among others.
//!
//! A signature alone is nothing. What counts are parts that refer to one another:
//! checksums that fit, lengths that lead from one part to the next, codes that a
//! decoder reads block by block.

mod boxes;
mod flow;
mod picture;
mod riff;
mod sound;
#[cfg(test)]
mod tests;
mod video;

use std::ops::Range;

use crate::decoder::{Elementary, Format};

/// Octets of a file that are kept.
const MOST_OCTETS: usize = 16 << 20;

/// Signatures of one kind that are looked behind: each look may read to the end.
const MOST_TRIALS: usize = 256;

/// A file, or what there is of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What it is, in a word of lower case: `jpeg`, `flv`.
    pub name: &'static str,
    /// What players take it for.
    pub format: Format,
    /// Where it lies.
    pub range: Range<usize>,
    /// What it is, for people.
    pub what: String,
    /// How surely it is one.
    pub surety: Surety,
    /// It as a player plays it, where that is not what lies there.
    pub played: Option<Vec<u8>>,
}

/// How surely something is a file of media.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Surety {
    /// Its content is encrypted, as it says itself.
    Encrypted,
    /// It may be: a player can tell.
    Possible,
    /// Its structure shows it, far beyond chance.
    Shown,
}

impl File {
    /// The file, for a player, of the octets that it was found in.
    pub fn elementary(&self, octets: &[u8]) -> Elementary {
        let octets = match &self.played {
            Some(played) => played,
            None => octets.get(self.range.clone()).unwrap_or_default(),
        };
        Elementary {
            format: self.format,
            octets: octets.iter().take(MOST_OCTETS).copied().collect(),
        }
    }

    fn new(
        name: &'static str,
        format: Format,
        range: Range<usize>,
        what: impl Into<String>,
        surety: Surety,
    ) -> Self {
        Self {
            name,
            format,
            range,
            what: what.into(),
            surety,
            played: None,
        }
    }

    fn moved(mut self, by: usize) -> Self {
        self.range = self.range.start + by..self.range.end + by;
        self
    }
}

/// The file that some octets begin with.
pub fn at_start(octets: &[u8]) -> Option<File> {
    picture::jpeg(octets)
        .or_else(|| picture::png(octets))
        .or_else(|| riff::file(octets))
        .or_else(|| boxes::file(octets))
        .or_else(|| flow::flv(octets))
        .or_else(|| flow::matroska(octets))
        .or_else(|| flow::transport_stream(octets))
        .or_else(|| flow::program_stream(octets))
        .or_else(|| sound::ogg(octets))
        .or_else(|| sound::adts(octets, 0))
        .or_else(|| sound::mpeg(octets, 0))
}

/// Files that lie among other octets, in order, at most `most`; none overlap but
/// with a different kind of file.
pub fn within(octets: &[u8], most: usize) -> Vec<File> {
    let mut found = Vec::new();
    /// What a file begins with, who reads it, and how many octets lie before.
    type Finder = (&'static [u8], fn(&[u8]) -> Option<File>, usize);
    let finders: [Finder; 8] = [
        (&[0xff, 0xd8, 0xff], picture::jpeg, 0),
        (b"\x89PNG\r\n\x1a\n", picture::png, 0),
        (b"RIFF", riff::file, 0),
        (b"ftyp", boxes::file, 4),
        (b"FLV\x01", flow::flv, 0),
        (b"\x1a\x45\xdf\xa3", flow::matroska, 0),
        (&[0, 0, 1, 0xba], flow::program_stream, 0),
        (b"OggS\0", sound::ogg, 0),
    ];
    for (signature, read, before) in finders {
        let mut behind = 0;
        let mut count = 0;
        let mut trials = 0;
        for at in memchr::memmem::find_iter(octets, signature) {
            let Some(start) = at.checked_sub(before).filter(|start| *start >= behind) else {
                continue;
            };
            trials += 1;
            if count == most || trials > MOST_TRIALS {
                break;
            }
            if let Some(file) = octets.get(start..).and_then(read) {
                behind = start + file.range.end.max(1);
                found.push(file.moved(start));
                count += 1;
            }
        }
    }
    // A fragment, without what comes before it.
    if !found.iter().any(|file| file.format == Format::Mp4)
        && let Some(at) = memchr::memmem::find(octets, b"moof")
        && let Some(start) = at.checked_sub(4)
        && let Some(file) = octets.get(start..).and_then(boxes::file)
    {
        found.push(file.moved(start));
    }
    if !found.iter().any(|file| file.format == Format::Flv) {
        found.extend(flow::flv_joined(octets));
    }
    found.extend(flow::transport_stream_within(octets));
    found.extend(video::within(octets));
    if found.is_empty() {
        found.extend(sound::ogg_joined(octets).or_else(|| sound::within(octets)));
    }
    found.sort_by_key(|file| file.range.start);
    // Thumbnails of a picture are a part of it.
    let mut end = 0;
    found.retain(|file| {
        let is_inside = file.range.end <= end;
        end = end.max(file.range.end);
        !is_inside
    });
    found.truncate(most);
    found
}

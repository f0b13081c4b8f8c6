//! The bundle as a file: a tar archive (POSIX.1-2017, pax, "ustar Interchange
//! Format") of plain files in exactly one form. Whatever is not in that form is
//! damage, so that no octet of a bundle can change unseen.

use std::io::{self, Read, Write};

use tar::{EntryType, Header};

/// Octets of a block.
const BLOCK: usize = 512;

/// Why an archive can't be read further.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not in the form that [`Writer`] writes.
    #[error("{0}")]
    Damaged(String),
}

/// Writes an archive, entry after entry.
#[derive(Debug)]
pub struct Writer<W> {
    to: W,
}

impl<W: Write> Writer<W> {
    /// Begins an archive.
    pub fn new(to: W) -> Self {
        Self { to }
    }

    /// Writes a file of `size` octets. An error is that its name or size does not
    /// fit, or that `content` has fewer octets.
    pub fn entry(&mut self, name: &str, size: u64, content: impl Read) -> io::Result<()> {
        self.begin(name, size)?;
        let copied = io::copy(&mut content.take(size), &mut self.to)?;
        if copied != size {
            return Err(io::Error::other(format!(
                "{name} has {copied} octets instead of {size}: it changed"
            )));
        }
        self.pad(size)
    }

    /// Writes the entry that was read last, as it is.
    pub fn copy<R: Read>(
        &mut self,
        entry: &Entry,
        from: &mut Reader<R>,
    ) -> Result<(), ArchiveError> {
        self.begin(&entry.name, entry.size)?;
        from.content(entry, |part| self.to.write_all(part))?;
        Ok(self.pad(entry.size)?)
    }

    /// Ends the archive.
    pub fn finish(mut self) -> io::Result<W> {
        self.to.write_all(&[0; 2 * BLOCK])?;
        self.to.flush()?;
        Ok(self.to)
    }

    fn begin(&mut self, name: &str, size: u64) -> io::Result<()> {
        let header = header(name, size)
            .map_err(|e| io::Error::other(format!("{name} does not fit into a tar: {e}")))?;
        self.to.write_all(header.as_bytes())
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        self.to.write_all(&[0; BLOCK][..padding(size)])
    }
}

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, which [`check_name`] accepts.
    pub name: String,
    /// Its length in octets.
    pub size: u64,
}

/// Reads an archive, entry after entry, in bounded memory.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
}

impl<R: Read> Reader<R> {
    /// Begins to read.
    pub fn new(from: R) -> Self {
        Self { from }
    }

    /// The next entry, whose [`content`](Self::content) has to be read then; none at
    /// the end of the archive.
    pub fn entry(&mut self) -> Result<Option<Entry>, ArchiveError> {
        let block = self.block()?;
        if block == [0; BLOCK] {
            if self.block()? != [0; BLOCK] {
                return Err(damaged("the end mark is not two blocks of zeros"));
            }
            return match self.from.read(&mut [0])? {
                0 => Ok(None),
                _ => Err(damaged("there are octets behind the end mark")),
            };
        }
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(&block);
        let unlike = || damaged("a header is not as certify writes it");
        let name = header.path_bytes();
        let name = std::str::from_utf8(&name).map_err(|_| unlike())?;
        if let Err(why) = check_name(name) {
            return Err(ArchiveError::Damaged(format!("{name:?}: {why}")));
        }
        match header.entry_type() {
            EntryType::Regular => {}
            EntryType::Symlink | EntryType::Link => {
                return Err(ArchiveError::Damaged(format!(
                    "{name}: is a link; only plain files are taken"
                )));
            }
            _ => {
                return Err(ArchiveError::Damaged(format!(
                    "{name}: is not a plain file"
                )));
            }
        }
        let size = header.entry_size().map_err(|_| unlike())?;
        let expected = self::header(name, size).map_err(|_| unlike())?;
        if expected.as_bytes() != header.as_bytes() {
            let what = format!("{name}: its header is not as certify writes it");
            return Err(ArchiveError::Damaged(what));
        }
        let name = name.to_owned();
        Ok(Some(Entry { name, size }))
    }

    /// Hands out the content of the entry that was read last, part by part.
    pub fn content(
        &mut self,
        entry: &Entry,
        mut part: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), ArchiveError> {
        let mut left = entry.size;
        let mut buffer = vec![0; 64 << 10];
        while left > 0 {
            let most = buffer
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let read = self.from.read(&mut buffer[..most])?;
            if read == 0 {
                let what = format!("{}: the bundle ends {left} octets too early", entry.name);
                return Err(ArchiveError::Damaged(what));
            }
            part(&buffer[..read])?;
            left -= read as u64;
        }
        let mut pad = [0; BLOCK];
        let pad = &mut pad[..padding(entry.size)];
        self.fill(pad)?;
        if pad.iter().any(|octet| *octet != 0) {
            let what = format!("{}: the octets that pad it are not zero", entry.name);
            return Err(ArchiveError::Damaged(what));
        }
        Ok(())
    }

    fn block(&mut self) -> Result<[u8; BLOCK], ArchiveError> {
        let mut block = [0; BLOCK];
        self.fill(&mut block)?;
        Ok(block)
    }

    fn fill(&mut self, octets: &mut [u8]) -> Result<(), ArchiveError> {
        self.from.read_exact(octets).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => damaged("the bundle ends without its end mark"),
            _ => e.into(),
        })
    }
}

/// Whether a file of a bundle may be called that: components of visible characters
/// with `/` between them, none of which leads elsewhere. An error says why not.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.starts_with('/') {
        return Err("leads out of the bundle");
    }
    for component in name.split('/') {
        match component {
            ".." => return Err("leads out of the bundle"),
            "" | "." => return Err("is no name of a file"),
            _ if component.contains('\\') || component.chars().any(char::is_control) => {
                return Err("has a character that no name of a file may have");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Octets from the end of a file to the next block.
fn padding(size: u64) -> usize {
    (size.wrapping_neg() % BLOCK as u64) as usize
}

fn header(name: &str, size: u64) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(EntryType::Regular);
    header.set_cksum();
    Ok(header)
}

fn damaged(what: &str) -> ArchiveError {
    ArchiveError::Damaged(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        for (name, content) in entries {
            writer.entry(name, content.len() as u64, *content).unwrap();
        }
        writer.finish().unwrap()
    }

    fn read(octets: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
        let mut reader = Reader::new(octets);
        let mut entries = Vec::new();
        while let Some(entry) = reader.entry().map_err(|e| e.to_string())? {
            let mut content = Vec::new();
            let part = |part: &[u8]| {
                content.extend_from_slice(part);
                Ok(())
            };
            reader.content(&entry, part).map_err(|e| e.to_string())?;
            entries.push((entry.name, content));
        }
        Ok(entries)
    }

    #[test]
    fn what_is_written_is_read() {
        let long = format!("case/sessions/{}/wire.pcapng", "x".repeat(90));
        let octets = archive(&[("a", b""), (&long, &[7; 513]), ("z/b", &[1; 512])]);
        let entries = read(&octets).unwrap();
        assert_eq!(entries[1], (long, vec![7; 513]));
        assert_eq!(entries.len(), 3);
        assert_eq!(octets.len() % BLOCK, 0);
    }

    #[test]
    fn no_octet_outside_of_content_changes_unseen() {
        let octets = archive(&[("a", b"x"), ("b", b"y")]);
        let content = [BLOCK, 3 * BLOCK];
        for index in (0..octets.len()).filter(|index| !content.contains(index)) {
            for bit in 0..8 {
                let mut damaged = octets.clone();
                damaged[index] ^= 1 << bit;
                assert!(read(&damaged).is_err(), "bit {bit} of octet {index}");
            }
        }
        for length in 0..octets.len() {
            assert!(read(&octets[..length]).is_err(), "{length} octets");
        }
        assert!(read(&[&octets[..], &[0]].concat()).is_err());
    }

    #[test]
    fn links_and_ways_out_are_refused() {
        let mut link = header("a", 0).unwrap();
        link.set_entry_type(EntryType::Symlink);
        link.set_link_name("/etc/passwd").unwrap();
        link.set_cksum();
        assert_eq!(
            read(link.as_bytes()).unwrap_err(),
            "a: is a link; only plain files are taken"
        );
        let mut out = header("a", 0).unwrap();
        for name in ["../a", "/a", "x/../../a"] {
            let field = &mut out.as_old_mut().name;
            field.fill(0);
            field[..name.len()].copy_from_slice(name.as_bytes());
            out.set_cksum();
            assert_eq!(
                read(out.as_bytes()).unwrap_err(),
                format!("{name:?}: leads out of the bundle")
            );
        }
        for name in ["", "a//b", "./a", "a/", "a\\b", "a\nb"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }
}

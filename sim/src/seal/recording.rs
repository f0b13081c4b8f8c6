//! Clips on a memory card: age v1 (age-encryption.org/v1) to one X25519
//! recipient, sealed as they are written. Plaintext stays in memory until a
//! chunk of it is full: [`CHUNK`] octets, sealed and authenticated by itself.

use std::{
    fmt,
    io::{self, Read, Write},
    iter,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use age::{DecryptError, Decryptor, Encryptor, stream::StreamWriter};
use aws_lc_rs::digest::{Context, SHA256};

use super::keys::{OwnerIdentity, OwnerRecipient};
use crate::world::Disk;

/// Octets of plaintext that age seals at a time.
pub const CHUNK: usize = 64 * 1024;

/// How many sealed octets there are, and what they hash to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Octets from the start of the file.
    pub length: u64,
    /// SHA-256 of these octets.
    pub sha256: [u8; 32],
}

/// The file of a clip that is being written. Outside this module only types
/// with `Faulty` in their names are one.
pub trait ClipFile: Send {
    /// Adds plaintext.
    fn write(&mut self, plaintext: &[u8]) -> io::Result<()>;

    /// Octets of plaintext that are not on the card yet, up to [`CHUNK`].
    fn waiting(&self) -> usize;

    /// What is on the card.
    fn extent(&self) -> Extent;

    /// Writes what waits.
    fn finish(self: Box<Self>) -> io::Result<Extent>;
}

/// A clip that is being written.
pub struct ClipWriter {
    stream: StreamWriter<Card>,
    card: Card,
    plaintext: u64,
}

impl ClipWriter {
    /// Makes the file, with a file key of its own that nothing on the card
    /// tells.
    pub fn create(disk: Arc<dyn Disk>, name: &str, to: &OwnerRecipient) -> io::Result<Self> {
        let card = Card::create(disk, name)?;
        let to: &dyn age::Recipient = to.age();
        let stream = Encryptor::with_recipients(iter::once(to))
            .map_err(io::Error::other)?
            .wrap_output(card.clone())?;
        Ok(Self {
            stream,
            card,
            plaintext: 0,
        })
    }
}

impl ClipFile for ClipWriter {
    fn write(&mut self, plaintext: &[u8]) -> io::Result<()> {
        self.stream.write_all(plaintext)?;
        self.plaintext += plaintext.len() as u64;
        Ok(())
    }

    /// A full chunk waits for the next octet, because the last one is marked.
    fn waiting(&self) -> usize {
        match (self.plaintext % CHUNK as u64) as usize {
            0 if self.plaintext > 0 => CHUNK,
            waiting => waiting,
        }
    }

    fn extent(&self) -> Extent {
        self.card.extent()
    }

    fn finish(self: Box<Self>) -> io::Result<Extent> {
        self.stream.finish()?;
        Ok(self.card.extent())
    }
}

impl fmt::Debug for ClipWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClipWriter({} octets)", self.plaintext)
    }
}

/// The extent of some octets.
pub fn extent(octets: &[u8]) -> Extent {
    let mut written = Written::default();
    written.take(octets);
    written.extent()
}

/// What came out of a sealed clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The plaintext of every whole chunk from the start.
    pub plaintext: Vec<u8>,
    /// Whether the last chunk was reached; if not, power was cut, or somebody
    /// changed the file from there on.
    pub complete: bool,
}

/// Opens a clip to its last whole chunk.
pub fn open(sealed: &[u8], identity: &OwnerIdentity) -> Result<Opened, OpenError> {
    let decryptor = Decryptor::new(sealed)?;
    let mut stream = decryptor.decrypt(iter::once(identity.age() as &dyn age::Identity))?;
    let mut plaintext = Vec::new();
    // What was read before an error stays.
    let complete = stream.read_to_end(&mut plaintext).is_ok();
    Ok(Opened {
        plaintext,
        complete,
    })
}

/// Why nothing came out of a clip.
#[derive(Debug, thiserror::Error)]
#[error("open the clip: {0}")]
pub struct OpenError(#[from] DecryptError);

struct Written {
    digest: Context,
    length: u64,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            digest: Context::new(&SHA256),
            length: 0,
        }
    }
}

impl Written {
    fn take(&mut self, octets: &[u8]) {
        self.digest.update(octets);
        self.length += octets.len() as u64;
    }

    fn extent(&self) -> Extent {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.digest.clone().finish().as_ref());
        Extent {
            length: self.length,
            sha256,
        }
    }
}

/// Octets on their way into a file on the card.
#[derive(Clone)]
pub(crate) struct Card {
    disk: Arc<dyn Disk>,
    name: String,
    written: Arc<Mutex<Written>>,
}

impl Card {
    /// Makes the file.
    pub(crate) fn create(disk: Arc<dyn Disk>, name: &str) -> io::Result<Self> {
        disk.create(name)?;
        Ok(Self {
            disk,
            name: name.to_owned(),
            written: Arc::new(Mutex::new(Written::default())),
        })
    }

    /// What is on the card.
    pub(crate) fn extent(&self) -> Extent {
        self.written().extent()
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Card {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.disk.append(&self.name, octets)?;
        self.written().take(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.disk.sync(&self.name)
    }
}

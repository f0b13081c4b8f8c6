//! Where counters come from, and how none comes twice (RFC 9605 9.1).

use std::{fmt, io, sync::Arc};

use crate::world::Disk;

/// Hands out counters, each once.
pub trait Counters: Send {
    /// The first of `count` counters that follow each other and were never
    /// handed out before, not even before a loss of power.
    ///
    /// # Errors
    ///
    /// [`CounterError`] if there are none.
    fn reserve(&mut self, count: u64) -> Result<u64, CounterError>;
}

/// Why there is no counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CounterError {
    /// There are not so many below 2^64.
    #[error("counters are exhausted: {wanted} wanted, {left} left")]
    Exhausted {
        /// How many are wanted.
        wanted: u64,
        /// How many are left.
        left: u64,
    },
    /// What was kept on the card is not whole, and not as a loss of power
    /// leaves it.
    #[error("record {0} of the counters is damaged")]
    Damaged(usize),
    /// The card failed.
    #[error("keep counters: {0}")]
    Disk(io::ErrorKind),
}

/// Counters of a key that is gone when the process is: kept nowhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct VolatileCounters {
    next: u64,
}

impl VolatileCounters {
    /// From this one on.
    pub const fn starting(next: u64) -> Self {
        Self { next }
    }
}

impl Counters for VolatileCounters {
    fn reserve(&mut self, count: u64) -> Result<u64, CounterError> {
        let first = self.next;
        self.next = after(first, count)?;
        Ok(first)
    }
}

/// How many counters are reserved on the card at once: at 30 frames per second
/// it is written to every 36 minutes, and a restart skips so many at most.
pub const RESERVED: u64 = 1 << 16;

/// Counters that survive a loss of power: those up to a limit that is on the
/// card are taken for used.
///
/// A file has one record after the other, the last of which counts: the limit
/// and its complement, in 8 octets each. It is begun anew whenever it is
/// opened, under the next number, and the one before is removed after that.
pub struct DiskCounters {
    disk: Arc<dyn Disk>,
    file: String,
    next: u64,
    limit: u64,
}

impl DiskCounters {
    /// Goes on behind whatever was reserved under this name, which is for one
    /// base key and KID, or for several that share their counters.
    ///
    /// # Errors
    ///
    /// [`CounterError::Disk`] if the card fails; [`CounterError::Damaged`] if
    /// nobody can tell what was reserved.
    pub fn open(disk: Arc<dyn Disk>, name: &str) -> Result<Self, CounterError> {
        let (mut found, mut number) = (None, 0);
        let old = generations(&*disk, name)?;
        for (generation, file) in &old {
            found = found.max(limit(&disk.read(file).map_err(failed)?)?);
            number = number.max(generation + 1);
        }
        // The very first file goes when there is a whole record in another.
        let is_new = old.is_empty() || old.iter().any(|(generation, _)| *generation == 0);
        if found.is_none() && !is_new {
            return Err(CounterError::Damaged(0));
        }
        let next = found.unwrap_or(0);
        let file = format!("{name}.{number}");
        disk.create(&file).map_err(failed)?;
        let counters = Self {
            disk,
            file,
            next,
            limit: next,
        };
        counters.record(next)?;
        for (_, file) in old {
            counters.disk.remove(&file).map_err(failed)?;
        }
        Ok(counters)
    }

    /// Writes a limit down, and returns when it is safe.
    fn record(&self, limit: u64) -> Result<(), CounterError> {
        let mut record = [0; RECORD];
        record[..8].copy_from_slice(&limit.to_be_bytes());
        record[8..].copy_from_slice(&(!limit).to_be_bytes());
        let written = self.disk.append(&self.file, &record);
        written
            .and_then(|()| self.disk.sync(&self.file))
            .map_err(failed)
    }
}

impl Counters for DiskCounters {
    fn reserve(&mut self, count: u64) -> Result<u64, CounterError> {
        let first = self.next;
        let next = after(first, count)?;
        if next > self.limit {
            let limit = next.saturating_add(RESERVED);
            self.record(limit)?;
            self.limit = limit;
        }
        self.next = next;
        Ok(first)
    }
}

impl fmt::Debug for DiskCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file, next, limit, ..
        } = self;
        write!(f, "DiskCounters({file}, {next} of {limit})")
    }
}

/// Octets of a record.
const RECORD: usize = 16;

/// The counter behind `count` ones from `first` on. The very last number is
/// never a counter, so that there is always one behind.
fn after(first: u64, count: u64) -> Result<u64, CounterError> {
    first.checked_add(count).ok_or(CounterError::Exhausted {
        wanted: count,
        left: u64::MAX - first,
    })
}

/// The files of that name with their numbers.
fn generations(disk: &dyn Disk, name: &str) -> Result<Vec<(u64, String)>, CounterError> {
    let files = disk.list().map_err(failed)?.into_iter();
    let numbered = files.filter_map(|file| {
        let number = file.strip_prefix(name)?.strip_prefix('.')?.parse().ok()?;
        Some((number, file))
    });
    Ok(numbered.collect())
}

/// What the records of a file reserve; nothing if it has no whole one. The last
/// may have been cut off by a loss of power, before anything that it reserves
/// was used; should it be damaged instead, twice as much is skipped.
fn limit(octets: &[u8]) -> Result<Option<u64>, CounterError> {
    let mut limit = None;
    let last = octets.len().div_ceil(RECORD).saturating_sub(1);
    for (at, record) in octets.chunks(RECORD).enumerate() {
        limit = match (read(record), limit) {
            (Some(read), _) => limit.max(Some(read)),
            (None, Some(limit)) if at == last => Some(limit.saturating_add(2 * RESERVED)),
            (None, None) if at == last => None,
            (None, _) => return Err(CounterError::Damaged(at)),
        };
    }
    Ok(limit)
}

fn read(record: &[u8]) -> Option<u64> {
    let limit = u64::from_be_bytes(record.get(..8)?.try_into().ok()?);
    let complement = u64::from_be_bytes(record.get(8..)?.try_into().ok()?);
    (complement == !limit).then_some(limit)
}

fn failed(error: io::Error) -> CounterError {
    CounterError::Disk(error.kind())
}

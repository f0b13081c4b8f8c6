//! The payload: chunks of ChaCha20-Poly1305. The nonce of a chunk is its counter
//! in 11 octets, and 1 if it is the final one, else 0.

use std::{fmt, ops::Range};

use super::{Aead, AgeError, TAG, secret::Secret};

/// Octets of plaintext in every chunk but the final one.
pub const CHUNK: usize = 64 * 1024;

/// Octets of a sealed chunk, its tag included.
const SEALED: usize = CHUNK + TAG;
/// Counters that are tried beyond the number of chunks: some may be missing.
const MISSING: u64 = 64;
/// Wrong counters and flags that are tried for one file: each takes about 30
/// microseconds.
const MOST_TRIALS: usize = 8192;

/// A chunk that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Its ciphertext in the file, without the tag.
    pub sealed: Range<usize>,
    /// Its tag in the file.
    pub tag: Range<usize>,
    /// What it holds, in the plaintext of the file.
    pub plaintext: Range<usize>,
    /// The counter that it authenticates with.
    pub counter: u64,
    /// Whether it authenticates as the final one.
    pub last: bool,
}

/// A chunk that authenticates otherwise than its place demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// Index of the chunk.
    pub chunk: usize,
    /// Where it begins in the file.
    pub offset: usize,
    /// How it differs.
    pub difference: Difference,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (chunk, offset) = (self.chunk, self.offset);
        write!(f, "chunk {chunk} at offset {offset} {}", self.difference)
    }
}

/// How a chunk differs from what its place demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Difference {
    /// The counter is that of the chunk before: one key and nonce twice.
    #[error("has counter {counter}, like the chunk before it")]
    NotIncremented {
        /// The counter.
        counter: u64,
    },
    /// The chunk was written for another place.
    #[error("has counter {counter} where {due} is due")]
    OutOfOrder {
        /// Its counter.
        counter: u64,
        /// One more than that of the chunk before.
        due: u64,
    },
    /// The chunk is shorter than the others, hence the last, and not marked so.
    #[error("ends the file and is not marked as final")]
    NotFinal,
    /// The chunk is marked as final, and is not the last.
    #[error("is marked as final, and {octets} octets follow it")]
    FinalNotLast {
        /// How many octets follow in the file.
        octets: usize,
    },
    /// The final chunk is empty, and not the only one.
    #[error("is final and empty, and not the only one")]
    EmptyFinal,
}

/// What was opened of a payload; the fields are those of the file.
#[derive(Debug, Default)]
pub struct Payload {
    pub chunks: Vec<Chunk>,
    pub plaintext: Vec<u8>,
    pub valid: usize,
    pub deviations: Vec<Deviation>,
    pub stopped: Option<AgeError>,
}

/// Opens the payload that begins at `at` in the file.
pub fn open(file: &[u8], at: usize, key: &Secret<32>) -> Payload {
    let mut opening = Opening {
        file,
        aead: Aead::new(key),
        payload: Payload::default(),
        counters: (file.len().saturating_sub(at) / SEALED) as u64 + MISSING,
        trials: MOST_TRIALS,
    };
    opening
        .payload
        .plaintext
        .reserve(file.len().saturating_sub(at));
    let stopped = opening.chunks(at).err();
    opening.payload.stopped = stopped;
    opening.payload
}

/// A payload, half opened.
struct Opening<'a> {
    file: &'a [u8],
    aead: Aead,
    payload: Payload,
    /// Counters below this are tried.
    counters: u64,
    /// How many more may be tried.
    trials: usize,
}

impl Opening<'_> {
    fn chunks(&mut self, mut at: usize) -> Result<(), AgeError> {
        loop {
            let index = self.payload.chunks.len();
            let octets = SEALED.min(self.file.len() - at);
            let end = at + octets;
            let is_end = end == self.file.len();
            let cut = AgeError::Cut {
                chunk: index,
                offset: at,
                octets,
            };
            // Between two chunks the file does not end, unless it was cut.
            if octets < TAG {
                return Err(cut);
            }
            let due = self.payload.chunks.last().map_or(0, |c| c.counter + 1);
            let Some((counter, last)) = self.chunk(at..end, due, is_end) else {
                return Err(match octets {
                    SEALED => AgeError::Chunk {
                        chunk: index,
                        offset: at,
                    },
                    _ => cut,
                });
            };
            self.accept(at..end, (counter, last), due);
            if is_end && (last || octets < SEALED) {
                return Ok(());
            }
            at = end;
        }
    }

    /// Opens a chunk, and tells which counter and flag it has.
    fn chunk(&mut self, range: Range<usize>, due: u64, is_end: bool) -> Option<(u64, bool)> {
        let start = self.payload.plaintext.len();
        let length = range.len() - TAG;
        self.payload.plaintext.resize(start + length, 0);
        let (sealed, tag) = self.file[range].split_at(length);
        let plaintext = &mut self.payload.plaintext[start..];
        let mut opens = |(counter, last): &(u64, bool)| {
            let nonce = nonce(*counter, *last);
            self.aead.open(nonce, sealed, tag, plaintext)
        };
        // A whole chunk at the end of the file may be the last before a cut.
        let likely = [(due, is_end), (due, !is_end)];
        let others = [due.saturating_sub(1)].into_iter().chain(0..self.counters);
        let others = others.flat_map(|counter| [(counter, is_end), (counter, !is_end)]);
        let mut tried = 0;
        let found = (likely.into_iter().chain(others.take(self.trials)))
            .inspect(|_| tried += 1)
            .find(&mut opens);
        self.trials -= usize::saturating_sub(tried, likely.len());
        if found.is_none() {
            self.payload.plaintext.truncate(start);
        }
        found
    }

    fn accept(&mut self, range: Range<usize>, (counter, last): (u64, bool), due: u64) {
        let payload = &mut self.payload;
        let (chunk, is_end) = (payload.chunks.len(), range.end == self.file.len());
        let start = payload.chunks.last().map_or(0, |c| c.plaintext.end);
        let plaintext = start..payload.plaintext.len();
        let is_valid = payload.deviations.is_empty();
        let mut deviate = |difference| {
            payload.deviations.push(Deviation {
                chunk,
                offset: range.start,
                difference,
            });
        };
        if counter != due {
            deviate(match counter + 1 == due {
                true => Difference::NotIncremented { counter },
                false => Difference::OutOfOrder { counter, due },
            });
        }
        match (last, is_end) {
            (true, false) => deviate(Difference::FinalNotLast {
                octets: self.file.len() - range.end,
            }),
            (false, true) if range.len() < SEALED => deviate(Difference::NotFinal),
            (true, true) if plaintext.is_empty() && chunk > 0 => deviate(Difference::EmptyFinal),
            _ => {}
        }
        // A reader takes the chunk that is marked as final before it looks
        // whether something follows.
        let marked_early = |d: &Deviation| matches!(d.difference, Difference::FinalNotLast { .. });
        if is_valid && payload.deviations.iter().all(marked_early) {
            payload.valid = plaintext.end;
        }
        payload.chunks.push(Chunk {
            sealed: range.start..range.end - TAG,
            tag: range.end - TAG..range.end,
            plaintext,
            counter,
            last,
        });
    }
}

/// The nonce of a chunk.
pub fn nonce(counter: u64, last: bool) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&counter.to_be_bytes());
    nonce[11] = last.into();
    nonce
}

//! Who opens.

use std::fmt;

use super::{Frames, Header, KeyId, SFrameError, session::Session, window::Window};
use crate::seal::keys::SFrameOpeningKey;

/// Keys that one receiver keeps.
const MOST_KEYS: usize = 64;

/// Opens the frames of one sender, under as many key generations as it was
/// given keys of.
pub struct Receiver {
    keys: Vec<Key>,
    /// Bits of a KID that count ratchet steps.
    ratchet_bits: u8,
    /// The oldest key generation that has not ended.
    oldest: u64,
    results: Vec<Result<Opened, SFrameError>>,
}

/// What a frame said of itself, and proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Which key.
    pub kid: u64,
    /// Which frame.
    pub ctr: u64,
}

impl Receiver {
    /// A receiver that opens what is sealed with this key and with those of
    /// later ratchet steps. The step before the latest is kept, so that with
    /// R bits for steps it follows up to 2^R - 2 of them at once (with one bit
    /// one, and none is kept).
    ///
    /// # Errors
    ///
    /// [`SFrameError::Library`] if the library refuses the key.
    pub fn new(key: &SFrameOpeningKey) -> Result<Self, SFrameError> {
        Ok(Self {
            keys: vec![Key::new(key)?],
            ratchet_bits: key.id().ratchet_bits(),
            oldest: 0,
            results: Vec::new(),
        })
    }

    /// Opens what is sealed with this key too.
    ///
    /// # Errors
    ///
    /// [`SFrameError::RatchetChanged`] if it has another number of them,
    /// [`SFrameError::KidTaken`] if there is a key of the generation,
    /// [`SFrameError::EpochEnded`] if it has ended, [`SFrameError::Keys`] if
    /// there are too many keys.
    pub fn add_key(&mut self, key: &SFrameOpeningKey) -> Result<(), SFrameError> {
        let (bits, generation) = (key.id().ratchet_bits(), key.id().generation());
        if bits != self.ratchet_bits {
            let expected = self.ratchet_bits;
            return Err(SFrameError::RatchetChanged { bits, expected });
        }
        self.not_ended(generation)?;
        if self.find(generation).is_some() {
            return Err(SFrameError::KidTaken(generation));
        }
        if self.keys.len() >= MOST_KEYS {
            return Err(SFrameError::Keys(MOST_KEYS));
        }
        self.keys.push(Key::new(key)?);
        Ok(())
    }

    /// Ends every key generation before this one: their keys are gone, and
    /// what is sealed with them is refused.
    pub fn end_before(&mut self, generation: u64) {
        let oldest = self.oldest.max(generation);
        self.oldest = oldest;
        self.keys.retain(|key| key.base.id().generation() >= oldest);
    }

    /// Opens frames in place, and says of each which it is or what is wrong
    /// with it. One that is refused is empty afterwards (RFC 9605 4.4.4).
    pub fn open(&mut self, frames: &mut Frames) -> &[Result<Opened, SFrameError>] {
        self.results.clear();
        for at in 0..frames.len() {
            let opened = self.open_one(frames, at);
            if opened.is_err() {
                frames.frame(at).discard();
            }
            self.results.push(opened);
        }
        &self.results
    }

    #[inline]
    fn open_one(&mut self, frames: &mut Frames, at: usize) -> Result<Opened, SFrameError> {
        let mut frame = frames.frame(at);
        let Header { kid, ctr, length } = Header::read(frame.octets())?;
        let generation = kid >> self.ratchet_bits;
        self.not_ended(generation)?;
        let found = self.find(generation);
        let key = found.ok_or(SFrameError::UnknownKid(kid))?;
        let key = &mut self.keys[key];

        let tag_length = key.base.suite().tag_length();
        let least = length + tag_length;
        if frame.octets().len() < least {
            return Err(SFrameError::Short {
                length: frame.octets().len(),
                least,
            });
        }
        let (associated, octets) = frame.split(length);
        key.open(kid, ctr, associated, octets)?;
        frame.shrink(length, tag_length);
        Ok(Opened { kid, ctr })
    }

    fn not_ended(&self, generation: u64) -> Result<(), SFrameError> {
        let oldest = self.oldest;
        if generation < oldest {
            return Err(SFrameError::EpochEnded { generation, oldest });
        }
        Ok(())
    }

    /// Where the key of that generation is.
    #[inline]
    fn find(&self, generation: u64) -> Option<usize> {
        let mut keys = self.keys.iter();
        keys.position(|key| key.base.id().generation() == generation)
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (keys, oldest) = (self.keys.len(), self.oldest);
        write!(f, "Receiver({keys} keys, generations from {oldest})")
    }
}

/// A key generation at work.
struct Key {
    /// The base key of the latest ratchet step.
    base: SFrameOpeningKey,
    now: Step,
    /// The step before, for frames that were overtaken.
    before: Option<(KeyId, Step)>,
}

impl Key {
    fn new(base: &SFrameOpeningKey) -> Result<Self, SFrameError> {
        Ok(Self {
            now: Step::new(base)?,
            base: base.clone(),
            before: None,
        })
    }

    #[inline]
    fn open(
        &mut self,
        kid: u64,
        ctr: u64,
        associated: &[u8],
        octets: &mut [u8],
    ) -> Result<(), SFrameError> {
        let ahead = self.base.id().ahead(kid);
        if ahead == 0 {
            return self.now.open(ctr, associated, octets);
        }
        if let Some((id, before)) = &mut self.before
            && id.kid() == kid
        {
            return before.open(ctr, associated, octets);
        }
        self.catch_up(ahead, ctr, associated, octets)
    }

    /// Opens a frame of a later step. Only one that is authentic makes the key
    /// go on: what a header says is anybody's.
    #[cold]
    fn catch_up(
        &mut self,
        steps: u64,
        ctr: u64,
        associated: &[u8],
        octets: &mut [u8],
    ) -> Result<(), SFrameError> {
        let mut base = self.base.next()?;
        let mut passed = None;
        for _ in 1..steps {
            let next = base.next()?;
            passed = Some(std::mem::replace(&mut base, next));
        }
        let passed = match passed {
            Some(base) => Some((base.id(), Step::new(&base)?)),
            None => None,
        };
        let mut step = Step::new(&base)?;
        step.open(ctr, associated, octets)?;
        let last = std::mem::replace(&mut self.now, step);
        let before = passed.unwrap_or((self.base.id(), last));
        // With one bit the step before could not be told from the next.
        self.before = (base.id().ratchet_bits() > 1).then_some(before);
        self.base = base;
        Ok(())
    }
}

/// A ratchet step at work.
struct Step {
    session: Session,
    window: Window,
}

impl Step {
    fn new(base: &SFrameOpeningKey) -> Result<Self, SFrameError> {
        Ok(Self {
            session: Session::new(base.octets())?,
            window: Window::default(),
        })
    }

    #[inline]
    fn open(&mut self, ctr: u64, associated: &[u8], octets: &mut [u8]) -> Result<(), SFrameError> {
        self.window.admit(ctr)?;
        self.session.open(ctr, associated, octets)?;
        self.window.accept(ctr);
        Ok(())
    }
}

//! Who seals.

use std::fmt;

use super::{
    Counters, Frames, KeyId, SFrameError, Suite,
    header::{Encoded, LONGEST_HEADER},
    session::Session,
};
use crate::seal::keys::{SFrameBaseKey, SFrameOpeningKey};

/// Seals frames with a base key of its own.
pub struct Sender {
    base: SFrameBaseKey,
    session: Session,
    counters: Box<dyn Counters>,
    /// The lowest counter that was not used with this key.
    least: u64,
}

impl Sender {
    /// A sender that has sealed nothing since it was made. The counters must
    /// have served no other with this key.
    ///
    /// # Errors
    ///
    /// [`SFrameError::Library`] if the library refuses the key.
    pub fn new(
        base: SFrameBaseKey,
        counters: impl Counters + 'static,
    ) -> Result<Self, SFrameError> {
        Ok(Self {
            session: Session::new(base.octets())?,
            base,
            counters: Box::new(counters),
            least: 0,
        })
    }

    /// The suite.
    pub fn suite(&self) -> Suite {
        self.base.octets().suite()
    }

    /// What its frames carry.
    pub fn id(&self) -> KeyId {
        self.base.octets().id()
    }

    /// The key for whoever joins now: it opens nothing of an earlier step.
    pub fn opening_key(&self) -> SFrameOpeningKey {
        self.base.opening()
    }

    /// Octets that a sealed frame is longer, at most: header and tag.
    pub fn overhead(&self) -> usize {
        LONGEST_HEADER + self.suite().tag_length()
    }

    /// Seals frames in place, in their order, each with a counter of its own
    /// (RFC 9605 4.4.3).
    ///
    /// # Errors
    ///
    /// What keeps a frame from being sealed. Those before it are sealed then;
    /// it and those behind it are empty.
    pub fn seal(&mut self, frames: &mut Frames) -> Result<(), SFrameError> {
        let count = frames.len();
        let (mut at, mut sealed) = (0, Ok(()));
        match self.counters.reserve(count as u64) {
            Ok(first) => {
                while at < count && sealed.is_ok() {
                    sealed = self.seal_one(frames, at, first.wrapping_add(at as u64));
                    at += usize::from(sealed.is_ok());
                }
            }
            Err(error) => sealed = Err(error.into()),
        }
        (at..count).for_each(|at| frames.frame(at).discard());
        sealed
    }

    /// Goes on with the key of the next ratchet step (RFC 9605 5.1), which
    /// nobody can compute the one before of. Counters go on as they are.
    ///
    /// # Errors
    ///
    /// [`SFrameError::NoRatchet`] if no bits of the KID count steps.
    pub fn ratchet(&mut self) -> Result<(), SFrameError> {
        let next = self.base.next()?;
        self.session = Session::new(next.octets())?;
        self.base = next;
        Ok(())
    }

    #[inline]
    fn seal_one(&mut self, frames: &mut Frames, at: usize, ctr: u64) -> Result<(), SFrameError> {
        if ctr < self.least {
            let least = self.least;
            return Err(SFrameError::CounterUsed { ctr, least });
        }
        // From here on the counter is used, whatever comes.
        self.least = ctr.checked_add(1).ok_or(EXHAUSTED)?;
        let header = Encoded::new(self.id().kid(), ctr);
        let mut frame = frames.frame(at);
        let (associated, octets) = frame.grow(header.octets(), self.session.tag_length)?;
        self.session.seal(ctr, associated, octets)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({:?}, {} used)", self.base, self.least)
    }
}

/// Seals the frames of several senders, as [`Sender::seal`] does.
///
/// # Errors
///
/// The first; the frames of the other senders are sealed all the same.
pub fn seal_all<'a>(
    batch: impl IntoIterator<Item = (&'a mut Sender, &'a mut Frames)>,
) -> Result<(), SFrameError> {
    let seal = |(sender, frames): (&mut Sender, &mut Frames)| sender.seal(frames);
    batch.into_iter().map(seal).fold(Ok(()), Result::and)
}

/// The last number is not used, so that there is always one above.
const EXHAUSTED: SFrameError =
    SFrameError::Counter(super::CounterError::Exhausted { wanted: 1, left: 0 });

//! What a viewer opens the frames of one sender with, from epoch to epoch.

use std::time::Duration;

use crate::seal::{
    keys::SFrameOpeningKey,
    sframe::{Frames, Opened, Receiver, SFrameError},
};

/// How long frames of the epoch before are opened still, after the first of the
/// new one: some are on their way.
pub const GRACE: Duration = Duration::from_secs(2);

/// The keys of one sender.
pub(super) struct Opening {
    receiver: Receiver,
    newest: u64,
    /// Whether there is a key of an epoch before.
    has_older: bool,
    /// When those epochs end.
    end: Option<Duration>,
    /// KID and CTR of the latest frame, and whether none comes before another
    /// that was sealed later.
    latest: Option<(u64, u64)>,
    is_ordered: bool,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Opened,
    /// The same, and one before it is missing.
    OpenedAfterGap,
    /// It is under a key that the viewer has not, or not yet.
    WithoutKey,
    Refused,
}

impl Opening {
    /// For frames that are sealed in the order in which they are to be played, and
    /// arrive in it: the RTP below has put them in order.
    pub(super) fn ordered(key: &SFrameOpeningKey) -> Result<Self, SFrameError> {
        Ok(Self {
            is_ordered: true,
            ..Self::new(key)?
        })
    }

    /// For frames of which some may overtake others.
    pub(super) fn new(key: &SFrameOpeningKey) -> Result<Self, SFrameError> {
        Ok(Self {
            receiver: Receiver::new(key)?,
            newest: key.id().generation(),
            has_older: false,
            end: None,
            latest: None,
            is_ordered: false,
        })
    }

    /// Takes the key of the next epoch.
    pub(super) fn add(&mut self, key: &SFrameOpeningKey) -> Result<(), SFrameError> {
        if let Err(error) = self.receiver.add_key(key) {
            let SFrameError::Keys(_) = error else {
                return Err(error);
            };
            // Epochs of which nothing came.
            self.receiver.end_before(self.newest);
            self.receiver.add_key(key)?;
        }
        self.newest = self.newest.max(key.id().generation());
        self.has_older = true;
        self.end = None;
        Ok(())
    }

    /// Opens one frame in place.
    pub(super) fn open(&mut self, frames: &mut Frames, now: Duration) -> Outcome {
        if self.end.is_some_and(|end| end <= now) {
            self.receiver.end_before(self.newest);
            self.has_older = false;
            self.end = None;
        }
        match self.receiver.open(frames) {
            &[Ok(Opened { kid, ctr })] => {
                if kid == self.newest && self.has_older && self.end.is_none() {
                    self.end = Some(now + GRACE);
                }
                let before = self.latest;
                self.latest = before.max(Some((kid, ctr)));
                match before {
                    // Whoever sends it now has held it back.
                    Some(latest) if self.is_ordered && (kid, ctr) < latest => Outcome::Refused,
                    Some((of, last)) if of == kid && ctr > last + 1 => Outcome::OpenedAfterGap,
                    _ => Outcome::Opened,
                }
            }
            [Err(SFrameError::UnknownKid(_))] => Outcome::WithoutKey,
            _ => Outcome::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{
        keys::SFrameBaseKey,
        sframe::{KeyId, Sender, Suite, VolatileCounters},
    };

    fn sender(kid: u64) -> Sender {
        let base = SFrameBaseKey::new(Suite::Aes128Gcm, KeyId::new(kid), &[kid as u8; 16]);
        Sender::new(base.unwrap(), VolatileCounters::default()).unwrap()
    }

    fn sealed(sender: &mut Sender) -> Frames {
        let mut frames = Frames::new();
        frames.push(b"frame", &[]);
        sender.seal(&mut frames).unwrap();
        frames
    }

    #[test]
    fn a_frame_that_comes_again_is_refused() {
        let mut sender = sender(2);
        let mut opening = Opening::new(&sender.opening_key()).unwrap();
        let frame = sealed(&mut sender);
        let mut open = |frame: &Frames| opening.open(&mut frame.clone(), Duration::ZERO);
        assert_eq!(open(&frame), Outcome::Opened);
        assert_eq!(open(&frame), Outcome::Refused);
        let mut clear = Frames::new();
        clear.push(b"a frame that nobody sealed, of some length", &[]);
        assert_ne!(open(&clear), Outcome::Opened);
    }

    #[test]
    fn an_epoch_ends_some_time_after_the_next_has_begun() {
        let (mut old, mut new) = (sender(2), sender(4));
        let mut opening = Opening::new(&old.opening_key()).unwrap();
        let early = opening.open(&mut sealed(&mut new), Duration::ZERO);
        assert_eq!(early, Outcome::WithoutKey);
        opening.add(&new.opening_key()).unwrap();
        let mut at = |seconds, sender: &mut Sender| {
            opening.open(&mut sealed(sender), Duration::from_secs(seconds))
        };
        // As long as nothing of the new one has come, the old one goes on.
        assert_eq!(at(9, &mut old), Outcome::Opened);
        assert_eq!(at(10, &mut new), Outcome::Opened);
        assert_eq!(at(11, &mut old), Outcome::Opened);
        assert_eq!(at(12, &mut old), Outcome::Refused);
        assert_eq!(at(12, &mut new), Outcome::Opened);
    }

    #[test]
    fn what_is_played_in_order_is_never_older_than_what_was_there_before() {
        let (mut old, mut new) = (sender(2), sender(4));
        let mut opening = Opening::ordered(&old.opening_key()).unwrap();
        opening.add(&new.opening_key()).unwrap();
        let mut open = |frame: &Frames| opening.open(&mut frame.clone(), Duration::ZERO);
        let frames: Vec<_> = (0..5).map(|_| sealed(&mut old)).collect();
        assert_eq!(open(&frames[0]), Outcome::Opened);
        assert_eq!(open(&frames[2]), Outcome::OpenedAfterGap);
        assert_eq!(open(&frames[1]), Outcome::Refused);
        assert_eq!(open(&frames[3]), Outcome::Opened);
        assert_eq!(open(&sealed(&mut new)), Outcome::Opened);
        // It never came before, and its epoch is not over.
        assert_eq!(open(&frames[4]), Outcome::Refused);
        assert_eq!(open(&sealed(&mut new)), Outcome::Opened);
    }
}

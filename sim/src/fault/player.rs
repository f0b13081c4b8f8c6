//! Viewers that play what they should refuse.

use std::fmt;

use crate::{
    h264::byte_stream,
    seal::{
        keys::SFrameOpeningKey,
        sframe::{Frames, Receiver, SFrameError, nal},
    },
};

/// What a viewer plays that it should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlayerFault {
    /// Whatever opens with a key that it ever had, however often it came.
    Repeats,
    /// What is in clear.
    Clear,
}

/// A viewer's player with such a fault.
pub(crate) struct FaultyPlayer {
    fault: PlayerFault,
    /// Every key of video.
    keys: Vec<SFrameOpeningKey>,
}

impl FaultyPlayer {
    pub(crate) fn new(fault: PlayerFault) -> Self {
        Self {
            fault,
            keys: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, key: &SFrameOpeningKey) {
        self.keys.push(key.clone());
    }

    /// What it plays of the NAL units of an access unit; nothing where it does what
    /// an honest one does.
    ///
    /// # Errors
    ///
    /// [`SFrameError::Library`] if the library refuses a key.
    pub(crate) fn faulty_unit(&self, unit: &[Vec<u8>]) -> Result<Option<Vec<u8>>, SFrameError> {
        let mut frames = Frames::new();
        let nals = unit.iter();
        let mut nals = nals.filter(|nal| *nal != nal::COVER_SPS && *nal != nal::COVER_PPS);
        let is_clear = nals.any(|nal| nal::unwrap(nal, &mut frames).is_err());
        match self.fault {
            PlayerFault::Clear if is_clear => Ok(Some(byte_stream(unit))),
            PlayerFault::Repeats if !is_clear => self.open(&frames),
            _ => Ok(None),
        }
    }

    /// Each frame is opened by who remembers none.
    fn open(&self, frames: &Frames) -> Result<Option<Vec<u8>>, SFrameError> {
        for key in &self.keys {
            let mut frames = frames.clone();
            if let [Ok(_)] = Receiver::new(key)?.open(&mut frames) {
                return Ok(frames.iter().next().map(<[u8]>::to_vec));
            }
        }
        Ok(None)
    }
}

impl fmt::Debug for FaultyPlayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FaultyPlayer({:?})", self.fault)
    }
}

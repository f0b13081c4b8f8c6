//! What a session sees of who seals its frames.

use std::fmt;

use super::{Frames, SFrameError, Sender};

/// Whoever seals the frames of one sender. Outside this module only types with
/// `Faulty` in their names are one.
pub trait FrameSealer: Send + fmt::Debug {
    /// As [`Sender::seal`].
    fn seal(&mut self, frames: &mut Frames) -> Result<(), SFrameError>;
}

impl FrameSealer for Sender {
    fn seal(&mut self, frames: &mut Frames) -> Result<(), SFrameError> {
        self.seal(frames)
    }
}

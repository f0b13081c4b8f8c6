//! Reads the mark (`conformance/schema/mark.md`) from a decoded picture.

use crate::decoder::Picture;

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Mark {
    /// Number of the device.
    pub unit: u16,
    /// Number of the frame.
    pub frame: u32,
    /// One per run.
    pub nonce: u32,
}

/// The mark of the picture, if it has one.
pub fn read(picture: &Picture) -> Option<Mark> {
    let _ = picture;
    None
}

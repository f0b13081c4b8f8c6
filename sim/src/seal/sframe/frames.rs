//! A batch of frames.

use super::{SFrameError, header::LONGEST_HEADER, session::LONGEST_TAG};

/// Octets of a cache line. Ciphers are faster by some percent on octets that begin
/// where one does. In a buffer that has just grown they may not.
const LINE: usize = 64;

/// Frames, in one buffer that is used again. Each has room before it for a
/// header and behind it for a tag, so that it is sealed where it lies; and its
/// metadata, which is authenticated and not part of it.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    /// Per frame room for a header, and the metadata.
    associated: Vec<u8>,
    slots: Vec<Slot>,
}

impl Frames {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many frames there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The frames in the order in which they were added. One that could not be
    /// sealed or opened is empty.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let octets = |slot: &Slot| &self.bytes[slot.start..slot.end];
        self.slots.iter().map(octets)
    }

    /// The metadata of the frames, in the same order.
    pub fn metadata(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let octets = |slot: &Slot| &self.associated[slot.metadata..slot.metadata_end];
        self.slots.iter().map(octets)
    }

    /// Adds a frame with its metadata.
    pub fn push(&mut self, frame: &[u8], metadata: &[u8]) {
        self.push_parts([frame], metadata);
    }

    /// Adds a frame of these octets, one part after the other.
    pub fn push_parts<'a>(&mut self, parts: impl IntoIterator<Item = &'a [u8]>, metadata: &[u8]) {
        let slot = self.bytes.len();
        let place = self.bytes.as_ptr().addr() + slot + LONGEST_HEADER;
        let before = place.wrapping_neg() % LINE;
        let first = slot + before;
        let start = first + LONGEST_HEADER;
        self.bytes.resize(start, 0);
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        let end = self.bytes.len();
        let limit = end + LONGEST_TAG;
        // As much in all wherever the buffer lies, so that it need not grow again.
        self.bytes.resize(limit + LINE - before, 0);
        let at = self.associated.len() + LONGEST_HEADER;
        self.associated.resize(at, 0);
        self.associated.extend_from_slice(metadata);
        self.slots.push(Slot {
            first,
            start,
            end,
            limit,
            metadata: at,
            metadata_end: self.associated.len(),
        });
    }

    /// Removes all frames; the buffer stays.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.associated.clear();
        self.slots.clear();
    }

    /// The frame at that place, to be worked on where it lies.
    #[inline]
    pub(super) fn frame(&mut self, at: usize) -> Frame<'_> {
        Frame {
            bytes: &mut self.bytes,
            associated: &mut self.associated,
            slot: &mut self.slots[at],
        }
    }
}

/// A frame that is worked on.
pub(super) struct Frame<'a> {
    bytes: &'a mut [u8],
    associated: &'a mut [u8],
    slot: &'a mut Slot,
}

impl Frame<'_> {
    /// The octets of the frame.
    #[inline]
    pub(super) fn octets(&self) -> &[u8] {
        &self.bytes[self.slot.start..self.slot.end]
    }

    /// Puts a header before the frame and room for a tag behind it: what is
    /// authenticated, and the frame with that room.
    #[inline]
    pub(super) fn grow(
        &mut self,
        header: &[u8],
        tag_length: usize,
    ) -> Result<(&[u8], &mut [u8]), SFrameError> {
        let slot = &mut *self.slot;
        if slot.start - slot.first < header.len() || slot.limit - slot.end < tag_length {
            return Err(SFrameError::Sealed);
        }
        slot.start -= header.len();
        slot.end += tag_length;
        self.bytes[slot.start..slot.start + header.len()].copy_from_slice(header);
        Ok(self.split(header.len()))
    }

    /// What is authenticated, and what is behind the header of so many octets.
    #[inline]
    pub(super) fn split(&mut self, header: usize) -> (&[u8], &mut [u8]) {
        let slot = &*self.slot;
        let (head, rest) = self.bytes[slot.start..slot.end].split_at_mut(header);
        if slot.metadata == slot.metadata_end {
            // It lies where it is.
            return (head, rest);
        }
        let from = slot.metadata - header;
        self.associated[from..slot.metadata].copy_from_slice(head);
        (&self.associated[from..slot.metadata_end], rest)
    }

    /// Takes away so many octets at both ends.
    #[inline]
    pub(super) fn shrink(&mut self, header: usize, tag_length: usize) {
        self.slot.start += header;
        self.slot.end -= tag_length;
    }

    /// Leaves nothing of the frame.
    pub(super) fn discard(&mut self) {
        self.bytes[self.slot.start..self.slot.end].fill(0);
        self.slot.end = self.slot.start;
    }
}

/// Where a frame lies: its octets, and the room that they are in; and its
/// metadata.
#[derive(Clone, Copy, Debug)]
struct Slot {
    first: usize,
    start: usize,
    end: usize,
    limit: usize,
    metadata: usize,
    metadata_end: usize,
}

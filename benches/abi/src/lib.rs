//! How a benchmark and a peer talk: a peer is an implementation of SRTP or SFrame
//! that is not ours, in a library of its own that the benchmark loads.
//!
//! A peer implements [`Peer`] and names itself in [`export!`]; whoever loads it has
//! `load::Library`. All that is unsafe of both is in this crate, but for what
//! calls C.

mod export;
#[cfg(feature = "load")]
pub mod load;

use std::hint::black_box;

pub use export::{Batch, Octets, Table};

/// Units (RTP packets, or whole frames) that lie one behind the other in one
/// buffer, each with room behind it.
#[derive(Clone, Debug, Default)]
pub struct Units {
    /// The octets of all.
    pub bytes: Vec<u8>,
    /// Where each lies.
    pub slots: Vec<Slot>,
}

/// Where a unit lies: its octets, and where its room ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Slot {
    /// Its first octet.
    pub start: usize,
    /// Behind its last octet.
    pub end: usize,
    /// Behind its room.
    pub limit: usize,
}

impl Units {
    /// Adds a unit that has so many octets of room behind it.
    pub fn push(&mut self, unit: &[u8], room: usize) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(unit);
        let end = self.bytes.len();
        let limit = end + room;
        self.bytes.resize(limit, 0);
        self.slots.push(Slot { start, end, limit });
    }

    /// The units in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.slots
            .iter()
            .map(|slot| &self.bytes[slot.start..slot.end])
    }
}

/// Another implementation, with one key, as either side.
pub trait Peer: Sized {
    /// With a suite by its name in the IANA registry and a key: for SRTP the
    /// master key and the master salt; for SFrame the base key, and the key ID in
    /// 8 octets. `None` if it does not have the suite.
    fn new(suite: &str, side: Side, key: &[u8], salt: &[u8]) -> Option<Self>;

    /// Seals or opens a unit, as its side is; `None` if it refuses.
    fn process(&mut self, unit: Unit<'_>) -> Option<()>;
}

/// Which side of a session one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub enum Side {
    /// Who seals.
    Seal,
    /// Who opens.
    Open,
}

/// A unit that a peer seals or opens.
#[derive(Debug)]
pub struct Unit<'a> {
    bytes: &'a mut [u8],
    length: &'a mut usize,
    keep: bool,
}

impl Unit<'_> {
    /// Its octets.
    pub fn octets(&self) -> &[u8] {
        &self.bytes[..*self.length]
    }

    /// Its octets and its room, and how many are octets: for peers that work in
    /// place, which say how many there are afterwards.
    pub fn in_place(&mut self) -> (&mut [u8], &mut usize) {
        (self.bytes, self.length)
    }

    /// Takes what a peer has made elsewhere; it is copied only where somebody
    /// will look at it, never while time is taken. `None` if it does not fit.
    pub fn replace(self, made: &[u8]) -> Option<()> {
        let made = black_box(made);
        if self.keep {
            self.bytes.get_mut(..made.len())?.copy_from_slice(made);
            *self.length = made.len();
        }
        Some(())
    }
}

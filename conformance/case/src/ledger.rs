//! The ledger: the plaintext that the device produced, which must never be
//! seen. `<track>.bin` is the access units one after the other, each NAL unit
//! with a start code (Annex B); `<track>.idx` is a text line per access unit.

use std::collections::BTreeMap;

/// All tracks by name (`video`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Track name to track.
    pub tracks: BTreeMap<String, Track>,
}

/// One track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Track {
    /// Annex B byte stream of all units.
    pub bytes: Vec<u8>,
    /// The access units in order; they cover `bytes` without gap or overlap.
    pub units: Vec<Unit>,
}

/// One access unit of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Where it begins in the track's bytes.
    pub offset: usize,
    /// Its length in octets, start codes included.
    pub length: usize,
    /// Frame number.
    pub number: u32,
    /// When it was produced, nanoseconds since 1970.
    pub time_ns: u64,
    /// Whether it is a key frame.
    pub key_frame: bool,
}

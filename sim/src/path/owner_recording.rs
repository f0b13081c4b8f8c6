//! `owner.recording`: the owner takes the memory card out and reads it. What is
//! on it was written by [`crate::record`].

use super::{Served, TransportPath};
use crate::claim::{Carriage, EndToEnd, Hop};

/// The path.
pub const PATH: TransportPath = TransportPath {
    id: "owner.recording",
    title: "clips on the memory card, fragmented MP4 inside age, with a signed list",
    served: Served::Card,
    carriage: Carriage::Recording,
    hop: Hop::None,
    end_to_end: EndToEnd::Age,
};

//! The decoys: honest cameras in circumstances that look wrong. They must
//! pass: a false alarm costs as much trust as a miss.

use super::Fault;

/// Looks wrong, must pass.
#[derive(Clone, Copy, Debug)]
pub struct Decoy {
    /// Its id, never used for another.
    pub id: &'static str,
    /// Why it looks wrong and is right.
    pub story: &'static str,
    /// Where that was seen, or whose idea it is.
    pub source: &'static str,
    /// What is unusual about the camera, if anything.
    pub fault: Fault,
    /// What is unusual around it.
    pub surroundings: Surroundings,
}

impl Decoy {
    /// The decoy of that id.
    pub fn find(id: &str) -> Option<&'static Self> {
        DECOYS.iter().find(|d| d.id == id)
    }
}

/// The network around a camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Segments are lost, reordered and sent again on the way.
    pub rough: bool,
    /// Another host sends random octets in the form of RTP and RTSP.
    pub lookalike_neighbour: bool,
}

/// All of them.
pub const DECOYS: &[Decoy] = &[
    Decoy {
        id: "decoy.rough-network",
        story: "segments are lost, reordered and retransmitted: sealed octets are seen twice",
        source: "any busy network",
        fault: Fault::NONE,
        surroundings: Surroundings {
            rough: true,
            lookalike_neighbour: false,
        },
    },
    Decoy {
        id: "decoy.lookalike-neighbour",
        story: "another host in the same capture sends random octets that look like RTP and RTSP",
        source: "of our own making",
        fault: Fault::NONE,
        surroundings: Surroundings {
            rough: false,
            lookalike_neighbour: true,
        },
    },
];

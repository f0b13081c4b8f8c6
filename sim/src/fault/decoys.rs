//! The decoys: honest cameras in circumstances that look wrong. They must
//! pass: a false alarm costs as much trust as a miss.

use super::Fault;
use crate::factory::FactoryImage;

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

/// What is around a camera: the network, the card, the scene, and who watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// Segments are lost, reordered and sent again on the way.
    pub rough: bool,
    /// Another host sends random octets in the form of RTP and RTSP.
    pub lookalike_neighbour: bool,
    /// The power is cut while a clip is written.
    pub power_cut: bool,
    /// What the card holds when it comes from the factory.
    pub factory: Option<FactoryImage>,
    /// All is still and silent in front of it.
    pub quiet: bool,
    /// Whoever watches honestly does so together with somebody else.
    pub second_viewer: bool,
}

impl Surroundings {
    /// Nothing unusual.
    pub const NONE: Self = Self {
        rough: false,
        lookalike_neighbour: false,
        power_cut: false,
        factory: None,
        quiet: false,
        second_viewer: false,
    };
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
            ..Surroundings::NONE
        },
    },
    Decoy {
        id: "decoy.lookalike-neighbour",
        story: "another host in the same capture sends random octets that look like RTP and RTSP",
        source: "of our own making",
        fault: Fault::NONE,
        surroundings: Surroundings {
            lookalike_neighbour: true,
            ..Surroundings::NONE
        },
    },
    Decoy {
        id: "decoy.power-cut-clip",
        story: "the power is cut while a clip is written: its last chunk does not authenticate",
        source: "any camera with a plug",
        fault: Fault::NONE,
        surroundings: Surroundings {
            power_cut: true,
            ..Surroundings::NONE
        },
    },
    Decoy {
        id: "decoy.boot-logo",
        story: "a picture in clear lies on the card: the logo that the factory put there",
        source: "any camera with a screen",
        fault: Fault::NONE,
        surroundings: Surroundings {
            factory: Some(FactoryImage::BootLogo),
            ..Surroundings::NONE
        },
    },
    Decoy {
        id: "decoy.lookalike-data",
        story: "random octets with start codes and NAL unit headers lie on the card from the factory",
        source: "of our own making",
        fault: Fault::NONE,
        surroundings: Surroundings {
            factory: Some(FactoryImage::Lookalike),
            ..Surroundings::NONE
        },
    },
    Decoy {
        id: "decoy.silence-filler",
        story: "the scene is still and silent, and the encoder fills up: plaintext of long constant runs",
        source: "any camera in an empty room",
        fault: Fault::NONE,
        surroundings: Surroundings {
            quiet: true,
            ..Surroundings::NONE
        },
    },
    Decoy {
        id: "decoy.srtp-avp",
        story: "the description calls SRTP RTP/AVP: what matters is that it is sealed",
        source: "bluenviron/gortsplib#1148",
        fault: Fault {
            description: Some(|description| {
                let text = String::from_utf8_lossy(description).replace(" RTP/SAVP ", " RTP/AVP ");
                *description = text.into_bytes();
            }),
            ..Fault::NONE
        },
        surroundings: Surroundings::NONE,
    },
    Decoy {
        id: "decoy.two-viewers",
        story: "two viewers watch at the same time: the same frames are sealed twice, under different keys",
        source: "any camera with two phones",
        fault: Fault::NONE,
        surroundings: Surroundings {
            second_viewer: true,
            ..Surroundings::NONE
        },
    },
];

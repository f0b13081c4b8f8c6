//! Mutants of which a relay that works against its viewers makes use.

use super::Mutant;
use crate::fault::{Fault, PlayerFault, PortalFault};

const PATH: &str = "portal.webrtc";

pub(super) const ROWS: &[Mutant] = &[
    Mutant {
        id: "relay.replays-frames",
        path: PATH,
        expected: &["SFR-16"],
        story: "old sealed frames that the server sends again are played again",
        source: "of our own making (catalogue, SFR-16)",
        fault: Fault {
            portal: PortalFault {
                player: Some(PlayerFault::Repeats),
                ..PortalFault::NONE
            },
            ..Fault::NONE
        },
    },
    Mutant {
        id: "e2ee.plain-accept",
        path: PATH,
        expected: &["SFR-16"],
        story: "a viewer plays what the server sends in clear on a stream that is sealed from end to end",
        source: "jitsi/lib-jitsi-meet#1116",
        fault: Fault {
            portal: PortalFault {
                player: Some(PlayerFault::Clear),
                ..PortalFault::NONE
            },
            ..Fault::NONE
        },
    },
    Mutant {
        id: "relay.cached-keyframe",
        path: PATH,
        expected: &["SFR-11"],
        story: "the camera begins in clear before it seals, and the server keeps that key frame and sends it to whoever begins to watch",
        source: "of our own making (catalogue, SFR-11)",
        fault: Fault {
            portal: PortalFault {
                clear_start: true,
                ..PortalFault::NONE
            },
            ..Fault::NONE
        },
    },
];

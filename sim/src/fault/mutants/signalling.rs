//! Mutants that let somebody in to signalling, or give keys to somebody.

use std::time::Duration;

use super::Mutant;
use crate::fault::Fault;

const PATH: &str = "app.webrtc";

pub(super) const ROWS: &[Mutant] = &[
    Mutant {
        id: "webrtc.offer-open",
        path: PATH,
        expected: &["WHEP-01", "IOT-08"],
        story: "an offer is answered whether or not its sender is logged in",
        source: "the web portal leak (The Verge, Nov 2022), in signalling of WebRTC",
        fault: Fault {
            demands_token: Some(|_, path| path != "/webrtc"),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.keys-open",
        path: PATH,
        expected: &["WHEP-01"],
        story: "keys of a session are given to whoever knows its address",
        source: "of our own making (catalogue, WHEP-01)",
        fault: Fault {
            demands_token: Some(|_, path| !path.ends_with("/key")),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.delete-noauth",
        path: PATH,
        expected: &["IOT-06"],
        story: "whoever knows the address of a session ends it",
        source: "of our own making (catalogue, WHIP-02)",
        fault: Fault {
            demands_token: Some(|method, _| method != hyper::Method::DELETE),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.token-forever",
        path: PATH,
        expected: &["WHEP-01"],
        story: "a token has an end that nobody looks at",
        source: "of our own making (catalogue, WHEP-01)",
        fault: Fault {
            token_lifetime: Some(Duration::MAX),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.outlives-end",
        path: PATH,
        expected: &["WHEP-01"],
        story: "the end of a session is answered with 200, and media go on",
        source: "of our own making (catalogue, WHEP-01)",
        fault: Fault {
            keeps_ended: true,
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.banner",
        path: PATH,
        expected: &["IOT-08"],
        story: "every answer over HTTP tells the serial number, to whoever asks",
        source: "of our own making (catalogue, IOT-08)",
        fault: Fault {
            web_banner: Some(|settings| format!("camera/{}", settings.serial)),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.sequential-ids",
        path: PATH,
        expected: &["WHIP-03"],
        story: "addresses of sessions are counted",
        source: "of our own making (catalogue, WHIP-03)",
        fault: Fault {
            session_id: Some(|device| format!("{:032x}", device.faulty.faulty_session_number())),
            ..Fault::NONE
        },
    },
    Mutant {
        id: "webrtc.takes-any-viewer",
        path: PATH,
        expected: &["SFR-15"],
        story: "keys are wrapped for a viewer key that the owner did not sign",
        source: "of our own making (catalogue, SFR-15: relay.ghost-viewer at the camera)",
        fault: Fault {
            enrols: Some(|_, _, _| true),
            ..Fault::NONE
        },
    },
];

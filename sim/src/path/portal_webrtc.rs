//! `portal.webrtc`: whoever has an account at the vendor's portal watches in a
//! browser. The camera publishes to the vendor's server over WHIP, viewers
//! watch there over WHEP; DTLS-SRTP on both hops, and SFrame from end to end,
//! which the server has no keys of ([`crate::relay`], [`crate::portal`]).

use super::{Served, TransportPath};
use crate::claim::{Carriage, EndToEnd, Hop};

/// The path. A camera has it if it publishes to a server
/// ([`Settings::portal`](crate::camera::Settings::portal)).
pub const PATH: TransportPath = TransportPath {
    id: "portal.webrtc",
    title: "WebRTC through the vendor's server, WHIP in and WHEP out, SFrame inside",
    served: Served::Relay,
    carriage: Carriage::Webrtc,
    hop: Hop::DtlsSrtp,
    end_to_end: EndToEnd::Sframe,
};

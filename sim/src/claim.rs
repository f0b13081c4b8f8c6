//! What a camera says of its transport paths.

use std::net::SocketAddr;

use crate::path::TransportPath;

/// A claim about one transport path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The path's id.
    pub path: &'static str,
    /// Where a client finds it.
    pub url: String,
    /// The TCP endpoint that it listens on.
    pub endpoint: SocketAddr,
    /// How media travels.
    pub carriage: Carriage,
    /// Protection between the device and the next hop.
    pub hop: Hop,
    /// Protection between the device and the viewer.
    pub end_to_end: EndToEnd,
}

impl Claim {
    pub(crate) fn new(path: &TransportPath, endpoint: SocketAddr) -> Self {
        Self {
            path: path.id,
            url: path.listen.url(endpoint),
            endpoint,
            carriage: path.carriage,
            hop: path.hop,
            end_to_end: path.end_to_end,
        }
    }
}

/// How media travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carriage {
    /// RTP interleaved in RTSP (RFC 2326 10.12).
    RtspInterleaved,
}

/// Protection of one hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// TLS 1.2 or 1.3 around everything.
    Tls,
}

/// Protection from end to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndToEnd {
    /// None: who ends the hop sees the picture.
    None,
}

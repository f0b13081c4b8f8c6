//! What a camera says of its transport paths.

use std::net::SocketAddr;

use crate::path::{Listen, TransportPath};

/// A claim about one transport path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The path's id.
    pub path: &'static str,
    /// Where a client finds it.
    pub url: String,
    /// The TCP endpoint that it listens on; none if it is not on the network.
    pub endpoint: Option<SocketAddr>,
    /// How media travels.
    pub carriage: Carriage,
    /// Protection between the device and the next hop.
    pub hop: Hop,
    /// Protection between the device and the viewer.
    pub end_to_end: EndToEnd,
}

impl Claim {
    pub(crate) fn network(path: &TransportPath, listen: Listen, local: SocketAddr) -> Self {
        Self::device(path, listen.url(local), local)
    }

    /// Of a path that the vendor's server serves at that address.
    pub fn relay(path: &TransportPath, endpoint: SocketAddr) -> Self {
        Self::new(path, format!("https://{endpoint}/"), Some(endpoint))
    }

    /// Of a path that a device of somebody else serves there.
    pub fn device(path: &TransportPath, url: String, endpoint: SocketAddr) -> Self {
        Self::new(path, url, Some(endpoint))
    }

    pub(crate) fn card(path: &TransportPath) -> Self {
        Self::new(path, "card:".into(), None)
    }

    fn new(path: &TransportPath, url: String, endpoint: Option<SocketAddr>) -> Self {
        Self {
            path: path.id,
            url,
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
    /// RTP over UDP, or interleaved in RTSP, as RTSP agrees (RFC 2326 10.4).
    Rtp,
    /// WebRTC: RTP over UDP where ICE finds a way (RFC 8825).
    Webrtc,
    /// Files on a memory card.
    Recording,
}

/// Protection of one hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// None: there is no hop, or it is not protected.
    None,
    /// TLS 1.2 or 1.3 around everything.
    Tls,
    /// SRTP around media, TLS around the RTSP that delivers its keys.
    Srtp,
    /// SRTP around media, keys by DTLS (RFC 5764), TLS around the signalling.
    DtlsSrtp,
}

/// Protection from end to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndToEnd {
    /// None: who ends the hop sees the picture.
    None,
    /// age v1, to the owner's X25519 recipient.
    Age,
    /// SFrame (RFC 9605), keys to viewers that the owner enrolled.
    Sframe,
}

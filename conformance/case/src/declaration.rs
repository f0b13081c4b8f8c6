//! `declaration.toml`: what the device says of itself. Claims, not facts.

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, SocketAddr},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{Error, toml_file};

/// The declaration of one device (a lab's ICS and IXIT).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// Always [`Declaration::SCHEMA`].
    pub schema: String,
    /// Who it is.
    pub device: Device,
    /// Every network interface it says that it offers.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// Every transport path it says that it has.
    #[serde(default)]
    pub paths: Vec<TransportPath>,
}

impl Declaration {
    /// The value of `schema`.
    pub const SCHEMA: &str = "lightleak.declaration/1";

    /// Reads the file, which must exist. Another schema, unknown fields and
    /// malformed TOML are [`Error::Damaged`] with the place.
    pub fn read(path: &Path) -> Result<Self, Error> {
        toml_file::read(path, Self::SCHEMA)
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        toml_file::write(path, self)
    }

    /// The declared endpoint at that address, if there is one.
    pub fn endpoint(
        &self,
        transport: TransportProtocol,
        address: IpAddr,
        port: u16,
    ) -> Option<&Endpoint> {
        self.endpoints
            .iter()
            .find(|e| (e.transport, e.address, e.port) == (transport, address, port))
    }

    /// The declared path that is served at that address, if there is one.
    pub fn path_at(&self, transport: TransportProtocol, at: SocketAddr) -> Option<&TransportPath> {
        let endpoint = self.endpoint(transport, at.ip(), at.port())?;
        self.path(&endpoint.path)
    }

    /// Whether a server of somebody else serves a path for the device: none of the
    /// interfaces that are declared for it is at one of the device's addresses.
    pub fn is_relayed(&self, path: &str) -> bool {
        let mut endpoints = self.endpoints.iter().filter(|e| e.path == path).peekable();
        let is_elsewhere = |e: &Endpoint| !self.device.addresses.contains(&e.address);
        endpoints.peek().is_some() && endpoints.all(is_elsewhere)
    }

    /// The addresses of who serves a path: the device, or a server of somebody else
    /// that does it for the device.
    pub fn servers(&self, path: &str) -> BTreeSet<IpAddr> {
        let endpoints = self.endpoints.iter().filter(|e| e.path == path);
        match self.is_relayed(path) {
            true => endpoints.map(|e| e.address).collect(),
            false => self.device.addresses.iter().copied().collect(),
        }
    }

    /// Whether some path is declared to be served at that address.
    pub fn serves_at(&self, address: IpAddr) -> bool {
        self.endpoints.iter().any(|e| e.address == address)
    }

    /// The declared path of that id, if there is one.
    pub fn path(&self, id: &str) -> Option<&TransportPath> {
        self.paths.iter().find(|p| p.id == id)
    }
}

/// The device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Maker.
    pub vendor: String,
    /// Model name.
    pub model: String,
    /// Serial number.
    pub serial: String,
    /// Firmware version.
    pub firmware: String,
    /// Unit number that its mark carries.
    pub unit: u16,
    /// Its network addresses.
    pub addresses: Vec<IpAddr>,
    /// The Ed25519 public key (RFC 8032) that its clip lists are signed with,
    /// in hexadecimal, if it signs any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_list_key: Option<String>,
    /// The Ed25519 public key (RFC 8032) of the owner that it was paired with,
    /// whose signatures enrol viewers, in hexadecimal, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_key: Option<String>,
}

/// A port that the device listens on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// TCP or UDP.
    pub transport: TransportProtocol,
    /// Its address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Id of the transport path that it belongs to.
    pub path: String,
}

/// Transport protocol of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportProtocol {
    /// TCP (RFC 9293).
    Tcp,
    /// UDP (RFC 768).
    Udp,
    /// SCTP (RFC 9260); no endpoint is declared so.
    #[serde(skip)]
    Sctp,
}

impl fmt::Display for TransportProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TransportProtocol::Tcp => "TCP",
            TransportProtocol::Udp => "UDP",
            TransportProtocol::Sctp => "SCTP",
        })
    }
}

/// One route out of the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransportPath {
    /// Its id, such as `nvr.rtsps`.
    pub id: String,
    /// Where a client finds it; `card:` is the device's memory card.
    pub url: String,
    /// How media travels.
    pub carriage: Carriage,
    /// Protection between the device and the next hop.
    pub hop: Hop,
    /// Protection between the device and the viewer.
    pub end_to_end: EndToEnd,
    /// What a page that viewers load there, and its parts, are pinned to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<Page>,
}

/// A page, or a part of it, that is known by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Path of its URL, such as `/portal.js`.
    pub path: String,
    /// SHA-256 of its octets, in hexadecimal.
    pub sha256: String,
}

/// How media travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Carriage {
    /// RTP interleaved in RTSP (RFC 2326 10.12).
    RtspInterleaved,
    /// RTP over UDP, or interleaved in RTSP, as RTSP agrees (RFC 2326 10.4).
    Rtp,
    /// Files on a memory card: `rest/` of a session.
    Recording,
    /// RTP and RTCP over UDP, as an SDP offer and its answer agree (RFC 8834).
    Webrtc,
}

/// Protection of one hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Hop {
    /// None claimed: there is no hop, or it is not protected.
    None,
    /// TLS 1.2 or 1.3 around everything.
    Tls,
    /// SRTP (RFC 3711) around media, TLS around what delivers its keys.
    Srtp,
    /// SRTP around media with keys that a DTLS handshake of the same datagrams
    /// agrees on (RFC 5764), TLS around the signalling that vouches for it.
    DtlsSrtp,
}

impl Hop {
    /// Whether TLS is what a client has to begin with.
    pub fn begins_with_tls(self) -> bool {
        matches!(self, Self::Tls | Self::Srtp | Self::DtlsSrtp)
    }
}

/// Protection from end to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EndToEnd {
    /// None claimed: whoever ends the hop sees the picture.
    None,
    /// age v1 (age-encryption.org/v1), to the owner's X25519 recipient.
    Age,
    /// SFrame (RFC 9605), with base keys that only viewers have.
    Sframe,
}

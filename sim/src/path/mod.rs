//! The transport paths: one file each, all listed here.

pub mod app_webrtc;
pub mod nvr_rtsps;
pub mod nvr_srtp;
pub mod owner_recording;
pub mod portal_webrtc;
mod tls;

use std::{fmt, net::SocketAddr, sync::Arc};

use crate::{
    camera::Device,
    claim::{Carriage, EndToEnd, Hop},
    relay,
    rtsp::connection::ConnectionError,
    world::{BoxFuture, ByteStream},
};

/// Every transport path of a camera.
pub const ALL: &[&TransportPath] = &[
    &nvr_rtsps::PATH,
    &nvr_srtp::PATH,
    &app_webrtc::PATH,
    &portal_webrtc::PATH,
    &owner_recording::PATH,
];

/// One route out of the device.
#[derive(Debug)]
pub struct TransportPath {
    /// Its id: who asks, then carriage.
    pub id: &'static str,
    /// What it is, in a line.
    pub title: &'static str,
    /// Where a viewer finds it.
    pub served: Served,
    /// How media travels.
    pub carriage: Carriage,
    /// Protection between the device and the next hop.
    pub hop: Hop,
    /// Protection between the device and the viewer.
    pub end_to_end: EndToEnd,
}

/// Who serves a transport path.
#[derive(Clone, Copy, Debug)]
pub enum Served {
    /// The device, on a port of its own.
    Device(Listen),
    /// The vendor's server, which the device sends to.
    Relay,
    /// Whoever takes the memory card out.
    Card,
}

impl TransportPath {
    /// The usual TCP port; none if it is not on the network.
    pub fn port(&self) -> Option<u16> {
        match self.served {
            Served::Device(listen) => Some(listen.port),
            Served::Relay => Some(relay::PORT),
            Served::Card => None,
        }
    }
}

/// A TCP port and what answers on it.
#[derive(Clone, Copy)]
pub struct Listen {
    /// The usual port.
    pub port: u16,
    /// Scheme of its URLs.
    pub scheme: &'static str,
    /// Path of its URLs.
    pub resource: &'static str,
    /// Serves one connection (own address, peer's address).
    pub serve: Serve,
}

/// Serves one connection to its end.
pub type Serve = fn(
    Arc<Device>,
    Box<dyn ByteStream>,
    SocketAddr,
    SocketAddr,
) -> BoxFuture<'static, Result<(), ConnectionError>>;

impl Listen {
    /// Its URL at that address.
    pub fn url(&self, local: SocketAddr) -> String {
        format!("{}://{local}/{}", self.scheme, self.resource)
    }
}

impl fmt::Debug for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listen({} on {})", self.scheme, self.port)
    }
}

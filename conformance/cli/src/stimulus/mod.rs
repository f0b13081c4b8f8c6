//! What is done to a device in one session: one file each, all listed here.

mod credentials;
mod honest;
mod port_sweep;
mod tls10_offer;
mod udp_setup;

use std::net::IpAddr;

use lightleak_case::Experience;
use lightleak_sim::{
    rtsp::digest::Credentials,
    viewer::rtsp::{Address, RtspViewer, ViewerError},
    world::{BoxFuture, World},
};
use rtsp_types::Response;

/// Every stimulus.
pub const ALL: &[&Stimulus] = &[
    &honest::STIMULUS,
    &credentials::WITHOUT,
    &credentials::WRONG,
    &udp_setup::STIMULUS,
    &tls10_offer::STIMULUS,
    &port_sweep::STIMULUS,
];

/// Something that is done to a device.
#[derive(Debug)]
pub struct Stimulus {
    /// Its id.
    pub id: &'static str,
    /// What it is, in a line.
    pub title: &'static str,
    /// Does it.
    pub run: fn(Visit) -> BoxFuture<'static, Experience>,
}

/// A visitor at a device.
#[derive(Clone)]
pub struct Visit {
    /// What the visitor can touch.
    pub world: World,
    /// The device.
    pub device: IpAddr,
    /// Where the transport path is.
    pub address: Address,
    /// Credentials that the device knows.
    pub credentials: Credentials,
}

/// Keeps a diary of what was done and what came back.
#[derive(Debug, Default)]
struct Diary(Experience);

impl Diary {
    fn note(&mut self, line: impl Into<String>) {
        self.0.steps.push(line.into());
    }

    /// Notes the status of a response, or why there is none.
    fn response(
        &mut self,
        what: &str,
        result: Result<Response<Vec<u8>>, ViewerError>,
    ) -> Option<u16> {
        match result {
            Ok(response) => {
                let status = u16::from(response.status());
                self.note(format!("{what}: {status}"));
                Some(status)
            }
            Err(error) => {
                self.note(format!("{what}: failed to {error}"));
                None
            }
        }
    }

    /// Connects, or notes why not.
    async fn connect(
        &mut self,
        address: &Address,
        credentials: Option<Credentials>,
        world: &World,
    ) -> Option<RtspViewer> {
        match RtspViewer::connect(address, credentials, world).await {
            Ok(viewer) => Some(viewer),
            Err(error) => {
                self.note(format!("failed to {error}"));
                None
            }
        }
    }

    /// Notes what was received, and closes.
    async fn close(mut self, viewer: RtspViewer) -> Experience {
        self.0.access_units += viewer.media.access_units;
        self.0.media_bytes += viewer.media.octets;
        viewer.close().await;
        self.0
    }
}

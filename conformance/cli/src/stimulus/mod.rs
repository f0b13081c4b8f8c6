//! What is done to a device in one session: one file each, all listed here.

mod blocked_tls;
mod clear;
mod credentials;
mod dtls_offers;
mod early_data;
mod early_media;
mod forged_clip;
mod forged_rtcp;
mod guessable_credentials;
mod hello;
mod honest;
mod key_lifetime;
mod legacy_requests;
mod long_keys;
mod no_consent;
mod null_cipher;
mod port_sweep;
mod portal;
pub(crate) mod power_cut;
mod published_files;
mod re_key;
mod reconnect;
mod roll_over;
mod rtmp;
mod sdp_offers;
mod srtp;
mod srtp_over_rtsp;
mod tls10_offer;
mod trespass;
mod udp_setup;
mod unenrolled_viewer;
mod weak_suites;
mod webrtc;

use std::{net::IpAddr, sync::Arc, time::Duration};

use lightleak_case::Experience;
use lightleak_sim::{
    claim::Carriage,
    fault::{OpensClip, PlayerFault},
    path::{Served, TransportPath},
    relay::attack::FaultyForwarding,
    rtsp::digest::Credentials,
    seal::{
        keys::{HpkeKey, OwnerKey},
        srtp::Begin,
    },
    sound::Sound,
    viewer::{
        recording::Owner,
        rtsp::{Address, RtspViewer, ViewerError},
        webrtc::{App, AppError, Call, Reply},
    },
    webrtc::DtlsVersions,
    world::{BoxFuture, World},
};
use rtsp_types::Response;

use crate::disk::MemoryDisk;

/// Every stimulus.
pub const ALL: &[&Stimulus] = &[
    &honest::STIMULUS,
    &credentials::WITHOUT,
    &credentials::WRONG,
    &udp_setup::STIMULUS,
    &tls10_offer::STIMULUS,
    &weak_suites::STIMULUS,
    &early_data::STIMULUS,
    &port_sweep::STIMULUS,
    &guessable_credentials::STIMULUS,
    &blocked_tls::STIMULUS,
    &power_cut::STIMULUS,
    &forged_clip::STIMULUS,
    &published_files::STIMULUS,
    &srtp_over_rtsp::STIMULUS,
    &null_cipher::STIMULUS,
    &forged_rtcp::STIMULUS,
    &roll_over::STIMULUS,
    &re_key::STIMULUS,
    &key_lifetime::STIMULUS,
    &long_keys::STIMULUS,
    &trespass::EXPIRED,
    &trespass::ENDED,
    &sdp_offers::OTHER_FINGERPRINT,
    &sdp_offers::WEAK_FINGERPRINT,
    &sdp_offers::AVPF,
    &sdp_offers::SDES,
    &dtls_offers::STIMULUS,
    &early_media::STIMULUS,
    &no_consent::STIMULUS,
    &reconnect::STIMULUS,
    &unenrolled_viewer::STIMULUS,
    &legacy_requests::STIMULUS,
    &portal::cameras::STIMULUS,
    &portal::revoked::STIMULUS,
    &portal::active_relay::STIMULUS,
];

/// Something that is done to a device.
#[derive(Debug)]
pub struct Stimulus {
    /// Its id.
    pub id: &'static str,
    /// What it is, in a line.
    pub title: &'static str,
    /// Where streams of SRTP of a simulated camera begin, if that matters.
    pub begin: Option<Begin>,
    /// What the harness's relay does meanwhile to those who watch there.
    pub forwarding: Option<FaultyForwarding>,
    /// Does it to a path that listens on the network, if it can be done there.
    pub network: Option<fn(Visit) -> BoxFuture<'static, Experience>>,
    /// Does it to a path whose media are SRTP, where that is something else or
    /// can be done only there.
    pub srtp: Option<fn(Visit) -> BoxFuture<'static, Experience>>,
    /// Does it to a path whose media come over WebRTC, if it can be done there.
    pub webrtc: Option<fn(Visit) -> BoxFuture<'static, Experience>>,
    /// Does it to a path that the vendor's server serves, if it can be done there.
    pub portal: Option<fn(PortalVisit) -> BoxFuture<'static, Experience>>,
    /// Does it to a camera with a memory card, if it can be done there.
    pub card: Option<fn(CardVisit) -> BoxFuture<'static, Experience>>,
}

impl Stimulus {
    /// Does nothing.
    const NOTHING: Self = Self {
        id: "",
        title: "",
        begin: None,
        forwarding: None,
        network: None,
        srtp: None,
        webrtc: None,
        portal: None,
        card: None,
    };

    /// Whether it can be done to that path.
    pub fn fits(&self, path: &TransportPath) -> bool {
        match path.served {
            Served::Device(_) => self.at(path).is_some(),
            Served::Relay => self.portal.is_some(),
            Served::Card => self.card.is_some(),
        }
    }

    /// What does it to that path, which the device serves.
    pub(crate) fn at(
        &self,
        path: &TransportPath,
    ) -> Option<fn(Visit) -> BoxFuture<'static, Experience>> {
        match path.carriage {
            Carriage::Rtp => self.srtp.or(self.network),
            Carriage::Webrtc => self.webrtc,
            _ => self.network,
        }
    }
}

/// A visitor at a device.
#[derive(Clone)]
pub struct Visit {
    /// What the visitor can touch.
    pub world: World,
    /// The device.
    pub device: IpAddr,
    /// Its serial number.
    pub serial: String,
    /// Where the transport path is.
    pub address: Address,
    /// Credentials that the device knows.
    pub credentials: Credentials,
    /// The key of the owner that the device was paired with.
    pub owner: OwnerKey,
    /// The visitor's own key, to which keys of media are wrapped.
    pub viewer: HpkeKey,
    /// What the visitor says.
    pub says: Sound,
    /// Who takes offers of WebRTC there.
    pub offers: Offers,
}

/// Who takes offers of WebRTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offers {
    /// The device itself, which also listens.
    ToDevice,
    /// The vendor's server, for viewers of a device that publishes there.
    ToPortal,
}

impl Visit {
    /// Whether the path is asked over HTTP, not in RTSP.
    fn is_over_http(&self) -> bool {
        self.address.url.starts_with("https:")
    }

    /// Where offers are posted.
    fn offers_at(&self) -> String {
        match self.offers {
            Offers::ToDevice => "/webrtc".into(),
            Offers::ToPortal => format!("/whep/{}", self.serial),
        }
    }

    /// A call, and what it offers.
    async fn prepare(&self, versions: DtlsVersions) -> Result<(Call, String), AppError> {
        match self.offers {
            Offers::ToDevice => Call::prepare(&self.world, versions).await,
            Offers::ToPortal => Call::prepare_to_watch(&self.world, versions).await,
        }
    }

    /// Asks for keys in a session, as a viewer whom the owner enrolled.
    async fn ask_for_keys(&self, app: &mut App, session: &str) -> Result<Reply, AppError> {
        let viewer = self.viewer.public();
        let body = webrtc::key_request(&viewer, &self.owner.enrol(&viewer));
        app.post(&format!("{session}/key"), webrtc::JSON, body)
            .await
    }
}

/// Viewers at the vendor's portal.
#[derive(Clone)]
pub struct PortalVisit {
    /// One of them, and what anybody can do there.
    pub first: Visit,
    /// A second viewer: what it can touch, and its key.
    pub second: (World, HpkeKey),
    /// Credentials of somebody who has another camera there.
    pub other: Credentials,
    /// Where the camera itself is asked over HTTPS, and as whom, if it can be.
    pub own: Option<(Address, Credentials)>,
    /// How long a token of the portal is good for.
    pub token_lifetime: Duration,
    /// What is wrong with the vendor's viewer.
    pub player: Option<PlayerFault>,
}

/// A visitor with the memory card of a camera, which goes on recording.
#[derive(Clone)]
pub struct CardVisit {
    /// What the visitor can touch.
    pub world: World,
    /// The card.
    pub card: Arc<MemoryDisk>,
    /// What the owner knows.
    pub owner: Owner,
    /// What opens clips in the owner's app.
    pub opens: OpensClip,
}

/// Keeps a diary of what was done and what came back.
#[derive(Debug, Default)]
struct Diary(Experience);

impl Diary {
    fn note(&mut self, line: impl Into<String>) {
        self.0.steps.push(line.into());
    }

    /// Closes, with a note of why no more was done.
    fn finish(mut self, done: Result<(), AppError>) -> Experience {
        if let Err(error) = done {
            self.note(format!("failed to {error}"));
        }
        self.0
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

    /// What an honest viewer does at the least, and how the device takes it.
    async fn sound_handshake(&mut self, visit: &Visit) {
        if visit.is_over_http() {
            return self.sound_request(visit).await;
        }
        match RtspViewer::connect(&visit.address, None, &visit.world).await {
            Ok(mut viewer) => {
                self.response("OPTIONS over TLS", viewer.options().await);
                viewer.close().await;
            }
            Err(error) => self.note(format!("sound handshake: failed to {error}")),
        }
    }

    async fn sound_request(&mut self, visit: &Visit) {
        let asked = async {
            let mut app = App::connect(&visit.address, &visit.world).await?;
            app.ask("OPTIONS", "/", None, Vec::new()).await
        };
        match asked.await {
            Ok(reply) => self.note(format!("OPTIONS over TLS: {}", reply.status)),
            Err(error) => self.note(format!("sound handshake: failed to {error}")),
        }
    }

    /// Reads the card as its owner does, and notes what is on it.
    fn read_card(mut self, visit: &CardVisit) -> Experience {
        match visit.owner.read(&*visit.card) {
            Ok(contents) => {
                for clip in &contents.clips {
                    let samples = &clip.footage.samples;
                    let octets = samples.iter().flatten().map(|nal| nal.len() as u64);
                    self.0.media_bytes += octets.sum::<u64>();
                    self.0.access_units += samples.len() as u64;
                    let state = if clip.entry.closed { "complete" } else { "cut" };
                    let (name, frames) = (&clip.entry.name, samples.len());
                    self.note(format!("{name}: {state}, {frames} access units"));
                }
                for (name, octets) in &contents.documents {
                    self.note(format!("{name}: {} octets", octets.len()));
                }
                for (name, refusal) in &contents.refused {
                    self.note(format!("{name}: failed to {refusal}"));
                }
            }
            Err(error) => self.note(format!("read the card: {error}")),
        }
        self.0
    }

    /// Watches for so long, and notes how it went.
    async fn watch(&mut self, viewer: &mut RtspViewer, time: Duration) {
        match viewer.watch(time).await {
            Ok(connected) => self.note(format!("watched, connected: {connected}")),
            Err(error) => self.note(format!("watch: failed to {error}")),
        }
    }

    /// Notes what was received, and closes.
    async fn end(&mut self, viewer: RtspViewer) {
        self.0.access_units += viewer.media.access_units;
        self.0.media_bytes += viewer.media.octets;
        viewer.close().await;
    }

    /// The same, when nothing comes after it.
    async fn close(mut self, viewer: RtspViewer) -> Experience {
        self.end(viewer).await;
        self.0
    }
}

//! One publication: from the offer until the relay or the connection is gone.

use std::sync::Arc;

use str0m::change::SdpAnswer;
use tokio::sync::mpsc;

use super::{Portal, roster::Roster};
use crate::{
    camera::Device,
    h264::AccessUnit,
    seal::{envelope::EpochError, sframe::SFrameError},
    sound::SoundPacket,
    viewer::webrtc::AppError,
    webrtc::{
        CONNECT_TIMEOUT, Feed, Media, Packetizers, Peer, PeerError, Produced, Purpose, Senders,
        Track, complete,
    },
};

/// Why a publication ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Relay(#[from] AppError),
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error("SFrame: {0}")]
    SFrame(#[from] SFrameError),
    #[error("begin an epoch: {0}")]
    Epoch(#[from] EpochError),
    #[error("packetize: {0}")]
    Rtp(#[from] crate::rtp::RtpError),
}

/// How media are sent from the next key frame on.
pub(super) enum Next {
    /// Not at all, as nobody watches.
    Nobody,
    Sealed(Senders),
    /// As the encoder makes them.
    FaultyClear,
}

/// Publishes until the relay or the connection is gone.
pub(super) async fn publish(
    device: &Arc<Device>,
    portal: &Portal,
    roster: &mut Roster,
) -> Result<&'static str, Broken> {
    let world = &device.world;
    let mut app = portal.connect(world).await?;
    let mut peer = Peer::bind(world, portal.access.dtls, None, device.fault).await?;
    let (offer, pending) = peer.offer(Purpose::Publish)?;
    let offer = complete(&offer.to_sdp_string());
    let path = format!("/whip/{}", device.settings.serial);
    let session = app.offer_to(&path, &offer).await?;
    let answer = SdpAnswer::from_sdp_string(&session.answer);
    let answer = answer.map_err(|_| AppError::Answer("WHIP"))?;
    peer.accept_answer(pending, answer)?;
    let (next, epochs) = mpsc::channel(1);
    let mut media = Publisher {
        device: device.clone(),
        peer,
        now: match device.fault.portal.clear_start {
            true => Next::FaultyClear,
            false => Next::Nobody,
        },
        next: None,
        is_connected: false,
        has_key_frame: false,
    };
    tokio::select! {
        biased;
        ended = media.serve(epochs) => ended,
        ended = roster.keep(portal, app, &session.path, next) => ended,
    }
}

struct Publisher {
    device: Arc<Device>,
    peer: Peer,
    now: Next,
    /// What takes its place at the next key frame.
    next: Option<Next>,
    is_connected: bool,
    /// Whether the relay was sent what a viewer can begin with.
    has_key_frame: bool,
}

impl Publisher {
    async fn serve(&mut self, mut epochs: mpsc::Receiver<Next>) -> Result<&'static str, Broken> {
        let device = self.device.clone();
        let clock = &device.world.clock;
        let deadline = clock.unix() + CONNECT_TIMEOUT;
        let mut packetizers = Packetizers::new(&*device.world.entropy)?;
        let mut feed = Feed::of(&device);
        loop {
            tokio::select! {
                biased;
                epoch = epochs.recv() => match epoch {
                    Some(Next::Nobody) => {
                        self.now = Next::Nobody;
                        self.next = None;
                    }
                    Some(next) => {
                        self.next = Some(next);
                        device.live.request_key_frame();
                    }
                    None => return Ok("nobody keeps the roster"),
                },
                media = self.peer.next() => match media? {
                    Media::Connected => {
                        self.is_connected = true;
                        self.await_key_frame();
                    }
                    Media::WantsKeyFrame => device.live.request_key_frame(),
                    Media::Packet(_) => {}
                    Media::Over => return Ok("the relay is gone"),
                },
                produced = feed.next() => match produced {
                    Produced::Unit(unit) => self.send_unit(&unit, &mut packetizers).await?,
                    Produced::Sound(packet) => self.send_sound(&packet, &mut packetizers).await?,
                    Produced::Gap => self.await_key_frame(),
                    Produced::End => return Ok("the camera is off"),
                },
                () = clock.sleep_until(deadline), if !self.is_connected => {
                    return Ok("the relay did not connect");
                }
            }
        }
    }

    fn await_key_frame(&mut self) {
        self.has_key_frame = false;
        if self.next.is_some() || !matches!(self.now, Next::Nobody) {
            self.device.live.request_key_frame();
        }
    }

    async fn send_unit(
        &mut self,
        unit: &AccessUnit,
        packetizers: &mut Packetizers,
    ) -> Result<(), Broken> {
        if !self.is_connected {
            return Ok(());
        }
        if unit.key_frame {
            let begun_in_clear = self.has_key_frame && self.device.fault.portal.clear_start;
            if begun_in_clear && matches!(self.now, Next::FaultyClear) {
                self.now = Next::Nobody;
            }
            self.has_key_frame = true;
            if let Some(next) = self.next.take() {
                self.now = next;
            }
        }
        if !self.has_key_frame {
            return Ok(());
        }
        let packets = match &mut self.now {
            Next::Nobody => return Ok(()),
            Next::Sealed(senders) => packetizers.video(unit, &mut *senders.video)?,
            Next::FaultyClear => packetizers.faulty_clear_video(unit),
        };
        Ok(self.peer.send(Track::Video, packets).await?)
    }

    async fn send_sound(
        &mut self,
        packet: &SoundPacket,
        packetizers: &mut Packetizers,
    ) -> Result<(), Broken> {
        let (octets, time) = (&packet.octets, packet.rtp_time());
        let packets = match &mut self.now {
            _ if !self.is_connected => return Ok(()),
            Next::Nobody => return Ok(()),
            Next::Sealed(senders) => packetizers.sound(octets, time, &mut *senders.sound)?,
            Next::FaultyClear => packetizers.faulty_clear_sound(octets, time),
        };
        Ok(self.peer.send(Track::Sound, packets).await?)
    }
}

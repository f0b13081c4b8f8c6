//! A client of RTSP over TLS that opens the SRTP it gets, and seals the RTCP
//! that it sends (RFC 3711; ONVIF Streaming 8.2).

mod track;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use rtsp_types::{Response, StatusCode, headers::TRANSPORT};
use sdp_types::Session as Description;

use super::rtsp::{Address, RtspViewer, ViewerError};
use crate::{
    rtsp::{
        digest::Credentials,
        key_management::{self, KeyMgmtError},
        mikey::{Message, MikeyError},
        transport::Transport,
    },
    seal::{
        keys::{KeyError, SrtpMasterKey},
        srtp::{Mki, Receiver, ReceiverOptions, Sender, SenderOptions, SrtpError},
    },
    world::{Datagrams, World},
};

pub use track::Track;
use track::Way;

/// How often it says what it received, and when it does first.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Receiver report and source description (RFC 3550 6.4.2, 6.5).
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;

/// How media reach the viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carriage {
    /// Over UDP.
    Udp,
    /// In the RTSP connection.
    Interleaved,
}

/// A viewer at a camera.
pub struct SrtpViewer {
    /// The dialogue; its counters have what was opened.
    pub rtsp: RtspViewer,
    world: World,
    camera: IpAddr,
    /// The keys of the last description, in its order: name and message.
    pub keys: Vec<(String, Message)>,
    /// What was set up.
    pub tracks: Vec<Track>,
    next_report: Duration,
}

/// The viewer gave up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SrtpViewerError {
    /// The dialogue.
    #[error(transparent)]
    Rtsp(#[from] ViewerError),
    /// The camera refused.
    #[error("{0}: status {1}")]
    Status(&'static str, u16),
    /// The description.
    #[error("read the description: {0}")]
    Description(&'static str),
    /// What delivers a key.
    #[error(transparent)]
    KeyMgmt(#[from] KeyMgmtError),
    /// The policy of a key.
    #[error("mikey: {0}")]
    Mikey(#[from] MikeyError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// SRTP.
    #[error(transparent)]
    Srtp(#[from] SrtpError),
    /// No socket.
    #[error("open a socket: {0}")]
    Socket(#[from] std::io::Error),
}

impl SrtpViewer {
    /// Connects.
    pub async fn connect(
        address: &Address,
        credentials: Credentials,
        world: &World,
    ) -> Result<Self, SrtpViewerError> {
        let rtsp = RtspViewer::connect(address, Some(credentials), world).await?;
        Ok(Self {
            rtsp,
            world: world.clone(),
            camera: address.endpoint.ip(),
            keys: Vec::new(),
            tracks: Vec::new(),
            next_report: Duration::ZERO,
        })
    }

    /// DESCRIBE: every track has to come with a key; some cameras call it
    /// RTP/AVP all the same.
    pub async fn describe(&mut self) -> Result<Response<Vec<u8>>, SrtpViewerError> {
        let response = good("DESCRIBE", self.rtsp.describe().await?)?;
        let session = Description::parse(response.body())
            .map_err(|_| SrtpViewerError::Description("it is no SDP"))?;
        self.keys.clear();
        for media in &session.medias {
            if !["RTP/SAVP", "RTP/AVP"].contains(&&*media.proto) {
                return Err(SrtpViewerError::Description("a track is not RTP"));
            }
            let value = |name| {
                let value = media.get_first_attribute_value(name).flatten();
                value.ok_or(SrtpViewerError::Description("a track has no key or name"))
            };
            let name = value("control")?.to_owned();
            let key = key_management::read_attribute(value(key_management::ATTRIBUTE)?)?;
            self.keys.push((name, key));
        }
        Ok(response)
    }

    /// SETUP of every track of the description, with the keys that it gave.
    pub async fn setup(&mut self, carriage: Carriage) -> Result<(), SrtpViewerError> {
        for (name, message) in self.keys.clone() {
            self.setup_track(&name, carriage, &message, false).await?;
        }
        Ok(())
    }

    /// SETUP of one track with that key; the viewer `brings` it, or has it from
    /// the camera.
    pub async fn setup_track(
        &mut self,
        name: &str,
        carriage: Carriage,
        message: &Message,
        brings: bool,
    ) -> Result<(), SrtpViewerError> {
        let (master, mki) = master(message)?;
        let sockets = match carriage {
            Carriage::Udp => Some(self.sockets().await?),
            Carriage::Interleaved => None,
        };
        let offer = match &sockets {
            Some((rtp, _)) => Transport::udp(rtp.local().port()),
            None => Transport::interleaved(2 * self.tracks.len() as u8),
        };
        let key = brings.then_some(message);
        let response = self.rtsp.setup_track(name, &offer.secured(), key).await?;
        let response = good("SETUP", response)?;
        let header = response.header(&TRANSPORT).map_or("", |h| h.as_str());
        let accepted = Transport::parse(header);
        let [accepted] = &accepted[..] else {
            return Err(SrtpViewerError::Description("SETUP names no transport"));
        };
        let way = match (sockets, accepted.server_port, accepted.interleaved) {
            (Some((rtp, rtcp)), Some((_, port)), _) => Way::Udp {
                rtp,
                rtcp,
                to_rtcp: SocketAddr::new(self.camera, port),
            },
            (None, _, Some((rtp, rtcp))) => Way::Interleaved { rtp, rtcp },
            _ => return Err(SrtpViewerError::Description("SETUP names another carriage")),
        };
        let ssrc = accepted
            .ssrc
            .ok_or(SrtpViewerError::Description("SETUP names no SSRC"))?;
        let mut octets = [0; 4];
        self.world.entropy.fill(&mut octets);
        // One more bit differs, so that both are never the same.
        let own_ssrc = u32::from_be_bytes(octets) & !1 | !ssrc & 1;
        let options = SenderOptions {
            mki: mki.clone(),
            ..SenderOptions::default()
        };
        let sender = Sender::new(&master, options)?;
        let options = ReceiverOptions {
            mki,
            ..ReceiverOptions::default()
        };
        let mut receiver = Receiver::new(&master, options)?;
        let mut told = message.sessions.iter().filter(|s| s.ssrc == ssrc);
        if let Some(session) = told.next().filter(|session| session.roc > 0) {
            receiver.join(ssrc, session.roc, None)?;
        }
        self.tracks
            .push(Track::new([ssrc, own_ssrc], sender, receiver, way));
        Ok(())
    }

    /// PLAY.
    pub async fn play(&mut self) -> Result<Response<Vec<u8>>, SrtpViewerError> {
        self.next_report = self.world.clock.unix() + REPORT_INTERVAL;
        good("PLAY", self.rtsp.play().await?)
    }

    /// TEARDOWN; the tracks are gone then.
    pub async fn teardown(&mut self) -> Result<Response<Vec<u8>>, SrtpViewerError> {
        let response = good("TEARDOWN", self.rtsp.teardown().await?)?;
        self.tracks.clear();
        Ok(response)
    }

    /// Receives and opens media until `duration` has passed, and says by RTCP
    /// that it does; whether the camera is still connected. Keeps no session
    /// alive: it is for less than a minute.
    pub async fn watch(&mut self, duration: Duration) -> Result<bool, SrtpViewerError> {
        let overdue = self.world.clock.unix().max(self.next_report);
        self.receive(duration, overdue).await
    }

    /// The same, and says nothing.
    pub async fn listen(&mut self, duration: Duration) -> Result<bool, SrtpViewerError> {
        self.receive(duration, Duration::MAX).await
    }

    async fn receive(
        &mut self,
        duration: Duration,
        mut next_report: Duration,
    ) -> Result<bool, SrtpViewerError> {
        let clock = self.world.clock.clone();
        let end = clock.unix() + duration;
        loop {
            tokio::select! {
                biased;
                frame = self.rtsp.frame() => match frame? {
                    Some((channel, octets)) => self.take_frame(channel, octets),
                    None => return Ok(false),
                },
                (at, is_rtcp, octets) = track::datagram(&self.tracks) => {
                    self.tracks[at].take(is_rtcp, octets, &mut self.rtsp.media);
                }
                () = clock.sleep_until(next_report.min(end)), if next_report < end => {
                    next_report += REPORT_INTERVAL;
                    self.next_report = next_report;
                    for at in 0..self.tracks.len() {
                        self.report(at, &[]).await?;
                    }
                }
                () = clock.sleep_until(end) => return Ok(true),
            }
        }
    }

    /// Sends a receiver report of a track with `more` RTCP behind it, sealed.
    pub async fn report(&mut self, at: usize, more: &[u8]) -> Result<Vec<u8>, SrtpViewerError> {
        let track = &mut self.tracks[at];
        let mut packet = receiver_report(track.own_ssrc);
        packet.extend_from_slice(more);
        track.sender.seal_rtcp(&mut packet)?;
        self.send_rtcp(at, &packet).await?;
        Ok(packet)
    }

    /// Sends octets where the RTCP of a track goes, as they are.
    pub async fn send_rtcp(&mut self, at: usize, octets: &[u8]) -> Result<(), SrtpViewerError> {
        match &self.tracks[at].way {
            Way::Udp { rtcp, to_rtcp, .. } => rtcp.send(*to_rtcp, octets, octets.len()).await?,
            Way::Interleaved { rtcp, .. } => {
                let channel = *rtcp;
                self.rtsp.send_frame(channel, octets).await?;
            }
        }
        Ok(())
    }

    /// Goes on with the key of that message on a track, in both directions.
    pub fn rekey(&mut self, at: usize, message: &Message) -> Result<(), SrtpViewerError> {
        let (master, mki) = master(message)?;
        let track = &mut self.tracks[at];
        track.sender.rekey(&master, mki.as_ref())?;
        if let Some(mki) = &mki {
            // What is on its way is still under the old key.
            track.receiver.add_key(&master, mki)?;
        }
        Ok(())
    }

    /// An even port for RTP and the next for RTCP.
    async fn sockets(&self) -> Result<(Box<dyn Datagrams>, Box<dyn Datagrams>), SrtpViewerError> {
        let net = &self.world.net;
        let mut kept = Vec::new();
        loop {
            let rtp = net.bind(0).await?;
            let port = rtp.local().port();
            match net.bind(port.saturating_add(1)).await {
                Ok(rtcp) if port % 2 == 0 => return Ok((rtp, rtcp)),
                Ok(_) => kept.push(rtp),
                Err(_) if kept.len() < 64 => kept.push(rtp),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take_frame(&mut self, channel: u8, octets: Vec<u8>) {
        for at in 0..self.tracks.len() {
            if let Way::Interleaved { rtp, rtcp } = self.tracks[at].way
                && [rtp, rtcp].contains(&channel)
            {
                return self.tracks[at].take(channel == rtcp, octets, &mut self.rtsp.media);
            }
        }
    }
}

/// The key of a message, and its MKI.
pub fn master(message: &Message) -> Result<(SrtpMasterKey, Option<Mki>), SrtpViewerError> {
    let policy = message.policy.as_ref();
    let suite = policy.ok_or(MikeyError::Missing("SP"))?.suite()?;
    let key = message.key.master_key(suite)?;
    Ok((key, message.key.mki().cloned()))
}

/// A receiver report without blocks, and a source description.
fn receiver_report(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, RECEIVER_REPORT, 0, 1];
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(&[0x81, SOURCE_DESCRIPTION, 0, 4]);
    packet.extend_from_slice(&ssrc.to_be_bytes());
    // CNAME, its length, and what ends the list and fills the word.
    packet.extend_from_slice(b"\x01\x06viewer\0\0\0\0");
    packet
}

fn good(
    what: &'static str,
    response: Response<Vec<u8>>,
) -> Result<Response<Vec<u8>>, SrtpViewerError> {
    match response.status() {
        StatusCode::Ok => Ok(response),
        status => Err(SrtpViewerError::Status(what, status.into())),
    }
}

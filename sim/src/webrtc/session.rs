//! A viewer of a camera: what it is sent, and what it says.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{CONNECT_TIMEOUT, Feed, Media, Packetizers, Peer, PeerError, Produced, Seals, Track};
use crate::{
    camera::Device,
    h264::AccessUnit,
    seal::sframe::{Frames, SFrameError},
    sound::SoundPacket,
};

/// What a session is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// It has a viewer with keys: it is sent media from the next key frame on.
    Keys(Box<Seals>),
    /// It ends at once, and says when it has.
    End(oneshot::Sender<()>),
}

/// Why a session ended, where nobody told it to.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error("SFrame: {0}")]
    SFrame(#[from] SFrameError),
    #[error("packetize: {0}")]
    Rtp(#[from] crate::rtp::RtpError),
}

/// Serves a viewer until one of the two ends it.
pub(crate) async fn run(device: Arc<Device>, peer: Peer, commands: mpsc::Receiver<Command>) {
    let (world, local) = (device.world.clone(), peer.local());
    let mut session = Session {
        device,
        peer,
        seals: None,
        is_connected: false,
        has_key_frame: false,
        talk_back: Frames::new(),
        owes_early: false,
        refused: 0,
    };
    let why = match session.serve(commands).await {
        Ok(why) => why.to_owned(),
        Err(error) => error.to_string(),
    };
    session.peer.release().await;
    let (counts, refused) = (session.peer.counts, session.refused);
    let line = format!("webrtc: {local}: {why}; {counts}, {refused} frames refused");
    world.log.line(&line);
}

struct Session {
    device: Arc<Device>,
    peer: Peer,
    seals: Option<Seals>,
    is_connected: bool,
    /// Whether the viewer was sent what it can begin with.
    has_key_frame: bool,
    talk_back: Frames,
    /// Whether a key frame was asked for before the handshake, which only a faulty
    /// camera minds.
    owes_early: bool,
    /// Frames of talk-back that are not what they should be.
    refused: u64,
}

impl Session {
    async fn serve(
        &mut self,
        mut commands: mpsc::Receiver<Command>,
    ) -> Result<&'static str, Broken> {
        let device = self.device.clone();
        let clock = &device.world.clock;
        let deadline = clock.unix() + CONNECT_TIMEOUT;
        let mut packetizers = Packetizers::new(&*device.world.entropy)?;
        let mut feed = Feed::of(&device);
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(Command::Keys(seals)) => {
                        self.seals = Some(*seals);
                        self.await_key_frame();
                    }
                    Some(Command::End(done)) => {
                        self.peer.close().await;
                        let _ = done.send(());
                        return Ok("ended by its viewer");
                    }
                    None => return Ok("ended"),
                },
                media = self.peer.next() => match media? {
                    Media::Connected => {
                        self.is_connected = true;
                        self.await_key_frame();
                    }
                    Media::WantsKeyFrame => {
                        self.owes_early = !self.is_connected;
                        device.live.request_key_frame();
                    }
                    Media::Packet(packet) if packet.track == Track::Sound => {
                        self.hear(&packet.payload);
                    }
                    Media::Packet(_) => {}
                    Media::Over => return Ok("its viewer is gone"),
                },
                produced = feed.next() => match produced {
                    Produced::Unit(unit) => self.send_unit(&unit, &mut packetizers).await?,
                    Produced::Sound(packet) => self.send_sound(&packet, &mut packetizers).await?,
                    Produced::Gap => self.await_key_frame(),
                    Produced::End => return Ok("the camera is off"),
                },
                () = clock.sleep_until(deadline), if !self.is_connected => {
                    return Ok("its viewer did not connect");
                }
            }
        }
    }

    fn await_key_frame(&mut self) {
        self.has_key_frame = false;
        if self.is_connected && self.seals.is_some() {
            self.device.live.request_key_frame();
        }
    }

    async fn send_unit(
        &mut self,
        unit: &AccessUnit,
        packetizers: &mut Packetizers,
    ) -> Result<(), Broken> {
        if self.owes_early && unit.key_frame {
            self.owes_early = false;
            if let Some(make) = self.device.fault.early_request {
                for packet in make(unit).iter() {
                    self.peer.send_beside(packet.to_vec()).await;
                }
            }
        }
        let Some(seals) = self.seals.as_mut().filter(|_| self.is_connected) else {
            return Ok(());
        };
        self.has_key_frame |= unit.key_frame;
        if !self.has_key_frame {
            return Ok(());
        }
        if let Some(make) = self.device.fault.datagram_beside {
            self.peer.send_beside(make(unit)).await;
        }
        let packets = packetizers.video(unit, &mut *seals.senders.video)?;
        Ok(self.peer.send(Track::Video, packets).await?)
    }

    async fn send_sound(
        &mut self,
        packet: &SoundPacket,
        packetizers: &mut Packetizers,
    ) -> Result<(), Broken> {
        let Some(seals) = self.seals.as_mut().filter(|_| self.is_connected) else {
            return Ok(());
        };
        let (octets, time) = (&packet.octets, packet.rtp_time());
        let packets = packetizers.sound(octets, time, &mut *seals.senders.sound)?;
        Ok(self.peer.send(Track::Sound, packets).await?)
    }

    /// Plays what the viewer says, if the viewer says it.
    fn hear(&mut self, payload: &[u8]) {
        let Some(seals) = &mut self.seals else {
            self.refused += 1;
            return;
        };
        self.talk_back.clear();
        self.talk_back.push(payload, &[]);
        match seals.talk_back.open(&mut self.talk_back) {
            [Ok(opened)] => {
                let octets = self.talk_back.iter().next().unwrap_or_default().to_vec();
                let packet = SoundPacket {
                    octets,
                    // Counters of a key begin with 0; so many are never reached.
                    number: u32::try_from(opened.ctr).unwrap_or(u32::MAX),
                    taken: self.device.world.clock.unix(),
                };
                self.device.world.witness.sound("talk-back", &packet);
            }
            _ => self.refused += 1,
        }
    }
}

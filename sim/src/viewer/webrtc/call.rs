//! The app's end of the connection for media.

use std::{net::SocketAddr, time::Duration};

use str0m::change::{SdpAnswer, SdpPendingOffer};

use super::{
    AppError,
    depacketizer::Depacketizer,
    opening::{Opening, Outcome},
};
use crate::{
    fault::{Fault, PlayerFault, player::FaultyPlayer},
    seal::{
        keys::{SFrameBaseKey, SFrameOpeningKey},
        sframe::{Frames, Sender, VolatileCounters, nal},
    },
    sound::{PACKETS_PER_SECOND, Sound, SoundPacket},
    webrtc::{
        Counts, DtlsVersions, Media, Packet, Packetizers, Peer, Purpose, SENDERS, Track, complete,
    },
    world::{Held, World},
};

/// The tracks that are played.
const VIDEO_TRACK: &str = SENDERS[0];
const SOUND_TRACK: &str = SENDERS[1];

/// A connection for media.
pub struct Call {
    peer: Peer,
    world: World,
    pending: Option<SdpPendingOffer>,
    keys: Option<Keys>,
    depacketizer: Depacketizer,
    packetizers: Packetizers,
    frames: Frames,
    /// Packets that it has sent of what its user says.
    said: u32,
    /// What a faulty viewer plays with.
    faulty: Option<FaultyPlayer>,
    /// What came.
    pub received: Received,
}

/// What it opens and seals with.
struct Keys {
    video: Opening,
    sound: Opening,
    /// None where nobody listens.
    talk_back: Option<Sender>,
}

/// What a viewer was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Whether ICE and DTLS came to their ends.
    pub connected: bool,
    /// Access units that were opened, as byte streams (ITU-T H.264 Annex B), in
    /// order.
    pub units: Vec<Vec<u8>>,
    /// Packets of sound that were opened, in order.
    pub sound: Vec<Vec<u8>>,
    /// Octets of RTP payload.
    pub octets: u64,
    /// Frames that are sealed, and were refused.
    pub refused: u64,
    /// Frames under keys that the viewer did not have.
    pub without_key: u64,
    /// Frames in clear, which are never played.
    pub clear: u64,
}

impl Call {
    /// One that offers: the call, and its offer.
    ///
    /// # Errors
    ///
    /// [`AppError::Peer`] if there is no socket.
    pub async fn prepare(
        world: &World,
        versions: DtlsVersions,
    ) -> Result<(Self, String), AppError> {
        Self::prepare_to(Purpose::Call, world, versions).await
    }

    /// The same for who only watches.
    ///
    /// # Errors
    ///
    /// As [`prepare`](Self::prepare).
    pub async fn prepare_to_watch(
        world: &World,
        versions: DtlsVersions,
    ) -> Result<(Self, String), AppError> {
        Self::prepare_to(Purpose::Watch, world, versions).await
    }

    async fn prepare_to(
        purpose: Purpose,
        world: &World,
        versions: DtlsVersions,
    ) -> Result<(Self, String), AppError> {
        let mut peer = Peer::bind(world, versions, Some(Held::Peer), Fault::NONE).await?;
        let (offer, pending) = peer.offer(purpose)?;
        let call = Self {
            peer,
            world: world.clone(),
            pending: Some(pending),
            keys: None,
            depacketizer: Depacketizer::default(),
            packetizers: Packetizers::new(&*world.entropy)?,
            frames: Frames::new(),
            said: 0,
            faulty: None,
            received: Received::default(),
        };
        Ok((call, complete(&offer.to_sdp_string())))
    }

    /// Takes the answer to its offer.
    ///
    /// # Errors
    ///
    /// [`AppError::Answer`] if it is none, [`AppError::Peer`] if it does not
    /// fit.
    pub fn accept(&mut self, answer: &str) -> Result<(), AppError> {
        let wrong = AppError::Answer("offer");
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|_| wrong)?;
        let pending = self.pending.take().ok_or(AppError::Answer("offer"))?;
        Ok(self.peer.accept_answer(pending, answer)?)
    }

    /// Opens and seals with these keys from now on: those of the camera's video
    /// and sound, and of what the user says.
    ///
    /// # Errors
    ///
    /// [`AppError::SFrame`] if the library refuses one.
    pub fn use_keys(&mut self, keys: &[SFrameOpeningKey; 3]) -> Result<(), AppError> {
        let [video, sound, talk_back] = keys;
        let base = SFrameBaseKey::new(talk_back.suite(), talk_back.id(), talk_back.expose())?;
        self.keys = Some(Keys {
            video: Opening::ordered(video)?,
            sound: Opening::new(sound)?,
            talk_back: Some(Sender::new(base, VolatileCounters::default())?),
        });
        Ok(())
    }

    /// Opens with the keys of this epoch too, those of the camera's video and
    /// sound; with those of the epochs before for the
    /// [grace period](super::GRACE).
    ///
    /// # Errors
    ///
    /// [`AppError::SFrame`] if the library refuses one, or it is of an epoch that
    /// was there before.
    pub fn begin_epoch(&mut self, [video, sound]: &[SFrameOpeningKey; 2]) -> Result<(), AppError> {
        if let Some(faulty) = &mut self.faulty {
            faulty.add(video);
        }
        match &mut self.keys {
            Some(keys) => {
                keys.video.add(video)?;
                keys.sound.add(sound)?;
            }
            None => {
                self.keys = Some(Keys {
                    video: Opening::ordered(video)?,
                    sound: Opening::new(sound)?,
                    talk_back: None,
                });
            }
        }
        Ok(())
    }

    /// Plays from now on what it should refuse.
    pub(crate) fn faulty_play(&mut self, fault: PlayerFault) {
        self.faulty = Some(FaultyPlayer::new(fault));
    }

    /// What it can touch.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// What it dropped, and why.
    pub fn counts(&self) -> Counts {
        self.peer.counts
    }

    /// Its UDP address.
    pub fn local(&self) -> SocketAddr {
        self.peer.local()
    }

    /// Watches for so long; whether the camera still sends then.
    ///
    /// # Errors
    ///
    /// [`AppError::Peer`] if the connection is broken, such as by a certificate
    /// that is not that of the SDP.
    pub async fn watch(&mut self, duration: Duration) -> Result<bool, AppError> {
        self.run(duration, None).await
    }

    /// Watches for so long, and says what is heard.
    ///
    /// # Errors
    ///
    /// As [`watch`](Self::watch).
    pub async fn talk(&mut self, duration: Duration, sound: &Sound) -> Result<bool, AppError> {
        self.run(duration, Some(sound)).await
    }

    /// Asks for a key frame.
    ///
    /// # Errors
    ///
    /// [`AppError::Peer`] if the connection is broken.
    pub fn request_key_frame(&mut self) -> Result<(), AppError> {
        Ok(self.peer.request_key_frame()?)
    }

    /// Sends a datagram as it is, from where its own come from.
    ///
    /// # Errors
    ///
    /// [`AppError::Peer`] if the socket fails.
    pub async fn send_datagram(&self, to: SocketAddr, octets: &[u8]) -> Result<(), AppError> {
        Ok(self.peer.send_datagram(to, octets).await?)
    }

    /// Sends those octets wherever DTLS would say something, and does not hear
    /// what comes of it.
    pub fn replace_dtls(&mut self, octets: Vec<u8>) {
        self.peer.replace_dtls(octets);
    }

    /// Sends a datagram as it is to where ICE found the camera; whether ICE did.
    pub async fn send_beside(&mut self, octets: Vec<u8>) -> bool {
        self.peer.send_beside(octets).await
    }

    /// Says nothing of DTLS and hears nothing of it, until that is released.
    pub fn withhold_dtls(&mut self) {
        self.peer.withhold_dtls();
    }

    /// Goes on with DTLS where it was withheld.
    pub fn release_dtls(&mut self) {
        self.peer.release_dtls();
    }

    /// Says goodbye.
    pub async fn close(mut self) -> Received {
        self.peer.close().await;
        self.received
    }

    async fn run(&mut self, duration: Duration, says: Option<&Sound>) -> Result<bool, AppError> {
        let clock = self.world.clock.clone();
        let (start, first) = (clock.unix(), self.said);
        let end = start + duration;
        loop {
            let spoken = Duration::from_secs((self.said - first + 1).into()) / PACKETS_PER_SECOND;
            tokio::select! {
                biased;
                media = self.peer.next() => match media? {
                    Media::Connected => self.received.connected = true,
                    Media::Packet(packet) => self.take(packet)?,
                    Media::WantsKeyFrame => {}
                    Media::Over => return Ok(false),
                },
                () = clock.sleep_until(end) => return Ok(true),
                () = clock.sleep_until(start + spoken), if says.is_some() => {
                    if let Some(sound) = says {
                        self.say(sound).await?;
                    }
                }
            }
        }
    }

    async fn say(&mut self, sound: &Sound) -> Result<(), AppError> {
        let number = self.said;
        self.said += 1;
        let keys = self.keys.as_mut().filter(|_| self.received.connected);
        let Some(talk_back) = keys.and_then(|keys| keys.talk_back.as_mut()) else {
            return Ok(());
        };
        let taken = self.world.clock.unix();
        let packet = SoundPacket::new(sound.samples(number), number, taken);
        let (octets, time) = (&packet.octets, packet.rtp_time());
        let packets = self.packetizers.sound(octets, time, talk_back)?;
        Ok(self.peer.send(Track::Sound, packets).await?)
    }

    fn take(&mut self, packet: Packet) -> Result<(), AppError> {
        self.received.octets += packet.payload.len() as u64;
        match packet.track {
            Track::Sound => self.hear(&packet.payload),
            Track::Video => {
                let mut units = Vec::new();
                let Packet {
                    sequence,
                    marker,
                    payload,
                    ..
                } = packet;
                let torn = self.depacketizer.torn;
                self.depacketizer
                    .take(sequence, marker, payload, |unit| units.push(unit));
                let mut is_missing = false;
                for unit in &units {
                    is_missing |= self.see(unit)?;
                }
                if self.depacketizer.torn > torn || is_missing {
                    self.peer.request_key_frame()?;
                }
            }
        }
        Ok(())
    }

    /// An access unit is one sealed frame behind its covers. Whatever else is
    /// there is in clear. Whether one before it is missing.
    fn see(&mut self, unit: &[Vec<u8>]) -> Result<bool, AppError> {
        if let Some(faulty) = &self.faulty
            && let Some(plays) = faulty.faulty_unit(unit)?
        {
            self.play(plays);
            return Ok(false);
        }
        self.frames.clear();
        for nal in unit {
            if nal == nal::COVER_SPS || nal == nal::COVER_PPS {
                continue;
            }
            if nal::unwrap(nal, &mut self.frames).is_err() {
                self.received.clear += 1;
                return Ok(false);
            }
        }
        let now = self.world.clock.unix();
        let keys = self.keys.as_mut();
        let outcome = match self.frames.len() {
            1 => keys.map(|keys| keys.video.open(&mut self.frames, now)),
            _ => Some(Outcome::Refused),
        };
        if self.received.count(outcome) {
            let units: Vec<_> = self.frames.iter().map(<[u8]>::to_vec).collect();
            units.into_iter().for_each(|unit| self.play(unit));
        }
        Ok(outcome == Some(Outcome::OpenedAfterGap))
    }

    /// Hands an access unit to the decoder.
    fn play(&mut self, unit: Vec<u8>) {
        let now = self.world.clock.unix();
        let witness = &self.world.witness;
        witness.played(self.peer.local(), VIDEO_TRACK, &unit, now);
        self.received.units.push(unit);
    }

    fn hear(&mut self, payload: &[u8]) {
        self.frames.clear();
        self.frames.push(payload, &[]);
        let now = self.world.clock.unix();
        let keys = self.keys.as_mut();
        let outcome = keys.map(|keys| keys.sound.open(&mut self.frames, now));
        if self.received.count(outcome) {
            let viewer = self.peer.local();
            for packet in self.frames.iter() {
                let witness = &self.world.witness;
                witness.played(viewer, SOUND_TRACK, packet, now);
                self.received.sound.push(packet.to_vec());
            }
        }
    }
}

impl Received {
    /// Counts a frame, with none if there were no keys at all; whether it was
    /// opened.
    fn count(&mut self, outcome: Option<Outcome>) -> bool {
        match outcome {
            Some(Outcome::Opened | Outcome::OpenedAfterGap) => return true,
            Some(Outcome::Refused) => self.refused += 1,
            Some(Outcome::WithoutKey) | None => self.without_key += 1,
        }
        false
    }
}

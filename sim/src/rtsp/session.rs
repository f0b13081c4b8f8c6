//! One session of an RTSP connection: its tracks and what carries them.

use std::{net::SocketAddr, sync::Arc};

use tokio::sync::broadcast::{self, error::RecvError};

use super::{
    key_management::KeyMgmtError,
    mikey::{Message, MikeyError},
    protection::{MasterKey, Protection},
    resource::{Form, Keying, Part, Track},
    sender::Sender,
    udp::UdpPair,
};
use crate::{
    camera::Device,
    fault::clear_udp::FaultyUdp,
    h264::AccessUnit,
    rtp::{Feedback, RtpError},
    seal::{keys::KeyError, srtp::SrtpError},
    sound::SoundPacket,
};

/// A session that was set up.
pub(super) struct Session {
    /// Its identifier (RFC 2326 3.4).
    pub(super) id: String,
    /// What it shows.
    pub(super) form: Form,
    /// In order of their SETUP; each track once.
    tracks: Vec<Sender>,
    playing: Option<Playing>,
}

/// What carries the media.
pub(super) enum Carrier {
    /// The RTSP connection: channels of RTP and of RTCP.
    Interleaved(u8, u8),
    /// Sockets, for SRTP only.
    Udp(UdpPair),
    /// No honest camera does this.
    Faulty(FaultyUdp),
}

/// What a session has for its connection.
pub(super) enum Event {
    /// Octets to send.
    Media(Vec<u8>),
    /// The viewer said something elsewhere, and it was authentic.
    SignOfLife,
}

struct Playing {
    units: broadcast::Receiver<Arc<AccessUnit>>,
    sound: broadcast::Receiver<Arc<SoundPacket>>,
    /// A viewer starts at a key frame, and again after it lost one.
    awaits_key_frame: bool,
}

/// What happened, of all that a session waits for.
enum Happened {
    Unit(Result<Arc<AccessUnit>, RecvError>),
    Sound(Result<Arc<SoundPacket>, RecvError>),
    Rtcp(Track, Vec<u8>),
}

impl Session {
    /// A session without tracks.
    pub(super) fn new(id: String, form: Form) -> Self {
        Self {
            id,
            form,
            tracks: Vec::new(),
            playing: None,
        }
    }

    /// Adds a track, or has it carried anew. Says its SSRC if it is one of
    /// SRTP; `Some(None)` goes on with the key that it has.
    pub(super) fn set_up(
        &mut self,
        device: &Device,
        track: Track,
        carrier: Carrier,
        keyed: Option<Option<Protection>>,
    ) -> Result<Option<u32>, RtpError> {
        if let (Some(None), Some(sender)) = (&keyed, self.find(track)) {
            sender.carrier = carrier;
            return Ok(sender.ssrc());
        }
        let sender = Sender::new(device, track, carrier, keyed.flatten())?;
        let ssrc = sender.ssrc();
        self.tracks.retain(|other| other.track != track);
        self.tracks.push(sender);
        Ok(ssrc)
    }

    /// How many tracks there are.
    pub(super) fn len(&self) -> usize {
        self.tracks.len()
    }

    /// The channels asked for, or others if another track has one of them.
    pub(super) fn free_channels(&self, track: Track, asked: Option<(u8, u8)>) -> (u8, u8) {
        let taken = |channel: u8| {
            let mut others = self.tracks.iter().filter(|other| other.track != track);
            others.any(|other| match other.carrier {
                Carrier::Interleaved(rtp, rtcp) => [rtp, rtcp].contains(&channel),
                Carrier::Udp(_) | Carrier::Faulty(_) => false,
            })
        };
        let is_free = |(rtp, rtcp): &(u8, u8)| !taken(*rtp) && !taken(*rtcp);
        let pairs = (0..u8::MAX).step_by(2).map(|rtp| (rtp, rtp + 1));
        // Two tracks leave most of the pairs free.
        let mut choices = asked.into_iter().chain(pairs);
        choices.find(is_free).unwrap_or((0, 1))
    }

    pub(super) fn is_playing(&self) -> bool {
        self.playing.is_some()
    }

    /// Plays, if it does not yet, and says which sequence number comes next on
    /// which track.
    pub(super) fn play(&mut self, device: &Device) -> Vec<(Track, u16)> {
        if self.playing.is_none() {
            let live = device.video(self.form.presentation);
            self.playing = Some(Playing {
                units: live.subscribe(),
                sound: device.sound.subscribe(),
                awaits_key_frame: true,
            });
            for track in &mut self.tracks {
                track.report_at_once(device);
            }
            live.request_key_frame();
        }
        let tracks = self.tracks.iter();
        tracks.map(|t| (t.track, t.next_sequence())).collect()
    }

    /// Sends nothing until it plays again.
    pub(super) fn pause(&mut self) {
        self.playing = None;
    }

    /// The next access unit or packet of sound as octets for the RTSP
    /// connection, or what the viewer says over UDP; waits for ever while there
    /// is neither. May be dropped at any await.
    pub(super) async fn event(&mut self, device: &Device, peer: SocketAddr) -> Event {
        let live = device.video(self.form.presentation);
        loop {
            let happened = self.happened().await;
            let missed = |missed: u64, what: &str| {
                let line = format!("rtsp: {peer} missed {missed} {what}");
                device.world.log.line(&line);
            };
            let (track, sent) = match happened {
                Happened::Unit(Ok(unit)) => {
                    if self.skips(&unit) {
                        continue;
                    }
                    let Some(sender) = self.find(Track::Video) else {
                        continue;
                    };
                    (Track::Video, sender.send_unit(device, &unit).await)
                }
                Happened::Unit(Err(RecvError::Lagged(number))) => {
                    missed(number, "access units");
                    if let Some(playing) = &mut self.playing {
                        playing.awaits_key_frame = true;
                    }
                    live.request_key_frame();
                    continue;
                }
                Happened::Sound(Ok(packet)) => {
                    let Some(sender) = self.find(Track::Sound) else {
                        continue;
                    };
                    (Track::Sound, sender.send_sound(device, &packet).await)
                }
                Happened::Sound(Err(RecvError::Lagged(number))) => {
                    missed(number, "packets of sound");
                    continue;
                }
                Happened::Rtcp(track, octets) => {
                    match self.receive_rtcp(device, peer, track, octets) {
                        true => return Event::SignOfLife,
                        false => continue,
                    }
                }
                Happened::Unit(Err(RecvError::Closed))
                | Happened::Sound(Err(RecvError::Closed)) => std::future::pending().await,
            };
            match sent {
                Ok(octets) if octets.is_empty() => {}
                Ok(octets) => return Event::Media(octets),
                // Such as a key at the end of its lifetime (RFC 3711 9.2).
                Err(error) => {
                    let line = format!("rtsp: {peer} {track:?} ends: {error}");
                    device.world.log.line(&line);
                    self.pause();
                }
            }
        }
    }

    async fn happened(&mut self) -> Happened {
        let Self {
            tracks, playing, ..
        } = self;
        let (units, sound) = match playing {
            Some(playing) => (Some(&mut playing.units), Some(&mut playing.sound)),
            None => (None, None),
        };
        let (video, audio) = (rtcp(tracks, Track::Video), rtcp(tracks, Track::Sound));
        // Video first: it is what a slow viewer loses the most with.
        tokio::select! {
            biased;
            unit = next(units) => Happened::Unit(unit),
            packet = next(sound) => Happened::Sound(packet),
            octets = video => Happened::Rtcp(Track::Video, octets),
            octets = audio => Happened::Rtcp(Track::Sound, octets),
        }
    }

    /// Whether the viewer can't begin with this access unit.
    fn skips(&mut self, unit: &AccessUnit) -> bool {
        let Some(playing) = &mut self.playing else {
            return true;
        };
        if playing.awaits_key_frame && !unit.key_frame {
            return true;
        }
        playing.awaits_key_frame = false;
        false
    }

    /// Takes a frame of the RTSP connection; whether it may pass for a sign of
    /// life.
    pub(super) fn receive(
        &mut self,
        device: &Device,
        peer: SocketAddr,
        channel: u8,
        octets: Vec<u8>,
    ) -> bool {
        let mut tracks = self.tracks.iter();
        let track = tracks.find(
            |sender| matches!(sender.carrier, Carrier::Interleaved(_, rtcp) if rtcp == channel),
        );
        match track.map(|sender| sender.track) {
            Some(track) => self.receive_rtcp(device, peer, track, octets),
            None => true,
        }
    }

    /// Does what the viewer asks for, if that is authentic.
    fn receive_rtcp(
        &mut self,
        device: &Device,
        peer: SocketAddr,
        track: Track,
        mut octets: Vec<u8>,
    ) -> bool {
        let Some(protection) = self.find(track).and_then(|s| s.seal.as_mut()) else {
            // What comes in the RTSP connection is authentic already.
            return true;
        };
        if let Err(discarded) = protection.open(&mut octets) {
            // Whoever sends many does not fill the log.
            if discarded.count.is_power_of_two() {
                let why = match discarded.error {
                    Some(error) => error.to_string(),
                    None => "it is our own".into(),
                };
                let (count, line) = (discarded.count, "RTCP discarded");
                let line = format!("rtsp: {peer} {track:?} {line}: {why} ({count} until now)");
                device.world.log.line(&line);
            }
            return false;
        }
        let feedback = Feedback::read(&octets);
        if feedback.wants_key_frame && track == Track::Video {
            device.video(self.form.presentation).request_key_frame();
        }
        if feedback.leaves {
            self.pause();
        }
        true
    }

    /// Whether a track has a key.
    pub(super) fn has_key(&self, track: Track) -> bool {
        let mut tracks = self.tracks.iter();
        tracks.any(|sender| sender.track == track && sender.seal.is_some())
    }

    /// Whether another track than this has that key.
    pub(super) fn uses(&self, key: &MasterKey, track: Track) -> bool {
        let mut others = self.tracks.iter().filter(|sender| sender.track != track);
        others.any(|sender| sender.is_under(key))
    }

    /// The messages that deliver the keys of its tracks, or of one of them.
    pub(super) fn messages(&self, device: &Device, part: Part) -> Vec<Message> {
        let tracks = self.tracks.iter().filter(|sender| part.has(sender.track));
        let seals = tracks.filter_map(|sender| sender.seal.as_ref());
        seals.map(|seal| seal.message(device)).collect()
    }

    /// Goes on with another key on a track: that of the URL, that whose SSRC
    /// the message names, or the only one.
    pub(super) fn rekey(
        &mut self,
        device: &Device,
        part: Part,
        message: &Message,
    ) -> Result<(), KeyRefused> {
        let keying = self.form.keying.filter(|keying| keying.mki);
        // Without an MKI nobody would know from which packet on.
        let keying = keying.ok_or(KeyRefused::NoMki)?;
        let master = master_key(message, keying)?;
        let names = |ssrc| message.sessions.iter().any(|session| session.ssrc == ssrc);
        let mut tracks = self.tracks.iter().filter(|sender| part.has(sender.track));
        let track = match (self.tracks.len(), part) {
            (1, _) | (_, Part::Track(_)) => tracks.next(),
            _ => tracks.find(|sender| sender.ssrc().is_some_and(names)),
        };
        let track = track.map(|sender| sender.track).ok_or(KeyRefused::None)?;
        // Neither the old key again nor that of another RTP session.
        if self.tracks.iter().any(|sender| sender.is_under(&master)) {
            return Err(KeyRefused::Taken);
        }
        let seal = self.find(track).and_then(|sender| sender.seal.as_mut());
        let seal = seal.ok_or(KeyRefused::None)?;
        master.escrow(device);
        Ok(seal.rekey(master)?)
    }

    fn find(&mut self, track: Track) -> Option<&mut Sender> {
        self.tracks.iter_mut().find(|sender| sender.track == track)
    }
}

/// The key that a client brings, for streams of that keying.
pub(super) fn master_key(message: &Message, keying: Keying) -> Result<MasterKey, KeyRefused> {
    let suite = match &message.policy {
        Some(policy) => policy.suite()?,
        None => keying.suite,
    };
    let mki = message.key.mki().cloned();
    if keying.mki && mki.is_none() {
        return Err(KeyRefused::NoMki);
    }
    let key = message.key.master_key(suite)?;
    Ok(MasterKey { key, mki })
}

/// Why there is no key for a track.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyRefused {
    #[error("no key is there for the track: DESCRIBE gives another each time")]
    None,
    #[error("the key has no MKI")]
    NoMki,
    #[error("the key is in use")]
    Taken,
    #[error(transparent)]
    KeyMgmt(#[from] KeyMgmtError),
    #[error("mikey: {0}")]
    Mikey(#[from] MikeyError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Srtp(#[from] SrtpError),
}

/// The next item, or none for ever.
async fn next<T: Clone>(from: Option<&mut broadcast::Receiver<T>>) -> Result<T, RecvError> {
    match from {
        Some(from) => from.recv().await,
        None => std::future::pending().await,
    }
}

/// The next RTCP over UDP to a track.
async fn rtcp(tracks: &[Sender], track: Track) -> Vec<u8> {
    let mut tracks = tracks.iter().filter(|sender| sender.track == track);
    match tracks.next().map(|sender| &sender.carrier) {
        Some(Carrier::Udp(sockets)) => sockets.receive().await,
        _ => std::future::pending().await,
    }
}

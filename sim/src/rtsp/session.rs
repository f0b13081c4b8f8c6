//! One session of an RTSP connection: its tracks and what carries them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::sync::broadcast::{self, error::RecvError};

use super::{
    resource::{Presentation, Track},
    sdp,
    server::{REPORT_INTERVAL, RTP_MTU},
};
use crate::{
    camera::Device,
    fault::clear_udp::FaultyUdp,
    h264::AccessUnit,
    rtp::{Packetizer, PacketizerConfig, Packets, RtpError},
    sound::{SAMPLE_RATE, SoundPacket},
};

/// A session that was set up.
pub(super) struct Session {
    /// Its identifier (RFC 2326 3.4).
    pub(super) id: String,
    /// What it shows.
    pub(super) presentation: Presentation,
    /// In order of their SETUP; each track once.
    tracks: Vec<Sender>,
    playing: Option<Playing>,
}

/// What carries the media.
pub(super) enum Carrier {
    /// The RTSP connection: channels of RTP and of RTCP.
    Interleaved(u8, u8),
    /// No honest camera does this.
    Faulty(FaultyUdp),
}

struct Playing {
    units: broadcast::Receiver<Arc<AccessUnit>>,
    sound: broadcast::Receiver<Arc<SoundPacket>>,
    /// A viewer starts at a key frame, and again after it lost one.
    awaits_key_frame: bool,
}

impl Session {
    /// A session without tracks.
    pub(super) fn new(id: String, presentation: Presentation) -> Self {
        Self {
            id,
            presentation,
            tracks: Vec::new(),
            playing: None,
        }
    }

    /// Adds a track, or has it carried anew.
    pub(super) fn set_up(
        &mut self,
        device: &Device,
        track: Track,
        carrier: Carrier,
    ) -> Result<(), RtpError> {
        let sender = Sender::new(device, track, carrier)?;
        self.tracks.retain(|other| other.track != track);
        self.tracks.push(sender);
        Ok(())
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
                Carrier::Faulty(_) => false,
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
            let live = device.video(self.presentation);
            self.playing = Some(Playing {
                units: live.subscribe(),
                sound: device.sound.subscribe(),
                awaits_key_frame: true,
            });
            for track in &mut self.tracks {
                track.next_report = device.world.clock.unix();
            }
            live.request_key_frame();
        }
        let tracks = self.tracks.iter();
        tracks
            .map(|t| (t.track, t.packetizer.next_sequence()))
            .collect()
    }

    /// Sends nothing until it plays again.
    pub(super) fn pause(&mut self) {
        self.playing = None;
    }

    /// The next access unit or packet of sound as octets for the RTSP
    /// connection; waits for ever while nothing plays. May be dropped at any
    /// await.
    pub(super) async fn media(&mut self, device: &Device, peer: SocketAddr) -> Vec<u8> {
        let Some(playing) = &mut self.playing else {
            return std::future::pending().await;
        };
        let live = device.video(self.presentation);
        let missed = |missed: u64, what: &str| {
            let line = format!("rtsp: {peer} missed {missed} {what}");
            device.world.log.line(&line);
        };
        loop {
            // Video first: it is what a slow viewer loses the most with.
            let (track, octets) = tokio::select! {
                biased;
                unit = playing.units.recv() => {
                    let unit = match unit {
                        Ok(unit) => unit,
                        Err(RecvError::Lagged(number)) => {
                            missed(number, "access units");
                            playing.awaits_key_frame = true;
                            live.request_key_frame();
                            continue;
                        }
                        Err(RecvError::Closed) => std::future::pending().await,
                    };
                    if playing.awaits_key_frame && !unit.key_frame {
                        continue;
                    }
                    playing.awaits_key_frame = false;
                    let Some(sender) = find(&mut self.tracks, Track::Video) else {
                        continue;
                    };
                    sender.packetizer.packetize(&unit, &mut sender.packets);
                    let octets = sender.send(device, unit.taken, unit.rtp_time);
                    (Track::Video, octets)
                }
                packet = playing.sound.recv() => {
                    let packet = match packet {
                        Ok(packet) => packet,
                        Err(RecvError::Lagged(number)) => {
                            missed(number, "packets of sound");
                            continue;
                        }
                        Err(RecvError::Closed) => std::future::pending().await,
                    };
                    let Some(sender) = find(&mut self.tracks, Track::Sound) else {
                        continue;
                    };
                    let time = packet.rtp_time();
                    sender.packetizer.packetize_octets(&packet.octets, time, &mut sender.packets);
                    let octets = sender.send(device, packet.taken, time);
                    (Track::Sound, octets)
                }
            };
            let Some(sender) = find(&mut self.tracks, track) else {
                continue;
            };
            match &sender.carrier {
                Carrier::Interleaved(..) => return octets,
                Carrier::Faulty(udp) => udp.send(&sender.packets).await,
            }
        }
    }
}

/// A track of a session.
struct Sender {
    track: Track,
    carrier: Carrier,
    packetizer: Packetizer,
    packets: Packets,
    next_report: Duration,
}

impl Sender {
    fn new(device: &Device, track: Track, carrier: Carrier) -> Result<Self, RtpError> {
        let random = device.random_u64();
        let (payload_type, clock_rate) = match track {
            Track::Video => (sdp::PAYLOAD_TYPE, 90_000),
            Track::Sound => (sdp::SOUND_PAYLOAD_TYPE, SAMPLE_RATE),
        };
        let packetizer = Packetizer::new(PacketizerConfig {
            payload_type,
            ssrc: device.random_u64() as u32,
            first_sequence: random as u16,
            clock_rate,
            time_offset: (random >> 32) as u32,
            max_packet: RTP_MTU,
        })?;
        Ok(Self {
            track,
            carrier,
            packetizer,
            packets: Packets::default(),
            next_report: Duration::ZERO,
        })
    }

    /// The packets as octets for the RTSP connection, with a report if one is
    /// due; nothing if something else carries them.
    fn send(&mut self, device: &Device, taken: Duration, rtp_time: u32) -> Vec<u8> {
        let Carrier::Interleaved(rtp, rtcp) = self.carrier else {
            return Vec::new();
        };
        let now = device.world.clock.unix();
        let mut report = Vec::new();
        if now >= self.next_report {
            self.next_report = now + REPORT_INTERVAL;
            let content = self.packetizer.sender_report(now, taken, rtp_time);
            // A serial number is a CNAME of a length that fits.
            let _ = content.write(&device.settings.serial, &mut report);
        }
        interleave((rtp, rtcp), &self.packets, &report)
    }
}

fn find(tracks: &mut [Sender], track: Track) -> Option<&mut Sender> {
    tracks.iter_mut().find(|sender| sender.track == track)
}

/// RTP packets on the one channel and a report on the other (RFC 2326 10.12).
fn interleave((rtp, rtcp): (u8, u8), packets: &Packets, report: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut push = |channel: u8, payload: &[u8]| {
        // No packet is longer than the MTU, so its length fits.
        octets.extend_from_slice(&[b'$', channel]);
        octets.extend_from_slice(&(payload.len() as u16).to_be_bytes());
        octets.extend_from_slice(payload);
    };
    for packet in packets.iter() {
        push(rtp, packet);
    }
    if !report.is_empty() {
        push(rtcp, report);
    }
    octets
}

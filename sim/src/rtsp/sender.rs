//! What sends one track to one viewer.

use std::time::Duration;

use super::{
    protection::{MasterKey, Protection},
    resource::Track,
    sdp,
    server::{REPORT_INTERVAL, RTP_MTU},
    session::Carrier,
};
use crate::{
    camera::Device,
    h264::AccessUnit,
    rtp::{Packetizer, PacketizerConfig, Packets, RtpError},
    seal::srtp::SrtpError,
    sound::{SAMPLE_RATE, SoundPacket},
};

/// A track of a session.
pub(super) struct Sender {
    pub(super) track: Track,
    pub(super) carrier: Carrier,
    /// SRTP, where the profile is RTP/SAVP.
    pub(super) seal: Option<Protection>,
    packetizer: Packetizer,
    packets: Packets,
    next_report: Duration,
}

impl Sender {
    pub(super) fn new(
        device: &Device,
        track: Track,
        carrier: Carrier,
        seal: Option<Protection>,
    ) -> Result<Self, RtpError> {
        let random = device.random_u64();
        let (payload_type, clock_rate) = match track {
            Track::Video => (sdp::PAYLOAD_TYPE, 90_000),
            Track::Sound => (sdp::SOUND_PAYLOAD_TYPE, SAMPLE_RATE),
        };
        let overhead = seal.as_ref().map_or(0, Protection::overhead);
        let first_sequence = match seal {
            // So that a receiver knows the roll-over counter of the first
            // packets, even if it misses some (RFC 3711 3.3.1).
            Some(_) => {
                let preset = device.settings.begin.map(|begin| begin.sequence);
                preset.unwrap_or(random as u16 >> 1)
            }
            None => random as u16,
        };
        let packetizer = Packetizer::new(PacketizerConfig {
            payload_type,
            ssrc: match &seal {
                Some(seal) => seal.ssrc,
                None => device.random_u64() as u32,
            },
            first_sequence,
            clock_rate,
            time_offset: (random >> 32) as u32,
            max_packet: RTP_MTU - overhead,
        })?;
        Ok(Self {
            track,
            carrier,
            seal,
            packetizer,
            packets: Packets::with_room(overhead),
            next_report: Duration::ZERO,
        })
    }

    /// The SSRC, if it is one of SRTP.
    pub(super) fn ssrc(&self) -> Option<u32> {
        self.seal.as_ref().map(|seal| seal.ssrc)
    }

    /// Whether its packets are under that key.
    pub(super) fn is_under(&self, key: &MasterKey) -> bool {
        self.seal.as_ref().is_some_and(|seal| seal.master.is(key))
    }

    pub(super) fn next_sequence(&self) -> u16 {
        self.packetizer.next_sequence()
    }

    /// Sends a report with the next packets.
    pub(super) fn report_at_once(&mut self, device: &Device) {
        self.next_report = device.world.clock.unix();
    }

    /// Sends an access unit: as octets for the RTSP connection, or over UDP,
    /// and then there are no octets.
    pub(super) async fn send_unit(
        &mut self,
        device: &Device,
        unit: &AccessUnit,
    ) -> Result<Vec<u8>, SrtpError> {
        self.packetizer.packetize(unit, &mut self.packets);
        self.send(device, unit.taken, unit.rtp_time).await
    }

    /// Sends a packet of sound in the same way.
    pub(super) async fn send_sound(
        &mut self,
        device: &Device,
        packet: &SoundPacket,
    ) -> Result<Vec<u8>, SrtpError> {
        let time = packet.rtp_time();
        self.packetizer
            .packetize_octets(&packet.octets, time, &mut self.packets);
        self.send(device, packet.taken, time).await
    }

    /// Sends the packets, with a report if one is due.
    async fn send(
        &mut self,
        device: &Device,
        taken: Duration,
        rtp_time: u32,
    ) -> Result<Vec<u8>, SrtpError> {
        let now = device.world.clock.unix();
        let mut report = Vec::new();
        if now >= self.next_report {
            self.next_report = now + REPORT_INTERVAL;
            let content = self.packetizer.sender_report(now, taken, rtp_time);
            // A serial number is a CNAME of a length that fits.
            let _ = content.write(&device.settings.serial, &mut report);
        }
        if let Some(seal) = &mut self.seal {
            seal.seal(&mut self.packets, &mut report)?;
        }
        match (&self.carrier, &self.seal) {
            (Carrier::Interleaved(rtp, rtcp), _) => {
                return Ok(interleave((*rtp, *rtcp), &self.packets, &report));
            }
            (Carrier::Udp(sockets), Some(_)) => sockets.send(&self.packets, &report).await,
            // SETUP gives sockets to nobody without a key.
            (Carrier::Udp(_), None) => {}
            (Carrier::Faulty(udp), _) => udp.send(&self.packets).await,
        }
        Ok(Vec::new())
    }
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

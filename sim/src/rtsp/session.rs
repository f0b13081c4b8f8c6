//! One session of an RTSP connection: a video track and what carries it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::sync::broadcast::{self, error::RecvError};

use super::{
    resource::Presentation,
    sdp,
    server::{REPORT_INTERVAL, RTP_MTU},
};
use crate::{
    camera::Device,
    fault::clear_udp::FaultyUdp,
    h264::AccessUnit,
    rtp::{Packetizer, PacketizerConfig, Packets, RtpError},
};

/// A session that was set up.
pub(super) struct Session {
    /// Its identifier (RFC 2326 3.4).
    pub(super) id: String,
    /// What it shows.
    pub(super) presentation: Presentation,
    carrier: Carrier,
    packetizer: Packetizer,
    packets: Packets,
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
    /// A viewer starts at a key frame, and again after it lost one.
    awaits_key_frame: bool,
    next_report: Duration,
}

impl Session {
    /// A session that does not play yet.
    pub(super) fn new(
        device: &Device,
        id: String,
        presentation: Presentation,
        carrier: Carrier,
    ) -> Result<Self, RtpError> {
        let random = device.random_u64();
        let packetizer = Packetizer::new(PacketizerConfig {
            payload_type: sdp::PAYLOAD_TYPE,
            ssrc: device.random_u64() as u32,
            first_sequence: random as u16,
            time_offset: (random >> 32) as u32,
            max_packet: RTP_MTU,
        })?;
        Ok(Self {
            id,
            presentation,
            carrier,
            packetizer,
            packets: Packets::default(),
            playing: None,
        })
    }

    pub(super) fn is_playing(&self) -> bool {
        self.playing.is_some()
    }

    /// Plays, if it does not yet, and says which sequence number comes next.
    pub(super) fn play(&mut self, device: &Device) -> u16 {
        if self.playing.is_none() {
            let live = device.video(self.presentation);
            self.playing = Some(Playing {
                units: live.subscribe(),
                awaits_key_frame: true,
                next_report: device.world.clock.unix(),
            });
            live.request_key_frame();
        }
        self.packetizer.next_sequence()
    }

    /// Sends nothing until it plays again.
    pub(super) fn pause(&mut self) {
        self.playing = None;
    }

    /// The next access unit as octets for the RTSP connection; waits for ever
    /// while nothing plays. May be dropped at any await.
    pub(super) async fn media(&mut self, device: &Device, peer: SocketAddr) -> Vec<u8> {
        let Some(playing) = &mut self.playing else {
            return std::future::pending().await;
        };
        loop {
            let unit = match playing.units.recv().await {
                Ok(unit) => unit,
                Err(RecvError::Lagged(missed)) => {
                    device
                        .world
                        .log
                        .line(&format!("rtsp: {peer} missed {missed} access units"));
                    playing.awaits_key_frame = true;
                    device.video(self.presentation).request_key_frame();
                    continue;
                }
                Err(RecvError::Closed) => std::future::pending().await,
            };
            if playing.awaits_key_frame && !unit.key_frame {
                continue;
            }
            playing.awaits_key_frame = false;
            self.packetizer.packetize(&unit, &mut self.packets);
            let now = device.world.clock.unix();
            let mut report = Vec::new();
            if now >= playing.next_report {
                playing.next_report = now + REPORT_INTERVAL;
                let content = self.packetizer.sender_report(now, &unit);
                // A serial number is a CNAME of a length that fits.
                let _ = content.write(&device.settings.serial, &mut report);
            }
            match &self.carrier {
                Carrier::Interleaved(rtp, rtcp) => {
                    return interleave((*rtp, *rtcp), &self.packets, &report);
                }
                Carrier::Faulty(udp) => udp.send(&self.packets).await,
            }
        }
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

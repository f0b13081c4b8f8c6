//! RTP of one source, as the escrowed keys open it.

use crate::{
    dissect::{
        pcmu,
        rtp::{self, FoundUnit},
    },
    sframed::Sframed,
};

/// RTP of one source, in its order.
pub(super) struct Source<'a> {
    /// Its packets.
    pub packets: Vec<&'a [u8]>,
    /// Whether somebody asked that it stop in between.
    pub paused: bool,
    /// Whether packets are missing in between.
    pub lost: bool,
    /// What of it is SFrame.
    pub sframed: Option<&'a Sframed>,
}

impl<'a> Source<'a> {
    /// Access units; what was in SFrame, if that was opened.
    pub fn units(&self) -> Vec<FoundUnit> {
        match self.sframed {
            Some(sframed) => sframed.units.clone(),
            None => rtp::depacketize(&self.video()),
        }
    }

    /// Packets of video.
    pub fn video(&self) -> Vec<&'a [u8]> {
        let packets = self.packets.iter().copied();
        packets.filter(|packet| !is_sound(packet)).collect()
    }

    /// Payloads of sound; what was in SFrame, if that was opened.
    pub fn sound(&self) -> Vec<&'a [u8]> {
        if let Some(sframed) = self.sframed {
            return sframed.samples.iter().map(Vec::as_slice).collect();
        }
        let packets = self.packets.iter().copied();
        let payloads = packets
            .filter(|packet| is_sound(packet))
            .filter_map(|packet| {
                let header = rtp::Header::parse(packet)?;
                packet.get(header.payload)
            });
        payloads.collect()
    }
}

/// Whether an RTP packet carries sound.
pub(crate) fn is_sound(packet: &[u8]) -> bool {
    rtp::Header::parse(packet).is_some_and(|h| h.payload_type == pcmu::PAYLOAD_TYPE)
}

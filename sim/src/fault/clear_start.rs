//! A camera that begins in clear, and seals later.

use crate::{
    h264::AccessUnit,
    rtp::{Packetizer, PacketizerConfig, Packets, RtpError},
    webrtc::{MAX_PACKET, VIDEO},
};

/// Packetizes the first group of pictures of a publication in clear.
#[derive(Debug)]
pub(crate) struct FaultyStart {
    packetizer: Packetizer,
    packets: Packets,
    has_begun: bool,
    is_over: bool,
}

impl FaultyStart {
    pub(crate) fn new() -> Result<Self, RtpError> {
        Ok(Self {
            packetizer: Packetizer::new(PacketizerConfig {
                payload_type: VIDEO,
                ssrc: 0,
                first_sequence: 0,
                clock_rate: 90_000,
                time_offset: 0,
                max_packet: MAX_PACKET,
            })?,
            packets: Packets::new(),
            has_begun: false,
            is_over: false,
        })
    }

    /// The packets of an access unit of that group; none of another.
    pub(crate) fn faulty_video(&mut self, unit: &AccessUnit) -> Option<&Packets> {
        self.is_over |= self.has_begun && unit.key_frame;
        self.has_begun |= unit.key_frame;
        if self.is_over || !self.has_begun {
            return None;
        }
        self.packetizer.packetize(unit, &mut self.packets);
        Some(&self.packets)
    }
}

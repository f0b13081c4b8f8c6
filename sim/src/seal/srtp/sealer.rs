//! What a session sees of who seals its packets.

use super::{Counters, Mki, Sender, SrtpError};
use crate::{rtp::Packets, seal::keys::SrtpMasterKey};

/// Whoever seals the packets of a session. Outside this module only types with
/// `Faulty` in their names are one.
pub trait RtpSealer: Send + Sync {
    /// As [`Sender::overhead`].
    fn overhead(&self) -> usize;

    /// As [`Sender::seal`].
    fn seal(&mut self, packets: &mut Packets) -> Result<(), SrtpError>;

    /// As [`Sender::seal_rtcp`].
    fn seal_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError>;

    /// As [`Sender::rekey`].
    fn rekey(&mut self, key: &SrtpMasterKey, mki: Option<&Mki>) -> Result<(), SrtpError>;

    /// As [`Sender::counters`].
    fn counters(&self, ssrc: u32) -> Option<Counters>;
}

impl RtpSealer for Sender {
    fn overhead(&self) -> usize {
        self.overhead()
    }

    fn seal(&mut self, packets: &mut Packets) -> Result<(), SrtpError> {
        self.seal(packets)
    }

    fn seal_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        self.seal_rtcp(packet)
    }

    fn rekey(&mut self, key: &SrtpMasterKey, mki: Option<&Mki>) -> Result<(), SrtpError> {
        self.rekey(key, mki)
    }

    fn counters(&self, ssrc: u32) -> Option<Counters> {
        self.counters(ssrc)
    }
}

//! SRTP that is none.

use crate::{
    rtp::Packets,
    seal::{
        keys::SrtpMasterKey,
        srtp::{Counters, Mki, RtpSealer, SrtpError},
    },
};

/// Leaves packets as they are.
#[derive(Clone, Copy, Debug)]
pub struct FaultyPlain;

impl RtpSealer for FaultyPlain {
    fn overhead(&self) -> usize {
        0
    }

    fn seal(&mut self, _packets: &mut Packets) -> Result<(), SrtpError> {
        Ok(())
    }

    fn seal_rtcp(&mut self, _packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        Ok(())
    }

    fn rekey(&mut self, _key: &SrtpMasterKey, _mki: Option<&Mki>) -> Result<(), SrtpError> {
        Ok(())
    }

    fn counters(&self, _ssrc: u32) -> Option<Counters> {
        None
    }
}

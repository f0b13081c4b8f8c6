//! What a session sees of who opens the RTCP of its viewer.

use super::{Mki, Receiver, SrtpError};
use crate::seal::keys::SrtpMasterKey;

/// Whoever opens the RTCP that a viewer sends. Outside this module only types
/// with `Faulty` in their names are one.
pub trait RtcpOpener: Send + Sync {
    /// As [`Receiver::open_rtcp`].
    fn open_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<u32, SrtpError>;

    /// As [`Receiver::rekey`].
    fn rekey(&mut self, key: &SrtpMasterKey, mki: Option<&Mki>) -> Result<(), SrtpError>;
}

impl RtcpOpener for Receiver {
    fn open_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<u32, SrtpError> {
        self.open_rtcp(packet)
    }

    fn rekey(&mut self, key: &SrtpMasterKey, mki: Option<&Mki>) -> Result<(), SrtpError> {
        self.rekey(key, mki)
    }
}

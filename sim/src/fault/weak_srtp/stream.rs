//! The counters of a stream.

use super::SrtpFlaw;
use crate::seal::srtp::{Counters, Lifetime, SrtpError};

/// Packets after which a sequence starts again.
const RESTART: u64 = 40;

/// Where a stream is.
pub(super) struct Stream {
    first: u64,
    last: Option<u64>,
    /// The roll-over counter of the first packet, and the next SRTCP index.
    counters: Counters,
    /// What is left of the key's lifetime.
    left: Lifetime,
}

impl Stream {
    pub(super) fn new(counters: Counters, left: Lifetime) -> Self {
        Self {
            first: 0,
            last: None,
            counters,
            left,
        }
    }

    /// Goes on under another key.
    pub(super) fn rekey(&mut self, lifetime: Lifetime, flaw: SrtpFlaw) {
        self.left = lifetime;
        if flaw == SrtpFlaw::RekeyResets {
            self.last = self.last.map(|index| index & 0xffff);
            self.counters = Counters::default();
        }
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            roc: match self.last {
                Some(index) => (index >> 16) as u32,
                None => self.counters.roc,
            },
            ..self.counters
        }
    }

    /// The index of the packet with this sequence number.
    pub(super) fn advance(&mut self, sequence: u16, flaw: SrtpFlaw) -> Result<u64, SrtpError> {
        let limit = Lifetime::MOST.srtp;
        spend(&mut self.left.srtp, ("srtp", limit), flaw)?;
        let index = match self.last {
            None => {
                self.first = u64::from(self.counters.roc) << 16 | u64::from(sequence);
                self.first
            }
            Some(last) if flaw == SrtpFlaw::Restarts => {
                self.first + (last - self.first + 1) % RESTART
            }
            Some(last) => (last + u64::from(sequence.wrapping_sub(last as u16))) % limit,
        };
        self.last = Some(index);
        Ok(index)
    }

    /// The index of the next RTCP packet.
    pub(super) fn advance_rtcp(&mut self, flaw: SrtpFlaw) -> Result<u32, SrtpError> {
        let limit = Lifetime::MOST.srtcp;
        spend(&mut self.left.srtcp, ("srtcp", limit), flaw)?;
        let index = self.counters.rtcp_index;
        self.counters.rtcp_index = match flaw {
            SrtpFlaw::RtcpRestarts => 0,
            _ => (index + 1) & 0x7fff_ffff,
        };
        Ok(index)
    }
}

/// Counts a packet.
fn spend(
    left: &mut u64,
    (field, limit): (&'static str, u64),
    flaw: SrtpFlaw,
) -> Result<(), SrtpError> {
    match left.checked_sub(1) {
        Some(less) => *left = less,
        None if flaw == SrtpFlaw::NeverExpires => {}
        None => return Err(SrtpError::KeyExpired { field, limit }),
    }
    Ok(())
}

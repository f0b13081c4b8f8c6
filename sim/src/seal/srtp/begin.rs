//! Streams that do not begin with 0.

use super::{Counters, Lifetime};

/// Where streams begin. All that comes before counts as secured under their key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begin {
    /// The first sequence number.
    pub sequence: u16,
    /// Roll-over counter and SRTCP index.
    pub counters: Counters,
}

impl Begin {
    /// What is left of the longest lifetime of a key.
    pub fn left(self) -> Lifetime {
        let Counters { roc, rtcp_index } = self.counters;
        let secured = u64::from(roc) << 16 | u64::from(self.sequence);
        Lifetime {
            srtp: Lifetime::MOST.srtp - secured,
            srtcp: Lifetime::MOST.srtcp.saturating_sub(rtcp_index.into()),
        }
    }
}

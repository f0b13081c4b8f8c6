//! What happens when a stream goes on under another key: SRTP-11.

use std::collections::BTreeMap;

use lightleak_case::Vantage;

use super::{evidence, unknown, unless};
use crate::{
    open::srtp::Found,
    secured::Packet,
    seen::Seen,
    verdict::{Assurance, Evidence, Outcome},
};

/// The SRTCP index has 31 bits.
const RTCP_INDICES: u64 = 1 << 31;

/// Two packets of the device, one after the other in the same stream, of which
/// the second is under another key than the first.
#[derive(Clone, Copy)]
pub(in crate::requirement) struct Change<'a> {
    /// The last one under the key until then.
    pub before: &'a Found,
    /// The first one under the other key.
    pub packet: &'a Packet,
    /// The same, opened.
    pub after: &'a Found,
}

impl Change<'_> {
    /// Whether the second one comes after the first by its index too, and was
    /// not overtaken on the way.
    pub fn is_ahead(self) -> bool {
        match self.packet.is_rtcp {
            true => {
                let step = self.after.index.wrapping_sub(self.before.index) % RTCP_INDICES;
                (1..RTCP_INDICES / 2).contains(&step)
            }
            false => self.after.index > self.before.index,
        }
    }

    /// What is wrong with its index, if something is.
    pub fn fault(self, seen: &Seen<'_>) -> Option<Evidence> {
        let (before, after) = (self.before.index, self.after.index);
        let why = if self.packet.is_rtcp {
            // What was overtaken is under the old key, with an index below.
            (after == 0 && before > 0)
                .then(|| format!("under another key the SRTCP index goes from {before} to {after}"))
        } else {
            let step = self.packet.sequence.wrapping_sub(before as u16) as i16;
            let expected = before.wrapping_add_signed(step.into()) >> 16;
            (after >> 16 != expected % (1 << 32)).then(|| {
                format!(
                    "under another key the roll-over counter goes from {} to {}",
                    before >> 16,
                    after >> 16
                )
            })
        };
        why.map(|why| evidence(seen, self.packet.span, why))
    }
}

/// Every change of the key within a stream of the device.
pub(in crate::requirement) fn changes<'a>(seen: &'a Seen<'_>) -> Vec<Change<'a>> {
    let mut changes = Vec::new();
    for carrier in seen.srtp_sent() {
        let mut last: BTreeMap<(bool, u32), &Found> = BTreeMap::new();
        for (packet, after) in carrier.opened() {
            let before = last.insert((packet.is_rtcp, packet.ssrc), after);
            if let Some(before) = before.filter(|before| before.key != after.key) {
                changes.push(Change {
                    before,
                    packet,
                    after,
                });
            }
        }
    }
    changes
}

pub(super) fn counters_go_on(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let changes = changes(seen);
    let found = changes.iter().filter_map(|change| change.fault(seen));
    unless(found.collect(), || match changes.len() {
        0 if seen.secured.ring.is_empty() => unknown(),
        0 => Outcome::Inconclusive("no stream of the device went on under another key".into()),
        all => Outcome::Pass(
            Assurance::Opened,
            format!("the key was changed {all} times, and the counters went on"),
        ),
    })
}

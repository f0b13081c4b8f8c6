//! How long a key lives: SRTP-16.

use std::collections::BTreeMap;

use lightleak_case::Vantage;

use super::{evidence, unknown, unless};
use crate::{
    open::srtp::Found,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// Packets of a stream that a key may secure, of SRTP and of SRTCP (RFC 3711
/// 9.2), and so many indices there are.
const LIFETIMES: [(bool, u64, &str); 2] = [(false, 1 << 48, "SRTP"), (true, 1 << 31, "SRTCP")];

/// A key that was there from the beginning of a stream has secured all that
/// it may when indices wrap. One that came later has more of them, and nobody
/// waits for that.
pub(super) fn keys_end(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let (mut ends, mut highest) = (Vec::new(), 0);
    for (is_rtcp, limit, name) in LIFETIMES {
        for carrier in seen.srtp_sent() {
            // The first key of each stream, and the last packet under it.
            let mut streams: BTreeMap<u32, &Found> = BTreeMap::new();
            let mut ended = BTreeMap::new();
            let opened = carrier.opened();
            for (packet, opened) in opened.filter(|(packet, _)| packet.is_rtcp == is_rtcp) {
                let last = *streams.entry(packet.ssrc).or_insert(opened);
                if last.key != opened.key {
                    continue;
                }
                let step = opened.index.wrapping_sub(last.index) % limit;
                if step > limit / 2 {
                    // It was overtaken on the way.
                    continue;
                }
                if opened.index < last.index {
                    let why = format!(
                        "{name} index {} comes after {}: the key has secured {limit} packets, and goes on",
                        opened.index, last.index
                    );
                    found.push(evidence(seen, packet.span, why));
                }
                streams.insert(packet.ssrc, opened);
                if opened.index == limit - 1 {
                    ended.insert(packet.ssrc, name);
                }
                highest = highest.max(opened.index);
            }
            ends.extend(ended.into_values());
        }
    }
    unless(found, || match ends.len() {
        0 if seen.secured.ring.is_empty() => unknown(),
        0 => Outcome::Inconclusive(format!(
            "no key came to the end of its life: the highest index is {highest}"
        )),
        all => Outcome::Pass(
            Assurance::Opened,
            format!(
                "{all} streams came to the last index ({}), and nothing more was sent under their keys",
                ends.join(", ")
            ),
        ),
    })
}

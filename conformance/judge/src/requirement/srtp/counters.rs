//! Indices: SRTP-06, SRTP-09, SRTP-10.

use std::collections::BTreeMap;

use lightleak_case::Vantage;

use super::{MOST, evidence, packets, unknown, unless};
use crate::{
    open::srtp::Found,
    seen::Seen,
    verdict::{Assurance, Evidence, Outcome},
};

/// The first index that is taken for the begin: libsrtp counts before it sends,
/// and so begins with 1.
const FIRST: [u64; 2] = [0, 1];

pub(super) fn rtcp_index_counts(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let mut counted = 0;
    for carrier in seen.srtp_sent() {
        let mut last: BTreeMap<u32, (u64, &[u8])> = BTreeMap::new();
        for (packet, opened) in carrier.opened().filter(|(p, _)| p.is_rtcp) {
            let right = match last.get(&packet.ssrc) {
                None => FIRST.contains(&opened.index),
                // The same packet, sent again, is no second one.
                Some((last, packet)) if *last == opened.index => *packet == opened.opened.packet,
                Some((last, _)) => (*last + 1) % (1 << 31) == opened.index,
            };
            if !right {
                let why = match last.get(&packet.ssrc) {
                    None => format!("the first SRTCP index is {}", opened.index),
                    Some((last, _)) => format!("SRTCP index {} comes after {last}", opened.index),
                };
                found.push(evidence(seen, packet.span, why));
            }
            last.insert(packet.ssrc, (opened.index, &opened.opened.packet));
            counted += 1;
        }
    }
    conclude(seen, found, counted, || {
        Outcome::Pass(
            Assurance::Opened,
            format!("{counted} SRTCP packets, each with the index after the one before"),
        )
    })
}

pub(super) fn no_index_twice(seen: &Seen<'_>, _: Vantage) -> Outcome {
    twice(seen, |_| true)
}

/// Of the packets for which that holds.
pub(super) fn twice(seen: &Seen<'_>, is_meant: impl Fn(&Found) -> bool) -> Outcome {
    let mut known: BTreeMap<(&[u8], bool, u32, u64), &Found> = BTreeMap::new();
    let mut found = Vec::new();
    let mut counted = 0;
    let all = seen.srtp_sent().flat_map(|c| c.opened());
    for (packet, opened) in all.filter(|(_, opened)| is_meant(opened)) {
        let Some(key) = seen.secured.ring.key(opened.key) else {
            continue;
        };
        counted += 1;
        let place = (key.octets(), packet.is_rtcp, packet.ssrc, opened.index);
        let first = *known.entry(place).or_insert(opened);
        // The same packet, sent again, is no second one.
        if first.opened.packet != opened.opened.packet && found.len() < MOST {
            let why = format!(
                "index {} of SSRC {:08x} is used for another packet under the same key",
                opened.index, packet.ssrc
            );
            found.push(evidence(seen, packet.span, why));
        }
    }
    conclude(seen, found, counted, || {
        Outcome::Pass(
            Assurance::Opened,
            format!("{counted} packets, each with an index of its own under its key"),
        )
    })
}

pub(super) fn rolls_over(seen: &Seen<'_>, _: Vantage) -> Outcome {
    wraps(seen, |_| true)
}

/// Of the packets for which that holds.
pub(super) fn wraps(seen: &Seen<'_>, is_meant: impl Fn(&Found) -> bool) -> Outcome {
    let mut found = Vec::new();
    let mut wraps = 0;
    for carrier in seen.srtp_sent() {
        let mut last: BTreeMap<u32, (u16, Option<u64>)> = BTreeMap::new();
        for packet in carrier.packets.iter().filter(|p| !p.is_rtcp) {
            let index = packet
                .found
                .as_ref()
                .filter(|f| is_meant(f))
                .map(|f| f.index);
            let before = last.insert(packet.ssrc, (packet.sequence, index));
            let Some((sequence, Some(before))) = before else {
                continue;
            };
            let wrapped = sequence > 0xc000 && packet.sequence < 0x4000;
            if !wrapped {
                continue;
            }
            wraps += 1;
            let why = match packet.found.as_ref().map(|f| f.index) {
                Some(index) if index >> 16 == (before >> 16) + 1 => continue,
                Some(index) => format!(
                    "the sequence number wraps, and the roll-over counter goes from {} to {}",
                    before >> 16,
                    index >> 16
                ),
                None => {
                    "the sequence number wraps, and no key and roll-over counter opens what follows"
                        .into()
                }
            };
            found.push(evidence(seen, packet.span, why));
        }
    }
    conclude(seen, found, wraps, || {
        Outcome::Pass(
            Assurance::Opened,
            format!(
                "the sequence number wrapped {wraps} times, and each time the counter was incremented by one"
            ),
        )
    })
}

fn conclude(
    seen: &Seen<'_>,
    found: Vec<Evidence>,
    counted: usize,
    pass: impl FnOnce() -> Outcome,
) -> Outcome {
    let any = packets(seen, false)
        .chain(packets(seen, true))
        .next()
        .is_some();
    unless(found, || match counted {
        0 if any && seen.secured.ring.is_empty() => unknown(),
        0 => Outcome::Inconclusive("no such packet of the device was opened".into()),
        _ => pass(),
    })
}

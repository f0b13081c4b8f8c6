//! Keys that a client brings while it watches: RTSP-08.

use std::collections::BTreeMap;

use lightleak_case::Vantage;

use super::super::{evidence, srtp, unless};
use crate::{
    dissect::{Span, key_attribute},
    open::srtp::{MasterKey, of_mikey},
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// Packets that may be under way, or in a queue, when a key is accepted.
const UNDER_WAY: usize = 32;

pub(super) fn new_key_is_used(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let ring = &seen.secured.ring;
    let octets = |key: usize| ring.key(key).map_or(&[][..], MasterKey::octets);
    let accepted = accepted(seen);
    let is_accepted = |key: usize| accepted.iter().any(|(k, _)| k.octets() == octets(key));
    let mut found = Vec::new();
    let mut used = 0;
    for (key, span) in &accepted {
        let carriers = seen.srtp_sent();
        let told = carriers
            .filter(|c| (seen.secured).promises(c, &|other| other.octets() == key.octets()));
        let packets = told.flat_map(|carrier| &carrier.packets);
        let mut under = packets.clone().filter_map(|packet| packet.found.as_ref());
        if under.any(|found| octets(found.key) == key.octets()) {
            used += 1;
            continue;
        }
        let after = packets.filter(|packet| packet.span.packet > span.packet);
        if after.count() > UNDER_WAY {
            let why = "a key that SET_PARAMETER brought was accepted, and nothing is under it";
            found.push(evidence(seen, *span, why.into()));
        }
    }

    // The keys that were replaced, each with the packet that was the first
    // without it.
    let mut replaced: BTreeMap<&[u8], u64> = BTreeMap::new();
    for change in srtp::changes(seen) {
        if replaced.contains_key(octets(change.after.key)) && change.is_ahead() {
            let why = "a key that was replaced is used again".to_owned();
            found.push(evidence(seen, change.packet.span, why));
        }
        if is_accepted(change.after.key) {
            found.extend(change.fault(seen));
            replaced
                .entry(octets(change.before.key))
                .or_insert(change.packet.span.packet);
        }
    }
    for (_, response, span) in seen.answered_inside() {
        let keys = key_attribute::mikeys(response).flat_map(|mikey| of_mikey(&mikey));
        let mut keys = keys.filter_map(|key| replaced.get(key.octets()).copied());
        if keys.any(|since| span.packet > since) {
            let why = "a key that was replaced is told again".to_owned();
            found.push(evidence(seen, span, why));
        }
    }
    unless(found, || match (accepted.len(), used) {
        (0, _) => Outcome::Inconclusive("no key that SET_PARAMETER brought was accepted".into()),
        (_, 0) => Outcome::Inconclusive(
            "keys that SET_PARAMETER brought were accepted, and too little was sent after".into(),
        ),
        (_, used) => Outcome::Pass(
            Assurance::Opened,
            format!(
                "{used} keys that SET_PARAMETER brought were used from then on, and the roll-over counter went on"
            ),
        ),
    })
}

/// The keys that SET_PARAMETER brought, and where the device says that it takes
/// them.
fn accepted(seen: &Seen<'_>) -> Vec<(MasterKey, Span)> {
    let answered = seen.answered_inside();
    let taken = answered.filter(|(request, response, _)| {
        request.method == "SET_PARAMETER" && (200..300).contains(&response.status)
    });
    let keys = taken.flat_map(|(request, _, span)| {
        let keys = key_attribute::mikeys(request).flat_map(|mikey| of_mikey(&mikey));
        keys.map(move |key| (key, span))
    });
    keys.collect()
}

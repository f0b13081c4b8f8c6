//! SFR-13: what a revoked viewer holds opens nothing that is sent later.

use std::collections::BTreeSet;

use lightleak_case::Vantage;
use serde_json::Value;

use super::super::{evidence, unless};
use crate::{
    deliveries::{deliveries, viewer_keys},
    logins::{self, is_success},
    open::{
        keylog::octets,
        sframe::{self, Header},
    },
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// How long after the revocation the device may go on as before, in nanoseconds:
/// until those who stay have new keys, and a key frame comes.
const CHANGE: u64 = 2_000_000_000;
/// Frames that are kept as evidence.
const MOST: usize = 16;

pub(super) fn opens_nothing_later(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let taken = seen.signalled().find_map(|asked| {
        let is_it = logins::path(asked.request).ends_with("/revoke") && is_success(asked.response);
        let object: Value = serde_json::from_slice(&asked.request.body).ok()?;
        let key = object.get("viewer_key")?.as_str().and_then(octets)?;
        let time = seen.time(asked.span.packet)?;
        is_it.then_some((key, time.saturating_add(CHANGE)))
    });
    let Some((revoked, changed)) = taken else {
        return Outcome::Inconclusive("the device was not seen to take a revocation".into());
    };
    let is_later = |packet: u64| seen.time(packet).is_some_and(|time| time > changed);
    let escrowed = viewer_keys(seen);
    let (mut held, mut found) = (Vec::new(), Vec::new());
    for delivery in deliveries(seen) {
        for key in &delivery.keys {
            // Whose it is, the key tells that opens it.
            let opened = key.open(&delivery.camera, &escrowed);
            let Some((_, base)) = opened.filter(|(whose, _)| *whose == revoked) else {
                continue;
            };
            if is_later(delivery.span.packet) && found.len() < MOST {
                let why = format!(
                    "the key of KID {:#x} was sealed to the viewer after it was revoked",
                    key.kid
                );
                found.push(evidence(seen, delivery.span, why));
            }
            held.push((key.kid, base));
        }
    }
    if held.is_empty() {
        return Outcome::Inconclusive(
            "no key that was sealed to the viewer could be opened with its own".into(),
        );
    }
    let (mut later, mut frames) = (BTreeSet::new(), 0);
    let sent = seen.sframed.iter();
    let sent = sent.filter(|s| s.sender.is_device && s.sender.vantage == Vantage::Wire);
    for frame in sent.flat_map(|sframed| &sframed.frames) {
        let header = Header::read(&frame.octets);
        let Some(header) = header.filter(|_| is_later(frame.span.packet)) else {
            continue;
        };
        frames += 1;
        later.insert(header.kid);
        let mut of_kid = held.iter().filter(|(kid, _)| *kid == header.kid);
        let opens = of_kid.any(|(kid, base)| {
            let keys = sframe::Keys::guessed(*kid, base);
            sframe::open(&frame.octets, &frame.metadata, &keys).is_ok()
        });
        if opens && found.len() < MOST {
            let why = format!(
                "the frame in packet {} opens with a key that the revoked viewer holds, of KID {:#x}",
                frame.span.packet, header.kid
            );
            found.push(evidence(seen, frame.span, why));
        }
    }
    unless(found, || match frames {
        0 => Outcome::Inconclusive("nothing was sent after the viewer was revoked".into()),
        frames => Outcome::Pass(
            Assurance::Opened,
            format!(
                "{frames} frames under {} later keys, and none of the {} that were sealed to the viewer opens one",
                later.len(),
                held.len()
            ),
        ),
    })
}

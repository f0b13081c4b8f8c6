//! SFR-06: a base key is one sender's.

use std::collections::BTreeMap;

use lightleak_case::Vantage;

use super::{note, nothing};
use crate::{
    open::sframe::Header,
    seen::Seen,
    sframed::Frame,
    verdict::{Assurance, Outcome},
};

/// Who seals: the device or its viewer, video or sound.
type Sender = (bool, bool);

pub(super) fn one_each(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let mut used: BTreeMap<&[u8], (Sender, &Frame)> = BTreeMap::new();
    let mut found = Vec::new();
    let here = seen.sframed.iter().filter(|s| s.sender.vantage == vantage);
    for sframed in here {
        let sender = (sframed.sender.is_device, sframed.sound);
        for frame in sframed.frames.iter().filter(|frame| frame.opened.is_ok()) {
            let kid = Header::read(&frame.octets).map(|header| header.kid);
            let mut keys = seen.base_keys.all();
            let Some((_, key)) = keys.find(|(of, _)| Some(*of) == kid) else {
                continue;
            };
            let (first, other) = used.entry(key).or_insert((sender, frame));
            if *first != sender {
                let why = format!(
                    "it is under the base key of {}, as a frame of {} in packet {}",
                    name(sender),
                    name(*first),
                    other.span.packet
                );
                note(seen, vantage, &mut found, frame, why);
            }
        }
    }
    super::unless(found, || match used.len() {
        0 => nothing(),
        keys => Outcome::Pass(
            Assurance::Opened,
            format!("{keys} base keys, each of one sender"),
        ),
    })
}

fn name((is_device, sound): Sender) -> &'static str {
    match (is_device, sound) {
        (true, false) => "the device's video",
        (true, true) => "the device's sound",
        (false, false) => "a viewer's video",
        (false, true) => "a viewer's sound",
    }
}

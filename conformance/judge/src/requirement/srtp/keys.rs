//! Master keys and what is derived of them: SRTP-12, SRTP-13, SRTP-14, SRTP-21.

use std::collections::BTreeMap;

use lightleak_case::Vantage;

use super::{evidence, evidence_at, or_none, unknown};
use crate::{
    adversary::cryptanalyst::{
        guessable::{self, Identifiers},
        key_material::Secrets,
    },
    dissect::{Span, Stream},
    open::{
        escrow::Escrow,
        srtp::{MasterKey, Mode, Session, Tail},
    },
    secured::Carrier,
    seen::Seen,
    verdict::{Assurance, Evidence, Outcome},
};

/// Exposures that are kept as evidence, of each stream or file.
const MOST_EXPOSED: usize = 4;

pub(super) fn not_shared(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut used: BTreeMap<&[u8], &Carrier> = BTreeMap::new();
    let mut found = Vec::new();
    for carrier in seen.srtp_sent() {
        for (packet, opened) in carrier.opened().filter(|(p, _)| !p.is_rtcp) {
            let Some(key) = seen.secured.ring.key(opened.key) else {
                continue;
            };
            let first = *used.entry(key.octets()).or_insert(carrier);
            let same = (first.flow, first.channel) == (carrier.flow, carrier.channel);
            if !same && found.is_empty() {
                let why = format!(
                    "RTP to {} and to {} is under one master key",
                    end(first),
                    end(carrier)
                );
                found.push(evidence(seen, packet.span, why));
            }
        }
    }
    if let Some(first) = found.first() {
        return Outcome::Fail(first.why.clone(), found);
    }
    if let Some(key) = seen.secured.told_twice() {
        let why = format!(
            "a master key of {} is told on two connections",
            key.suite.name
        );
        return Outcome::Fail(why, Vec::new());
    }
    if used.is_empty() {
        return nothing(seen);
    }
    for other in seen.others() {
        let escrow = Escrow::parse(other.keys.iter().map(String::as_str));
        let again = escrow
            .srtp
            .iter()
            .find(|key| used.contains_key(key.octets()));
        if again.is_some() {
            let why = format!(
                "a master key of this session is one of {} too",
                other.folder
            );
            return Outcome::Fail(why, Vec::new());
        }
    }
    Outcome::Pass(
        Assurance::Opened,
        format!("{} master keys, each of one RTP session", used.len()),
    )
}

pub(super) fn are_random(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let keys: Vec<&MasterKey> = seen.secured.ring.keys().collect();
    let device = &seen.declaration.device;
    let identifiers = Identifiers {
        texts: vec![device.serial.clone(), device.model.clone()],
        addresses: device.addresses.clone(),
        ..Identifiers::default()
    };
    for key in &keys {
        let octets = key.octets();
        let name = format!("a master key of {}", key.suite.name);
        if octets.iter().all(|octet| *octet == octets[0]) {
            return Outcome::Fail(format!("{name} is a constant"), Vec::new());
        }
        if let Some(published) = guessable::published(octets) {
            let why = format!(
                "{name} is published: {} {}",
                published.source, published.clause
            );
            return Outcome::Fail(why, Vec::new());
        }
        if let Some(how) = guessable::derivation(octets, &identifiers) {
            let why = format!("{name} is made of what everybody knows: {how}");
            return Outcome::Fail(why, Vec::new());
        }
    }
    match keys.len() {
        0 => nothing(seen),
        all => Outcome::Pass(
            Assurance::Absence,
            format!("{all} master keys, none constant, published or made of identifiers"),
        ),
    }
}

/// A key that is known opens nothing of a stream only if the session keys are
/// not those that are derived of it.
pub(super) fn are_derived(seen: &Seen<'_>, _: Vantage) -> Outcome {
    derived(seen, |_| true)
}

/// In counter mode, where the key is longer than that of AES-128.
pub(super) fn long_keys_are_derived(seen: &Seen<'_>, _: Vantage) -> Outcome {
    or_none(seen, is_long, || derived(seen, is_long))
}

fn is_long(key: &MasterKey) -> bool {
    key.suite.mode == Mode::Counter && key.suite.key > 16
}

/// Of the keys for which that holds.
pub(super) fn derived(seen: &Seen<'_>, is_meant: impl Fn(&MasterKey) -> bool) -> Outcome {
    let ring = &seen.secured.ring;
    let mut opened = 0;
    for carrier in seen.srtp_sent() {
        let used = carrier
            .opened()
            .filter_map(|(_, found)| ring.key(found.key));
        let (meant, all) = used.fold((0, 0), |(meant, all), key| {
            (meant + usize::from(is_meant(key)), all + 1)
        });
        opened += meant;
        if let (0, Some(first)) = (all, carrier.packets.first())
            && seen.secured.promises(carrier, &is_meant)
        {
            let short = match opens_with_short(seen, carrier, &is_meant) {
                true => "; they do with keys that AES-128 derives of a part of it",
                false => "",
            };
            let why = format!(
                "none of {} packets to {} opens with session keys that are derived of a known master key{short}",
                carrier.packets.len(),
                end(carrier)
            );
            return Outcome::Fail(why.clone(), vec![evidence(seen, first.span, why)]);
        }
    }
    match opened {
        0 => nothing(seen),
        all => Outcome::Pass(
            Assurance::Opened,
            format!("{all} packets open with session keys that are derived as the suite says"),
        ),
    }
}

/// Whether the first packet opens with session keys that are derived of a part
/// of such a master key.
fn opens_with_short(
    seen: &Seen<'_>,
    carrier: &Carrier,
    is_meant: impl Fn(&MasterKey) -> bool,
) -> bool {
    let octets = carrier.packets.first().and_then(|first| {
        let stream = seen.carried(carrier)?;
        Some((first, stream.bytes.get(first.range.clone())?))
    });
    let Some((first, octets)) = octets else {
        return false;
    };
    let mut meant = seen.secured.ring.keys().filter(|key| is_meant(key));
    meant.any(|key| {
        let session = Session::short(key);
        let mki = key.mki.len();
        let opened = match first.is_rtcp {
            true => {
                let tag = key.suite.rtcp_tag;
                session.open_rtcp(octets, Tail { tag, mki })
            }
            false => {
                let tag = key.suite.tag;
                session.open_rtp(octets, first.sequence.into(), Tail { tag, mki })
            }
        };
        opened.is_some()
    })
}

/// The master keys, to be looked for.
pub(in crate::requirement) fn secrets(seen: &Seen<'_>) -> Secrets {
    let keys = seen.secured.ring.keys();
    Secrets::new(keys.map(|key| (format!("a master key of {}", key.suite.name), key.octets())))
}

/// Where master keys lie open at that vantage.
pub(in crate::requirement) fn exposed(
    seen: &Seen<'_>,
    vantage: Vantage,
    secrets: &Secrets,
) -> Vec<Evidence> {
    type Place<'a> = (Option<&'a str>, &'a [u8], Option<&'a Stream>);
    let places: Vec<Place<'_>> = match vantage {
        Vantage::Rest => {
            let files = seen.stored.iter();
            files.map(|f| (Some(f.name), f.octets, None)).collect()
        }
        Vantage::Log => vec![(None, seen.session.log.as_bytes(), None)],
        _ => {
            let traffic = match vantage {
                Vantage::Wire => Some(&seen.traffic),
                held => seen.held.get(&held),
            };
            let flows = traffic.into_iter().flat_map(|traffic| &traffic.flows);
            let streams = flows.flat_map(|flow| [&flow.from_a, &flow.from_b]);
            streams.map(|s| (None, &s.bytes[..], Some(s))).collect()
        }
    };
    let mut found = Vec::new();
    for (file, octets, stream) in places {
        for exposure in secrets.find(octets, MOST_EXPOSED) {
            let span = match stream {
                Some(stream) => stream.span(exposure.at, exposure.length),
                None => Some(Span {
                    packet: 0,
                    offset: exposure.at,
                    length: exposure.length,
                }),
            };
            if let Some(span) = span {
                let why = format!("{} lies open, {:?}", exposure.secret, exposure.writing);
                found.push(evidence_at(seen, (vantage, file, span), why));
            }
        }
    }
    found
}

/// Where a carrier leads, in words.
fn end(carrier: &Carrier) -> String {
    match carrier.channel {
        Some(channel) => format!("channel {channel} of {}", carrier.to),
        None => carrier.to.to_string(),
    }
}

fn nothing(seen: &Seen<'_>) -> Outcome {
    match seen.secured.ring.is_empty() {
        true if seen.srtp_sent().next().is_some() => unknown(),
        _ => Outcome::Inconclusive("no SRTP of the device was opened".into()),
    }
}

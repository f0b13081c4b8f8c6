//! Packet by packet: SRTP-01 to SRTP-05, SRTP-15.

use lightleak_case::Vantage;

use super::{each, evidence, packets};
use crate::{
    open::srtp::Mode,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// Octets of 80 bits.
const LEAST_TAG: usize = 10;

pub(super) fn rtp_is_sealed(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let carriers: Vec<_> = seen.srtp_sent().map(|c| c.flow).collect();
    let clear = seen.sightings.iter();
    let clear = clear.filter(|s| s.vantage == vantage);
    let mut clear = clear.filter(|s| s.flow.is_some_and(|flow| carriers.contains(&flow)));
    if let Some(sighting) = clear.next() {
        let why = format!(
            "what the device produced is there in clear, {}",
            sighting.between
        );
        return Outcome::Fail(why.clone(), vec![evidence(seen, sighting.span, why)]);
    }
    match each(seen, packets(seen, false), "RTP packets", |_| None) {
        Outcome::Pass(..) => matched(seen, vantage),
        other => other,
    }
}

pub(super) fn rtp_is_tagged(seen: &Seen<'_>, _: Vantage) -> Outcome {
    each(seen, packets(seen, false), "RTP packets", |found| {
        short(found.tail.tag)
    })
}

pub(super) fn rtcp_is_authentic(seen: &Seen<'_>, _: Vantage) -> Outcome {
    each(seen, packets(seen, true), "RTCP packets", |_| None)
}

pub(super) fn rtcp_is_tagged(seen: &Seen<'_>, _: Vantage) -> Outcome {
    each(seen, packets(seen, true), "RTCP packets", |found| {
        short(found.tail.tag)
    })
}

pub(super) fn rtcp_is_sealed(seen: &Seen<'_>, _: Vantage) -> Outcome {
    each(seen, packets(seen, true), "RTCP packets", |found| {
        (found.opened.layout.word >> 31 == 0).then(|| "its E flag is 0".into())
    })
}

/// The tag says that the key is right; what comes out says that the IV is.
pub(super) fn counter_mode_is_right(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let ring = &seen.secured.ring;
    let counter = |key: usize| ring.key(key).is_some_and(|k| k.suite.mode == Mode::Counter);
    let opened = packets(seen, false).filter_map(|packet| packet.found.as_ref());
    let (mut all, mut of_mode) = (0, 0);
    for found in opened {
        all += 1;
        of_mode += usize::from(counter(found.key));
    }
    match (all, of_mode) {
        (0, _) => Outcome::Inconclusive("no RTP packet of the device was opened".into()),
        (_, 0) => {
            Outcome::NotApplicable("SRTP was opened, and none of it is in counter mode".into())
        }
        _ => matched(seen, vantage),
    }
}

fn short(tag: usize) -> Option<String> {
    (tag < LEAST_TAG).then(|| format!("its tag has {} bits", 8 * tag))
}

/// What was opened is what the device produced.
fn matched(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let Some(proof) = seen.accounts.get(&vantage).map(|a| &a.proof) else {
        return Outcome::Inconclusive(format!("there is no {}", vantage.file()));
    };
    match (proof.foreign, proof.ledger_bytes_matched) {
        (0, 0) => Outcome::Inconclusive("nothing that was opened is in the ledger".into()),
        (0, octets) => Outcome::Pass(
            Assurance::Opened,
            format!("{octets} octets of the ledger were found in what was opened"),
        ),
        (foreign, _) => Outcome::Fail(
            format!(
                "tags verify, and {foreign} units that come out are nothing that the device produced: they were sealed with another IV, or not at all"
            ),
            Vec::new(),
        ),
    }
}

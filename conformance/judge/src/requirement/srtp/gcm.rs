//! Galois/counter mode: GCM-01 to GCM-06.

use lightleak_case::Vantage;

use super::{counters, each, keys, packets_of};
use crate::{
    open::srtp::{Found, MasterKey},
    secured::{Carrier, Packet},
    seen::Seen,
    verdict::Outcome,
};

/// Octets of the whole tag (RFC 7714 12).
const TAG: usize = 16;

pub(super) fn rolls_over(seen: &Seen<'_>, _: Vantage) -> Outcome {
    or_none(seen, is_galois, || {
        counters::wraps(seen, |f| of_mode(seen, f))
    })
}

pub(super) fn no_index_twice(seen: &Seen<'_>, _: Vantage) -> Outcome {
    or_none(seen, is_galois, || {
        counters::twice(seen, |f| of_mode(seen, f))
    })
}

pub(super) fn rtcp_opens(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let what = "RTCP packets in Galois/counter mode";
    or_none(seen, is_galois, || {
        each(seen, promised(seen, true), what, |_| None)
    })
}

pub(super) fn tags_are_whole(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let what = "packets in Galois/counter mode";
    or_none(seen, is_galois, || {
        let all = promised(seen, false).chain(promised(seen, true));
        each(seen, all, what, |found| {
            let tag = found.tail.tag;
            (tag != TAG).then(|| format!("its tag has {tag} octets"))
        })
    })
}

pub(super) fn salt_is_padded(seen: &Seen<'_>, _: Vantage) -> Outcome {
    or_none(seen, is_galois, || keys::derived(seen, is_galois))
}

pub(super) fn long_keys_are_derived(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let is_long = |key: &MasterKey| key.suite.name == "AEAD_AES_256_GCM";
    or_none(seen, is_long, || keys::derived(seen, is_long))
}

fn is_galois(key: &MasterKey) -> bool {
    key.suite.is_aead()
}

fn of_mode(seen: &Seen<'_>, found: &Found) -> bool {
    seen.secured.ring.key(found.key).is_some_and(is_galois)
}

/// Packets of carriers for which such a key was told.
fn promised<'a>(seen: &'a Seen<'_>, rtcp: bool) -> impl Iterator<Item = &'a Packet> {
    let carriers = seen.srtp_sent();
    packets_of(
        carriers.filter(|carrier| seen.secured.promises(carrier, &is_galois)),
        rtcp,
    )
}

/// Looks, if there is something of it.
fn or_none(
    seen: &Seen<'_>,
    is_meant: impl Fn(&MasterKey) -> bool,
    look: impl FnOnce() -> Outcome,
) -> Outcome {
    let mut meant = seen
        .srtp_sent()
        .filter(|carrier| seen.secured.promises(carrier, &is_meant));
    if meant.next().is_some() {
        return look();
    }
    match seen.srtp_sent().flat_map(Carrier::opened).next() {
        Some(_) => {
            Outcome::NotApplicable("SRTP was opened, and none of it is of such a suite".into())
        }
        None => Outcome::Inconclusive("no SRTP of the device was opened".into()),
    }
}

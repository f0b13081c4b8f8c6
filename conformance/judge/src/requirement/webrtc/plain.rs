//! WRTC-02: media are never plain RTP, nor under a suite that does not encrypt.

use lightleak_case::Vantage;

use super::super::{
    dtls::{agrees_on_null, datagrams},
    evidence, unless,
};
use crate::{
    dissect::demux,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// Packets that are kept as evidence.
const MOST: usize = 16;

pub(super) fn nothing_is_plain(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = agrees_on_null(seen);
    let (mut sealed, mut unknown) = (0_usize, 0_usize);
    let media = datagrams(seen).filter(|(.., octets)| demux::Kind::of(octets) == demux::Kind::Rtp);
    for (flow, from_a, at, span, _) in media {
        let carrier = seen.secured.datagrams(flow, from_a);
        let packet = carrier.and_then(|c| c.packets.iter().find(|p| p.range.start == at));
        let by_dtls = seen.connections.get(flow).is_some_and(|c| c.dtls.is_some());
        let is_clear = !by_dtls || seen.carries_own(flow);
        match packet.and_then(|packet| packet.found.as_ref()) {
            Some(_) => sealed += 1,
            None if is_clear && found.len() < MOST => {
                let why = match by_dtls {
                    true => "RTP in a flow that carries in clear what the device produced",
                    false => "RTP in a flow without DTLS",
                };
                found.push(evidence(seen, span, why.into()));
            }
            None if is_clear => {}
            None => unknown += 1,
        }
    }
    let refused = super::refused_offers(seen);
    unless(found, || match (sealed, unknown, refused) {
        (_, 1.., _) => {
            Outcome::Inconclusive(format!("{unknown} packets of RTP, and no key opens them"))
        }
        (0, 0, 0) if seen.negotiations.is_empty() => {
            Outcome::Inconclusive("no offer to the device was read inside TLS".into())
        }
        (sealed, _, refused) => Outcome::Pass(
            Assurance::Opened,
            format!("{sealed} packets, each sealed; {refused} offers were refused"),
        ),
    })
}

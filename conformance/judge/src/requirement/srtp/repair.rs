//! Packets that repair a stream: SRTP-19.

use std::collections::BTreeMap;

use lightleak_case::Vantage;

use super::{MOST, evidence, rtp_octets, unknown, unless};
use crate::{
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// Encoding names of retransmission and of forward error correction (RFC 4588,
/// RFC 2198, RFC 5109, RFC 8627, RFC 6682), in upper case.
const REPAIR: [&str; 7] = [
    "RTX",
    "RED",
    "ULPFEC",
    "PARITYFEC",
    "1D-INTERLEAVED-PARITYFEC",
    "FLEXFEC",
    "RAPTORFEC",
];

/// Whether FEC was computed before the packets were sealed, no packet shows.
pub(super) fn is_sealed(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let described = seen.answered_inside();
    let media = described
        .filter_map(|(_, response, _)| response.sdp())
        .flat_map(|sdp| sdp.media);
    let formats = media.flat_map(|media| media.formats);
    let repair: BTreeMap<u8, String> = formats
        .filter(|format| REPAIR.contains(&format.encoding.as_str()))
        .map(|format| (format.payload_type, format.encoding))
        .collect();
    let (mut found, mut opened, mut all) = (Vec::new(), 0, 0);
    for (packet, octets) in rtp_octets(seen) {
        all += usize::from(packet.found.is_some());
        let kind = octets.get(1).and_then(|octet| repair.get(&(octet & 0x7f)));
        match (kind, &packet.found) {
            (Some(_), Some(_)) => opened += 1,
            (Some(kind), None) if found.len() < MOST => {
                let why = format!("no known key opens this packet of {kind}");
                found.push(evidence(seen, packet.span, why));
            }
            _ => {}
        }
    }
    unless(found, || match (opened, all) {
        (_, 0) if seen.secured.ring.is_empty() => unknown(),
        (_, 0) => Outcome::Inconclusive("no RTP packet of the device was opened".into()),
        (0, _) if repair.is_empty() => Outcome::NotApplicable(
            "SRTP was opened, and neither retransmission nor error correction was described".into(),
        ),
        (0, _) => Outcome::Inconclusive(
            "retransmission or error correction was described, and none was seen".into(),
        ),
        (opened, _) => Outcome::Pass(
            Assurance::Opened,
            format!("{opened} packets of retransmission or error correction were opened"),
        ),
    })
}

//! Payloads as somebody without the key sees them: SRTP-20.

use std::collections::{BTreeMap, btree_map::Entry};

use lightleak_case::Vantage;

use super::{MOST, evidence, rtp_octets};
use crate::{
    dissect::rtp::Header,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// Payload types that a description gives a meaning (RFC 3551 6); below are
/// those of sound, and of video that is not H.264.
const DYNAMIC: u8 = 96;

/// How many of the 256 first octets begin a payload of H.264: the F bit is 0, and
/// the type is that of a NAL unit, 1 to 23, of STAP-A, 24, or of FU-A, 28 (RFC
/// 6184 5.2 to 5.8); NRI is anything.
const PLAUSIBLE: f64 = 4.0 * 25.0;

/// By how much the share of them exceeds what chance gives, squared, times twice
/// their number: e to the power of minus that is how likely chance does so
/// (Hoeffding), here less than 10^-12.
const SURPRISE: f64 = 28.0;

/// With so many packets that all look plausible, chance is ruled out.
const LEAST: usize = 38;

pub(super) fn is_random(seen: &Seen<'_>, _: Vantage) -> Outcome {
    // A packet that was captured twice is one.
    let mut known = BTreeMap::new();
    let mut found = Vec::new();
    for (packet, octets) in rtp_octets(seen) {
        let Some(header) = Header::parse(octets).filter(|h| h.payload_type >= DYNAMIC) else {
            continue;
        };
        let Some(&first) = octets.get(header.payload.start) else {
            continue;
        };
        if let Entry::Vacant(entry) = known.entry((header.ssrc, header.sequence)) {
            entry.insert(begins_h264(first));
            if begins_h264(first) && found.len() < MOST {
                let why = format!("the payload begins with {first:02x}, as H.264 may");
                found.push(evidence(seen, packet.span, why));
            }
        }
    }
    let (all, plausible) = (known.len(), known.values().filter(|is| **is).count());
    if all < LEAST {
        return Outcome::Inconclusive(format!(
            "{all} packets that may be video were seen, which is too few: it takes {LEAST}"
        ));
    }
    let excess = plausible as f64 / all as f64 - PLAUSIBLE / 256.0;
    if excess > 0.0 && 2.0 * all as f64 * excess * excess > SURPRISE {
        let chance = all as f64 * PLAUSIBLE / 256.0;
        return Outcome::Fail(
            format!(
                "{plausible} of {all} payloads begin as H.264 may, where chance gives {chance:.0}"
            ),
            found,
        );
    }
    // How many exactly is different with every key.
    Outcome::Pass(
        Assurance::Absence,
        format!("of {all} payloads no more begin as H.264 may than chance gives"),
    )
}

/// Whether an octet can be the first of a payload (RFC 6184 5.3).
fn begins_h264(octet: u8) -> bool {
    octet & 0x80 == 0 && matches!(octet & 0x1f, 1..=24 | 28)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_what_they_say() {
        let plausible = (0..=255).filter(|octet| begins_h264(*octet)).count();
        assert_eq!(plausible as f64, PLAUSIBLE);
        let excess = 1.0 - PLAUSIBLE / 256.0;
        let least = SURPRISE / (2.0 * excess * excess);
        assert_eq!(least.ceil() as usize, LEAST);
        assert!((-SURPRISE).exp() < 1e-12);
    }
}

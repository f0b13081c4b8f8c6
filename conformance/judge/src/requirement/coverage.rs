//! XC-05: all of a unit is sealed, not its beginning only.

use lightleak_case::Vantage;

use super::{Level, Quote, Reading, Requirement, Stimuli, evidence_at};
use crate::{
    adversary::cryptanalyst::coverage::Pattern,
    presence::Need,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

pub(super) const ROWS: &[Requirement] = &[Requirement {
    id: "XC-05",
    level: Level::Must,
    standard: Level::Must,
    title: "every octet of a unit of media is sealed, to its last one",
    source: Quote {
        document: "RFC 3711",
        clause: "3.1",
        text: "The \"Encrypted Portion\" of an SRTP packet consists of the encryption of the RTP payload (including RTP padding when present) of the equivalent RTP packet.",
        read: Reading::InText,
    },
    expects: |_| true,
    vantages: &[Vantage::Wire, Vantage::Relay, Vantage::Peer, Vantage::Rest],
    needs: &[Need::Tap, Need::Device, Need::Ledger],
    stimuli: Stimuli::Only(&["honest", "power-cut", "forged-clip"]),
    indispensable: &["honest"],
    check: sealed_to_the_end,
}];

fn sealed_to_the_end(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let raw = seen.sightings.iter().filter(|s| s.vantage == vantage);
    let found: Vec<_> = raw
        .map(|s| {
            let why = format!(
                "{} octets of track {} from offset {} on are clear, {}",
                s.hit.matched, s.hit.track, s.hit.ledger_offset, s.between
            );
            evidence_at(seen, (vantage, s.file.as_deref(), s.span), why)
        })
        .collect();
    if let Some(first) = found.first() {
        let why = match seen.coverage.get(&vantage) {
            Some(coverage) => format!(
                "{} of {} units are clear in part or whole ({} of {} octets): {}",
                coverage.units_with_clear,
                coverage.units,
                coverage.clear,
                coverage.octets,
                pattern(coverage.pattern)
            ),
            None => first.why.clone(),
        };
        return Outcome::Fail(why, found);
    }
    let Some(proof) = seen.accounts.get(&vantage).map(|a| &a.proof) else {
        return Outcome::Inconclusive(format!("there is no {}", vantage.file()));
    };
    match proof.ledger_bytes {
        // A recorder that nobody waited for, a card in a session of another path.
        0 => Outcome::NotApplicable("no media were sent or stored here".into()),
        all if proof.ledger_bytes_matched == all => Outcome::Pass(
            Assurance::Opened,
            format!("all {all} octets of the units that were delivered are in opened ciphertext"),
        ),
        all => Outcome::Inconclusive(format!(
            "{} of {all} octets of the units that were delivered are in opened ciphertext",
            proof.ledger_bytes_matched
        )),
    }
}

fn pattern(pattern: Pattern) -> String {
    match pattern {
        Pattern::Sealed => "clear here and there".into(),
        Pattern::Clear => "nothing is sealed".into(),
        Pattern::SealedHead(octets) => format!("only the first {octets} octets are sealed"),
        Pattern::ClearHead(octets) => format!("the first {octets} octets are clear"),
        Pattern::Stripes { period, sealed } => {
            format!("of every {period} octets {sealed} are sealed")
        }
        Pattern::SealedKeyFrames => "only key frames are sealed".into(),
        Pattern::Irregular => "without a pattern".into(),
    }
}

//! Versions of TLS.

use lightleak_case::Vantage;

use super::{Answer, TLS12, place, version};
use crate::{
    requirement::evidence,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// TLS-01.
pub(super) fn no_old_one(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let mut unclear = Vec::new();
    let mut refused = 0;
    for (flow, connection) in seen.served() {
        let Some(tls) = &connection.tls else { continue };
        let answer = Answer::of(flow, connection);
        if let Answer::Chose(hello) = answer
            && hello.version < TLS12
            && let Some(span) = place(flow, &hello)
        {
            let why = format!("a ServerHello of {}", version(hello.version));
            found.push(evidence(seen, span, why));
            continue;
        }
        let Some(offer) = &tls.client_hello else {
            continue;
        };
        if offer.highest_version() >= TLS12 {
            continue;
        }
        match answer {
            Answer::Refused => refused += 1,
            _ => unclear.push(format!(
                "the offer of {} in packet {} was answered by something that is neither ServerHello nor alert, or not at all",
                version(offer.highest_version()),
                flow.first_packet
            )),
        }
    }
    match (found.first(), unclear.into_iter().next()) {
        (Some(first), _) => Outcome::Fail(format!("{} was sent", first.why), found),
        (None, Some(why)) => Outcome::Inconclusive(why),
        (None, None) => Outcome::Pass(
            Assurance::Identified,
            format!("{refused} offers of old versions were refused"),
        ),
    }
}

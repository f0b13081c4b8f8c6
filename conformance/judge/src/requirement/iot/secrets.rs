//! Secrets on the wire: IOT-07.

use lightleak_case::Vantage;

use super::super::evidence;
use crate::{
    adversary::cryptanalyst::key_material::Secrets,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// How many finds of a direction are kept as evidence.
const MOST_FINDS: usize = 4;

pub(super) fn not_in_clear(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let escrow = seen.escrow();
    let passwords = escrow.credentials.iter().flat_map(|(user, password)| {
        // A short password is no needle by itself.
        let pair = format!("{user}:{password}");
        [
            (
                format!("the password of {user}"),
                password.clone().into_bytes(),
            ),
            (format!("name and password of {user}"), pair.into_bytes()),
        ]
    });
    let secrets = Secrets::new(passwords.chain(escrow.secrets));
    if secrets.count() == 0 {
        return Outcome::Inconclusive("no secret was escrowed that can be looked for".into());
    }
    let mut found = Vec::new();
    for (flow, _) in seen.flows() {
        for (from, to, stream) in [
            (flow.a, flow.b, &flow.from_a),
            (flow.b, flow.a, &flow.from_b),
        ] {
            for exposure in secrets.find(&stream.bytes, MOST_FINDS) {
                if let Some(span) = stream.span(exposure.at, exposure.length) {
                    let why = format!(
                        "{} lies open, {:?}, {} {from} to {to}",
                        exposure.secret, exposure.writing, flow.transport
                    );
                    found.push(evidence(seen, span, why));
                }
            }
        }
    }
    match found.first() {
        Some(first) => Outcome::Fail(first.why.clone(), found),
        None => Outcome::Pass(
            Assurance::Absence,
            format!(
                "none of {} secrets in any of {} flows",
                secrets.count(),
                seen.traffic.flows.len()
            ),
        ),
    }
}

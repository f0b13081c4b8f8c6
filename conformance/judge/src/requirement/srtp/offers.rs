//! What the device agrees to: SRTP-17.

use lightleak_case::Vantage;

use super::{evidence, unless};
use crate::{
    dissect::{
        key_attribute,
        mikey::{Policy, parameter},
        rtsp::{Message, transport::Transport},
    },
    seen::Seen,
    verdict::{Assurance, Outcome},
};

pub(super) fn null_is_refused(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let mut refused = 0;
    for (request, response, span) in seen.answered_inside() {
        let Some(offer) = weak_offer(request).filter(|_| request.method == "SETUP") else {
            continue;
        };
        match response.status {
            200..300 => {
                let why = format!("SETUP with {offer} was answered {}", response.status);
                found.push(evidence(seen, span, why));
            }
            // Who was not let in was told nothing of it.
            401 | 403 | 404 | 453..456 | 500 | 503 => {}
            _ => refused += 1,
        }
    }
    unless(found, || match refused {
        0 => Outcome::Inconclusive("no answer to an offer without encryption was seen".into()),
        refused => Outcome::Pass(
            Assurance::Opened,
            format!("{refused} offers without encryption or authentication were refused"),
        ),
    })
}

/// What a request offers that leaves media in clear, or unauthentic.
fn weak_offer(request: &Message) -> Option<String> {
    for mikey in key_attribute::mikeys(request) {
        if let Some(what) = mikey.srtp_policies().find_map(weakness) {
            return Some(format!("a key and {what}"));
        }
    }
    let transport = Transport::parse(request.header("transport")?);
    let plain = transport.iter().all(|t| !t.is_secure());
    plain.then(|| transport.first().map(|t| t.protocol.clone()))?
}

fn weakness(policy: &Policy) -> Option<&'static str> {
    let is = |kind: u8, value: u32| policy.value(kind) == Some(value);
    let galois = is(parameter::ENCRYPTION, parameter::AES_GCM);
    if is(parameter::ENCRYPTION, parameter::NULL) {
        Some("NULL encryption")
    } else if is(parameter::SRTP_ENCRYPTION, 0) {
        Some("encryption of SRTP off")
    } else if is(parameter::SRTCP_ENCRYPTION, 0) {
        Some("encryption of SRTCP off")
    } else if is(parameter::AUTHENTICATION, parameter::NULL) && !galois {
        Some("NULL authentication")
    } else if is(parameter::SRTP_AUTHENTICATION, 0) && !galois {
        Some("authentication off")
    } else {
        None
    }
}

//! SFR-15: keys are for viewers that the owner enrolled.

use ed25519_dalek::{Signature, VerifyingKey};
use lightleak_case::Vantage;
use serde_json::Value;

use super::super::{evidence, unless};
use crate::{
    dissect::http::Message,
    logins::is_success,
    open::keylog::octets,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// What stands before a viewer's key where the owner signs it.
const CONTEXT: &[u8] = b"lightleak viewer key 1";

pub(super) fn for_enrolled_alone(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let declared = seen.declaration.device.owner_key.as_deref();
    let Some(owner) = declared.and_then(owner) else {
        return Outcome::Inconclusive("the declaration names no key of an owner".into());
    };
    let mut found = Vec::new();
    let (mut enrolled, mut refused) = (0, 0);
    for asked in seen.signalled() {
        let Some((viewer, signature)) = request(asked.request) else {
            continue;
        };
        let signature = Signature::from_slice(&signature);
        let message = [CONTEXT, &viewer].concat();
        let is_signed =
            signature.is_ok_and(|signature| owner.verify_strict(&message, &signature).is_ok());
        match (is_signed, is_success(asked.response)) {
            (true, _) => enrolled += 1,
            (false, false) => refused += 1,
            (false, true) => {
                let why = "keys are given for a viewer key that the owner did not sign";
                found.push(evidence(seen, asked.span, why.into()));
            }
        }
    }
    unless(found, || match refused {
        0 => Outcome::Inconclusive("nobody asked for keys for a viewer of nobody".into()),
        refused => Outcome::Pass(
            Assurance::Opened,
            format!(
                "keys for {refused} viewer keys that the owner did not sign were refused, {enrolled} that it signed were asked for"
            ),
        ),
    })
}

fn owner(hexadecimal: &str) -> Option<VerifyingKey> {
    let key = octets(hexadecimal)?;
    VerifyingKey::from_bytes(&key.try_into().ok()?).ok()
}

/// A viewer's key, and what is said to be the owner's signature of it; a
/// signature that is none is empty.
fn request(request: &Message) -> Option<(Vec<u8>, Vec<u8>)> {
    let object: Value = serde_json::from_slice(&request.body).ok()?;
    let text = |name| object.get(name).and_then(Value::as_str);
    let viewer = octets(text("viewer_key")?)?;
    let signature = text("signature").and_then(octets).unwrap_or_default();
    Some((viewer, signature))
}

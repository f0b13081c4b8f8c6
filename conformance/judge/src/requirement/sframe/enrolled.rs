//! SFR-15: keys are for viewers that the owner enrolled.

use std::collections::BTreeSet;

use ed25519_dalek::{Signature, VerifyingKey};
use lightleak_case::Vantage;
use serde_json::Value;

use super::super::{evidence, unless};
use crate::{
    deliveries::{Sealed, deliveries, viewer_keys, viewers},
    dissect::http::Message,
    logins::is_success,
    open::keylog::octets,
    seen::Seen,
    verdict::{Assurance, Evidence, Outcome},
};

/// What stands before a viewer's key where the owner signs it.
const CONTEXT: &[u8] = b"lightleak viewer key 1";

pub(super) fn for_enrolled_alone(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let declared = seen.declaration.device.owner_key.as_deref();
    let Some(owner) = declared.and_then(owner) else {
        return Outcome::Inconclusive("the declaration names no key of an owner".into());
    };
    let mut found = unsigned(seen, &owner);
    let (mut enrolled, mut refused) = (0, 0);
    for asked in seen.signalled() {
        let Some((viewer, signature)) = request(asked.request) else {
            continue;
        };
        match (
            is_enrolled(&owner, &viewer, &signature),
            is_success(asked.response),
        ) {
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

/// Keys that the device handed to a server for sessions whose viewer shows no key
/// that the owner signed, or that open with such a key.
fn unsigned(seen: &Seen<'_>, owner: &VerifyingKey) -> Vec<Evidence> {
    let (told, escrowed) = (viewers(seen), viewer_keys(seen));
    let good: BTreeSet<&[u8]> = told
        .iter()
        .filter(|viewer| is_enrolled(owner, &viewer.key, &viewer.signature))
        .map(|viewer| &*viewer.key)
        .collect();
    let mut found = Vec::new();
    for delivery in deliveries(seen) {
        let said = told.iter().rfind(|viewer| {
            viewer.session == delivery.session && viewer.span.packet < delivery.span.packet
        });
        let opens = |key: &Sealed| key.open(&delivery.camera, &escrowed);
        let whose = delivery.keys.iter().find_map(opens).map(|(whose, _)| whose);
        let key = whose.as_deref().or(said.map(|viewer| &*viewer.key));
        if !key.is_some_and(|key| good.contains(key)) {
            let why =
                "keys are sealed to a viewer whom the server named and the owner did not enrol";
            found.push(evidence(seen, delivery.span, why.into()));
        }
    }
    found
}

/// Whether that is the owner's signature of the viewer's key.
fn is_enrolled(owner: &VerifyingKey, viewer: &[u8], signature: &[u8]) -> bool {
    let message = [CONTEXT, viewer].concat();
    let signature = Signature::from_slice(signature);
    signature.is_ok_and(|signature| owner.verify_strict(&message, &signature).is_ok())
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

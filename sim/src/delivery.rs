//! Base keys of SFrame on their way to a viewer, as JSON
//! (`conformance/schema/app-webrtc.md`).

use serde_json::{Value, json};

use crate::{
    hex::{self, Hex},
    seal::{
        envelope::{ENCAPSULATED, HEAD},
        sframe::Suite,
    },
};

/// A delivery ([`deliver`](crate::seal::envelope::deliver)) of that sender's key.
pub(crate) fn write(sender: &str, delivery: &[u8]) -> Option<Value> {
    let (head, envelope) = delivery.split_first_chunk::<HEAD>()?;
    let [s0, s1, kid @ .., _] = head;
    let (enc, sealed) = envelope.split_at_checked(ENCAPSULATED)?;
    let suite = Suite::from_value(u16::from_be_bytes([*s0, *s1]))?;
    Some(json!({
        "sender": sender,
        "suite": suite.to_string(),
        "kid": Hex(kid).to_string(),
        "enc": Hex(enc).to_string(),
        "sealed": Hex(sealed).to_string(),
    }))
}

/// The delivery of a sender's key in a list of them.
pub(crate) fn find(keys: &[Value], sender: &str) -> Option<Vec<u8>> {
    let mut keys = keys.iter();
    read(keys.find(|key| text(key, "sender") == Some(sender))?)
}

fn read(key: &Value) -> Option<Vec<u8>> {
    let suite: Suite = text(key, "suite")?.parse().ok()?;
    let octets = |name| text(key, name).and_then(hex::octets);
    let [kid, enc, sealed] = ["kid", "enc", "sealed"].map(octets);
    // No bits of these KIDs count ratchet steps.
    Some(
        [
            &suite.value().to_be_bytes()[..],
            &kid?,
            &[0],
            &enc?,
            &sealed?,
        ]
        .concat(),
    )
}

/// A field that is text.
pub(crate) fn text<'a>(fields: &'a Value, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str()
}

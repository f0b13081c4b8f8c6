//! TLS (RFC 8446, RFC 5246) by its handshake.

use crate::{
    dissect::{Flow, tls},
    inspect::{Claim, Scene},
};

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    let Some(reading) = tls::read(flow) else {
        return Vec::new();
    };
    let version = reading.server_hello.as_ref().map(|hello| hello.version);
    let kind = match version {
        Some(tls::TLS13) => "tls1.3",
        Some(tls::TLS12) => "tls1.2",
        _ => "tls",
    };
    let records = reading.from_a.len() + reading.from_b.len();
    let reason = format!("a handshake of TLS, and {records} records");
    vec![Claim::sealed(kind, reason).at(flow.from_a.place(0))]
}

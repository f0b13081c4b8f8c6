//! Records: nothing beside them, and all of them open.

use lightleak_case::Vantage;

use super::TLS12;
use crate::{
    dissect::{
        Flow, Span,
        tls::{self, HEADER, TLS13},
    },
    open::OpenError,
    presence::Need,
    requirement::evidence,
    seen::{Connection, Seen},
    verdict::{Assurance, Outcome},
};

/// TLS-12.
pub(super) fn and_nothing_else(seen: &Seen<'_>, _: Vantage) -> Outcome {
    const CHANGE_CIPHER_SPEC: u8 = 20;
    const APPLICATION_DATA: u8 = 23;
    let mut found = Vec::new();
    let (mut records, mut others) = (0, 0);
    for (flow, connection) in seen.served() {
        let Some(tls) = &connection.tls else { continue };
        if let Some(at) = tls.residue_b {
            let length = flow.from_b.bytes.len() - at;
            if let Some(span) = flow.from_b.span(at, length) {
                let why = format!("{length} octets on the connection that are in no record");
                found.push(evidence(seen, span, why));
            }
        }
        let Some(hello) = tls.server_hello.filter(|h| h.version == TLS13) else {
            others += usize::from(tls.server_hello.is_some());
            continue;
        };
        for record in tls.from_b.iter().filter(|r| r.at > hello.at) {
            // RFC 8446 appendix D.4: a change_cipher_spec for middleboxes.
            let compatibility =
                record.content_type == CHANGE_CIPHER_SPEC && record.fragment(&flow.from_b) == [1];
            let ciphertext = record.content_type == APPLICATION_DATA && record.version == TLS12;
            records += usize::from(ciphertext);
            let span = flow.from_b.span(record.at, HEADER + record.length);
            if let (false, Some(span)) = (compatibility || ciphertext, span) {
                let why = format!(
                    "a record of type {} and version 0x{:04x} after the handshake",
                    record.content_type, record.version
                );
                found.push(evidence(seen, span, why));
            }
        }
    }
    match found.first() {
        Some(first) => Outcome::Fail(first.why.clone(), found),
        None if records > 0 => Outcome::Pass(
            Assurance::Identified,
            format!("{records} records of the device, and nothing else"),
        ),
        None if others > 0 => Outcome::NotApplicable(
            "the device chose another version than TLS 1.3 on every connection".into(),
        ),
        None => Outcome::Inconclusive("no TLS connection with the device was seen".into()),
    }
}

/// TLS-14.
pub(super) fn open(seen: &Seen<'_>, vantage: Vantage) -> Outcome {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    let (mut records, mut connections) = (0, 0);
    for (flow, connection) in seen.served().filter(|(flow, c)| is_protected(flow, c)) {
        let opened = connection.opened();
        let stopped = match &connection.opened {
            Some(Err(error)) => Some(error),
            _ => opened.and_then(|o| o.stopped.as_ref()),
        };
        records += opened.map_or(0, |o| o.records);
        connections += 1;
        match stopped {
            None => {}
            Some(error @ OpenError::BadRecord { packet, .. }) => {
                let span = Span {
                    packet: *packet,
                    offset: 0,
                    length: 0,
                };
                found.push(evidence(seen, span, error.to_string()));
            }
            Some(error) => unknown.push(format!("{} to {}: {error}", flow.a, flow.b)),
        }
    }
    // Octets that the tap missed open with no key.
    let missed = seen.presence.lacks(&[Need::Tap], vantage);
    match (found.first(), missed, unknown.into_iter().next()) {
        (Some(first), Some(missed), _) => {
            Outcome::Inconclusive(format!("{missed}, and {}", first.why))
        }
        (Some(first), None, _) => Outcome::Fail(first.why.clone(), found),
        (None, _, Some(why)) => Outcome::Inconclusive(why),
        (None, _, None) if records > 0 => Outcome::Pass(
            Assurance::Opened,
            format!("{records} records of {connections} connections, all of them"),
        ),
        (None, _, None) => {
            Outcome::Inconclusive("no protected record of the device was seen".into())
        }
    }
}

/// Whether anything was said that needs a key. What ends in a refusal does not.
fn is_protected(flow: &Flow, connection: &Connection) -> bool {
    let Some(tls) = &connection.tls else {
        return false;
    };
    let mut records = tls.from_a.iter().chain(&tls.from_b);
    !tls::is_refusal(&flow.from_b)
        && records
            .any(|r| [tls::APPLICATION_DATA, tls::CHANGE_CIPHER_SPEC].contains(&r.content_type))
}

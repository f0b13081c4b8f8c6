//! 0-RTT.

use lightleak_case::Vantage;

use super::server_hellos;
use crate::{
    dissect::tls::{HEADER, TLS13, flight},
    requirement::evidence,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// TLS-11.
pub(super) fn not_taken(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    let (mut handshakes, mut tickets, mut resumed, mut others) = (0, 0, 0, 0);
    for (flow, connection, hello) in server_hellos(seen) {
        if hello.version != TLS13 {
            others += 1;
            continue;
        }
        let opened = match &connection.opened {
            Some(Ok(opened)) => opened,
            Some(Err(error)) => {
                unknown.push(error.to_string());
                continue;
            }
            None => continue,
        };
        handshakes += 1;
        let offer = connection
            .tls
            .as_ref()
            .and_then(|t| t.client_hello.as_ref());
        resumed += usize::from(offer.is_some_and(|o| o.resumes));
        let mut told = false;
        for message in &opened.handshake_b {
            tickets += usize::from(message.kind == flight::NEW_SESSION_TICKET);
            told |= message.kind == flight::ENCRYPTED_EXTENSIONS;
            let (what, span) = match message.kind {
                flight::NEW_SESSION_TICKET => ("a session ticket allows 0-RTT data", message.at),
                flight::ENCRYPTED_EXTENSIONS => ("0-RTT data were accepted", message.at),
                _ => continue,
            };
            match (flight::early_data(message), flow.from_b.span(span, HEADER)) {
                (Some(true), Some(span)) => found.push(evidence(seen, span, what.into())),
                (Some(_), _) => {}
                (None, _) => unknown.push("a message of the handshake does not parse".into()),
            }
        }
        if !told {
            unknown.push("EncryptedExtensions of a handshake were not opened".into());
        }
        if let Some(error) = &opened.stopped {
            unknown.push(error.to_string());
        }
    }
    match (found.first(), unknown.into_iter().next()) {
        (Some(first), _) => Outcome::Fail(first.why.clone(), found),
        (None, Some(why)) => Outcome::Inconclusive(why),
        (None, None) if handshakes == 0 && others > 0 => Outcome::NotApplicable(
            "the device chose another version than TLS 1.3 on every connection".into(),
        ),
        (None, None) if handshakes == 0 => {
            Outcome::Inconclusive("no TLS handshake with the device was seen".into())
        }
        (None, None) if tickets == 0 => Outcome::NotApplicable(format!(
            "the device gave no session ticket in {handshakes} handshakes, and without one nobody can send 0-RTT data"
        )),
        (None, None) => Outcome::Pass(
            Assurance::Opened,
            format!(
                "{tickets} session tickets, none of which allows 0-RTT data; {resumed} attempts to resume, none with such data accepted"
            ),
        ),
    }
}

//! Probes of a device that the judge knows by heart, so that it sees in the
//! capture whether they were made. Who makes them asks here what to do.

use std::{
    collections::BTreeSet,
    iter,
    net::{IpAddr, SocketAddr},
};

use lightleak_case::TransportProtocol;

use crate::{
    adversary::cryptanalyst::{
        dictionary::{self, Guess},
        shown::Shown,
    },
    dissect::{
        FlowState, Span,
        tls::{flight, offer::Offer},
    },
    seen::{Connection, Seen},
};

/// Ports on which cameras serve media without TLS: HTTP, RTSP and RTMP by their
/// registration, and what is usual for HTTP and RTSP beside.
pub const CLEAR_PORTS: [u16; 5] = [80, 554, 1935, 8080, 8554];

/// How many handshakes are to fail before those ports are dialled.
pub const FAILED_HANDSHAKES: usize = 8;

/// The names and passwords to try on a device: with that serial number, at
/// these addresses, where these users are known to be.
pub fn guesses(serial: &str, addresses: &[IpAddr], users: &[String]) -> Vec<Guess> {
    dictionary::guesses(serial, addresses, users)
}

/// The guesses for the device of a session, where these users are known beside
/// those of the escrow.
pub(crate) fn guesses_of(seen: &Seen<'_>, users: impl Iterator<Item = String>) -> Vec<Guess> {
    let device = &seen.declaration.device;
    let escrowed = seen.escrow().credentials.into_iter().map(|(user, _)| user);
    let users: Vec<_> = escrowed.chain(users).collect();
    guesses(&device.serial, &device.addresses, &users)
}

/// Proofs of a password that somebody showed the device: the status of the
/// answer, and where that lies.
pub(crate) fn shown(seen: &Seen<'_>) -> Vec<(Shown, u16, Span)> {
    let answered = seen.dialogues().flat_map(|d| d.answered());
    let shown = answered.filter_map(|(request, response, span)| {
        let header = request.header("authorization")?;
        let shown = Shown::read(&request.method, header)?;
        Some((shown, response.status, span))
    });
    let logins = seen.signalled().filter_map(|signalled| {
        let request = signalled.request;
        let shown = match request.head.value("authorization") {
            Some(header) => Shown::read(&request.head.method, header),
            None => Shown::login(&request.body),
        };
        Some((shown?, signalled.response.head.status, signalled.span))
    });
    shown.chain(logins).collect()
}

/// Every offer that nobody should accept was made.
pub(crate) fn offered(seen: &Seen<'_>) -> Result<(), String> {
    let tls = || seen.served().filter_map(|(_, c)| c.tls.as_ref());
    let hellos = || tls().filter_map(|t| t.client_hello.as_ref());
    for offer in Offer::ALL {
        if !hellos().any(|hello| Offer::of(hello) == Some(offer)) {
            return Err(format!("no offer of {} was seen", offer.name()));
        }
    }
    Ok(())
}

/// A session was resumed, or tried to be, if the device gave a ticket for that;
/// with 0-RTT data if a ticket allows them.
pub(crate) fn resumed(seen: &Seen<'_>) -> Result<(), String> {
    let opened = || seen.served().filter_map(|(_, c)| c.opened());
    let tickets = opened().flat_map(|o| &o.handshake_b);
    let tickets = tickets.filter(|m| m.kind == flight::NEW_SESSION_TICKET);
    let allow: Vec<_> = tickets.map(flight::early_data).collect();
    let tls = || seen.served().filter_map(|(_, c)| c.tls.as_ref());
    let hellos = || tls().filter_map(|t| t.client_hello.as_ref());
    if !allow.is_empty() && !hellos().any(|hello| hello.resumes) {
        return Err("the device gave session tickets, and nobody used one".into());
    }
    if allow.contains(&Some(true)) && !hellos().any(|hello| hello.early_data) {
        return Err("a ticket of the device allows 0-RTT data, and nobody sent any".into());
    }
    Ok(())
}

/// Every guess was shown to the device and answered.
pub(crate) fn guessed(seen: &Seen<'_>) -> Result<(), String> {
    let shown = shown(seen);
    let guesses = guesses_of(seen, iter::empty());
    let tried = |g: &&Guess| shown.iter().any(|(s, ..)| s.is_of(&g.user, &g.password));
    let missing: Vec<_> = guesses.iter().filter(|g| !tried(g)).collect();
    match missing.first() {
        None => Ok(()),
        Some(first) => Err(format!(
            "{} of {} guessable passwords were not tried, the first one of {}",
            missing.len(),
            guesses.len(),
            first.user
        )),
    }
}

/// Handshakes failed where TLS is declared, and then every usual port for media
/// without TLS was dialled and answered.
pub(crate) fn blocked(seen: &Seen<'_>) -> Result<(), String> {
    let last = last_failure(seen)?;
    let dialled: BTreeSet<_> = seen
        .flows()
        .map(|(flow, _)| flow)
        .filter(|flow| flow.transport == TransportProtocol::Tcp && flow.first_packet > last)
        .filter(|flow| matches!(flow.state, FlowState::Open | FlowState::Refused))
        .map(|flow| flow.b)
        .collect();
    for address in seen.declaration.servers(&seen.session.record.path) {
        for port in CLEAR_PORTS {
            let at = SocketAddr::new(address, port);
            if !dialled.contains(&at) {
                return Err(format!(
                    "{at} was not dialled after the handshakes failed, or did not answer"
                ));
            }
        }
    }
    Ok(())
}

/// The first packet of the handshake with which enough have failed.
fn last_failure(seen: &Seen<'_>) -> Result<u64, String> {
    let is_tls = |at: SocketAddr| {
        let path = seen.declaration.path_at(TransportProtocol::Tcp, at);
        path.is_some_and(|path| path.hop.begins_with_tls())
    };
    let fails = |connection: &Connection| {
        let reading = connection.tls.as_ref();
        reading.is_none_or(|tls| tls.server_hello.is_none())
    };
    let failed = seen
        .served()
        .filter(|(flow, connection)| is_tls(flow.b) && fails(connection));
    let failed: Vec<_> = failed.map(|(flow, _)| flow.first_packet).collect();
    match failed.get(FAILED_HANDSHAKES - 1) {
        Some(packet) => Ok(*packet),
        None => Err(format!(
            "{} handshakes where TLS is declared were seen to fail, and {FAILED_HANDSHAKES} have to",
            failed.len()
        )),
    }
}

//! Cipher suites.

use lightleak_case::Vantage;

use super::{Answer, TLS12, place, server_hellos};
use crate::{
    dissect::tls::{
        ClientHello, ServerHello, TLS13,
        offer::Offer,
        suite::{KeyExchange, is_null},
    },
    requirement::evidence,
    seen::Seen,
    verdict::{Assurance, Evidence, Outcome},
};

/// TLS-03.
pub(super) fn encrypts(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let found = chosen(seen, |hello, _| {
        is_null(hello.cipher_suite).then(|| "it does not encrypt".into())
    });
    conclude(seen, found, &[Offer::Null, Offer::IntegrityOnly])
}

/// TLS-05.
pub(super) fn no_obsolete_exchange(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let found = chosen(seen, |hello, _| {
        let exchange = KeyExchange::of(hello.cipher_suite);
        let obsolete = matches!(
            exchange,
            KeyExchange::Rsa | KeyExchange::Dh | KeyExchange::Dhe
        );
        (obsolete && hello.version <= TLS12)
            .then(|| format!("its key exchange is {}", exchange.name()))
    });
    conclude(seen, found, &[Offer::StaticRsa, Offer::FiniteField])
}

/// TLS-06. A server that turns an offer of both down prefers none without
/// forward secrecy; what it supports shows in the handshakes that it takes.
pub(super) fn forward_secrecy(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let found = chosen(seen, |hello, offer| {
        let better = offer.is_none_or(offers_forward_secrecy);
        (better && !is_forward_secret(hello)).then(|| "it has no forward secrecy".into())
    });
    let supported = server_hellos(seen).any(|(_, _, hello)| is_forward_secret(&hello));
    match conclude(seen, found, &[Offer::RsaBeforeEcdhe]) {
        Outcome::Pass(..) if !supported => {
            Outcome::Inconclusive("no handshake with forward secrecy was seen".into())
        }
        outcome => outcome,
    }
}

/// TLS 1.3 with a secret of an earlier session alone has none (RFC 8446 2.2).
fn is_forward_secret(hello: &ServerHello) -> bool {
    let exchange = KeyExchange::of(hello.cipher_suite);
    match hello.version {
        TLS13 => hello.key_share,
        _ => matches!(exchange, KeyExchange::Ecdhe | KeyExchange::Dhe),
    }
}

fn offers_forward_secrecy(offer: &ClientHello) -> bool {
    let mut exchanges = offer.cipher_suites.iter().map(|s| KeyExchange::of(*s));
    exchanges.any(|exchange| {
        matches!(
            exchange,
            KeyExchange::Ecdhe | KeyExchange::Dhe | KeyExchange::Tls13
        )
    })
}

/// ServerHellos of the device whose choice is wrong, and what is wrong with it;
/// the offer counts.
fn chosen(
    seen: &Seen<'_>,
    wrong: impl Fn(&ServerHello, Option<&ClientHello>) -> Option<String>,
) -> Vec<Evidence> {
    let hellos = server_hellos(seen);
    let found = hellos.filter_map(|(flow, connection, hello)| {
        let offer = connection
            .tls
            .as_ref()
            .and_then(|t| t.client_hello.as_ref());
        let why = wrong(&hello, offer)?;
        let why = format!(
            "a ServerHello chose suite 0x{:04x}: {why}",
            hello.cipher_suite
        );
        Some(evidence(seen, place(flow, &hello)?, why))
    });
    found.collect()
}

/// Without anything found, these offers have to have been answered.
fn conclude(seen: &Seen<'_>, found: Vec<Evidence>, offers: &[Offer]) -> Outcome {
    if let Some(first) = found.first() {
        return Outcome::Fail(first.why.clone(), found);
    }
    let (mut refused, mut chose) = (0, 0);
    for (flow, connection) in seen.served() {
        let hello = connection
            .tls
            .as_ref()
            .and_then(|t| t.client_hello.as_ref());
        let offer = hello.and_then(Offer::of).filter(|o| offers.contains(o));
        match (Answer::of(flow, connection), offer) {
            (Answer::Chose(_), _) => chose += 1,
            (Answer::Refused, Some(_)) => refused += 1,
            (Answer::Unclear, Some(offer)) => {
                return Outcome::Inconclusive(format!(
                    "the offer of {} in packet {} was answered by something that is neither ServerHello nor alert, or not at all",
                    offer.name(),
                    flow.first_packet
                ));
            }
            (_, None) => {}
        }
    }
    match chose {
        0 => Outcome::Inconclusive("no TLS handshake with the device was seen".into()),
        _ => Outcome::Pass(
            Assurance::Identified,
            format!(
                "{chose} handshakes chose a sound suite, {refused} offers of others were refused"
            ),
        ),
    }
}

//! Whose certificate it is: DTLS-04, DTLS-05, DTLS-10, DTLS-11, WSIG-02.

use lightleak_case::Vantage;
use lightleak_vectors::keys;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{
    super::{evidence, unless},
    FINISHED, first_media,
};
use crate::{
    dissect::{
        Flow, Span,
        dtls::{DTLS13, Message, Reading},
        sdp::{Fingerprint, Sdp},
        tls::{TLS12, TLS13, flight},
        x509::Certificate,
    },
    logins::is_success,
    open::dtls::OpenedDtls,
    seen::{Connection, Seen},
    verdict::{Assurance, Outcome},
};

/// server_hello_done and client_key_exchange (RFC 5246 7.4).
const SERVER_HELLO_DONE: u8 = 14;
const CLIENT_KEY_EXCHANGE: u8 = 16;

/// Hashes that prove nothing (RFC 8122 5).
const BROKEN: [&str; 2] = ["md2", "md5"];

pub(super) fn viewers_are_who_they_say(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let (mut strangers, mut unknown) = (0, false);
    for (flow, connection) in seen.flows() {
        let (Some(reading), Some(negotiation)) = (&connection.dtls, seen.negotiation(flow)) else {
            continue;
        };
        let Some((_, certificate)) = certificate(seen, flow, connection, false) else {
            unknown |= reading.server_hello.is_some();
            continue;
        };
        match is_of(&certificate, &negotiation.offer) {
            Some(true) => {}
            None => unknown = true,
            Some(false) => match first_media(seen, flow) {
                Some(span) => {
                    let why = "media to a viewer whose certificate is not that of its offer";
                    found.push(evidence(seen, span, why.into()));
                }
                None => strangers += 1,
            },
        }
    }
    unless(found, || match (strangers, unknown) {
        (0, _) => Outcome::Inconclusive(
            "no certificate was seen of a viewer that is not that of its offer".into(),
        ),
        (_, true) => Outcome::Inconclusive("not every certificate of a viewer was read".into()),
        (strangers, false) => Outcome::Pass(
            Assurance::Opened,
            format!(
                "{strangers} viewers with another certificate than that of their offer, and no media to any"
            ),
        ),
    })
}

pub(super) fn no_broken_hash(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let (mut own, mut refused) = (0, 0);
    for asked in seen.signalled() {
        if let Some(answer) = asked.response.sdp() {
            match all(&answer).find(|f| BROKEN.contains(&f.hash.as_str())) {
                Some(Fingerprint { hash, .. }) => {
                    let why = format!("the device describes a fingerprint by {hash}");
                    found.push(evidence(seen, asked.span, why));
                }
                None => own += 1,
            }
        }
        let weak = asked.request.sdp().is_some_and(|offer| is_weak(&offer));
        refused += usize::from(weak && !is_success(asked.response));
    }
    for (flow, _) in seen.flows() {
        let Some(negotiation) = seen.negotiation(flow).filter(|n| is_weak(&n.offer)) else {
            continue;
        };
        match first_media(seen, flow) {
            Some(span) => {
                let hash = all(&negotiation.offer).next().map(|f| f.hash.as_str());
                let why = format!(
                    "media to a viewer of whom no more is known than a fingerprint by {}",
                    hash.unwrap_or_default()
                );
                found.push(evidence(seen, span, why));
            }
            None => refused += 1,
        }
    }
    unless(found, || match refused {
        0 => Outcome::Inconclusive("nobody offered fingerprints by MD5 or MD2 alone".into()),
        refused => Outcome::Pass(
            Assurance::Opened,
            format!(
                "{refused} offers with fingerprints by MD5 or MD2 alone came to nothing; {own} descriptions of the device have none"
            ),
        ),
    })
}

pub(super) fn both_show_certificates(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let (mut shown, mut unknown) = (0_u32, 0_u32);
    for (flow, connection) in seen.flows() {
        let (Some(reading), Some(media)) = (&connection.dtls, first_media(seen, flow)) else {
            continue;
        };
        let opened = connection.opened_dtls();
        let says = |of_client: bool, kind: u8| {
            let mut messages = messages(reading, opened, of_client);
            messages.any(|message| message.kind == kind)
        };
        let asks = says(false, flight::CERTIFICATE_REQUEST);
        let shows = [true, false].map(|of_client| says(of_client, flight::CERTIFICATE));
        // What comes behind the messages in question was read, but where a session
        // is resumed.
        let version = reading.server_hello.as_ref().map(|hello| hello.version);
        let (done, answered) = match version {
            Some(DTLS13) => (FINISHED, FINISHED),
            _ => (SERVER_HELLO_DONE, CLIENT_KEY_EXCHANGE),
        };
        let (is_asked, is_answered) = (says(false, done), says(true, answered));
        let why = match shows {
            [true, true] if asks => {
                shown += 1;
                continue;
            }
            _ if !asks && is_asked => {
                "media after a handshake in which the server asked for no certificate"
            }
            [false, _] if is_answered => "media though the client of DTLS showed no certificate",
            _ => {
                unknown += 1;
                continue;
            }
        };
        found.push(evidence(seen, media, why.into()));
    }
    unless(found, || match (shown, unknown) {
        (_, 1..) => Outcome::Inconclusive(format!("{unknown} handshakes could not be opened")),
        (0, 0) => Outcome::Inconclusive("no media behind a DTLS handshake were seen".into()),
        (shown, 0) => Outcome::Pass(
            Assurance::Opened,
            format!(
                "{shown} handshakes in which the server asked for a certificate and both ends showed one"
            ),
        ),
    })
}

pub(super) fn keys_are_its_own(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let (mut own, mut unknown) = (0_u32, 0_u32);
    for (flow, connection) in seen.flows() {
        let answered = connection
            .dtls
            .as_ref()
            .and_then(|dtls| dtls.server_hello.as_ref());
        if answered.is_none() || seen.negotiation(flow).is_none() {
            continue;
        }
        let shown = certificate(seen, flow, connection, true);
        let parsed = shown.and_then(|(at, der)| Some((at, Certificate::parse(&der)?)));
        let Some((at, certificate)) = parsed else {
            unknown += 1;
            continue;
        };
        let mut pairs = keys::published().pairs.iter();
        match pairs.find(|pair| pair.public == certificate.public_key) {
            Some(pair) => {
                let why = format!(
                    "the private key to this certificate is {} of {}, {}",
                    pair.name, pair.source, pair.clause
                );
                found.push(evidence(seen, at, why));
            }
            None => own += 1,
        }
    }
    unless(found, || match (own, unknown) {
        (_, 1..) => Outcome::Inconclusive(format!(
            "{unknown} certificates of the device could not be read"
        )),
        (0, 0) => Outcome::Inconclusive("no certificate of the device was seen".into()),
        (own, 0) => Outcome::Pass(
            Assurance::Opened,
            format!("{own} handshakes with a certificate whose key is none of those published"),
        ),
    })
}

pub(super) fn device_is_who_it_says(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let (mut right, mut unknown) = (0, 0);
    for (flow, connection) in seen.flows() {
        let (Some(reading), Some(negotiation)) = (&connection.dtls, seen.negotiation(flow)) else {
            continue;
        };
        let Some((at, certificate)) = certificate(seen, flow, connection, true) else {
            unknown += usize::from(reading.server_hello.is_some());
            continue;
        };
        match is_of(&certificate, &negotiation.answer) {
            Some(true) => right += 1,
            None => unknown += 1,
            Some(false) => {
                let why = "the certificate of the handshake is not that of the answer";
                found.push(evidence(seen, at, why.into()));
            }
        }
    }
    unless(found, || match (right, unknown) {
        (_, 1..) => Outcome::Inconclusive(format!(
            "{unknown} certificates of the device could not be compared with its answers"
        )),
        (0, 0) => Outcome::Inconclusive("no certificate of the device was seen".into()),
        (right, 0) => Outcome::Pass(
            Assurance::Opened,
            format!(
                "{right} handshakes with the certificate whose fingerprint the answer has, inside TLS"
            ),
        ),
    })
}

fn all(sdp: &Sdp) -> impl Iterator<Item = &Fingerprint> {
    let sections = sdp.media.iter().flat_map(|media| &media.fingerprints);
    sdp.fingerprints.iter().chain(sections)
}

/// Whether it has fingerprints, none of which proves something.
fn is_weak(sdp: &Sdp) -> bool {
    let mut fingerprints = all(sdp).peekable();
    fingerprints.peek().is_some() && fingerprints.all(|f| BROKEN.contains(&f.hash.as_str()))
}

/// Whether a certificate is one of a description; not known without a hash that
/// we have.
fn is_of(certificate: &[u8], sdp: &Sdp) -> Option<bool> {
    let mut known = all(sdp).filter_map(|fingerprint| {
        let hash = match fingerprint.hash.as_str() {
            "sha-1" => Sha1::digest(certificate).to_vec(),
            "sha-256" => Sha256::digest(certificate).to_vec(),
            "sha-384" => Sha384::digest(certificate).to_vec(),
            "sha-512" => Sha512::digest(certificate).to_vec(),
            _ => return None,
        };
        Some(hash == fingerprint.octets)
    });
    let first = known.next()?;
    Some(first || known.any(|same| same))
}

/// The certificate of the device in a handshake, or of the other end, and where
/// its message begins.
fn certificate(
    seen: &Seen<'_>,
    flow: &Flow,
    connection: &Connection,
    of_device: bool,
) -> Option<(Span, Vec<u8>)> {
    let reading = connection.dtls.as_ref()?;
    let client = match reading.client_is_a {
        true => flow.a,
        false => flow.b,
    };
    // Of two ends that are both held to it, who answered is meant.
    let server = seen.negotiation(flow)?.server;
    let of_client = (server.ip() == client.ip()) == of_device;
    let stream = match of_client {
        true => reading.from_client(flow),
        false => reading.from_server(flow),
    };
    let version = match reading.server_hello.as_ref()?.version {
        DTLS13 => TLS13,
        _ => TLS12,
    };
    let messages = messages(reading, connection.opened_dtls(), of_client);
    let mut certificates = messages.filter(|m| m.kind == flight::CERTIFICATE);
    let message = certificates.next()?;
    let list = flight::certificates(message, version)?;
    let place = stream.place(message.at)?;
    let span = Span {
        packet: place.packet,
        offset: place.offset,
        length: 1,
    };
    Some((span, list.first()?.to_vec()))
}

/// What an end says of the handshake, in clear and protected.
fn messages<'a>(
    reading: &'a Reading,
    opened: Option<&'a OpenedDtls>,
    of_client: bool,
) -> impl Iterator<Item = &'a Message> {
    let clear = match of_client {
        true => &reading.client.in_clear,
        false => &reading.server.in_clear,
    };
    let protected = opened.map(|opened| match of_client {
        true => &opened.client.handshake,
        false => &opened.server.handshake,
    });
    clear.iter().chain(protected.into_iter().flatten())
}

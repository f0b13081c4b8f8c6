//! WHIP-01, WHIP-02: over HTTPS, and with a token.

use lightleak_case::{TransportProtocol, Vantage};

use super::super::{evidence, unless};
use crate::{
    dissect::{Flow, Span, http},
    logins::{self, bearer, is_success},
    seen::Seen,
    verdict::{Assurance, Evidence, Outcome},
};

/// Requests that are kept as evidence.
const MOST: usize = 16;

pub(super) fn is_https(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let clear = seen.flows().filter(|(flow, connection)| {
        let ours = seen.is_device(flow.a.ip()) || seen.is_device(flow.b.ip());
        let tcp = flow.transport == TransportProtocol::Tcp;
        tcp && ours && connection.tls.is_none()
    });
    let found = clear.flat_map(|(flow, _)| in_clear(seen, flow));
    let found: Vec<_> = found.take(MOST).collect();
    let offers = |asked: &crate::webrtc::Signalled<'_>| asked.request.sdp().is_some();
    let published = seen.published().filter(offers);
    let published = published.filter(|asked| is_success(asked.response)).count();
    let watched = seen.signalled().filter(offers).count();
    unless(found, || match published {
        0 => Outcome::Inconclusive("no publication of the device was read inside TLS".into()),
        _ => Outcome::Pass(
            Assurance::Opened,
            format!("{published} publications and {watched} offers to watch, all inside TLS"),
        ),
    })
}

/// What is asked over HTTP without TLS, and neither led elsewhere nor unknown.
fn in_clear(seen: &Seen<'_>, flow: &Flow) -> Vec<Evidence> {
    let asked = http::read(&flow.from_a, &flow.from_b).into_iter();
    let found = asked.filter_map(|exchange| {
        let request = &exchange.request;
        let place = flow.from_a.span(request.range.start, request.range.len())?;
        let (method, target) = (&request.head.method, &request.head.target);
        let status = exchange.response.as_ref().map(|r| r.head.status);
        let tells = bearer(request).is_some() || request.sdp().is_some();
        let why = match status {
            Some(status @ (200..300 | 401 | 403)) => format!("is answered with {status}"),
            _ if tells && !seen.is_itself(flow.b.ip()) && seen.is_itself(flow.a.ip()) => {
                "tells a token or an offer".to_owned()
            }
            _ => return None,
        };
        let why = format!("{method} {target} to {} without TLS {why}", flow.b);
        Some(evidence(seen, place, why))
    });
    found.collect()
}

pub(super) fn shows_tokens(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let is_whip = |request: &http::Message| logins::path(request).starts_with("/whip/");
    let mut found: Vec<(Span, String)> = Vec::new();
    // What the device shows, somebody else may have.
    let mut own = Vec::new();
    for asked in seen.published().filter(|asked| is_whip(asked.request)) {
        let (method, target) = (&asked.request.head.method, &asked.request.head.target);
        match bearer(asked.request) {
            Some(token) => own.push(token),
            None if method == "OPTIONS" => {}
            None => {
                let why = format!("{method} {target} of the device shows no token");
                found.push((asked.span, why));
            }
        }
    }
    let mut refused = 0;
    for asked in seen.signalled().filter(|asked| is_whip(asked.request)) {
        let (method, target) = (&asked.request.head.method, &asked.request.head.target);
        let is_own = bearer(asked.request).is_some_and(|token| own.contains(&token));
        // RFC 6750 3: who shows no good token is told so, before anything else.
        match asked.response.head.status {
            _ if method == "OPTIONS" || is_own => {}
            401 | 403 => refused += 1,
            405 | 501 => {}
            status => {
                let why = format!(
                    "{method} {target} without the token of the device was answered with {status}, and none is demanded"
                );
                found.push((asked.span, why));
            }
        }
    }
    let found = found.into_iter().take(MOST);
    let found = found.map(|(span, why)| evidence(seen, span, why)).collect();
    let needs_strangers = seen.session.record.stimulus == "no-credentials";
    unless(found, || match (own.len(), refused) {
        (0, _) => Outcome::Inconclusive("no request of the device to publish was seen".into()),
        (_, 0) if needs_strangers => {
            Outcome::Inconclusive("nobody asked for a publication without its token".into())
        }
        (shown, refused) => Outcome::Pass(
            Assurance::Opened,
            format!(
                "{shown} requests of the device show its token; {refused} of others were refused"
            ),
        ),
    })
}

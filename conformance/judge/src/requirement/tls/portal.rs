//! HTTP in clear.

use std::collections::BTreeSet;

use lightleak_case::{TransportProtocol, Vantage};

use crate::{
    dissect::{FlowState, http::Head},
    requirement::evidence,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// The port of HTTP.
const HTTP: u16 = 80;

/// TLS-10. HTTP Strict Transport Security is no matter here: it does not apply
/// to addresses (RFC 6797 8.1.1).
pub(super) fn no_clear_service(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    let (mut open, mut asked, mut redirects) = (BTreeSet::new(), BTreeSet::new(), 0_u32);
    for (flow, _) in seen.served() {
        let declared =
            seen.declaration
                .endpoint(TransportProtocol::Tcp, flow.b.ip(), flow.b.port());
        if declared.is_none() {
            open.insert(flow.b);
        }
        if flow.from_a.bytes.starts_with(b"GET / HTTP/1.") {
            asked.insert(flow.b);
        }
        let Some(response) = response(&flow.from_b.bytes) else {
            continue;
        };
        match judge(&response) {
            Service::Redirect => redirects += 1,
            Service::Clear(why) => {
                let why = format!("{} answers HTTP in clear: {why}", flow.b);
                if let Some(span) = flow.from_b.span(0, flow.from_b.bytes.len()) {
                    found.push(evidence(seen, span, why));
                }
            }
            Service::Unclear(why) => {
                unknown.push(format!("{} answers HTTP in clear: {why}", flow.b))
            }
        }
    }
    let unasked = open.difference(&asked).next();
    if let Some(first) = found.first() {
        return Outcome::Fail(first.why.clone(), found);
    }
    if let Some(why) = unknown.into_iter().next() {
        return Outcome::Inconclusive(why);
    }
    if let Some(port) = unasked {
        return Outcome::Inconclusive(format!("nobody asked {port} for HTTP, and it is open"));
    }
    let closed = seen.flows().any(|(flow, _)| {
        flow.state == FlowState::Refused && flow.b.port() == HTTP && seen.is_device(flow.b.ip())
    });
    match (closed, redirects) {
        (_, 1..) => Outcome::Pass(
            Assurance::Identified,
            format!("{redirects} responses in clear lead to https and give nothing else"),
        ),
        (true, 0) => Outcome::Pass(
            Assurance::Absence,
            format!(
                "port 80 is closed, and none of {} other open ports speaks HTTP",
                open.len()
            ),
        ),
        (false, 0) if open.iter().any(|at| at.port() == HTTP) => Outcome::Pass(
            Assurance::Absence,
            "port 80 is open, and does not speak HTTP".into(),
        ),
        (false, 0) => Outcome::Inconclusive("nobody dialled port 80".into()),
    }
}

/// The head of the response that these octets begin with.
fn response(octets: &[u8]) -> Option<Head> {
    Head::parse(octets).filter(|head| head.status != 0)
}

/// What a response in clear is.
enum Service {
    /// The way to https.
    Redirect,
    /// Something that is given in clear, in words.
    Clear(String),
    /// A refusal of what was asked; there may be more to ask for.
    Unclear(String),
}

fn judge(response: &Head) -> Service {
    if response.value("set-cookie").is_some() {
        return Service::Clear("it sets a cookie".into());
    }
    let kind = response.value("content-type").unwrap_or_default();
    let kind = kind.to_ascii_lowercase();
    let media = ["image/", "video/", "audio/", "multipart/"];
    if media.iter().any(|m| kind.starts_with(m)) {
        return Service::Clear(format!("it sends {kind}"));
    }
    let to = response.value("location").unwrap_or_default();
    let secure = to
        .get(..8)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
    match response.status {
        301 | 302 | 303 | 307 | 308 if secure => Service::Redirect,
        301 | 302 | 303 | 307 | 308 => Service::Clear(format!("it leads to {to:?}")),
        401 => Service::Clear("it asks for credentials".into()),
        400.. => Service::Unclear(format!(
            "it refuses what was asked with {}, and may serve something else",
            response.status
        )),
        status => Service::Clear(format!("status {status}")),
    }
}

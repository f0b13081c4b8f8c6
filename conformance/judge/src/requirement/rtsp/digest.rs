//! How passwords are asked for: RTSP-11.

use lightleak_case::Vantage;

use super::{super::evidence, unasked};
use crate::{
    dissect::rtsp::Message,
    seen::Seen,
    verdict::{Assurance, Outcome},
};

pub(super) fn no_basic(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let mut challenges = 0;
    for served in seen.dialogues() {
        for (request, response, span) in served.answered() {
            let shown = request.header("authorization").unwrap_or_default();
            let basic = scheme(shown) == "basic";
            if !served.opened && basic && (200..300).contains(&response.status) {
                let method = &request.method;
                let why = format!(
                    "{method} with Basic was answered {} without TLS",
                    response.status
                );
                found.push(evidence(seen, span, why));
            }
            if response.status != 401 {
                continue;
            }
            let offers = offers(response);
            if !served.opened && offers.iter().any(|o| scheme(o) == "basic") {
                let why = "Basic is asked for without TLS".to_owned();
                found.push(evidence(seen, span, why));
            }
            let mut digests = offers.iter().filter(|o| scheme(o) == "digest").peekable();
            if digests.peek().is_some() && !digests.any(|o| is_sha256(o)) {
                let why = "a Digest challenge does not offer SHA-256".to_owned();
                found.push(evidence(seen, span, why));
            }
            challenges += usize::from(!offers.is_empty());
        }
    }
    if let Some(first) = found.first() {
        return Outcome::Fail(first.why.clone(), found);
    }
    if challenges > 0 {
        return Outcome::Pass(
            Assurance::Opened,
            format!(
                "{challenges} challenges, none of Basic without TLS, those of Digest with SHA-256"
            ),
        );
    }
    if seen.session.record.stimulus != "port-sweep" {
        return Outcome::Inconclusive("no challenge of the device was seen".into());
    }
    match unasked(seen) {
        Some(why) => Outcome::Inconclusive(why),
        None => Outcome::Pass(
            Assurance::Absence,
            "nobody asks for a password without TLS".into(),
        ),
    }
}

/// The challenges of a response: each header may hold several (RFC 9110
/// 11.6.1). A parameter that the next challenge follows is cut from it.
fn offers(response: &Message) -> Vec<String> {
    let mut offers: Vec<String> = Vec::new();
    let headers = response.headers.iter();
    for (_, value) in headers.filter(|(name, _)| name == "www-authenticate") {
        for (index, part) in elements(value).into_iter().enumerate() {
            let first = part.split('=').next().unwrap_or_default().trim();
            // A scheme stands before the first parameter of a challenge.
            match offers.last_mut() {
                Some(last) if index > 0 && !first.contains([' ', '\t']) => {
                    last.push(',');
                    last.push_str(part);
                }
                _ => offers.push(part.trim().to_owned()),
            }
        }
    }
    offers
}

/// What stands between the commas, except those in quotes.
fn elements(value: &str) -> Vec<&str> {
    let mut quoted = false;
    let comma = |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    };
    value.split(comma).collect()
}

fn scheme(challenge: &str) -> String {
    let scheme = challenge.split_whitespace().next().unwrap_or_default();
    scheme.to_ascii_lowercase()
}

fn is_sha256(challenge: &str) -> bool {
    let lower = challenge.to_ascii_lowercase();
    lower.split([',', ' ']).any(|parameter| {
        let value = parameter.trim().strip_prefix("algorithm=");
        value.is_some_and(|v| v.trim_matches('"').starts_with("sha-256"))
    })
}

//! What the device does and tells before anybody has shown a password: IOT-06,
//! IOT-08.

use lightleak_case::{Carriage, Vantage};

use super::super::{evidence, rtsp, webrtc};
use crate::{
    dissect::{http, rtsp::Message},
    logins::{self, Standing},
    seen::{Seen, Served},
    verdict::{Assurance, Outcome},
};

/// Characters of the shortest identifier that occurs by chance nowhere.
const TELLING: usize = 4;

/// Characters of the shortest version number that says something.
const TELLING_VERSION: usize = 3;

pub(super) fn no_change(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let path = seen.declaration.path(&seen.session.record.path);
    if path.is_some_and(|path| path.carriage == Carriage::Webrtc) {
        return webrtc::changes_nothing(seen);
    }
    let mut found = Vec::new();
    let mut refused = None;
    let mut other = None;
    for served in seen.dialogues() {
        for (request, response, span) in served.answered() {
            let method = request.method.as_str();
            // Without a body it is a sign of life.
            let changes = match method {
                "SET_PARAMETER" => !request.body.is_empty(),
                "ANNOUNCE" | "RECORD" => true,
                _ => false,
            };
            if !changes || request.header("authorization").is_some() {
                continue;
            }
            match response.status {
                200..300 => {
                    let why = format!(
                        "{method} without credentials was answered {}",
                        response.status
                    );
                    found.push(evidence(seen, span, why));
                }
                _ if method != "SET_PARAMETER" => {}
                // RFC 2326 11.3: forbidden, or there is no such thing.
                status @ (401 | 403 | 405 | 501) => refused = Some(status),
                status => other = Some(status),
            }
        }
    }
    match (found.first(), refused, other) {
        (Some(first), ..) => Outcome::Fail(first.why.clone(), found),
        (None, _, Some(status)) => Outcome::Inconclusive(format!(
            "SET_PARAMETER was answered {status}, which does not say that credentials are demanded"
        )),
        (None, Some(status), None) => Outcome::Pass(
            Assurance::Opened,
            format!("SET_PARAMETER without credentials was refused with {status}"),
        ),
        (None, None, None) => {
            Outcome::Inconclusive("no answer to SET_PARAMETER without credentials was seen".into())
        }
    }
}

pub(super) fn tells_little(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let mut answers = 0;
    let answered = seen.dialogues().flat_map(Served::answered);
    for (request, response, span) in answered {
        if request.header("authorization").is_some() {
            continue;
        }
        answers += 1;
        if let Some(what) = tells(seen, request, response) {
            let why = format!(
                "the answer to {} without credentials tells {what}",
                request.method
            );
            found.push(evidence(seen, span, why));
        }
    }
    let logins = seen.logins();
    for asked in seen.signalled() {
        let time = seen.time(asked.span.packet).unwrap_or_default();
        let is_known = logins.standing(asked.request, time) == Standing::LoggedIn;
        if is_known || logins::is_login(asked.request) {
            continue;
        }
        answers += 1;
        if let Some(what) = tells_over_http(seen, asked.response) {
            let method = &asked.request.head.method;
            let why = format!("the answer to {method} without a token tells {what}");
            found.push(evidence(seen, asked.span, why));
        }
    }
    match found.first() {
        Some(first) => Outcome::Fail(first.why.clone(), found),
        None if answers > 0 => Outcome::Pass(
            Assurance::Opened,
            format!("{answers} answers without credentials tell nothing of the device"),
        ),
        None if seen.session.record.stimulus == "port-sweep" => match rtsp::unasked(seen) {
            Some(why) => Outcome::Inconclusive(why),
            None => Outcome::NotApplicable("no port speaks RTSP without TLS".into()),
        },
        None => Outcome::Inconclusive("no answer without credentials was seen".into()),
    }
}

fn tells_over_http(seen: &Seen<'_>, response: &http::Message) -> Option<String> {
    if response.sdp().is_some() {
        return Some("what there is to see".into());
    }
    let headers = response.head.headers.iter();
    let headers = headers.map(|(_, value)| value.as_str());
    let text = headers.collect::<Vec<_>>().join("\n");
    names(
        seen,
        &format!("{text}\n{}", String::from_utf8_lossy(&response.body)),
    )
}

/// Which device it is, where the text says so.
fn names(seen: &Seen<'_>, text: &str) -> Option<String> {
    let device = &seen.declaration.device;
    let named = [
        ("the serial number", &device.serial, TELLING),
        ("the model", &device.model, TELLING),
        ("the version", &device.firmware, TELLING_VERSION),
    ];
    let mut named = named.into_iter();
    let told = named.find(|(_, value, least)| value.len() >= *least && has_word(text, value));
    told.map(|(what, value, _)| format!("{what} {value}"))
}

fn tells(seen: &Seen<'_>, request: &Message, response: &Message) -> Option<String> {
    if response.sdp().is_some() {
        return Some("what there is to see".into());
    }
    let headers = response.headers.iter().map(|(_, value)| value.as_str());
    let mut text = headers.collect::<Vec<_>>().join("\n");
    text.push('\n');
    text.push_str(&String::from_utf8_lossy(&response.body));
    if let Some(named) = names(seen, &text) {
        return Some(named);
    }
    let asked = request.uri.trim_end_matches('/');
    let mut addresses = ["rtsp://", "rtsps://"].into_iter().flat_map(|scheme| {
        let starts = text.match_indices(scheme).map(|(at, _)| at);
        starts.collect::<Vec<_>>()
    });
    let address = addresses.find_map(|at| {
        let rest = &text[at..];
        let end = rest.find(|c: char| c.is_whitespace() || "\"'<>();,".contains(c));
        let address = rest[..end.unwrap_or(rest.len())].trim_end_matches('/');
        // What was asked for is no news, nor is it with another scheme.
        let path = |url: &str| url.split_once("://").map(|(_, path)| path.to_owned());
        (path(address) != path(asked)).then(|| address.to_owned())
    });
    address.map(|address| format!("the address {address}"))
}

/// Whether the text has the word, by itself.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let is_part = |c: char| c.is_alphanumeric() || c == '.';
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(char::is_alphanumeric)
    })
}

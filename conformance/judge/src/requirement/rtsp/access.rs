//! Who is let in: RTSP-09.

use lightleak_case::Vantage;

use super::super::evidence;
use crate::{
    dissect::{Span, rtsp::Message},
    seen::Seen,
    verdict::{Assurance, Outcome},
};

/// What is known of one method.
#[derive(Clone, Default)]
struct Tried {
    /// It was refused with a challenge.
    challenged: bool,
    /// It was refused as unauthorised, without one.
    unchallenged: Option<Span>,
    /// It was refused for another reason.
    other: Option<u16>,
}

pub(super) fn no_access(seen: &Seen<'_>, _: Vantage) -> Outcome {
    const METHODS: [&str; 3] = ["DESCRIBE", "SETUP", "PLAY"];
    let mut found = Vec::new();
    let mut tried = METHODS.map(|_| Tried::default());
    let without = seen.session.record.stimulus == "no-credentials";
    for served in seen.dialogues() {
        // Somebody with credentials may watch at the same time.
        let mut entitled = false;
        for (request, response, span) in served.answered() {
            let credentials = request.header("authorization").is_some();
            let status = response.status;
            let Some(method) = METHODS.iter().position(|m| *m == request.method) else {
                continue;
            };
            if without && credentials {
                entitled |= (200..300).contains(&status);
                continue;
            }
            let tried = &mut tried[method];
            match status {
                200..300 => {
                    let why = format!("{} was answered {status}", METHODS[method]);
                    found.push(evidence(seen, span, why));
                }
                // Who does not show the wrong credentials is not refused for them.
                401 if !without && !credentials => {}
                401 if challenges(response) => tried.challenged |= served.opened,
                401 => tried.unchallenged = Some(span),
                status => tried.other = Some(status),
            }
        }
        let frame = served.dialogue.frames_b.first().filter(|_| !entitled);
        let span = frame.and_then(|f| served.stream.span(f.payload.start, f.payload.len()));
        if let (Some(frame), Some(span)) = (frame, span) {
            let why = format!("media came on channel {}", frame.channel);
            found.push(evidence(seen, span, why));
        }
    }
    for (method, tried) in METHODS.iter().zip(&tried) {
        if let (false, Some(span)) = (tried.challenged, tried.unchallenged) {
            let why = format!("{method} was answered 401 without a Digest or Bearer challenge");
            found.push(evidence(seen, span, why));
        }
    }
    if let Some(first) = found.first() {
        return Outcome::Fail(first.why.clone(), found);
    }
    let missing = METHODS.iter().zip(&tried).find(|(_, t)| !t.challenged);
    match missing {
        Some((method, Tried { other: None, .. })) => {
            Outcome::Inconclusive(format!("no answer to {method} by such a client was seen"))
        }
        Some((
            method,
            Tried {
                other: Some(status),
                ..
            },
        )) => Outcome::Inconclusive(format!(
            "{method} was answered {status}, which does not say that credentials are demanded"
        )),
        None => Outcome::Pass(
            Assurance::Opened,
            "DESCRIBE, SETUP and PLAY were refused, with a challenge".into(),
        ),
    }
}

/// RFC 7235 2.1: the names of schemes are case-insensitive.
fn challenges(response: &Message) -> bool {
    response.headers.iter().any(|(name, value)| {
        let scheme = value.split_whitespace().next().unwrap_or_default();
        name == "www-authenticate"
            && ["digest", "bearer"].contains(&scheme.to_ascii_lowercase().as_str())
    })
}

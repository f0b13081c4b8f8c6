//! Who is let in to signalling: WHEP-01, and what of IOT-06 is over HTTP.

use std::net::SocketAddr;

use lightleak_case::Vantage;

use super::super::{evidence, portal::cameras::of_others_alone, unless};
use crate::{
    dissect::{demux, http::Message},
    logins::{self, Standing, is_success},
    seen::Seen,
    verdict::{Assurance, Evidence, Outcome},
    webrtc::Signalled,
};

/// How long after the answer media may still come, in nanoseconds: what was on its
/// way.
const IN_FLIGHT: u64 = 1_000_000_000;
/// Packets that are kept as evidence, of each session.
const MOST: usize = 4;

/// A session that the device made, and when it was ended.
struct Session {
    path: String,
    candidates: Vec<SocketAddr>,
    /// The packet of the answer that says so.
    ended: Option<u64>,
}

/// Nothing is given to whoever is not logged in, nor of a session that was ended.
pub(super) fn nobody_else(seen: &Seen<'_>, _: Vantage) -> Outcome {
    if seen.session.record.stimulus == "another-users-camera" {
        return of_others_alone(seen);
    }
    let logins = seen.logins();
    let sessions = sessions(seen);
    let mut found = Vec::new();
    let (mut offers, mut others) = (0, 0);
    let stimulus = seen.session.record.stimulus.as_str();
    // Whatever a stranger asks for there may be media.
    let is_guess = stimulus == "legacy-requests";
    for asked in seen.signalled() {
        let Some(time) = seen.time(asked.span.packet) else {
            continue;
        };
        let path = logins::path(asked.request);
        let of_session = sessions.iter().find(|session| belongs(path, session));
        let mut handed_out = seen.handed_out.iter();
        let media = handed_out.find(|(span, _)| *span == asked.span);
        let what = match (asked.request.sdp(), of_session) {
            (Some(_), _) => "an offer",
            (None, Some(_)) => "a request in a session",
            (None, None) if media.is_some() || is_guess => "a request",
            _ => continue,
        };
        let standing = logins.standing(asked.request, time);
        let method = &asked.request.head.method;
        let status = asked.response.head.status;
        // Who ends what is not his, IOT-06 asks.
        let gives = tells(asked.response) || is_success(asked.response) && method != "DELETE";
        let over = of_session.and_then(|session| session.ended);
        let is_over = over.is_some_and(|packet| packet < asked.span.packet);
        let why = match standing {
            Standing::LoggedIn if is_over && is_success(asked.response) => {
                format!("{method} in a session that was ended was answered {status}")
            }
            Standing::LoggedIn if is_over => {
                others += 1;
                continue;
            }
            Standing::LoggedIn => continue,
            _ if let Some((_, hit)) = media => {
                let (who, track) = (standing.who(), &hit.track);
                format!("{what} of {who} was answered with plaintext of track {track}")
            }
            _ if logins::is_login(asked.request) => continue,
            _ if gives => format!("{what} of {} was answered {status}", standing.who()),
            _ => {
                offers += usize::from(asked.request.sdp().is_some());
                others += usize::from(asked.request.sdp().is_none());
                continue;
            }
        };
        found.push(evidence(seen, asked.span, why));
    }
    let ended = sessions.iter().filter(|session| session.ended.is_some());
    found.extend(ended.flat_map(|session| goes_on(seen, session)));
    let needs_offer = !["after-log-out", "legacy-requests"].contains(&stimulus);
    unless(found, || match (offers, others) {
        (0, _) if needs_offer => {
            Outcome::Inconclusive("no offer of somebody who is not logged in was seen".into())
        }
        (0, 0) if is_guess => Outcome::Inconclusive("no stranger asked for anything".into()),
        (0, 0) => Outcome::Inconclusive("no request in a session that was ended was seen".into()),
        (offers, others) => Outcome::Pass(
            Assurance::Opened,
            format!("{offers} offers and {others} other requests were refused"),
        ),
    })
}

/// Whoever is not logged in ends nothing.
pub(in crate::requirement) fn changes_nothing(seen: &Seen<'_>) -> Outcome {
    let logins = seen.logins();
    let mut found = Vec::new();
    let mut refused = None;
    for asked in seen.signalled() {
        let method = asked.request.head.method.as_str();
        let changes = ["DELETE", "PATCH", "PUT"].contains(&method);
        let Some(time) = seen.time(asked.span.packet).filter(|_| changes) else {
            continue;
        };
        let standing = logins.standing(asked.request, time);
        match asked.response.head.status {
            _ if standing == Standing::LoggedIn => {}
            status @ 200..300 => {
                let why = format!("{method} of {} was answered {status}", standing.who());
                found.push(evidence(seen, asked.span, why));
            }
            // There is no such thing, for nobody.
            405 | 501 => {}
            status => refused = Some(status),
        }
    }
    unless(found, || match refused {
        Some(status @ (401 | 403)) => Outcome::Pass(
            Assurance::Opened,
            format!("to end a session without a token was refused with {status}"),
        ),
        Some(status) => Outcome::Inconclusive(format!(
            "to end a session without a token was answered {status}, which does not say that one is demanded"
        )),
        None => Outcome::Inconclusive("nobody tried to end a session without a token".into()),
    })
}

/// Sessions that were made of offers.
fn sessions(seen: &Seen<'_>) -> Vec<Session> {
    let made = seen.signalled().filter_map(|asked| {
        let location = asked.response.head.value("location")?;
        let answer = asked.response.sdp()?;
        let session = Session {
            path: without_host(location).to_owned(),
            candidates: answer
                .media
                .into_iter()
                .flat_map(|m| m.candidates)
                .collect(),
            ended: None,
        };
        is_success(asked.response).then_some(session)
    });
    let mut sessions: Vec<_> = made.collect();
    let ends =
        |asked: &Signalled<'_>| asked.request.head.method == "DELETE" && is_success(asked.response);
    for asked in seen.signalled().filter(ends) {
        let path = logins::path(asked.request);
        if let Some(session) = sessions.iter_mut().find(|s| s.path == path) {
            let first = session.ended.unwrap_or(asked.span.packet);
            session.ended = Some(first.min(asked.span.packet));
        }
    }
    sessions
}

fn belongs(path: &str, session: &Session) -> bool {
    let rest = path.strip_prefix(session.path.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The path of a URL, or of a reference to one (RFC 9110 10.2.2).
fn without_host(location: &str) -> &str {
    let path = match location.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => location,
    };
    path.trim_end_matches('/')
}

/// Whether it tells of media or of keys, whatever its status says.
fn tells(response: &Message) -> bool {
    let object = serde_json::from_slice::<serde_json::Value>(&response.body);
    let has = |name| {
        object
            .as_ref()
            .is_ok_and(|object| object.get(name).is_some())
    };
    response.sdp().is_some() || has("keys") || has("cameras")
}

/// RTP of the device after the session was ended.
fn goes_on(seen: &Seen<'_>, session: &Session) -> Vec<Evidence> {
    let Some(end) = session.ended.and_then(|packet| seen.time(packet)) else {
        return Vec::new();
    };
    let end = end.saturating_add(IN_FLIGHT);
    let mut found = Vec::new();
    for (flow, _) in seen.flows() {
        for (from, stream) in [(flow.a, &flow.from_a), (flow.b, &flow.from_b)] {
            if !session.candidates.contains(&from) {
                continue;
            }
            let late = stream.parts().filter(|(piece, octets)| {
                let is_media = demux::Kind::of(octets) == demux::Kind::Rtp;
                is_media && seen.time(piece.packet).is_some_and(|time| time > end)
            });
            found.extend(late.take(MOST).map(|(piece, _)| {
                let why = "media go on after the session was ended".into();
                evidence(seen, piece.span(), why)
            }));
        }
    }
    found
}

//! What is asked for over HTTPS: the page, log-in and log-out, cameras, and
//! below `/whep` and `/whip` the sessions.

use std::sync::Arc;

use hyper::{
    Method, StatusCode,
    header::{ALLOW, CACHE_CONTROL, HeaderName},
};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::{FaultyRelay, Shared, channel::Command, whep, whip};
use crate::{
    access::Grant,
    http::{Answer, Request, SDP},
};

/// What a media type for POST stands in (RFC 9725 4.1).
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// Answers a request.
pub(super) async fn answer(relay: Arc<Shared>, request: Request) -> Answer {
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let (Ok(answer) | Err(answer)) = dispatch(&relay, &method, &path, request).await;
    // A session's id is nobody's but its viewer's.
    let place = path.split('/').nth(1).unwrap_or_default();
    let known = ["login", "logout", "cameras", "whep", "whip"];
    let place = match known.contains(&place) || relay.settings.page.part(&path).is_some() {
        true => place,
        false => "?",
    };
    let line = format!("relay: {method} /{place} {}", answer.status.as_u16());
    relay.world.log.line(&line);
    answer.with(CACHE_CONTROL, "no-store")
}

async fn dispatch(
    relay: &Arc<Shared>,
    method: &Method,
    path: &str,
    request: Request,
) -> Result<Answer, Answer> {
    if let Some(part) = relay.settings.page.part(path) {
        return match *method {
            Method::GET => Ok(part.answer(relay.fault.portal.page)),
            _ => not_allowed("GET"),
        };
    }
    let parts = path.split('/').skip(1).collect::<Vec<_>>();
    match (parts.as_slice(), method) {
        (["login"], &Method::POST) => {
            let known = relay.settings.accounts.iter();
            let known = known.map(|account| &account.credentials);
            relay.access.log_in(known, request, &relay.world).await
        }
        (["logout"], &Method::POST) => log_out(relay, &relay.user(&request)?).await,
        (["cameras"], &Method::GET) => cameras(relay, &relay.user(&request)?),
        (["login"] | ["logout"], _) => not_allowed("POST"),
        (["cameras"], _) => not_allowed("GET"),
        (["whep" | "whip", _], &Method::OPTIONS) => Ok(Answer::of(StatusCode::NO_CONTENT)
            .with(ALLOW, "OPTIONS, POST")
            .with(ACCEPT_POST, SDP)),
        (["whep", rest @ ..], _) => whep::answer(relay, method, rest, request).await,
        (["whip", rest @ ..], _) => whip::answer(relay, method, rest, request).await,
        _ => match relay.fault.portal.pictures {
            Some(find) if let Some(serial) = find(&relay.settings, path) => {
                FaultyRelay::of(relay).clip(&serial).await
            }
            _ => Err(Answer::of(StatusCode::NOT_FOUND)),
        },
    }
}

pub(super) fn not_allowed(allowed: &str) -> Result<Answer, Answer> {
    Err(Answer::of(StatusCode::METHOD_NOT_ALLOWED).with(ALLOW, allowed))
}

/// The user's cameras.
fn cameras(relay: &Shared, grant: &Grant) -> Result<Answer, Answer> {
    let channels = relay.channels.keys();
    let theirs = channels.filter_map(|serial| relay.camera_of(&grant.user, serial));
    let cameras = theirs.map(|channel| {
        let account = &channel.account;
        let mut camera =
            json!({"id": account.serial, "name": account.name, "live": channel.is_live()});
        if let Some(beside) = relay.beside.get() {
            camera["stream"] = json!(format!("{beside}{}", account.serial));
        }
        camera
    });
    let cameras: Vec<_> = cameras.collect();
    Ok(Answer::of(StatusCode::OK).json(&json!({ "cameras": cameras })))
}

async fn log_out(relay: &Shared, grant: &Grant) -> Result<Answer, Answer> {
    relay.access.log_out(grant);
    for channel in relay.channels.values() {
        for session in channel.unwatch_all(grant) {
            end(session).await;
        }
    }
    Ok(Answer::of(StatusCode::NO_CONTENT))
}

/// Ends a session, and returns when it sends nothing more.
pub(super) async fn end(session: mpsc::Sender<Command>) {
    let (done, ended) = oneshot::channel();
    if session.send(Command::End(done)).await.is_ok() {
        // Whether it says so or is gone, it is over.
        let _ = ended.await;
    }
}

impl Shared {
    /// Who asks.
    pub(super) fn user(&self, request: &Request) -> Result<Grant, Answer> {
        self.access.admitted(request, &self.world)
    }
}

//! Watching (draft-ietf-wish-whep): sessions of viewers, and keys that the
//! camera sealed to them.

use std::{sync::Arc, time::Duration};

use hyper::{Method, StatusCode, header::LOCATION};
use serde_json::json;
use tokio::sync::watch;

use super::{
    Shared,
    channel::{Channel, Keys},
    egress,
    resource::{end, not_allowed},
};
use crate::{
    access::Grant,
    http::{Answer, Request, SDP},
    offer,
    signalling::session_id,
    webrtc::{Peer, complete},
    world::{Held, within},
};

/// Octets of a body with a key and its signature.
const LONGEST_KEY: usize = 1024;
/// How long a camera may take to say whether it wraps keys for a viewer.
const CAMERA_PATIENCE: Duration = Duration::from_secs(5);
/// How long whoever waits for news is kept waiting: less than what lies between
/// may take for the connection to be idle.
pub(super) const LONG_POLL: Duration = Duration::from_secs(20);

/// The direction of all media of an offer.
const DIRECTION: &str = "recvonly";

/// Answers a request for what is below `/whep`.
pub(super) async fn answer(
    relay: &Arc<Shared>,
    method: &Method,
    parts: &[&str],
    request: Request,
) -> Result<Answer, Answer> {
    let grant = match (relay.user(&request), relay.fault.portal.viewer) {
        (Err(refusal), Some(admit)) => admit(&relay.settings, method, parts)
            .map(|user| Grant::faulty(&user))
            .ok_or(refusal)?,
        (grant, _) => grant?,
    };
    let find = |serial: &str| {
        let channel = relay.camera_of(&grant.user, serial);
        channel.ok_or(Answer::of(StatusCode::NOT_FOUND))
    };
    match (parts, method) {
        ([serial], &Method::POST) => take_offer(relay, find(serial)?, grant, request).await,
        ([_], _) => not_allowed("OPTIONS, POST"),
        ([serial, session], &Method::DELETE) => {
            let commands = find(serial)?.unwatch_of(session, &grant.user);
            end(commands.ok_or(Answer::of(StatusCode::NOT_FOUND))?).await;
            Ok(Answer::of(StatusCode::OK))
        }
        // All candidates are in the SDP.
        ([_, _], _) => not_allowed("DELETE"),
        ([serial, session, "key"], _) => {
            let channel = find(serial)?;
            let keys = channel.keys_of(session, &grant.user);
            let keys = keys.ok_or(Answer::of(StatusCode::NOT_FOUND))?;
            match *method {
                Method::POST => show_key(relay, channel, session, keys, request).await,
                Method::GET => news(relay, keys, &request).await,
                _ => not_allowed("GET, POST"),
            }
        }
        _ => Err(Answer::of(StatusCode::NOT_FOUND)),
    }
}

async fn take_offer(
    relay: &Arc<Shared>,
    channel: &Arc<Channel>,
    grant: Grant,
    request: Request,
) -> Result<Answer, Answer> {
    let legacy = relay.fault.portal.legacy;
    let in_clear = legacy.is_some_and(|asks| asks(request.query()));
    let (mut peer, answer) = meet(relay, DIRECTION, Leg::Viewer, request).await?;
    let session = relay.session_id();
    let Some((commands, keys)) = channel.watch(&session, grant) else {
        peer.close().await;
        return Err(Answer::of(StatusCode::SERVICE_UNAVAILABLE));
    };
    if in_clear {
        channel.faulty_ask_in_clear(&session);
    }
    let location = format!("/whep/{}/{session}", channel.account.serial);
    let (shared, channel) = (relay.clone(), channel.clone());
    relay.run(egress::run(shared, channel, session, peer, commands, keys));
    Ok(Answer::of(StatusCode::CREATED)
        .with(LOCATION, location)
        .body(SDP, answer))
}

/// Who is at the other end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Leg {
    Camera,
    Viewer,
}

/// An end for whoever offers media of that direction, and its answer.
pub(super) async fn meet(
    relay: &Shared,
    direction: &'static str,
    leg: Leg,
    request: Request,
) -> Result<(Peer, String), Answer> {
    request.of_type(SDP)?;
    let failed = |status, error: &dyn std::fmt::Display| {
        relay.world.log.line(&format!("relay: {error}"));
        Answer::of(status)
    };
    let body = request.body(offer::LONGEST).await?;
    let offer = offer::read(&body, Some(direction));
    let offer = offer.map_err(|error| failed(error.status(), &error))?;
    let fault = relay.fault.portal.leg(leg == Leg::Viewer);
    let peer = Peer::bind(&relay.world, relay.settings.dtls, Some(Held::Relay), fault).await;
    let mut peer = peer.map_err(|error| failed(StatusCode::SERVICE_UNAVAILABLE, &error))?;
    let answer = peer.answer(offer);
    let answer = answer.map_err(|error| failed(StatusCode::BAD_REQUEST, &error))?;
    Ok((peer, complete(&answer.to_sdp_string())))
}

/// Shows the camera a viewer's key, and waits for what it says.
async fn show_key(
    relay: &Shared,
    channel: &Channel,
    session: &str,
    mut keys: watch::Receiver<Keys>,
    request: Request,
) -> Result<Answer, Answer> {
    let fields = request.json(LONGEST_KEY).await?;
    let text = |name| fields.get(name).and_then(|value| value.as_str());
    let (Some(viewer_key), Some(signature)) = (text("viewer_key"), text("signature")) else {
        return Err(Answer::of(StatusCode::BAD_REQUEST));
    };
    channel.show(session, viewer_key, signature);
    match wait(relay, CAMERA_PATIENCE, 0, &mut keys).await? {
        Keys::Awaited => Err(Answer::of(StatusCode::GATEWAY_TIMEOUT)),
        said => said.answer(),
    }
}

/// Waits for keys of a later epoch.
async fn news(
    relay: &Shared,
    mut keys: watch::Receiver<Keys>,
    request: &Request,
) -> Result<Answer, Answer> {
    let after = request.number("after");
    let after = after.ok_or(Answer::of(StatusCode::BAD_REQUEST))?;
    wait(relay, LONG_POLL, after, &mut keys).await?.answer()
}

/// What the camera says after that epoch; that it is awaited still, if it says
/// nothing for so long.
///
/// # Errors
///
/// 404 if the session is over.
async fn wait(
    relay: &Shared,
    patience: Duration,
    after: u64,
    keys: &mut watch::Receiver<Keys>,
) -> Result<Keys, Answer> {
    let said = keys.wait_for(|keys| keys.is_after(after));
    match within(&*relay.world.clock, patience, said).await {
        Some(Ok(said)) => Ok(said.clone()),
        Some(Err(_)) => Err(Answer::of(StatusCode::NOT_FOUND)),
        None => Ok(Keys::Awaited),
    }
}

impl Keys {
    fn answer(self) -> Result<Answer, Answer> {
        match self {
            Self::Awaited => Ok(Answer::of(StatusCode::NO_CONTENT)),
            Self::Given { epoch, keys } => {
                let body = json!({"epoch": epoch, "keys": *keys});
                Ok(Answer::of(StatusCode::OK).json(&body))
            }
            Self::Refused => Err(Answer::of(StatusCode::FORBIDDEN)),
        }
    }
}

impl Shared {
    /// A new id of a session.
    pub(super) fn session_id(&self) -> String {
        match self.fault.portal.session_id {
            Some(make) => make(self.next_publication()),
            None => session_id(&self.world),
        }
    }
}

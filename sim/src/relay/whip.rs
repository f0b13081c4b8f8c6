//! Publishing (RFC 9725): sessions of cameras; who watches them, and the keys
//! that they seal to those.

use std::sync::Arc;

use hyper::{Method, StatusCode, header::LOCATION};
use serde_json::{Value, json};

use super::{
    Shared,
    channel::{Channel, Keys},
    ingest,
    resource::{end, not_allowed},
    whep::{LONG_POLL, Leg, meet},
};
use crate::{
    access::{bearer, invalid_token, unauthorized},
    http::{Answer, Request, SDP},
    world::within,
};

/// Octets of the body with keys for all viewers: two keys of some 350 octets
/// each, and the id of the session.
const LONGEST_KEYS: usize = super::MOST_VIEWERS * 1024;

/// The direction of all media of an offer.
const DIRECTION: &str = "sendonly";

/// Answers a request for what is below `/whip`.
pub(super) async fn answer(
    relay: &Arc<Shared>,
    method: &Method,
    parts: &[&str],
    request: Request,
) -> Result<Answer, Answer> {
    let Some((serial, rest)) = parts.split_first() else {
        return Err(Answer::of(StatusCode::NOT_FOUND));
    };
    let channel = match (
        device(relay, serial, &request),
        relay.fault.portal.publisher,
    ) {
        (Err(_), Some(admits)) if admits(method, rest) => relay.channels.get(*serial),
        (found, _) => Some(found?),
    };
    let channel = channel.ok_or(Answer::of(StatusCode::NOT_FOUND))?;
    let published = |session: &str| match channel.is_published_by(session) {
        true => Ok(()),
        false => Err(Answer::of(StatusCode::NOT_FOUND)),
    };
    match (rest, method) {
        ([], &Method::POST) => take_offer(relay, channel, request).await,
        ([], _) => not_allowed("OPTIONS, POST"),
        ([session], &Method::DELETE) => {
            let commands = channel.unpublish(session);
            end(commands.ok_or(Answer::of(StatusCode::NOT_FOUND))?).await;
            Ok(Answer::of(StatusCode::OK))
        }
        ([_], _) => not_allowed("DELETE"),
        ([session, "viewers"], &Method::GET) => {
            published(session)?;
            viewers(relay, channel, session, &request).await
        }
        ([session, "keys"], &Method::POST) => {
            published(session)?;
            take_keys(relay, channel, request).await
        }
        ([_, "viewers"], _) => not_allowed("GET"),
        ([_, "keys"], _) => not_allowed("POST"),
        _ => Err(Answer::of(StatusCode::NOT_FOUND)),
    }
}

/// The camera whose token a request shows.
fn device<'a>(
    relay: &'a Shared,
    serial: &str,
    request: &Request,
) -> Result<&'a Arc<Channel>, Answer> {
    let shown = bearer(request).ok_or_else(|| unauthorized("Bearer"))?;
    // All are looked at, so that it takes as long whosever it is.
    let mut channels = relay.channels.values();
    let whose = channels.by_ref().fold(None, |found, channel| {
        let is_it = channel.account.token.is(&shown);
        found.or(is_it.then_some(channel))
    });
    let channel = whose.ok_or_else(invalid_token)?;
    match channel.account.serial == serial {
        true => Ok(channel),
        false => Err(Answer::of(StatusCode::FORBIDDEN)),
    }
}

async fn take_offer(
    relay: &Arc<Shared>,
    channel: &Arc<Channel>,
    request: Request,
) -> Result<Answer, Answer> {
    let (peer, answer) = meet(relay, DIRECTION, Leg::Camera, request).await?;
    let session = relay.session_id();
    let commands = channel.publish(&session);
    let location = format!("/whip/{}/{session}", channel.account.serial);
    let (shared, channel) = (relay.clone(), channel.clone());
    relay.run(ingest::run(shared, channel, session, peer, commands));
    Ok(Answer::of(StatusCode::CREATED)
        .with(LOCATION, location)
        .body(SDP, answer))
}

/// Waits until somebody comes or goes, and says who is there.
async fn viewers(
    relay: &Shared,
    channel: &Channel,
    session: &str,
    request: &Request,
) -> Result<Answer, Answer> {
    let after = request.number("after");
    let after = after.ok_or(Answer::of(StatusCode::BAD_REQUEST))?;
    let mut versions = channel.versions();
    let changed = versions.wait_for(|version| *version > after);
    let version = match within(&*relay.world.clock, LONG_POLL, changed).await {
        Some(Ok(version)) => *version,
        _ => return Ok(Answer::of(StatusCode::NO_CONTENT)),
    };
    if !channel.is_published_by(session) {
        return Err(Answer::of(StatusCode::NOT_FOUND));
    }
    let mut viewers = channel.roster();
    if let Some(add) = relay.fault.portal.roster {
        add(&relay.world, &mut viewers);
    }
    let body = json!({"version": version, "viewers": viewers});
    Ok(Answer::of(StatusCode::OK).json(&body))
}

/// Hands keys on: what they are of, only viewers can tell.
async fn take_keys(relay: &Shared, channel: &Channel, request: Request) -> Result<Answer, Answer> {
    let mut fields = request.json(LONGEST_KEYS).await?;
    let wrong = || Answer::of(StatusCode::BAD_REQUEST);
    let epoch = fields.get("epoch").and_then(Value::as_u64);
    let epoch = epoch.ok_or_else(wrong)?;
    let mut list = |name| match fields.get_mut(name).map(Value::take) {
        Some(Value::Array(list)) => Ok(list),
        _ => Err(wrong()),
    };
    let (mut deliveries, refused) = (list("deliveries")?, list("refused")?);
    if let Some(attack) = &relay.attack {
        attack.forwarding.faulty_deliveries(&mut deliveries);
    }
    for mut delivery in deliveries {
        let keys = delivery.get_mut("keys").map(Value::take);
        let session = delivery.get("session").and_then(Value::as_str);
        let (Some(keys), Some(session)) = (keys, session) else {
            return Err(wrong());
        };
        let keys = Arc::new(keys);
        channel.say(session, Keys::Given { epoch, keys });
    }
    for session in &refused {
        channel.say(session.as_str().ok_or_else(wrong)?, Keys::Refused);
    }
    Ok(Answer::of(StatusCode::NO_CONTENT))
}

//! What is asked for over HTTP: `/login`, `/webrtc`, and below that the
//! sessions (in the forms of WHEP, draft-ietf-wish-whep).

use std::sync::Arc;

use hyper::{
    Method, StatusCode,
    header::{ALLOW, CACHE_CONTROL, LOCATION, SERVER},
};
use serde_json::json;
use tokio::sync::mpsc;

use super::{Signalling, session_id};
use crate::{
    camera::Device,
    delivery::{self, text},
    hex,
    http::{Answer, Request, SDP},
    offer,
    portal::Portal,
    seal::{
        envelope::deliver,
        keys::{HpkePublicKey, SFrameBaseKey},
        sframe::{KeyId, Suite},
    },
    webrtc::{Command, Peer, SENDERS, Seals, complete, session},
};

/// Octets of the bodies that are read: a viewer's key and its signature.
const LONGEST_KEY: usize = 1024;
/// Commands that wait for a session.
const MOST_COMMANDS: usize = 4;
/// Bits of a KID that tell the senders of a session apart.
const KID_BITS: u32 = 2;
/// The suite of SFrame.
const SUITE: Suite = Suite::Aes128Gcm;

/// Answers a request.
pub(crate) async fn answer(device: Arc<Device>, request: Request) -> Answer {
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let (Ok(answer) | Err(answer)) = dispatch(&device, &method, &path, request).await;
    // A session's id is nobody's but its viewer's.
    let place = path.split('/').nth(1).unwrap_or_default();
    let place = if matches!(place, "login" | "webrtc" | "revoke") {
        place
    } else {
        "?"
    };
    let line = format!("signalling: {method} /{place} {}", answer.status.as_u16());
    device.world.log.line(&line);
    let answer = answer.with(CACHE_CONTROL, "no-store");
    match device.fault.web_banner {
        Some(banner) => answer.with(SERVER, banner(&device.settings)),
        None => answer,
    }
}

async fn dispatch(
    device: &Arc<Device>,
    method: &Method,
    path: &str,
    request: Request,
) -> Result<Answer, Answer> {
    let Some(signalling) = device.signalling.clone() else {
        return Err(Answer::of(StatusCode::NOT_FOUND));
    };
    let demands = device.fault.demands_token;
    let admitted = || match demands.is_none_or(|demands| demands(method, path)) {
        true => signalling
            .access
            .admitted(&request, &device.world)
            .map(drop),
        false => Ok(()),
    };
    let parts = path.split('/').skip(1).collect::<Vec<_>>();
    match (parts.as_slice(), method) {
        (["login"], &Method::POST) => {
            let known = std::iter::once(&device.settings.credentials);
            signalling
                .access
                .log_in(known, request, &device.world)
                .await
        }
        (["webrtc"], &Method::POST) => {
            admitted()?;
            take_offer(device, &signalling, request).await
        }
        (["webrtc", id, "key"], &Method::POST) => {
            admitted()?;
            give_keys(device, &signalling, id, request).await
        }
        (["webrtc", id], &Method::DELETE) => {
            admitted()?;
            end(device, &signalling, id).await
        }
        (["revoke"], &Method::POST) => {
            admitted()?;
            revoke(device, request).await
        }
        (["login" | "webrtc" | "revoke"] | ["webrtc", _, "key"], _) => {
            Err(Answer::of(StatusCode::METHOD_NOT_ALLOWED).with(ALLOW, "POST"))
        }
        (["webrtc", _], _) => Err(Answer::of(StatusCode::METHOD_NOT_ALLOWED).with(ALLOW, "DELETE")),
        _ => Err(Answer::of(StatusCode::NOT_FOUND)),
    }
}

async fn take_offer(
    device: &Arc<Device>,
    signalling: &Arc<Signalling>,
    request: Request,
) -> Result<Answer, Answer> {
    request.of_type(SDP)?;
    let mut body = request.body(offer::LONGEST).await?;
    if let Some(answer) = device.fault.plain_session
        && let Some((answer, session)) = answer(device.clone(), body.clone()).await
    {
        let (commands, _) = mpsc::channel(MOST_COMMANDS);
        return Ok(began(device, signalling, answer, commands, session));
    }
    let offered = body.clone();
    if let Some(change) = device.fault.offer {
        change(&mut body);
    }
    let offer = offer::read(&body, None).map_err(|error| {
        device.world.log.line(&format!("signalling: {error}"));
        Answer::of(error.status())
    })?;
    if !signalling.has_room() {
        return Err(Answer::of(StatusCode::SERVICE_UNAVAILABLE));
    }
    let (dtls, fault) = (signalling.app.dtls, device.fault);
    let peer = match &signalling.app.turn {
        Some(turn) => Peer::bind_at(turn, &device.world, dtls, fault).await,
        None => Peer::bind(&device.world, dtls, None, fault).await,
    };
    let mut peer = peer.map_err(|error| {
        device.world.log.line(&format!("signalling: {error}"));
        Answer::of(StatusCode::SERVICE_UNAVAILABLE)
    })?;
    let answer = peer.answer(offer).map_err(|error| {
        device.world.log.line(&format!("signalling: {error}"));
        Answer::of(StatusCode::BAD_REQUEST)
    })?;
    let mut answer = complete(&answer.to_sdp_string()).into_bytes();
    if let Some(change) = device.fault.description {
        change(&mut answer);
    }
    if let Some(change) = device.fault.answer {
        change(&offered, &mut answer);
    }
    let (commands, taken) = mpsc::channel(MOST_COMMANDS);
    let session = session::run(device.clone(), peer, taken);
    Ok(began(device, signalling, answer, commands, session))
}

/// Begins a session, and says where it is.
fn began(
    device: &Device,
    signalling: &Arc<Signalling>,
    answer: Vec<u8>,
    commands: mpsc::Sender<Command>,
    session: impl Future<Output = ()> + Send + 'static,
) -> Answer {
    let id = match device.fault.session_id {
        Some(make) => make(device),
        None => session_id(&device.world),
    };
    signalling.begin(&id, commands, session);
    Answer::of(StatusCode::CREATED)
        .with(LOCATION, format!("/webrtc/{id}"))
        .body(SDP, answer)
}

async fn give_keys(
    device: &Arc<Device>,
    signalling: &Signalling,
    id: &str,
    request: Request,
) -> Result<Answer, Answer> {
    let (viewer, signature) = signed_key(request).await?;
    let commands = signalling.session(id);
    let commands = commands.ok_or(Answer::of(StatusCode::NOT_FOUND))?;
    let is_revoked = |portal: &Arc<Portal>| portal.has_revoked(&viewer);
    let owner = &signalling.app.owner;
    let is_enrolled = match device.fault.enrols {
        Some(enrols) => enrols(owner, &viewer, &signature),
        None => owner.enrolled(&viewer, &signature),
    };
    if !is_enrolled || device.portal.as_ref().is_some_and(is_revoked) {
        return Err(Answer::of(StatusCode::FORBIDDEN));
    }
    let failed = |error: &dyn std::fmt::Display| {
        device.world.log.line(&format!("signalling: keys: {error}"));
        Answer::of(StatusCode::SERVICE_UNAVAILABLE)
    };
    let world = &device.world;
    let suite = device.fault.sframe_suite.unwrap_or(SUITE);
    let mut keys = Vec::new();
    // Every session has keys of its own, so that nothing need be kept for the next:
    // a number only tells them apart (RFC 9605 4.4.1).
    let mut kids = u64::from(device.random_u64() as u32) << KID_BITS..;
    let bases = SENDERS.map(|_| {
        let kid = KeyId::new(kids.next().unwrap_or(u64::MAX));
        SFrameBaseKey::random(suite, kid, &*world.entropy)
    });
    let bases = match device.fault.base_keys {
        Some(take) => take(device, bases),
        None => bases,
    };
    for (base, sender) in bases.iter().zip(SENDERS) {
        let (key, name) = (base.opening(), format!("{id}/{sender}"));
        world.witness.secret(&key.escrow());
        let delivery = deliver(&key, &name, &viewer, &*world.entropy);
        let delivery = delivery.map_err(|_| Answer::of(StatusCode::BAD_REQUEST))?;
        keys.extend(delivery::write(sender, &delivery));
    }
    let seals = Seals::new(bases, &device.fault).map_err(|error| failed(&error))?;
    let sent = commands.send(Command::Keys(Box::new(seals))).await;
    sent.map_err(|_| Answer::of(StatusCode::NOT_FOUND))?;
    let body = json!({ "keys": keys });
    Ok(Answer::of(StatusCode::OK).json(&body))
}

/// A viewer's key, and what is shown as the owner's signature.
async fn signed_key(request: Request) -> Result<(HpkePublicKey, Vec<u8>), Answer> {
    let fields = request.json(LONGEST_KEY).await?;
    let wrong = || Answer::of(StatusCode::BAD_REQUEST);
    let octets = |name| text(&fields, name).and_then(hex::octets).ok_or_else(wrong);
    let (viewer, signature) = (octets("viewer_key")?, octets("signature")?);
    let viewer = viewer.try_into().map(HpkePublicKey).map_err(|_| wrong())?;
    Ok((viewer, signature))
}

/// Takes it from the owner that a viewer watches the portal no more.
async fn revoke(device: &Device, request: Request) -> Result<Answer, Answer> {
    let portal = device.portal.as_ref();
    let portal = portal.ok_or(Answer::of(StatusCode::NOT_FOUND))?;
    let (viewer, signature) = signed_key(request).await?;
    if !portal.access.owner.revoked(&viewer, &signature) {
        return Err(Answer::of(StatusCode::FORBIDDEN));
    }
    portal
        .revoke(viewer, &*device.world.disk)
        .map_err(|error| {
            device
                .world
                .log
                .line(&format!("signalling: revoke: {error}"));
            Answer::of(StatusCode::INSUFFICIENT_STORAGE)
        })?;
    Ok(Answer::of(StatusCode::NO_CONTENT))
}

async fn end(device: &Device, signalling: &Signalling, id: &str) -> Result<Answer, Answer> {
    if device.fault.keeps_ended {
        return Ok(Answer::of(StatusCode::OK));
    }
    let commands = signalling.end(id);
    let commands = commands.ok_or(Answer::of(StatusCode::NOT_FOUND))?;
    let (done, ended) = tokio::sync::oneshot::channel();
    if commands.send(Command::End(done)).await.is_ok() {
        // Whether it says so or is gone, it sends nothing more.
        let _ = ended.await;
    }
    Ok(Answer::of(StatusCode::OK))
}

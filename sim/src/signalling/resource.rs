//! What is asked for over HTTP: `/login`, `/webrtc`, and below that the
//! sessions (in the forms of WHEP, draft-ietf-wish-whep).

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use hyper::{
    Method, StatusCode,
    header::{
        ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER, SERVER,
        WWW_AUTHENTICATE,
    },
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::{LogIn, OfferError, Signalling, offer, session_id};
use crate::{
    camera::Device,
    hex::{self, Hex},
    http::{Answer, Request},
    seal::{
        envelope::{ENCAPSULATED, HEAD, deliver},
        keys::{BearerToken, HpkePublicKey, SFrameBaseKey},
        sframe::{KeyId, Suite},
    },
    webrtc::{Command, Peer, SENDERS, Seals, complete, session},
};

/// Octets of the bodies that are read: user and password; an offer of a browser
/// with some dozen candidates; a key and its signature.
const LONGEST_LOGIN: usize = 1024;
/// See [`LONGEST_LOGIN`].
const LONGEST_OFFER: usize = 32 * 1024;
/// See [`LONGEST_LOGIN`].
const LONGEST_KEY: usize = 1024;
/// Commands that wait for a session.
const MOST_COMMANDS: usize = 4;
/// Bits of a KID that tell the senders of a session apart.
const KID_BITS: u32 = 2;
/// The suite of SFrame.
const SUITE: Suite = Suite::Aes128Gcm;

const SDP: &str = "application/sdp";
const JSON: &str = "application/json";

/// Answers a request.
pub(crate) async fn answer(device: Arc<Device>, request: Request) -> Answer {
    let (method, path) = (request.method().clone(), request.path().to_owned());
    let (Ok(answer) | Err(answer)) = dispatch(&device, &method, &path, request).await;
    // A session's id is nobody's but its viewer's.
    let place = path.split('/').nth(1).unwrap_or_default();
    let place = if matches!(place, "login" | "webrtc") {
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
    let parts = path.split('/').skip(1).collect::<Vec<_>>();
    match (parts.as_slice(), method) {
        (["login"], &Method::POST) => log_in(device, &signalling, request).await,
        (["webrtc"], &Method::POST) => {
            admitted(device, &signalling, &request)?;
            take_offer(device, &signalling, request).await
        }
        (["webrtc", id, "key"], &Method::POST) => {
            admitted(device, &signalling, &request)?;
            give_keys(device, &signalling, id, request).await
        }
        (["webrtc", id], &Method::DELETE) => {
            admitted(device, &signalling, &request)?;
            end(device, &signalling, id).await
        }
        (["login"] | ["webrtc"] | ["webrtc", _, "key"], _) => {
            Err(Answer::of(StatusCode::METHOD_NOT_ALLOWED).with(ALLOW, "POST"))
        }
        (["webrtc", _], _) => Err(Answer::of(StatusCode::METHOD_NOT_ALLOWED).with(ALLOW, "DELETE")),
        _ => Err(Answer::of(StatusCode::NOT_FOUND)),
    }
}

/// RFC 6750 2.1, 3.
fn admitted(device: &Device, signalling: &Signalling, request: &Request) -> Result<(), Answer> {
    if let Some(demands) = device.fault.demands_token
        && !demands(request.method(), request.path())
    {
        return Ok(());
    }
    let shown = request.field(AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    let now = device.world.clock.unix();
    match shown {
        Some(token) if signalling.admits(&BearerToken::shown(token), now) => Ok(()),
        Some(_) => Err(unauthorized("Bearer error=\"invalid_token\"")),
        None => Err(unauthorized("Bearer")),
    }
}

fn unauthorized(challenge: &str) -> Answer {
    Answer::of(StatusCode::UNAUTHORIZED).with(WWW_AUTHENTICATE, challenge)
}

async fn log_in(
    device: &Device,
    signalling: &Signalling,
    request: Request,
) -> Result<Answer, Answer> {
    let fields = json_body(request, LONGEST_LOGIN).await?;
    let (Some(user), Some(password)) = (text(&fields, "user"), text(&fields, "password")) else {
        return Err(Answer::of(StatusCode::BAD_REQUEST));
    };
    let known = &device.settings.credentials;
    let same = |a: &str, b: &str| verify_slices_are_equal(a.as_bytes(), b.as_bytes()).is_ok();
    // Both are looked at, so that it takes as long whichever is wrong.
    let is_right = same(user, &known.user) & same(password, known.password.expose());
    let says = signalling.access.token_lifetime;
    let lifetime = device.fault.token_lifetime.unwrap_or(says);
    match signalling.log_in(&known.user, is_right, lifetime, &device.world) {
        LogIn::Token(token) => {
            let lifetime = says.as_secs();
            let body = json!({"token": token.expose(), "expires_in": lifetime});
            Ok(Answer::of(StatusCode::OK).body(JSON, body.to_string()))
        }
        // Nothing of HTTP's own authentication is meant.
        LogIn::Wrong => Err(unauthorized("Bearer")),
        LogIn::Paused(left) => {
            let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            let answer = Answer::of(StatusCode::TOO_MANY_REQUESTS);
            Err(answer.with(RETRY_AFTER, seconds.to_string()))
        }
    }
}

async fn take_offer(
    device: &Arc<Device>,
    signalling: &Arc<Signalling>,
    request: Request,
) -> Result<Answer, Answer> {
    of_type(&request, SDP)?;
    let mut body = request.body(LONGEST_OFFER).await?;
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
    let offer = offer::read(&body).map_err(|error| {
        device.world.log.line(&format!("signalling: {error}"));
        Answer::of(match error {
            OfferError::Malformed(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::NOT_ACCEPTABLE,
        })
    })?;
    if !signalling.has_room() {
        return Err(Answer::of(StatusCode::SERVICE_UNAVAILABLE));
    }
    let peer = Peer::bind(&device.world, signalling.access.dtls, None, device.fault).await;
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
    let fields = json_body(request, LONGEST_KEY).await?;
    let octets = |name| text(&fields, name).and_then(hex::octets);
    let (Some(viewer), Some(signature)) = (octets("viewer_key"), octets("signature")) else {
        return Err(Answer::of(StatusCode::BAD_REQUEST));
    };
    let viewer = viewer.try_into().map(HpkePublicKey);
    let viewer = viewer.map_err(|_| Answer::of(StatusCode::BAD_REQUEST))?;
    let commands = signalling.session(id);
    let commands = commands.ok_or(Answer::of(StatusCode::NOT_FOUND))?;
    let owner = &signalling.access.owner;
    let is_enrolled = match device.fault.enrols {
        Some(enrols) => enrols(owner, &viewer, &signature),
        None => owner.enrolled(&viewer, &signature),
    };
    if !is_enrolled {
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
        let (enc, sealed) = delivery[HEAD..].split_at(ENCAPSULATED);
        keys.push(json!({
            "sender": sender,
            "suite": suite.to_string(),
            "kid": Hex(&key.id().kid().to_be_bytes()).to_string(),
            "enc": Hex(enc).to_string(),
            "sealed": Hex(sealed).to_string(),
        }));
    }
    let seals = Seals::new(bases, &device.fault).map_err(|error| failed(&error))?;
    let sent = commands.send(Command::Keys(Box::new(seals))).await;
    sent.map_err(|_| Answer::of(StatusCode::NOT_FOUND))?;
    let body = json!({ "keys": keys });
    Ok(Answer::of(StatusCode::OK).body(JSON, body.to_string()))
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

async fn json_body(request: Request, longest: usize) -> Result<Value, Answer> {
    of_type(&request, JSON)?;
    let body = request.body(longest).await?;
    serde_json::from_slice(&body).map_err(|_| Answer::of(StatusCode::BAD_REQUEST))
}

fn text<'a>(fields: &'a Value, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str()
}

fn of_type(request: &Request, expected: &str) -> Result<(), Answer> {
    let media_type = request.field(CONTENT_TYPE).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    match essence.eq_ignore_ascii_case(expected) {
        true => Ok(()),
        false => Err(Answer::of(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
    }
}

//! Who is not logged in where media come over WebRTC, or no more: each step of
//! the way all the same, also in the session of somebody who is.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    rtsp::digest::Credentials,
    seal::keys::{BearerToken, Password},
    viewer::webrtc::{App, AppError, Call, SessionAddress},
    webrtc::DtlsVersions,
};

use super::{
    Diary, Stimulus, Visit, portal,
    webrtc::{SDP, call, hex},
};

/// How long the owner watches before.
const WATCH: Duration = Duration::from_millis(1500);
/// How long media may take to come.
const WAIT: Duration = Duration::from_secs(2);
/// How far behind its end an old token is used.
const LATE: Duration = Duration::from_secs(2);

/// With a token that was good before.
pub const EXPIRED: Stimulus = Stimulus {
    id: "expired-token",
    title: "each step of the way with a token whose time is over",
    webrtc: Some(|visit| Box::pin(diary(expired(visit)))),
    portal: Some(|visit| Box::pin(portal::tokens::expired(visit))),
    ..Stimulus::NOTHING
};

/// In a session that was ended.
pub const ENDED: Stimulus = Stimulus {
    id: "after-log-out",
    title: "what was ended is used again: the session with its keys, the token after log-out",
    webrtc: Some(|visit| Box::pin(diary(ended(visit)))),
    portal: Some(|visit| Box::pin(portal::tokens::after_log_out(visit))),
    ..Stimulus::NOTHING
};

/// Without a token.
pub async fn without(visit: Visit) -> Experience {
    diary(stranger(visit, None)).await
}

/// With a wrong password, then with a token of nobody.
pub async fn wrong(visit: Visit) -> Experience {
    let mut octets = [0; 32];
    visit.world.entropy.fill(&mut octets);
    let token = BearerToken::shown(&hex(&octets));
    diary(stranger(visit, Some(token))).await
}

/// What was done, and why no more.
type Noted = (Diary, Result<(), AppError>);

async fn diary(what: impl Future<Output = Noted>) -> Experience {
    let (diary, done) = what.await;
    diary.finish(done)
}

async fn stranger(visit: Visit, token: Option<BearerToken>) -> Noted {
    let mut diary = Diary::default();
    let done = async {
        let (mut app, session, mut owners) = call(&visit, DtlsVersions::Either).await?;
        owners.watch(WATCH).await?;
        let mut stranger = App::connect(&visit.address, &visit.world).await?;
        if token.is_some() {
            let wrong = Credentials {
                user: visit.credentials.user.clone(),
                password: Password::new("not the password"),
            };
            let let_in = stranger.log_in(&wrong).await.is_ok();
            diary.note(format!("log in with a wrong password, let in: {let_in}"));
        }
        stranger.token = token;
        trespass(&visit, &mut stranger, &session, &mut diary).await?;
        let connected = owners.watch(WATCH).await?;
        diary.note(format!("the owner still watches: {connected}"));
        // Whether or not somebody else ended it.
        let _ = app.end(&session.path).await;
        diary.hang_up(owners).await;
        Ok(())
    };
    let done = done.await;
    (diary, done)
}

async fn expired(visit: Visit) -> Noted {
    let mut diary = Diary::default();
    let done = async {
        let (app, session, mut owners) = call(&visit, DtlsVersions::Either).await?;
        owners.watch(WATCH).await?;
        let lifetime = app.token_lifetime.ok_or(AppError::Answer("log-in"))?;
        owners.watch(lifetime + LATE).await?;
        let mut late = App::connect(&visit.address, &visit.world).await?;
        late.token.clone_from(&app.token);
        trespass(&visit, &mut late, &session, &mut diary).await?;
        diary.hang_up(owners).await;
        Ok(())
    };
    let done = done.await;
    (diary, done)
}

async fn ended(visit: Visit) -> Noted {
    let mut diary = Diary::default();
    let done = async {
        let (mut app, session, mut call) = call(&visit, DtlsVersions::Either).await?;
        call.watch(WATCH).await?;
        app.end(&session.path).await?;
        let keys = visit.ask_for_keys(&mut app, &session.path).await?;
        diary.note(format!("keys of a session that was ended: {}", keys.status));
        let again = app.ask("DELETE", &session.path, None, Vec::new()).await?;
        diary.note(format!("end it again: {}", again.status));
        let connected = call.watch(WAIT).await?;
        diary.note(format!("waited for media, connected: {connected}"));
        diary.hang_up(call).await;
        Ok(())
    };
    let done = done.await;
    (diary, done)
}

/// Each step, and how the device takes it.
async fn trespass(
    visit: &Visit,
    app: &mut App,
    session: &SessionAddress,
    diary: &mut Diary,
) -> Result<(), AppError> {
    let (mut call, offer) = Call::prepare(&visit.world, DtlsVersions::Either).await?;
    let reply = app.post("/webrtc", SDP, offer.into()).await?;
    diary.note(format!("POST /webrtc: {}", reply.status));
    if let (201, Some(path)) = (reply.status, reply.location) {
        let answer = String::from_utf8_lossy(&reply.body).into_owned();
        call.accept(&answer)?;
        let keys = visit.ask_for_keys(app, &path).await?;
        diary.note(format!("POST key: {}", keys.status));
        let connected = call.watch(WAIT).await;
        diary.note(format!("waited for media, connected: {connected:?}"));
    }
    diary.hang_up(call).await;
    let reply = visit.ask_for_keys(app, &session.path).await?;
    diary.note(format!("POST key of the owner's session: {}", reply.status));
    for (method, path) in [
        ("GET", "/webrtc"),
        ("PATCH", &session.path),
        ("DELETE", "/webrtc/00000000000000000000000000000000"),
        ("DELETE", &session.path),
    ] {
        let reply = app.ask(method, path, None, Vec::new()).await?;
        let place = if path == session.path {
            "the owner's session"
        } else {
            path
        };
        diary.note(format!("{method} {place}: {}", reply.status));
    }
    Ok(())
}

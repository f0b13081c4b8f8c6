//! What `honest` does where media come over WebRTC: the owner's app logs in,
//! watches and talks, with each version of DTLS. And what the others there begin
//! with.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    seal::keys::HpkePublicKey,
    viewer::webrtc::{App, AppError, Call, SessionAddress},
    webrtc::DtlsVersions,
};

use super::{Diary, Visit};

/// What is watched: with which version of DTLS, for how long, and for how long
/// somebody talks then. Several key frames' worth first.
const VIEWS: [(DtlsVersions, Duration, Duration); 2] = [
    (
        DtlsVersions::Dtls13,
        Duration::from_secs(3),
        Duration::from_secs(1),
    ),
    (
        DtlsVersions::Dtls12,
        Duration::from_millis(1500),
        Duration::from_millis(500),
    ),
];

pub(super) async fn watch(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    for (versions, watches, talks) in VIEWS {
        diary.note(format!("{versions:?}: {}", visit.address.url));
        if let Err(error) = view(&visit, versions, (watches, talks), &mut diary).await {
            diary.note(format!("failed to {error}"));
        }
    }
    diary.0
}

async fn view(
    visit: &Visit,
    versions: DtlsVersions,
    (watches, talks): (Duration, Duration),
    diary: &mut Diary,
) -> Result<(), AppError> {
    let (mut app, session, mut call) = call(visit, versions).await?;
    let watched = async {
        let connected = call.watch(watches).await? && call.talk(talks, &visit.says).await?;
        diary.note(format!("watched and talked, connected: {connected}"));
        app.end(&session.path).await
    };
    let watched = watched.await;
    diary.hang_up(call).await;
    watched
}

/// A session with keys, whose media begin to come.
pub(super) async fn call(
    visit: &Visit,
    versions: DtlsVersions,
) -> Result<(App, SessionAddress, Call), AppError> {
    let mut app = App::connect(&visit.address, &visit.world).await?;
    app.log_in(&visit.credentials).await?;
    let (mut call, offer) = Call::prepare(&visit.world, versions).await?;
    let session = app.offer(&offer).await?;
    call.accept(&session.answer)?;
    let keys = app.keys(&session.path, &visit.viewer, &visit.owner).await?;
    call.use_keys(&keys)?;
    Ok((app, session, call))
}

/// A session in which an app does something else than its part of DTLS, which is
/// decided beside its offer. It asks for keys, whatever comes of it.
pub(super) async fn call_otherwise(
    visit: &Visit,
    name: &str,
    versions: DtlsVersions,
    change: impl FnOnce(&mut Call, &mut String),
    diary: &mut Diary,
) -> Result<(App, SessionAddress, Call), AppError> {
    let mut app = App::connect(&visit.address, &visit.world).await?;
    app.log_in(&visit.credentials).await?;
    let (mut call, mut offer) = visit.prepare(versions).await?;
    change(&mut call, &mut offer);
    let session = app.offer_to(&visit.offers_at(), &offer).await?;
    call.accept(&session.answer)?;
    let keys = visit.ask_for_keys(&mut app, &session.path).await?;
    diary.note(format!("{name}: keys: {}", keys.status));
    Ok((app, session, call))
}

/// Media types of bodies.
pub(super) const SDP: &str = "application/sdp";
pub(super) const JSON: &str = "application/json";

/// The body with which keys are asked for that viewer.
pub(super) fn key_request(viewer: &HpkePublicKey, signature: &[u8]) -> Vec<u8> {
    let signature = hex(signature);
    format!(r#"{{"viewer_key":"{viewer}","signature":"{signature}"}}"#).into_bytes()
}

/// In hexadecimal.
pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

impl Diary {
    /// Waits for media of a session, and ends it.
    pub(super) async fn await_media(
        &mut self,
        name: &str,
        wait: Duration,
        mut call: Call,
        (app, session): (&mut App, &str),
    ) {
        let connected = call.watch(wait).await;
        self.note(format!(
            "{name}: waited for media, connected: {connected:?}"
        ));
        self.hang_up(call).await;
        // It may be over already.
        let _ = app.end(session).await;
    }

    /// Notes what was received, and closes.
    pub(super) async fn hang_up(&mut self, call: Call) {
        let counts = call.counts();
        let received = call.close().await;
        self.0.access_units += received.units.len() as u64;
        self.0.media_bytes += received.octets;
        self.note(format!(
            "{} packets of sound, refused: {} frames and {} packets, in clear: {}",
            received.sound.len(),
            received.refused,
            counts.refused,
            received.clear
        ));
    }
}

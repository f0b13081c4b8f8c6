//! `unenrolled-viewer`: somebody who is logged in asks for keys for a viewer that
//! the owner did not enrol.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    seal::keys::{HpkeKey, OwnerKey},
    viewer::webrtc::{App, AppError, Call},
    webrtc::DtlsVersions,
};

use super::{
    Diary, Stimulus, Visit, portal,
    webrtc::{JSON, key_request},
};

/// How long media may take to come.
const WAIT: Duration = Duration::from_secs(2);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "unenrolled-viewer",
    title: "keys are asked for a viewer whose key another owner signed, or for another key",
    webrtc: Some(|visit| Box::pin(ask(visit))),
    portal: Some(|visit| Box::pin(portal::unenrolled::intrude(visit))),
    ..Stimulus::NOTHING
};

async fn ask(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    let done = try_ask(&visit, &mut diary).await;
    diary.finish(done)
}

async fn try_ask(visit: &Visit, diary: &mut Diary) -> Result<(), AppError> {
    let mut app = App::connect(&visit.address, &visit.world).await?;
    app.log_in(&visit.credentials).await?;
    let (mut call, offer) = Call::prepare(&visit.world, DtlsVersions::Either).await?;
    let session = app.offer(&offer).await?;
    call.accept(&session.answer)?;
    let ghost = HpkeKey::random(&*visit.world.entropy)?.public();
    let somebody = OwnerKey::random(&*visit.world.entropy)?;
    let path = format!("{}/key", session.path);
    for (whose, signature) in [
        ("another owner's", somebody.enrol(&ghost)),
        ("for another key", visit.owner.enrol(&visit.viewer.public())),
        ("of zeros", vec![0; 64]),
        ("none", Vec::new()),
    ] {
        let reply = app
            .post(&path, JSON, key_request(&ghost, &signature))
            .await?;
        diary.note(format!("keys with a signature {whose}: {}", reply.status));
    }
    let connected = call.watch(WAIT).await?;
    diary.note(format!("waited for media, connected: {connected}"));
    let ended = app.end(&session.path).await;
    diary.hang_up(call).await;
    ended
}

//! `no-consent`: a viewer falls silent without a word, as one does whose network
//! is gone, and leaves its port open.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{viewer::webrtc::AppError, webrtc::DtlsVersions};

use super::{Diary, PortalVisit, Stimulus, Visit, webrtc::call};

/// How long it watches before.
const WATCH: Duration = Duration::from_millis(1500);
/// How long it is silent: longer than consent lasts (RFC 7675 5.1).
const SILENCE: Duration = Duration::from_secs(40);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "no-consent",
    title: "a viewer answers nothing any more, for longer than its consent lasts",
    webrtc: Some(|visit| Box::pin(fall_silent(visit))),
    portal: Some(|visit| Box::pin(fall_silent_there(visit))),
    ..Stimulus::NOTHING
};

async fn fall_silent(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    let done = silence(&visit, &mut diary).await;
    diary.finish(done)
}

async fn silence(visit: &Visit, diary: &mut Diary) -> Result<(), AppError> {
    let (_app, _session, mut call) = call(visit, DtlsVersions::Either).await?;
    let connected = call.watch(WATCH).await?;
    diary.note(format!("watched, connected: {connected}"));
    say_nothing(visit, diary).await;
    diary.hang_up(call).await;
    Ok(())
}

async fn fall_silent_there(visit: PortalVisit) -> Experience {
    let mut diary = Diary::default();
    let done = silence_there(&visit, &mut diary).await;
    diary.finish(done)
}

async fn silence_there(visit: &PortalVisit, diary: &mut Diary) -> Result<(), AppError> {
    let mut portal = visit.log_in().await?;
    let mut watching = visit.watch(&mut portal).await?;
    let connected = watching.watch(WATCH).await?;
    diary.note(format!("watched, connected: {connected}"));
    say_nothing(&visit.first, diary).await;
    diary.leave("who was silent", watching).await;
    Ok(())
}

async fn say_nothing(visit: &Visit, diary: &mut Diary) {
    let clock = &visit.world.clock;
    clock.sleep_until(clock.unix() + SILENCE).await;
    diary.note(format!("was silent for {SILENCE:?}"));
}

//! `another-users-camera`: somebody with an account asks for a camera that is
//! not theirs, and for the session of somebody who watches it.

use lightleak_case::Experience;
use lightleak_sim::viewer::{portal::Portal, webrtc::AppError};

use super::{Diary, GLANCE, PortalVisit, sleep};
use crate::stimulus::Stimulus;

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "another-users-camera",
    title: "a user of the portal asks for somebody else's camera, and for a session there",
    portal: Some(|visit| Box::pin(trespass(visit))),
    ..Stimulus::NOTHING
};

async fn trespass(visit: PortalVisit) -> Experience {
    let mut diary = Diary::default();
    let done = ask(&visit, &mut diary).await;
    diary.finish(done)
}

async fn ask(visit: &PortalVisit, diary: &mut Diary) -> Result<(), AppError> {
    sleep(&visit.first.world, GLANCE).await;
    let mut portal = visit.log_in().await?;
    let mut watching = visit.watch(&mut portal).await?;
    let mut other = Portal::log_in(&visit.first.address, &visit.other, &visit.second.0).await?;
    let (_call, offer) = visit.offer().await?;
    let session = watching.session.path.clone();
    visit
        .every_request(&mut other.app, &offer, &session, diary)
        .await;
    let watched = watching.watch(GLANCE).await?;
    diary.note(format!("who may watch does, connected: {watched}"));
    portal.end(&watching.session).await?;
    diary.leave("a viewer", watching).await;
    Ok(())
}

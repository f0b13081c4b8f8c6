//! `expired-token` and `after-log-out`: a token that was good once.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::viewer::{portal::Portal, webrtc::AppError};

use super::{Diary, GLANCE, PortalVisit, sleep};

pub(in crate::stimulus) async fn expired(visit: PortalVisit) -> Experience {
    let mut diary = Diary::default();
    let done = outlive(&visit, &mut diary).await;
    diary.finish(done)
}

async fn outlive(visit: &PortalVisit, diary: &mut Diary) -> Result<(), AppError> {
    let token = visit.log_in().await?.app.token;
    sleep(
        &visit.first.world,
        visit.token_lifetime + Duration::from_secs(1),
    )
    .await;
    let mut portal = Portal::connect(&visit.first.address, &visit.first.world).await?;
    portal.app.token = token;
    let (_call, offer) = visit.offer().await?;
    let session = format!("/whep/{}/0", visit.first.serial);
    visit
        .every_request(&mut portal.app, &offer, &session, diary)
        .await;
    // Who logs in again is served.
    portal.app.log_in(&visit.first.credentials).await?;
    let mut watching = visit.watch(&mut portal).await?;
    let watched = watching.watch(GLANCE).await?;
    diary.note(format!("watched, connected: {watched}"));
    portal.end(&watching.session).await?;
    diary.leave("a viewer", watching).await;
    Ok(())
}

pub(in crate::stimulus) async fn after_log_out(visit: PortalVisit) -> Experience {
    let mut diary = Diary::default();
    let done = leave(&visit, &mut diary).await;
    diary.finish(done)
}

async fn leave(visit: &PortalVisit, diary: &mut Diary) -> Result<(), AppError> {
    sleep(&visit.first.world, GLANCE).await;
    let mut portal = visit.log_in().await?;
    let mut watching = visit.watch(&mut portal).await?;
    watching.watch(GLANCE).await?;
    let reply = portal.log_out().await;
    diary.reply("POST /logout", reply);
    let goes_on = watching.watch(GLANCE).await?;
    diary.note(format!("still connected after that: {goes_on}"));
    let (_call, offer) = visit.offer().await?;
    let session = watching.session.path.clone();
    visit
        .every_request(&mut portal.app, &offer, &session, diary)
        .await;
    diary.leave("a viewer", watching).await;
    Ok(())
}

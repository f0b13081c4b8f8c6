//! `revoked-viewer`: the owner takes back that a viewer may watch, while it
//! does; another goes on.

use lightleak_case::Experience;
use lightleak_sim::{
    viewer::webrtc::{App, AppError},
    webrtc::DtlsVersions,
};

use super::{Diary, GLANCE, PortalVisit, sleep};
use crate::stimulus::Stimulus;

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "revoked-viewer",
    title: "two watch, the owner revokes one of them at the camera, and both stay",
    portal: Some(|visit| Box::pin(revoke(visit))),
    ..Stimulus::NOTHING
};

async fn revoke(visit: PortalVisit) -> Experience {
    let mut diary = Diary::default();
    let done = watch(&visit, &mut diary).await;
    diary.finish(done)
}

async fn watch(visit: &PortalVisit, diary: &mut Diary) -> Result<(), AppError> {
    sleep(&visit.first.world, GLANCE).await;
    let mut portal = visit.log_in().await?;
    let mut stays = visit.watch(&mut portal).await?;
    let (_, key) = &visit.second;
    let mut second = visit.second().await?;
    let (camera, owner) = (&visit.first.serial, &visit.first.owner);
    let either = DtlsVersions::Either;
    let mut goes = second.watch(camera, either, key, owner).await?;
    let _ = tokio::join!(stays.watch(GLANCE), goes.watch(GLANCE));
    let before = goes.received().units.len();
    diary.note(format!("the one who will be revoked saw {before}"));
    let Some((address, credentials)) = &visit.own else {
        diary.note("the camera itself is not to be asked");
        return Ok(());
    };
    let mut app = App::connect(address, &visit.first.world).await?;
    app.log_in(credentials).await?;
    let signature = owner.revoke(&key.public());
    let reply = app.show("/revoke", &key.public(), &signature).await;
    diary.reply("POST /revoke", reply);
    // Until the grace period is over.
    let _ = tokio::join!(stays.watch(GLANCE * 3), goes.watch(GLANCE * 3));
    let after = goes.received().units.len() - before;
    diary.note(format!(
        "and {after} after that, wrapped for: {}",
        goes.is_wrapped_for
    ));
    let reply = {
        let path = format!("{}/key", goes.session.path);
        let signature = owner.enrol(&key.public());
        second.app.show(&path, &key.public(), &signature).await
    };
    diary.reply("its key once more", reply);
    portal.end(&stays.session).await?;
    diary.leave("who stayed", stays).await;
    diary.leave("who was revoked", goes).await;
    Ok(())
}

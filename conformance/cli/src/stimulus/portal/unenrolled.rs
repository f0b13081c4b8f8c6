//! `unenrolled-viewer`: somebody who is logged in, and whose key no owner
//! signed.

use lightleak_case::Experience;
use lightleak_sim::{seal::keys::OwnerKey, viewer::webrtc::AppError, webrtc::DtlsVersions};

use super::{Diary, GLANCE, PortalVisit, sleep};

pub(in crate::stimulus) async fn intrude(visit: PortalVisit) -> Experience {
    let mut diary = Diary::default();
    let done = watch(&visit, &mut diary).await;
    diary.finish(done)
}

async fn watch(visit: &PortalVisit, diary: &mut Diary) -> Result<(), AppError> {
    sleep(&visit.first.world, GLANCE).await;
    let mut portal = visit.log_in().await?;
    let mut watching = visit.watch(&mut portal).await?;
    let mut second = visit.second().await?;
    let mut intruder = second
        .join(&visit.first.serial, DtlsVersions::Either)
        .await?;
    // A signature that is one, of somebody whom the camera does not know.
    let nobody = OwnerKey::random(&*visit.first.world.entropy)
        .map_err(|_| AppError::Answer("random octets"))?;
    let enrolled = second.enrol(&mut intruder, &visit.second.1, &nobody).await;
    match enrolled {
        Ok(()) => diary.note("keys were wrapped"),
        Err(error) => diary.note(format!("keys: failed to {error}")),
    }
    let _ = tokio::join!(watching.watch(GLANCE), intruder.watch(GLANCE));
    portal.end(&watching.session).await?;
    diary.leave("a viewer", watching).await;
    diary.leave("an intruder", intruder).await;
    Ok(())
}

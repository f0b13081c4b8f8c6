//! `reconnect`: a viewer leaves and comes back, by the same token and the same
//! key.

use lightleak_case::Experience;
use lightleak_sim::viewer::webrtc::AppError;

use super::{Diary, GLANCE, PortalVisit, sleep};

/// How often it comes.
const TIMES: usize = 3;

pub(in crate::stimulus) async fn come_and_go(visit: PortalVisit) -> Experience {
    let mut diary = Diary::default();
    let done = watch(&visit, &mut diary).await;
    diary.finish(done)
}

async fn watch(visit: &PortalVisit, diary: &mut Diary) -> Result<(), AppError> {
    sleep(&visit.first.world, GLANCE).await;
    let mut portal = visit.log_in().await?;
    for _ in 0..TIMES {
        let mut watching = visit.watch(&mut portal).await?;
        let watched = watching.watch(GLANCE).await?;
        diary.note(format!("watched, connected: {watched}"));
        portal.end(&watching.session).await?;
        diary.leave("a viewer", watching).await;
    }
    Ok(())
}

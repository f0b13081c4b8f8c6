//! `active-relay`: two watch through a server that works against them. It sends
//! sealed frames again, holds some back until their epoch has ended, drops and
//! reorders others, and sends pictures of its own in clear.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{relay::attack::FaultyForwarding, viewer::webrtc::AppError};

use super::{Diary, GLANCE, PortalVisit, sleep};
use crate::stimulus::Stimulus;

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "active-relay",
    title: "two watch through a server that sends sealed frames again, drops, reorders and holds back others, and sends pictures of its own in clear",
    forwarding: Some(FaultyForwarding::ALL_OF_MEDIA),
    portal: Some(|visit| Box::pin(watch_both(visit))),
    ..Stimulus::NOTHING
};

/// How long the first watches: until frames of the epoch that ends when the
/// second comes are sent after it is over.
const WATCH: Duration = Duration::from_secs(6);
/// When the second comes, and for how long.
const LATER: Duration = Duration::from_millis(1800);
const JOINED: Duration = Duration::from_millis(2500);

async fn watch_both(visit: PortalVisit) -> Experience {
    let (mut first, mut second) = (Diary::default(), Diary::default());
    sleep(&visit.first.world, GLANCE).await;
    let (watched, joined) = tokio::join!(
        watch(&visit, &mut first),
        visit.join(LATER, JOINED, &mut second)
    );
    first.finish(watched).and(second.finish(joined))
}

async fn watch(visit: &PortalVisit, diary: &mut Diary) -> Result<(), AppError> {
    let mut portal = visit.log_in().await?;
    let mut watching = visit.watch(&mut portal).await?;
    let watched = watching.watch(WATCH).await?;
    diary.note(format!("watched, connected: {watched}"));
    portal.end(&watching.session).await?;
    diary.leave("a viewer", watching).await;
    Ok(())
}

//! What `honest` does there: somebody logs in, looks at the list and watches;
//! somebody else joins and leaves meanwhile; then the first logs out. Once more
//! over DTLS 1.2.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{viewer::webrtc::AppError, webrtc::DtlsVersions};

use super::{Diary, GLANCE, PortalVisit, sleep};

/// How long it is watched: several key frames' worth.
const WATCH: Duration = Duration::from_secs(3);
/// When somebody else joins, and for how long: ICE and DTLS take some of it.
const LATER: Duration = Duration::from_millis(500);
const JOINED: Duration = Duration::from_secs(2);

pub(in crate::stimulus) async fn watch(visit: PortalVisit) -> Experience {
    let mut diary = Diary::default();
    // The camera may have found the relay just now.
    sleep(&visit.first.world, GLANCE).await;
    for versions in [DtlsVersions::Dtls13, DtlsVersions::Dtls12] {
        diary.note(format!("{versions:?}: {}", visit.first.address.url));
        if let Err(error) = view(&visit, versions, WATCH, &mut diary).await {
            diary.note(format!("failed to {error}"));
        }
    }
    diary.0
}

async fn view(
    visit: &PortalVisit,
    versions: DtlsVersions,
    time: Duration,
    diary: &mut Diary,
) -> Result<(), AppError> {
    let mut portal = visit.log_in().await?;
    diary.load_page(&mut portal.app).await;
    let cameras = portal.cameras().await?;
    diary.note(format!("{} cameras", cameras.len()));
    let (viewer, owner) = (&visit.first.viewer, &visit.first.owner);
    let mut watching = portal
        .watch(&visit.first.serial, versions, viewer, owner)
        .await?;
    let mut other = Diary::default();
    let (watched, joined) =
        tokio::join!(watching.watch(time), visit.join(LATER, JOINED, &mut other));
    diary.note(format!("watched, connected: {}", watched?));
    diary.leave("a viewer", watching).await;
    diary.0 = std::mem::take(&mut diary.0).and(other.0);
    joined?;
    let reply = portal.log_out().await;
    diary.reply("POST /logout", reply);
    Ok(())
}

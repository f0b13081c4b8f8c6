//! `honest`: a viewer with the right credentials watches for a while, or the
//! owner reads the memory card.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::rtsp::transport::Transport;

use super::{CardVisit, Diary, Stimulus, Visit, portal, srtp, webrtc};

/// How long it watches: several key frames' worth.
const WATCH: Duration = Duration::from_secs(4);

/// How long the camera records before the card is read: into a second clip.
const RECORD: Duration = Duration::from_secs(15);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "honest",
    title: "who may see the picture does: a viewer watches for a while, an owner reads the card",
    network: Some(|visit| Box::pin(watch(visit))),
    srtp: Some(|visit| Box::pin(srtp::watch(visit))),
    webrtc: Some(|visit| Box::pin(webrtc::watch(visit))),
    portal: Some(|visit| Box::pin(portal::honest::watch(visit))),
    card: Some(|visit| Box::pin(read(visit))),
    ..Stimulus::NOTHING
};

async fn watch(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    let credentials = Some(visit.credentials.clone());
    let Some(mut viewer) = diary
        .connect(&visit.address, credentials, &visit.world)
        .await
    else {
        return diary.0;
    };
    diary.response("OPTIONS", viewer.options().await);
    diary.response("DESCRIBE", viewer.describe().await);
    diary.response(
        "SETUP interleaved",
        viewer.setup(&Transport::interleaved(0)).await,
    );
    diary.response(
        "SETUP sound interleaved",
        viewer.setup_sound(&Transport::interleaved(2)).await,
    );
    if diary.response("PLAY", viewer.play().await) == Some(200) {
        diary.watch(&mut viewer, WATCH).await;
        diary.response("TEARDOWN", viewer.teardown().await);
    }
    diary.close(viewer).await
}

async fn read(visit: CardVisit) -> Experience {
    let clock = &visit.world.clock;
    clock.sleep_until(clock.unix() + RECORD).await;
    Diary::default().read_card(&visit)
}

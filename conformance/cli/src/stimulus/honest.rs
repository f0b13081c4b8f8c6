//! `honest`: a viewer with the right credentials watches for a while.

use std::time::Duration;

use lightleak_sim::rtsp::transport::Transport;

use super::{Diary, Stimulus};

/// How long it watches: several key frames' worth.
const WATCH: Duration = Duration::from_secs(4);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "honest",
    title: "a viewer with the right credentials watches for a while",
    run: |visit| {
        Box::pin(async move {
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
                match viewer.watch(WATCH).await {
                    Ok(connected) => diary.note(format!("watched, connected: {connected}")),
                    Err(error) => diary.note(format!("watch: failed to {error}")),
                }
                diary.response("TEARDOWN", viewer.teardown().await);
            }
            diary.close(viewer).await
        })
    },
};

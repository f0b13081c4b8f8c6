//! `long-keys`: a viewer brings keys of 192 and of 256 bits in counter mode
//! (RFC 6188). ONVIF names neither suite; a device may refuse them.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    seal::srtp::Suite,
    viewer::srtp::{Carriage, SrtpViewer, SrtpViewerError},
};

use super::{Diary, Stimulus, Visit, srtp};

const WATCH: Duration = Duration::from_secs(1);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "long-keys",
    title: "a viewer brings keys of 192 and of 256 bits for counter mode",
    srtp: Some(|visit| Box::pin(bring(visit))),
    ..Stimulus::NOTHING
};

async fn bring(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    for suite in [Suite::AesCm192HmacSha1_80, Suite::AesCm256HmacSha1_80] {
        diary.note(format!("keys of {suite}"));
        let connected = srtp::connect(&visit, &visit.address, &mut diary).await;
        let Some(mut viewer) = connected else {
            continue;
        };
        let watched = watch(&visit, suite, &mut viewer, &mut diary).await;
        srtp::end(watched, viewer, &mut diary).await;
    }
    diary.0
}

async fn watch(
    visit: &Visit,
    suite: Suite,
    viewer: &mut SrtpViewer,
    diary: &mut Diary,
) -> Result<(), SrtpViewerError> {
    viewer.describe().await?;
    let names: Vec<_> = viewer.keys.iter().map(|(name, _)| name.clone()).collect();
    for (name, number) in names.iter().zip(1..) {
        let key = srtp::key(&visit.world, suite, number);
        viewer.setup_track(name, Carriage::Udp, &key, true).await?;
    }
    viewer.play().await?;
    viewer.watch(WATCH).await?;
    viewer.rtsp.teardown().await?;
    diary.note(format!("packets refused: {}", srtp::refused(viewer)));
    Ok(())
}

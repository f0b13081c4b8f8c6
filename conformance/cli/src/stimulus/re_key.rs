//! `re-key`: a viewer brings another key for each track while it watches (ONVIF
//! Streaming 8.2.1.2), after sequence numbers of the simulated camera have
//! wrapped; it asks for the key that is current then, and has the stream pause
//! and go on, so that reports come under the new key as well.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    rtsp::key_management,
    seal::srtp::Suite,
    viewer::srtp::{Carriage, SrtpViewer, SrtpViewerError},
};
use rtsp_types::Method;

use super::{Diary, Stimulus, Visit, roll_over, srtp};

/// How long sequence numbers take to wrap.
const WRAP: Duration = Duration::from_secs(1);
/// How long the viewer watches under another key.
const WATCH: Duration = Duration::from_millis(400);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "re-key",
    title: "a viewer of SRTP brings another key for each track by SET_PARAMETER, after sequence numbers have wrapped",
    begin: Some(roll_over::BEGIN),
    srtp: Some(|visit| Box::pin(change(visit))),
    ..Stimulus::NOTHING
};

/// What is watched: what stands before the presentation in the path of the
/// URL, and the suite that this is.
const FORMS: [(&str, Suite); 2] = [
    ("", Suite::AesCm128HmacSha1_80),
    ("AEAD_AES_128_GCM/", Suite::AeadAes128Gcm),
];

async fn change(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    for (form, suite) in FORMS {
        let address = srtp::with_form(&visit.address, form);
        let Some(mut viewer) = srtp::connect(&visit, &address, &mut diary).await else {
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
    srtp::play(viewer, Carriage::Udp).await?;
    viewer.watch(WRAP).await?;
    let names: Vec<_> = viewer.keys.iter().map(|(name, _)| name.clone()).collect();
    for (at, name) in names.iter().enumerate() {
        // One more than a camera's first, where that counts them.
        let message = srtp::key(&visit.world, suite, at as u8 + 2);
        let body = key_management::parameter(&message);
        let method = Method::SetParameter;
        let answer = viewer.rtsp.parameter(method, name, &body).await;
        if diary.response(&format!("SET_PARAMETER mikey of {name}"), answer) == Some(200) {
            viewer.rekey(at, &message)?;
        }
        viewer.watch(WATCH).await?;
    }
    diary.response("GET_PARAMETER mikey", viewer.rtsp.ask_for_key().await);
    diary.response("PAUSE", viewer.rtsp.pause().await);
    viewer.play().await?;
    viewer.watch(WATCH).await?;
    diary.note(format!("packets refused: {}", srtp::refused(viewer)));
    viewer.teardown().await.map(drop)
}

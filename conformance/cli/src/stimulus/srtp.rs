//! What `honest` does where media are SRTP: a viewer watches the forms of the
//! path one after the other, over UDP and in the RTSP connection. And the keys
//! that viewers bring.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    rtsp::mikey::{Message, Policy},
    seal::{
        keys::{KeyData, SrtpMasterKey},
        srtp::{Mki, Suite},
    },
    viewer::{
        rtsp::Address,
        srtp::{Carriage, SrtpViewer, SrtpViewerError},
    },
    world::World,
};

use super::{Diary, Visit};

/// What is watched: what stands before the presentation in the path of the
/// URL, how media travel, and for how long: several key frames' worth first.
const VIEWS: [(&str, Carriage, Duration); 3] = [
    ("", Carriage::Udp, Duration::from_secs(4)),
    (
        "AEAD_AES_128_GCM/",
        Carriage::Udp,
        Duration::from_millis(1500),
    ),
    (
        "AEAD_AES_256_GCM/",
        Carriage::Interleaved,
        Duration::from_millis(1500),
    ),
];

/// What is watched while sequence numbers wrap.
const WRAPS: [(&str, Carriage, Duration); 2] = [
    ("", Carriage::Udp, Duration::from_secs(2)),
    ("AEAD_AES_128_GCM/", Carriage::Udp, Duration::from_secs(2)),
];

pub(super) async fn watch(visit: Visit) -> Experience {
    watch_all(visit, &VIEWS).await
}

/// The same, from shortly before sequence numbers wrap.
pub(super) async fn watch_wraps(visit: Visit) -> Experience {
    watch_all(visit, &WRAPS).await
}

async fn watch_all(visit: Visit, views: &[(&str, Carriage, Duration)]) -> Experience {
    let mut diary = Diary::default();
    for &(form, carriage, duration) in views {
        let address = with_form(&visit.address, form);
        diary.note(format!("SRTP {carriage:?}: {}", address.url));
        if let Err(error) = view(&visit, &address, carriage, duration, &mut diary).await {
            diary.note(format!("failed to {error}"));
        }
    }
    diary.0
}

async fn view(
    visit: &Visit,
    address: &Address,
    carriage: Carriage,
    duration: Duration,
    diary: &mut Diary,
) -> Result<(), SrtpViewerError> {
    let Some(mut viewer) = connect(visit, address, diary).await else {
        return Ok(());
    };
    let watched = async {
        play(&mut viewer, carriage).await?;
        let connected = viewer.watch(duration).await?;
        let refused = refused(&viewer);
        diary.note(format!(
            "watched, connected: {connected}, refused: {refused}"
        ));
        viewer.teardown().await
    };
    let watched = watched.await;
    diary.end(viewer.rtsp).await;
    watched.map(drop)
}

/// A viewer who has asked for nothing yet, or notes why there is none.
pub(super) async fn connect(
    visit: &Visit,
    address: &Address,
    diary: &mut Diary,
) -> Option<SrtpViewer> {
    let credentials = visit.credentials.clone();
    match SrtpViewer::connect(address, credentials, &visit.world).await {
        Ok(viewer) => Some(viewer),
        Err(error) => {
            diary.note(format!("failed to {error}"));
            None
        }
    }
}

/// Plays every track.
pub(super) async fn play(
    viewer: &mut SrtpViewer,
    carriage: Carriage,
) -> Result<(), SrtpViewerError> {
    viewer.describe().await?;
    viewer.setup(carriage).await?;
    viewer.play().await.map(drop)
}

/// Notes what went wrong, if something did, and what was received.
pub(super) async fn end(
    watched: Result<(), SrtpViewerError>,
    viewer: SrtpViewer,
    diary: &mut Diary,
) {
    if let Err(error) = watched {
        diary.note(format!("failed to {error}"));
    }
    diary.end(viewer.rtsp).await;
}

/// How many packets the viewer could not open.
pub(super) fn refused(viewer: &SrtpViewer) -> usize {
    viewer.tracks.iter().map(|track| track.refused.len()).sum()
}

/// A key that a viewer brings, as ONVIF Streaming 8.2 has it, with that number as
/// its MKI.
pub(super) fn key(world: &World, suite: Suite, number: u8) -> Message {
    let key = SrtpMasterKey::random(suite, &*world.entropy);
    let mki = Mki::new(&[0, 0, 0, number]).ok();
    Message {
        csb_id: 1,
        sessions: Vec::new(),
        timestamp: 0,
        rand: Vec::new(),
        policy: Some(Policy::of(suite)),
        key: match suite.is_aead() {
            true => KeyData::with_salt(&key, mki.as_ref()),
            false => KeyData::joined(&key, mki.as_ref()),
        },
    }
}

/// The address of the same presentation in another form.
pub(super) fn with_form(address: &Address, form: &str) -> Address {
    let (host, presentation) = address.url.rsplit_once('/').unwrap_or((&address.url, ""));
    Address {
        url: format!("{host}/{form}{presentation}"),
        ..address.clone()
    }
}

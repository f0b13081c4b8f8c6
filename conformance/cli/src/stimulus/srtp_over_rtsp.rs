//! `srtp-over-rtsp`: a viewer with the right credentials asks for SRTP and its
//! keys where no TLS protects them, and brings a key of its own there.

use std::net::SocketAddr;

use lightleak_case::Experience;
use lightleak_sim::{rtsp::transport::Transport, seal::srtp::Suite, viewer::rtsp::Address};

use super::{Diary, Stimulus, Visit, srtp};

/// Ports that RTSP is registered for.
const PORTS: [u16; 2] = [554, 8554];

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "srtp-over-rtsp",
    title: "a viewer with the right credentials asks for SRTP and its keys in RTSP without TLS",
    srtp: Some(|visit| Box::pin(ask(visit))),
    ..Stimulus::NOTHING
};

async fn ask(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    let own = visit.address.endpoint;
    let others = PORTS.map(|port| SocketAddr::new(visit.device, port));
    for endpoint in others.into_iter().chain([own]) {
        let path = visit.address.url.rsplit_once('/').map_or("", |(_, p)| p);
        let address = Address {
            endpoint,
            url: format!("rtsp://{endpoint}/{path}"),
            authority: None,
            ..visit.address
        };
        diary.note(format!("RTSP without TLS: {endpoint}"));
        let credentials = Some(visit.credentials.clone());
        let connected = diary.connect(&address, credentials, &visit.world);
        let Some(mut viewer) = connected.await else {
            continue;
        };
        if diary.response("OPTIONS", viewer.options().await).is_some() {
            diary.response("DESCRIBE", viewer.describe().await);
            let offer = Transport::interleaved(0).secured();
            let setup = viewer.setup_track("video", &offer, None).await;
            diary.response("SETUP RTP/SAVP", setup);
            let key = srtp::key(&visit.world, Suite::AesCm128HmacSha1_80, 1);
            let offer = Transport::udp(5000).secured();
            let setup = viewer.setup_track("video", &offer, Some(&key)).await;
            diary.response("SETUP RTP/SAVP with a key", setup);
            let asked = viewer.ask_for_key().await;
            diary.response("GET_PARAMETER mikey", asked);
        }
        diary.end(viewer).await;
    }
    // Where it is protected, the same is answered.
    diary.sound_handshake(&visit).await;
    diary.0
}

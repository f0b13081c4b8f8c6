//! `early-data`: a viewer comes back, resumes its TLS session and sends its
//! first request as 0-RTT data, if a session ticket of the device allows that.

use std::sync::Arc;

use lightleak_case::Experience;
use lightleak_sim::{
    seal::tls::{self, ClientConfig},
    viewer::{
        rtsp::RtspViewer,
        webrtc::{App, AppError},
    },
};

use super::{Diary, Stimulus, Visit};

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "early-data",
    title: "a viewer comes back with a session ticket, and asks in 0-RTT data if it may",
    network: Some(|visit| Box::pin(come_back(visit))),
    webrtc: Some(|visit| Box::pin(come_back(visit))),
    portal: Some(|visit| Box::pin(come_back(visit.first))),
    ..Stimulus::NOTHING
};

async fn come_back(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    let address = &visit.address;
    let authority = address.authority.clone();
    let config = authority.map(|a| tls::client(a, address.versions, &visit.world));
    let config = match config.transpose() {
        Ok(config) => config,
        Err(error) => {
            diary.note(format!("failed to set TLS up: {error}"));
            return diary.0;
        }
    };
    for number in ["first", "second"] {
        let failed = match config.clone() {
            Some(config) if visit.is_over_http() => {
                ask(&visit, config, number, &mut diary).await.err()
            }
            config => describe(&visit, config, number, &mut diary).await.err(),
        };
        if let Some(error) = failed {
            diary.note(format!("{number} visit: failed to {error}"));
        }
    }
    diary.0
}

async fn describe(
    visit: &Visit,
    config: Option<Arc<ClientConfig>>,
    number: &str,
    diary: &mut Diary,
) -> Result<(), AppError> {
    let mut viewer = RtspViewer::connect_with(&visit.address, config, None, &visit.world).await?;
    let what = format!("DESCRIBE without credentials, {number} visit");
    diary.response(&what, viewer.describe().await);
    viewer.close().await;
    Ok(())
}

async fn ask(
    visit: &Visit,
    config: Arc<ClientConfig>,
    number: &str,
    diary: &mut Diary,
) -> Result<(), AppError> {
    let mut app = App::connect_with(&visit.address, config, &visit.world).await?;
    let reply = app.post("/webrtc", "application/sdp", Vec::new()).await?;
    diary.note(format!(
        "POST without a token, {number} visit: {}",
        reply.status
    ));
    Ok(())
}

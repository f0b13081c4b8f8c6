//! `early-data`: a viewer comes back, resumes its TLS session and sends its
//! first request as 0-RTT data, if a session ticket of the device allows that.

use lightleak_sim::{seal::tls, viewer::rtsp::RtspViewer};

use super::{Diary, Stimulus};

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "early-data",
    title: "a viewer comes back with a session ticket, and asks in 0-RTT data if it may",
    network: Some(|visit| {
        Box::pin(async move {
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
            for visit_number in ["first", "second"] {
                let connecting =
                    RtspViewer::connect_with(address, config.clone(), None, &visit.world);
                match connecting.await {
                    Ok(mut viewer) => {
                        let what = format!("DESCRIBE without credentials, {visit_number} visit");
                        diary.response(&what, viewer.describe().await);
                        viewer.close().await;
                    }
                    Err(error) => diary.note(format!("{visit_number} visit: failed to {error}")),
                }
            }
            diary.0
        })
    }),
    srtp: None,
    card: None,
};

//! A debugging port that somebody forgot: whoever connects gets the encoder's
//! output as a byte stream (ITU-T H.264 Annex B).

use tokio::{io::AsyncWriteExt, sync::broadcast::error::RecvError};

use crate::path::Listen;

/// The service.
pub const FAULTY_RAW_VIDEO: Listen = Listen {
    port: 8554,
    scheme: "tcp",
    resource: "",
    serve: |device, mut stream, _, _| {
        Box::pin(async move {
            let mut units = device.live.subscribe();
            device.live.request_key_frame();
            loop {
                match units.recv().await {
                    Ok(unit) => stream.write_all(&unit.annex_b()).await?,
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Ok(()),
                }
            }
        })
    },
};

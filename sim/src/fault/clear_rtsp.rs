//! RTSP without TLS and without a password: what `rtsp.open` listens with.

use crate::{path::Listen, rtsp::server};

/// The service on the port that RTSP is registered for.
pub const LISTEN: Listen = Listen {
    port: 554,
    scheme: "rtsp",
    resource: "main",
    serve: |device, stream, local, peer| {
        Box::pin(async move {
            server::serve(device, stream, local, peer, |_, _| false)
                .await
                .map(drop)
        })
    },
};

//! RTSP without TLS and without a password: what `rtsp.open` listens with.

use crate::{
    path::Listen,
    rtsp::{
        PRESENTATION,
        server::{self, Service},
    },
    seal::Sealed,
    world::ByteStream,
};

/// The service on the port that RTSP is registered for.
pub const FAULTY_CLEAR_RTSP: Listen = Listen {
    port: 554,
    scheme: "rtsp",
    resource: PRESENTATION,
    serve: |device, stream, local, peer| {
        Box::pin(async move {
            let stream = FaultyClear(stream);
            let service = Service {
                demands_credentials: |_, _| false,
                ..Service::AVP
            };
            server::serve(device, stream, local, peer, service)
                .await
                .map(drop)
        })
    },
};

/// The same with the credentials that are asked for over TLS.
pub const FAULTY_CLEAR_DIGEST: Listen = Listen {
    serve: |device, stream, local, peer| {
        Box::pin(async move {
            let stream = FaultyClear(stream);
            server::serve(device, stream, local, peer, Service::AVP)
                .await
                .map(drop)
        })
    },
    ..FAULTY_CLEAR_RTSP
};

/// A stream that nothing seals.
pub(super) struct FaultyClear(pub(super) Box<dyn ByteStream>);

impl Sealed for FaultyClear {
    type Stream = Box<dyn ByteStream>;

    fn into_stream(self) -> Self::Stream {
        self.0
    }
}

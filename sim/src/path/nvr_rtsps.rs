//! `nvr.rtsps`: a network video recorder pulls RTSP over TLS, media
//! interleaved (ONVIF Streaming 5.1.1.4 and 8.1, algorithm NONE).

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
};

use tokio::io::AsyncWriteExt;

use super::{Listen, Served, TransportPath, tls};
use crate::{
    camera::Device,
    claim::{Carriage, EndToEnd, Hop},
    rtsp::{
        PRESENTATION,
        connection::ConnectionError,
        server::{self, Service},
    },
    world::{ByteStream, within},
};

pub use crate::server::HANDSHAKE_TIMEOUT;

/// The path.
pub const PATH: TransportPath = TransportPath {
    id: "nvr.rtsps",
    title: "RTSP over TLS to a video recorder, RTP interleaved, Digest authentication",
    served: Served::Device(Listen {
        port: 322,
        scheme: "rtsps",
        resource: PRESENTATION,
        serve: |device, stream, local, peer| {
            Box::pin(serve(device, stream, local, peer, Service::AVP))
        },
    }),
    carriage: Carriage::RtspInterleaved,
    hop: Hop::Tls,
    end_to_end: EndToEnd::None,
};

/// Serves RTSP over TLS on one connection to its end.
pub(super) async fn serve(
    device: Arc<Device>,
    stream: Box<dyn ByteStream>,
    local: SocketAddr,
    peer: SocketAddr,
    service: Service,
) -> Result<(), ConnectionError> {
    let clock = device.world.clock.clone();
    let Some(stream) = tls::accept(&device, stream).await? else {
        return Ok(());
    };
    let mut stream = server::serve(device.clone(), stream, local, peer, service).await?;
    let end = async {
        if let Some(page) = device.fault.beneath_tls {
            stream.get_mut().0.write_all(&page()).await?;
        }
        stream.shutdown().await
    };
    let end = within(&*clock, HANDSHAKE_TIMEOUT, end).await;
    Ok(end.ok_or(io::Error::from(ErrorKind::TimedOut))??)
}

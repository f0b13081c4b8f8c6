//! `nvr.rtsps`: a network video recorder pulls RTSP over TLS, media
//! interleaved (ONVIF Streaming 5.1.1.4 and 8.1, algorithm NONE).

use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use super::{Listen, TransportPath};
use crate::{
    camera::Device,
    claim::{Carriage, EndToEnd, Hop},
    fault::client_hello,
    rtsp::server,
    seal::tls,
};

/// The path.
pub const PATH: TransportPath = TransportPath {
    id: "nvr.rtsps",
    title: "RTSP over TLS to a video recorder, RTP interleaved, Digest authentication",
    listen: Listen {
        port: 322,
        scheme: "rtsps",
        resource: "main",
        serve: |device, stream, local, peer| {
            Box::pin(async move {
                let Some(stream) = client_hello::intercept(&device.fault, stream).await? else {
                    return Ok(());
                };
                let config = tls::server(&device.settings.identity, &device.world)
                    .map_err(std::io::Error::other)?;
                let stream = TlsAcceptor::from(config).accept(stream).await?;
                let mut stream = server::serve(
                    device.clone(),
                    stream,
                    local,
                    peer,
                    Device::demands_credentials,
                )
                .await?;
                if let Some(page) = device.fault.beneath_tls {
                    stream.get_mut().0.write_all(&page()).await?;
                }
                Ok(stream.shutdown().await?)
            })
        },
    },
    carriage: Carriage::RtspInterleaved,
    hop: Hop::Tls,
    end_to_end: EndToEnd::None,
};

//! `app.webrtc`: the owner's app watches over WebRTC, peer to peer: signalling
//! over HTTPS with a bearer token, DTLS-SRTP, and SFrame from end to end. What
//! the viewer says comes back the same way.

use std::{net::SocketAddr, sync::Arc};

use super::{Listen, Served, TransportPath, tls};
use crate::{
    camera::Device,
    claim::{Carriage, EndToEnd, Hop},
    http::{self, Answer},
    rtsp::connection::ConnectionError,
    signalling::resource,
    world::{BoxFuture, ByteStream},
};

/// The path. A camera has it if it was paired with an owner
/// ([`Settings::app`](crate::camera::Settings::app)).
pub const PATH: TransportPath = TransportPath {
    id: "app.webrtc",
    title: "WebRTC to the owner's app, SFrame inside, talk-back; signalling over HTTPS",
    served: Served::Device(Listen {
        port: 8443,
        scheme: "https",
        resource: "webrtc",
        serve: |device, stream, local, peer| Box::pin(serve(device, stream, local, peer)),
    }),
    carriage: Carriage::Webrtc,
    hop: Hop::DtlsSrtp,
    end_to_end: EndToEnd::Sframe,
};

async fn serve(
    device: Arc<Device>,
    stream: Box<dyn ByteStream>,
    _local: SocketAddr,
    _peer: SocketAddr,
) -> Result<(), ConnectionError> {
    let Some(stream) = tls::accept(&device, stream).await? else {
        return Ok(());
    };
    let clock = device.world.clock.clone();
    let answer = move |request| -> BoxFuture<'static, Answer> {
        Box::pin(resource::answer(device.clone(), request))
    };
    Ok(http::serve(stream, clock, answer).await?)
}

//! The TLS server's side of a connection, for every path that has one.

use std::io;

use tokio_rustls::server::TlsStream;

use crate::{camera::Device, server, world::ByteStream};

/// As [`server::accept`]; the device takes note of a handshake that failed.
pub(super) async fn accept(
    device: &Device,
    stream: Box<dyn ByteStream>,
) -> io::Result<Option<TlsStream<impl ByteStream + use<>>>> {
    let clock = &*device.world.clock;
    let handshake = server::accept(&device.tls, &device.fault, clock, stream).await;
    if handshake.is_err() {
        device.faulty.handshake_failed();
    }
    handshake
}

//! The TLS server's side of a connection, for every path that has one.

use std::{io, time::Duration};

use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    camera::Device,
    fault::client_hello,
    world::{ByteStream, within},
};

/// How long a client may take for the TLS handshake, and for the end.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Shakes hands; none if there is nothing more to say on the connection.
///
/// # Errors
///
/// What the client did wrong, or that it took too long.
pub(super) async fn accept(
    device: &Device,
    stream: Box<dyn ByteStream>,
) -> io::Result<Option<TlsStream<impl ByteStream + use<>>>> {
    let handshake = async {
        let Some(stream) = client_hello::intercept(&device.fault, stream).await? else {
            return Ok(None);
        };
        let acceptor = TlsAcceptor::from(device.tls.clone());
        acceptor.accept(stream).await.map(Some)
    };
    let handshake = within(&*device.world.clock, HANDSHAKE_TIMEOUT, handshake).await;
    let handshake = handshake.unwrap_or(Err(io::ErrorKind::TimedOut.into()));
    if handshake.is_err() {
        device.faulty.handshake_failed();
    }
    handshake
}

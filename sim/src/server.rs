//! The server's side of TCP connections: who is let in, and TLS.

use std::{
    collections::BTreeMap,
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::ServerConfig;
use tokio::task::JoinSet;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    fault::{Fault, client_hello},
    world::{BoxFuture, ByteStream, Clock, World, within},
};

/// How long a client may take for the TLS handshake, and for the end.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a port takes no connection after it failed to.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many connections a port takes at a time: what one of them may hold in
/// memory is limited, so that everything is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// All of them.
    pub(crate) connections: usize,
    /// Those of one address.
    pub(crate) of_one_address: usize,
}

/// Has connections to `port` served by `tasks`, and gives its address. `serve`
/// is told its own address and the client's.
///
/// # Errors
///
/// If the port is not to be had.
pub(crate) async fn listen<E: fmt::Display + 'static>(
    world: &World,
    port: u16,
    room: Room,
    tasks: &mut JoinSet<()>,
    serve: impl Fn(Box<dyn ByteStream>, SocketAddr, SocketAddr) -> BoxFuture<'static, Result<(), E>>
    + Send
    + 'static,
) -> io::Result<SocketAddr> {
    let mut listener = world.net.listen(port).await?;
    let local = listener.local();
    let (clock, log) = (world.clock.clone(), world.log.clone());
    tasks.spawn(async move {
        let present = Present::default();
        let mut connections = JoinSet::new();
        loop {
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                // Such as too many open files: it passes.
                Err(error) => {
                    log.line(&format!("{local}: accept: {error}"));
                    clock.sleep_until(clock.unix() + ACCEPT_PAUSE).await;
                    continue;
                }
            };
            while let Some(ended) = connections.try_join_next() {
                if ended.is_err_and(|error| error.is_panic()) {
                    log.line(&format!("{local}: a connection panicked"));
                }
            }
            let guest = present.enter(peer.ip());
            if connections.len() >= room.connections || guest.number() > room.of_one_address {
                log.line(&format!("{local}: {peer}: one connection too many"));
                continue;
            }
            let (served, log) = (serve(stream, local, peer), log.clone());
            connections.spawn(async move {
                let _guest = guest;
                if let Err(error) = served.await {
                    log.line(&format!("{local}: {peer}: {error}"));
                }
            });
        }
    });
    Ok(local)
}

/// How many connections there are from where.
#[derive(Clone, Default)]
struct Present(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// One of them, for as long as it is there.
struct Guest {
    present: Present,
    address: IpAddr,
}

impl Present {
    fn enter(&self, address: IpAddr) -> Guest {
        self.with(|counts| *counts.entry(address).or_default() += 1);
        Guest {
            present: self.clone(),
            address,
        }
    }

    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<IpAddr, usize>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Guest {
    /// How many come from there, this one included.
    fn number(&self) -> usize {
        let address = &self.address;
        self.present
            .with(|counts| counts.get(address).copied().unwrap_or_default())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.present.with(|counts| {
            if let Some(count) = counts.get_mut(&self.address) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&self.address);
                }
            }
        });
    }
}

/// Shakes hands; none if there is nothing more to say on the connection.
///
/// # Errors
///
/// What the client did wrong, or that it took too long.
pub(crate) async fn accept(
    config: &Arc<ServerConfig>,
    fault: &Fault,
    clock: &dyn Clock,
    stream: Box<dyn ByteStream>,
) -> io::Result<Option<TlsStream<impl ByteStream + use<>>>> {
    let handshake = async {
        let Some(stream) = client_hello::intercept(fault, stream).await? else {
            return Ok(None);
        };
        let acceptor = TlsAcceptor::from(config.clone());
        acceptor.accept(stream).await.map(Some)
    };
    let handshake = within(clock, HANDSHAKE_TIMEOUT, handshake).await;
    handshake.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
}

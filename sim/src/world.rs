//! Everything a camera is handed. It has no other way out.
//!
//! [`Net`], [`Disk`] and [`Log`] are exits and are tapped. [`Witness`] is no exit:
//! it receives, as they are made, the plaintext and the secrets that the judge
//! later compares with what was seen at the exits.

use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use core::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{h264::AccessUnit, record::beside::Document, sound::SoundPacket};

/// A future that a capability hands out.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What one simulated host can touch.
#[derive(Clone)]
pub struct World {
    /// The host's network interface.
    pub net: Arc<dyn Net>,
    /// Its memory card.
    pub disk: Arc<dyn Disk>,
    /// Where its log lines go.
    pub log: Arc<dyn Log>,
    /// Who is told of plaintext and secrets as they are made.
    pub witness: Arc<dyn Witness>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Where keys and nonces come from.
    pub entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

/// A network interface of one host, with one address.
pub trait Net: Send + Sync {
    /// Accepts TCP connections on `port`. An implementation for real sockets
    /// may pick another port; [`Listener::local`] tells which.
    fn listen(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>>;

    /// Opens a TCP connection.
    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn ByteStream>>>;

    /// Binds a UDP socket; port 0 takes a free one.
    fn bind(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Datagrams>>>;
}

/// A listening TCP socket.
pub trait Listener: Send + Sync {
    /// The address it listens on.
    fn local(&self) -> SocketAddr;

    /// The next connection and who opened it.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn ByteStream>, SocketAddr)>>;
}

/// A TCP connection. Dropping it closes it.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> ByteStream for T {}

/// A UDP socket.
pub trait Datagrams: Send + Sync {
    /// The address it is bound to.
    fn local(&self) -> SocketAddr;

    /// Sends `bytes` as datagrams of `segment_size` octets each (the last may
    /// be shorter), so that one call can hand over a whole access unit.
    fn send<'a>(
        &'a self,
        to: SocketAddr,
        bytes: &'a [u8],
        segment_size: usize,
    ) -> BoxFuture<'a, io::Result<()>>;

    /// Receives one datagram into `buffer`: its length and its sender.
    fn recv<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>>;
}

/// A memory card: files in one flat folder, whose names are of ASCII letters,
/// digits, `.`, `-` and `_`. Calls are short, so that nobody has to wait.
pub trait Disk: Send + Sync {
    /// Makes an empty file; one that is there is an error.
    fn create(&self, name: &str) -> io::Result<()>;

    /// Adds octets at the end of a file.
    fn append(&self, name: &str, octets: &[u8]) -> io::Result<()>;

    /// Returns when what was appended will survive a loss of power.
    fn sync(&self, name: &str) -> io::Result<()>;

    /// The whole content of a file.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// The names of all files, sorted.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// Takes log lines.
pub trait Log: Send + Sync {
    /// Records one line.
    fn line(&self, line: &str);
}

/// Receives plaintext and secrets as they are made.
pub trait Witness: Send + Sync {
    /// An access unit that a track produced (the ledger).
    fn access_unit(&self, track: &str, unit: &AccessUnit);

    /// A packet of sound that a track produced (the ledger).
    fn sound(&self, track: &str, packet: &SoundPacket);

    /// A picture or a text that a track produced (the ledger).
    fn document(&self, track: &str, document: &Document);

    /// One line of an NSS key log (the escrow).
    fn secret(&self, line: &str);

    /// A packet of RTP or RTCP (from, to) as one of its ends holds it when the
    /// protection of the hop is off, or not yet on, and that from end to end is
    /// on.
    fn held(&self, _vantage: Held, _from: SocketAddr, _to: SocketAddr, _packet: &[u8]) {}

    /// What a viewer plays next (its address, the track, an access unit as a byte
    /// stream or a packet of sound, now): what leaves it by screen and loudspeaker.
    fn played(&self, _viewer: SocketAddr, _track: &str, _unit: &[u8], _now: Duration) {}
}

/// Who holds something between two protections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// A viewer.
    Peer,
    /// The vendor's server.
    Relay,
}

/// The time of day.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Time since 1970-01-01T00:00:00Z.
    fn unix(&self) -> Duration;

    /// The same moment, for libraries that count from one which nobody knows.
    fn instant(&self) -> Instant;

    /// Waits for that moment; returns at once if it has passed.
    fn sleep_until(&self, unix: Duration) -> BoxFuture<'_, ()>;
}

/// Does `work` for as long as `limit` at most; `None` if that is not enough.
pub async fn within<T>(
    clock: &dyn Clock,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let end = clock.unix() + limit;
    tokio::select! {
        biased;
        done = work => Some(done),
        () = clock.sleep_until(end) => None,
    }
}

/// A source of random octets.
pub trait Entropy: Send + Sync {
    /// Fills `out`.
    fn fill(&self, out: &mut [u8]);
}

//! A network in memory: hosts with addresses, TCP as pipes, UDP as channels,
//! no latency; the tap sees everything. Runs on tokio's paused clock, so that
//! simulated time passes only while everybody waits.

use std::{
    collections::BTreeMap,
    fmt, io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use lightleak_sim::world::{BoxFuture, ByteStream, Clock, Datagrams, Listener, Net};
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf},
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::record::{Side, Tap, TcpFlow};

/// How much one direction of a connection may have in flight, in octets.
const WINDOW: usize = 256 * 1024;

/// How many datagrams wait at a socket before more are lost.
const QUEUE: usize = 4096;

/// First port of those that are chosen for a socket (RFC 6335 6).
const EPHEMERAL: u16 = 49_152;

/// A network. Clones are the same network.
#[derive(Clone)]
pub struct Network(Arc<Mutex<State>>);

struct State {
    tap: Tap,
    listeners: BTreeMap<SocketAddr, mpsc::UnboundedSender<Accepted>>,
    sockets: BTreeMap<SocketAddr, mpsc::Sender<(SocketAddr, Vec<u8>)>>,
    next_port: BTreeMap<IpAddr, u16>,
}

type Accepted = (Box<dyn ByteStream>, SocketAddr);

impl Network {
    /// An empty network with a tap on it.
    pub fn new(tap: Tap) -> Self {
        Self(Arc::new(Mutex::new(State {
            tap,
            listeners: BTreeMap::new(),
            sockets: BTreeMap::new(),
            next_port: BTreeMap::new(),
        })))
    }

    /// The interface of the host with that address.
    pub fn host(&self, address: IpAddr) -> Arc<dyn Net> {
        Arc::new(Host {
            network: self.clone(),
            address,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}

impl State {
    /// A port that the host has not used yet; after the last comes the first.
    fn free_port(&mut self, address: IpAddr) -> SocketAddr {
        let next = self.next_port.entry(address).or_insert(EPHEMERAL);
        let port = *next;
        *next = next.checked_add(1).unwrap_or(EPHEMERAL);
        SocketAddr::new(address, port)
    }
}

struct Host {
    network: Network,
    address: IpAddr,
}

impl Net for Host {
    fn listen(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        let mut state = self.network.state();
        let local = match port {
            0 => state.free_port(self.address),
            port => SocketAddr::new(self.address, port),
        };
        let result = if state.listeners.get(&local).is_some_and(|l| !l.is_closed()) {
            Err(io::ErrorKind::AddrInUse.into())
        } else {
            let (sender, incoming) = mpsc::unbounded_channel();
            state.listeners.insert(local, sender);
            Ok(Box::new(MemoryListener { local, incoming }) as Box<dyn Listener>)
        };
        Box::pin(std::future::ready(result))
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        let mut state = self.network.state();
        let from = state.free_port(self.address);
        let listener = state.listeners.get(&to).filter(|l| !l.is_closed()).cloned();
        let result = match listener {
            None => {
                state.tap.tcp_refused(from, to);
                Err(io::ErrorKind::ConnectionRefused.into())
            }
            Some(listener) => {
                let flow = Arc::new(Mutex::new(state.tap.tcp(from, to)));
                let (near, far) = tokio::io::duplex(WINDOW);
                let near = Tapped {
                    stream: near,
                    flow: flow.clone(),
                    side: Side::Client,
                };
                let far = Tapped {
                    stream: far,
                    flow,
                    side: Side::Server,
                };
                match listener.send((Box::new(far), from)) {
                    Ok(()) => Ok(Box::new(near) as Box<dyn ByteStream>),
                    Err(_) => Err(io::ErrorKind::ConnectionReset.into()),
                }
            }
        };
        Box::pin(std::future::ready(result))
    }

    fn bind(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Datagrams>>> {
        let mut state = self.network.state();
        let local = match port {
            0 => state.free_port(self.address),
            port => SocketAddr::new(self.address, port),
        };
        let result = if state.sockets.get(&local).is_some_and(|s| !s.is_closed()) {
            Err(io::ErrorKind::AddrInUse.into())
        } else {
            let (sender, incoming) = mpsc::channel(QUEUE);
            state.sockets.insert(local, sender);
            let network = self.network.clone();
            let incoming = tokio::sync::Mutex::new(incoming);
            Ok(Box::new(MemoryDatagrams {
                network,
                local,
                incoming,
            }) as Box<dyn Datagrams>)
        };
        Box::pin(std::future::ready(result))
    }
}

struct MemoryListener {
    local: SocketAddr,
    incoming: mpsc::UnboundedReceiver<Accepted>,
}

impl Listener for MemoryListener {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        Box::pin(async {
            self.incoming
                .recv()
                .await
                .ok_or(io::ErrorKind::NotConnected.into())
        })
    }
}

struct MemoryDatagrams {
    network: Network,
    local: SocketAddr,
    incoming: tokio::sync::Mutex<mpsc::Receiver<(SocketAddr, Vec<u8>)>>,
}

impl Datagrams for MemoryDatagrams {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn send<'a>(
        &'a self,
        to: SocketAddr,
        bytes: &'a [u8],
        segment_size: usize,
    ) -> BoxFuture<'a, io::Result<()>> {
        let state = self.network.state();
        for datagram in bytes.chunks(segment_size.max(1)) {
            state.tap.udp(self.local, to, datagram);
            if let Some(socket) = state.sockets.get(&to) {
                // A full queue loses datagrams, as real ones do.
                let _ = socket.try_send((self.local, datagram.to_vec()));
            }
        }
        Box::pin(std::future::ready(Ok(())))
    }

    fn recv<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>> {
        Box::pin(async {
            let (from, datagram) = self
                .incoming
                .lock()
                .await
                .recv()
                .await
                .ok_or(io::ErrorKind::NotConnected)?;
            let length = datagram.len().min(buffer.len());
            buffer[..length].copy_from_slice(&datagram[..length]);
            Ok((length, from))
        })
    }
}

/// One end of a connection; what it sends is recorded.
struct Tapped {
    stream: DuplexStream,
    flow: Arc<Mutex<TcpFlow>>,
    side: Side,
}

impl Tapped {
    fn flow(&self) -> MutexGuard<'_, TcpFlow> {
        self.flow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncRead for Tapped {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Tapped {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Ok(written)) = result {
            self.flow().data(self.side, &buf[..written]);
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flow().finish(self.side);
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for Tapped {
    fn drop(&mut self) {
        self.flow().finish(self.side);
    }
}

/// Simulated time: starts at a fixed moment and passes as tokio's clock does.
#[derive(Debug)]
pub struct VirtualClock {
    start: Instant,
    epoch: Duration,
}

impl VirtualClock {
    /// 2026-01-01T00:00:00Z, now. To be made in a paused runtime.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            epoch: Duration::from_secs(1_767_225_600),
        }
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for VirtualClock {
    fn unix(&self) -> Duration {
        self.epoch + self.start.elapsed()
    }

    fn sleep_until(&self, unix: Duration) -> BoxFuture<'_, ()> {
        Box::pin(sleep_until(self.start + unix.saturating_sub(self.epoch)))
    }
}

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

/// The largest payload of a UDP datagram in IPv4 (RFC 768, RFC 791).
const LARGEST_DATAGRAM: usize = 65_535 - 20 - 8;

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
    /// A port that nobody listens on or is bound to; used ones come again
    /// after all others.
    fn free_port(&mut self, address: IpAddr) -> io::Result<SocketAddr> {
        for _ in EPHEMERAL..=u16::MAX {
            let next = self.next_port.entry(address).or_insert(EPHEMERAL);
            let free = SocketAddr::new(address, *next);
            *next = next.checked_add(1).unwrap_or(EPHEMERAL);
            if !self.listens(free) && !self.is_bound(free) {
                return Ok(free);
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }

    fn listens(&self, local: SocketAddr) -> bool {
        self.listeners.get(&local).is_some_and(|l| !l.is_closed())
    }

    fn is_bound(&self, local: SocketAddr) -> bool {
        self.sockets.get(&local).is_some_and(|s| !s.is_closed())
    }

    fn listen(&mut self, address: IpAddr, port: u16) -> io::Result<Box<dyn Listener>> {
        let local = match port {
            0 => self.free_port(address)?,
            port => SocketAddr::new(address, port),
        };
        if self.listens(local) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (sender, incoming) = mpsc::unbounded_channel();
        self.listeners.insert(local, sender);
        Ok(Box::new(MemoryListener { local, incoming }))
    }

    fn connect(&mut self, from: IpAddr, to: SocketAddr) -> io::Result<Box<dyn ByteStream>> {
        let from = self.free_port(from)?;
        let Some(listener) = self.listeners.get(&to).filter(|l| !l.is_closed()) else {
            self.tap.tcp_refused(from, to);
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        let flow = Arc::new(Mutex::new(self.tap.tcp(from, to)));
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
            Ok(()) => Ok(Box::new(near)),
            Err(_) => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }

    fn bind(
        &mut self,
        network: &Network,
        address: IpAddr,
        port: u16,
    ) -> io::Result<Box<dyn Datagrams>> {
        let local = match port {
            0 => self.free_port(address)?,
            port => SocketAddr::new(address, port),
        };
        if self.is_bound(local) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (sender, incoming) = mpsc::channel(QUEUE);
        self.sockets.insert(local, sender);
        Ok(Box::new(MemoryDatagrams {
            network: network.clone(),
            local,
            incoming: tokio::sync::Mutex::new(incoming),
        }))
    }
}

struct Host {
    network: Network,
    address: IpAddr,
}

impl Net for Host {
    fn listen(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        let result = self.network.state().listen(self.address, port);
        Box::pin(std::future::ready(result))
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        let result = self.network.state().connect(self.address, to);
        Box::pin(std::future::ready(result))
    }

    fn bind(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Datagrams>>> {
        let mut state = self.network.state();
        let result = state.bind(&self.network, self.address, port);
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
        if segment_size.min(bytes.len()) > LARGEST_DATAGRAM {
            return Box::pin(std::future::ready(Err(io::ErrorKind::InvalidInput.into())));
        }
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

    fn instant(&self) -> std::time::Instant {
        Instant::now().into_std()
    }

    fn sleep_until(&self, unix: Duration) -> BoxFuture<'_, ()> {
        Box::pin(sleep_until(self.start + unix.saturating_sub(self.epoch)))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn host() -> Arc<dyn Net> {
        Network::new(Tap::start(Arc::new(VirtualClock::new()), false)).host(HERE)
    }

    #[tokio::test(start_paused = true)]
    async fn a_free_port_is_free_though_others_were_used_before() {
        let host = host();
        let kept = host.bind(0).await.unwrap();
        for _ in 0..40_000 {
            let socket = host.bind(0).await.unwrap();
            assert_ne!(socket.local(), kept.local());
        }
        assert!(host.bind(kept.local().port()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_datagram_that_is_too_long_is_refused() {
        let socket = host().bind(0).await.unwrap();
        let to = SocketAddr::new(HERE, 9);
        let octets = vec![0; 70_000];
        assert!(socket.send(to, &octets, octets.len()).await.is_err());
        assert!(socket.send(to, &octets, LARGEST_DATAGRAM).await.is_ok());
    }
}

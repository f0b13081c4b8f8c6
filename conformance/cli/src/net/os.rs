//! Real sockets and the time of day.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use lightleak_sim::{
    h264::AccessUnit,
    record::beside::Document,
    sound::SoundPacket,
    world::{BoxFuture, ByteStream, Clock, Datagrams, Entropy, Listener, Log, Net, Witness, World},
};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::disk::MemoryDisk;

/// A host of that address with an empty card, of which nobody is told anything.
pub fn world(address: IpAddr) -> World {
    World {
        net: Arc::new(OsNet { address }),
        disk: Arc::new(MemoryDisk::default()),
        log: Arc::new(Nobody),
        witness: Arc::new(Nobody),
        clock: Arc::new(OsClock),
        entropy: Arc::new(OsEntropy),
    }
}

/// The machine's own network, bound to one address. A port that is asked for
/// is a wish: cameras on one machine get free ports.
#[derive(Clone, Copy, Debug)]
pub struct OsNet {
    /// The address to bind to.
    pub address: IpAddr,
}

impl Net for OsNet {
    fn listen(&self, _port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        Box::pin(async {
            let listener = TcpListener::bind((self.address, 0))
                .await
                .map_err(|e| self.name(e))?;
            let local = listener.local_addr()?;
            Ok(Box::new(OsListener { listener, local }) as Box<dyn Listener>)
        })
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect(to).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        })
    }

    fn bind(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Datagrams>>> {
        Box::pin(async move {
            let socket = UdpSocket::bind((self.address, port))
                .await
                .map_err(|e| self.name(e))?;
            let local = socket.local_addr()?;
            Ok(Box::new(OsDatagrams { socket, local }) as Box<dyn Datagrams>)
        })
    }
}

impl OsNet {
    /// The error with the address that it is about.
    fn name(&self, error: io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.address))
    }
}

struct OsListener {
    listener: TcpListener,
    local: SocketAddr,
}

impl Listener for OsListener {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn ByteStream>, SocketAddr)>> {
        Box::pin(async {
            let (stream, peer) = self.listener.accept().await?;
            // It fails where the peer is gone already; whoever reads will see.
            let _ = stream.set_nodelay(true);
            Ok((Box::new(stream) as Box<dyn ByteStream>, peer))
        })
    }
}

struct OsDatagrams {
    socket: UdpSocket,
    local: SocketAddr,
}

impl Datagrams for OsDatagrams {
    fn local(&self) -> SocketAddr {
        self.local
    }

    fn send<'a>(
        &'a self,
        to: SocketAddr,
        bytes: &'a [u8],
        segment_size: usize,
    ) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            for datagram in bytes.chunks(segment_size.max(1)) {
                self.socket.send_to(datagram, to).await?;
            }
            Ok(())
        })
    }

    fn recv<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>> {
        Box::pin(self.socket.recv_from(buffer))
    }
}

/// The time of day.
#[derive(Clone, Copy, Debug)]
pub struct OsClock;

impl Clock for OsClock {
    fn unix(&self) -> Duration {
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
    }

    fn instant(&self) -> Instant {
        Instant::now()
    }

    fn sleep_until(&self, unix: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(unix.saturating_sub(self.unix())))
    }
}

/// The system's random numbers.
#[derive(Clone, Copy, Debug)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, out: &mut [u8]) {
        getrandom::fill(out).expect("the system has random numbers");
    }
}

/// Is told, and keeps nothing.
struct Nobody;

impl Log for Nobody {
    fn line(&self, _line: &str) {}
}

impl Witness for Nobody {
    fn access_unit(&self, _track: &str, _unit: &AccessUnit) {}
    fn sound(&self, _track: &str, _packet: &SoundPacket) {}
    fn document(&self, _track: &str, _document: &Document) {}
    fn secret(&self, _line: &str) {}
}

//! The camera's interface, where datagrams are noted, changed or lost.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use lightleak_sim::world::{BoxFuture, ByteStream, Clock, Datagrams, Listener, Net};

/// A datagram that the camera sent: when, to whom, and what.
pub type Sent = (Duration, SocketAddr, Vec<u8>);

/// What happens to the camera's datagrams.
#[derive(Default)]
pub struct Fate {
    /// What it sent.
    pub sent: Vec<Sent>,
    /// Whether nothing arrives at it any more.
    pub deaf: bool,
    /// Turns a bit of every so many packets of SRTP that it sends.
    pub turns: Option<usize>,
    /// How many were changed.
    pub turned: usize,
}

impl Fate {
    /// Packets of SRTP and SRTCP to that address.
    pub fn srtp(&self) -> impl Iterator<Item = &Sent> {
        let sent = self.sent.iter();
        sent.filter(|(_, _, octets)| (128..192).contains(&octets[0]))
    }
}

/// The camera's interface.
pub struct Wire {
    pub net: Arc<dyn Net>,
    pub clock: Arc<dyn Clock>,
    pub fate: Arc<Mutex<Fate>>,
}

impl Net for Wire {
    fn listen(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Listener>>> {
        self.net.listen(port)
    }

    fn connect(&self, to: SocketAddr) -> BoxFuture<'_, io::Result<Box<dyn ByteStream>>> {
        self.net.connect(to)
    }

    fn bind(&self, port: u16) -> BoxFuture<'_, io::Result<Box<dyn Datagrams>>> {
        Box::pin(async move {
            Ok(Box::new(Socket {
                socket: self.net.bind(port).await?,
                clock: self.clock.clone(),
                fate: self.fate.clone(),
            }) as Box<dyn Datagrams>)
        })
    }
}

struct Socket {
    socket: Box<dyn Datagrams>,
    clock: Arc<dyn Clock>,
    fate: Arc<Mutex<Fate>>,
}

impl Datagrams for Socket {
    fn local(&self) -> SocketAddr {
        self.socket.local()
    }

    fn send<'a>(
        &'a self,
        to: SocketAddr,
        bytes: &'a [u8],
        segment_size: usize,
    ) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move {
            for datagram in bytes.chunks(segment_size) {
                let mut datagram = datagram.to_vec();
                {
                    let mut fate = self.fate.lock().unwrap();
                    let before = fate.srtp().count();
                    fate.sent.push((self.clock.unix(), to, datagram.clone()));
                    let is_next = fate.srtp().count() > before;
                    if let Some(turns) = fate.turns
                        && is_next
                        && before.is_multiple_of(turns)
                    {
                        let middle = datagram.len() / 2;
                        datagram[middle] ^= 1;
                        fate.turned += 1;
                    }
                }
                self.socket.send(to, &datagram, datagram.len()).await?;
            }
            Ok(())
        })
    }

    fn recv<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>> {
        Box::pin(async move {
            loop {
                let received = self.socket.recv(&mut *buffer).await?;
                if !self.fate.lock().unwrap().deaf {
                    return Ok(received);
                }
            }
        })
    }
}

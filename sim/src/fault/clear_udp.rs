//! RTP over UDP as it is. Only a faulty camera accepts this transport.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use crate::{
    rtp::Packets,
    rtsp::transport::Transport,
    world::{Datagrams, World},
};

/// Where multicast goes (RFC 2365 6.1: the scope of a site).
const GROUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 255, 0, 1)), 5004);

/// A UDP socket and where clear RTP goes from it.
pub struct FaultyUdp {
    socket: Box<dyn Datagrams>,
    to: SocketAddr,
}

impl FaultyUdp {
    /// Opens a socket for what the client at `peer` offered, and says how
    /// SETUP answers.
    pub async fn open(
        world: &World,
        peer: IpAddr,
        offer: &Transport,
    ) -> io::Result<(Self, Transport)> {
        if offer.multicast {
            let socket = world.net.bind(0).await?;
            let transport = Transport::multicast(Some(GROUP));
            return Ok((Self { socket, to: GROUP }, transport));
        }
        let (rtp, _) = offer.client_port.ok_or(io::ErrorKind::InvalidInput)?;
        let socket = world.net.bind(0).await?;
        let server_port = socket.local().port();
        let transport = Transport {
            server_port: Some((server_port, server_port.saturating_add(1))),
            ..Transport::udp(rtp)
        };
        Ok((
            Self {
                socket,
                to: SocketAddr::new(peer, rtp),
            },
            transport,
        ))
    }

    /// Sends every packet as a datagram. UDP loses what it loses.
    pub async fn send(&self, packets: &Packets) {
        for packet in packets.iter() {
            let _ = self.socket.send(self.to, packet, packet.len()).await;
        }
    }
}

//! The UDP sockets of a track: one for RTP, one for RTCP, and where the
//! client's are (RFC 2326 12.39, RFC 3550 11).

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use super::transport::Transport;
use crate::{
    rtp::Packets,
    world::{Datagrams, Net},
};

/// How often an even port with a free one behind it is looked for.
const ATTEMPTS: usize = 16;

/// The longest datagram that is read.
const LONGEST: usize = 2048;

/// A pair of sockets.
pub(super) struct UdpPair {
    rtp: Box<dyn Datagrams>,
    rtcp: Box<dyn Datagrams>,
    to_rtp: SocketAddr,
    to_rtcp: SocketAddr,
}

impl UdpPair {
    /// Opens sockets for what the client at `peer` offered; says how SETUP
    /// answers. Wherever the offer would have media sent, they go to the
    /// client.
    pub(super) async fn open(
        net: &dyn Net,
        peer: IpAddr,
        offer: &Transport,
    ) -> io::Result<(Self, Transport)> {
        let client_port = offer.client_port.ok_or(io::ErrorKind::InvalidInput)?;
        let (rtp, rtcp) = pair(net).await?;
        let transport = Transport {
            protocol: offer.protocol.clone(),
            server_port: Some((rtp.local().port(), rtcp.local().port())),
            client_port: Some(client_port),
            ..Transport::udp(client_port.0)
        };
        let sockets = Self {
            rtp,
            rtcp,
            to_rtp: SocketAddr::new(peer, client_port.0),
            to_rtcp: SocketAddr::new(peer, client_port.1),
        };
        Ok((sockets, transport))
    }

    /// Sends every packet as a datagram, and a report if there is one. UDP
    /// loses what it loses.
    pub(super) async fn send(&self, packets: &Packets, report: &[u8]) {
        for (octets, size) in packets.runs() {
            let _ = self.rtp.send(self.to_rtp, octets, size).await;
        }
        if !report.is_empty() {
            let _ = self.rtcp.send(self.to_rtcp, report, report.len()).await;
        }
    }

    /// The next datagram for RTCP from the client's host. May be dropped at
    /// any await.
    pub(super) async fn receive(&self) -> Vec<u8> {
        loop {
            let mut datagram = vec![0; LONGEST];
            match self.rtcp.recv(&mut datagram).await {
                Ok((length, from)) if from.ip() == self.to_rtcp.ip() => {
                    datagram.truncate(length);
                    return datagram;
                }
                Ok(_) => {}
                // Such as that nobody listens where a report went.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }
}

/// An even port for RTP and the next one for RTCP; two others if there is no
/// such pair.
async fn pair(net: &dyn Net) -> io::Result<(Box<dyn Datagrams>, Box<dyn Datagrams>)> {
    let mut kept = Vec::new();
    for _ in 0..ATTEMPTS {
        let rtp = net.bind(0).await?;
        let port = rtp.local().port();
        if port.is_multiple_of(2)
            && let Ok(rtcp) = net.bind(port + 1).await
        {
            return Ok((rtp, rtcp));
        }
        // Not given back at once, so that the next one is another.
        kept.push(rtp);
    }
    Ok((net.bind(0).await?, net.bind(0).await?))
}

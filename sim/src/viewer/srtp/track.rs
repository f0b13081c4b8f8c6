//! A track that a viewer receives.

use std::{future::poll_fn, net::SocketAddr, task::Poll};

use crate::{
    rtp::Packets,
    seal::srtp::{Receiver, Sender, SrtpError},
    viewer::rtsp::Media,
    world::Datagrams,
};

/// The longest datagram that is read.
const LONGEST: usize = 2048;

/// A track that was set up.
pub struct Track {
    /// SSRC of what the camera sends.
    pub ssrc: u32,
    /// SSRC of the viewer's RTCP.
    pub own_ssrc: u32,
    /// Where it seals RTCP.
    pub sender: Sender,
    pub(super) receiver: Receiver,
    pub(super) way: Way,
    /// Packets that were opened, as RTP, in order.
    pub packets: Vec<Vec<u8>>,
    /// RTCP packets that were opened.
    pub reports: u64,
    /// Packets that were refused, by reason.
    pub refused: Vec<SrtpError>,
}

/// How it comes, and how RTCP goes.
pub(super) enum Way {
    Udp {
        rtp: Box<dyn Datagrams>,
        rtcp: Box<dyn Datagrams>,
        to_rtcp: SocketAddr,
    },
    Interleaved {
        rtp: u8,
        rtcp: u8,
    },
}

impl Track {
    /// With the SSRC of the camera, then that of the viewer.
    pub(super) fn new(
        [ssrc, own_ssrc]: [u32; 2],
        sender: Sender,
        receiver: Receiver,
        way: Way,
    ) -> Self {
        Self {
            ssrc,
            own_ssrc,
            sender,
            receiver,
            way,
            packets: Vec::new(),
            reports: 0,
            refused: Vec::new(),
        }
    }

    /// Opens a packet and counts it, or notes why it is refused.
    pub(super) fn take(&mut self, is_rtcp: bool, mut octets: Vec<u8>, media: &mut Media) {
        if is_rtcp {
            match self.receiver.open_rtcp(&mut octets) {
                Ok(_) => {
                    self.reports += 1;
                    media.reports += 1;
                    media.octets += octets.len() as u64;
                }
                Err(error) => self.refused.push(error),
            }
            return;
        }
        let mut packets = Packets::new();
        packets.push(&octets);
        match self.receiver.open(&mut packets) {
            [Ok(_)] => {}
            [Err(error)] => return self.refused.push(*error),
            _ => return,
        }
        for packet in packets.iter() {
            media.octets += packet.len() as u64;
            media.access_units += u64::from(packet[1] & 0x80 != 0);
            self.packets.push(packet.to_vec());
        }
    }
}

/// The next datagram: of which track, whether it is RTCP, and its octets.
pub(super) async fn datagram(tracks: &[Track]) -> (usize, bool, Vec<u8>) {
    let mut sockets = Vec::new();
    for (at, track) in tracks.iter().enumerate() {
        if let Way::Udp { rtp, rtcp, .. } = &track.way {
            for (is_rtcp, socket) in [(false, rtp), (true, rtcp)] {
                sockets.push(Box::pin(async move {
                    let mut octets = vec![0; LONGEST];
                    match socket.recv(&mut octets).await {
                        Ok((length, _)) => octets.truncate(length),
                        Err(_) => octets.clear(),
                    }
                    (at, is_rtcp, octets)
                }));
            }
        }
    }
    poll_fn(|cx| {
        let ready = sockets
            .iter_mut()
            .find_map(|socket| match socket.as_mut().poll(cx) {
                Poll::Ready(taken) => Some(taken),
                Poll::Pending => None,
            });
        match ready {
            Some(taken) => Poll::Ready(taken),
            None => Poll::Pending,
        }
    })
    .await
}

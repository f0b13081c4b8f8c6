//! Another host on the same network, with nothing to hide and no picture:
//! random octets in the form of RTP and RTSP.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;

use crate::world::{Entropy, World};

/// How much it says: packets of each kind.
const PACKETS: u16 = 200;

/// Talks to `peer` for a while: RTP look-alikes in UDP (H.264 NAL unit headers
/// over random octets, in sequence), and an RTSP dialogue with interleaved
/// random frames if somebody accepts the connection.
pub async fn talk(world: World, peer: SocketAddr) {
    if let Ok(socket) = world.net.bind(0).await {
        for sequence in 0..PACKETS {
            let packet = lookalike(sequence, &*world.entropy);
            let _ = socket.send(peer, &packet, packet.len()).await;
        }
    }
    let Ok(mut stream) = world.net.connect(peer).await else {
        return;
    };
    let mut octets = b"DESCRIBE rtsp://192.0.2.99/ RTSP/1.0\r\nCSeq: 1\r\n\r\n".to_vec();
    for sequence in 0..PACKETS {
        let packet = lookalike(sequence, &*world.entropy);
        octets.extend_from_slice(&[b'$', 0]);
        octets.extend_from_slice(&(packet.len() as u16).to_be_bytes());
        octets.extend_from_slice(&packet);
    }
    let _ = stream.write_all(&octets).await;
}

/// Takes whatever a neighbour says.
pub async fn listen(world: World, port: u16) {
    let Ok(socket) = world.net.bind(port).await else {
        return;
    };
    let Ok(mut listener) = world.net.listen(port).await else {
        return;
    };
    let mut datagram = [0; 2048];
    loop {
        tokio::select! {
            received = socket.recv(&mut datagram) => {
                if received.is_err() {
                    return;
                }
            }
            accepted = listener.accept() => {
                let Ok((mut stream, _)) = accepted else { return };
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            }
        }
    }
}

/// An RTP header in sequence and a NAL unit header that fits, then chance.
fn lookalike(sequence: u16, entropy: &dyn Entropy) -> Vec<u8> {
    let mut packet = vec![0; 900];
    entropy.fill(&mut packet);
    packet[0] = 0x80;
    packet[1] = 96 | if sequence % 4 == 3 { 0x80 } else { 0 };
    packet[2..4].copy_from_slice(&sequence.to_be_bytes());
    packet[4..8].copy_from_slice(&(u32::from(sequence / 4) * 6000).to_be_bytes());
    packet[8..12].copy_from_slice(&[0x1e, 0xaf, 0x00, 0x0d]);
    packet[12] = if sequence == 0 { 0x65 } else { 0x41 };
    packet
}

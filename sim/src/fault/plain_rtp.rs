//! Media without DTLS: an offer that leaves it out is answered all the same, and
//! the picture is sent as RTP in clear; or a key frame is, while DTLS has not begun.

use std::{net::SocketAddr, sync::Arc};

use tokio::sync::broadcast::error::RecvError;

use crate::{
    camera::Device,
    h264::AccessUnit,
    rtp::{Packetizer, PacketizerConfig, Packets, RtpError},
    webrtc::VIDEO,
    world::{BoxFuture, Datagrams},
};

/// Octets of the longest packet.
const MAX_PACKET: usize = 1184;
/// Ticks per second of the RTP clock of video (RFC 6184 8.2.1).
const CLOCK_RATE: u32 = 90_000;
/// The profile that has no protection.
const PLAIN: &str = "RTP/AVPF";

/// A session of that kind: its answer, and what sends.
type PlainSession = Option<(Vec<u8>, BoxFuture<'static, ()>)>;

/// Takes offers of `RTP/AVPF`.
pub fn faulty_downgrade(device: Arc<Device>, offer: Vec<u8>) -> BoxFuture<'static, PlainSession> {
    let offer = String::from_utf8_lossy(&offer).into_owned();
    let wanted = offer.contains(&format!(" {PLAIN} "));
    Box::pin(begin(device, offer, wanted))
}

/// Takes offers that say nothing of a key, whatever profile they name.
pub fn faulty_fallback(device: Arc<Device>, offer: Vec<u8>) -> BoxFuture<'static, PlainSession> {
    let offer = String::from_utf8_lossy(&offer).into_owned();
    let keyed = ["a=fingerprint:", "a=crypto:"];
    let wanted = !offer.contains(&format!(" {PLAIN} ")) && !keyed.iter().any(|k| offer.contains(k));
    Box::pin(begin(device, offer, wanted))
}

async fn begin(device: Arc<Device>, offer: String, wanted: bool) -> PlainSession {
    if !wanted {
        return None;
    }
    let to = candidate(&offer)?;
    let video = offer.lines().find(|line| line.starts_with("m=video "))?;
    let profile = video.split(' ').nth(2)?;
    let socket = device.world.net.bind(0).await.ok()?;
    let (host, port) = (socket.local().ip(), socket.local().port());
    let answer = format!(
        "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nt=0 0\r\n\
         m=video {port} {profile} {VIDEO}\r\nc=IN IP4 {host}\r\na=rtpmap:{VIDEO} H264/90000\r\n\
         a=fmtp:{VIDEO} packetization-mode=1\r\na=sendonly\r\n\
         a=candidate:1 1 udp 2130706431 {host} {port} typ host\r\n"
    );
    Some((answer.into_bytes(), Box::pin(send(device, socket, to))))
}

/// The first address of the offer.
fn candidate(offer: &str) -> Option<SocketAddr> {
    let line = offer
        .lines()
        .find_map(|line| line.strip_prefix("a=candidate:"))?;
    let mut words = line.split(' ').skip(4);
    let (host, port) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(SocketAddr::new(host, port))
}

/// An access unit as RTP in clear.
pub fn faulty_early_answer(unit: &AccessUnit) -> Packets {
    const SSRC: u32 = 0x0ea1_7000;
    let mut packets = Packets::new();
    if let Ok(mut packetizer) = packetizer(SSRC) {
        packetizer.packetize(unit, &mut packets);
    }
    packets
}

fn packetizer(ssrc: u32) -> Result<Packetizer, RtpError> {
    Packetizer::new(PacketizerConfig {
        payload_type: VIDEO,
        ssrc,
        first_sequence: 0,
        clock_rate: CLOCK_RATE,
        time_offset: 0,
        max_packet: MAX_PACKET,
    })
}

async fn send(device: Arc<Device>, socket: Box<dyn Datagrams>, to: SocketAddr) {
    let Ok(mut packetizer) = packetizer(device.random_u64() as u32) else {
        return;
    };
    let (mut units, mut packets) = (device.live.subscribe(), Packets::new());
    device.live.request_key_frame();
    loop {
        match units.recv().await {
            Ok(unit) => {
                packetizer.packetize(&unit, &mut packets);
                for packet in packets.iter() {
                    // UDP loses what it loses.
                    let _ = socket.send(to, packet, packet.len()).await;
                }
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

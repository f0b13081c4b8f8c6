//! The RTSP server of a camera (RFC 2326): one connection, at most one
//! session with one video track, media interleaved.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rtsp_types::{
    HeaderName, Method, Request, Response, StatusCode, Version,
    headers::{
        AUTHORIZATION, CONTENT_BASE, CONTENT_TYPE, CSEQ, PUBLIC, RTP_INFO, SESSION, TRANSPORT,
        WWW_AUTHENTICATE,
    },
};
use tokio::sync::broadcast::{self, error::RecvError};

use super::{
    connection::{Connection, ConnectionError, Incoming},
    digest::Guard,
    sdp,
    transport::Transport,
};
use crate::{
    camera::Device,
    fault::clear_udp::FaultyUdp,
    h264::AccessUnit,
    rtp::{Packetizer, PacketizerConfig, Packets},
    world::ByteStream,
};

/// How long a session lives without a sign of life of its client (RFC 2326 12.37).
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a sender report goes out (RFC 3550 6.2).
pub const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// The longest RTP packet, in octets.
pub const RTP_MTU: usize = 1400;

/// Serves one connection until its client leaves, its session times out or
/// the connection breaks; gives the stream back. `demands_credentials` says
/// which methods need them.
pub async fn serve<S: ByteStream>(
    device: Arc<Device>,
    stream: S,
    local: SocketAddr,
    peer: SocketAddr,
    demands_credentials: fn(&Device, &Method) -> bool,
) -> Result<S, ConnectionError> {
    let mut connection = Connection::new(stream);
    let guard = Guard::new(&*device.world.entropy);
    let last_heard = device.world.clock.unix();
    let mut server = Server {
        device: device.clone(),
        local,
        peer,
        demands_credentials,
        guard,
        session: None,
        last_heard,
        over: false,
    };
    while !server.over {
        let deadline = server.last_heard + SESSION_TIMEOUT;
        tokio::select! {
            incoming = connection.next() => match incoming? {
                Some(Incoming::Request(request)) => {
                    let response = server.answer(&request).await;
                    connection.respond(&response).await?;
                }
                // RTCP of the client, or an answer to nothing: a sign of life.
                Some(Incoming::Frame(_) | Incoming::Response(_)) => server.heard(),
                None => break,
            },
            media = server.media() => connection.send(&media).await?,
            () = device.world.clock.sleep_until(deadline) => {
                device.world.log.line(&format!("rtsp: {peer} timed out"));
                break;
            }
        }
    }
    Ok(connection.into_stream())
}

struct Server {
    device: Arc<Device>,
    local: SocketAddr,
    peer: SocketAddr,
    demands_credentials: fn(&Device, &Method) -> bool,
    guard: Guard,
    session: Option<Session>,
    last_heard: Duration,
    over: bool,
}

struct Session {
    id: String,
    carrier: Carrier,
    packetizer: Packetizer,
    packets: Packets,
    playing: Option<Playing>,
}

/// What carries the media.
enum Carrier {
    /// The RTSP connection: channel of RTP.
    Interleaved(u8),
    /// No honest camera does this.
    Faulty(FaultyUdp),
}

struct Playing {
    units: broadcast::Receiver<Arc<AccessUnit>>,
    /// A viewer starts at a key frame, and again after it lost one.
    awaits_key_frame: bool,
    next_report: Duration,
}

impl Server {
    fn heard(&mut self) {
        self.last_heard = self.device.world.clock.unix();
    }

    async fn answer(&mut self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        self.heard();
        let method = request.method();
        let result =
            if (self.demands_credentials)(&self.device, method) && !self.is_admitted(request) {
                let challenge = self.guard.challenge();
                Err((
                    StatusCode::Unauthorized,
                    vec![(WWW_AUTHENTICATE, challenge)],
                ))
            } else {
                match method {
                    Method::Options => Ok(options()),
                    Method::Describe => Ok(self.describe(request).await),
                    Method::Setup => self.setup(request).await,
                    Method::Play => self.play(request),
                    Method::Teardown => self.teardown(request),
                    _ => Err((StatusCode::MethodNotAllowed, Vec::new())),
                }
            };
        let (status, headers, body) = match result {
            Ok((headers, body)) => (StatusCode::Ok, headers, body),
            Err((status, headers)) => (status, headers, Vec::new()),
        };
        self.device.world.log.line(&format!(
            "rtsp: {} {} {}",
            self.peer,
            <&str>::from(method),
            u16::from(status)
        ));
        let mut response = Response::builder(Version::V1_0, status);
        if let Some(sequence) = request.header(&CSEQ) {
            response = response.header(CSEQ, sequence.as_str());
        }
        for (name, value) in headers {
            response = response.header(name, value);
        }
        response.build(body)
    }

    fn is_admitted(&self, request: &Request<Vec<u8>>) -> bool {
        request.header(&AUTHORIZATION).is_some_and(|header| {
            self.guard.admits(
                header.as_str(),
                request.method().into(),
                &self.device.settings.credentials,
            )
        })
    }

    async fn describe(&self, request: &Request<Vec<u8>>) -> Answer {
        let key_frame = self.device.live.key_frame().await;
        let body = sdp::describe(
            self.local.ip(),
            &self.device.settings.name,
            &key_frame.nal_units,
        );
        let base = request
            .request_uri()
            .map(ToString::to_string)
            .unwrap_or_default();
        let base = format!("{}/", base.trim_end_matches('/'));
        (
            vec![
                (CONTENT_BASE, base),
                (CONTENT_TYPE, "application/sdp".into()),
            ],
            body,
        )
    }

    async fn setup(&mut self, request: &Request<Vec<u8>>) -> Result<Answer, Refusal> {
        let named = request.header(&SESSION).map(|h| session_id(h.as_str()));
        if named.is_some() && named != self.session.as_ref().map(|s| s.id.as_str()) {
            return Err((StatusCode::SessionNotFound, Vec::new()));
        }
        if self.session.as_ref().is_some_and(|s| s.playing.is_some()) {
            return Err((StatusCode::MethodNotValidInThisState, Vec::new()));
        }
        let offers = request
            .header(&TRANSPORT)
            .map(|h| Transport::parse(h.as_str()))
            .unwrap_or_default();
        let Some(offer) = offers.iter().find(|o| self.device.accepts_transport(o)) else {
            return Err((StatusCode::UnsupportedTransport, Vec::new()));
        };
        let (carrier, transport) = if offer.is_interleaved() {
            let channel = offer.interleaved.map_or(0, |(rtp, _)| rtp);
            (
                Carrier::Interleaved(channel),
                Transport::interleaved(channel),
            )
        } else {
            FaultyUdp::open(&self.device.world, self.peer.ip(), offer)
                .await
                .map(|(udp, transport)| (Carrier::Faulty(udp), transport))
                .map_err(|_| (StatusCode::UnsupportedTransport, Vec::new()))?
        };
        let id = match self.session.take() {
            Some(session) => session.id,
            None => format!("{:016x}", self.device.random_u64()),
        };
        let random = self.device.random_u64();
        let packetizer = Packetizer::new(PacketizerConfig {
            payload_type: sdp::PAYLOAD_TYPE,
            ssrc: self.device.random_u64() as u32,
            first_sequence: random as u16,
            time_offset: (random >> 32) as u32,
            max_packet: RTP_MTU,
        })
        .map_err(|_| (StatusCode::InternalServerError, Vec::new()))?;
        let answer = vec![
            (
                SESSION,
                format!("{id};timeout={}", SESSION_TIMEOUT.as_secs()),
            ),
            (TRANSPORT, transport.to_string()),
        ];
        self.session = Some(Session {
            id,
            carrier,
            packetizer,
            packets: Packets::default(),
            playing: None,
        });
        Ok((answer, Vec::new()))
    }

    fn play(&mut self, request: &Request<Vec<u8>>) -> Result<Answer, Refusal> {
        let (device, now) = (self.device.clone(), self.device.world.clock.unix());
        let session = self.session_of(request)?;
        if session.playing.is_none() {
            session.playing = Some(Playing {
                units: device.live.subscribe(),
                awaits_key_frame: true,
                next_report: now,
            });
            device.live.request_key_frame();
        }
        let base = request
            .request_uri()
            .map(ToString::to_string)
            .unwrap_or_default();
        let track = format!("{}/{}", base.trim_end_matches('/'), sdp::VIDEO_CONTROL);
        let sequence = session.packetizer.next_sequence();
        let answer = vec![
            (SESSION, session.id.clone()),
            (
                HeaderName::from_static_str("Range").expect("an ASCII name"),
                "npt=now-".into(),
            ),
            (RTP_INFO, format!("url={track};seq={sequence}")),
        ];
        Ok((answer, Vec::new()))
    }

    fn teardown(&mut self, request: &Request<Vec<u8>>) -> Result<Answer, Refusal> {
        self.session_of(request)?;
        self.session = None;
        self.over = true;
        Ok((Vec::new(), Vec::new()))
    }

    fn session_of(&mut self, request: &Request<Vec<u8>>) -> Result<&mut Session, Refusal> {
        let named = request
            .header(&SESSION)
            .map(|h| session_id(h.as_str()).to_owned());
        self.session
            .as_mut()
            .filter(|s| named.as_ref() == Some(&s.id))
            .ok_or((StatusCode::SessionNotFound, Vec::new()))
    }

    /// The next access unit as octets for the RTSP connection; waits for ever
    /// while nothing plays. May be dropped at any await.
    async fn media(&mut self) -> Vec<u8> {
        loop {
            let Some(session) = &mut self.session else {
                std::future::pending().await
            };
            let Some(playing) = &mut session.playing else {
                std::future::pending().await
            };
            let unit = match playing.units.recv().await {
                Ok(unit) => unit,
                Err(RecvError::Lagged(missed)) => {
                    self.device
                        .world
                        .log
                        .line(&format!("rtsp: {} missed {missed}", self.peer));
                    playing.awaits_key_frame = true;
                    self.device.live.request_key_frame();
                    continue;
                }
                Err(RecvError::Closed) => std::future::pending().await,
            };
            if playing.awaits_key_frame && !unit.key_frame {
                continue;
            }
            playing.awaits_key_frame = false;
            session.packetizer.packetize(&unit, &mut session.packets);
            let now = self.device.world.clock.unix();
            let mut report = Vec::new();
            if now >= playing.next_report {
                playing.next_report = now + REPORT_INTERVAL;
                let content = session.packetizer.sender_report(now, &unit);
                // A serial number is a CNAME of a length that fits.
                let _ = content.write(&self.device.settings.serial, &mut report);
            }
            match &session.carrier {
                Carrier::Interleaved(channel) => {
                    return interleave(*channel, &session.packets, &report);
                }
                Carrier::Faulty(udp) => udp.send(&session.packets).await,
            }
        }
    }
}

/// Headers and body of a response of status 200.
type Answer = (Vec<(HeaderName, String)>, Vec<u8>);
/// Status and headers of another.
type Refusal = (StatusCode, Vec<(HeaderName, String)>);

fn options() -> Answer {
    (
        vec![(PUBLIC, "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN".into())],
        Vec::new(),
    )
}

/// The identifier of a `Session` header, without its parameters.
fn session_id(header: &str) -> &str {
    header.split(';').next().unwrap_or_default().trim()
}

/// RTP packets on `channel` and a report on the next one (RFC 2326 10.12).
fn interleave(channel: u8, packets: &Packets, report: &[u8]) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut push = |channel: u8, payload: &[u8]| {
        // No packet is longer than the MTU, so its length fits.
        octets.extend_from_slice(&[b'$', channel]);
        octets.extend_from_slice(&(payload.len() as u16).to_be_bytes());
        octets.extend_from_slice(payload);
    };
    for packet in packets.iter() {
        push(channel, packet);
    }
    if !report.is_empty() {
        push(channel.wrapping_add(1), report);
    }
    octets
}

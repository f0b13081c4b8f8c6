//! The RTSP server of a camera (RFC 2326): one connection, at most one
//! session with the tracks of one presentation, media interleaved.

use std::{iter, net::SocketAddr, sync::Arc, time::Duration};

use rtsp_types::{
    HeaderName, Method, Request, Response, StatusCode, Version,
    headers::{
        ALLOW, AUTHORIZATION, CONTENT_BASE, CONTENT_TYPE, CSEQ, PUBLIC, RANGE, REQUIRE, RTP_INFO,
        SERVER, SESSION, TRANSPORT, UNSUPPORTED, WWW_AUTHENTICATE,
    },
};

use super::{
    connection::{Connection, ConnectionError, Incoming, is_sequence_number},
    digest::{Algorithm, Guard},
    parameter,
    resource::{Part, Presentation, Resource, Track},
    sdp,
    session::{Carrier, Session},
    transport::Transport,
};
use crate::{
    camera::Device,
    fault::clear_udp::FaultyUdp,
    seal::Sealed,
    world::{ByteStream, within},
};

/// How long a session lives without a sign of life of its client (RFC 2326 12.37).
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a sender report goes out (RFC 3550 6.2).
pub const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// The longest RTP packet, in octets.
pub const RTP_MTU: usize = 1400;

const METHODS: &str =
    "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";
/// Those of the state Ready, and of Playing (RFC 2326 A.2).
const READY: &str = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER, SET_PARAMETER";
const PLAYING: &str = "OPTIONS, DESCRIBE, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";

/// Serves one connection until its client leaves, its session times out or
/// the connection breaks; gives the stream back. `demands_credentials` says
/// which methods need them.
pub(crate) async fn serve<S: Sealed>(
    device: Arc<Device>,
    stream: S,
    local: SocketAddr,
    peer: SocketAddr,
    demands_credentials: fn(&Device, &Method) -> bool,
) -> Result<S::Stream, ConnectionError> {
    let clock = device.world.clock.clone();
    let mut connection = Connection::new(stream.into_stream());
    let guard = Guard::new(&*device.world.entropy);
    let mut server = Server {
        device,
        local,
        peer,
        demands_credentials,
        guard,
        session: None,
        last_heard: clock.unix(),
    };
    loop {
        let deadline = server.last_heard + SESSION_TIMEOUT;
        // What the client said comes first: it may keep the session alive.
        tokio::select! {
            biased;
            incoming = connection.next() => match incoming {
                Ok(Some(Incoming::Request(request))) => {
                    let exchange = async {
                        let response = server.answer(&request).await;
                        connection.respond(&response).await
                    };
                    let done = within(&*clock, SESSION_TIMEOUT, exchange).await;
                    done.ok_or(ConnectionError::Stalled)??;
                }
                // RTCP of the client, or an answer to nothing: a sign of life.
                Ok(Some(Incoming::Frame(_) | Incoming::Response(_))) => server.heard(),
                Ok(None) => break,
                Err(error) => {
                    server.refuse(&mut connection, &error).await?;
                    break;
                }
            },
            () = clock.sleep_until(deadline) => {
                server.log("timed out");
                break;
            }
            media = server.media() => {
                let sent = within(&*clock, SESSION_TIMEOUT, connection.send(&media)).await;
                sent.ok_or(ConnectionError::Stalled)??;
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
}

impl Server {
    fn heard(&mut self) {
        self.last_heard = self.device.world.clock.unix();
    }

    fn log(&self, what: &str) {
        let line = format!("rtsp: {} {what}", self.peer);
        self.device.world.log.line(&line);
    }

    /// Says what is wrong with a request that can't be read, and to others
    /// nothing.
    async fn refuse<S: ByteStream>(
        &self,
        connection: &mut Connection<S>,
        error: &ConnectionError,
    ) -> Result<(), ConnectionError> {
        self.log(&format!("is cut: {error}"));
        let Some(request) = connection.unreadable_request() else {
            return Ok(());
        };
        let status = match error {
            _ if request.version != "RTSP/1.0" => StatusCode::RTSPVersionNotSupported,
            ConnectionError::TooLong => StatusCode::RequestMessageBodyTooLarge,
            _ => StatusCode::BadRequest,
        };
        let response = Answer::of(status).response(request.sequence.as_deref());
        let sent = connection.respond(&response);
        within(&*self.device.world.clock, SESSION_TIMEOUT, sent)
            .await
            .ok_or(ConnectionError::Stalled)?
    }

    async fn answer(&mut self, request: &Request<Vec<u8>>) -> Response<Vec<u8>> {
        self.heard();
        let sequence = request
            .header(&CSEQ)
            .map(|h| h.as_str())
            .filter(|s| is_sequence_number(s));
        let result = if request.version() != Version::V1_0 {
            Err(Answer::of(StatusCode::RTSPVersionNotSupported))
        } else if sequence.is_none() {
            Err(Answer::of(StatusCode::BadRequest))
        } else {
            self.dispatch(request).await
        };
        let (Ok(answer) | Err(answer)) = result;
        let method = <&str>::from(request.method());
        self.log(&format!("{method} {}", u16::from(answer.status)));
        match self.device.fault.banner {
            Some(banner) => answer.with(SERVER, banner(&self.device.settings, self.local)),
            None => answer,
        }
        .response(sequence)
    }

    async fn dispatch(&mut self, request: &Request<Vec<u8>>) -> Result<Answer, Answer> {
        let method = request.method();
        if (self.demands_credentials)(&self.device, method) && !self.is_admitted(request) {
            let offered = self.device.fault.algorithms.unwrap_or(&Algorithm::ALL);
            let challenges = Algorithm::ALL.into_iter().zip(self.guard.challenges());
            let challenges = challenges.filter(|(algorithm, _)| offered.contains(algorithm));
            let challenges: Vec<_> = challenges.map(|(_, challenge)| challenge).collect();
            // rtsp-types writes one line for each name.
            let challenges = challenges.join("\r\nWWW-Authenticate: ");
            return Err(Answer::of(StatusCode::Unauthorized).with(WWW_AUTHENTICATE, challenges));
        }
        // RFC 2326 12.32: there is no option that we have.
        if let Some(options) = request.header(&REQUIRE) {
            let answer = Answer::of(StatusCode::OptionNotSupported);
            return Err(answer.with(UNSUPPORTED, options.as_str()));
        }
        if *method == Method::Options {
            return Ok(Answer::ok().with(PUBLIC, METHODS));
        }
        let implemented = [
            Method::Describe,
            Method::Setup,
            Method::Play,
            Method::Pause,
            Method::Teardown,
            Method::GetParameter,
            Method::SetParameter,
        ];
        if !implemented.contains(method) {
            // RFC 2326 10.
            return Err(Answer::of(StatusCode::NotImplemented).with(ALLOW, METHODS));
        }
        let (Some(url), Some(resource)) = (
            request.request_uri(),
            request.request_uri().and_then(Resource::find),
        ) else {
            return Err(Answer::of(StatusCode::NotFound));
        };
        let presentation = resource.presentation;
        let base = presentation.base(url);
        if matches!(resource.part, Part::Track(_)) && [Method::Play, Method::Pause].contains(method)
        {
            self.is_aggregate(request, presentation)?;
        }
        match (method, resource.part) {
            (Method::Setup, Part::Track(track)) => self.setup(request, presentation, track).await,
            // RFC 2326 11.3.10: a track can be set up, a presentation can't.
            (Method::Setup, Part::Whole) => {
                Err(Answer::of(StatusCode::AggregateOperationNotAllowed))
            }
            (method, _) => {
                self.control(request, method, presentation, base.as_str())
                    .await
            }
        }
    }

    /// Methods for which a track and its presentation are the same.
    async fn control(
        &mut self,
        request: &Request<Vec<u8>>,
        method: &Method,
        presentation: Presentation,
        base: &str,
    ) -> Result<Answer, Answer> {
        match method {
            Method::Describe => Ok(self.describe(presentation, base).await),
            Method::Play => self.play(request, presentation, base),
            Method::Pause => self.pause(request, presentation),
            Method::Teardown => self.teardown(request, presentation),
            _ => self.parameter(request, presentation),
        }
    }

    fn is_admitted(&self, request: &Request<Vec<u8>>) -> bool {
        let Some(header) = request.header(&AUTHORIZATION) else {
            return false;
        };
        let Device {
            settings, fault, ..
        } = &*self.device;
        let more = fault.also_admits.map(|also| also(settings));
        let method = request.method().into();
        iter::once(&settings.credentials)
            .chain(&more)
            .any(|known| self.guard.admits(header.as_str(), method, known))
    }

    async fn describe(&self, presentation: Presentation, base: &str) -> Answer {
        let key_frame = self.device.video(presentation).key_frame().await;
        let body = sdp::describe(
            self.local.ip(),
            &self.device.settings.name,
            &key_frame.nal_units,
            presentation == Presentation::Main,
        );
        Answer::ok()
            .with(CONTENT_BASE, base)
            .with(CONTENT_TYPE, "application/sdp")
            .with_body(body)
    }

    async fn setup(
        &mut self,
        request: &Request<Vec<u8>>,
        presentation: Presentation,
        track: Track,
    ) -> Result<Answer, Answer> {
        let fresh = match request.header(&SESSION) {
            Some(_) => self.session_of(request, presentation).map(|_| None)?,
            None => {
                let id = format!("{:016x}", self.device.random_u64());
                Some(Session::new(id, presentation))
            }
        };
        if self.session.as_ref().is_some_and(Session::is_playing) {
            return Err(Answer::of(StatusCode::MethodNotValidInThisState).with(ALLOW, PLAYING));
        }
        let offers = request
            .header(&TRANSPORT)
            .map(|h| Transport::parse(h.as_str()))
            .unwrap_or_default();
        let Some(offer) = offers
            .iter()
            .find(|o| self.device.accepts_transport(o, track))
        else {
            return Err(Answer::of(StatusCode::UnsupportedTransport));
        };
        let device = self.device.clone();
        let (carrier, transport) = if offer.is_interleaved() {
            let session = fresh.as_ref().or(self.session.as_ref());
            let channels = session.map(|s| s.free_channels(track, offer.interleaved));
            let (rtp, rtcp) = channels.unwrap_or((0, 1));
            let transport = Transport {
                interleaved: Some((rtp, rtcp)),
                ..Transport::interleaved(rtp)
            };
            (Carrier::Interleaved(rtp, rtcp), transport)
        } else {
            FaultyUdp::open(&device.world, self.peer.ip(), offer)
                .await
                .map(|(udp, transport)| (Carrier::Faulty(udp), transport))
                .map_err(|_| Answer::of(StatusCode::UnsupportedTransport))?
        };
        let timeout = SESSION_TIMEOUT.as_secs();
        if fresh.is_some() {
            self.session = fresh;
        }
        let Some(session) = &mut self.session else {
            return Err(Answer::of(StatusCode::SessionNotFound));
        };
        session
            .set_up(&device, track, carrier)
            .map_err(|_| Answer::of(StatusCode::InternalServerError))?;
        Ok(Answer::ok()
            .with(SESSION, format!("{};timeout={timeout}", session.id))
            .with(TRANSPORT, transport.to_string()))
    }

    fn play(
        &mut self,
        request: &Request<Vec<u8>>,
        presentation: Presentation,
        base: &str,
    ) -> Result<Answer, Answer> {
        let device = self.device.clone();
        let session = self.session_of(request, presentation)?;
        let tracks = session.play(&device).into_iter().map(|(track, sequence)| {
            let control = match track {
                Track::Video => sdp::VIDEO_CONTROL,
                Track::Sound => sdp::SOUND_CONTROL,
            };
            format!("url={base}{control};seq={sequence}")
        });
        let tracks = tracks.collect::<Vec<_>>().join(",");
        Ok(Answer::ok()
            .with(SESSION, session.id.as_str())
            .with(RANGE, "npt=now-")
            .with(RTP_INFO, tracks))
    }

    /// RFC 2326 11.3.11: where a session has several tracks, one of them is
    /// neither played nor paused alone.
    fn is_aggregate(
        &mut self,
        request: &Request<Vec<u8>>,
        presentation: Presentation,
    ) -> Result<(), Answer> {
        match self.session_of(request, presentation)?.len() {
            ..2 => Ok(()),
            _ => Err(Answer::of(StatusCode::OnlyAggregateOperationAllowed)),
        }
    }

    /// RFC 2326 10.6. What is live goes on meanwhile: PLAY shows the present.
    fn pause(
        &mut self,
        request: &Request<Vec<u8>>,
        presentation: Presentation,
    ) -> Result<Answer, Answer> {
        let session = self.session_of(request, presentation)?;
        if !session.is_playing() {
            return Err(Answer::of(StatusCode::MethodNotValidInThisState).with(ALLOW, READY));
        }
        session.pause();
        Ok(Answer::ok().with(SESSION, session.id.as_str()))
    }

    /// The connection stays: RFC 2326 A.2 allows another SETUP.
    fn teardown(
        &mut self,
        request: &Request<Vec<u8>>,
        presentation: Presentation,
    ) -> Result<Answer, Answer> {
        self.session_of(request, presentation)?;
        self.session = None;
        Ok(Answer::ok())
    }

    /// RFC 2326 10.8, 10.9: of a session or of none.
    fn parameter(
        &mut self,
        request: &Request<Vec<u8>>,
        presentation: Presentation,
    ) -> Result<Answer, Answer> {
        let accepts = self.device.fault.accepts_parameter;
        let session = match request.header(&SESSION) {
            Some(_) => Some(self.session_of(request, presentation)?.id.as_str()),
            None => None,
        };
        let mut names = parameter::names(request.body());
        if let Some(accepts) = accepts {
            names.retain(|name| !accepts(name));
        }
        let answer = if names.is_empty() {
            Answer::ok()
        } else {
            Answer::of(StatusCode::ParameterNotUnderstood)
                .with(CONTENT_TYPE, "text/parameters")
                .with_body(parameter::refused(&names))
        };
        Ok(match session {
            Some(id) => answer.with(SESSION, id),
            None => answer,
        })
    }

    /// The session that a request names (RFC 2326 11.3.5: naming none is as
    /// bad as naming a wrong one, or one of another presentation).
    fn session_of(
        &mut self,
        request: &Request<Vec<u8>>,
        presentation: Presentation,
    ) -> Result<&mut Session, Answer> {
        let named = request
            .header(&SESSION)
            .and_then(|h| h.as_str().split(';').next())
            .map(str::trim);
        self.session
            .as_mut()
            .filter(|s| named == Some(s.id.as_str()) && s.presentation == presentation)
            .ok_or(Answer::of(StatusCode::SessionNotFound))
    }

    async fn media(&mut self) -> Vec<u8> {
        match &mut self.session {
            Some(session) => session.media(&self.device, self.peer).await,
            None => std::future::pending().await,
        }
    }
}

/// What a response says.
struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn ok() -> Self {
        Self::of(StatusCode::Ok)
    }

    fn of(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn with_body(self, body: Vec<u8>) -> Self {
        Self { body, ..self }
    }

    fn response(self, sequence: Option<&str>) -> Response<Vec<u8>> {
        let mut response = Response::builder(Version::V1_0, self.status);
        if let Some(sequence) = sequence {
            response = response.header(CSEQ, sequence);
        }
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.build(self.body)
    }
}

//! The RTSP server of a camera (RFC 2326): one connection, at most one
//! session with the tracks of one presentation.

use std::{iter, net::SocketAddr, sync::Arc, time::Duration};

use rtsp_types::{
    Method, Request, Response, StatusCode, Version,
    headers::{
        ALLOW, AUTHORIZATION, CSEQ, PUBLIC, RANGE, REQUIRE, RTP_INFO, SERVER, SESSION, UNSUPPORTED,
        WWW_AUTHENTICATE,
    },
};

use super::{
    answer::Answer,
    connection::{Connection, ConnectionError, Incoming, is_sequence_number},
    digest::{Algorithm, Guard},
    protection::Offer,
    resource::{Form, Part, Resource, Track},
    sdp,
    session::{Event, Session},
    transport::Profile,
};
use crate::{
    camera::Device,
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
pub(super) const PLAYING: &str =
    "OPTIONS, DESCRIBE, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";

/// What is served on a port.
#[derive(Clone, Copy)]
pub(crate) struct Service {
    /// Which methods need credentials.
    pub(crate) demands_credentials: fn(&Device, &Method) -> bool,
    /// The profile of its media.
    pub(crate) profile: Profile,
}

impl Service {
    /// RTP as it is, for whoever has the credentials.
    pub(crate) const AVP: Self = Self {
        demands_credentials: Device::demands_credentials,
        profile: Profile::Avp,
    };

    /// SRTP, for whoever has the credentials.
    pub(crate) const SAVP: Self = Self {
        profile: Profile::Savp,
        ..Self::AVP
    };
}

/// Serves one connection until its client leaves, its session times out or
/// the connection breaks; gives the stream back.
pub(crate) async fn serve<S: Sealed>(
    device: Arc<Device>,
    stream: S,
    local: SocketAddr,
    peer: SocketAddr,
    service: Service,
) -> Result<S::Stream, ConnectionError> {
    let clock = device.world.clock.clone();
    let mut connection = Connection::new(stream.into_stream());
    let guard = Guard::new(&*device.world.entropy);
    let mut server = Server {
        device,
        local,
        peer,
        service,
        guard,
        offers: Vec::new(),
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
                Ok(Some(Incoming::Frame(frame))) => {
                    server.receive(frame.channel_id(), frame.into_body());
                }
                // An answer to nothing: a sign of life.
                Ok(Some(Incoming::Response(_))) => server.heard(),
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
            event = server.event() => match event {
                Event::Media(octets) => {
                    let sent = within(&*clock, SESSION_TIMEOUT, connection.send(&octets)).await;
                    sent.ok_or(ConnectionError::Stalled)??;
                }
                Event::SignOfLife => server.heard(),
            }
        }
    }
    Ok(connection.into_stream())
}

/// One connection.
pub(super) struct Server {
    pub(super) device: Arc<Device>,
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    pub(super) service: Service,
    guard: Guard,
    /// Keys that were handed out and that no session has yet.
    pub(super) offers: Vec<Offer>,
    pub(super) session: Option<Session>,
    last_heard: Duration,
}

impl Server {
    fn heard(&mut self) {
        self.last_heard = self.device.world.clock.unix();
    }

    pub(super) fn log(&self, what: &str) {
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
        if (self.service.demands_credentials)(&self.device, method) && !self.is_admitted(request) {
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
            request
                .request_uri()
                .and_then(|url| Resource::find(url, self.service.profile)),
        ) else {
            return Err(Answer::of(StatusCode::NotFound));
        };
        let form = resource.form;
        let base = form.base(url);
        if matches!(resource.part, Part::Track(_)) && [Method::Play, Method::Pause].contains(method)
        {
            self.is_aggregate(request, form)?;
        }
        match (method, resource.part) {
            (Method::Setup, Part::Track(track)) => self.setup(request, form, track).await,
            // RFC 2326 11.3.10: a track can be set up, a presentation can't.
            (Method::Setup, Part::Whole) => {
                Err(Answer::of(StatusCode::AggregateOperationNotAllowed))
            }
            (method, _) => self.control(request, method, resource, base.as_str()).await,
        }
    }

    /// Methods for which a track and its presentation are the same.
    async fn control(
        &mut self,
        request: &Request<Vec<u8>>,
        method: &Method,
        resource: Resource,
        base: &str,
    ) -> Result<Answer, Answer> {
        let form = resource.form;
        match method {
            Method::Describe => self.describe(form, base).await,
            Method::Play => self.play(request, form, base),
            Method::Pause => self.pause(request, form),
            Method::Teardown => self.teardown(request, form),
            _ => self.parameter(request, resource),
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

    fn play(
        &mut self,
        request: &Request<Vec<u8>>,
        form: Form,
        base: &str,
    ) -> Result<Answer, Answer> {
        let device = self.device.clone();
        let session = self.session_of(request, form)?;
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
    fn is_aggregate(&mut self, request: &Request<Vec<u8>>, form: Form) -> Result<(), Answer> {
        match self.session_of(request, form)?.len() {
            ..2 => Ok(()),
            _ => Err(Answer::of(StatusCode::OnlyAggregateOperationAllowed)),
        }
    }

    /// RFC 2326 10.6. What is live goes on meanwhile: PLAY shows the present.
    fn pause(&mut self, request: &Request<Vec<u8>>, form: Form) -> Result<Answer, Answer> {
        let session = self.session_of(request, form)?;
        if !session.is_playing() {
            return Err(Answer::of(StatusCode::MethodNotValidInThisState).with(ALLOW, READY));
        }
        session.pause();
        Ok(Answer::ok().with(SESSION, session.id.as_str()))
    }

    /// The connection stays: RFC 2326 A.2 allows another SETUP.
    fn teardown(&mut self, request: &Request<Vec<u8>>, form: Form) -> Result<Answer, Answer> {
        self.session_of(request, form)?;
        self.session = None;
        Ok(Answer::ok())
    }

    /// The session that a request names (RFC 2326 11.3.5: naming none is as
    /// bad as naming a wrong one, or one of another presentation or form).
    pub(super) fn session_of(
        &mut self,
        request: &Request<Vec<u8>>,
        form: Form,
    ) -> Result<&mut Session, Answer> {
        let named = request
            .header(&SESSION)
            .and_then(|h| h.as_str().split(';').next())
            .map(str::trim);
        self.session
            .as_mut()
            .filter(|s| named == Some(s.id.as_str()) && s.form == form)
            .ok_or(Answer::of(StatusCode::SessionNotFound))
    }

    /// Takes a frame of the client: RTCP, and a sign of life where nothing
    /// says that it is not authentic.
    fn receive(&mut self, channel: u8, octets: Vec<u8>) {
        let is_alive = match &mut self.session {
            Some(session) => session.receive(&self.device, self.peer, channel, octets),
            None => true,
        };
        if is_alive {
            self.heard();
        }
    }

    async fn event(&mut self) -> Event {
        match &mut self.session {
            Some(session) => session.event(&self.device, self.peer).await,
            None => std::future::pending().await,
        }
    }
}

//! An RTSP client (RFC 2326), over TLS or in clear, that asks step by step
//! and remembers what it was told.

mod frames;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rtsp_types::{
    HeaderName, Method, Request, Response, StatusCode, Url, Version,
    headers::{AUTHORIZATION, CONTENT_TYPE, CSEQ, SESSION, WWW_AUTHENTICATE},
};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, ServerName},
};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsConnector;

use crate::{
    rtsp::{
        SESSION_TIMEOUT,
        connection::{Connection, ConnectionError, Incoming},
        digest::{Challenge, Credentials},
        transport::Transport,
    },
    seal::tls::{self, TlsVersion},
    world::{ByteStream, World, within},
};

/// How long it waits for a response.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Where a camera's stream is, and as whom to ask for it.
#[derive(Clone, Debug)]
pub struct Address {
    /// TCP endpoint.
    pub endpoint: SocketAddr,
    /// URL of the presentation.
    pub url: String,
    /// Whose certificates to trust; without, there is no TLS.
    pub authority: Option<CertificateDer<'static>>,
    /// Which versions of TLS to offer.
    pub versions: &'static [TlsVersion],
}

/// A connection to a camera.
pub struct RtspViewer {
    connection: Connection<Box<dyn ByteStream>>,
    world: World,
    url: String,
    credentials: Option<Credentials>,
    answers_basic: bool,
    challenge: Option<Answers>,
    sequence: u32,
    session: Option<String>,
    /// How long the camera keeps the session without a sign of life.
    timeout: Duration,
    /// What was received beside responses.
    pub media: Media,
}

/// How credentials are shown.
enum Answers {
    Digest(Challenge),
    Basic,
}

/// Interleaved media, as received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// RTP packets with the marker bit: access units that came to their end.
    pub access_units: u64,
    /// RTCP packets.
    pub reports: u64,
    /// Octets of RTP and RTCP.
    pub octets: u64,
}

/// The viewer gave up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewerError {
    /// Nobody there, or TLS refused.
    #[error("connect to {0}: {1}")]
    Connect(SocketAddr, std::io::Error),
    /// The TLS settings are unusable.
    #[error("set TLS up: {0}")]
    Tls(#[from] rustls::Error),
    /// The address is none.
    #[error("read the address {0:?}")]
    Url(String),
    /// The connection broke.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The camera closed the connection.
    #[error("read on: the camera closed the connection")]
    Closed,
    /// The camera did not answer in time.
    #[error("read on: nothing came for {0:?}")]
    Silence(Duration),
}

impl RtspViewer {
    /// Connects, with TLS if the address has an authority.
    pub async fn connect(
        address: &Address,
        credentials: Option<Credentials>,
        world: &World,
    ) -> Result<Self, ViewerError> {
        let authority = address.authority.clone();
        let config = authority.map(|a| tls::client(a, address.versions, world));
        Self::connect_with(address, config.transpose()?, credentials, world).await
    }

    /// Connects, with TLS if there are settings. What they remember of an
    /// earlier connection is used: its session is resumed, and where its ticket
    /// allows that, the first request is sent as 0-RTT data.
    pub async fn connect_with(
        address: &Address,
        config: Option<Arc<ClientConfig>>,
        credentials: Option<Credentials>,
        world: &World,
    ) -> Result<Self, ViewerError> {
        let failed = |error| ViewerError::Connect(address.endpoint, error);
        let connecting = async {
            let stream = world.net.connect(address.endpoint).await.map_err(failed)?;
            let Some(config) = config else {
                return Ok(stream);
            };
            let name = ServerName::IpAddress(address.endpoint.ip().into());
            let connector = TlsConnector::from(config).early_data(true);
            let stream = connector.connect(name, stream).await.map_err(failed)?;
            Ok(Box::new(stream) as Box<dyn ByteStream>)
        };
        let stream = within(&*world.clock, PATIENCE, connecting)
            .await
            .unwrap_or(Err(ViewerError::Silence(PATIENCE)))?;
        Ok(Self::over(stream, &address.url, credentials, world))
    }

    /// Over a stream that is ready.
    pub fn over(
        stream: Box<dyn ByteStream>,
        url: &str,
        credentials: Option<Credentials>,
        world: &World,
    ) -> Self {
        Self {
            connection: Connection::new(stream),
            world: world.clone(),
            url: url.to_owned(),
            credentials,
            answers_basic: false,
            challenge: None,
            sequence: 0,
            session: None,
            timeout: SESSION_TIMEOUT,
            media: Media::default(),
        }
    }

    /// From now on shows name and password as they are (Basic, RFC 7617) to
    /// whoever asks for it, as many players do.
    pub fn answer_basic(&mut self) {
        self.answers_basic = true;
    }

    /// From now on as somebody else.
    pub fn log_in_as(&mut self, credentials: Credentials) {
        self.credentials = Some(credentials);
    }

    /// OPTIONS.
    pub async fn options(&mut self) -> Result<Response<Vec<u8>>, ViewerError> {
        self.ask(Method::Options, "", &[]).await
    }

    /// DESCRIBE.
    pub async fn describe(&mut self) -> Result<Response<Vec<u8>>, ViewerError> {
        self.ask(Method::Describe, "", &[]).await
    }

    /// SETUP of the video track.
    pub async fn setup(&mut self, transport: &Transport) -> Result<Response<Vec<u8>>, ViewerError> {
        self.setup_track("video", transport, None).await
    }

    /// SETUP of the track with sound.
    pub async fn setup_sound(
        &mut self,
        transport: &Transport,
    ) -> Result<Response<Vec<u8>>, ViewerError> {
        self.setup_track("audio", transport, None).await
    }

    /// PLAY.
    pub async fn play(&mut self) -> Result<Response<Vec<u8>>, ViewerError> {
        self.ask(Method::Play, "", &[]).await
    }

    /// PAUSE.
    pub async fn pause(&mut self) -> Result<Response<Vec<u8>>, ViewerError> {
        self.ask(Method::Pause, "", &[]).await
    }

    /// GET_PARAMETER of nothing: a sign of life (RFC 2326 10.8).
    pub async fn keep_alive(&mut self) -> Result<Response<Vec<u8>>, ViewerError> {
        self.ask(Method::GetParameter, "", &[]).await
    }

    /// ANNOUNCE of a presentation of one's own (RFC 2326 10.3).
    pub async fn announce(&mut self, description: &str) -> Result<Response<Vec<u8>>, ViewerError> {
        let headers = [(CONTENT_TYPE, "application/sdp".to_owned())];
        let method = Method::Announce;
        self.ask_once(&method, "", &headers, description.as_bytes())
            .await
    }

    /// RECORD (RFC 2326 10.11).
    pub async fn record(&mut self) -> Result<Response<Vec<u8>>, ViewerError> {
        self.ask(Method::Record, "", &[]).await
    }

    /// TEARDOWN.
    pub async fn teardown(&mut self) -> Result<Response<Vec<u8>>, ViewerError> {
        let response = self.ask(Method::Teardown, "", &[]).await?;
        if response.status() == StatusCode::Ok {
            self.session = None;
        }
        Ok(response)
    }

    /// Receives media until `duration` has passed; says whether the camera is
    /// still connected. Keeps the session alive meanwhile.
    pub async fn watch(&mut self, duration: Duration) -> Result<bool, ViewerError> {
        let clock = self.world.clock.clone();
        let end = clock.unix() + duration;
        let mut sign_of_life = clock.unix() + self.timeout / 2;
        loop {
            let incoming = tokio::select! {
                incoming = self.connection.next() => incoming?,
                () = clock.sleep_until(end) => return Ok(true),
                () = clock.sleep_until(sign_of_life) => {
                    sign_of_life += self.timeout / 2;
                    match self.keep_alive().await {
                        Err(ViewerError::Closed) => return Ok(false),
                        other => other?,
                    };
                    continue;
                }
            };
            match incoming {
                Some(incoming) => self.count(&incoming),
                None => return Ok(false),
            }
        }
    }

    /// Ends the connection in order (TLS close_notify, then FIN) and reads
    /// what the camera still had to say.
    pub async fn close(self) {
        let mut stream = self.connection.into_stream();
        let end = async {
            // The camera may have closed first.
            let _ = stream.shutdown().await;
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        };
        let _ = within(&*self.world.clock, PATIENCE, end).await;
    }

    /// Asks; answers a challenge if there are credentials.
    async fn ask(
        &mut self,
        method: Method,
        track: &str,
        headers: &[(HeaderName, String)],
    ) -> Result<Response<Vec<u8>>, ViewerError> {
        let response = self.ask_once(&method, track, headers, &[]).await?;
        let challenged = self.challenge.is_some();
        if response.status() != StatusCode::Unauthorized || self.credentials.is_none() || challenged
        {
            return Ok(response);
        }
        let challenge = response
            .header(&WWW_AUTHENTICATE)
            .map_or("", |h| h.as_str());
        let basic = || self.answers_basic && challenge.starts_with("Basic");
        self.challenge = Challenge::choose(challenge)
            .map(Answers::Digest)
            .or_else(|| basic().then_some(Answers::Basic));
        self.ask_once(&method, track, headers, &[]).await
    }

    async fn ask_once(
        &mut self,
        method: &Method,
        track: &str,
        headers: &[(HeaderName, String)],
        body: &[u8],
    ) -> Result<Response<Vec<u8>>, ViewerError> {
        let url = format!("{}{track}", self.url);
        let uri = Url::parse(&url).map_err(|_| ViewerError::Url(url.clone()))?;
        self.sequence += 1;
        let mut request = Request::builder(method.clone(), Version::V1_0)
            .request_uri(uri)
            .header(CSEQ, self.sequence.to_string());
        if let (Some(challenge), Some(credentials)) = (&mut self.challenge, &self.credentials) {
            let entropy = &*self.world.entropy;
            let answer = match challenge {
                Answers::Digest(challenge) => {
                    challenge.answer(method.into(), &url, credentials, entropy)
                }
                Answers::Basic => {
                    let Credentials { user, password } = credentials;
                    let pair = format!("{user}:{}", password.expose());
                    format!("Basic {}", BASE64_STANDARD.encode(pair))
                }
            };
            request = request.header(AUTHORIZATION, answer);
        }
        if let Some(session) = &self.session {
            request = request.header(SESSION, session.as_str());
        }
        for (name, value) in headers {
            request = request.header(name.clone(), value.as_str());
        }
        let clock = self.world.clock.clone();
        let exchange = async {
            self.connection
                .request(&request.build(body.to_vec()))
                .await?;
            self.response().await
        };
        let response = within(&*clock, PATIENCE, exchange)
            .await
            .unwrap_or(Err(ViewerError::Silence(PATIENCE)))?;
        if let Some(session) = response.header(&SESSION) {
            let mut parts = session.as_str().split(';').map(str::trim);
            self.session = parts.next().map(str::to_owned);
            let timeout = parts.find_map(|p| p.strip_prefix("timeout=")?.parse().ok());
            if let Some(seconds) = timeout.filter(|seconds| *seconds > 0) {
                self.timeout = Duration::from_secs(seconds);
            }
        }
        Ok(response)
    }

    /// The response to the latest request. One to an earlier request, which
    /// nobody waits for any more, is passed over.
    async fn response(&mut self) -> Result<Response<Vec<u8>>, ViewerError> {
        let sequence = self.sequence.to_string();
        loop {
            match self.connection.next().await?.ok_or(ViewerError::Closed)? {
                Incoming::Response(response) => {
                    if response
                        .header(&CSEQ)
                        .is_none_or(|h| h.as_str() == sequence)
                    {
                        return Ok(response);
                    }
                }
                other => self.count(&other),
            }
        }
    }

    fn count(&mut self, incoming: &Incoming) {
        let Incoming::Frame(frame) = incoming else {
            return;
        };
        let packet = frame.as_slice();
        self.media.octets += packet.len() as u64;
        match packet.get(1) {
            // RFC 5761 4: these are RTCP.
            Some(192..=223) => self.media.reports += 1,
            Some(second) if second & 0x80 != 0 => self.media.access_units += 1,
            _ => {}
        }
    }
}

//! What the app asks for over HTTPS.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hyper::{
    Method, Response,
    header::{LOCATION, RETRY_AFTER, WWW_AUTHENTICATE},
};
use rustls::{ClientConfig, pki_types::ServerName};
use serde_json::{Value, json};
use tokio_rustls::TlsConnector;

use super::AppError;
use crate::{
    delivery::{self, text},
    hex::Hex,
    http::{Client, JSON, SDP},
    rtsp::digest::Credentials,
    seal::{
        envelope::Epoch,
        keys::{BearerToken, HpkeKey, HpkePublicKey, OwnerKey, SFrameOpeningKey},
        tls,
    },
    viewer::rtsp::{Address, PATIENCE, ViewerError},
    webrtc::SENDERS,
    world::{World, within},
};

/// A connection to a camera's signalling.
pub struct App {
    client: Client,
    world: World,
    /// What it shows; log-in sets it.
    pub token: Option<BearerToken>,
    /// How long the camera says that this is good for.
    pub token_lifetime: Option<Duration>,
}

/// What a camera answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Where what was made is (RFC 9110 10.2.2).
    pub location: Option<String>,
    /// How to authenticate (RFC 9110 11.6.1).
    pub challenge: Option<String>,
    /// After how many seconds to come again (RFC 9110 10.2.3).
    pub retry_after: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// A session that was made: the path of its URL, and the camera's SDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionAddress {
    /// Such as `/webrtc/0123456789abcdef0123456789abcdef`.
    pub path: String,
    /// The answer.
    pub answer: String,
}

impl SessionAddress {
    /// Where the camera says that it takes datagrams: its candidates (RFC 8839
    /// 5.1).
    pub fn candidates(&self) -> Vec<SocketAddr> {
        let lines = self.answer.lines();
        let candidates = lines.filter_map(|line| line.strip_prefix("a=candidate:"));
        let address = |candidate: &str| {
            let mut parts = candidate.split(' ').skip(4);
            let (host, port) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            Some(SocketAddr::new(host, port))
        };
        candidates.filter_map(address).collect()
    }
}

impl App {
    /// Connects, with TLS.
    ///
    /// # Errors
    ///
    /// [`AppError::Connect`], or [`AppError::Http`].
    pub async fn connect(address: &Address, world: &World) -> Result<Self, AppError> {
        let authority = address.authority.clone();
        let authority = authority.ok_or(ViewerError::Url(address.url.clone()))?;
        let config = tls::client(authority, address.versions, world).map_err(ViewerError::Tls)?;
        Self::connect_with(address, config, world).await
    }

    /// Connects with those settings. What they remember of an earlier connection
    /// is used: its session is resumed, and where its ticket allows that, the first
    /// request is sent as 0-RTT data.
    ///
    /// # Errors
    ///
    /// [`AppError::Connect`], or [`AppError::Http`].
    pub async fn connect_with(
        address: &Address,
        config: Arc<ClientConfig>,
        world: &World,
    ) -> Result<Self, AppError> {
        let endpoint = address.endpoint;
        let failed = |error| ViewerError::Connect(endpoint, error);
        let connect = async {
            let stream = world.net.connect(endpoint).await?;
            let name = ServerName::IpAddress(endpoint.ip().into());
            let connector = TlsConnector::from(config).early_data(true);
            connector.connect(name, stream).await
        };
        let stream = within(&*world.clock, PATIENCE, connect).await;
        let stream = stream.ok_or(ViewerError::Silence(PATIENCE))?;
        let client = Client::new(stream.map_err(failed)?, endpoint.to_string()).await?;
        Ok(Self {
            client,
            world: world.clone(),
            token: None,
            token_lifetime: None,
        })
    }

    /// Logs in, and shows the token from then on.
    ///
    /// # Errors
    ///
    /// [`AppError::Status`] if the camera refuses.
    pub async fn log_in(&mut self, credentials: &Credentials) -> Result<(), AppError> {
        let Credentials { user, password } = credentials;
        let body = json!({"user": user, "password": password.expose()});
        let reply = self.post("/login", JSON, body.to_string().into()).await?;
        let fields = reply.json("log-in", 200)?;
        let token = text(&fields, "token").ok_or(AppError::Answer("log-in"))?;
        self.token = Some(BearerToken::shown(token));
        let seconds = fields.get("expires_in").and_then(Value::as_u64);
        self.token_lifetime = seconds.map(Duration::from_secs);
        Ok(())
    }

    /// Makes a session of an offer.
    ///
    /// # Errors
    ///
    /// [`AppError::Status`] if the camera refuses.
    pub async fn offer(&mut self, offer: &str) -> Result<SessionAddress, AppError> {
        self.offer_to("/webrtc", offer).await
    }

    /// Makes a session of an offer at that path.
    ///
    /// # Errors
    ///
    /// As [`offer`](Self::offer).
    pub async fn offer_to(&mut self, path: &str, offer: &str) -> Result<SessionAddress, AppError> {
        let reply = self.post(path, SDP, offer.into()).await?.of("offer", 201)?;
        let path = reply.location.ok_or(AppError::Answer("offer"))?;
        let answer = String::from_utf8(reply.body).map_err(|_| AppError::Answer("offer"))?;
        Ok(SessionAddress { path, answer })
    }

    /// Asks for the keys of a session, as a viewer whom that owner enrols: the
    /// keys of the camera's video, of its sound, and of what the viewer says.
    ///
    /// # Errors
    ///
    /// [`AppError::Status`] if the camera refuses; [`AppError::Epoch`] if what
    /// it gives is not for this viewer and this session.
    pub async fn keys(
        &mut self,
        session: &str,
        viewer: &HpkeKey,
        owner: &OwnerKey,
    ) -> Result<[SFrameOpeningKey; 3], AppError> {
        self.world.witness.secret(&viewer.escrow());
        let signature = owner.enrol(&viewer.public());
        let path = format!("{session}/key");
        let reply = self.show(&path, &viewer.public(), &signature).await?;
        let fields = reply.json("keys", 200)?;
        let id = session.rsplit('/').next().unwrap_or_default();
        let keys = fields.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or(AppError::Answer("keys"))?;
        let find = |sender| {
            let delivery = delivery::find(keys, sender).ok_or(AppError::Answer("keys"))?;
            let name = format!("{id}/{sender}");
            Ok::<_, AppError>(Epoch::receive(&delivery, &name, viewer)?)
        };
        let [video, sound, talk_back] = SENDERS.map(find);
        Ok([video?, sound?, talk_back?])
    }

    /// Shows a viewer's key with what the owner signed of it.
    ///
    /// # Errors
    ///
    /// [`AppError::Http`] if there is no response.
    pub async fn show(
        &mut self,
        path: &str,
        viewer: &HpkePublicKey,
        signature: &[u8],
    ) -> Result<Reply, AppError> {
        let body = json!({
            "viewer_key": viewer.to_string(),
            "signature": Hex(signature).to_string(),
        });
        self.post(path, JSON, body.to_string().into()).await
    }

    /// Ends a session.
    ///
    /// # Errors
    ///
    /// [`AppError::Status`] if the camera refuses.
    pub async fn end(&mut self, session: &str) -> Result<(), AppError> {
        let reply = self.ask("DELETE", session, None, Vec::new()).await?;
        reply.of("end", 200).map(drop)
    }

    /// Leaves.
    pub async fn close(self) {
        // Whoever does not answer is left all the same.
        within(&*self.world.clock, PATIENCE, self.client.close()).await;
    }

    /// Posts a body.
    ///
    /// # Errors
    ///
    /// [`AppError::Http`] if there is no response.
    pub async fn post(
        &mut self,
        path: &str,
        media_type: &str,
        body: Vec<u8>,
    ) -> Result<Reply, AppError> {
        self.ask("POST", path, Some(media_type), body).await
    }

    /// Asks whatever is asked.
    ///
    /// # Errors
    ///
    /// [`AppError::Http`] if there is no response.
    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        media_type: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Reply, AppError> {
        self.ask_within(PATIENCE, method, path, media_type, body)
            .await
    }

    /// The same for an answer that may take so long.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub(crate) async fn ask_within(
        &mut self,
        patience: Duration,
        method: &str,
        path: &str,
        media_type: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Reply, AppError> {
        let method = Method::from_bytes(method.as_bytes());
        let method = method.map_err(|_| AppError::Answer("a method"))?;
        let token = self.token.as_ref();
        let asked = self.client.ask(method, path, token, media_type, body);
        let reply = within(&*self.world.clock, patience, asked).await;
        Ok(Reply::of_response(
            reply.ok_or(ViewerError::Silence(patience))??,
        ))
    }

    /// What it can touch.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }
}

impl Reply {
    fn of_response(response: Response<Vec<u8>>) -> Self {
        let field = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        Self {
            status: response.status().as_u16(),
            location: field(LOCATION),
            challenge: field(WWW_AUTHENTICATE),
            retry_after: field(RETRY_AFTER),
            body: response.into_body(),
        }
    }

    pub(crate) fn of(self, what: &'static str, status: u16) -> Result<Self, AppError> {
        match self.status == status {
            true => Ok(self),
            false => Err(AppError::Status(what, self.status)),
        }
    }

    pub(crate) fn json(self, what: &'static str, status: u16) -> Result<Value, AppError> {
        let reply = self.of(what, status)?;
        serde_json::from_slice(&reply.body).map_err(|_| AppError::Answer(what))
    }
}

//! The client's side.

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response,
    client::conn::http1::{self, SendRequest},
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use tokio::task::JoinSet;

use super::io::Stream;
use crate::{seal::keys::BearerToken, world::ByteStream};

/// The longest body of a response, in octets: a relay tells a camera of 256
/// viewers in some 80 000.
const LONGEST: usize = 256 * 1024;

/// A connection to a server.
pub(crate) struct Client {
    sender: SendRequest<Full<bytes::Bytes>>,
    host: String,
    /// What carries it, which ends with it.
    tasks: JoinSet<()>,
}

/// A request came to no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The connection.
    #[error("HTTP: {0}")]
    Connection(String),
    /// A request that can't be written.
    #[error("make a request: {0}")]
    Request(String),
}

impl Client {
    pub(crate) async fn new(
        stream: impl ByteStream + 'static,
        host: String,
    ) -> Result<Self, HttpError> {
        let (sender, connection) = http1::handshake(Stream(stream))
            .await
            .map_err(|error| HttpError::Connection(error.to_string()))?;
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // Whoever waits for a response hears of an error.
            let _: Result<(), hyper::Error> = connection.await;
        });
        Ok(Self {
            sender,
            host,
            tasks,
        })
    }

    /// Asks, and waits for the response with its body.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        token: Option<&BearerToken>,
        media_type: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Response<Vec<u8>>, HttpError> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.host);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        if let Some(media_type) = media_type {
            request = request.header(CONTENT_TYPE, media_type);
        }
        let request = request.body(Full::new(body.into()));
        let request = request.map_err(|error| HttpError::Request(error.to_string()))?;
        let broken = |error: &dyn std::error::Error| HttpError::Connection(error.to_string());
        self.sender.ready().await.map_err(|error| broken(&error))?;
        let response = self.sender.send_request(request).await;
        let (head, body) = response.map_err(|error| broken(&error))?.into_parts();
        let body = Limited::new(body, LONGEST).collect().await;
        let body = body.map_err(|error| broken(&*error))?.to_bytes().to_vec();
        Ok(Response::from_parts(head, body))
    }

    /// Closes the connection in good order.
    pub(crate) async fn close(self) {
        let Self {
            sender, mut tasks, ..
        } = self;
        drop(sender);
        tasks.join_next().await;
    }
}

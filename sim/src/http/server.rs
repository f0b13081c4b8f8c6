//! The server's side.

use std::{
    convert::Infallible,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, StatusCode,
    body::Incoming,
    header::{AsHeaderName, CONTENT_TYPE},
    server::conn::http1,
    service::service_fn,
};
use serde_json::Value;

use super::{Answer, JSON, io::Stream};
use crate::world::{BoxFuture, ByteStream, Clock, within};

/// What answers are made of.
pub(super) type Body = Full<bytes::Bytes>;

/// How long a connection may be without a request that is read to its end:
/// longer than a browser keeps one for the next request.
pub(crate) const IDLE: Duration = Duration::from_secs(60);
/// How long a body may take: a slow client holds a connection no longer.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest head of a request in octets (and what hyper buffers at least).
const LONGEST_HEAD: usize = 16 * 1024;
/// The most fields of a head: ours are five, browsers send twenty.
const MOST_FIELDS: usize = 64;

/// A request, of which the body is not read yet.
pub(crate) struct Request {
    request: hyper::Request<Incoming>,
    clock: Arc<dyn Clock>,
}

impl Request {
    pub(crate) fn method(&self) -> &Method {
        self.request.method()
    }

    pub(crate) fn path(&self) -> &str {
        self.request.uri().path()
    }

    /// What stands behind the path.
    pub(crate) fn query(&self) -> &str {
        self.request.uri().query().unwrap_or_default()
    }

    /// What stands behind the path, if it is `name=` and a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        let query = self.request.uri().query()?.strip_prefix(name)?;
        query.strip_prefix('=')?.parse().ok()
    }

    /// The value of a field that is there once, and is text.
    pub(crate) fn field(&self, name: impl AsHeaderName) -> Option<&str> {
        let mut values = self.request.headers().get_all(name).into_iter();
        let value = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(value)
    }

    /// Whether the body is of that media type.
    ///
    /// # Errors
    ///
    /// What to answer: 415.
    pub(crate) fn of_type(&self, expected: &str) -> Result<(), Answer> {
        let media_type = self.field(CONTENT_TYPE).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        match essence.eq_ignore_ascii_case(expected) {
            true => Ok(()),
            false => Err(Answer::of(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
        }
    }

    /// The body as JSON, of at most so many octets.
    ///
    /// # Errors
    ///
    /// What to answer: 415, or as [`body`](Self::body).
    pub(crate) async fn json(self, longest: usize) -> Result<Value, Answer> {
        self.of_type(JSON)?;
        let body = self.body(longest).await?;
        serde_json::from_slice(&body).map_err(|_| Answer::of(StatusCode::BAD_REQUEST))
    }

    /// The body, of at most so many octets.
    ///
    /// # Errors
    ///
    /// What to answer: 413, 408 or 400.
    pub(crate) async fn body(self, longest: usize) -> Result<Vec<u8>, Answer> {
        let body = Limited::new(self.request.into_body(), longest).collect();
        match within(&*self.clock, BODY_TIMEOUT, body).await {
            Some(Ok(body)) => Ok(body.to_bytes().to_vec()),
            Some(Err(error)) if error.is::<LengthLimitError>() => {
                Err(Answer::of(StatusCode::PAYLOAD_TOO_LARGE))
            }
            Some(Err(_)) => Err(Answer::of(StatusCode::BAD_REQUEST)),
            None => Err(Answer::of(StatusCode::REQUEST_TIMEOUT)),
        }
    }
}

/// Serves one connection until its client leaves, is silent for too long or
/// says what is no HTTP.
///
/// # Errors
///
/// Why it was cut.
pub(crate) async fn serve<S: ByteStream>(
    stream: S,
    clock: Arc<dyn Clock>,
    answer: impl Fn(Request) -> BoxFuture<'static, Answer>,
) -> io::Result<()> {
    let heard = Arc::new(Mutex::new(clock.unix()));
    let service = service_fn(|request| {
        let (clock, heard) = (clock.clone(), heard.clone());
        let answered = answer(Request {
            request,
            clock: clock.clone(),
        });
        async move {
            let answered = answered.await;
            *heard.lock().unwrap_or_else(PoisonError::into_inner) = clock.unix();
            Ok::<_, Infallible>(answered.response())
        }
    });
    let connection = http1::Builder::new()
        .auto_date_header(false)
        .max_buf_size(LONGEST_HEAD)
        .max_headers(MOST_FIELDS)
        .serve_connection(Stream(stream), service);
    let silence = async {
        loop {
            let last = *heard.lock().unwrap_or_else(PoisonError::into_inner);
            if clock.unix() >= last + IDLE {
                return;
            }
            clock.sleep_until(last + IDLE).await;
        }
    };
    tokio::select! {
        biased;
        ended = connection => ended.map_err(io::Error::other),
        () = silence => Err(io::ErrorKind::TimedOut.into()),
    }
}

//! HTTP/1.1 (RFC 9112) by hyper, over byte streams of a [`World`].
//!
//! [`World`]: crate::world::World

mod client;
mod io;
mod server;

use hyper::{Response, StatusCode, header::HeaderName};

pub(crate) use client::Client;
pub use client::HttpError;
pub(crate) use server::{Request, serve};

/// Media type of JSON (RFC 8259 11).
pub(crate) const JSON: &str = "application/json";
/// Media type of SDP (RFC 8866 8.1).
pub(crate) const SDP: &str = "application/sdp";

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: Vec<u8>,
}

impl Answer {
    /// A status, and nothing more.
    pub(crate) fn of(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// The same with a header, whose value is of visible characters.
    pub(crate) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with a body.
    pub(crate) fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.with(hyper::header::CONTENT_TYPE, media_type)
    }

    /// The same with a value as its body.
    pub(crate) fn json(self, value: &serde_json::Value) -> Self {
        self.body(JSON, value.to_string())
    }

    /// A refusal that says nothing itself says its status in words: a browser shows
    /// a page of its own in place of an empty one.
    fn response(mut self) -> Response<server::Body> {
        if self.body.is_empty() && (self.status.is_client_error() || self.status.is_server_error())
        {
            let words = format!("{}\n", self.status);
            self = self.body("text/plain; charset=utf-8", words);
        }
        let mut response = Response::new(server::Body::new(self.body.into()));
        *response.status_mut() = self.status;
        for (name, value) in self.headers {
            match value.try_into() {
                Ok(value) => {
                    response.headers_mut().append(name, value);
                }
                // No header of ours has such a value.
                Err(_) => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
            }
        }
        response
    }
}

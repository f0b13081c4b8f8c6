//! What a response says.

use rtsp_types::{HeaderName, Response, StatusCode, Version, headers::CSEQ};

/// A response without its number.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Another phrase than that of the status code.
    phrase: Option<&'static str>,
    headers: Vec<(HeaderName, String)>,
    body: Vec<u8>,
}

impl Answer {
    pub(super) fn ok() -> Self {
        Self::of(StatusCode::Ok)
    }

    pub(super) fn of(status: StatusCode) -> Self {
        Self {
            status,
            phrase: None,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// RFC 4567 3.2, ONVIF Streaming 8.2.1.4. The number has another name in
    /// RTSP 2.0.
    pub(super) fn key_management_failure() -> Self {
        Self {
            phrase: Some("Key Management Failure"),
            ..Self::of(StatusCode::DestinationProhibited)
        }
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn with_body(self, body: Vec<u8>) -> Self {
        Self { body, ..self }
    }

    pub(super) fn response(self, sequence: Option<&str>) -> Response<Vec<u8>> {
        let mut response = Response::builder(Version::V1_0, self.status);
        if let Some(phrase) = self.phrase {
            response = response.reason_phrase(phrase);
        }
        if let Some(sequence) = sequence {
            response = response.header(CSEQ, sequence);
        }
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.build(self.body)
    }
}

//! Messages and interleaved frames over a byte stream (RFC 2326 10.12).

use std::io;

use rtsp_types::{Data, Message, ParseError, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::ByteStream;

/// The longest message that is accepted, in octets. A frame fits: its length
/// field has 16 bits.
pub const LONGEST_MESSAGE: usize = 80 * 1024;

/// One end of an RTSP connection.
pub struct Connection<S> {
    stream: S,
    received: Vec<u8>,
}

/// What the other end sent.
#[derive(Debug, PartialEq)]
pub enum Incoming {
    /// A request.
    Request(Request<Vec<u8>>),
    /// A response.
    Response(Response<Vec<u8>>),
    /// An interleaved frame.
    Frame(Data<Vec<u8>>),
}

/// The connection is of no more use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// Transport or TLS.
    #[error("use the connection: {0}")]
    Io(#[from] io::Error),
    /// The peer sent what is not RTSP.
    #[error("read an RTSP message: the peer sent none")]
    NotRtsp,
    /// The peer's message never ends.
    #[error("read an RTSP message: longer than {LONGEST_MESSAGE} octets")]
    TooLong,
}

impl<S: ByteStream> Connection<S> {
    /// Over a stream that is ready.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            received: Vec::new(),
        }
    }

    /// The next message or frame; `None` at the end of the stream. May be
    /// dropped at any await: what was received stays.
    pub async fn next(&mut self) -> Result<Option<Incoming>, ConnectionError> {
        loop {
            if let Some((incoming, length)) = parse(&self.received)? {
                self.received.drain(..length);
                return Ok(Some(incoming));
            }
            if self.received.len() > LONGEST_MESSAGE {
                return Err(ConnectionError::TooLong);
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Sends octets: messages or frames, whole.
    pub async fn send(&mut self, octets: &[u8]) -> Result<(), ConnectionError> {
        self.stream.write_all(octets).await?;
        Ok(self.stream.flush().await?)
    }

    /// Sends a request.
    pub async fn request(&mut self, request: &Request<Vec<u8>>) -> Result<(), ConnectionError> {
        let mut octets = Vec::new();
        request
            .write(&mut octets)
            .map_err(|_| ConnectionError::NotRtsp)?;
        self.send(&octets).await
    }

    /// Sends a response.
    pub async fn respond(&mut self, response: &Response<Vec<u8>>) -> Result<(), ConnectionError> {
        let mut octets = Vec::new();
        response
            .write(&mut octets)
            .map_err(|_| ConnectionError::NotRtsp)?;
        self.send(&octets).await
    }

    /// The stream beneath.
    pub fn into_stream(self) -> S {
        self.stream
    }
}

/// The first message of `octets` and its length, or `None` if more is needed.
fn parse(octets: &[u8]) -> Result<Option<(Incoming, usize)>, ConnectionError> {
    if octets.is_empty() {
        return Ok(None);
    }
    match Message::<Vec<u8>>::parse(octets) {
        Ok((Message::Request(request), length)) => Ok(Some((Incoming::Request(request), length))),
        Ok((Message::Response(response), length)) => {
            Ok(Some((Incoming::Response(response), length)))
        }
        Ok((Message::Data(frame), length)) => Ok(Some((Incoming::Frame(frame), length))),
        Err(ParseError::Incomplete(_)) => Ok(None),
        Err(ParseError::Error) => Err(ConnectionError::NotRtsp),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&octets);
        }

        #[test]
        fn damaged_requests_never_panic(at in 0_usize..90, octet: u8, cut in 0_usize..90) {
            let mut octets = b"SETUP rtsp://192.0.2.1/ RTSP/1.0\r\nCSeq: 3\r\nContent-Length: 4\r\nTransport: a\r\n\r\nbody".to_vec();
            octets[at % 80] = octet;
            octets.truncate(cut);
            let _ = parse(&octets);
        }
    }

    #[tokio::test]
    async fn a_message_without_end_is_refused() {
        let endless = vec![b'a'; LONGEST_MESSAGE + 2];
        let (near, mut far) = tokio::io::duplex(1 << 20);
        far.write_all(b"OPTIONS ").await.unwrap();
        far.write_all(&endless).await.unwrap();
        assert!(matches!(
            Connection::new(near).next().await,
            Err(ConnectionError::TooLong)
        ));
    }
}

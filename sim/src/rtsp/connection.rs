//! Messages and interleaved frames over a byte stream (RFC 2326 10.12).

use std::io;

use bytes::{Buf, BytesMut};
use rtsp_types::{Data, Message, ParseError, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::ByteStream;

/// The longest message that is accepted, in octets. A frame fits: its length
/// field has 16 bits.
pub const LONGEST_MESSAGE: usize = 80 * 1024;

/// The longest start line and headers of a message, in octets.
pub const LONGEST_HEAD: usize = 16 * 1024;

/// One end of an RTSP connection.
pub struct Connection<S> {
    stream: S,
    received: BytesMut,
    /// In how many of these octets the end of the headers was looked for.
    searched: usize,
    /// With how many of them parsing makes sense again.
    needed: usize,
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

/// A message that can't be read, but whose first line is that of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableRequest {
    /// What stands where the version has to be, such as `RTSP/1.0`.
    pub version: String,
    /// Its `CSeq`, if that can be read.
    pub sequence: Option<String>,
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
    /// The peer's message is too long, or says that it will be.
    #[error("read an RTSP message: longer than {LONGEST_MESSAGE} octets")]
    TooLong,
    /// The peer takes nothing.
    #[error("send: the peer took too long")]
    Stalled,
}

impl<S: ByteStream> Connection<S> {
    /// Over a stream that is ready.
    pub fn new(stream: S) -> Self {
        Self {
            stream,
            received: BytesMut::new(),
            searched: 0,
            needed: 0,
        }
    }

    /// The next message or frame; `None` at the end of the stream. May be
    /// dropped at any await: what was received stays.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::NotRtsp`] and [`ConnectionError::TooLong`] are final:
    /// where the next message would start is not known.
    pub async fn next(&mut self) -> Result<Option<Incoming>, ConnectionError> {
        loop {
            if let Some(incoming) = self.parse()? {
                return Ok(Some(incoming));
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// What can be said of the request that [`Connection::next`] could not
    /// read; `None` if it is none.
    pub fn unreadable_request(&self) -> Option<UnreadableRequest> {
        let head = &self.received[..self.received.len().min(LONGEST_HEAD)];
        let mut lines = head
            .split(|o| *o == b'\n')
            .map(|line| String::from_utf8_lossy(line).trim_end().to_owned());
        let version = lines.next()?.rsplit(' ').next()?.to_owned();
        if !version.starts_with("RTSP/") || self.received.starts_with(b"RTSP/") {
            return None;
        }
        let sequence = lines
            .take_while(|line| !line.is_empty())
            .filter_map(|line| {
                let (name, value) = line.split_once(':')?;
                (name.eq_ignore_ascii_case("CSeq")).then(|| value.trim().to_owned())
            })
            .next()
            .filter(|value| is_sequence_number(value));
        Some(UnreadableRequest { version, sequence })
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

    /// Takes the first message off what was received, if it is there whole.
    /// However slowly a message comes, its octets are looked at a few times.
    fn parse(&mut self) -> Result<Option<Incoming>, ConnectionError> {
        while self.received.starts_with(b"\r\n") {
            self.received.advance(2);
            self.searched = self.searched.saturating_sub(2);
        }
        if self.received.is_empty() || self.received.len() < self.needed {
            return Ok(None);
        }
        if self.received[0] != b'$' && self.needed == 0 && !self.has_head()? {
            return Ok(None);
        }
        match Message::<Vec<u8>>::parse(&self.received) {
            Ok((message, length)) => {
                self.received.advance(length);
                (self.searched, self.needed) = (0, 0);
                Ok(Some(match message {
                    Message::Request(request) => Incoming::Request(request),
                    Message::Response(response) => Incoming::Response(response),
                    Message::Data(frame) => Incoming::Frame(frame),
                }))
            }
            Err(ParseError::Incomplete(Some(missing))) => {
                self.needed = self.received.len().saturating_add(missing.get());
                if self.needed > LONGEST_MESSAGE {
                    return Err(ConnectionError::TooLong);
                }
                Ok(None)
            }
            Err(_) => Err(ConnectionError::NotRtsp),
        }
    }

    /// Whether the empty line behind the headers is there.
    fn has_head(&mut self) -> Result<bool, ConnectionError> {
        const END: &[u8] = b"\r\n\r\n";
        let from = self.searched.saturating_sub(END.len() - 1);
        let end = self.received[from..]
            .windows(END.len())
            .position(|w| w == END);
        self.searched = self.received.len();
        let length = end.map_or(self.received.len(), |end| from + end);
        if length > LONGEST_HEAD {
            return Err(ConnectionError::TooLong);
        }
        Ok(end.is_some())
    }
}

/// Whether it is a `CSeq` (RFC 2326 12.17): digits, not too many.
pub(super) fn is_sequence_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|o| o.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    const REQUESTS: &[u8] = b"\r\nSETUP rtsp://192.0.2.1/ RTSP/1.0\r\nCSeq: 3\r\n\
        Content-Length: 4\r\nTransport: a,\r\n b\r\n\r\nbody$\x01\x00\x02OKOPTIONS * RTSP/1.0\r\nCSeq: 4\r\n\r\n";

    /// Everything that comes out when `octets` go in, `step` at a time.
    async fn read(octets: &[u8], step: usize) -> (Vec<Incoming>, Option<ConnectionError>) {
        let (near, mut far) = duplex(step.max(1));
        let write = async {
            for part in octets.chunks(step.max(1)) {
                if far.write_all(part).await.is_err() {
                    return;
                }
            }
            drop(far);
        };
        let mut connection = Connection::new(near);
        let read = async {
            let mut incoming = Vec::new();
            loop {
                match connection.next().await {
                    Ok(Some(message)) => incoming.push(message),
                    Ok(None) => return (incoming, None),
                    Err(error) => {
                        drop(connection);
                        return (incoming, Some(error));
                    }
                }
            }
        };
        tokio::join!(write, read).1
    }

    fn block_on<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(work)
    }

    async fn refused(octets: &[u8]) -> (ConnectionError, Option<UnreadableRequest>) {
        let (near, mut far): (DuplexStream, DuplexStream) = duplex(1 << 20);
        far.write_all(octets).await.unwrap();
        let mut connection = Connection::new(near);
        let error = connection.next().await.unwrap_err();
        (error, connection.unreadable_request())
    }

    #[test]
    fn messages_are_the_same_however_they_are_cut() {
        let (whole, error) = block_on(read(REQUESTS, REQUESTS.len()));
        assert!(error.is_none());
        assert_eq!(whole.len(), 3);
        assert!(matches!(&whole[0], Incoming::Request(r) if r.body() == b"body"));
        assert!(matches!(&whole[1], Incoming::Frame(f) if f.as_slice() == b"OK"));
        for step in 1..40 {
            assert_eq!(block_on(read(REQUESTS, step)).0, whole, "{step} at a time");
        }
    }

    #[tokio::test]
    async fn a_message_without_end_is_refused() {
        let mut endless = b"OPTIONS ".to_vec();
        endless.resize(LONGEST_HEAD + 9, b'a');
        let (error, request) = refused(&endless).await;
        assert!(matches!(error, ConnectionError::TooLong));
        assert_eq!(request, None);
    }

    #[tokio::test]
    async fn a_body_is_refused_by_its_length_and_not_awaited() {
        for length in ["90000", "18446744073709551615"] {
            let head = format!("OPTIONS * RTSP/1.0\r\nCSeq: 7\r\nContent-Length: {length}\r\n\r\n");
            let (error, request) = refused(head.as_bytes()).await;
            assert!(matches!(error, ConnectionError::TooLong), "{length}");
            assert_eq!(request.unwrap().sequence.as_deref(), Some("7"));
        }
    }

    #[tokio::test]
    async fn an_unreadable_request_is_told_from_what_is_no_request() {
        let (_, request) =
            refused(b"PLAY rtsp:// bad uri RTSP/1.0\r\ncseq:  12\r\n: no name\r\n\r\n").await;
        let request = request.unwrap();
        assert_eq!(request.version, "RTSP/1.0");
        assert_eq!(request.sequence.as_deref(), Some("12"));
        let (error, request) = refused(b"GET / HTTP/1.1\r\n\r\n").await;
        assert!(matches!(error, ConnectionError::NotRtsp));
        assert_eq!(request, None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            octets in proptest::collection::vec(any::<u8>(), 0..600),
            step in 1_usize..600,
        ) {
            block_on(read(&octets, step));
        }

        #[test]
        fn damaged_requests_never_panic(at in 0..REQUESTS.len(), octet: u8, cut in 0..REQUESTS.len()) {
            let mut octets = REQUESTS.to_vec();
            octets[at] = octet;
            octets.truncate(cut);
            let (_, error) = block_on(read(&octets, 50));
            prop_assert!(!matches!(error, Some(ConnectionError::Io(_))));
        }
    }
}

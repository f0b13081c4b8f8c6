//! The head of an HTTP/1.x message (RFC 9112 2.1), as far as it tells who
//! speaks HTTP and what is carried in it; and whole messages with their bodies
//! (RFC 9112 6), as a client and a server exchange them. [`transfer`] has contents
//! of any length, of either direction alone.

pub mod transfer;

use std::ops::Range;

use super::{Stream, sdp::Sdp};

/// Octets of a head that are read.
const MAX_HEAD: usize = 64 * 1024;
/// Octets of a body; of a longer one nothing is read.
const MAX_BODY: usize = 1024 * 1024;
/// Messages that are read of one direction.
const MAX_MESSAGES: usize = 4096;

/// Start line and headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Method of a request; empty in a response.
    pub method: String,
    /// What is asked for in a request.
    pub target: String,
    /// Status code of a response; 0 in a request.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// Reads the head that octets begin with. One without end is read as far
    /// as it goes.
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let octets = &octets[..octets.len().min(MAX_HEAD)];
        let mut lines = octets.split(|o| *o == b'\n').map(<[u8]>::trim_ascii_end);
        let mut head = Self::start(lines.next()?)?;
        for line in lines.take_while(|line| !line.is_empty()) {
            let text = String::from_utf8_lossy(line);
            if let Some((name, value)) = text.split_once(':') {
                let header = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
                head.headers.push(header);
            }
        }
        Some(head)
    }

    /// Whether a header of that name (lower case) has that value, or has it in
    /// its list; case means nothing.
    pub fn has(&self, name: &str, value: &str) -> bool {
        let mut headers = self.headers.iter().filter(|(n, _)| n == name);
        headers.any(|(_, list)| {
            let mut values = list.split([',', ';']).map(str::trim);
            values.any(|v| v.eq_ignore_ascii_case(value))
        })
    }

    /// The first value of a header, named in lower case.
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(n, _)| n == name)?;
        Some(value)
    }

    fn start(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let mut head = Self::default();
        // SHOUTcast says ICY instead.
        let answer = text.strip_prefix("HTTP/");
        if let Some(rest) = answer.or_else(|| text.strip_prefix("ICY")) {
            head.status = rest.split(' ').nth(1)?.parse().ok()?;
        } else {
            let (request, version) = text.rsplit_once(' ')?;
            let (method, target) = request.split_once(' ').unwrap_or((request, ""));
            head.method = method.to_owned();
            head.target = target.trim().to_owned();
            if !version.starts_with("HTTP/") {
                return None;
            }
        }
        Some(head)
    }
}

/// A request or a response, with its body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its start line and headers.
    pub head: Head,
    /// Its content, chunks put together.
    pub body: Vec<u8>,
    /// Where it lies in its stream.
    pub range: Range<usize>,
}

impl Message {
    /// The session description in the body, if it is one.
    pub fn sdp(&self) -> Option<Sdp> {
        Sdp::parse(&self.body)
    }
}

/// A request and what came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// What was asked.
    pub request: Message,
    /// What was answered; interim answers (1xx) are left out.
    pub response: Option<Message>,
}

/// Reads two directions as HTTP/1.1, of which `a` is the client; empty if it
/// says no request. Reading of a direction ends where something is no message.
pub fn read(from_a: &Stream, from_b: &Stream) -> Vec<Exchange> {
    let asked = messages(&from_a.bytes);
    let asked = asked.into_iter().filter(|m| m.head.status == 0);
    let answers = messages(&from_b.bytes);
    let mut answers = answers.into_iter().filter(|m| m.head.status >= 200);
    let exchange = |request| Exchange {
        request,
        response: answers.next(),
    };
    asked.map(exchange).collect()
}

fn messages(octets: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut at = 0;
    while at < octets.len() && messages.len() < MAX_MESSAGES {
        let Some(message) = message(octets, at) else {
            break;
        };
        at = message.range.end;
        messages.push(message);
    }
    messages
}

/// The message that begins there; `None` if its head is none, or is not whole.
fn message(octets: &[u8], at: usize) -> Option<Message> {
    let rest = octets.get(at..)?;
    let end = head_end(&rest[..rest.len().min(MAX_HEAD)])?;
    let head = Head::parse(&rest[..end])?;
    let behind = &rest[end..];
    // RFC 9112 6.3.
    let bodyless = matches!(head.status, 100..=199 | 204 | 304);
    let (body, length) = match head.value("content-length") {
        _ if bodyless => (Vec::new(), 0),
        _ if head.has("transfer-encoding", "chunked") => chunks(behind),
        Some(length) => {
            let length = length.trim().parse::<usize>().ok();
            let length = length.filter(|n| *n <= MAX_BODY)?.min(behind.len());
            (behind[..length].to_vec(), length)
        }
        None if head.status == 0 => (Vec::new(), 0),
        None => (behind[..behind.len().min(MAX_BODY)].to_vec(), behind.len()),
    };
    Some(Message {
        head,
        body,
        range: at..at + end + length,
    })
}

/// Where the empty line behind a head ends.
pub(crate) fn head_end(octets: &[u8]) -> Option<usize> {
    let mut lines = memchr::memchr_iter(b'\n', octets);
    lines.find_map(|at| match octets.get(at + 1..)? {
        [b'\n', ..] => Some(at + 2),
        [b'\r', b'\n', ..] => Some(at + 3),
        _ => None,
    })
}

/// Chunked content (RFC 9112 7.1), and how many octets it takes.
fn chunks(octets: &[u8]) -> (Vec<u8>, usize) {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let rest = &octets[at..];
        let Some(line) = rest.iter().position(|o| *o == b'\n') else {
            return (body, octets.len());
        };
        let size = String::from_utf8_lossy(&rest[..line]);
        let size = size.split(';').next().unwrap_or_default().trim();
        let data = &rest[line + 1..];
        match usize::from_str_radix(size, 16) {
            Ok(size @ 1..) if size <= data.len().min(MAX_BODY - body.len()) => {
                body.extend_from_slice(&data[..size]);
                // The end of line behind it.
                let behind = &data[size..];
                let crlf = behind.iter().take(2).take_while(|o| b"\r\n".contains(o));
                at += line + 1 + size + crlf.count();
            }
            Ok(0) => {
                // Trailers, up to an empty line.
                let trailers = head_end(&rest[line..]).map_or(octets.len(), |e| at + line + e);
                return (body, trailers);
            }
            _ => return (body, octets.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn requests_and_responses_are_read() {
        let head =
            Head::parse(b"GET / HTTP/1.1\r\nUpgrade: WebSocket\r\nAccept: a, b;q=1\r\n\r\nX: y")
                .unwrap();
        assert_eq!((head.method.as_str(), head.status), ("GET", 0));
        assert!(head.has("upgrade", "websocket") && head.has("accept", "b"));
        assert!(!head.has("x", "y"));
        assert_eq!(
            (head.value("upgrade"), head.value("x")),
            (Some("WebSocket"), None)
        );
        let head = Head::parse(b"HTTP/1.0 200 OK\nA: b").unwrap();
        assert_eq!((head.status, head.has("a", "b")), (200, true));
    }

    fn stream(octets: &[u8]) -> Stream {
        let mut stream = Stream::default();
        stream.push(octets, 1, 0, 0);
        stream
    }

    #[test]
    fn exchanges_are_read_one_after_the_other() {
        let asked = b"POST /login HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}\
            POST /webrtc HTTP/1.1\r\nAuthorization: Bearer T\r\nTransfer-Encoding: chunked\r\n\r\n\
            4\r\nv=0\n\r\n1;x\r\ns\r\n0\r\n\r\nDELETE /webrtc/1 HTTP/1.1\r\n\r\n";
        let answered =
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n\
            HTTP/1.1 201 Created\r\n\r\nall the rest";
        let exchanges = read(&stream(asked), &stream(answered));
        let seen: Vec<_> = exchanges
            .iter()
            .map(|e| {
                let answer = e.response.as_ref().map(|r| (r.head.status, &r.body[..]));
                (e.request.head.target.as_str(), &e.request.body[..], answer)
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("/login", &b"{}"[..], Some((401, &b""[..]))),
                ("/webrtc", b"v=0\ns", Some((201, b"all the rest"))),
                ("/webrtc/1", b"", None),
            ]
        );
        assert!(exchanges[1].request.sdp().is_some());
    }

    #[test]
    fn what_is_no_http_is_none() {
        for other in [
            &b""[..],
            b"RTSP/1.0 200 OK\r\n\r\n",
            b"DESCRIBE rtsp://c/ RTSP/1.0\r\n\r\n",
            b"HTTP/1.1 OK\r\n\r\n",
            b"\x16\x03\x01",
        ] {
            assert_eq!(Head::parse(other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Head::parse(&octets);
            let _ = Head::parse(&[b"GET / HTTP/1.1\r\n", &octets[..]].concat());
            for head in ["Content-Length: 20", "Transfer-Encoding: chunked", "X: y"] {
                let head = format!("POST / HTTP/1.1\r\n{head}\r\n\r\n7\r\n");
                let said = stream(&[head.as_bytes(), &octets].concat());
                for exchange in read(&said, &said) {
                    prop_assert!(exchange.request.range.end <= said.bytes.len());
                }
            }
        }
    }
}

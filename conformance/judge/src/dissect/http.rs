//! HTTP/1 responses in clear (RFC 9112): status and header fields.

use super::Stream;

/// Octets of a head that is read; a longer one is none.
const LONGEST_HEAD: usize = 64 * 1024;

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Header fields in order: name in lower case, and value.
    pub fields: Vec<(String, String)>,
    /// Octets of head and body.
    pub length: usize,
}

impl Response {
    /// Reads the response that a direction begins with; `None` if it begins
    /// with something else, or ends amid the head.
    pub fn read(stream: &Stream) -> Option<Self> {
        let octets = &stream.bytes[..stream.bytes.len().min(LONGEST_HEAD)];
        if !octets.starts_with(b"HTTP/1.") {
            return None;
        }
        let end = octets.windows(4).position(|w| w == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&octets[..end]);
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?;
        let field = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        };
        Some(Self {
            status: status.parse().ok().filter(|s| (100..600).contains(s))?,
            fields: lines.filter_map(field).collect(),
            length: stream.bytes.len(),
        })
    }

    /// The first value of a field, named in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(octets: &[u8]) -> Option<Response> {
        let mut stream = Stream::default();
        stream.push(octets, 1, 0, 0);
        Response::read(&stream)
    }

    #[test]
    fn status_and_fields_are_read() {
        let response = b"HTTP/1.1 301 Moved\r\nLOCATION: https://a/\r\nno field\r\nSet-Cookie: a=b\r\n\r\nbody";
        let read = read(response).unwrap();
        assert_eq!((read.status, read.length), (301, response.len()));
        assert_eq!(read.field("location"), Some("https://a/"));
        assert_eq!(read.field("set-cookie"), Some("a=b"));
        assert_eq!(read.field("age"), None);
    }

    #[test]
    fn other_octets_are_no_response() {
        for octets in [
            &b""[..],
            b"RTSP/1.0 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 two OK\r\n\r\n",
            b"HTTP/1.1 20 OK\r\n\r\n",
            b"HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(read(octets), None, "{octets:?}");
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(rest in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&[b"HTTP/1.", &rest[..]].concat());
        }
    }
}

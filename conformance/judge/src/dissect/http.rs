//! The head of an HTTP/1.x message (RFC 9112 2.1), as far as it tells who
//! speaks HTTP and what is carried in it.

/// Octets of a head that are read.
const MAX_HEAD: usize = 64 * 1024;

/// Start line and headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Method of a request; empty in a response.
    pub method: String,
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
        if let Some(rest) = text.strip_prefix("HTTP/") {
            head.status = rest.split(' ').nth(1)?.parse().ok()?;
        } else {
            let (request, version) = text.rsplit_once(' ')?;
            head.method = request.split(' ').next()?.to_owned();
            if !version.starts_with("HTTP/") {
                return None;
            }
        }
        Some(head)
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
        }
    }
}

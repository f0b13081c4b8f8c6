//! Contents that HTTP/1.x carries in one direction of a flow (RFC 9112 6), of any
//! length, from wherever the capture begins, across gaps, whole or not.

use std::{borrow::Cow, io::Read, ops::Range};

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::{Head, MAX_HEAD, MAX_MESSAGES, head_end};
use crate::dissect::Stream;

/// Lines in a row that look like the first of a message and are none.
const MOST_FAILURES: usize = 1024;
/// Octets that a content may expand to.
const MOST_EXPANDED: u64 = 16 << 20;
/// Methods of requests (RFC 9110 9.3, RFC 5789, RFC 4918, and of UPnP and RTSP over
/// HTTP).
const METHODS: [&[u8]; 24] = [
    b"GET",
    b"POST",
    b"PUT",
    b"HEAD",
    b"PATCH",
    b"DELETE",
    b"OPTIONS",
    b"CONNECT",
    b"TRACE",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"REPORT",
    b"SEARCH",
    b"NOTIFY",
    b"SUBSCRIBE",
    b"UNSUBSCRIBE",
    b"M-SEARCH",
    b"SOURCE",
    b"MERGE",
];

/// A message of HTTP.
#[derive(Clone, Debug)]
pub struct Transfer<'a> {
    /// Its start line and headers.
    pub head: Head,
    /// Where it lies in its stream, as far as it was captured.
    pub range: Range<usize>,
    /// Where its content begins.
    pub at: usize,
    /// What there is of its content, chunks put together, not expanded.
    pub raw: Cow<'a, [u8]>,
    /// Whether all of it is there, and nothing is missing in between.
    pub whole: bool,
}

impl Transfer<'_> {
    /// The content, expanded if it says that it is compressed, without what SHOUTcast
    /// puts between; as far as that goes.
    pub fn content(&self) -> Cow<'_, [u8]> {
        let coding = self.head.value("content-encoding").unwrap_or_default();
        let mut expanded = Vec::new();
        let raw = &self.raw[..];
        // Data that are cut end in an error, after what could be read.
        match coding.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => {
                let _ = MultiGzDecoder::new(raw)
                    .take(MOST_EXPANDED)
                    .read_to_end(&mut expanded);
            }
            "deflate" => {
                let _ = ZlibDecoder::new(raw)
                    .take(MOST_EXPANDED)
                    .read_to_end(&mut expanded);
                if expanded.is_empty() {
                    let _ = DeflateDecoder::new(raw)
                        .take(MOST_EXPANDED)
                        .read_to_end(&mut expanded);
                }
            }
            _ => expanded = self.uninterrupted().unwrap_or_default(),
        }
        match expanded.is_empty() {
            true => Cow::Borrowed(raw),
            false => Cow::Owned(expanded),
        }
    }

    /// Sound without the titles between: behind each so many octets as `icy-metaint`
    /// says lie a count of 16 octets and as many.
    fn uninterrupted(&self) -> Option<Vec<u8>> {
        let interval: usize = self.head.value("icy-metaint")?.trim().parse().ok()?;
        let mut rest = Some(&self.raw[..]).filter(|_| interval > 0)?;
        let mut sound = Vec::new();
        while let Some((data, after)) = rest.split_at_checked(interval) {
            sound.extend_from_slice(data);
            let count = after.first().map_or(0, |count| usize::from(*count));
            rest = after.get(1 + 16 * count..).unwrap_or_default();
        }
        sound.extend_from_slice(rest);
        Some(sound)
    }

    /// What the content is said to be, without parameters, in lower case.
    pub fn media_type(&self) -> String {
        media_type(self.head.value("content-type").unwrap_or_default())
    }

    /// A parameter of that, its name in lower case.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let value = self.head.value("content-type")?;
        parameters(value, name).next().map(str::to_owned)
    }
}

/// What the value of a `Content-Type` names, without parameters, in lower case.
pub fn media_type(value: &str) -> String {
    let value = value.split(';').next().unwrap_or_default();
    value.trim().to_ascii_lowercase()
}

/// The values of its parameters of that name.
pub fn parameters<'a>(value: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    value.split(';').skip(1).filter_map(move |parameter| {
        let (n, value) = parameter.split_once('=')?;
        let is_it = n.trim().eq_ignore_ascii_case(name);
        is_it.then(|| value.trim().trim_matches('"'))
    })
}

/// The messages of a direction. Where something is no message, the next one that
/// begins is looked for.
pub fn transfers(stream: &Stream) -> Vec<Transfer<'_>> {
    let octets = &stream.bytes[..];
    let mut transfers: Vec<Transfer<'_>> = Vec::new();
    let mut at = 0;
    let mut failed = 0;
    while transfers.len() < MAX_MESSAGES && failed < MOST_FAILURES {
        let start = match is_start(octets, at) {
            true => at,
            false => match next_start(octets, at) {
                Some(start) => start,
                None => break,
            },
        };
        match transfer(stream, start) {
            Some(transfer) => {
                at = transfer.range.end.max(start + 1);
                transfers.push(transfer);
                failed = 0;
            }
            None => {
                at = start + 1;
                failed += 1;
            }
        }
    }
    transfers
}

/// Whether a flow that begins so speaks HTTP from its first octet on.
pub fn is_start(octets: &[u8], at: usize) -> bool {
    let Some(rest) = octets.get(at..) else {
        return false;
    };
    let line = &rest[..rest.len().min(8192)];
    if let [
        b'H',
        b'T',
        b'T',
        b'P',
        b'/',
        b'1',
        b'.',
        b'0' | b'1',
        b' ',
        a,
        b,
        c,
        ..,
    ] = *line
    {
        return [a, b, c].iter().all(u8::is_ascii_digit);
    }
    if line.starts_with(b"ICY 200 OK\r\n") {
        return true;
    }
    let is_method = |method: &&[u8]| {
        line.strip_prefix(*method)
            .is_some_and(|rest| rest.starts_with(b" "))
    };
    if !METHODS.iter().any(is_method) {
        return false;
    }
    let end = memchr::memchr(b'\n', line).unwrap_or(line.len());
    memchr::memmem::find(&line[..end], b" HTTP/1.").is_some()
        // Of a long target the end may be missing.
        || (end == line.len() && line.iter().all(|octet| octet.is_ascii_graphic() || *octet == b' '))
}

/// Where the next message begins that has a head.
fn next_start(octets: &[u8], from: usize) -> Option<usize> {
    let mut search = from;
    loop {
        let found = search + memchr::memmem::find(octets.get(search..)?, b"HTTP/1.")?;
        search = found + 1;
        if is_start(octets, found) {
            return Some(found);
        }
        // A request: its method lies before, on the same line.
        let line = octets.get(found.saturating_sub(4096).max(from)..found)?;
        let begin = found - line.len();
        let start = (0..line.len()).rev().find_map(|at| match line[at] {
            b'\n' => Some(begin + at + 1),
            _ if is_start(octets, begin + at) => Some(begin + at),
            _ => None,
        });
        if let Some(start) = start.filter(|start| is_start(octets, *start)) {
            return Some(start);
        }
    }
}

/// The message that begins there, if its head is whole.
fn transfer(stream: &Stream, start: usize) -> Option<Transfer<'_>> {
    let octets = &stream.bytes[..];
    let rest = octets.get(start..)?;
    let searched = &rest[..rest.len().min(MAX_HEAD)];
    // A line that only quotes a request is told from one by its end.
    let line = rest.get(..memchr::memchr(b'\n', searched)?)?;
    Head::start(line.trim_ascii_end())?;
    let end = head_end(searched)?;
    let head = Head::parse(&rest[..end])?;
    let at = start + end;
    // RFC 9112 6.3.
    let length = head
        .value("content-length")
        .and_then(|length| length.trim().parse().ok());
    // Of what never ends some say that it is empty.
    let is_endless = || {
        let media_type = head.value("content-type").unwrap_or_default();
        media_type
            .trim_start()
            .starts_with("multipart/x-mixed-replace")
    };
    let length = length.filter(|length: &usize| *length > 0 || !is_endless());
    let is_chunked = head.has("transfer-encoding", "chunked");
    let bodyless = matches!(head.status, 100..=199 | 204 | 304)
        || (head.status == 0 && length.is_none() && !is_chunked && !sends(&head.method))
        // An answer to HEAD.
        || (head.status != 0 && is_start(octets, at) && !is_chunked);
    let (raw, end, whole): (Cow<'_, [u8]>, usize, bool) = match (bodyless, is_chunked, length) {
        (true, ..) => (Cow::Borrowed(&[]), at, true),
        (_, true, _) => {
            let limit = next_after_gap(stream, at, octets.len());
            let (body, taken, whole) = chunks(octets.get(at..limit)?);
            (Cow::Owned(body), at + taken, whole)
        }
        (_, _, Some(length)) => {
            let told: usize = at.saturating_add(length);
            let limit = told.min(octets.len());
            let limit = next_after_gap(stream, at, limit);
            (Cow::Borrowed(octets.get(at..limit)?), limit, limit == told)
        }
        // RFC 9112 6.3: up to the end of the connection.
        _ => {
            let limit = next_after_gap(stream, at, octets.len());
            (Cow::Borrowed(octets.get(at..limit)?), limit, stream.ended)
        }
    };
    let torn = stream
        .gaps
        .iter()
        .any(|gap| *gap > start && *gap <= end && *gap < octets.len());
    Some(Transfer {
        head,
        range: start..end,
        at,
        raw,
        whole: whole && !torn,
    })
}

/// Whether a request of that method sends something, be it without saying how much.
fn sends(method: &str) -> bool {
    matches!(method, "POST" | "PUT" | "SOURCE")
}

/// Where a content ends of which octets are missing: where the next message begins
/// behind the gap, if that is before `limit`.
fn next_after_gap(stream: &Stream, at: usize, limit: usize) -> usize {
    let first = stream.gaps.partition_point(|gap| *gap < at);
    match stream.gaps.get(first) {
        Some(gap) if *gap < limit => {
            let within = stream.bytes.get(..limit).unwrap_or_default();
            next_start(within, *gap).unwrap_or(limit)
        }
        _ => limit,
    }
}

/// Chunked content as far as it goes (RFC 9112 7.1), how many octets it takes, and
/// whether it ended.
fn chunks(octets: &[u8]) -> (Vec<u8>, usize, bool) {
    let mut body = Vec::new();
    let mut at = 0;
    while let Some((size, data)) = chunk(octets, at) {
        let Some(content) = octets.get(data..data.saturating_add(size)) else {
            body.extend_from_slice(octets.get(data..).unwrap_or_default());
            return (body, octets.len(), false);
        };
        if size == 0 {
            // Its line ends where the empty line behind the trailers may begin.
            let trailers = octets.get(data - 1..).and_then(head_end);
            return (body, trailers.map_or(octets.len(), |e| data - 1 + e), true);
        }
        body.extend_from_slice(content);
        let behind = octets.get(data + size..).unwrap_or_default();
        let crlf = behind.iter().take(2).take_while(|o| b"\r\n".contains(o));
        at = data + size + crlf.count();
    }
    // Octets are missing, or it is no chunk.
    (body, octets.len().min(at), false)
}

/// The chunk at `at`: how many octets of data it says that it has, and where they begin.
fn chunk(octets: &[u8], at: usize) -> Option<(usize, usize)> {
    let rest = octets.get(at..)?;
    let line = memchr::memchr(b'\n', rest.get(..rest.len().min(1024))?)?;
    let size = rest.get(..line)?.split(|octet| *octet == b';').next()?;
    let size = std::str::from_utf8(size.trim_ascii()).ok()?;
    let size = usize::from_str_radix(size, 16).ok()?;
    Some((size, at + line + 1))
}

/// Chunks in a row that show that some octets are chunked.
const CHAINED: usize = 3;
/// Octets in which the first is looked for whose size is there.
const SEARCHED: usize = 4 << 20;

/// Chunked content without the message that it belongs to: of a connection that was
/// joined in its midst. What lies before the first size is the end of a chunk.
pub fn joined(octets: &[u8]) -> Option<Vec<u8>> {
    let searched = octets.get(..octets.len().min(SEARCHED))?;
    let mut lines = memchr::memmem::find_iter(searched, b"\r\n");
    let end = lines.find(|line| is_chained(octets, line + 2))?;
    let (content, ..) = chunks(octets.get(end + 2..)?);
    Some([octets.get(..end)?, &content].concat())
}

/// Whether several chunks follow each other from there on, each as long as it says.
fn is_chained(octets: &[u8], mut at: usize) -> bool {
    (0..CHAINED).all(|_| {
        let digits = octets.get(at..at + 9).unwrap_or_default();
        let digits = digits.iter().take_while(|octet| octet.is_ascii_hexdigit());
        if !(1..=8).contains(&digits.count()) {
            return false;
        }
        let Some((size, data)) = chunk(octets, at).filter(|(size, _)| *size > 0) else {
            return false;
        };
        let end = data.saturating_add(size);
        at = end.saturating_add(2);
        octets.get(end..at) == Some(b"\r\n")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stream(octets: &[u8], gaps: &[usize]) -> Stream {
        let mut stream = Stream::default();
        stream.push(octets, 1, 0, 0);
        stream.gaps = gaps.to_vec();
        stream
    }

    fn read(octets: &[u8], gaps: &[usize]) -> Vec<(u16, String, Vec<u8>, bool)> {
        let stream = stream(octets, gaps);
        let transfers = transfers(&stream);
        let told = transfers.iter().map(|t| {
            let target = t.head.target.clone();
            (t.head.status, target, t.content().into_owned(), t.whole)
        });
        told.collect()
    }

    #[test]
    fn contents_of_one_direction_are_read_one_after_the_other() {
        let octets = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc\
            HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n1\r\nd\r\n0\r\n\r\n\
            HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n\
            HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nHTTP/1.1 200 OK\r\n\r\nto the end";
        let bodies: Vec<_> = read(octets, &[]).into_iter().map(|t| (t.0, t.2)).collect();
        let expected = [
            (200, &b"abc"[..]),
            (200, b"abcd"),
            (304, b""),
            (200, b""),
            (200, b"to the end"),
        ];
        assert_eq!(bodies, expected.map(|(s, b)| (s, b.to_vec())));
    }

    #[test]
    fn uploads_are_read_and_joined_amid_a_body() {
        let octets = b"the rest of a body\r\nPUT /a.jpg HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi\
            GET /b HTTP/1.1\r\n\r\nPOST /c HTTP/1.1\r\nContent-Length: 9\r\n\r\ncut";
        let told = read(octets, &[]);
        let expected = [
            (0, "/a.jpg".into(), b"hi".to_vec(), true),
            (0, "/b".into(), b"".to_vec(), true),
            (0, "/c".into(), b"cut".to_vec(), false),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_gap_in_a_body_does_not_take_the_next_message() {
        let first = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nabc";
        let second = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
        let octets = [&first[..], b"def", second].concat();
        let told = read(&octets, &[first.len()]);
        assert_eq!((told[0].2.as_slice(), told[0].3), (&b"abcdef"[..], false));
        assert_eq!(
            (told[1].0, told[1].2.as_slice(), told[1].3),
            (404, &b"no"[..], true)
        );
    }

    #[test]
    fn titles_between_sound_are_left_out() {
        let title = [
            &[2][..],
            b"StreamTitle='a';\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ]
        .concat();
        for start in ["ICY 200 OK", "HTTP/1.0 200 OK"] {
            let head = format!("{start}\r\nicy-metaint:4\r\n\r\n");
            let octets = [head.as_bytes(), b"soun", &title, b"d an", b"\0", b"d"].concat();
            assert_eq!(read(&octets, &[])[0].2, b"sound and");
        }
        assert!(read(b"ICY 401 Service Unavailable\r\n\r\n", &[]).is_empty());
    }

    #[test]
    fn chunks_are_put_together_without_the_head_before_them() {
        let chunked = b"end\r\n5\r\nfirst\r\n0006;x=1\r\nsecond\r\n3\r\nand\r\n2\r\nm";
        assert_eq!(joined(chunked), Some(b"endfirstsecondandm".to_vec()));
        // Two of them, or one that is shorter than it says.
        assert_eq!(joined(&chunked[..30]), None);
        let mut short = chunked.to_vec();
        short.remove(10);
        assert_eq!(joined(&short), None);
        assert_eq!(joined(b"\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n"), None);
        assert_eq!(joined(b"a\r\nHTTP/1.1 200 OK\r\nA: 1\r\n\r\n"), None);
    }

    #[test]
    fn compressed_contents_are_expanded() {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&[7; 3000]).unwrap();
        let packed = gzip.finish().unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            packed.len()
        );
        let told = read(&[head.as_bytes(), &packed].concat(), &[]);
        assert_eq!(told[0].2, [7; 3000]);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            octets in proptest::collection::vec(any::<u8>(), 0..200),
            gap in 0..250_usize,
        ) {
            for head in ["Content-Length: 20", "Transfer-Encoding: chunked", "X: y"] {
                for start in ["POST / HTTP/1.1", "HTTP/1.1 200 OK"] {
                    let message = format!("{start}\r\n{head}\r\n\r\n7\r\n");
                    let octets = [&octets, message.as_bytes(), &octets, message.as_bytes()].concat();
                    let stream = stream(&octets, &[gap]);
                    let _ = joined(&octets);
                    for transfer in transfers(&stream) {
                        prop_assert!(transfer.range.end <= octets.len());
                        let _ = transfer.content();
                    }
                }
            }
        }
    }
}

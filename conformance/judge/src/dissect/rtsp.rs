//! RTSP 1.0 messages and interleaved frames (RFC 2326).
//!
//! Reading is tolerant, since what matters is what a media player would still
//! understand: any method token, folded headers, lines without CR, a message
//! that breaks off. After garbage it finds the next message or frame. Time is
//! linear in the input.

pub mod transport;

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
};

use memchr::{memchr_iter, memmem};

use super::{
    Stream,
    rtp::{is_rtcp, is_rtp},
    sdp::Sdp,
};

/// Octets of a start line with its headers that are read.
const MAX_HEAD: usize = 64 * 1024;
/// Octets of a start line.
const MAX_LINE: usize = 2048;
/// Octets of a method.
const MAX_METHOD: usize = 32;
/// Headers that are kept.
const MAX_HEADERS: usize = 256;
/// Octets of a body; of a longer one nothing is read.
const MAX_BODY: usize = 1024 * 1024;

/// What two directions of a connection say to each other.
#[derive(Clone, Debug, Default)]
pub struct Dialogue {
    /// Requests of `a` with their responses by `b`, matched by CSeq, or by
    /// order if there is none.
    pub exchanges: Vec<Exchange>,
    /// Messages outside of these with whether `a` sent them: requests of `b`
    /// and the responses to them, interim responses (1xx), and responses to
    /// what was not asked.
    pub others: Vec<(bool, Message)>,
    /// `$` frames that `a` sent (RFC 2326 10.12).
    pub frames_a: Vec<Frame>,
    /// `$` frames that `b` sent.
    pub frames_b: Vec<Frame>,
    /// Octets of `a` that are neither message nor frame.
    pub residue_a: Vec<Range<usize>>,
    /// Octets of `b` that are neither message nor frame.
    pub residue_b: Vec<Range<usize>>,
}

/// A request and what came back.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What was asked.
    pub request: Message,
    /// What was answered.
    pub response: Option<Message>,
}

/// A request or a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Where it lies in its stream, with the empty lines that follow it.
    pub range: Range<usize>,
    /// Method of a request; empty in a response.
    pub method: String,
    /// URI of a request.
    pub uri: String,
    /// Status code of a response; 0 in a request.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Message {
    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// The session description in the body, if it is one.
    pub fn sdp(&self) -> Option<Sdp> {
        Sdp::parse(&self.body)
    }

    fn is_request(&self) -> bool {
        self.status == 0
    }
}

impl Dialogue {
    /// All messages of either side.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.exchanges
            .iter()
            .flat_map(|e| std::iter::once(&e.request).chain(&e.response))
            .chain(self.others.iter().map(|(_, message)| message))
    }
}

/// An interleaved frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Channel.
    pub channel: u8,
    /// Where its payload lies in its stream (the 4 octets before are its header).
    pub payload: Range<usize>,
}

/// Reads two directions as RTSP by their content: `a` is the client. `None`
/// if nothing in them is an RTSP message.
pub fn read(from_a: &Stream, from_b: &Stream) -> Option<Dialogue> {
    let dialogue = read_any(from_a, from_b);
    let speaks = dialogue.messages().next().is_some();
    speaks.then_some(dialogue)
}

/// The same where nobody knows what was said before, such as in a connection that was
/// joined in the middle: there may be frames without any message.
pub fn read_any(from_a: &Stream, from_b: &Stream) -> Dialogue {
    let (a, b) = (scan(from_a), scan(from_b));
    let mut dialogue = Dialogue {
        frames_a: a.frames,
        frames_b: b.frames,
        residue_a: a.residue,
        residue_b: b.residue,
        ..Dialogue::default()
    };
    pair(&mut dialogue, a.messages, b.messages);
    dialogue
}

/// Interleaved frames in one such direction.
pub fn frames(stream: &Stream) -> Vec<Frame> {
    scan(stream).frames
}

fn pair(dialogue: &mut Dialogue, from_a: Vec<Message>, from_b: Vec<Message>) {
    let mut open: BTreeMap<String, VecDeque<usize>> = BTreeMap::new();
    for message in from_a {
        if message.is_request() {
            let sequence = message.header("cseq").unwrap_or_default();
            open.entry(sequence.to_owned())
                .or_default()
                .push_back(dialogue.exchanges.len());
            dialogue.exchanges.push(Exchange {
                request: message,
                response: None,
            });
        } else {
            dialogue.others.push((true, message));
        }
    }
    let mut first_open = 0;
    for message in from_b {
        if message.is_request() || message.status < 200 {
            dialogue.others.push((false, message));
            continue;
        }
        let index = match message.header("cseq") {
            Some(sequence) => open.get_mut(sequence).and_then(VecDeque::pop_front),
            None => {
                let waiting = &dialogue.exchanges[first_open..];
                let answered = waiting.iter().take_while(|e| e.response.is_some());
                first_open += answered.count();
                Some(first_open)
            }
        };
        match index.and_then(|index| dialogue.exchanges.get_mut(index)) {
            Some(exchange) if exchange.response.is_none() => exchange.response = Some(message),
            _ => dialogue.others.push((false, message)),
        }
    }
}

#[derive(Default)]
struct Scan {
    messages: Vec<Message>,
    frames: Vec<Frame>,
    residue: Vec<Range<usize>>,
}

fn scan(stream: &Stream) -> Scan {
    let bytes = &stream.bytes;
    let mut scan = Scan::default();
    let mut next_message = find_message(bytes, 0);
    let mut gaps = stream.gaps.iter().copied().peekable();
    // Framing is known from a message or frame that ended right here.
    let mut synchronised = false;
    let mut at = 0;
    while at < bytes.len() {
        while let Some(gap) = gaps.next_if(|&gap| gap <= at) {
            synchronised &= gap != at;
        }
        let end = gaps.peek().map_or(bytes.len(), |gap| bytes.len().min(*gap));
        if next_message.is_some_and(|message| message < at) {
            next_message = find_message(bytes, at);
        }
        if let Some(message) = read_message(bytes, at, end) {
            at = message.range.end;
            scan.messages.push(message);
            synchronised = true;
            continue;
        }
        let limit = next_message.map_or(end, |message| end.min(message));
        if synchronised && let Some(frame) = frame(bytes, at, end) {
            at = frame.payload.end;
            scan.frames.push(frame);
            continue;
        }
        let start = at;
        let dollars = memchr_iter(b'$', bytes.get(at..limit).unwrap_or_default());
        let mut places = dollars.map(|dollar| at + dollar);
        let found = places.find_map(|at| lone_frame(bytes, at, limit, end));
        at = match &found {
            Some(frame) => frame.payload.start - 4,
            // What looked like a message and was none must not hold us up.
            None => limit.max(start + 1),
        };
        match scan.residue.last_mut() {
            Some(last) if last.end == start => last.end = at,
            _ if at > start => scan.residue.push(start..at),
            _ => {}
        }
        synchronised = false;
        if let Some(frame) = found {
            at = frame.payload.end;
            scan.frames.push(frame);
            synchronised = true;
        }
    }
    scan
}

/// A frame at `at` that ends before `end`.
fn frame(bytes: &[u8], at: usize, end: usize) -> Option<Frame> {
    let &[b'$', channel, high, low] = bytes.get(at..at + 4)? else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let payload = at + 4..at + 4 + length;
    (payload.end <= end).then_some(Frame { channel, payload })
}

/// A frame amid garbage: it has to carry RTP or RTCP and to be followed by
/// another frame or a message, or by nothing.
fn lone_frame(bytes: &[u8], at: usize, limit: usize, end: usize) -> Option<Frame> {
    let frame = frame(bytes, at, limit)?;
    let payload = &bytes[frame.payload.clone()];
    let after = frame.payload.end;
    let followed = after == end || bytes[after] == b'$' || starts_message(&bytes[after..end]);
    (followed && (is_rtp(payload) || is_rtcp(payload))).then_some(frame)
}

/// Where the next message begins at or behind `from`.
fn find_message(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(skip) = memmem::find(&bytes[at..], b"RTSP/") {
        let version = at + skip;
        if is_status_line(&bytes[version..]) {
            return Some(version);
        }
        if ends_request_line(&bytes[version..])
            && let Some(start) = request_start(bytes, from, version)
        {
            return Some(start);
        }
        at = version + 5;
    }
    None
}

/// The beginning of the request line whose version lies at `version`, not
/// before `from`. It is looked for within its line only.
fn request_start(bytes: &[u8], from: usize, version: usize) -> Option<usize> {
    let floor = from.max(version.saturating_sub(MAX_LINE));
    let line = bytes.get(floor..version)?.strip_suffix(b" ")?;
    let uri = line.iter().rev().take_while(|&&o| is_visible(o)).count();
    let line = line[..line.len() - uri].strip_suffix(b" ")?;
    let method = line.iter().rev().take_while(|&&o| is_token(o)).count();
    let method = method.min(MAX_METHOD);
    (uri > 0 && method > 0).then_some(floor + line.len() - method)
}

fn starts_message(bytes: &[u8]) -> bool {
    is_status_line(bytes) || request_line(bytes).is_some()
}

/// `RTSP/1.0 200`
fn is_status_line(bytes: &[u8]) -> bool {
    is_version(bytes)
        && bytes.get(8) == Some(&b' ')
        && bytes
            .get(9..12)
            .is_some_and(|code| code.iter().all(u8::is_ascii_digit))
}

/// Method and URI of the request line at the beginning.
fn request_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let method = bytes.iter().take(MAX_METHOD + 1);
    let method = method.take_while(|&&o| is_token(o)).count();
    let rest = bytes[method..].strip_prefix(b" ")?;
    let uri = rest.iter().take(MAX_LINE);
    let uri = uri.take_while(|&&o| is_visible(o)).count();
    let version = rest[uri..].strip_prefix(b" ")?;
    let fits = (1..=MAX_METHOD).contains(&method) && uri > 0 && ends_request_line(version);
    fits.then_some((&bytes[..method], &rest[..uri]))
}

/// `RTSP/1.0` and the end of the line.
fn ends_request_line(bytes: &[u8]) -> bool {
    is_version(bytes) && matches!(bytes.get(8), Some(b'\r' | b'\n'))
}

fn is_version(bytes: &[u8]) -> bool {
    matches!(bytes, [b'R', b'T', b'S', b'P', b'/', major, b'.', minor, ..]
        if major.is_ascii_digit() && minor.is_ascii_digit())
}

/// RFC 2326 15.1: token.
fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}

/// What a URI may be made of; tolerant of octets above ASCII.
fn is_visible(octet: u8) -> bool {
    octet > b' ' && octet != 0x7f
}

/// The message that begins at `at`. It ends at the latest at `end`, before
/// another start line, and before what cannot be a header.
fn read_message(bytes: &[u8], at: usize, end: usize) -> Option<Message> {
    let head_end = end.min(at + MAX_HEAD);
    let mut message = start_line(&bytes[at..head_end])?;
    let mut cursor = at + line(&bytes[at..head_end])?.len();
    let mut complete = false;
    while let Some(text) = line(&bytes[cursor..head_end]) {
        let content = text.trim_ascii_end();
        if content.is_empty() {
            cursor += text.len();
            complete = true;
            break;
        }
        let readable = content.iter().all(|&o| o >= b' ' || o == b'\t');
        if !readable || starts_message(text) {
            break;
        }
        cursor += text.len();
        header_line(&mut message, content);
    }
    if complete {
        let length = message
            .header("content-length")
            .and_then(|v| v.trim().parse::<usize>().ok())
            .filter(|&length| length <= MAX_BODY)
            .unwrap_or(0);
        let body = cursor..end.min(cursor + length);
        cursor = body.end;
        message.body = bytes[body].to_vec();
        let empty = bytes[cursor..end].iter();
        cursor += empty.take_while(|o| matches!(o, b'\r' | b'\n')).count();
    }
    message.range = at..cursor;
    Some(message)
}

/// A line with its LF; what is left if none ends.
fn line(bytes: &[u8]) -> Option<&[u8]> {
    let length = bytes.iter().position(|&o| o == b'\n').map(|at| at + 1);
    let line = &bytes[..length.unwrap_or(bytes.len())];
    (!line.is_empty()).then_some(line)
}

fn start_line(bytes: &[u8]) -> Option<Message> {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    if is_status_line(bytes) {
        return Some(Message {
            status: text(&bytes[9..12]).parse().ok().filter(|code| *code > 0)?,
            ..Message::default()
        });
    }
    let (method, uri) = request_line(bytes)?;
    Some(Message {
        method: text(method),
        uri: text(uri),
        ..Message::default()
    })
}

/// Adds a header, or continues the last one (folding).
fn header_line(message: &mut Message, content: &[u8]) {
    let text = String::from_utf8_lossy(content);
    if text.starts_with([' ', '\t']) {
        if let Some((_, value)) = message.headers.last_mut() {
            value.push(' ');
            value.push_str(text.trim());
        }
    } else if let Some((name, value)) = text.split_once(':')
        && message.headers.len() < MAX_HEADERS
    {
        let header = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
        message.headers.push(header);
    }
}

#[cfg(test)]
mod tests;

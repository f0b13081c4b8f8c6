//! HTTP/1.x (RFC 9112) without media, WebSocket (RFC 6455) behind it, HTTP/2 without
//! TLS (RFC 9113), and SIP over TCP (RFC 3261), whose messages have the same form.

use std::collections::BTreeMap;

use crate::{
    dissect::{Flow, Stream, http::Head},
    inspect::{Claim, Standing},
};

use super::{
    form::{Form, Frame},
    streams::{chain, gap},
    tunnel,
};

/// Octets of a head that are read, and messages of a direction.
const MOST_HEAD: usize = 64 << 10;
const MOST_MESSAGES: usize = 4096;
/// Octets of content of which nobody says what it is, that may be anything.
const MOST_OPAQUE: usize = 16 << 10;
/// Octets of the data of HTTP/2, WebSocket.
const MOST_DATA: usize = 64 << 10;

/// How a client of HTTP/2 begins (RFC 9113 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a direction says.
#[derive(Default)]
struct Side {
    requests: usize,
    responses: usize,
    sip: usize,
    /// Octets of messages, and those that are none.
    read: usize,
    unread: usize,
    /// Content by its type: how often, how many octets.
    content: BTreeMap<String, (usize, usize)>,
    /// Types of sound and pictures that content is said to be of.
    media: Option<String>,
    /// Octets of content of which nothing says what it is.
    opaque: usize,
    /// Where the head ends that led to another protocol, and its name.
    switched: Option<(usize, String)>,
}

/// HTTP, or SIP, and what it leads to.
pub(super) fn recognise(flow: &Flow, depth: usize) -> Option<Claim> {
    let place = flow.from_a.place(0).or_else(|| flow.from_b.place(0));
    if let Some(claim) = http2(flow) {
        return Some(claim.at(place));
    }
    let (a, b) = (read(&flow.from_a), read(&flow.from_b));
    let messages = a.requests + a.responses + b.requests + b.responses;
    let sip = a.sip + b.sip;
    if messages + sip == 0 {
        return None;
    }
    if let (Some((end_a, to)), Some((end_b, _))) = (&a.switched, &b.switched) {
        if to == "websocket" {
            return Some(websocket(flow, (*end_a, *end_b)).at(place));
        }
        if depth < 3 && to == "connect" {
            return Some(tunnel::behind(
                flow,
                depth,
                "http-connect",
                "HTTP CONNECT",
                (*end_a, *end_b),
            ));
        }
    }
    let (read, unread) = (a.read + b.read, a.unread + b.unread);
    if sip > 0 && unread * 10 <= read {
        let reason = format!("{sip} messages of SIP in clear follow each other");
        return Some(Claim::other("sip", reason).at(place));
    }
    let mut content = a.content;
    for (kind, (times, octets)) in b.content {
        let sum = content.entry(kind).or_default();
        *sum = (sum.0 + times, sum.1 + octets);
    }
    let mut reason = format!(
        "{} requests and {} responses of HTTP in clear",
        a.requests + b.requests,
        a.responses + b.responses
    );
    let mut content: Vec<_> = content.into_iter().collect();
    content.sort_by_key(|(_, (_, octets))| std::cmp::Reverse(*octets));
    let told: Vec<_> = content
        .iter()
        .take(4)
        .map(|(kind, (times, octets))| format!("{times} of {kind} ({octets} octets)"))
        .collect();
    if !told.is_empty() {
        reason += &format!("; content: {}", told.join(", "));
    }
    let unknown = |kind: &str, reason: String| Claim {
        standing: Standing::Unknown,
        ..Claim::other(kind, reason)
    };
    let claim = if unread * 10 > read {
        unknown(
            "http",
            format!("{reason}; {unread} octets belong to no message that was captured"),
        )
    } else if let Some(media) = a.media.or(b.media) {
        unknown(
            "http/media",
            format!("{reason}; {media} is sound or pictures"),
        )
    } else if a.opaque + b.opaque > MOST_OPAQUE {
        let opaque = a.opaque + b.opaque;
        unknown(
            "http/data",
            format!("{reason}; nothing says what {opaque} octets are"),
        )
    } else {
        Claim::other("http", reason)
    };
    Some(claim.at(place))
}

/// Whether a message begins there, and of what: a request or a response of HTTP, or
/// of SIP.
fn begins(octets: &[u8]) -> Option<Begins> {
    let line = octets.get(..octets.len().min(8192))?;
    if line.starts_with(b"HTTP/1.") || line.starts_with(b"HTTP/2 ") || line.starts_with(b"ICY 200")
    {
        return Some(Begins::Response);
    }
    if line.starts_with(b"SIP/2.0 ") {
        return Some(Begins::Sip);
    }
    let method = line
        .iter()
        .take(24)
        .take_while(|o| o.is_ascii_uppercase() || matches!(o, b'-' | b'_'))
        .count();
    if method < 3 || line.get(method) != Some(&b' ') {
        return None;
    }
    let end = line.iter().position(|&o| o == b'\n');
    let line = line.get(..end.unwrap_or(line.len()))?.trim_ascii_end();
    let clean = line.iter().all(|&o| o >= 0x20);
    if !clean {
        return None;
    }
    if line.ends_with(b" SIP/2.0") {
        return Some(Begins::Sip);
    }
    let version = line.len().checked_sub(9).and_then(|at| line.get(at..))?;
    let whole = version.starts_with(b" HTTP/1.") || version.starts_with(b" HTTP/0.");
    // A line so long that its end was not captured.
    let target = line.get(method + 1..)?;
    let cut = end.is_none() && (target.starts_with(b"/") || target.starts_with(b"http://"));
    (whole || cut && line.len() >= 16).then_some(Begins::Request)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    Request,
    Response,
    Sip,
}

fn read(stream: &Stream) -> Side {
    let octets = &stream.bytes;
    let mut side = Side::default();
    let mut at = 0;
    let mut adrift = false;
    while at < octets.len() {
        let rest = octets.get(at..).unwrap_or_default();
        let count = side.requests + side.responses + side.sip;
        if count > MOST_MESSAGES {
            break;
        }
        if let Some(begins) = begins(rest) {
            let end = at + side.message(rest, begins);
            let gap = gap(stream, at, end);
            adrift = gap.is_some();
            let end = gap.unwrap_or(end).min(octets.len()).max(at + 1);
            side.read += end - at;
            if side.switched.is_some() {
                break;
            }
            at = end;
            continue;
        }
        // Line ends between messages (RFC 9112 2.2, RFC 5626 4.4.1).
        let idle = rest.iter().take_while(|o| b"\r\n".contains(o)).count();
        if idle > 0 {
            side.read += idle;
            at += idle;
            continue;
        }
        let next = stream.pieces.partition_point(|piece| piece.at <= at);
        let next = stream.pieces.get(next).map_or(octets.len(), |p| p.at);
        adrift |= stream.gaps.binary_search(&at).is_ok();
        // What is behind a gap and before the next head is content of the message
        // before it.
        match adrift && count > 0 {
            true => side.read += next - at,
            false => side.unread += next - at,
        }
        at = next;
    }
    side
}

impl Side {
    /// Reads a message; how many octets it has.
    fn message(&mut self, octets: &[u8], begins: Begins) -> usize {
        let head = octets
            .get(..octets.len().min(MOST_HEAD))
            .unwrap_or_default();
        let ends = memchr::memmem::find(head, b"\r\n\r\n").map(|at| at + 4);
        let ends = ends.or_else(|| memchr::memmem::find(head, b"\n\n").map(|at| at + 2));
        let end = ends.unwrap_or(octets.len());
        match begins {
            Begins::Request => self.requests += 1,
            Begins::Response => self.responses += 1,
            Begins::Sip => self.sip += 1,
        }
        let behind = octets.get(end..).unwrap_or_default();
        if begins == Begins::Sip {
            return end + sip_content(head.get(..end).unwrap_or(head)).min(behind.len());
        }
        let Some(head) = Head::parse(octets.get(..end).unwrap_or_default()) else {
            return end;
        };
        let upgrade = head
            .value("upgrade")
            .unwrap_or_default()
            .to_ascii_lowercase();
        if upgrade == "websocket" && matches!(head.status, 0 | 101) {
            self.switched = Some((end, upgrade));
            return end;
        }
        let connects = head.method == "CONNECT"
            || head.status == 200
                && self.requests == 0
                && self.responses == 1
                && is_established(octets);
        if connects {
            self.switched = Some((end, "connect".to_owned()));
            return end;
        }
        let length = self.content(&head, behind);
        end + length
    }

    /// Reads the content behind a head; how many octets it has.
    fn content(&mut self, head: &Head, behind: &[u8]) -> usize {
        if matches!(head.status, 100..=199 | 204 | 304) {
            return 0;
        }
        let stated = head
            .value("content-length")
            .and_then(|n| n.trim().parse::<usize>().ok());
        let chunked = head.has("transfer-encoding", "chunked");
        // A response to HEAD states a length and has no content: another head follows.
        let none = stated.is_some() && head.status > 0 && behind.starts_with(b"HTTP/1.");
        let octets = match (chunked, stated) {
            _ if none => 0,
            (true, _) => chunks(behind),
            (false, Some(length)) => length,
            (false, None) if head.status == 0 => 0,
            (false, None) => behind.len(),
        };
        let captured = octets.min(behind.len());
        if captured == 0 {
            return octets;
        }
        let kind = head.value("content-type").unwrap_or("no type");
        let kind = kind
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let kind: String = kind
            .chars()
            .filter(|c| c.is_ascii_graphic())
            .take(60)
            .collect();
        let is_media = kind.starts_with("video/")
            || kind.starts_with("audio/") && !kind.contains("mpegurl")
            || kind.starts_with("multipart/x-mixed")
            || kind.starts_with("image/")
                && ![
                    "image/gif",
                    "image/svg+xml",
                    "image/x-icon",
                    "image/vnd.microsoft.icon",
                    "image/bmp",
                ]
                .contains(&kind.as_str());
        if is_media && self.media.is_none() {
            self.media = Some(kind.clone());
        }
        let said = kind.starts_with("text/")
            || [
                "json",
                "xml",
                "javascript",
                "urlencoded",
                "font",
                "zip",
                "pdf",
                "html",
                "mpegurl",
                "image/",
            ]
            .iter()
            .any(|k| kind.contains(k))
            || head.value("content-encoding").is_some();
        let sample = behind.get(..captured.min(512)).unwrap_or_default();
        let is_text = std::str::from_utf8(sample)
            .is_ok_and(|t| !t.chars().any(|c| c.is_control() && !"\t\r\n".contains(c)));
        // Where neither the type nor the first octets say what it is, it may be the
        // recording of a camera in its maker's own format.
        if !said && !is_text && !is_file(sample) {
            self.opaque += captured;
        }
        let sum = self.content.entry(kind).or_default();
        *sum = (sum.0 + 1, sum.1 + captured);
        octets
    }
}

/// Whether content begins as an archive, a program, a font or a document does.
fn is_file(octets: &[u8]) -> bool {
    const BEGINNINGS: &[&[u8]] = &[
        b"MZ",
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
        b"MSCF\0\0\0\0",
        b"\x7fELF",
        b"7z\xbc\xaf\x27\x1c",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"Rar!\x1a\x07",
        b"%PDF-",
        b"!<arch>\n",
        b"wOFF",
        b"wOF2",
        b"OTTO",
        b"\0\x01\0\0\0",
        b"\0asm",
        b"\xca\xfe\xba\xbe",
        b"SQLite format 3\0",
        b"Cr24",
        b"CrOD",
        b"BZh",
        b"FWS",
        b"CWS",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"GIF8",
        b"dex\n",
        b"hsqs",
        b"\x27\x05\x19\x56",
        b"\xd0\x0d\xfe\xed",
        b"\xd4\xc3\xb2\xa1",
        b"\x0a\x0d\x0d\x0a",
    ];
    BEGINNINGS.iter().any(|begins| octets.starts_with(begins))
}

/// `200 Connection established`, without content (RFC 9110 9.3.6).
fn is_established(octets: &[u8]) -> bool {
    let line = octets
        .split(|&o| o == b'\n')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    memchr::memmem::find(&line, b"established").is_some()
}

/// Content-Length, or `l` (RFC 3261 20.14).
fn sip_content(head: &[u8]) -> usize {
    let length = head.split(|&o| o == b'\n').find_map(|line| {
        let line = std::str::from_utf8(line).ok()?;
        let (name, value) = line.split_once(':')?;
        let named = ["content-length", "l"].contains(&name.trim().to_ascii_lowercase().as_str());
        if named {
            value.trim().parse().ok()
        } else {
            None
        }
    });
    length.unwrap_or(0)
}

/// Octets of chunked content (RFC 9112 7.1), as far as it was captured.
fn chunks(octets: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let rest = octets.get(at..).unwrap_or_default();
        let Some(line) = rest.iter().take(1024).position(|&o| o == b'\n') else {
            return octets.len();
        };
        let size = String::from_utf8_lossy(rest.get(..line).unwrap_or_default());
        let size = size.split(';').next().unwrap_or_default().trim();
        match usize::from_str_radix(size, 16) {
            Ok(0) => {
                let trailers = rest.get(line + 1..).unwrap_or_default();
                let end = match trailers.starts_with(b"\r\n") {
                    true => 2,
                    false => memchr::memmem::find(trailers, b"\r\n\r\n")
                        .map_or(trailers.len(), |e| e + 4),
                };
                return at + line + 1 + end;
            }
            Ok(size) if size <= rest.len() => at += line + 1 + size + 2,
            _ => return octets.len(),
        }
        if at >= octets.len() {
            return octets.len();
        }
    }
}

/// Frames behind the heads of both sides (RFC 6455 5.2).
fn websocket(flow: &Flow, heads: (usize, usize)) -> Claim {
    let sides = [
        tunnel::after(&flow.from_a, heads.0),
        tunnel::after(&flow.from_b, heads.1),
    ];
    let chains: Vec<_> = sides
        .iter()
        .filter_map(|side| chain(side, websocket_frame))
        .collect();
    let binary: usize = sides
        .iter()
        .map(|side| chain(side, binary_frame).map_or(0, |c| c.read))
        .sum();
    let frames: usize = chains.iter().map(|chain| chain.messages).sum();
    let octets: usize = sides.iter().map(|side| side.bytes.len()).sum();
    let reason = format!("an upgrade to WebSocket in clear, and {frames} frames");
    let binary = binary > MOST_DATA || chains.len() < 2 || chains.iter().any(|c| c.unread > 0);
    match binary && octets > 0 {
        true => Claim::unknown("websocket", format!("{reason}, not all of them text")),
        false => Claim::other("websocket", reason),
    }
}

fn websocket_frame(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let first = form.u8()?;
    form.must(
        first & 0x30 == 0 && matches!(first & 0xf, 0..=2 | 8..=10),
        3,
    )?;
    let second = form.u8()?;
    let length = match second & 0x7f {
        126 => usize::from(form.u16()?),
        127 => {
            form.zeros(4)?;
            usize::try_from(form.u32()?).ok()?
        }
        length => usize::from(length),
    };
    let mask = if second & 0x80 != 0 { 4 } else { 0 };
    form.frame(form.at() + mask + length)
}

/// A frame of which the reader does not know that it is text: all are read, those of
/// text count nothing.
fn binary_frame(octets: &[u8]) -> Option<Frame> {
    let first = octets.first()? & 0xf;
    let frame = websocket_frame(octets)?;
    (first != 1 || frame.octets < 2).then_some(frame)
}

/// Frames of HTTP/2 behind the preface.
fn http2(flow: &Flow) -> Option<Claim> {
    let a = flow.from_a.bytes.starts_with(PREFACE);
    let b = flow.from_b.bytes.starts_with(PREFACE);
    if !a && !b {
        return None;
    }
    let skip = |begins: bool| if begins { PREFACE.len() } else { 0 };
    let sides = [
        tunnel::after(&flow.from_a, skip(a)),
        tunnel::after(&flow.from_b, skip(b)),
    ];
    let chains = [
        chain(&sides[0], http2_frame)?,
        chain(&sides[1], http2_frame)?,
    ];
    let frames = chains[0].messages + chains[1].messages;
    let data: usize = sides.iter().map(http2_data).sum();
    let reason =
        format!("HTTP/2 in clear: the preface and {frames} frames, with {data} octets of data");
    Some(match data > MOST_DATA {
        true => Claim::unknown("h2c", reason),
        false => Claim::other("h2c", reason),
    })
}

fn http2_frame(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let length = form.u24()?;
    form.must(length <= 1 << 20, 4)?;
    form.u8_in(0..=0x10)?;
    form.skip(1)?;
    let stream = form.u32()?;
    form.must(stream >> 31 == 0, 1)?;
    form.frame(9 + usize::try_from(length).ok()?)
}

fn http2_data(side: &Stream) -> usize {
    let (mut at, mut data) = (0, 0);
    while let Some(rest) = side.bytes.get(at..) {
        let Some(frame) = http2_frame(rest) else {
            break;
        };
        if rest.get(3) == Some(&0) {
            data += frame.octets.min(rest.len()).saturating_sub(9);
        }
        at += frame.octets;
    }
    data
}

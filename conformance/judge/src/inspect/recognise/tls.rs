//! TLS (RFC 8446, RFC 5246) and SSL (RFC 6101) over TCP: by the hello of either
//! side, wherever in the flow it is said, or by records over the whole flow.

mod hello;
#[cfg(test)]
mod tests;

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{
        Flow, Stream,
        tls::{
            self, HEADER, null,
            suite::{is_null, weakness},
            walk::Walk,
        },
    },
    inspect::{Claim, Scene},
    open,
};
use hello::{Hello, Said};

/// Octets that a record has at most, with its header: so many may be before the
/// first header of a direction that was joined.
const MOST_UNREAD: usize = 5 + (1 << 14) + 2048;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Tcp {
        return Vec::new();
    }
    let sides = [Side::read(&flow.from_a), Side::read(&flow.from_b)];
    let claim = match sides.iter().any(|side| side.hello.is_some()) {
        true => shaken(&sides),
        false => joined(&sides),
    };
    claim.into_iter().collect()
}

/// What is said inside sessions whose suite does not encrypt, or whose secrets came
/// with the capture.
pub(super) fn inside(scene: &Scene<'_>) -> Vec<(usize, Claim)> {
    super::inside(scene, |flow| {
        unencrypted(flow).or_else(|| with_secrets(scene, flow))
    })
}

/// The application data of a session whose secrets came with the capture.
fn with_secrets(scene: &Scene<'_>, flow: &Flow) -> Option<(&'static str, Flow)> {
    if scene.keys.is_empty() {
        return None;
    }
    let reading = tls::read(flow)?;
    let opened = open::open(flow, &reading, &scene.keys).ok()?;
    let inner = flow.carrying(opened.from_a, opened.from_b);
    Some(("tls-secrets", inner))
}

/// The application data of a session whose suite does not encrypt.
fn unencrypted(flow: &Flow) -> Option<(&'static str, Flow)> {
    if flow.transport != TransportProtocol::Tcp {
        return None;
    }
    let hellos = [&flow.from_a, &flow.from_b].map(Hello::find);
    let chosen = hellos
        .iter()
        .flatten()
        .find_map(|hello| match &hello.said {
            Said::Server(hello) => hello.as_ref(),
            Said::Client(_) => None,
        })?;
    if !is_null(chosen.cipher_suite) {
        return None;
    }
    let begins = |hello: &Option<Hello>| hello.as_ref().map_or(0, |hello| hello.records_at);
    let [a, b] = &hellos;
    let inner = |stream, from| null::application_data(stream, from, chosen);
    let inner = flow.carrying(
        inner(&flow.from_a, begins(a))?,
        inner(&flow.from_b, begins(b))?,
    );
    Some(("tls-null", inner))
}

/// What one end sent.
struct Side<'a> {
    stream: &'a Stream,
    hello: Option<Hello>,
    walk: Walk,
}

impl<'a> Side<'a> {
    fn read(stream: &'a Stream) -> Self {
        let hello = Hello::find(stream);
        let (from, aligned) = match &hello {
            Some(hello) => (hello.records_at, true),
            None => (0, false),
        };
        let walk = match hello.as_ref().is_some_and(|hello| hello.ssl2) {
            true => Walk::default(),
            false => Walk::of(stream, from, aligned),
        };
        Self {
            stream,
            hello,
            walk,
        }
    }

    fn is_silent(&self) -> bool {
        self.stream.bytes.is_empty()
    }
}

/// One end said hello, or both did.
fn shaken(sides: &[Side<'_>; 2]) -> Option<Claim> {
    let hello = |server: bool| {
        let mut said = sides.iter().filter_map(|s| Some((s, s.hello.as_ref()?)));
        said.find(|(_, hello)| matches!(hello.said, Said::Server(_)) == server)
    };
    let (client, server) = (hello(false), hello(true));
    let (first, begins) = client.or(server)?;
    let place = first.stream.place(begins.at);
    // What somebody tells of a handshake, amid other data.
    if sides.iter().any(|s| {
        let late = s.hello.as_ref().is_some_and(|hello| hello.at > 0);
        late && s.walk.stray > 0
    }) {
        return None;
    }
    if let Some((_, hello)) = server.filter(|(_, hello)| hello.ssl2) {
        let reason = "ClientHello or ServerHello of SSL 2".to_owned();
        let claim = Claim::sealed("ssl2", format!("{}{reason}", behind(hello.at, place)));
        let why = "SSL 2 (RFC 6176 forbids it)".to_owned();
        return Some(claim.weak(Some(why)).at(place));
    }
    if client.is_some() && server.is_none() {
        let other = sides.iter().find(|s| s.hello.is_none());
        if let Some(answer) = other.filter(|s| !s.is_silent() && s.walk.records == 0) {
            if let Some(claim) = unanswered(first, answer) {
                return Some(claim.at(place));
            }
            // Amid other data, and the other end says nothing of TLS.
            if begins.at > 0 {
                return None;
            }
        }
    }
    let chosen = server.and_then(|(_, hello)| match &hello.said {
        Said::Server(hello) => hello.as_ref(),
        Said::Client(_) => None,
    });
    let offered = client.and_then(|(_, hello)| match &hello.said {
        Said::Client(hello) => hello.as_ref(),
        Said::Server(_) => None,
    });
    let records: usize = sides.iter().map(|s| s.walk.records).sum();
    let application: usize = sides.iter().map(|s| s.walk.application).sum();
    let text: usize = sides.iter().map(|s| s.walk.text).sum();
    let stray: usize = sides.iter().map(|s| s.walk.stray).sum();
    let whole: usize = sides.iter().map(|s| s.walk.octets).sum();
    let seen = match (client.is_some(), server.is_some()) {
        (true, true) => "ClientHello and ServerHello",
        (true, false) => "a ClientHello",
        _ => "a ServerHello",
    };
    let version = chosen.map(|hello| hello.version).or_else(|| {
        // Records of application data tell it up to TLS 1.1.
        let told = sides.iter().find_map(|s| s.walk.version);
        told.filter(|version| *version < tls::TLS12)
    });
    let what = match (records, application, server.is_some()) {
        (_, 0, false) => "no application data were sent".to_owned(),
        (records, application, _) => {
            format!("{records} records, {application} of them application data")
        }
    };
    let mut reason = format!("{}{seen}; {what}", behind(begins.at, place));
    if let Some(hello) = chosen {
        reason = format!("{reason}; suite 0x{:04x}", hello.cipher_suite);
    }
    if chosen.is_some_and(|hello| is_null(hello.cipher_suite) && hello.cipher_suite != 0) {
        reason = format!("{reason}, which does not encrypt");
        return Some(not_encrypted(reason, text > 0).at(place));
    }
    if text > 0 {
        let reason = format!("{reason}; {text} of them begin with text in clear");
        return Some(not_encrypted(reason, true).at(place));
    }
    if stray > 0 {
        let at = sides.iter().find_map(|s| s.stream.place(s.walk.stray_at?));
        let packet = at.map_or(0, |place| place.packet);
        reason = format!("{reason}; {stray} octets from packet {packet} on are no records");
        if stray > whole / 8 {
            return Some(Claim::unknown("tls?", reason).at(place));
        }
    }
    let kind = version.map_or("tls", name);
    let weak = weak(version, chosen.map(|hello| hello.cipher_suite)).or_else(|| {
        let highest = offered?.highest_version();
        let old = chosen.is_none() && highest < tls::TLS12;
        old.then(|| format!("nothing above {} is offered", name(highest)))
    });
    let is_whole = begins.at == 0 && stray == 0;
    let claim = Claim::sealed(kind, reason).weak(weak);
    Some(claim.at(place).whole(is_whole))
}

/// Something else answered a ClientHello, in text.
fn unanswered(client: &Side<'_>, answer: &Side<'_>) -> Option<Claim> {
    let begins = answer
        .stream
        .bytes
        .get(..12)
        .unwrap_or(&answer.stream.bytes);
    let text = begins.iter().all(|o| matches!(o, 9 | 10 | 13 | 32..=126));
    let late = client.hello.as_ref().is_none_or(|hello| hello.at > 0);
    (text && !late && client.walk.application == 0).then(|| {
        Claim::other(
            "tls-refused",
            "a ClientHello that was answered in text, not by TLS: nothing was sealed",
        )
    })
}

/// Nobody said hello while it was captured.
fn joined(sides: &[Side<'_>; 2]) -> Option<Claim> {
    let held: usize = sides.iter().map(|s| s.walk.held).sum();
    let fits = sides.iter().all(|side| {
        let walk = &side.walk;
        walk.stray == 0 && walk.longest_unread <= MOST_UNREAD
    });
    let versions = sides.iter().fold(0, |all, side| all | side.walk.versions);
    // Of packets that were cut there are only beginnings.
    let headed: usize = sides.iter().map(|s| s.walk.headed).sum();
    if held == 0 && headed < 3 || !fits || versions.count_ones() != 1 {
        return None;
    }
    let whole: usize = sides.iter().map(|s| s.walk.octets).sum();
    let unread: usize = sides.iter().map(|s| s.walk.unread).sum();
    let records: usize = sides.iter().map(|s| s.walk.records).sum();
    // One record says little amid much that is none.
    if held + headed < 3 && unread > whole || held == 0 && unread > records * HEADER * 64 {
        return None;
    }
    let place = sides.iter().find_map(|s| s.stream.place(s.walk.first?.at));
    let text: usize = sides.iter().map(|s| s.walk.text).sum();
    let reason = format!(
        "joined after the handshake: {records} records of TLS over the whole flow; {held} lengths lead to the next record or to the end"
    );
    if text > 0 {
        let reason = format!("{reason}; {text} of them begin with text in clear");
        return Some(not_encrypted(reason, true).at(place));
    }
    let version = sides.iter().find_map(|s| Some(s.walk.first?.version))?;
    let old = (version < tls::TLS12).then_some(version);
    let claim = Claim::sealed(old.map_or("tls", name), reason);
    Some(claim.weak(weak(old, None)).at(place).whole(true))
}

fn not_encrypted(reason: String, text: bool) -> Claim {
    match text {
        true => Claim::other("tls-null", reason),
        false => Claim::unknown("tls-null", reason),
    }
}

fn behind(at: usize, place: Option<crate::dissect::Place>) -> String {
    let packet = place.map_or(0, |place| place.packet);
    match at {
        0 => String::new(),
        _ => format!("{at} octets in clear, then, from packet {packet} on: "),
    }
}

/// The word for a version.
pub(super) fn name(version: u16) -> &'static str {
    match version {
        0x0002 => "ssl2",
        0x0300 => "ssl3",
        0x0301 => "tls1.0",
        0x0302 => "tls1.1",
        tls::TLS12 => "tls1.2",
        tls::TLS13 | 0x7f00..=0x7fff | 0xfb00..=0xfbff => "tls1.3",
        _ => "tls",
    }
}

/// Why a version and a suite are weak.
fn weak(version: Option<u16>, suite: Option<u16>) -> Option<String> {
    let old = version.filter(|version| *version < tls::TLS12);
    let old = old.map(|version| match version {
        0x0301 => "TLS 1.0 (RFC 8996 forbids it)",
        0x0302 => "TLS 1.1 (RFC 8996 forbids it)",
        _ => "SSL 3 (RFC 7568 forbids it)",
    });
    let suite = suite.and_then(weakness);
    let why: Vec<_> = old.into_iter().chain(suite).collect();
    (!why.is_empty()).then(|| why.join("; "))
}

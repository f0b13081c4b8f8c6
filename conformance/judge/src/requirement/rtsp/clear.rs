//! What is to be had without TLS: RTSP-01, RTSP-03, RTSP-12, RTSP-13.

use std::{collections::BTreeSet, net::SocketAddr};

use lightleak_case::Vantage;

use super::super::evidence;
use crate::{
    dissect::{
        Flow, Span,
        http::Head,
        rtp,
        rtsp::{Dialogue, Message},
    },
    seen::{Connection, Seen},
    verdict::{Assurance, Evidence, Outcome},
};

/// Content type of the tunnel.
const TUNNELLED: &str = "application/x-rtsp-tunnelled";
/// RTSP in WebSocket (ONVIF Streaming 7.3.1.1).
const SUBPROTOCOL: &str = "rtsp.onvif.org";

/// Open ports of the device, and what they were asked in clear.
#[derive(Debug, Default)]
struct Ports {
    open: BTreeSet<SocketAddr>,
    /// Those that were asked for something in particular.
    asked: BTreeSet<SocketAddr>,
}

impl Ports {
    /// Looks for them; `asks` says whether a connection asks for it.
    fn of(seen: &Seen<'_>, asks: impl Fn(&Flow, &Connection) -> bool) -> Self {
        let mut ports = Self::default();
        for (flow, connection) in seen.served() {
            ports.open.insert(flow.b);
            if connection.tls.is_none() && asks(flow, connection) {
                ports.asked.insert(flow.b);
            }
        }
        ports
    }

    /// Those that were asked for a presentation.
    fn asked_to_describe(seen: &Seen<'_>) -> Self {
        Self::of(seen, |_, connection| {
            let exchanges = connection.dialogue.iter().flat_map(|d| &d.exchanges);
            exchanges
                .into_iter()
                .any(|e| e.request.method == "DESCRIBE")
        })
    }

    /// Why nothing is known, if one was not asked.
    fn unasked(&self, what: &str) -> Option<String> {
        if self.open.is_empty() {
            return Some("no open port was seen".into());
        }
        let port = self.open.difference(&self.asked).next()?;
        Some(format!("the open port {port} was not asked for {what}"))
    }
}

/// The open port that was not asked for RTSP without TLS, if there is one.
pub(in crate::requirement) fn unasked(seen: &Seen<'_>) -> Option<String> {
    Ports::asked_to_describe(seen).unasked("RTSP without TLS")
}

/// RTSP without TLS by which the device gives something, connection by
/// connection: what, in words, and where.
pub(in crate::requirement) fn deliveries<'a>(
    seen: &'a Seen<'_>,
) -> impl Iterator<Item = (&'a Flow, String, Span)> {
    in_clear(seen).filter_map(|(flow, connection)| {
        let dialogue = connection.dialogue.as_ref()?;
        let (what, span) = delivery(flow, dialogue)?;
        Some((flow, what, span))
    })
}

pub(super) fn no_delivery(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let found = deliveries(seen)
        .map(|(flow, what, span)| evidence(seen, span, format!("{} without TLS: {what}", flow.b)));
    let found: Vec<_> = found.collect();
    if let Some(first) = found.first() {
        return Outcome::Fail(first.why.clone(), found);
    }
    let ports = Ports::asked_to_describe(seen);
    if let Some(why) = ports.unasked("RTSP without TLS") {
        return Outcome::Inconclusive(why);
    }
    // Who asks for credentials gives something to who has them.
    let demand = in_clear(seen).find(|(_, connection)| {
        let exchanges = connection.dialogue.iter().flat_map(|d| &d.exchanges);
        let mut answers = exchanges.filter_map(|e| e.response.as_ref());
        answers.any(|response| response.status == 401)
    });
    match demand {
        Some((flow, _)) => Outcome::Inconclusive(format!(
            "{} speaks RTSP without TLS and demands credentials: what it gives to who has them was not seen",
            flow.b
        )),
        None => Outcome::Pass(
            Assurance::Absence,
            format!(
                "{} open ports were asked for RTSP without TLS, and gave nothing",
                ports.open.len()
            ),
        ),
    }
}

pub(super) fn no_keys(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    for (flow, connection) in in_clear(seen) {
        let messages = connection.dialogue.iter().flat_map(Dialogue::messages);
        for message in messages.filter(|m| m.status > 0) {
            let span = flow.from_b.span(message.range.start, message.range.len());
            if let (Some(what), Some(span)) = (tells_of_srtp(message), span) {
                let why = format!("{} without TLS: {what}", flow.b);
                found.push(evidence(seen, span, why));
            }
        }
    }
    let ports = Ports::asked_to_describe(seen);
    match (found.first(), ports.unasked("RTSP without TLS")) {
        (Some(first), _) => Outcome::Fail(first.why.clone(), found),
        (None, Some(why)) => Outcome::Inconclusive(why),
        (None, None) => Outcome::Pass(
            Assurance::Absence,
            format!("{} open ports described nothing of SRTP", ports.open.len()),
        ),
    }
}

pub(super) fn no_tunnel(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let asks = |head: &Head| head.method == "GET" && head.has("accept", TUNNELLED);
    let opens =
        |head: &Head| (200..300).contains(&head.status) && head.has("content-type", TUNNELLED);
    within_http(seen, "the HTTP tunnel", &asks, &opens)
}

pub(super) fn no_websocket(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let asks = |head: &Head| {
        head.has("upgrade", "websocket") && head.has("sec-websocket-protocol", SUBPROTOCOL)
    };
    let opens = |head: &Head| head.status == 101;
    within_http(seen, "RTSP in WebSocket", &asks, &opens)
}

fn within_http(
    seen: &Seen<'_>,
    what: &str,
    asks: &dyn Fn(&Head) -> bool,
    opens: &dyn Fn(&Head) -> bool,
) -> Outcome {
    let is_asked = |flow: &Flow| Head::parse(&flow.from_a.bytes).is_some_and(|head| asks(&head));
    let mut found: Vec<Evidence> = Vec::new();
    let (mut opened, mut refused) = (None, 0);
    for (flow, connection) in in_clear(seen).filter(|(flow, _)| is_asked(flow)) {
        let Some(head) = Head::parse(&flow.from_b.bytes) else {
            continue;
        };
        if !opens(&head) {
            refused += 1;
            continue;
        }
        opened = Some(flow.b);
        let delivered = connection.dialogue.as_ref().and_then(|d| delivery(flow, d));
        if let Some((delivered, span)) = delivered {
            let why = format!("{} opens {what} without TLS: {delivered}", flow.b);
            found.push(evidence(seen, span, why));
        }
    }
    let ports = Ports::of(seen, |flow, _| is_asked(flow));
    match (found.first(), opened, ports.unasked(what)) {
        (Some(first), ..) => Outcome::Fail(first.why.clone(), found),
        (None, Some(port), _) => Outcome::Inconclusive(format!(
            "{port} opens {what} without TLS; whether it gives something there was not seen"
        )),
        (None, None, Some(why)) => Outcome::Inconclusive(why),
        (None, None, None) if refused > 0 => Outcome::Pass(
            Assurance::Identified,
            format!("{what} was refused {refused} times without TLS"),
        ),
        (None, None, None) => Outcome::NotApplicable(format!(
            "none of {} open ports speaks HTTP without TLS",
            ports.open.len()
        )),
    }
}

/// Connections to the device that are no TLS.
fn in_clear<'a>(seen: &'a Seen<'_>) -> impl Iterator<Item = (&'a Flow, &'a Connection)> {
    seen.served().filter(|(_, c)| c.tls.is_none())
}

/// What the device gives in a dialogue, and where; a response by itself counts
/// as well, where the request was carried in some other way.
fn delivery(flow: &Flow, dialogue: &Dialogue) -> Option<(String, Span)> {
    const GIVES: [&str; 3] = ["DESCRIBE", "SETUP", "PLAY"];
    let place = |m: &Message| flow.from_b.span(m.range.start, m.range.len());
    let is_good = |m: &Message| (200..300).contains(&m.status);
    for exchange in &dialogue.exchanges {
        let method = exchange.request.method.as_str();
        let response = exchange.response.as_ref().filter(|r| is_good(r));
        if let (true, Some(response)) = (GIVES.contains(&method), response) {
            let what = format!("{method} was answered {}", response.status);
            return Some((what, place(response)?));
        }
    }
    let mut answers = dialogue.others.iter().filter(|(a, m)| !a && is_good(m));
    let telling = |m: &Message| {
        m.sdp().is_some() || m.header("transport").is_some() || m.header("rtp-info").is_some()
    };
    if let Some((_, message)) = answers.find(|(_, m)| telling(m)) {
        let what = format!("a request was answered {} with a stream", message.status);
        return Some((what, place(message)?));
    }
    // What looks like a frame is one only where RTSP is spoken.
    let speaks = dialogue.exchanges.iter().any(|e| e.response.is_some())
        || dialogue.others.iter().any(|(a, _)| !a);
    let mut frames = dialogue.frames_b.iter().filter(|_| speaks);
    let media = |range: &std::ops::Range<usize>| {
        flow.from_b
            .bytes
            .get(range.clone())
            .is_some_and(rtp::is_rtp)
    };
    let frame = frames.find(|f| media(&f.payload))?;
    let span = flow.from_b.span(frame.payload.start, frame.payload.len())?;
    Some((format!("media on channel {}", frame.channel), span))
}

/// RFC 3711 and how its keys are told (RFC 4567, RFC 4568).
fn tells_of_srtp(message: &Message) -> Option<String> {
    if message.header("keymgmt").is_some() {
        return Some("a KeyMgmt header".into());
    }
    let savp = |m: &crate::dissect::sdp::Media| m.protocol.to_uppercase().contains("SAVP");
    if let Some(media) = message.sdp()?.media.into_iter().find(savp) {
        return Some(format!("a description with {}", media.protocol));
    }
    let text = String::from_utf8_lossy(&message.body);
    let mut lines = text.lines();
    let key = |line: &str| line.starts_with("a=key-mgmt:") || line.starts_with("a=crypto:");
    lines.any(key).then(|| "a description with a key".into())
}

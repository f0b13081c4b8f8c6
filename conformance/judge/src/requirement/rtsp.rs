//! RTSP: RTSP and ONVIF.

use std::collections::BTreeMap;

use lightleak_case::{Carriage, Hop, TransportProtocol, Vantage};

use super::{Level, Quote, Reading, Requirement, Stimuli, evidence};
use crate::{
    dissect::{Span, Stream, rtp, rtsp::Message},
    presence::Need,
    seen::{Seen, Served},
    verdict::{Assurance, Outcome},
};

pub(super) const ROWS: &[Requirement] = &[
    Requirement {
        id: "RTSP-04",
        level: Level::Must,
        // The standard allows clear RTP over UDP here: a rule of the secure profile.
        standard: Level::Info,
        title: "with RTSPS and algorithm NONE, media stay inside the TLS connection: SETUP over UDP is refused",
        source: Quote {
            document: "ONVIF Streaming Specification 26.06",
            clause: "8.1",
            text: "It can also be used for RTSPS interleaved where media is sent over the same TLS protected channel as the RTSP control messages.",
            read: Reading::InText,
        },
        expects: |path| path.carriage == Carriage::RtspInterleaved && path.hop == Hop::Tls,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["udp-setup"]),
        indispensable: &["udp-setup"],
        check: no_udp,
    },
    Requirement {
        id: "RTSP-09",
        level: Level::Must,
        // ONVIF: a device "should" authenticate RTSP; if it does, it "shall" so.
        standard: Level::Should,
        title: "DESCRIBE, SETUP and PLAY without valid credentials are refused with a Digest challenge, and no media come",
        source: Quote {
            document: "ONVIF Core Specification 25.12",
            clause: "5.9.1",
            text: "When authenticating RTSP or HTTP methods, an ONVIF compliant device shall use digest authentication [RFC 2617] or JWT-based authorization.",
            read: Reading::InText,
        },
        expects: |path| path.carriage == Carriage::RtspInterleaved,
        vantages: &[Vantage::Wire],
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["no-credentials", "wrong-credentials"]),
        indispensable: &["no-credentials"],
        check: no_access,
    },
];

/// How far RTP may jump from one datagram to the next and still be in sequence.
const MAX_STEP: u16 = 16;

fn no_udp(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let mut refused = Vec::new();
    let dialogues = seen.dialogues().filter(|d| d.opened);
    let setups = dialogues.flat_map(Served::answered);
    for (request, response, span) in setups.filter(|(r, ..)| r.method == "SETUP") {
        let asked = request.header("transport").unwrap_or_default();
        let leaves = leaves_tls(asked) || response.header("transport").is_some_and(leaves_tls);
        match response.status {
            200..300 if leaves => {
                let chosen = response.header("transport").unwrap_or("no transport");
                let status = response.status;
                let why = format!("SETUP with {asked} was answered {status} with {chosen}");
                found.push(evidence(seen, span, why));
            }
            status if leaves_tls(asked) && is_about_transport(status) => refused.push(status),
            _ => {}
        }
    }
    for (flow, _) in seen
        .flows()
        .filter(|(f, _)| f.transport == TransportProtocol::Udp)
    {
        for (address, stream) in [(flow.a, &flow.from_a), (flow.b, &flow.from_b)] {
            if seen.is_device(address.ip())
                && let Some(span) = rtp_begins(stream)
            {
                let why = format!("RTP of the device outside TLS, from {address}");
                found.push(evidence(seen, span, why));
            }
        }
    }
    match (found.first(), refused.first()) {
        (Some(first), _) => Outcome::Fail(first.why.clone(), found),
        (None, None) => Outcome::Inconclusive(
            "no answer to a SETUP over UDP that speaks of the transport was seen".into(),
        ),
        (None, Some(status)) => Outcome::Pass(
            Assurance::Opened,
            format!(
                "{} SETUP over UDP were refused, the first with {status}",
                refused.len()
            ),
        ),
    }
}

/// The first datagram of RTP in sequence. One by itself can look like RTP by
/// chance; several sources may share a socket.
fn rtp_begins(stream: &Stream) -> Option<Span> {
    let mut sources: BTreeMap<u32, (u16, usize)> = BTreeMap::new();
    stream.parts().find_map(|(piece, datagram)| {
        let header = rtp::Header::parse(datagram)?;
        let before = sources.insert(header.ssrc, (header.sequence, piece.at));
        let (sequence, at) = before?;
        let step = header.sequence.wrapping_sub(sequence);
        let first = stream.span(at, usize::MAX)?;
        (1..=MAX_STEP).contains(&step).then_some(first)
    })
}

/// Whether media of that transport would travel outside the connection
/// (RFC 2326 12.39): its lower transport is not TCP.
fn leaves_tls(transport: &str) -> bool {
    let specification = |t: &str| {
        t.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_uppercase()
    };
    transport
        .split(',')
        .all(|t| !specification(t).ends_with("/TCP"))
}

/// Whether a refusal may be one of the transport: who was not let in, asked for
/// what is not there, or came at a bad time was told nothing of it.
fn is_about_transport(status: u16) -> bool {
    let of_something_else = [401, 403, 404, 453, 454, 455, 500, 503];
    status >= 400 && !of_something_else.contains(&status)
}

/// What is known of one method.
#[derive(Clone, Default)]
struct Tried {
    /// It was refused with a challenge.
    challenged: bool,
    /// It was refused as unauthorised, without one.
    unchallenged: Option<Span>,
    /// It was refused for another reason.
    other: Option<u16>,
}

fn no_access(seen: &Seen<'_>, _: Vantage) -> Outcome {
    const METHODS: [&str; 3] = ["DESCRIBE", "SETUP", "PLAY"];
    let mut found = Vec::new();
    let mut tried = METHODS.map(|_| Tried::default());
    let without = seen.session.record.stimulus == "no-credentials";
    for served in seen.dialogues() {
        // Somebody with credentials may watch at the same time.
        let mut entitled = false;
        for (request, response, span) in served.answered() {
            let credentials = request.header("authorization").is_some();
            let status = response.status;
            let Some(method) = METHODS.iter().position(|m| *m == request.method) else {
                continue;
            };
            if without && credentials {
                entitled |= (200..300).contains(&status);
                continue;
            }
            let tried = &mut tried[method];
            match status {
                200..300 => {
                    let why = format!("{} was answered {status}", METHODS[method]);
                    found.push(evidence(seen, span, why));
                }
                // Who does not show the wrong credentials is not refused for them.
                401 if !without && !credentials => {}
                401 if challenges(response) => tried.challenged |= served.opened,
                401 => tried.unchallenged = Some(span),
                status => tried.other = Some(status),
            }
        }
        let frame = served.dialogue.frames_b.first().filter(|_| !entitled);
        let span = frame.and_then(|f| served.stream.span(f.payload.start, f.payload.len()));
        if let (Some(frame), Some(span)) = (frame, span) {
            let why = format!("media came on channel {}", frame.channel);
            found.push(evidence(seen, span, why));
        }
    }
    for (method, tried) in METHODS.iter().zip(&tried) {
        if let (false, Some(span)) = (tried.challenged, tried.unchallenged) {
            let why = format!("{method} was answered 401 without a Digest or Bearer challenge");
            found.push(evidence(seen, span, why));
        }
    }
    if let Some(first) = found.first() {
        return Outcome::Fail(first.why.clone(), found);
    }
    let missing = METHODS.iter().zip(&tried).find(|(_, t)| !t.challenged);
    match missing {
        Some((method, Tried { other: None, .. })) => {
            Outcome::Inconclusive(format!("no answer to {method} by such a client was seen"))
        }
        Some((
            method,
            Tried {
                other: Some(status),
                ..
            },
        )) => Outcome::Inconclusive(format!(
            "{method} was answered {status}, which does not say that credentials are demanded"
        )),
        None => Outcome::Pass(
            Assurance::Opened,
            "DESCRIBE, SETUP and PLAY were refused, with a challenge".into(),
        ),
    }
}

/// RFC 7235 2.1: the names of schemes are case-insensitive.
fn challenges(response: &Message) -> bool {
    response.headers.iter().any(|(name, value)| {
        let scheme = value.split_whitespace().next().unwrap_or_default();
        name == "www-authenticate"
            && ["digest", "bearer"].contains(&scheme.to_ascii_lowercase().as_str())
    })
}

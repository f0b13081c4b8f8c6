//! RTSP: RTSP and ONVIF.

use lightleak_case::{Carriage, Hop, TransportProtocol};

use super::{Level, Quote, Reading, Requirement, Stimuli, evidence};
use crate::{
    dissect::{Piece, Place, Stream, rtp, rtsp::Message},
    presence::Need,
    seen::Seen,
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
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["udp-setup"]),
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
        needs: &[Need::Tap, Need::Device],
        stimuli: Stimuli::Only(&["no-credentials", "wrong-credentials"]),
        check: no_access,
    },
];

fn no_udp(seen: &Seen<'_>) -> Outcome {
    let mut found = Vec::new();
    let mut refused = Vec::new();
    for (exchange, place) in seen.opened_exchanges() {
        let (Some(response), true) = (&exchange.response, leaves_tls(&exchange.request)) else {
            continue;
        };
        match (response.status, place) {
            // Who was not let in was not told whether UDP is to be had.
            (401, _) => {}
            (200..300, Some(place)) => {
                let why = format!(
                    "SETUP with {} was answered {}",
                    exchange.request.header("transport").unwrap_or_default(),
                    response.status
                );
                found.push(evidence(seen, place, response.range.len(), why));
            }
            (status, _) => refused.push(status),
        }
    }
    for (flow, _) in seen
        .flows()
        .filter(|(f, _)| f.transport == TransportProtocol::Udp)
    {
        for (address, stream) in [(flow.a, &flow.from_a), (flow.b, &flow.from_b)] {
            let Some(piece) = rtp_begins(stream).filter(|_| seen.is_device(address.ip())) else {
                continue;
            };
            let place = Place {
                packet: piece.packet,
                offset: piece.offset,
            };
            let why = format!("RTP of the device outside TLS, from {address}");
            found.push(evidence(seen, place, piece.length, why));
        }
    }
    match (found.first(), refused.first()) {
        (Some(first), _) => Outcome::Fail(first.why.clone(), found),
        (None, None) => Outcome::Inconclusive(
            "no answer to a SETUP over UDP by somebody who may watch was seen".into(),
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

/// The first datagram of RTP in sequence. One by itself can look like RTP by chance.
fn rtp_begins(stream: &Stream) -> Option<&Piece> {
    let headers: Vec<_> = stream
        .parts()
        .map(|(piece, datagram)| (piece, rtp::Header::parse(datagram)))
        .collect();
    headers.windows(2).find_map(|pair| match pair {
        [(piece, Some(first)), (_, Some(second))] => (first.ssrc == second.ssrc
            && first.sequence.wrapping_add(1) == second.sequence)
            .then_some(*piece),
        _ => None,
    })
}

/// A SETUP that would have media travel outside the connection.
fn leaves_tls(request: &Message) -> bool {
    request.method == "SETUP"
        && request.header("transport").is_some_and(|t| {
            t.split(',')
                .all(|t| !t.trim_start().starts_with("RTP/AVP/TCP"))
        })
}

fn no_access(seen: &Seen<'_>) -> Outcome {
    const METHODS: [&str; 3] = ["DESCRIBE", "SETUP", "PLAY"];
    let mut found = Vec::new();
    let mut refused = [false; METHODS.len()];
    let mut challenged = false;
    for (exchange, place) in seen.opened_exchanges() {
        let method = METHODS.iter().position(|m| *m == exchange.request.method);
        let (Some(method), Some(response)) = (method, &exchange.response) else {
            continue;
        };
        match (response.status, place) {
            (200..300, Some(place)) => {
                let why = format!("{} was answered {}", METHODS[method], response.status);
                found.push(evidence(seen, place, response.range.len(), why));
            }
            (status, _) => {
                refused[method] |= status >= 400;
                challenged |= status == 401
                    && response.headers.iter().any(|(name, value)| {
                        name == "www-authenticate"
                            && (value.starts_with("Digest ") || value.starts_with("Bearer"))
                    });
            }
        }
    }
    for (flow, connection) in seen.served() {
        let opened = connection.opened.as_ref().and_then(|o| o.as_ref().ok());
        let stream = opened.map_or(&flow.from_b, |o| &o.from_b);
        let frame = connection
            .dialogue
            .as_ref()
            .and_then(|d| d.frames_b.first());
        if let Some((frame, place)) = frame.and_then(|f| Some((f, stream.place(f.payload.start)?)))
        {
            let why = format!("media came on channel {}", frame.channel);
            found.push(evidence(seen, place, frame.payload.len(), why));
        }
    }
    if let Some(first) = found.first() {
        return Outcome::Fail(first.why.clone(), found);
    }
    if let Some(missing) = refused.iter().position(|r| !r) {
        return Outcome::Inconclusive(format!("no answer to {} was seen", METHODS[missing]));
    }
    if !challenged {
        return Outcome::Fail(
            "nothing was answered 401 with a Digest or Bearer challenge".into(),
            found,
        );
    }
    Outcome::Pass(
        Assurance::Opened,
        "DESCRIBE, SETUP and PLAY were refused, with a challenge".into(),
    )
}

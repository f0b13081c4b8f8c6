//! What leaves the TLS connection: RTSP-04, RTSP-14, RTSP-15.

use std::{collections::BTreeMap, net::SocketAddr};

use lightleak_case::{TransportProtocol, Vantage};

use super::super::evidence;
use crate::{
    dissect::{Flow, Span, Stream, rtp, rtsp::Message, sdp::Media},
    seen::{Seen, Served},
    verdict::{Assurance, Evidence, Outcome},
};

/// How far RTP may jump from one datagram to the next and still be in sequence.
const MAX_STEP: u16 = 16;

pub(super) fn no_udp(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let mut refused = Vec::new();
    for (request, response, span) in setups(seen) {
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
    for (flow, span) in datagrams(seen) {
        let why = format!(
            "RTP of the device outside TLS, from {}",
            device_end(seen, flow)
        );
        found.push(evidence(seen, span, why));
    }
    conclude(found, &refused, "SETUP over UDP")
}

/// SETUP over multicast, and RTP to a group whoever asked for it.
pub(super) fn no_multicast(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let is_multicast = |t: &str| has_parameter(t, "multicast");
    let mut found = Vec::new();
    let mut refused = Vec::new();
    for (request, response, span) in setups(seen) {
        let asked = request.header("transport").unwrap_or_default();
        let chosen = response.header("transport").unwrap_or_default();
        match response.status {
            200..300 if is_multicast(chosen) => {
                let status = response.status;
                let why = format!("SETUP with {asked} was answered {status} with {chosen}");
                found.push(evidence(seen, span, why));
            }
            status if is_multicast(asked) && is_about_transport(status) => refused.push(status),
            _ => {}
        }
    }
    for (flow, span) in datagrams(seen).filter(|(flow, _)| flow.b.ip().is_multicast()) {
        let why = format!("RTP of the device goes to the group {}", flow.b);
        found.push(evidence(seen, span, why));
    }
    conclude(found, &refused, "SETUP over multicast")
}

/// SETUP over UDP of tracks other than video.
pub(super) fn other_tracks(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let mut refused = Vec::new();
    let (mut described, mut others) = (false, Vec::new());
    for served in seen.dialogues().filter(|d| d.opened) {
        let descriptions = served.answered().filter_map(|(_, r, _)| r.sdp());
        let media: Vec<_> = descriptions.flat_map(|sdp| sdp.media).collect();
        described |= !media.is_empty();
        let other = |uri: &str| {
            let uri = uri.trim_end_matches('/');
            let named = |m: &&Media| {
                m.control
                    .as_ref()
                    .is_some_and(|c| uri.ends_with(c.as_str()))
            };
            let named = media.iter().filter(named);
            let longest = named.max_by_key(|m| m.control.as_ref().map(String::len));
            longest.filter(|m| m.kind != "video")
        };
        others.extend(
            media
                .iter()
                .filter(|m| m.kind != "video")
                .map(|m| m.kind.clone()),
        );
        for (request, response, span) in served.answered().filter(|(r, ..)| r.method == "SETUP") {
            let Some(track) = other(&request.uri) else {
                continue;
            };
            let asked = request.header("transport").unwrap_or_default();
            let leaves = leaves_tls(asked) || response.header("transport").is_some_and(leaves_tls);
            match response.status {
                200..300 if leaves => {
                    let why = format!(
                        "SETUP of {} with {asked} was answered {}",
                        track.kind, response.status
                    );
                    found.push(evidence(seen, span, why));
                }
                status if leaves_tls(asked) && is_about_transport(status) => refused.push(status),
                _ => {}
            }
        }
    }
    if found.is_empty() && described && others.is_empty() {
        return Outcome::NotApplicable("the device describes video, and no other track".into());
    }
    conclude(
        found,
        &refused,
        "SETUP over UDP of another track than video",
    )
}

fn conclude(found: Vec<Evidence>, refused: &[u16], what: &str) -> Outcome {
    match (found.first(), refused.first()) {
        (Some(first), _) => Outcome::Fail(first.why.clone(), found),
        (None, None) => Outcome::Inconclusive(format!(
            "no answer to a {what} that speaks of the transport was seen"
        )),
        (None, Some(status)) => Outcome::Pass(
            Assurance::Opened,
            format!(
                "{} {what} were refused, the first with {status}",
                refused.len()
            ),
        ),
    }
}

/// Requests for a transport inside TLS, with their answers.
fn setups<'a>(seen: &'a Seen<'_>) -> impl Iterator<Item = (&'a Message, &'a Message, Span)> {
    let dialogues = seen.dialogues().filter(|d| d.opened);
    let answered = dialogues.flat_map(Served::answered);
    answered.filter(|(request, ..)| request.method == "SETUP")
}

/// UDP flows in which the device sends RTP, and where that begins.
pub(in crate::requirement) fn datagrams<'a>(
    seen: &'a Seen<'_>,
) -> impl Iterator<Item = (&'a Flow, Span)> {
    let udp = seen.flows().map(|(flow, _)| flow);
    let udp = udp.filter(|flow| flow.transport == TransportProtocol::Udp);
    udp.filter_map(|flow| {
        let ends = [(flow.a, &flow.from_a), (flow.b, &flow.from_b)];
        let mut ours = ends.into_iter().filter(|(end, _)| seen.is_device(end.ip()));
        Some((flow, ours.find_map(|(_, stream)| rtp_begins(stream))?))
    })
}

fn device_end(seen: &Seen<'_>, flow: &Flow) -> SocketAddr {
    match seen.is_device(flow.a.ip()) {
        true => flow.a,
        false => flow.b,
    }
}

/// Whether one of the transports in a header has that parameter.
fn has_parameter(transport: &str, name: &str) -> bool {
    let mut parameters = transport.split([',', ';']).map(str::trim);
    parameters.any(|p| p.eq_ignore_ascii_case(name))
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

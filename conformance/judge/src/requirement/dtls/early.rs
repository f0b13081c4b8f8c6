//! DTLS-06: no media before the handshake is done, whoever asks for them.

use lightleak_case::Vantage;

use super::{
    super::{evidence, unless},
    FINISHED, datagrams,
};
use crate::{
    dissect::{Flow, Span, demux, dtls, rtp, stun},
    seen::{Connection, Seen},
    verdict::{Assurance, Outcome},
    webrtc::Datagram,
};

/// Somebody keeps the handshake waiting.
const STIMULUS: &str = "early-media";
/// For how long at least, in nanoseconds, and how often key frames are asked for
/// meanwhile.
const WAITED: u64 = 3_000_000_000;
const ASKED: usize = 3;

/// The handshake is complete for an end when it has the other's Finished.
pub(super) fn nothing_is_early(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let (mut flows, mut unknown) = (0, false);
    for (index, (flow, connection)) in seen.flows().enumerate() {
        let mut media = datagrams(seen).filter(|(of, _, _, _, octets)| {
            *of == index && demux::Kind::of(octets) == demux::Kind::Rtp
        });
        let Some((_, from_a, _, span, _)) = media.next() else {
            continue;
        };
        let finished = connection.dtls.as_ref().map(|reading| {
            let opened = connection.opened_dtls()?;
            let of_client = reading.client_is_a != from_a;
            let (end, stream) = match of_client {
                true => (&opened.client, reading.from_client(flow)),
                false => (&opened.server, reading.from_server(flow)),
            };
            let mut messages = end.handshake.iter();
            let message = messages.find(|m| m.kind == FINISHED)?;
            stream.place(message.at).map(|place| place.packet)
        });
        match finished {
            None => {
                let why = "RTP without any DTLS handshake".into();
                found.push(evidence(seen, span, why));
            }
            Some(Some(packet)) if span.packet > packet => flows += 1,
            Some(Some(packet)) => {
                let why = format!("RTP before the other end's Finished in packet {packet}");
                found.push(evidence(seen, span, why));
            }
            // Nothing protected was said before.
            Some(None) if !answered_before(connection, flow, span) => {
                let why = "RTP before any protected record of the handshake".into();
                found.push(evidence(seen, span, why));
            }
            Some(None) => unknown = true,
        }
    }
    let waited = match seen.session.record.stimulus.as_str() {
        STIMULUS => Some(kept_waiting(seen)),
        _ => None,
    };
    let behind = format!("in {flows} flows the first RTP comes behind the other end's Finished");
    unless(found, || match (flows, waited) {
        _ if unknown => Outcome::Inconclusive("no Finished of the other end was opened".into()),
        (0, _) => Outcome::Inconclusive("no RTP in a flow of WebRTC was seen".into()),
        (_, None) => Outcome::Pass(Assurance::Opened, behind),
        (_, Some(0)) => Outcome::Inconclusive(
            "nobody who was done with ICE asked for key frames before a handshake for long".into(),
        ),
        (_, Some(waited)) => Outcome::Pass(
            Assurance::Opened,
            format!("nothing came in {waited} flows to who asked before the handshake; {behind}"),
        ),
    })
}

/// Whether either end sent a protected record of DTLS before that packet.
fn answered_before(connection: &Connection, flow: &Flow, span: Span) -> bool {
    let Some(reading) = &connection.dtls else {
        return false;
    };
    let sides = [
        (&reading.client, reading.from_client(flow)),
        (&reading.server, reading.from_server(flow)),
    ];
    sides.into_iter().any(|(side, stream)| {
        let mut protected = side.records.iter().filter(|record| record.epoch > 0);
        let packet = |record: &dtls::Record| stream.place(record.at).map(|p| p.packet);
        protected.any(|record| packet(record).is_some_and(|packet| packet < span.packet))
    })
}

/// In how many flows of WebRTC somebody who was done with ICE asked for key frames
/// in clear for long enough, and said nothing of DTLS until then.
fn kept_waiting(seen: &Seen<'_>) -> usize {
    let flows = seen.flows();
    let ours = flows.filter(|(flow, connection)| seen.is_webrtc(flow, connection));
    ours.filter(|(flow, _)| is_kept_waiting(seen, flow)).count()
}

fn is_kept_waiting(seen: &Seen<'_>, flow: &Flow) -> bool {
    let Some(done) = ice_done(seen, flow) else {
        return false;
    };
    let others = match seen.is_device(flow.a.ip()) {
        true => &flow.from_b,
        false => &flow.from_a,
    };
    let said = others.parts().filter(|(piece, _)| piece.time_ns > done);
    let before = said.take_while(|(_, octets)| demux::Kind::of(octets) != demux::Kind::Dtls);
    let asked = before.filter(|(_, octets)| rtp::asks_for_key_frame(octets));
    let asked: Vec<u64> = asked.map(|(piece, _)| piece.time_ns).collect();
    let last = asked.last().copied().unwrap_or_default();
    asked.len() >= ASKED && last.saturating_sub(done) >= WAITED
}

/// When ICE was done, in a flow between the device and somebody else: the device
/// took a check that nominates (RFC 8445 7.3.1.5), and had an answer to one of its
/// own (7.2.5.3) if it made any.
fn ice_done(seen: &Seen<'_>, flow: &Flow) -> Option<u64> {
    let is_ours = [flow.a, flow.b].map(|end| seen.is_device(end.ip()));
    if is_ours[0] == is_ours[1] {
        return None;
    }
    let mut messages: Vec<(u64, bool, stun::Message)> = Vec::new();
    for (ours, stream) in is_ours.into_iter().zip([&flow.from_a, &flow.from_b]) {
        for (piece, octets) in stream.parts() {
            if let Datagram::Stun(message) = Datagram::read(octets) {
                messages.push((piece.time_ns, ours, message));
            }
        }
    }
    let nominates = |check: &stun::Message| {
        let mut attributes = check.attributes.iter();
        attributes.any(|(kind, _)| *kind == stun::attribute::USE_CANDIDATE)
    };
    let taken = first_answer(&messages, false, nominates)?;
    let checks = |(_, ours, message): &(u64, bool, stun::Message)| {
        *ours && message.class == stun::Class::Request
    };
    match messages.iter().any(checks) {
        true => Some(first_answer(&messages, true, |_| true)?.max(taken)),
        false => Some(taken),
    }
}

/// When the first check of one end, the device or the other, that is such a one
/// was answered with success.
fn first_answer(
    messages: &[(u64, bool, stun::Message)],
    of_device: bool,
    is_one: impl Fn(&stun::Message) -> bool,
) -> Option<u64> {
    let checks = messages.iter().filter(|(_, ours, check)| {
        *ours == of_device && check.class == stun::Class::Request && is_one(check)
    });
    let answers = checks.filter_map(|(at, _, check)| {
        let answer = messages.iter().find(|(time, ours, answer)| {
            let is_its = answer.transaction == check.transaction && time >= at;
            *ours != of_device && answer.class == stun::Class::Success && is_its
        });
        answer.map(|(time, ..)| *time)
    });
    answers.min()
}

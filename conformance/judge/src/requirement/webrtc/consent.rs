//! WRTC-08: nothing is sent to whoever no longer says that it may be.

use std::collections::BTreeSet;

use lightleak_case::Vantage;

use super::super::{dtls::media, evidence, unless};
use crate::{
    dissect::{Flow, Span, stun},
    seen::Seen,
    verdict::{Assurance, Outcome},
    webrtc::Datagram,
};

/// How long consent lasts (RFC 7675 5.1), in nanoseconds.
const LASTS: u64 = 30_000_000_000;
/// Packets that are kept as evidence, of each flow.
const MOST: usize = 4;

pub(super) fn ends_with_consent(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let last_packet = seen.session.captures.get(&Vantage::Wire);
    let last = last_packet.and_then(|c| c.packets.iter().map(|p| p.time_ns).max());
    let last = last.unwrap_or_default();
    let mut found = Vec::new();
    let (mut silent, mut media) = (0, 0);
    for (flow, connection) in seen.flows() {
        if !seen.is_webrtc(flow, connection) {
            continue;
        }
        let consents = consents(seen, flow);
        let Some(newest) = consents.last() else {
            continue;
        };
        let sent = sent(seen, flow);
        media += sent.len();
        silent += usize::from(!sent.is_empty() && newest + LASTS < last);
        let late = sent.into_iter().filter(|(time, _)| {
            let before = consents.range(..=*time).next_back();
            before.is_none_or(|before| before + LASTS < *time)
        });
        found.extend(late.take(MOST).map(|(time, span)| {
            let before = consents.range(..=time).next_back();
            let seconds = before.map_or(0, |before| (time - before) / 1_000_000_000);
            let why = format!("media {seconds} s after the last response to a check");
            evidence(seen, span, why)
        }));
    }
    unless(found, || match (media, silent) {
        (0, _) => Outcome::Inconclusive("no RTP in a flow of WebRTC was seen".into()),
        (_, 0) => Outcome::Inconclusive(
            "nobody who was sent media fell silent for longer than consent lasts".into(),
        ),
        (_, silent) => Outcome::Pass(
            Assurance::Identified,
            format!("in {silent} flows media ended within 30 s of the last response to a check"),
        ),
    })
}

/// When responses came to checks of the device.
fn consents(seen: &Seen<'_>, flow: &Flow) -> BTreeSet<u64> {
    let mut asked = BTreeSet::new();
    let mut answered = Vec::new();
    for (from, stream) in [(flow.a, &flow.from_a), (flow.b, &flow.from_b)] {
        let ours = seen.is_device(from.ip());
        for (piece, octets) in stream.parts() {
            let Datagram::Stun(message) = Datagram::read(octets) else {
                continue;
            };
            match (ours, message.class) {
                (true, stun::Class::Request) => {
                    asked.insert(message.transaction);
                }
                (false, stun::Class::Success) => {
                    answered.push((message.transaction, piece.packet));
                }
                _ => {}
            }
        }
    }
    let answered = answered.into_iter().filter(|(of, _)| asked.contains(of));
    answered
        .filter_map(|(_, packet)| seen.time(packet))
        .collect()
}

/// When the device sent RTP or RTCP, and where that lies.
fn sent(seen: &Seen<'_>, flow: &Flow) -> Vec<(u64, Span)> {
    let placed =
        media(seen, flow).filter_map(|piece| Some((seen.time(piece.packet)?, piece.span())));
    placed.collect()
}

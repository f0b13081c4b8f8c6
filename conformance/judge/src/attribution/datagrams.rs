//! Datagrams of WebRTC: what each octet of them is.

use std::{collections::BTreeMap, ops::Range};

use lightleak_case::Vantage;

use super::{Class, Parts};
use crate::{
    dissect::{Stream, dtls, rtp, tls},
    open::{Anatomy, srtp::Found},
    secured::Carrier,
    seen::{Connection, Seen},
    webrtc::Datagram,
};

/// The parts of datagrams on a port that STUN, DTLS and SRTP share. `rest` is
/// what is in none of them.
pub(super) fn datagram_parts(
    seen: &Seen<'_>,
    connection: &Connection,
    carrier: Option<&Carrier>,
    (stream, from_a): (&Stream, bool),
    rest: Class,
) -> Vec<(Range<usize>, Class)> {
    let opened = carrier.into_iter().flat_map(Carrier::opened);
    let opened: BTreeMap<usize, &Found> = opened.map(|(p, f)| (p.range.start, f)).collect();
    let sframed = seen.sframed.iter().filter(|sframed| {
        let sender = &sframed.sender;
        let here = carrier.is_some_and(|c| c.flow == sender.flow && c.from_a == sender.from_a);
        here && sender.vantage == Vantage::Wire
    });
    let sframed: Vec<_> = sframed.collect();
    let anatomy = |at: usize| {
        let (reading, opened) = (connection.dtls.as_ref()?, connection.opened_dtls()?);
        let end = match reading.client_is_a == from_a {
            true => &opened.client,
            false => &opened.server,
        };
        end.records.iter().find(|record| record.at == at)
    };
    let mut parts = Parts::default();
    for (piece, octets) in stream.parts() {
        let end = piece.at + octets.len();
        match Datagram::read(octets) {
            Datagram::Stun(_) => parts.put(end, Class::Infrastructure),
            Datagram::Dtls if connection.dtls.is_some() => {
                for record in dtls::records(octets, piece.at).0 {
                    dtls_parts(&mut parts, &record, anatomy(record.at));
                }
            }
            Datagram::Rtp => {
                if let Some(found) = opened.get(&piece.at) {
                    let inside = sframed.iter().find_map(|s| s.parts.get(&piece.at));
                    parts.put_packet(piece.at, found, inside.map(Vec::as_slice));
                }
            }
            _ => {}
        }
        parts.put(end, rest);
    }
    parts.parts
}

/// The parts of RTP and RTCP in clear; `rest` is what is neither a header nor
/// SFrame that was opened.
pub(super) fn held_parts(
    seen: &Seen<'_>,
    (vantage, flow, from_a): (Vantage, usize, bool),
    stream: &Stream,
    rest: Class,
) -> Vec<(Range<usize>, Class)> {
    let sframed = seen.sframed.iter().filter(|sframed| {
        let sender = &sframed.sender;
        (sender.vantage, sender.flow, sender.from_a) == (vantage, flow, from_a)
    });
    let sframed: Vec<_> = sframed.collect();
    let mut parts = Parts::default();
    for (piece, octets) in stream.parts() {
        let end = piece.at + octets.len();
        if let Some(header) = rtp::Header::parse(octets) {
            parts.put(piece.at + header.payload.start, Class::Header);
            let inside = sframed.iter().find_map(|s| s.parts.get(&piece.at));
            for (range, class) in inside.into_iter().flatten() {
                parts.put(piece.at + range.end.min(header.payload.end), *class);
            }
            parts.put(piece.at + header.payload.end, rest);
            parts.put(end, Class::Padding);
        } else if rtp::is_rtcp(octets) {
            parts.put(end, Class::Header);
        }
        parts.put(end, rest);
    }
    parts.parts
}

/// The parts of a record of DTLS.
fn dtls_parts(parts: &mut Parts, record: &dtls::Record, anatomy: Option<&Anatomy>) {
    parts.put(record.at + record.header, Class::Header);
    if let Some(anatomy) = anatomy {
        parts.put_opened(anatomy);
    }
    let clear = record.form == dtls::Form::Explicit && record.epoch == 0;
    let class = match record.content_type {
        tls::APPLICATION_DATA if clear => Class::Unexplained,
        _ if clear => Class::Handshake,
        _ => Class::Identified,
    };
    parts.put(record.end(), class);
}

//! Media that lie in a flow in some protocol that nobody knows: files and streams
//! of codecs by their structure, in TCP as it is, in messages of WebSocket, in
//! records, and in datagrams behind headers.

use std::collections::BTreeMap;

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Place, Stream, container, http::transfer, records, websocket},
    inspect::{Claim, Scene},
};

use super::{
    findings::{Findings, in_text},
    veiled,
};

/// Files that are kept of one direction.
const MOST_FILES: usize = 64;
/// Octets that are worth a look.
const LEAST: usize = 64;
/// Octets of headers that datagrams may have before media.
const HEADER: usize = 96;
/// Ways to read datagrams that are tried.
const MOST_VIEWS: usize = 12;
/// Datagrams of a direction that are looked at, and octets of them together.
const MOST_DATAGRAMS: usize = 50_000;
/// Places where records may begin.
const MOST_BEGINNINGS: usize = 4;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    let both = [&flow.from_a, &flow.from_b];
    let mut claims = Vec::new();
    for (mine, other) in [(both[0], both[1]), (both[1], both[0])] {
        if mine.bytes.len() < LEAST {
            continue;
        }
        match flow.transport {
            TransportProtocol::Tcp => claims.extend(connection(mine, other)),
            TransportProtocol::Udp => claims.extend(datagrams(mine)),
        }
    }
    claims
}

fn connection(stream: &Stream, other: &Stream) -> Vec<Claim> {
    let octets = &stream.bytes[..];
    let place = |at: usize| stream.place(at);
    if let Some(messages) = messages(stream) {
        return in_messages(stream, &messages);
    }
    let is_http = |stream: &Stream| transfer::is_start(&stream.bytes, 0);
    // Its contents are read for themselves.
    if is_http(stream) || is_http(other) || is_tls(octets) {
        return Vec::new();
    }
    let carriage = carriage(octets, &other.bytes);
    let mut findings = Findings::new(carriage);
    for file in container::within(octets, MOST_FILES) {
        let at = place(file.range.start);
        findings.add(file, octets, at);
    }
    in_text(octets, place(0), &mut findings);
    if findings.is_empty() {
        for begin in beginnings(stream) {
            let Some(bodies) = records::bodies(octets, begin) else {
                continue;
            };
            let view: Vec<u8> = bodies
                .iter()
                .filter_map(|body| octets.get(body.clone()))
                .flatten()
                .copied()
                .collect();
            for file in container::within(&view, MOST_FILES) {
                findings.add(file, &view, place(begin));
            }
            if !findings.is_empty() {
                break;
            }
        }
    }
    let mut claims = findings.claims();
    if claims.is_empty() {
        claims.extend(veiled::claims(octets, "tcp", place(0)));
    }
    claims
}

/// What the protocol around is, as far as its first words tell.
fn carriage(octets: &[u8], other: &[u8]) -> &'static str {
    let either = |word: &[u8]| [octets, other].iter().any(|o| o.starts_with(word));
    let within = |word: &[u8]| {
        [octets, other].iter().any(|o| {
            let head = o.get(..o.len().min(4096)).unwrap_or_default();
            memchr::memmem::find(head, word).is_some()
        })
    };
    match () {
        () if either(b"EHLO ") || either(b"HELO ") || within(b"\r\nMAIL FROM:") => "smtp",
        () if within(b"\x00\x04MQTT") || within(b"\x00\x06MQIsdp") => "mqtt",
        () if within(b"DHAV") => "dhav",
        () if within(b"MO_V") || within(b"MO_I") || within(b"MO_O") => "foscam",
        () if either(&[0xf0, 0xde, 0xbc, 0x0a]) => "baichuan",
        () if either(&[0xff, 0x00, 0, 0]) || either(&[0xff, 0x01, 0, 0]) => "dvrip",
        () => "tcp",
    }
}

/// Whether a direction is records of TLS and nothing else.
fn is_tls(octets: &[u8]) -> bool {
    let mut at = 0;
    while let Some([20..=24, 3, 0..=4, high, low]) = octets.get(at..at + 5) {
        at += 5 + usize::from(u16::from_be_bytes([*high, *low]));
    }
    at >= octets.len()
}

/// Where records may begin: with the connection, and with segments.
fn beginnings(stream: &Stream) -> impl Iterator<Item = usize> + '_ {
    stream
        .pieces
        .iter()
        .map(|piece| piece.at)
        .take(MOST_BEGINNINGS)
}

/// Messages of WebSocket, behind the handshake or from the first octet on.
fn messages(stream: &Stream) -> Option<Vec<websocket::Message>> {
    if !transfer::is_start(&stream.bytes, 0) {
        return websocket::joined(&stream.bytes);
    }
    let transfers = transfer::transfers(stream);
    let upgrade = transfers.iter().find(|transfer| {
        transfer.head.has("upgrade", "websocket") && matches!(transfer.head.status, 0 | 101)
    })?;
    let (messages, ..) = websocket::messages(&stream.bytes, upgrade.at);
    (!messages.is_empty()).then_some(messages)
}

fn in_messages(stream: &Stream, messages: &[websocket::Message]) -> Vec<Claim> {
    let mut findings = Findings::new("websocket");
    let mut all = Vec::new();
    for message in messages {
        let place = stream.place(message.at);
        if message.text {
            in_text(&message.body, place, &mut findings);
            continue;
        }
        all.extend_from_slice(&message.body);
    }
    let begin = messages.iter().find(|message| !message.text);
    let place = begin.and_then(|message| stream.place(message.at));
    for file in container::within(&all, MOST_FILES) {
        findings.add(file, &all, place);
    }
    findings.claims()
}

/// How datagrams may be read: which of them, and what of each.
struct View {
    header: usize,
    magic: Option<[u8; 2]>,
}

fn datagrams(stream: &Stream) -> Vec<Claim> {
    let parts: Vec<(Option<Place>, &[u8])> = stream
        .parts()
        .take(MOST_DATAGRAMS)
        .map(|(piece, octets)| (stream.place(piece.at), octets))
        .collect();
    let mut findings = Findings::new("udp");
    for view in views(&parts) {
        let mut octets = Vec::new();
        let mut place = None;
        for (at, datagram) in &parts {
            let fits = view.magic.is_none_or(|magic| datagram.starts_with(&magic));
            if let Some(payload) = datagram.get(view.header..).filter(|_| fits) {
                if octets.is_empty() {
                    place = *at;
                }
                octets.extend_from_slice(payload);
            }
        }
        for file in container::within(&octets, MOST_FILES) {
            findings.add(file, &octets, place);
        }
        if !findings.is_empty() {
            break;
        }
    }
    findings.claims()
}

/// Where pictures, parameter sets or slices begin in datagrams tells how long the
/// header before them is.
fn views(parts: &[(Option<Place>, &[u8])]) -> Vec<View> {
    let mut counts: BTreeMap<(usize, Option<[u8; 2]>), usize> = BTreeMap::new();
    let mut beginnings = 0;
    for (_, datagram) in parts {
        let head = datagram
            .get(..datagram.len().min(HEADER))
            .unwrap_or_default();
        let picture = memchr::memmem::find(head, &[0xff, 0xd8, 0xff]);
        let code = memchr::memmem::find(head, &[0, 0, 1]);
        let unit = code.filter(|at| {
            let header = head.get(at + 3).copied().unwrap_or(0);
            matches!(header & 0x1f, 7 | 5 | 1 | 8) && header & 0x80 == 0
                || matches!(header >> 1, 32..=34 | 19 | 20 | 1)
        });
        let unit = unit.map(|at| match at.checked_sub(1).and_then(|b| head.get(b)) {
            Some(0) => at - 1,
            _ => at,
        });
        for at in [picture, unit].into_iter().flatten() {
            beginnings += 1;
            let magic = (at >= 2).then(|| datagram.first_chunk().copied()).flatten();
            *counts.entry((at, None)).or_default() += 1;
            if magic.is_some() {
                *counts.entry((at, magic)).or_default() += 1;
            }
        }
    }
    // What lies anywhere is chance.
    let least = 1 + beginnings / 64;
    let mut counts: Vec<_> = counts
        .into_iter()
        .filter(|(_, count)| *count >= least)
        .collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let views = counts.into_iter().take(MOST_VIEWS);
    views
        .map(|((header, magic), _)| View { header, magic })
        .collect()
}

//! Media that lie in a flow in some protocol that nobody knows: files and streams
//! of codecs by their structure, in TCP as it is, in messages of WebSocket, in
//! records, and in datagrams behind headers.

use std::collections::BTreeMap;

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Place, Stream, container, http::transfer, records, tls, websocket},
    inspect::{Claim, Scene},
};

use super::{
    findings::{Findings, in_text, is_package, is_resource},
    partial, veiled,
};

/// Files that are kept of one direction.
const MOST_FILES: usize = 64;
/// Octets that are worth a look.
const LEAST: usize = 64;
/// Octets of headers that datagrams may have before media.
const HEADER: usize = 96;
/// Ways to read datagrams that are tried.
const MOST_VIEWS: usize = 10;
/// Datagrams of a direction that are looked at, and octets of them together.
const MOST_DATAGRAMS: usize = 50_000;
/// Octets of datagrams that are looked at as if they had no headers.
const MOST_BYTES: usize = 1 << 20;
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
            TransportProtocol::Udp | TransportProtocol::Sctp => claims.extend(datagrams(mine)),
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
    // An answer to a request that is none of HTTP/1.x is not.
    let answers = is_http(other) && memchr::memmem::find(octets, b"HTTP/1.").is_some();
    if is_http(stream) || answers || tls::is_records(octets) || is_package(octets) {
        return Vec::new();
    }
    let carriage = carriage(octets, &other.bytes);
    let mut findings = Findings::new(carriage);
    for file in container::within(octets, MOST_FILES) {
        let at = place(file.range.start);
        if !is_resource(&file, octets, false) {
            findings.add(file, octets, at);
        }
    }
    in_text(octets, place(0), &mut findings);
    // What lies in records is cut by their headers; without these it is more.
    let mut claims = Vec::new();
    if !findings.is_sure() {
        claims.extend(in_records(stream, carriage));
    }
    claims.extend(findings.claims());
    if claims.is_empty() {
        claims.extend(veiled::claims(octets, "tcp", place(0)));
        claims.extend(partial::scans(octets, place));
    }
    claims
}

fn in_records(stream: &Stream, carriage: &str) -> Vec<Claim> {
    let octets = &stream.bytes[..];
    for begin in beginnings(stream) {
        let Some(bodies) = records::bodies(octets, begin) else {
            continue;
        };
        let bodies = bodies.iter().filter_map(|body| octets.get(body.clone()));
        let view: Vec<u8> = bodies.flatten().copied().collect();
        let mut findings = Findings::new(carriage);
        for file in container::within(&view, MOST_FILES) {
            if !is_resource(&file, &view, false) {
                findings.add(file, &view, stream.place(begin));
            }
        }
        if !findings.is_empty() {
            return findings.claims();
        }
    }
    Vec::new()
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
    let claims = in_datagrams("udp", &parts);
    if !claims.is_empty() {
        return claims;
    }
    let Some(key) = veiled::key_of_datagrams(parts.iter().map(|(_, octets)| *octets)) else {
        return Vec::new();
    };
    let plain: Vec<(Option<Place>, Vec<u8>)> = parts
        .iter()
        .map(|(place, octets)| (*place, octets.iter().map(|octet| octet ^ key).collect()))
        .collect();
    let plain: Vec<_> = plain
        .iter()
        .map(|(place, octets)| (*place, &octets[..]))
        .collect();
    in_datagrams("udp-xor", &plain)
}

fn in_datagrams(carriage: &str, parts: &[(Option<Place>, &[u8])]) -> Vec<Claim> {
    let mut found: Vec<Findings> = Vec::new();
    for view in views(parts) {
        let mut findings = Findings::new(carriage);
        let mut octets = Vec::new();
        let mut place = None;
        for (at, datagram) in parts {
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
        if findings.is_sure() {
            return findings.claims();
        }
        if !findings.is_empty() {
            found.push(findings);
        }
    }
    if found.is_empty() {
        return as_bytes(carriage, parts);
    }
    // Structure alone does not tell how long a header is; a player does.
    found.into_iter().flat_map(Findings::claims).collect()
}

/// A file or sound that was cut into datagrams, without headers of theirs.
fn as_bytes(carriage: &str, parts: &[(Option<Place>, &[u8])]) -> Vec<Claim> {
    let mut octets = Vec::new();
    for (_, datagram) in parts {
        if octets.len() > MOST_BYTES {
            break;
        }
        octets.extend_from_slice(datagram);
    }
    let place = parts.first().and_then(|(place, _)| *place);
    let mut findings = Findings::new(carriage);
    let files = match container::at_start(&octets) {
        Some(file) => vec![file],
        None => container::within(&octets, MOST_FILES),
    };
    for file in files {
        if !is_resource(&file, &octets, false) {
            findings.add(file, &octets, place);
        }
    }
    match findings.is_sure() {
        true => findings.claims(),
        false => Vec::new(),
    }
}

/// Whether the header of a NAL unit of H.264 or H.265 may begin so.
fn may_be_unit(octet: u8) -> bool {
    let h264 = matches!(octet & 0x1f, 1 | 5 | 7 | 8) && octet & 0x80 == 0;
    h264 || matches!(octet >> 1, 1 | 19 | 20 | 32..=34)
}

/// Where pictures, parameter sets or slices begin in datagrams tells how long the
/// header before them is.
fn views(parts: &[(Option<Place>, &[u8])]) -> Vec<View> {
    let mut counts: BTreeMap<(usize, Option<[u8; 2]>), usize> = BTreeMap::new();
    let mut magics = parts.iter().map(|(_, datagram)| datagram.get(..2));
    let first = magics.next();
    let uniform = magics.all(|magic| Some(magic) == first);
    for (_, datagram) in parts {
        let head = datagram
            .get(..datagram.len().min(HEADER))
            .unwrap_or_default();
        let pictures = memchr::memmem::find_iter(head, &[0xff, 0xd8, 0xff]);
        let codes = memchr::memmem::find_iter(head, &[0, 0, 1]);
        let units = codes.filter(|at| head.get(at + 3).is_some_and(|octet| may_be_unit(*octet)));
        // With a zero_byte before (B.1.1).
        let units = units.map(|at| match at.checked_sub(1).and_then(|b| head.get(b)) {
            Some(0) => at - 1,
            _ => at,
        });
        // Packets of a transport stream, several in a datagram.
        let synced = |at: &usize| {
            [0, 188, 376]
                .iter()
                .all(|by| datagram.get(at + by) == Some(&0x47))
        };
        let packets = (0..head.len()).filter(synced).take(1);
        for at in pictures.chain(units).chain(packets) {
            let magic = match at >= 2 && !uniform {
                true => datagram.first_chunk().copied(),
                false => None,
            };
            *counts.entry((at, None)).or_default() += 1;
            if magic.is_some() {
                *counts.entry((at, magic)).or_default() += 1;
            }
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let views = counts.into_iter().take(MOST_VIEWS);
    views
        .map(|((header, magic), _)| View { header, magic })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        adversary::media_player::fixture::{random, video},
        decoder::Format,
        dissect::jpeg::scan::made,
        inspect::{
            Label, Standing,
            recognise::talk::{alone, kinds, tcp_between, udp_between},
        },
    };

    fn claims(flow: &Flow) -> Vec<Claim> {
        alone(recognise, flow)
    }

    fn told(flow: &Flow) -> Vec<(String, Label)> {
        kinds(recognise, flow)
    }

    #[test]
    fn a_picture_in_any_protocol_leaks() {
        let jpeg = made::jpeg(160, 120);
        let raw = [&random(1, 500)[..], &jpeg, &random(2, 500)].concat();
        let leak = |kind: &str| vec![(kind.to_owned(), Label::Leak)];
        assert_eq!(told(&tcp_between(&[&raw], &[])), leak("tcp/jpeg"));
        assert_eq!(told(&tcp_between(&[], &[&raw])), leak("tcp/jpeg"));
        let mqtt = [&b"\x10\x0e\0\x04MQTT\x04\x02\0\x3c\0\x02ab\x30"[..], &raw].concat();
        assert_eq!(told(&tcp_between(&[&mqtt], &[])), leak("mqtt/jpeg"));
    }

    #[test]
    fn sound_cut_into_datagrams_leaks() {
        let frame = |n: u32| {
            let body = random(n.into(), 93);
            [&[0xff, 0xf1, 0x50, 0x80, 0x0c, 0x9f, 0xfc][..], &body].concat()
        };
        let sound: Vec<u8> = (0..40).flat_map(frame).collect();
        let cut: Vec<&[u8]> = sound.chunks(333).collect();
        let leak = vec![("udp/aac".to_owned(), Label::Leak)];
        assert_eq!(told(&udp_between(&cut, &[])), leak);
        assert_eq!(told(&udp_between(&cut[1..], &[])), leak);
        let noise = random(5, 9000);
        let cut: Vec<&[u8]> = noise.chunks(333).collect();
        assert_eq!(told(&udp_between(&cut, &[])), []);
    }

    #[test]
    fn a_picture_in_masked_frames_leaks() {
        let mut octets = b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n".to_vec();
        let jpeg = made::jpeg(160, 120);
        let length = (jpeg.len() as u16).to_be_bytes();
        octets.extend([0x82, 0xfe, length[0], length[1], 9, 8, 7, 6]);
        octets.extend(
            jpeg.iter()
                .zip([9, 8, 7, 6].iter().cycle())
                .map(|(o, m)| o ^ m),
        );
        let found = told(&tcp_between(&[&octets], &[]));
        assert_eq!(found, [("websocket/jpeg".to_owned(), Label::Leak)]);
    }

    #[test]
    fn a_picture_split_over_datagrams_leaks() {
        let jpeg = made::jpeg(320, 240);
        let datagrams: Vec<Vec<u8>> = jpeg
            .chunks(120)
            .enumerate()
            .map(|(number, part)| [&[0x63, 0x63, number as u8, 0, 1, 0, 9, 9][..], part].concat())
            .collect();
        let mut sent: Vec<&[u8]> = datagrams.iter().map(Vec::as_slice).collect();
        sent.insert(1, b"keep alive");
        let found = told(&udp_between(&sent, &[]));
        assert_eq!(found, [("udp/jpeg".to_owned(), Label::Leak)]);
    }

    #[test]
    fn a_byte_stream_in_records_and_datagrams_is_given_to_a_player() {
        let stream = video().concat();
        let parts = stream.chunks(300);
        let records: Vec<Vec<u8>> = parts
            .map(|part| {
                let length = (part.len() as u32).to_le_bytes();
                [&[0x55, 0xaa, 7, 0][..], &length, &[1, 2, 3, 4], part].concat()
            })
            .collect();
        let all = records.concat();
        let datagrams: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        for flow in [tcp_between(&[&all], &[]), udp_between(&datagrams, &[])] {
            let claims = claims(&flow);
            let media = claims.iter().flat_map(|claim| match &claim.standing {
                Standing::Clear { media, .. } => &media[..],
                _ => &[],
            });
            let media = media.max_by_key(|file| file.octets.len()).unwrap();
            assert_eq!(media.format, Format::H264);
            let (found, all) = (media.octets.len(), stream.len());
            let kinds: Vec<_> = claims.iter().map(|c| (&c.kind, &c.reason)).collect();
            assert!(found * 10 >= all * 9, "{found} of {all} {kinds:?}");
        }
    }

    #[test]
    fn what_is_veiled_is_found() {
        let jpeg = made::jpeg(640, 480);
        for key in [&[0x5a][..], &[0xff]] {
            let veiled: Vec<u8> = jpeg
                .iter()
                .zip(key.iter().cycle())
                .map(|(o, k)| o ^ k)
                .collect();
            let octets = [&veiled[..], &veiled].concat();
            let found = told(&tcp_between(&[&octets], &[]));
            assert_eq!(found[0].1, Label::Leak, "{key:?} {found:?}");
        }
    }

    #[test]
    fn noise_is_not_claimed() {
        for seed in 0..4 {
            let noise = random(seed, 200_000);
            assert_eq!(told(&tcp_between(&[&noise], &[&noise])), []);
            let datagrams: Vec<&[u8]> = noise.chunks(1000).collect();
            assert_eq!(told(&udp_between(&datagrams, &[])), []);
        }
        let mut headers = made::headers(640, 480);
        headers.extend(random(9, 20_000));
        assert_eq!(told(&tcp_between(&[&headers], &[])), []);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            octets in prop::collection::vec(prop_oneof![Just(0), Just(1), Just(0xff), any::<u8>()], 0..400),
            cut in 0..400_usize,
        ) {
            let stream = video().concat();
            let octets = [&octets, &stream[..cut], &octets].concat();
            let _ = told(&tcp_between(&[&octets], &[&octets]));
            let _ = told(&udp_between(&[&octets, &octets], &[]));
        }
    }
}

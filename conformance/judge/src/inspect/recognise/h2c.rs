//! HTTP/2 without TLS (RFC 9113): what its DATA frames carry. Headers are not read:
//! contents are recognised by their structure.

use std::collections::BTreeMap;

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Stream, container},
    inspect::{Claim, Scene},
};

use super::findings::{Findings, is_package, is_resource};

/// What a client begins with (3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Octets of a frame's head, and of its payload where nobody allows more.
const HEAD: usize = 9;
const MOST_FRAME: usize = 1 << 20;
/// Octets in which the preface is looked for.
const MOST_UPGRADE: usize = 1 << 16;
/// Frames that show a direction.
const CHAIN: usize = 3;
/// Streams that are kept, and files of one.
const MOST_STREAMS: usize = 1024;
const MOST_FILES: usize = 16;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Tcp {
        return Vec::new();
    }
    let mut findings = Findings::new("h2c");
    let mut frames = 0;
    let mut shown = false;
    for stream in [&flow.from_a, &flow.from_b] {
        let Some(read) = data(stream) else {
            continue;
        };
        frames += read.frames;
        shown |= read.frames >= CHAIN;
        for (at, octets) in read.contents.into_values() {
            let place = stream.place(at);
            // A message of gRPC begins with a flag and its length.
            let behind = octets.get(5..).unwrap_or_default();
            let file = container::at_start(&octets).map(|file| (file, &octets[..]));
            let file = file.or_else(|| container::at_start(behind).map(|file| (file, behind)));
            match file {
                Some((file, octets)) => findings.add(file, octets, place),
                None if is_package(&octets) => {}
                None => {
                    for file in container::within(&octets, MOST_FILES) {
                        if !is_resource(&file, &octets, false) {
                            findings.add(file, &octets, place);
                        }
                    }
                }
            }
        }
    }
    let mut claims = findings.claims();
    if shown {
        let reason = format!("{frames} frames of HTTP/2 in clear, each leading to the next");
        claims.push(Claim::other("h2c", reason).at(flow.from_a.place(0)));
    }
    claims
}

struct Data {
    frames: usize,
    /// By stream: where its content begins, and the content.
    contents: BTreeMap<u32, (usize, Vec<u8>)>,
}

/// Where frames begin: behind the preface, at once or behind a request that asks for an
/// upgrade (RFC 7540 3.2), or behind the answer that grants it.
fn begin(octets: &[u8]) -> usize {
    let searched = octets
        .get(..octets.len().min(MOST_UPGRADE))
        .unwrap_or_default();
    if searched.starts_with(b"HTTP/1.1 101") {
        let end = memchr::memmem::find(searched, b"\r\n\r\n");
        return end.map_or(0, |end| end + 4);
    }
    let is_asked = searched.first().is_some_and(u8::is_ascii_uppercase);
    let preface = is_asked.then(|| memchr::memmem::find(searched, PREFACE));
    preface.flatten().map_or(0, |at| at + PREFACE.len())
}

/// The frames of a direction: behind the preface, or from SETTINGS on (6.5).
fn data(stream: &Stream) -> Option<Data> {
    let octets = &stream.bytes[..];
    let mut at = begin(octets);
    let first = octets.get(at..at + HEAD)?;
    let [_, 0, length, 4, 0 | 1, 0, 0, 0, 0] = *first else {
        return None;
    };
    (first[0] == 0 && length % 6 == 0).then_some(())?;
    let mut data = Data {
        frames: 0,
        contents: BTreeMap::new(),
    };
    while let Some([l2, l1, l0, kind, flags, s3, s2, s1, s0]) = octets.get(at..at + HEAD) {
        let length = u32::from_be_bytes([0, *l2, *l1, *l0]) as usize;
        let id = u32::from_be_bytes([*s3, *s2, *s1, *s0]);
        if length > MOST_FRAME || id >> 31 != 0 || *kind > 16 {
            break;
        }
        let body = octets.get(at + HEAD..).unwrap_or_default();
        let body = body.get(..body.len().min(length)).unwrap_or_default();
        if *kind == 0 && id != 0 {
            // 6.1: padding.
            let content = match (flags & 8, body.split_first()) {
                (0, _) => body,
                (_, Some((pad, rest))) => rest
                    .get(..rest.len().saturating_sub(usize::from(*pad)))
                    .unwrap_or_default(),
                _ => body,
            };
            if data.contents.len() < MOST_STREAMS || data.contents.contains_key(&id) {
                let (_, octets) = data.contents.entry(id).or_insert((at, Vec::new()));
                octets.extend_from_slice(content);
            }
        }
        data.frames += 1;
        at += HEAD + length;
    }
    (data.frames > 1).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{Label, recognise::talk::tcp_between};

    fn frame(kind: u8, id: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32).to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, 0, 0, 0, 0, id];
        frame.extend(body);
        frame
    }

    #[test]
    fn frames_are_read_and_look_alikes_are_not() {
        let asked = [
            PREFACE,
            &frame(4, 0, &[0; 6]),
            &frame(1, 1, &[0x82]),
            &frame(8, 0, &[0; 4]),
        ]
        .concat();
        let traffic = Default::default();
        let scene = Scene::new(&traffic);
        let claims = recognise(&scene, &tcp_between(&[&asked], &[]));
        assert_eq!(claims[0].label(), Label::Other);
        assert!(recognise(&scene, &tcp_between(&[&[0; 900]], &[])).is_empty());
        assert!(recognise(&scene, &tcp_between(&[b"\0\0\x06\x04\0\0\0\0\0"], &[])).is_empty());
    }

    #[test]
    fn what_follows_an_upgrade_is_read() {
        let jpeg = crate::dissect::jpeg::scan::made::jpeg(64, 48);
        let granted = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n";
        let frames = [
            frame(4, 0, &[0; 6]),
            frame(1, 1, &[0x88]),
            frame(0, 1, &jpeg),
        ]
        .concat();
        let answer = [&granted[..], &frames].concat();
        let asked = [
            &b"GET /snap HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n"[..],
            PREFACE,
            &frame(4, 0, &[0; 6]),
        ]
        .concat();
        let traffic = Default::default();
        let scene = Scene::new(&traffic);
        let claims = recognise(&scene, &tcp_between(&[&asked], &[&answer]));
        assert_eq!(claims[0].kind, "h2c/jpeg");
        assert_eq!(claims[0].label(), Label::Leak);
        let refused = [&b"HTTP/1.1 200 OK\r\n\r\n"[..], &frames].concat();
        assert!(recognise(&scene, &tcp_between(&[&asked], &[&refused])).is_empty());
    }
}

//! HTTP/1.x (RFC 9112): pictures, sound and video in its contents, of requests and
//! of responses, whoever of the two was captured.

mod clear_key;
mod multipart;
mod pieces;
mod playlist;
mod sound;

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{
        Flow, Stream, container,
        http::transfer::{self, Transfer},
    },
    inspect::{Claim, Scene},
};

use super::findings::{Findings, in_form, in_text, is_package, is_resource};

/// Files that are kept of one content.
const MOST_FILES: usize = 64;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Tcp {
        return Vec::new();
    }
    let may_be = may_be(flow);
    let mut findings = Findings::new("http");
    for stream in [&flow.from_a, &flow.from_b] {
        let transfers = match may_be {
            true => transfer::transfers(stream),
            false => Vec::new(),
        };
        for transfer in &transfers {
            content(stream, transfer, &mut findings);
        }
        let first = transfers.first().map(|transfer| transfer.range.start);
        joined(stream, first, &mut findings);
    }
    findings.claims()
}

/// What lies in chunks before the first message: of one whose head was not captured.
fn joined(stream: &Stream, first: Option<usize>, findings: &mut Findings) {
    let before = &stream.bytes[..first.unwrap_or(stream.bytes.len())];
    let Some(content) = transfer::joined(before) else {
        return;
    };
    if is_package(&content) {
        return;
    }
    for file in container::within(&content, MOST_FILES) {
        if !is_resource(&file, &content, true) {
            findings.add(file, &content, stream.place(0));
        }
    }
}

/// What comes in pieces, and what keys in clear open.
pub(super) fn across(scene: &Scene<'_>) -> Vec<(usize, Claim)> {
    let seen = pieces::everything(scene);
    let keys = clear_key::Keys::read(&seen);
    let mut claims = keys.claims(&seen);
    claims.extend(pieces::claims(&seen, &keys));
    claims.extend(playlist::claims(&seen));
    claims
}

/// Whether it may be HTTP: cheaply.
pub(super) fn may_be(flow: &Flow) -> bool {
    flow.transport == TransportProtocol::Tcp && [&flow.from_a, &flow.from_b].into_iter().any(speaks)
}

/// Whether a message of HTTP begins in a direction.
fn speaks(stream: &Stream) -> bool {
    transfer::is_start(&stream.bytes, 0)
        || memchr::memmem::find(&stream.bytes, b"HTTP/1.").is_some()
}

fn content(stream: &Stream, transfer: &Transfer<'_>, findings: &mut Findings) {
    if transfer.raw.len() < 16 {
        return;
    }
    let content = transfer.content();
    let place = stream.place(transfer.at);
    if let Some(file) = container::at_start(&content) {
        findings.add(file, &content, place);
        return;
    }
    let media_type = transfer.media_type();
    if let Some(file) = sound::whole(transfer, &content, stream) {
        findings.add(file, &content, place);
        return;
    }
    let parts = multipart::parts(&content, transfer.parameter("boundary").as_deref());
    let mut found = 0;
    if let Some((file, joined)) = sound::in_parts(transfer, &content, &parts, stream) {
        findings.add(file, &joined, place);
        found += 1;
    }
    for part in &parts {
        let part = content.get(part.body.clone()).unwrap_or_default();
        if let Some(file) = container::at_start(part) {
            findings.add(file, part, place);
            found += 1;
        }
    }
    if found > 0 {
        return;
    }
    // Pages bring their own little pictures.
    let is_page =
        media_type == "text/html" || media_type == "text/css" || media_type.contains("javascript");
    if is_page || is_package(&content) {
        return;
    }
    let range = transfer.head.value("content-range").unwrap_or_default();
    let range = range.trim().trim_start_matches("bytes").trim_start();
    let amid = !range.is_empty() && !range.starts_with("0-");
    for file in container::within(&content, MOST_FILES) {
        if !is_resource(&file, &content, amid) {
            findings.add(file, &content, place);
        }
    }
    match media_type == "application/x-www-form-urlencoded" {
        true => in_form(&content, place, findings),
        false => in_text(&content, place, findings),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        adversary::media_player::fixture::random,
        dissect::jpeg::scan::made,
        inspect::{
            Label,
            recognise::talk::{kinds, tcp_between},
        },
    };

    fn told(from_a: &[&[u8]], from_b: &[&[u8]]) -> Vec<(String, Label)> {
        kinds(recognise, &tcp_between(from_a, from_b))
    }

    fn answer(headers: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }

    fn leak(kind: &str) -> Vec<(String, Label)> {
        vec![(kind.into(), Label::Leak)]
    }

    #[test]
    fn pictures_leak_whoever_sends_them() {
        let jpeg = made::jpeg(160, 120);
        let whole = answer("", &jpeg);
        assert_eq!(
            told(&[b"GET / HTTP/1.1\r\n\r\n"], &[&whole]),
            leak("http/jpeg")
        );
        // Who sent the SYN may be unknown, and the other side not captured.
        assert_eq!(told(&[&whole], &[]), leak("http/jpeg"));
        // Joined amid another body, cut in the picture.
        let whole = answer("", &made::jpeg(640, 480));
        let joined = [&b"end of something"[..], &whole[..whole.len() - 60]].concat();
        assert_eq!(told(&[], &[&joined]), leak("http/jpeg"));
        let head = format!(
            "PUT /snap HTTP/1.1\r\nContent-Length: {}\r\n\r\n",
            jpeg.len()
        );
        assert_eq!(
            told(&[&[head.as_bytes(), &jpeg].concat()], &[]),
            leak("http/jpeg")
        );
    }

    #[test]
    fn pictures_in_parts_and_in_text_leak() {
        let jpeg = made::jpeg(160, 120);
        let mut parts =
            b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=f\r\n\r\n"
                .to_vec();
        for _ in 0..3 {
            parts.extend(b"--f\r\nContent-Type: image/jpeg\r\n\r\n");
            parts.extend(&jpeg);
            parts.extend(b"\r\n");
        }
        assert_eq!(told(&[], &[&parts]), leak("http/jpeg"));
        let text = base64(&jpeg);
        let json = format!("{{\"image\":\"{}\"}}", text.replace('/', "\\/"));
        assert_eq!(
            told(&[], &[&answer("", json.as_bytes())]),
            leak("http/jpeg")
        );
    }

    #[test]
    fn pictures_in_forms_leak() {
        let escaped = base64(&made::jpeg(160, 120)).replace('/', "%2F");
        let escaped = escaped.replace('+', "%2b");
        let form = format!("camera=1&picture={escaped}&end=");
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        assert_eq!(
            told(&[], &[&answer(kind, form.as_bytes())]),
            leak("http/jpeg")
        );
        let cut = form.replace("%2F", "%2");
        assert_eq!(told(&[], &[&answer(kind, cut.as_bytes())]), []);
    }

    #[test]
    fn chunks_that_were_joined_are_read_through() {
        let jpeg = made::jpeg(320, 240);
        let chunked: Vec<u8> = jpeg
            .chunks(300)
            .flat_map(|part| [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat())
            .collect();
        let rest = [&b"end of another picture\r\n"[..], &chunked].concat();
        assert_eq!(told(&[], &[&rest]), leak("http/jpeg"));
        let next = answer("", b"more");
        assert_eq!(told(&[], &[&rest, &next]), leak("http/jpeg"));
        let noise = random(3, 900);
        let rest: Vec<u8> = noise
            .chunks(90)
            .flat_map(|part| [b"\r\n5a\r\n", part].concat())
            .collect();
        assert_eq!(told(&[], &[&rest]), []);
    }

    #[test]
    fn sound_that_a_header_names_leaks() {
        // A saw tooth of mu-law: segments stay for a while.
        let sound: Vec<u8> = (0..3200_u32).map(|n| 0x80 | (n / 3 % 112) as u8).collect();
        let told_basic = told(&[], &[&answer("Content-Type: audio/basic\r\n", &sound)]);
        assert_eq!(told_basic, leak("http/pcmu"));
        // What is spoken to a camera.
        let post = b"POST /axis-cgi/audio/transmit.cgi HTTP/1.0\r\n\
            Content-Type: audio/basic\r\nContent-Length: 9999999\r\n\r\n";
        assert_eq!(
            told(&[&[&post[..], &sound].concat()], &[]),
            leak("http/pcmu")
        );
        let mut parts =
            b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=f\r\n\r\n"
                .to_vec();
        for part in sound.chunks(160) {
            parts.extend(b"--f\r\nContent-Type: audio/basic\r\n\r\n");
            parts.extend(part);
            parts.extend(b"\r\n");
        }
        assert_eq!(told(&[], &[&parts]), leak("http/pcmu"));
        let noise = answer("Content-Type: audio/basic\r\n", &random(5, 30_000));
        assert_eq!(told(&[], &[&noise]), []);
    }

    fn base64(octets: &[u8]) -> String {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for three in octets.chunks(3) {
            let mut word = 0_usize;
            for at in 0..3 {
                word = word << 8 | usize::from(three.get(at).copied().unwrap_or(0));
            }
            for at in 0..=three.len() {
                text.push(char::from(ALPHABET[word >> (18 - 6 * at) & 63]));
            }
        }
        text
    }

    #[test]
    fn what_is_no_picture_is_not_claimed() {
        let mut noise = made::headers(640, 480);
        noise.extend(random(1, 50_000));
        noise.extend([0xff, 0xd9]);
        for body in [
            &noise[..],
            &random(2, 50_000),
            b"<html></html>",
            b"GIF89a\x01\0\x01\0.........",
        ] {
            assert_eq!(told(&[], &[&answer("", body)]), []);
        }
        assert_eq!(told(&[b"\x16\x03\x01\x02\0\x01"], &[]), []);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let jpeg = made::jpeg(64, 64);
            for body in [&octets[..], &[&jpeg, &octets[..]].concat(), &[b"--x\r\n\r\n", &octets[..]].concat()] {
                let _ = told(&[&octets], &[&answer("", body)]);
            }
        }
    }
}

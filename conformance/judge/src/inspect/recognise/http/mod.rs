//! HTTP/1.x (RFC 9112): pictures, sound and video in its contents, of requests and
//! of responses, whoever of the two was captured.

mod multipart;
mod pieces;
mod playlist;

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{
        Flow, Stream,
        container::{self, File},
        http::transfer::{self, Transfer},
    },
    inspect::{Claim, Scene},
};

use super::findings::{Findings, in_text};

pub(super) use pieces::recognise as across;
pub(super) use playlist::recognise as playlists;

/// Files that are kept of one content.
const MOST_FILES: usize = 64;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if !may_be(flow) {
        return Vec::new();
    }
    let mut findings = Findings::new("http");
    for stream in [&flow.from_a, &flow.from_b] {
        for transfer in transfer::transfers(stream) {
            content(stream, &transfer, &mut findings);
        }
    }
    findings.claims()
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
    let parts = multipart::parts(&content, transfer.parameter("boundary").as_deref());
    let mut found = 0;
    for part in &parts {
        let part = content.get(part.clone()).unwrap_or_default();
        if let Some(file) = container::at_start(part) {
            findings.add(file, part, place);
            found += 1;
        }
    }
    if found > 0 {
        return;
    }
    let is_text = media_type.starts_with("text/") || media_type.contains("javascript");
    let files: Vec<File> = match is_text {
        // Pages hold pictures in base64; nothing of them is binary.
        true => Vec::new(),
        false => container::within(&content, MOST_FILES),
    };
    for file in files {
        findings.add(file, &content, place);
    }
    in_text(&content, place, findings);
}

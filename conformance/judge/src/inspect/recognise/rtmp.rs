//! RTMP (Adobe's specification, 1.0): who publishes or plays in clear gives away
//! what, where and with which key, and the pictures.

use std::collections::BTreeSet;

use lightleak_case::TransportProtocol;

use crate::{
    decoder::{Elementary, Format},
    dissect::{
        Flow, Stream, flv,
        rtmp::{
            self,
            chunk::{self, HANDSHAKE, Message, kind},
        },
    },
    inspect::{Claim, Scene},
};

/// Octets of a file that is shown.
const MOST_OCTETS: usize = 16 << 20;
/// Messages of media that show it where no handshake was captured.
const JOINED: usize = 8;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Tcp {
        return Vec::new();
    }
    let mut claims = Vec::new();
    for stream in [&flow.from_a, &flow.from_b] {
        claims.extend(direction(stream));
    }
    if claims.is_empty() {
        claims.extend(handshake(flow));
    }
    claims.sort_by_key(|claim| !claim.kind.contains('/'));
    claims
}

fn direction(stream: &Stream) -> Option<Claim> {
    let greets = stream.bytes.first() == Some(&3) && stream.bytes.len() > HANDSHAKE;
    if !greets && !may_be_joined(stream) {
        return None;
    }
    let messages = chunk::messages(stream);
    let place = stream.place(messages.first()?.at);
    let is_media = |m: &&Message| {
        matches!(m.kind, kind::AUDIO | kind::VIDEO) && !m.body.is_empty()
            || m.kind == kind::AGGREGATE
    };
    let media = messages.iter().filter(is_media).count();
    let commands: BTreeSet<&str> = messages.iter().filter_map(Message::command).collect();
    if media == 0 {
        let control = messages.iter().filter(|m| m.kind <= 6).count();
        (greets && commands.len() + control > 0).then_some(())?;
        let names: Vec<_> = commands.into_iter().take(8).collect();
        let reason = format!(
            "a handshake of RTMP and {} messages in clear, with the commands {}",
            messages.len(),
            names.join(", ")
        );
        return Some(Claim::clear("rtmp", Vec::new(), reason).at(place));
    }
    if !greets && media < JOINED {
        return None;
    }
    let videos = messages.iter().filter(|m| m.kind == kind::VIDEO);
    let video = videos.filter_map(|m| flv::video(&m.body)).next();
    let sounds = messages.iter().filter(|m| m.kind == kind::AUDIO);
    let codec = video.or_else(|| sounds.filter_map(|m| flv::audio(&m.body)).next());
    let file = Elementary {
        format: Format::Flv,
        octets: chunk::flash_video(&messages, MOST_OCTETS),
    };
    let kind = format!("rtmp/{}", codec.unwrap_or("flv"));
    let reason = format!("{media} messages of RTMP with video or sound in clear");
    Some(Claim::clear(kind, vec![file], reason).at(place))
}

/// Whether one of the first segments begins with a chunk of media.
fn may_be_joined(stream: &Stream) -> bool {
    let begins = |at: usize| {
        matches!(
            stream.bytes.get(at..at + 12),
            Some([2..64, _, _, _, 0..64, _, _, 8 | 9, 0..16, 0, 0, 0])
        )
    };
    stream.pieces.iter().take(256).any(|piece| begins(piece.at))
}

/// Both sides greeted, and nobody said anything that could be read.
fn handshake(flow: &Flow) -> Option<Claim> {
    let place = flow.from_a.place(0);
    if rtmp::answer(flow).is_some() {
        let reason = "a handshake of RTMP in clear, of version 3, and its answer";
        return Some(Claim::clear("rtmp", Vec::new(), reason).at(place));
    }
    let version = *flow.from_a.bytes.first()?;
    let both = [&flow.from_a, &flow.from_b]
        .into_iter()
        .all(|stream| stream.bytes.len() >= HANDSHAKE && stream.bytes.first() == Some(&version));
    (both && matches!(version, 6 | 8)).then(|| {
        let reason = format!(
            "both sides greet as RTMPE of version {version} does, whose keys need no secret"
        );
        Claim::unknown("rtmpe?", reason).at(place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{
        Label,
        recognise::talk::{kinds, tcp_between},
    };

    fn claims(from_a: &[u8], from_b: &[u8]) -> Vec<(String, Label)> {
        kinds(recognise, &tcp_between(&[from_a], &[from_b]))
    }

    fn hello(version: u8, then: &[u8]) -> Vec<u8> {
        [&[version][..], &[9; HANDSHAKE - 1], then].concat()
    }

    fn video() -> Vec<u8> {
        let bodies = (0..20).map(|time| {
            chunk::made::message(6, kind::VIDEO, time * 40, &[0x17, 1, 0, 0, 0, 9, 9], 128)
        });
        bodies.flatten().collect()
    }

    #[test]
    fn publishing_playing_and_signalling_leak() {
        let connect = chunk::made::message(3, kind::COMMAND, 0, b"\x02\x00\x07connect\x00", 128);
        let leak = |kind: &str| vec![(kind.to_owned(), Label::Leak)];
        assert_eq!(claims(&hello(3, &connect), b""), leak("rtmp"));
        assert_eq!(claims(&hello(3, &video()), b""), leak("rtmp/h264"));
        assert_eq!(claims(b"", &hello(3, &video())), leak("rtmp/h264"));
        assert_eq!(claims(b"", &video()), leak("rtmp/h264"));
    }

    #[test]
    fn what_is_none_is_not_claimed() {
        assert_eq!(claims(&hello(3, &[0xa5; 5000]), b""), []);
        assert_eq!(claims(&[3; 100], &[3; 100]), []);
        assert_eq!(claims(b"\x16\x03\x01\x02\x00\x01", b""), []);
    }
}

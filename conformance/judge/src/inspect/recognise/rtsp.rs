//! RTSP (RFC 7826, RFC 2326): who speaks it in clear gives away what is watched,
//! where and by whom, and with the description what it takes to play it.

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Stream, base64, rtsp},
    inspect::{Claim, Scene},
};

/// Requests that ask for nothing that is watched.
const PROBES: [&str; 1] = ["OPTIONS"];
/// Headers, in lower case, that only AirPlay has.
const AIRPLAY: [&str; 4] = [
    "apple-challenge",
    "active-remote",
    "dacp-id",
    "x-apple-device-id",
];
/// Octets of base64 that are read of a tunnel.
const MOST_TUNNELLED: usize = 256 * 1024;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    let streams = [&flow.from_a, &flow.from_b];
    let place = streams.iter().find_map(|stream| stream.place(0));
    if flow.transport == TransportProtocol::Tcp
        && let Some(claim) = streams.into_iter().find_map(tunnelled)
    {
        return vec![claim.at(place)];
    }
    if !streams.into_iter().any(speaks) {
        return Vec::new();
    }
    if flow.transport == TransportProtocol::Udp && !streams.into_iter().any(begins) {
        return Vec::new();
    }
    let Some(dialogue) = rtsp::read(&flow.from_a, &flow.from_b) else {
        return Vec::new();
    };
    let messages: Vec<_> = dialogue.messages().collect();
    let described = messages.iter().filter(|m| m.sdp().is_some()).count();
    let frames = dialogue.frames_a.len() + dialogue.frames_b.len();
    let said = octets(flow);
    let spoken: usize = messages.iter().map(|m| m.range.len()).sum();
    // A text that quotes RTSP is none.
    if frames == 0 && spoken * 2 < said {
        return Vec::new();
    }
    let asks = messages
        .iter()
        .any(|m| m.status == 0 && !PROBES.contains(&m.method.as_str()));
    let probes = messages.iter().any(|m| PROBES.contains(&m.method.as_str()));
    // What can be asked is told to anybody.
    let grants = messages
        .iter()
        .any(|m| (200..300).contains(&m.status) && m.header("public").is_none());
    let refuses = messages.iter().any(|m| m.status >= 400);
    // What was asked may have been granted; of answers alone, what they grant was
    // asked. What is asked in the way of AirPlay seals its sound.
    let opens = match (asks, grants) {
        (true, _) => grants || !refuses,
        (false, _) => grants && !probes,
    };
    let is_airplay = messages
        .iter()
        .any(|m| AIRPLAY.iter().any(|name| m.header(name).is_some()));
    let reason = format!(
        "{} messages of RTSP in clear, {described} with a session description; {frames} interleaved packets",
        messages.len()
    );
    let claim = match (opens || described > 0) && !is_airplay || frames > 0 {
        true => Claim::clear("rtsp", Vec::new(), reason),
        false => Claim::other(
            "rtsp",
            format!("{reason}; nothing was asked for or granted"),
        ),
    };
    vec![claim.at(place)]
}

fn octets(flow: &Flow) -> usize {
    flow.from_a.bytes.len() + flow.from_b.bytes.len()
}

fn speaks(stream: &Stream) -> bool {
    memchr::memmem::find(&stream.bytes, b"RTSP/").is_some()
}

/// Whether a datagram begins with a message.
fn begins(stream: &Stream) -> bool {
    stream.parts().take(64).any(|(_, octets)| {
        let line = octets
            .split(|octet| *octet == b'\n')
            .next()
            .unwrap_or_default();
        let line = line.trim_ascii_end();
        line.starts_with(b"RTSP/1.0 ")
            || line.starts_with(b"RTSP/2.0 ")
            || line.ends_with(b" RTSP/1.0")
    })
}

/// Requests in base64 behind the head of a POST: RTSP over HTTP, of which the answers
/// come in another connection.
fn tunnelled(stream: &Stream) -> Option<Claim> {
    let bytes = &stream.bytes;
    if !bytes.starts_with(b"POST ") {
        return None;
    }
    let head = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    let body = bytes.get(head..bytes.len().min(head + MOST_TUNNELLED))?;
    // Each request was encoded for itself, and padded.
    let mut text = Vec::new();
    for part in body.split(|octet| b"=\r\n".contains(octet)) {
        if let Some((octets, ..)) = base64::decode(part) {
            text.extend(octets);
        }
    }
    let mut plain = Stream::default();
    plain.push(&text, 0, 0, 0);
    let dialogue = rtsp::read(&plain, &Stream::default())?;
    let messages = dialogue.messages().count();
    let begins = dialogue.messages().any(|message| message.range.start == 0);
    begins.then(|| {
        let reason =
            format!("{messages} requests of RTSP in base64 in the body of a POST: in clear");
        Claim::clear("rtsp/http", Vec::new(), reason)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::inspect::{
        Label,
        recognise::talk::{between, kinds},
    };

    fn claims(transport: TransportProtocol, from_a: &[u8], from_b: &[u8]) -> Vec<(String, Label)> {
        kinds(recognise, &between(transport, &[from_a], &[from_b]))
    }

    use TransportProtocol::{Tcp, Udp};
    const ASK: &[u8] = b"DESCRIBE rtsp://10.0.0.2/live RTSP/1.0\r\nCSeq: 2\r\n\r\n";
    const ANSWER: &[u8] = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 0\r\n\r\n";

    #[test]
    fn dialogues_are_leaks_whoever_speaks() {
        let leak = [("rtsp".to_owned(), Label::Leak)];
        for (a, b) in [
            (ASK, ANSWER),
            (ANSWER, ASK),
            (ASK, &[][..]),
            (&[][..], ANSWER),
        ] {
            assert_eq!(claims(Tcp, a, b), leak);
            assert_eq!(claims(Udp, a, b), leak);
        }
    }

    #[test]
    fn a_probe_that_gets_nothing_is_none() {
        let probe = b"OPTIONS / RTSP/1.0\r\nCSeq: 1\r\n\r\n";
        let refused = b"RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\n\r\n";
        assert_eq!(
            claims(Tcp, probe, refused),
            [("rtsp".to_owned(), Label::Other)]
        );
    }

    #[test]
    fn a_tunnel_in_http_is_a_leak() {
        // "DESCRIBE rtsp://c/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"
        let post = b"POST /live HTTP/1.0\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n\
            REVTQ1JJQkUgcnRzcDovL2MvIFJUU1AvMS4wDQpDU2VxOiAxDQoNCg==";
        assert_eq!(
            claims(Tcp, post, b""),
            [("rtsp/http".to_owned(), Label::Leak)]
        );
        assert!(claims(Tcp, b"POST / HTTP/1.0\r\n\r\nREVTQ1JJQkU=", b"").is_empty());
    }

    #[test]
    fn a_page_about_rtsp_is_none() {
        let page = [
            &b"HTTP/1.1 200 OK\r\n\r\n"[..],
            &[b'x'; 4000],
            b"\nRTSP/1.0 200 OK\r\n\r\n",
        ]
        .concat();
        assert!(claims(Tcp, b"GET / HTTP/1.1\r\n\r\n", &page).is_empty());
    }

    proptest! {
        #[test]
        fn anything_is_read_without_panic(octets in prop::collection::vec(any::<u8>(), 0..60), at in 0..40_usize) {
            let (head, tail) = ASK.split_at(at);
            let octets = [head, &octets, tail].concat();
            let _ = (claims(Tcp, &octets, ANSWER), claims(Udp, &octets, &octets));
            let _ = claims(Tcp, &[&b"POST / HTTP/1.0\r\n\r\n"[..], &octets].concat(), b"");
        }
    }
}

//! RTSP-01, RTSP-03, RTSP-11, RTSP-12 and RTSP-13: what is to be had without
//! TLS.

use lightleak_case::Session;
use lightleak_judge::verdict::Verdict::{Fail, Inconclusive, NotApplicable, Pass};

use crate::{
    case::*,
    sealed::ALERT,
    video,
    wire::{Tcp, Wire},
};

const TUNNEL: &[u8] =
    b"GET /main HTTP/1.0\r\nx-sessioncookie: 1\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n";
const WEBSOCKET: &[u8] = b"GET /main HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: rtsp.onvif.org\r\n\r\n";
const DESCRIBE: &[u8] = b"DESCRIBE rtsp://192.0.2.20/main RTSP/1.0\r\nCSeq: 1\r\n\r\n";
const AVP: &str = "v=0\r\nm=video 0 RTP/AVP 96\r\n";

fn exchange(wire: &mut Wire, port: u16, asked: &[u8], answered: &[u8]) -> Tcp {
    // Each connection by itself.
    let from = client(30_000 + wire.frames.len() as u16 % 10_000);
    let mut tcp = wire.connect(from, camera_at(port));
    tcp.say(wire, false, asked);
    tcp.say(wire, true, answered);
    tcp
}

fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("RTSP/1.0 {status} -\r\nCSeq: 1\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// The sealed port is asked in every way and refuses; `more` happens as well.
fn asked(more: impl FnOnce(&mut Wire)) -> Session {
    swept(|wire| {
        for way in [DESCRIBE, TUNNEL, WEBSOCKET] {
            exchange(wire, camera().port(), way, &ALERT).close(wire);
        }
        more(wire);
    })
}

/// Another port answers like this; it is asked in every other way, too.
fn at_554(way: &'static [u8], answered: Vec<u8>) -> Session {
    asked(|wire| {
        for other in [DESCRIBE, TUNNEL, WEBSOCKET] {
            let answered = if other == way { &answered[..] } else { b"" };
            exchange(wire, 554, other, answered).close(wire);
        }
    })
}

#[test]
fn a_sealed_camera_gives_nothing() {
    let report = judge(&case(vec![asked(|_| {})]));
    for id in ["RTSP-01", "RTSP-03", "RTSP-11"] {
        expect(&of(&report, id), Pass, "");
    }
    for id in ["RTSP-12", "RTSP-13"] {
        expect(
            &of(&report, id),
            NotApplicable,
            "none of 1 open ports speaks HTTP",
        );
    }
}

#[test]
fn a_port_that_nobody_asked_is_not_known() {
    let session = || asked(|wire| wire.connect(client(9), camera_at(8554)).close(wire));
    let report = judge(&case(vec![session()]));
    for id in ["RTSP-01", "RTSP-03", "RTSP-11", "RTSP-12", "RTSP-13"] {
        expect(
            &of(&report, id),
            Inconclusive,
            "192.0.2.20:8554 was not asked for",
        );
    }
}

#[test]
fn what_is_given_without_tls_fails_however_it_comes() {
    let media = interleave(&video::rtp(&VIDEO));
    let framed = [&answer(455, "", "")[..], &media].concat();
    for (name, answered, words) in [
        (
            "description",
            answer(200, "", AVP),
            "DESCRIBE was answered 200",
        ),
        ("media", framed, "media on channel 0"),
    ] {
        let case = case(vec![at_554(DESCRIBE, answered.clone())]);
        let finding = of(&judge(&case), "RTSP-01");
        expect(&finding, Fail, words);
        let found = octets(&case, &finding);
        assert!(answered.windows(found.len()).any(|w| w == found), "{name}");
    }
}

#[test]
fn a_demand_for_credentials_is_no_refusal() {
    let finding_on = |id, headers: &str| {
        let answered = answer(401, headers, "");
        finding(at_554(DESCRIBE, answered), id)
    };
    let sha = "WWW-Authenticate: Digest realm=\"a, big b\", nonce=\"n\", algorithm=SHA-256\r\n";
    expect(
        &finding_on("RTSP-01", sha),
        Inconclusive,
        "demands credentials",
    );
    expect(&finding_on("RTSP-11", sha), Pass, "1 challenges");
    for (headers, words) in [
        (
            "WWW-Authenticate: Basic realm=\"r\"\r\n",
            "Basic is asked for",
        ),
        (
            "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n",
            "does not offer SHA-256",
        ),
        (
            "WWW-Authenticate: Digest realm=\"SHA-256\", nonce=\"n\", algorithm=MD5\r\n",
            "does not offer SHA-256",
        ),
        (
            "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=\"SHA-256\", BASIC realm=\"r\"\r\n",
            "Basic is asked for",
        ),
    ] {
        expect(&finding_on("RTSP-11", headers), Fail, words);
    }
    for good in [
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\nWWW-Authenticate: digest realm=\"r\", nonce=\"n\", ALGORITHM=sha-256\r\n",
        "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5, Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256-sess\r\n",
        "WWW-Authenticate: Bearer realm=\"r\"\r\n",
    ] {
        expect(&finding_on("RTSP-11", good), Pass, "");
    }
}

#[test]
fn basic_that_is_taken_without_being_asked_for_fails() {
    let shown =
        b"DESCRIBE rtsp://192.0.2.20/ RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Basic dTpw\r\n\r\n";
    let session = asked(|wire| exchange(wire, 554, shown, &answer(200, "", AVP)).close(wire));
    expect(
        &finding(session, "RTSP-11"),
        Fail,
        "DESCRIBE with Basic was answered 200",
    );
}

#[test]
fn a_description_without_tls_must_not_tell_of_srtp() {
    let savp = "v=0\r\nm=video 0 RTP/SAVPF 96\r\n";
    let crypto = "v=0\r\nm=video 0 RTP/AVP 96\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n";
    for (headers, body, verdict) in [
        ("", savp, Fail),
        ("", crypto, Fail),
        ("KeyMgmt: prot=mikey;uri=\"\";data=\"AQAF\"\r\n", "", Fail),
        ("", AVP, Pass),
    ] {
        let session = at_554(DESCRIBE, answer(200, headers, body));
        let finding = finding(session, "RTSP-03");
        assert_eq!(
            finding.verdict, verdict,
            "{headers}{body}: {}",
            finding.reason
        );
    }
}

#[test]
fn rtsp_inside_http_without_tls_fails_where_it_gives_something() {
    let open = "HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\n\r\n";
    let upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\u{2}~";
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>";
    let refused = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    for (id, way, head) in [("RTSP-12", TUNNEL, open), ("RTSP-13", WEBSOCKET, upgrade)] {
        for (head, answer, verdict) in [
            (head, answer(200, "", AVP), Fail),
            (head, answer(200, "Transport: RTP/AVP/TCP\r\n", ""), Fail),
            (head, answer(401, CHALLENGE, ""), Inconclusive),
            (head, Vec::new(), Inconclusive),
            (page, Vec::new(), Pass),
            (refused, Vec::new(), Pass),
        ] {
            let session = at_554(way, [head.as_bytes(), &answer].concat());
            let finding = finding(session, id);
            assert_eq!(finding.verdict, verdict, "{id} {head}: {}", finding.reason);
        }
    }
}

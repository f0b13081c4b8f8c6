//! WebRTC with somebody who does what nobody should: what the device must not
//! give is seen, and a refusal passes.

use ed25519_dalek::{Signer, SigningKey};
use lightleak_case::{Case, Vantage};
use lightleak_judge::verdict::{
    Verdict,
    Verdict::{Fail, Inconclusive, Pass},
};
use sha2::{Digest, Sha256};

use crate::{card::hex, case::*, rtc::*, sealed::Sealed, wire::Wire};

/// How much slower time goes than a test's wire says: then it is a packet a
/// second.
const PACKET_A_SECOND: u64 = 1_000_000;

/// Why a pass is none: no picture is in the session, and where a viewer watches
/// before, one has to be. What does not pass gives a reason of its own beside.
const PASSES: &str = "no mark of unit 21 was read from what the escrowed keys open";

/// A session with that stimulus: the owner logs in, offers and gets an answer;
/// then what is asked beside, then datagrams.
fn case_with(
    stimulus: &str,
    (offer, answer): (&str, &str),
    asked: &[(&str, Option<&str>, &str, &str, &str)],
    datagrams: &[(bool, Vec<u8>)],
) -> Case {
    let mut wire = Wire::new();
    let mut sealed = Sealed::connect(&mut wire, client(50_001), camera(), 1);
    let token = hex(&TOKEN);
    let given = format!("{{\"token\": \"{token}\", \"expires_in\": 20}}");
    let login = r#"{"user": "u", "password": "a-very-long-password-indeed"}"#;
    let made = "201 Created\r\nLocation: /webrtc/00ff";
    for (request, response) in [
        (("POST /login", None, login), ("200 OK", given.as_str())),
        (
            ("POST /webrtc", Some(token.as_str()), offer),
            (made, answer),
        ),
    ] {
        asks(&mut wire, &mut sealed, request, response);
    }
    for (line, token, body, status, answer) in asked {
        asks(
            &mut wire,
            &mut sealed,
            (*line, *token, *body),
            (*status, *answer),
        );
    }
    let (app, device) = (client(APP_PORT), camera_at(DEVICE_PORT));
    for (from_app, datagram) in datagrams {
        match from_app {
            true => wire.udp(app, device, datagram),
            false => wire.udp(device, app, datagram),
        }
    }
    sealed.tcp.close(&mut wire);
    let mut case = case_of(&Plan::default());
    let mut session = session(stimulus, wire, sealed.keys);
    session.record.path = RTC_PATH.into();
    case.sessions = vec![session];
    case
}

fn descriptions() -> (String, String) {
    let Plan { offer, answer, .. } = Plan::default();
    (offer, answer)
}

fn slower(case: &mut Case, factor: u64) {
    for session in &mut case.sessions {
        let capture = session.captures.get_mut(&Vantage::Wire).unwrap();
        let packets = capture.packets.iter_mut();
        packets.for_each(|packet| packet.time_ns *= factor);
    }
}

fn see(case: &Case, id: &str, verdict: Verdict, words: &str) {
    let finding = of(&judge(case), id);
    expect(&finding, verdict, words);
    assert!(words != PASSES || finding.reason == PASSES, "{finding:?}");
}

#[test]
fn who_is_not_logged_in_gets_nothing() {
    let (offer, answer) = descriptions();
    let token = hex(&TOKEN);
    let owners = Some(token.as_str());
    let other = Some("0123");
    let keys = r#"{"keys": []}"#;
    let key = "POST /webrtc/00ff/key";
    let end = "DELETE /webrtc/00ff";
    for (stimulus, asked, verdict, words) in [
        (
            "no-credentials",
            vec![("POST /webrtc", None, offer.as_str(), "401 Unauthorized", "")],
            Pass,
            "1 offers",
        ),
        (
            "no-credentials",
            vec![("POST /webrtc", None, &offer, "201 Created", &answer)],
            Fail,
            "without a token",
        ),
        (
            // Whatever its status says.
            "no-credentials",
            vec![("POST /webrtc", None, &offer, "401 Unauthorized", &answer)],
            Fail,
            "without a token",
        ),
        (
            "no-credentials",
            vec![(key, None, "{}", "401 Unauthorized", "")],
            Inconclusive,
            "no offer",
        ),
        (
            "wrong-credentials",
            vec![
                ("POST /webrtc", other, &offer, "401 Unauthorized", ""),
                (key, other, "{}", "200 OK", keys),
            ],
            Fail,
            "that no log-in gave",
        ),
        (
            "after-log-out",
            vec![
                (end, owners, "", "200 OK", ""),
                (key, owners, "{}", "404 Not Found", ""),
            ],
            Inconclusive,
            PASSES,
        ),
        (
            "after-log-out",
            vec![
                (end, owners, "", "200 OK", ""),
                (key, owners, "{}", "200 OK", keys),
            ],
            Fail,
            "that was ended",
        ),
        (
            "after-log-out",
            vec![(key, owners, "{}", "200 OK", keys)],
            Inconclusive,
            "no request in a session",
        ),
    ] {
        let case = case_with(stimulus, (&offer, &answer), &asked, &[]);
        see(&case, "WHEP-01", verdict, words);
    }
}

#[test]
fn a_token_ends() {
    let (offer, answer) = descriptions();
    let token = hex(&TOKEN);
    for (status, body, factor, verdict, words) in [
        ("401 Unauthorized", "", PACKET_A_SECOND, Pass, "1 offers"),
        (
            "201 Created",
            answer.as_str(),
            PACKET_A_SECOND,
            Fail,
            "was over",
        ),
        // In time, it is the owner's.
        ("201 Created", &answer, 1, Inconclusive, "no offer"),
    ] {
        // Time goes by.
        let mut asked = vec![("GET /webrtc", None, "", "405 Not Allowed", ""); 20];
        asked.push((
            "POST /webrtc",
            Some(token.as_str()),
            offer.as_str(),
            status,
            body,
        ));
        let mut case = case_with("expired-token", (&offer, &answer), &asked, &[]);
        slower(&mut case, factor);
        see(&case, "WHEP-01", verdict, words);
    }
}

#[test]
fn media_end_with_their_session() {
    let (offer, answer) = descriptions();
    let token = hex(&TOKEN);
    let asked = [
        (
            "DELETE /webrtc/00ff",
            Some(token.as_str()),
            "",
            "200 OK",
            "",
        ),
        (
            "DELETE /webrtc/00ff",
            Some(token.as_str()),
            "",
            "404 Not Found",
            "",
        ),
    ];
    let media = [(false, vec![0x80; 40]), (false, vec![0x80; 40])];
    let mut case = case_with("after-log-out", (&offer, &answer), &asked, &media);
    see(&case, "WHEP-01", Inconclusive, PASSES);
    slower(&mut case, PACKET_A_SECOND);
    see(&case, "WHEP-01", Fail, "media go on");
}

#[test]
fn who_is_not_logged_in_ends_nothing_and_learns_nothing() {
    let (offer, answer) = descriptions();
    let end = "DELETE /webrtc/00ff";
    for (status, verdict) in [
        ("200 OK", Fail),
        ("401 Unauthorized", Pass),
        ("404 Not Found", Inconclusive),
    ] {
        let asked = [(end, None, "", status, "")];
        let case = case_with("no-credentials", (&offer, &answer), &asked, &[]);
        see(&case, "IOT-06", verdict, "");
    }
    let serial = declaration().device.serial;
    let telling = format!("401 Unauthorized\r\nServer: camera/{serial}");
    for (status, verdict) in [("401 Unauthorized", Pass), (telling.as_str(), Fail)] {
        let asked = [("GET /webrtc", None, "", status, "")];
        let case = case_with("no-credentials", (&offer, &answer), &asked, &[]);
        see(&case, "IOT-08", verdict, "");
    }
}

#[test]
fn keys_are_for_viewers_that_the_owner_signed() {
    let (offer, answer) = descriptions();
    let token = hex(&TOKEN);
    let owner = SigningKey::from_bytes(&[3; 32]);
    let sign = |key: &SigningKey, viewer: &[u8]| {
        let message = [b"lightleak viewer key 1", viewer].concat();
        let signature = hex(&key.sign(&message).to_bytes());
        let viewer = hex(viewer);
        format!(r#"{{"viewer_key": "{viewer}", "signature": "{signature}"}}"#)
    };
    let right = sign(&owner, &[9; 32]);
    let wrong = sign(&SigningKey::from_bytes(&[4; 32]), &[9; 32]);
    let keys = r#"{"keys": []}"#;
    for (body, status, declared, verdict) in [
        (&right, "200 OK", true, Inconclusive),
        (&wrong, "403 Forbidden", true, Pass),
        (&wrong, "200 OK", true, Fail),
        (&wrong, "200 OK", false, Inconclusive),
    ] {
        let asked = [(
            "POST /webrtc/00ff/key",
            Some(token.as_str()),
            body.as_str(),
            status,
            keys,
        )];
        let mut case = case_with("unenrolled-viewer", (&offer, &answer), &asked, &[]);
        let public = hex(owner.verifying_key().as_bytes());
        case.declaration.device.owner_key = declared.then_some(public);
        see(&case, "SFR-15", verdict, "");
    }
}

/// A ClientHello of that version with those profiles, if any (RFC 6347 4.2.1).
fn client_hello(version: [u8; 2], profiles: Option<&[u8]>) -> Vec<u8> {
    let mut body = version.to_vec();
    body.extend([0xc1; 32]);
    body.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0]);
    extend(&mut body, profiles);
    record(22, 0, 0, &whole(1, 0, &body))
}

fn server_hello(version: [u8; 2], profiles: Option<&[u8]>) -> Vec<u8> {
    let mut body = version.to_vec();
    body.extend([0x5e; 32]);
    body.extend([0, 0xc0, 0x2b, 0]);
    extend(&mut body, profiles);
    record(22, 0, 0, &whole(2, 0, &body))
}

fn extend(body: &mut Vec<u8>, profiles: Option<&[u8]>) {
    let mut extensions = vec![0xff, 1, 0, 1, 0];
    if let Some(profiles) = profiles {
        let length = profiles.len() as u8;
        extensions.extend([0, 14, 0, length + 3, 0, length]);
        extensions.extend(profiles);
        extensions.push(0);
    }
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
}

const DTLS10: [u8; 2] = [0xfe, 0xff];
const DTLS12: [u8; 2] = [0xfe, 0xfd];

#[test]
fn nothing_weak_is_agreed_on() {
    let (offer, answer) = descriptions();
    let null: Option<&[u8]> = Some(&[0, 5]);
    let known: Option<&[u8]> = Some(&[0, 1]);
    let strange: Option<&[u8]> = Some(&[0xff, 0xf0]);
    let media = vec![0x80; 40];
    for (id, hello, answered, sends, verdict, words) in [
        (
            "DTLS-02",
            (DTLS12, null),
            Some((DTLS12, None)),
            false,
            Pass,
            "none was chosen",
        ),
        (
            "DTLS-02",
            (DTLS12, null),
            None,
            false,
            Pass,
            "none was chosen",
        ),
        (
            "DTLS-02",
            (DTLS12, null),
            Some((DTLS12, null)),
            false,
            Fail,
            "does not encrypt",
        ),
        (
            "DTLS-02",
            (DTLS12, known),
            Some((DTLS12, known)),
            false,
            Inconclusive,
            "alone",
        ),
        (
            "WRTC-02",
            (DTLS12, null),
            Some((DTLS12, null)),
            false,
            Fail,
            "does not encrypt",
        ),
        (
            "DTLS-01",
            (DTLS12, strange),
            Some((DTLS12, None)),
            false,
            Pass,
            "1 without",
        ),
        (
            "DTLS-01",
            (DTLS12, strange),
            Some((DTLS12, known)),
            false,
            Fail,
            "not offered",
        ),
        (
            "DTLS-01",
            (DTLS12, Some(&[0, 1, 0, 7])),
            Some((DTLS12, Some(&[0, 1, 0, 7]))),
            false,
            Fail,
            "2 SRTP profiles",
        ),
        (
            "DTLS-01",
            (DTLS12, known),
            Some((DTLS12, known)),
            false,
            Inconclusive,
            "every offer",
        ),
        (
            "DTLS-07",
            (DTLS10, known),
            None,
            false,
            Pass,
            "never agreed on",
        ),
        (
            "DTLS-07",
            (DTLS10, known),
            Some((DTLS10, known)),
            false,
            Fail,
            "0xfeff",
        ),
        (
            "DTLS-07",
            (DTLS12, known),
            Some((DTLS12, known)),
            false,
            Inconclusive,
            "nobody",
        ),
        (
            "WRTC-02",
            (DTLS12, known),
            None,
            true,
            Inconclusive,
            "no key opens",
        ),
    ] {
        let mut datagrams = vec![(true, client_hello(hello.0, hello.1))];
        datagrams.extend(answered.map(|(version, chosen)| (false, server_hello(version, chosen))));
        datagrams.extend(sends.then(|| (false, media.clone())));
        let case = case_with("dtls-offers", (&offer, &answer), &[], &datagrams);
        see(&case, id, verdict, words);
    }
}

#[test]
fn media_without_dtls_are_plain() {
    let (offer, answer) = descriptions();
    let plain = answer.replace("UDP/TLS/RTP/SAVPF", "RTP/AVPF");
    let refused = [(
        "POST /webrtc",
        Some("00"),
        offer.as_str(),
        "406 Not Acceptable",
        "",
    )];
    let media = [(false, vec![0x80; 40])];
    let sent = case_with("avpf-offer", (&offer, &plain), &refused, &media);
    see(&sent, "WRTC-02", Fail, "without DTLS");
    see(&sent, "WRTC-01", Fail, "described as RTP/AVPF");
    let withheld = case_with("avpf-offer", (&offer, &answer), &refused, &[]);
    see(&withheld, "WRTC-02", Pass, "1 offers were refused");
    see(&withheld, "WRTC-01", Pass, "1 offers were refused");
}

/// A message with one certificate (RFC 5246 7.4.2).
fn certificate(number: u8, octets: &[u8]) -> Vec<u8> {
    let length = |more: usize| ((octets.len() + more) as u32).to_be_bytes();
    let body = [&length(3)[1..], &length(0)[1..], octets].concat();
    record(22, 0, number, &whole(11, number, &body))
}

fn with_fingerprint(sdp: &str, hash: &str, octets: &[u8]) -> String {
    let octets: Vec<_> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
    let old = format!("a=fingerprint:sha-256 {}", ["AB"; 32].join(":"));
    assert!(sdp.contains(&old));
    sdp.replace(&old, &format!("a=fingerprint:{hash} {}", octets.join(":")))
}

#[test]
fn certificates_are_those_of_the_descriptions() {
    let (offer, answer) = descriptions();
    let (of_app, of_device) = ([7; 60], [8; 70]);
    let handshake = |media: bool| {
        let known: Option<&[u8]> = Some(&[0, 1]);
        let mut datagrams = vec![
            (true, client_hello(DTLS12, known)),
            (false, server_hello(DTLS12, known)),
            (false, certificate(1, &of_device)),
            (true, certificate(1, &of_app)),
        ];
        datagrams.extend(media.then(|| (false, vec![0x80; 40])));
        datagrams
    };
    let right = with_fingerprint(&offer, "sha-256", &Sha256::digest(of_app));
    for (offer, media, verdict, words) in [
        (&offer, false, Pass, "1 viewers"),
        (&offer, true, Fail, "not that of its offer"),
        (&right, true, Inconclusive, "no certificate was seen"),
    ] {
        let case = case_with(
            "wrong-fingerprint",
            (offer, &answer),
            &[],
            &handshake(media),
        );
        see(&case, "DTLS-04", verdict, words);
    }
    let weak = with_fingerprint(&offer, "md5", &[1; 16]);
    for (offer, media, verdict, words) in [
        (&weak, false, Pass, "1 offers"),
        (&weak, true, Fail, "by md5"),
        (&offer, true, Inconclusive, "nobody"),
    ] {
        let case = case_with("weak-fingerprint", (offer, &answer), &[], &handshake(media));
        see(&case, "DTLS-05", verdict, words);
    }
    let told = with_fingerprint(&answer, "md5", &[1; 16]);
    let case = case_with("weak-fingerprint", (&weak, &told), &[], &[]);
    see(&case, "DTLS-05", Fail, "describes a fingerprint by md5");
    let case = case_with("honest", (&offer, &answer), &[], &handshake(false));
    see(&case, "WSIG-02", Fail, "not that of the answer");
    let right = with_fingerprint(&answer, "sha-256", &Sha256::digest(of_device));
    let case = case_with("honest", (&offer, &right), &[], &handshake(false));
    // No picture is in that session, without which nothing passes.
    assert_ne!(of(&judge(&case), "WSIG-02").verdict, Fail);
}

#[test]
fn a_key_that_anybody_can_look_up_is_named() {
    // Made with `openssl req -x509`, the first with the key testECCP256 of RFC 9500.
    const PUBLISHED: &[u8] = include_bytes!("../../src/dissect/x509/p256-rfc9500.der");
    const OWN: &[u8] = include_bytes!("../../src/dissect/x509/p256-sha256.der");
    let (offer, answer) = descriptions();
    for (shown, verdict, words) in [
        (PUBLISHED, Fail, "is testECCP256 of RFC 9500, 2.3"),
        (OWN, Inconclusive, PASSES),
        (&OWN[1..], Inconclusive, "could not be read"),
    ] {
        let known: Option<&[u8]> = Some(&[0, 1]);
        let datagrams = [
            (true, client_hello(DTLS12, known)),
            (false, server_hello(DTLS12, known)),
            (false, certificate(1, shown)),
        ];
        let case = case_with("honest", (&offer, &answer), &[], &datagrams);
        see(&case, "DTLS-11", verdict, words);
    }
    let case = case_with("honest", (&offer, &answer), &[], &[]);
    see(
        &case,
        "DTLS-11",
        Inconclusive,
        "no certificate of the device",
    );
}

#[test]
fn media_end_when_consent_does() {
    let mut session = session_of(&Plan::default());
    session.record.stimulus = "no-consent".into();
    let mut checks = Wire::new();
    let (app, device) = (client(APP_PORT), camera_at(DEVICE_PORT));
    checks.udp(device, app, &binding(true));
    checks.udp(app, device, &binding(false));
    let checks = checks.capture().packets;
    let capture = session.captures.get_mut(&Vantage::Wire).unwrap();
    capture.packets.splice(1..1, checks[1..3].iter().cloned());
    for (packet, number) in capture.packets.iter_mut().zip(1..) {
        packet.number = number;
        packet.time_ns = number * 1_000;
    }
    let mut case = case_of(&Plan::default());
    case.sessions = vec![session];
    see(
        &case,
        "WRTC-08",
        Inconclusive,
        "nobody who was sent media fell silent",
    );
    let mut silent = case.clone();
    let capture = silent.sessions[0].captures.get_mut(&Vantage::Wire);
    capture.unwrap().packets.last_mut().unwrap().time_ns += 40_000_000_000;
    see(&silent, "WRTC-08", Pass, "within 30 s");
    slower(&mut case, PACKET_A_SECOND);
    see(&case, "WRTC-08", Fail, "after the last response");
}

//! IOT-01, IOT-03, IOT-06, IOT-07, IOT-08 and IOT-09.

use std::net::SocketAddr;

use lightleak_case::Session;
use lightleak_judge::{
    probe,
    verdict::Verdict::{Fail, Inconclusive, NotApplicable, Pass},
};
use sha2::{Digest, Sha256};

use crate::{
    case::*,
    sealed::{Sealed, TLS_AES_128_GCM_SHA256, client_hello, server_hello},
    wire::Wire,
};

const PASSWORD: &str = "k3j5h7g9f2d4s6a8q1w3";

/// An honest session with these key log lines besides, in which somebody shows
/// that password and is answered.
fn showing(user: &str, password: &str, status: u16, lines: &[String]) -> Session {
    let header = authorization(user, password, "DESCRIBE");
    let mut session = watched(|wire, sealed| {
        ask(wire, sealed, 90, "DESCRIBE", &header, status, "");
    });
    session.keys.extend(lines.iter().cloned());
    session
}

/// RFC 7616 with SHA-256.
fn authorization(user: &str, password: &str, method: &str) -> String {
    let hash = |text: String| -> String {
        let digest = Sha256::digest(text);
        digest.iter().map(|o| format!("{o:02x}")).collect()
    };
    let uri = "rtsps://192.0.2.20/";
    let secret = hash(format!("{user}:r:{password}"));
    let request = hash(format!("{method}:{uri}"));
    let response = hash(format!("{secret}:n:00000001:c:auth:{request}"));
    format!(
        "Authorization: Digest username=\"{user}\", realm=\"r\", nonce=\"n\", uri=\"{uri}\", \
         algorithm=SHA-256, response=\"{response}\", qop=auth, nc=00000001, cnonce=\"c\"\r\n"
    )
}

/// Every guess is made and refused but those of the first user, whose answer is
/// this status; `left` is not made.
fn guessing(first: (&str, &str), status: u16, left: usize) -> Session {
    let mut wire = Wire::new();
    let mut sealed = Sealed::connect(&mut wire, client(50_001), camera(), 1);
    let guesses = probe::guesses("serial", &[camera().ip()], &["viewer".into()]);
    for (sequence, guess) in (1..).zip(&guesses[left..]) {
        let is_first = (guess.user.as_str(), guess.password.as_str()) == first;
        let status = if is_first { status } else { 401 };
        let header = authorization(&guess.user, &guess.password, "DESCRIBE");
        ask(
            &mut wire,
            &mut sealed,
            sequence,
            "DESCRIBE",
            &header,
            status,
            "",
        );
    }
    sealed.tcp.close(&mut wire);
    let mut keys = sealed.keys;
    keys.push(format!("CREDENTIAL viewer {PASSWORD}"));
    session("guessable-credentials", wire, keys)
}

#[test]
fn guesses_that_are_all_refused_pass() {
    let report = judge(&case(vec![guessing(("", ""), 0, 0)]));
    expect(&of(&report, "IOT-01"), Pass, "guesses were refused");
    expect(
        &of(&report, "IOT-03"),
        Pass,
        "4 published passwords were refused",
    );
}

#[test]
fn a_guess_that_was_not_made_leaves_all_unknown() {
    let report = judge(&case(vec![guessing(("", ""), 0, 1)]));
    expect(
        &of(&report, "IOT-01"),
        Inconclusive,
        "guessable passwords were not tried",
    );
    expect(
        &of(&report, "IOT-03"),
        Inconclusive,
        "guessable passwords were not tried",
    );
}

#[test]
fn a_guess_that_is_let_in_fails_the_row_that_it_belongs_to() {
    for (guess, [first, other], words) in [
        (
            ("admin", "admin"),
            ["IOT-01", "IOT-03"],
            "admin was let in with the usual password",
        ),
        (
            ("root", "serial"),
            ["IOT-01", "IOT-03"],
            "the serial number",
        ),
        (
            ("viewer", "192.0.2.20"),
            ["IOT-01", "IOT-03"],
            "the address",
        ),
        (
            ("primana", "primana"),
            ["IOT-03", "IOT-01"],
            "CVE-2016-7834",
        ),
    ] {
        let case = case(vec![guessing(guess, 200, 0)]);
        let report = judge(&case);
        let finding = of(&report, first);
        expect(&finding, Fail, words);
        assert!(octets(&case, &finding).len() > 10);
        expect(&of(&report, other), Pass, "");
    }
}

#[test]
fn who_sees_an_honest_user_let_in_tries_the_guesses_on_the_proof() {
    let guessable = showing("viewer", "viewer", 200, &[]);
    expect(&finding(guessable, "IOT-01"), Fail, "viewer was let in");
    let refused = showing("viewer", "viewer", 401, &["CREDENTIAL viewer x".into()]);
    expect(&finding(refused, "IOT-01"), Pass, "1 guesses were refused");
    let strong = showing("viewer", PASSWORD, 200, &[]);
    expect(&finding(strong, "IOT-01"), Pass, "");
    // Nobody showed that one.
    let line = "CREDENTIAL viewer 123456".to_owned();
    let escrowed = showing("viewer", PASSWORD, 200, &[line]);
    expect(
        &finding(escrowed, "IOT-01"),
        Fail,
        "the password of viewer is guessable",
    );
}

#[test]
fn secrets_that_are_published_or_made_of_identifiers_fail() {
    let serial: String = Sha256::digest("serial")
        .iter()
        .map(|o| format!("{o:02x}"))
        .collect();
    let zero = "00".repeat(32);
    for (line, verdict) in [
        (format!("CREDENTIAL viewer {PASSWORD}"), Pass),
        // FIPS 197 C.1.
        (format!("L {zero} 000102030405060708090a0b0c0d0e0f"), Fail),
        (format!("L {zero} {serial}"), Fail),
        (format!("CREDENTIAL viewer {serial}"), Fail),
    ] {
        let finding = finding(
            showing("viewer", PASSWORD, 200, std::slice::from_ref(&line)),
            "IOT-03",
        );
        assert_eq!(finding.verdict, verdict, "{line}: {}", finding.reason);
    }
}

/// Somebody without credentials asks; `request` has its own headers and body.
fn asked(request: &str, answer: &str) -> Session {
    let mut wire = Wire::new();
    let mut sealed = Sealed::connect(&mut wire, client(50_001), camera(), 1);
    sealed.say(&mut wire, false, request.as_bytes());
    sealed.say(&mut wire, true, answer.as_bytes());
    sealed.tcp.close(&mut wire);
    session("no-credentials", wire, sealed.keys)
}

fn request(method: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} rtsps://192.0.2.20/main RTSP/1.0\r\nCSeq: 1\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

fn answer(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("RTSP/1.0 {status} -\r\nCSeq: 1\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

#[test]
fn nothing_is_changed_without_credentials() {
    let authorized = "Authorization: Digest username=\"u\"\r\n";
    for (method, headers, body, status, verdict) in [
        ("SET_PARAMETER", "", "a: 1\r\n", 401, Pass),
        ("SET_PARAMETER", "", "a: 1\r\n", 501, Pass),
        ("SET_PARAMETER", "", "a: 1\r\n", 200, Fail),
        ("ANNOUNCE", "", "v=0\r\n", 200, Fail),
        ("RECORD", "", "", 200, Fail),
        // Read before it was refused.
        ("SET_PARAMETER", "", "a: 1\r\n", 451, Inconclusive),
        // A sign of life.
        ("SET_PARAMETER", "", "", 200, Inconclusive),
        ("SET_PARAMETER", authorized, "a: 1\r\n", 200, Inconclusive),
        ("ANNOUNCE", "", "v=0\r\n", 401, Inconclusive),
        ("OPTIONS", "", "", 200, Inconclusive),
    ] {
        let session = asked(&request(method, headers, body), &answer(status, "", ""));
        let finding = finding(session, "IOT-06");
        assert_eq!(
            finding.verdict, verdict,
            "{method} {status}: {}",
            finding.reason
        );
    }
}

#[test]
fn answers_without_credentials_tell_little() {
    let authorized = "Authorization: Digest username=\"u\"\r\n";
    let page = |body: &str| answer(401, CHALLENGE, body);
    for (headers, answered, verdict) in [
        ("", page(""), Pass),
        ("", page("see rtsps://192.0.2.20/main/ for it"), Pass),
        (
            "",
            answer(301, "Location: rtsps://192.0.2.20/main\r\n", ""),
            Pass,
        ),
        ("", page("serials, ideserial"), Pass),
        ("", page("unit serial, of"), Fail),
        ("", answer(401, "Server: cam (model)\r\n", ""), Fail),
        ("", page("<a href=\"rtsp://192.0.2.20/hidden\">"), Fail),
        ("", answer(200, "", "v=0\r\nm=video 0 RTP/AVP 96\r\n"), Fail),
        (authorized, page("unit serial"), Inconclusive),
    ] {
        let session = asked(&request("DESCRIBE", headers, ""), &answered);
        let finding = finding(session, "IOT-08");
        assert_eq!(finding.verdict, verdict, "{answered}: {}", finding.reason);
    }
}

fn with_password(more: impl FnOnce(&mut Wire, &mut Sealed)) -> Session {
    let mut session = watched(more);
    session.keys.push(format!("CREDENTIAL viewer {PASSWORD}"));
    session
}

#[test]
fn a_password_in_clear_is_found_as_octets_and_as_text() {
    // `viewer:` and the password, as Basic has it.
    let basic = "Authorization: Basic dmlld2VyOmszajVoN2c5ZjJkNHM2YThxMXcz\r\n";
    let session = with_password(|wire, _| {
        let mut tcp = wire.connect(client(9), camera_at(554));
        tcp.say(wire, false, basic.as_bytes());
    });
    expect(&finding(session, "IOT-07"), Fail, "lies open, Base64, TCP");
    let session = with_password(|wire, _| {
        wire.udp(
            camera_at(9),
            service(),
            format!("pw={PASSWORD};").as_bytes(),
        );
    });
    expect(
        &finding(session, "IOT-07"),
        Fail,
        "the password of viewer lies open, Raw, UDP",
    );
}

#[test]
fn a_password_inside_tls_is_where_it_belongs() {
    let session = with_password(|wire, sealed| {
        sealed.say(wire, false, format!("pw={PASSWORD};").as_bytes());
    });
    expect(&finding(session, "IOT-07"), Pass, "");
    // The secrets of these tests are constant octets, which are no needle.
    expect(
        &finding(watched(|_, _| {}), "IOT-07"),
        Inconclusive,
        "no secret was escrowed",
    );
}

fn service() -> SocketAddr {
    "198.51.100.7:443".parse().unwrap()
}

#[test]
fn what_goes_to_services_is_sealed() {
    let dial = |wire: &mut Wire, hello: &[u8], answer: &[u8]| {
        let mut tcp = wire.connect(camera_at(40_000), service());
        tcp.say(wire, false, hello);
        tcp.say(wire, true, answer);
        tcp
    };
    type Talk<'a> = &'a dyn Fn(&mut Wire);
    let hello = client_hello([9; 32], &[0x0304]);
    let sound = server_hello(0x0304, TLS_AES_128_GCM_SHA256);
    let null = server_hello(0x0303, 0x003b);
    let plain = VIDEO[0].last().unwrap()[300..500].to_vec();
    for (name, talk, verdict) in [
        ("nothing", (&|_: &mut Wire| {}) as Talk<'_>, NotApplicable),
        (
            "refused",
            &|w| w.refuse(camera_at(40_000), service()),
            NotApplicable,
        ),
        (
            "to its viewer",
            &|w| w.udp(camera_at(7), client(7), b"hello"),
            NotApplicable,
        ),
        (
            "of a neighbour",
            &|w| w.udp(neighbour(7), service(), &plain),
            NotApplicable,
        ),
        ("TLS", &|w| dial(w, &hello, &sound).close(w), Pass),
        (
            "TLS without encryption",
            &|w| dial(w, &hello, &null).close(w),
            Inconclusive,
        ),
        (
            "octets behind TLS",
            &|w| dial(w, &hello, &sound).say(w, false, b"{}"),
            Inconclusive,
        ),
        (
            "text",
            &|w| w.udp(camera_at(7), service(), b"{}"),
            Inconclusive,
        ),
        (
            "plaintext",
            &|w| w.udp(camera_at(7), service(), &plain),
            Fail,
        ),
    ] {
        let session = watched(|wire, _| talk(wire));
        let finding = finding(session, "IOT-09");
        // What a neighbour sends is no flow of the device.
        assert_eq!(finding.verdict, verdict, "{name}: {}", finding.reason);
    }
}

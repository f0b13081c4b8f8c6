//! TLS-10: what port 80, and any other, gives in clear.

use lightleak_case::Session;
use lightleak_judge::verdict::Verdict::{Fail, Inconclusive, Pass};

use crate::{case::*, wire::Wire};

const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>recording";

/// Every port is dialled, this one accepts; asked for HTTP it answers so.
fn answered(port: u16, answer: &[u8]) -> Session {
    swept(|wire| {
        let mut tcp = wire.connect(client(50_001), camera_at(port));
        tcp.say(wire, false, b"GET / HTTP/1.1\r\nHost: camera\r\n\r\n");
        tcp.say(wire, true, answer);
        tcp.close(wire);
    })
}

/// A redirection to that place, with another field.
fn redirection(to: &str, field: &str) -> Vec<u8> {
    format!("HTTP/1.1 301 Moved\r\nLocation: {to}\r\n{field}\r\n").into_bytes()
}

#[test]
fn a_closed_port_80_or_one_that_leads_to_https_passes() {
    let closed = swept(|_| {});
    expect(&finding(closed, "TLS-10"), Pass, "port 80 is closed");
    let leads = answered(80, &redirection("https://192.0.2.20/", ""));
    expect(
        &finding(leads, "TLS-10"),
        Pass,
        "1 responses in clear lead to https",
    );
    // Whatever speaks something else is no portal.
    let other = answered(8554, b"RTSP/1.0 400 -\r\n\r\n");
    expect(
        &finding(other, "TLS-10"),
        Pass,
        "none of 1 other open ports speaks HTTP",
    );
}

#[test]
fn anything_else_in_clear_fails_wherever_it_is_served() {
    for (port, answer, words) in [
        (
            80,
            PAGE.to_vec(),
            "192.0.2.20:80 answers HTTP in clear: status 200",
        ),
        (8080, PAGE.to_vec(), "192.0.2.20:8080"),
        (
            80,
            redirection("https://192.0.2.20/", "Set-Cookie: a=b\r\n"),
            "a cookie",
        ),
        (
            80,
            redirection("http://192.0.2.20/login", ""),
            "it leads to",
        ),
        (
            80,
            redirection("https://192.0.2.20/", "Content-Type: image/jpeg\r\n"),
            "image/jpeg",
        ),
        (
            80,
            b"HTTP/1.1 401 -\r\nWWW-Authenticate: Basic\r\n\r\n".to_vec(),
            "credentials",
        ),
        (
            80,
            b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n".to_vec(),
            "multipart/x-mixed-replace",
        ),
    ] {
        let case = case(vec![answered(port, &answer)]);
        let finding = of(&judge(&case), "TLS-10");
        expect(&finding, Fail, words);
        assert_eq!(octets(&case, &finding), answer);
    }
}

#[test]
fn a_refusal_an_unasked_port_and_no_sweep_say_nothing() {
    let refusal = answered(80, b"HTTP/1.1 404 Not Found\r\n\r\n");
    expect(
        &finding(refusal, "TLS-10"),
        Inconclusive,
        "it refuses what was asked with 404",
    );
    let unasked = swept(|wire| wire.connect(client(50_001), camera_at(8080)).close(wire));
    expect(
        &finding(unasked, "TLS-10"),
        Inconclusive,
        "nobody asked 192.0.2.20:8080",
    );
    let nothing = session("port-sweep", Wire::new(), Vec::new());
    expect(
        &finding(nothing, "TLS-10"),
        Inconclusive,
        "ports of 192.0.2.20 answered",
    );
}

//! TLS-01 and TLS-12, which look at versions and records.

use lightleak_case::Session;
use lightleak_judge::verdict::Verdict::{Fail, Inconclusive, Pass};

use crate::{
    case::*,
    sealed::{ALERT, Sealed, client_hello, server_hello},
    video,
    wire::{Tcp, Wire},
};

type Answer<'a> = &'a dyn Fn(&mut Wire, &mut Tcp);

/// A sound handshake, then offers of TLS 1.0 and 1.1 with these answers.
fn offered(answers: [Answer; 2]) -> Session {
    let mut wire = Wire::new();
    let mut sealed = Sealed::connect(&mut wire, client(50_001), camera(), 1);
    ask(&mut wire, &mut sealed, 1, "OPTIONS", "", 200, "");
    for (index, answer) in answers.iter().enumerate() {
        let mut tcp = wire.connect(client(50_010 + index as u16), camera());
        let version = 0x0301 + index as u16;
        tcp.say(
            &mut wire,
            false,
            &client_hello([index as u8; 32], &[version]),
        );
        answer(&mut wire, &mut tcp);
    }
    session("tls10-offer", wire, sealed.keys)
}

fn alert(wire: &mut Wire, tcp: &mut Tcp) {
    tcp.say(wire, true, &ALERT);
    tcp.close(wire);
}

fn accept(wire: &mut Wire, tcp: &mut Tcp) {
    tcp.say(wire, true, &server_hello(0x0302, 0x002f));
}

fn nothing(_: &mut Wire, _: &mut Tcp) {}

#[test]
fn old_versions_are_refused_or_fail_and_silence_says_nothing() {
    let close = |wire: &mut Wire, tcp: &mut Tcp| tcp.close(wire);
    let chance = |wire: &mut Wire, tcp: &mut Tcp| tcp.say(wire, true, &video::random(1, 90));
    let half = |wire: &mut Wire, tcp: &mut Tcp| {
        tcp.say(wire, true, &server_hello(0x0302, 0x002f)[..20]);
    };
    let rows: [(&str, [Answer; 2], _, &str); 7] = [
        (
            "alerts",
            [&alert, &alert],
            Pass,
            "2 offers of old versions were refused",
        ),
        ("closed", [&close, &alert], Pass, ""),
        (
            "accepted",
            [&alert, &accept],
            Fail,
            "a ServerHello of TLS 1.1 was sent",
        ),
        (
            "silent, then accepted",
            [&nothing, &accept],
            Fail,
            "TLS 1.1",
        ),
        (
            "silent",
            [&alert, &nothing],
            Inconclusive,
            "the offer of TLS 1.1",
        ),
        (
            "chance",
            [&chance, &alert],
            Inconclusive,
            "neither ServerHello nor alert",
        ),
        (
            "half a hello",
            [&half, &alert],
            Inconclusive,
            "neither ServerHello nor alert",
        ),
    ];
    for (name, answers, verdict, words) in rows {
        let finding = finding(offered(answers), "TLS-01");
        assert_eq!(finding.verdict, verdict, "{name}: {}", finding.reason);
        assert!(finding.reason.contains(words), "{name}: {}", finding.reason);
    }
}

#[test]
fn evidence_of_an_old_version_is_the_hello_up_to_it() {
    let case = case(vec![offered([&alert, &accept])]);
    let finding = of(&judge(&case), "TLS-01");
    assert_eq!(octets(&case, &finding), &server_hello(0x0302, 0x002f)[..11]);
}

#[test]
fn who_speaks_no_tls_at_all_refuses_nothing() {
    let mut session = offered([&alert, &alert]);
    let sound = session.captures.values_mut().next().unwrap();
    // Without the sound handshake: its frames come first.
    let second = sound
        .packets
        .iter()
        .position(|p| p.data.windows(2).any(|w| w == 50_010u16.to_be_bytes()));
    sound.packets.drain(1..second.unwrap());
    expect(
        &finding(session, "TLS-01"),
        Inconclusive,
        "no handshake of TLS 1.2 or later",
    );
}

#[test]
fn octets_outside_of_records_are_found_wherever_they_lie() {
    let page = b"HTTP/1.1 200 OK\r\n\r\nstreams: 1\n";
    let case = case(vec![watched(|wire, sealed| {
        sealed.tcp.say(wire, true, page)
    })]);
    let finding = of(&judge(&case), "TLS-12");
    expect(
        &finding,
        Fail,
        "30 octets on the connection that are in no record",
    );
    assert_eq!(octets(&case, &finding), page);
}

#[test]
fn octets_before_the_server_hello_are_found_as_well() {
    let session = watched(|wire, _| {
        let mut tcp = wire.connect(client(9), camera());
        tcp.say(wire, false, &client_hello([9; 32], &[0x0304]));
        tcp.say(wire, true, b"HTTP/1.1 200 OK\r\n\r\n");
        tcp.say(wire, true, &server_hello(0x0304, 0x1301));
    });
    expect(&finding(session, "TLS-12"), Fail, "in no record");
}

#[test]
fn records_in_clear_after_the_handshake_are_named() {
    let alert = |wire: &mut Wire, sealed: &mut Sealed| sealed.tcp.say(wire, true, &ALERT);
    let case = case(vec![watched(alert)]);
    let finding = of(&judge(&case), "TLS-12");
    expect(
        &finding,
        Fail,
        "a record of type 21 and version 0x0303 after the handshake",
    );
    assert_eq!(octets(&case, &finding), ALERT);
}

#[test]
fn without_a_connection_nothing_is_known_of_records() {
    let session = session("honest", Wire::new(), Vec::new());
    expect(
        &finding(session, "TLS-12"),
        Inconclusive,
        "no TLS connection with the device",
    );
}

#[test]
fn alerts_and_compatibility_records_carry_nothing_else() {
    // Change cipher spec has one value, and a refusal is one alert or two.
    let spec = |wire: &mut Wire, sealed: &mut Sealed| {
        sealed.tcp.say(wire, true, &[20, 3, 3, 0, 1, b'H']);
    };
    expect(
        &finding(watched(spec), "TLS-12"),
        Fail,
        "a record of type 20",
    );
    let chatter = |wire: &mut Wire, _: &mut Sealed| {
        let mut tcp = wire.connect(client(9), camera());
        tcp.say(wire, false, b"hello");
        for part in b"two octets at a time".chunks(2) {
            tcp.say(wire, true, &[&ALERT[..5], part].concat());
        }
    };
    expect(
        &finding(watched(chatter), "XC-02"),
        Fail,
        "declared as TLS, and is none",
    );
}

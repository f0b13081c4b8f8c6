//! TLS-14: what was captured opens with what was escrowed.

use lightleak_case::Session;
use lightleak_judge::verdict::{
    Assurance,
    Verdict::{Fail, Inconclusive, Pass},
};

use crate::{
    case::*,
    sealed::{ALERT, Sealed, client_hello},
    wire::Wire,
};

/// Somebody watches; then the escrow is changed.
fn escrowed(change: impl Fn(&str) -> Option<String>) -> Session {
    let mut session = watched(|_, _| {});
    session.keys = session
        .keys
        .iter()
        .filter_map(|line| change(line))
        .collect();
    session
}

/// The line with its last octet another.
fn off(line: &str) -> String {
    let (head, last) = line.split_at(line.len() - 2);
    format!("{head}{:02x}", u8::from_str_radix(last, 16).unwrap() ^ 1)
}

#[test]
fn every_record_opens() {
    let found = finding(watched(|_, _| {}), "TLS-14");
    expect(&found, Pass, "records of 1 connections, all of them");
    assert_eq!(found.assurance, Some(Assurance::Opened));
}

#[test]
fn a_secret_that_is_one_octet_off_is_no_secret_of_the_connection() {
    for label in [
        "SERVER_TRAFFIC_SECRET_0",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    ] {
        let session = escrowed(|line| match line.starts_with(label) {
            true => Some(off(line)),
            false => Some(line.into()),
        });
        let found = finding(session, "TLS-14");
        expect(&found, Fail, "does not open with the escrowed key");
        assert!(found.evidence[0].packet > 0, "{label}");
    }
}

#[test]
fn a_connection_without_secrets_is_not_known() {
    let words = "the key log has no CLIENT_HANDSHAKE_TRAFFIC_SECRET";
    expect(&finding(escrowed(|_| None), "TLS-14"), Inconclusive, words);
    let partly = escrowed(|line| {
        let later = line.starts_with("SERVER_TRAFFIC_SECRET_0");
        (!later).then(|| line.into())
    });
    let words = "the key log has no SERVER_TRAFFIC_SECRET_0";
    expect(&finding(partly, "TLS-14"), Inconclusive, words);
    // Nor is it when another one opens.
    let other = watched(|wire, _| {
        let mut other = Sealed::connect(wire, client(50_009), camera(), 9);
        ask(wire, &mut other, 1, "OPTIONS", "", 200, "");
    });
    expect(&finding(other, "TLS-14"), Inconclusive, "192.0.2.10:50009");
}

#[test]
fn what_the_tap_missed_is_no_fault_of_the_escrow() {
    let mut session = escrowed(|line| Some(off(line)));
    let capture = session.captures.values_mut().next().unwrap();
    capture.interfaces[0].dropped = Some(3);
    expect(
        &finding(session, "TLS-14"),
        Inconclusive,
        "the tap dropped 3 packets",
    );
}

#[test]
fn a_refused_handshake_needs_no_secret_and_silence_proves_none() {
    let session_with_refusal = watched(|wire, _| {
        let mut tcp = wire.connect(client(9), camera());
        tcp.say(wire, false, &client_hello([9; 32], &[0x0304]));
        // For middleboxes, and 0-RTT data that nobody takes.
        tcp.say(wire, false, &[20, 3, 3, 0, 1, 1, 23, 3, 3, 0, 2, 1, 2]);
        tcp.say(wire, true, &ALERT);
        tcp.close(wire);
    });
    expect(
        &finding(session_with_refusal, "TLS-14"),
        Pass,
        "of 1 connections",
    );
    let nothing = session("honest", Wire::new(), Vec::new());
    expect(
        &finding(nothing, "TLS-14"),
        Inconclusive,
        "no protected record",
    );
}

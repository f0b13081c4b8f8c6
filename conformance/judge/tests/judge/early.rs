//! DTLS-06 with somebody who keeps the handshake waiting: what the device sends then
//! is seen, and nobody's word counts for having waited.

use lightleak_case::{Case, Vantage};
use lightleak_judge::verdict::Verdict::{Fail, Inconclusive, Pass};

use crate::{case::*, rtc::*, wire::Wire};

const SECOND: u64 = 1_000_000_000;
const NOBODY: &str = "nobody who was done with ICE";

/// A check that nominates (RFC 8445 7.1.2).
fn nomination() -> Vec<u8> {
    let mut check = [&binding(true)[..], &[0, 0x25, 0, 0]].concat();
    check[3] = 4;
    check
}

/// Picture loss indication (RFC 4585 6.3.1).
fn request() -> Vec<u8> {
    vec![0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]
}

/// An RTP packet of PCMU in clear.
fn sound() -> Vec<u8> {
    [&[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9][..], &[0xff; 40]].concat()
}

/// Datagrams of the app, or of the device, at that port of the app's, a packet every
/// `step` nanoseconds; then the session as it should be.
fn waiting(stimulus: &str, port: u16, datagrams: &[(bool, Vec<u8>)], step: u64) -> Case {
    let mut early = Wire::new();
    let (app, device) = (client(port), camera_at(DEVICE_PORT));
    for (from_app, datagram) in datagrams {
        match from_app {
            true => early.udp(app, device, datagram),
            false => early.udp(device, app, datagram),
        }
    }
    let mut session = session_of(&Plan::default());
    session.record.stimulus = stimulus.into();
    let early = early.capture().packets;
    let between = early[1..=datagrams.len()].iter().cloned();
    let capture = session.captures.get_mut(&Vantage::Wire).unwrap();
    capture.packets.splice(1..1, between);
    for (packet, number) in capture.packets.iter_mut().zip(1..) {
        packet.number = number;
        packet.time_ns = number * step;
    }
    let mut case = case_of(&Plan::default());
    case.sessions = vec![session];
    case
}

#[test]
fn who_kept_the_handshake_waiting_is_seen_on_the_wire() {
    let nominated = [(true, nomination()), (false, binding(false))];
    let asked = |times: usize| vec![(true, request()); times];
    let with = |ice: &[(bool, Vec<u8>)], then: Vec<(bool, Vec<u8>)>| [ice, &then].concat();
    let checked = |answered: bool| {
        let mut all = nominated.to_vec();
        all.push((false, binding(true)));
        all.extend(answered.then(|| (true, binding(false))));
        all
    };
    let hello = record(22, 0, 0, &whole(1, 0, &[0xfe, 0xfd]));
    for (datagrams, step, verdict, words) in [
        (
            with(&nominated, asked(5)),
            SECOND,
            Pass,
            "nothing came in 1 flows",
        ),
        (
            with(&checked(true), asked(5)),
            SECOND,
            Pass,
            "nothing came in 1 flows",
        ),
        (
            with(&checked(false), asked(5)),
            SECOND,
            Inconclusive,
            NOBODY,
        ),
        (
            with(&nominated[..1], asked(5)),
            SECOND,
            Inconclusive,
            NOBODY,
        ),
        (
            with(&[(true, binding(true)), (false, binding(false))], asked(5)),
            SECOND,
            Inconclusive,
            NOBODY,
        ),
        (
            with(&nominated, vec![(true, sound()); 5]),
            SECOND,
            Inconclusive,
            NOBODY,
        ),
        (with(&nominated, asked(2)), 4 * SECOND, Inconclusive, NOBODY),
        (
            with(&nominated, asked(5)),
            SECOND / 10,
            Inconclusive,
            NOBODY,
        ),
        // It began the handshake before it asked.
        (
            with(&nominated, [vec![(true, hello)], asked(5)].concat()),
            SECOND,
            Inconclusive,
            NOBODY,
        ),
        (with(&[], asked(5)), SECOND, Inconclusive, NOBODY),
    ] {
        let case = waiting("early-media", 5001, &datagrams, step);
        expect(&of(&judge(&case), "DTLS-06"), verdict, words);
    }
    let honest = waiting("honest", 5001, &[], SECOND);
    expect(
        &of(&judge(&honest), "DTLS-06"),
        Pass,
        "in 1 flows the first RTP",
    );
}

#[test]
fn what_is_sent_to_who_keeps_the_handshake_waiting_is_seen() {
    let mut datagrams = vec![(true, nomination()), (false, binding(false))];
    datagrams.extend(vec![(true, request()); 5]);
    for (sent, port, words) in [
        (sound(), 5001, "without any DTLS handshake"),
        (request(), 5001, "without any DTLS handshake"),
        (sound(), APP_PORT, "before the other end's Finished"),
    ] {
        let mut datagrams = datagrams.clone();
        datagrams.insert(4, (false, sent));
        let case = waiting("early-media", port, &datagrams, SECOND);
        expect(&of(&judge(&case), "DTLS-06"), Fail, words);
    }
}

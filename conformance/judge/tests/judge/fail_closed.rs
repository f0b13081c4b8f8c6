//! XC-06: handshakes that fail open no other way.

use lightleak_case::Session;
use lightleak_judge::{
    probe::{CLEAR_PORTS, FAILED_HANDSHAKES},
    verdict::Verdict::{Fail, Inconclusive, Pass},
};

use crate::{
    case::*,
    sealed::{ALERT, Sealed, client_hello},
    wire::Wire,
};

/// So many handshakes fail; then `more` happens, and all ports are dialled but
/// those that are `left` out.
fn blocked(failures: usize, left: &[u16], more: impl FnOnce(&mut Wire)) -> Session {
    let mut wire = Wire::new();
    let garbage: &[u8] = b"GET / HTTP/1.0\r\n\r\n";
    let hello = client_hello([7; 32], &[0x0304]);
    for (port, said) in (1..).zip([garbage, &hello].into_iter().cycle().take(failures)) {
        let mut tcp = wire.connect(client(port), camera());
        tcp.say(&mut wire, false, said);
        tcp.say(&mut wire, true, &ALERT);
        tcp.close(&mut wire);
    }
    more(&mut wire);
    for port in CLEAR_PORTS.iter().filter(|p| !left.contains(p)) {
        wire.refuse(client(1_000), camera_at(*port));
    }
    session("blocked-tls", wire, Vec::new())
}

#[test]
fn a_camera_that_stays_closed_passes() {
    let session = blocked(FAILED_HANDSHAKES, &[], |_| {});
    expect(&finding(session, "XC-06"), Pass, "no media came in clear");
}

#[test]
fn what_was_not_probed_is_not_known() {
    let few = blocked(FAILED_HANDSHAKES - 1, &[], |_| {});
    expect(&finding(few, "XC-06"), Inconclusive, "7 handshakes");
    let left = blocked(FAILED_HANDSHAKES, &[8554], |_| {});
    expect(
        &finding(left, "XC-06"),
        Inconclusive,
        "192.0.2.20:8554 was not dialled",
    );
    // Handshakes that succeed do not count, nor what was dialled before.
    let sound = blocked(FAILED_HANDSHAKES - 1, &[], |wire| {
        let sealed = Sealed::connect(wire, client(50_001), camera(), 1);
        sealed.tcp.clone().close(wire);
    });
    expect(&finding(sound, "XC-06"), Inconclusive, "7 handshakes");
    let mut before = blocked(FAILED_HANDSHAKES, &CLEAR_PORTS, |_| {});
    let mut wire = Wire::new();
    for port in CLEAR_PORTS {
        wire.refuse(client(1_000), camera_at(port));
    }
    let capture = before.captures.values_mut().next().unwrap();
    let dials = wire.capture().packets;
    capture
        .packets
        .splice(1..1, dials[1..dials.len() - 1].to_vec());
    for (packet, number) in capture.packets.iter_mut().zip(1..) {
        packet.number = number;
    }
    expect(
        &finding(before, "XC-06"),
        Inconclusive,
        "was not dialled after",
    );
}

#[test]
fn media_in_clear_fail_however_they_come() {
    let rtsp = blocked(FAILED_HANDSHAKES, &[], |wire| {
        let mut tcp = wire.connect(client(900), camera_at(554));
        tcp.say(
            wire,
            false,
            b"DESCRIBE rtsp://192.0.2.20/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        );
        tcp.say(wire, true, b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
    });
    expect(&finding(rtsp, "XC-06"), Fail, "DESCRIBE was answered 200");
    let datagrams = blocked(FAILED_HANDSHAKES, &[], |wire| {
        for packet in crate::video::rtp(&VIDEO) {
            wire.udp(camera_at(6000), client(6000), &packet);
        }
    });
    expect(&finding(datagrams, "XC-06"), Fail, "");
    let others = blocked(FAILED_HANDSHAKES, &[], |wire| {
        for packet in crate::video::rtp(&OTHER) {
            wire.udp(neighbour(6000), client(6000), &packet);
        }
    });
    expect(&finding(others, "XC-06"), Pass, "");
}

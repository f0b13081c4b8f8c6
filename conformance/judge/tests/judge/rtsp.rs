//! RTSP-04 and RTSP-09.

use lightleak_case::Session;
use lightleak_judge::verdict::Verdict::{Fail, Inconclusive, Pass};

use crate::{case::*, sealed::Sealed, video, wire::Wire};

const AUTHORIZATION: &str = "Authorization: Digest username=\"u\"\r\n";
const UDP: &str = "Transport: RTP/AVP;unicast;client_port=6000-6001\r\n";

/// Somebody asks, by method and headers, and gets status and headers; `more`
/// happens as well.
fn asked(
    stimulus: &str,
    dialogue: &[(&str, &str, u16, &str)],
    more: impl FnOnce(&mut Wire, &mut Sealed),
) -> Session {
    let mut wire = Wire::new();
    let mut sealed = Sealed::connect(&mut wire, client(50_001), camera(), 1);
    for (sequence, (method, headers, status, answer)) in (1..).zip(dialogue) {
        ask(
            &mut wire,
            &mut sealed,
            sequence,
            method,
            headers,
            *status,
            answer,
        );
    }
    more(&mut wire, &mut sealed);
    sealed.tcp.close(&mut wire);
    session(stimulus, wire, sealed.keys)
}

fn udp_setup(headers: &str, status: u16, answer: &str) -> Session {
    let setup = format!("{AUTHORIZATION}{headers}");
    asked("udp-setup", &[("SETUP", &setup, status, answer)], |_, _| {})
}

#[test]
fn setup_over_udp_is_refused_or_fails() {
    let tcp = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    let either = "Transport: RTP/AVP/TCP;interleaved=0-1,RTP/AVP;client_port=6000-6001\r\n";
    let savp = "Transport: RTP/SAVP/UDP;unicast;client_port=6000-6001\r\n";
    let lower = "Transport: rtp/avp/tcp;unicast;interleaved=0-1\r\n";
    for (asked, status, chosen, verdict, words) in [
        (
            UDP,
            461,
            "",
            Pass,
            "1 SETUP over UDP were refused, the first with 461",
        ),
        (savp, 461, "", Pass, ""),
        (UDP, 400, "", Pass, ""),
        (UDP, 200, UDP, Fail, "was answered 200 with RTP/AVP;unicast"),
        // The camera chose what the viewer would also have taken.
        (
            either,
            200,
            UDP,
            Fail,
            "was answered 200 with RTP/AVP;unicast",
        ),
        (tcp, 200, UDP, Fail, ""),
        (
            either,
            200,
            tcp,
            Inconclusive,
            "no answer to a SETUP over UDP",
        ),
        (lower, 200, lower, Inconclusive, ""),
        // Says nothing of UDP.
        (UDP, 401, CHALLENGE, Inconclusive, ""),
        (UDP, 404, "", Inconclusive, ""),
        (UDP, 454, "", Inconclusive, ""),
        (UDP, 302, "", Inconclusive, ""),
    ] {
        let finding = finding(udp_setup(asked, status, chosen), "RTSP-04");
        assert_eq!(
            finding.verdict, verdict,
            "{asked} {status}: {}",
            finding.reason
        );
        assert!(
            finding.reason.contains(words),
            "{asked} {status}: {}",
            finding.reason
        );
    }
}

#[test]
fn rtp_over_udp_is_seen_among_other_rtp_and_with_losses() {
    let mut video = video::rtp(&VIDEO);
    video.retain(|p| p[3] % 3 != 1);
    for name in ["alone", "with sound on the same socket"] {
        let session = asked("udp-setup", &[("SETUP", UDP, 461, "")], |wire, _| {
            for packet in &video {
                wire.udp(camera_at(6000), client(6000), packet);
                if name != "alone" {
                    let sound = [&packet[..8], b"tone", &[7; 40]].concat();
                    wire.udp(camera_at(6000), client(6000), &sound);
                }
            }
        });
        let case = case(vec![session]);
        let found = of(&judge(&case), "RTSP-04");
        expect(
            &found,
            Fail,
            "RTP of the device outside TLS, from 192.0.2.20:6000",
        );
        assert_eq!(octets(&case, &found), video[0], "{name}");
    }
}

#[test]
fn datagrams_of_others_and_of_chance_are_no_media_of_the_device() {
    let session = asked("udp-setup", &[("SETUP", UDP, 461, "")], |wire, _| {
        for packet in video::rtp(&OTHER) {
            wire.udp(neighbour(6000), client(6000), &packet);
        }
        for seed in 0..2000 {
            wire.udp(camera_at(7), client(7), &video::random(seed, 60));
        }
    });
    expect(&finding(session, "RTSP-04"), Pass, "");
}

#[test]
fn a_setup_that_was_not_seen_is_not_known() {
    let session = asked("udp-setup", &[("OPTIONS", "", 200, "")], |_, _| {});
    expect(
        &finding(session, "RTSP-04"),
        Inconclusive,
        "no answer to a SETUP over UDP",
    );
    expect(
        &finding(session_of_nothing("udp-setup"), "RTSP-04"),
        Inconclusive,
        "no RTSP response of the device",
    );
}

fn session_of_nothing(stimulus: &str) -> Session {
    session(stimulus, Wire::new(), Vec::new())
}

const REFUSED: [(&str, &str, u16, &str); 3] = [
    ("DESCRIBE", "", 401, CHALLENGE),
    ("SETUP", "", 401, CHALLENGE),
    ("PLAY", "", 401, CHALLENGE),
];

fn refused_but(method: usize, status: u16, answer: &'static str) -> Session {
    let mut dialogue = REFUSED;
    (dialogue[method].2, dialogue[method].3) = (status, answer);
    asked("no-credentials", &dialogue, |_, _| {})
}

#[test]
fn who_has_no_credentials_gets_a_challenge_at_every_step() {
    let lower = "www-authenticate: digest realm=\"r\", nonce=\"n\"\r\n";
    let basic = "WWW-Authenticate: Basic realm=\"r\"\r\n";
    for (method, status, answer, verdict, words) in [
        (
            0,
            401,
            CHALLENGE,
            Pass,
            "DESCRIBE, SETUP and PLAY were refused",
        ),
        (0, 401, "WWW-Authenticate: Bearer\r\n", Pass, ""),
        (1, 401, lower, Pass, ""),
        (0, 200, "", Fail, "DESCRIBE was answered 200"),
        (1, 200, "", Fail, "SETUP was answered 200"),
        (2, 200, "", Fail, "PLAY was answered 200"),
        (
            1,
            401,
            "",
            Fail,
            "SETUP was answered 401 without a Digest or Bearer challenge",
        ),
        (1, 401, basic, Fail, "without a Digest or Bearer challenge"),
        // It may be something else that is wrong with the request.
        (
            2,
            454,
            "",
            Inconclusive,
            "PLAY was answered 454, which does not say",
        ),
        (0, 404, "", Inconclusive, "DESCRIBE was answered 404"),
    ] {
        let case = case(vec![refused_but(method, status, answer)]);
        let finding = of(&judge(&case), "RTSP-09");
        assert_eq!(
            finding.verdict, verdict,
            "{method} {status}: {}",
            finding.reason
        );
        assert!(
            finding.reason.contains(words),
            "{method} {status}: {}",
            finding.reason
        );
        assert_eq!(finding.verdict == Fail, !finding.evidence.is_empty());
    }
    let two = asked("no-credentials", &REFUSED[..2], |_, _| {});
    expect(&finding(two, "RTSP-09"), Inconclusive, "no answer to PLAY");
}

#[test]
fn media_without_credentials_fail_wherever_they_come() {
    let media = |wire: &mut Wire, sealed: &mut Sealed| {
        sealed.say(wire, true, &interleave(&video::rtp(&VIDEO)));
    };
    let session = asked("no-credentials", &REFUSED, media);
    expect(
        &finding(session, "RTSP-09"),
        Fail,
        "media came on channel 0",
    );

    // A service in clear beside the sealed one.
    let session = asked("no-credentials", &REFUSED, |wire, _| {
        let mut tcp = wire.connect(client(9), camera_at(554));
        tcp.say(
            wire,
            false,
            b"DESCRIBE rtsp://192.0.2.20/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        );
        tcp.say(wire, true, b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
    });
    let case = case(vec![session]);
    let finding = of(&judge(&case), "RTSP-09");
    expect(&finding, Fail, "DESCRIBE was answered 200");
    assert_eq!(
        octets(&case, &finding),
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"
    );
}

#[test]
fn somebody_else_who_may_watch_is_no_fault() {
    let mut keys = Vec::new();
    let mut session = asked("no-credentials", &REFUSED, |wire, _| {
        let mut other = Sealed::connect(wire, client(50_009), camera(), 2);
        let authorized = [AUTHORIZATION, "Transport: RTP/AVP/TCP;interleaved=0-1\r\n"].concat();
        ask(wire, &mut other, 1, "SETUP", &authorized, 200, "");
        ask(wire, &mut other, 2, "PLAY", AUTHORIZATION, 200, "");
        other.say(wire, true, &interleave(&video::rtp(&VIDEO)));
        keys = other.keys;
    });
    session.keys.extend(keys);
    expect(&finding(session, "RTSP-09"), Pass, "");
}

#[test]
fn wrong_credentials_have_to_be_shown_to_be_refused() {
    let shown = REFUSED.map(|(method, _, status, answer)| (method, AUTHORIZATION, status, answer));
    let session = asked("wrong-credentials", &shown, |_, _| {});
    expect(&finding(session, "RTSP-09"), Pass, "");
    let session = asked("wrong-credentials", &REFUSED, |_, _| {});
    expect(
        &finding(session, "RTSP-09"),
        Inconclusive,
        "no answer to DESCRIBE by such a client",
    );
}

#[test]
fn evidence_inside_a_record_of_many_packets_lies_within_its_frame() {
    let mut case = case(vec![asked("no-credentials", &REFUSED, |wire, sealed| {
        sealed.say(
            wire,
            false,
            b"PLAY rtsps://192.0.2.20/ RTSP/1.0\r\nCSeq: 9\r\n\r\n",
        );
        let media = interleave(&[vec![0x80; 5_000]]);
        sealed.say(
            wire,
            true,
            &[&media[..], b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n"].concat(),
        );
    })]);
    let finding = of(&judge(&case), "RTSP-09");
    let answered = finding.evidence.iter().find(|e| e.why.contains("PLAY"));
    let evidence = answered.expect("the answer is evidence").clone();
    let capture = case.sessions[0].captures.values_mut().next().unwrap();
    let packets = &mut capture.packets;
    let packet = packets
        .iter_mut()
        .find(|p| p.number == evidence.packet)
        .unwrap();
    assert!(
        evidence.offset + evidence.length <= packet.data.len(),
        "{evidence:?}"
    );
    // It is these octets: with one of them changed the record opens no more.
    packet.data[evidence.offset] ^= 1;
    let finding = of(&judge(&case), "RTSP-09");
    assert!(finding.evidence.iter().all(|e| !e.why.contains("PLAY")));
}

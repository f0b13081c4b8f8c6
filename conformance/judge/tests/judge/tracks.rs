//! RTSP-14 and RTSP-15: multicast, and tracks other than video.

use lightleak_case::Session;
use lightleak_judge::verdict::Verdict::{Fail, Inconclusive, NotApplicable, Pass};

use crate::{case::*, sealed::Sealed, video, wire::Wire};

const MULTICAST: &str = "Transport: RTP/AVP;multicast\r\n";
const CHOSEN: &str = "Transport: RTP/AVP;multicast;destination=239.255.0.1;port=5004-5005\r\n";
const UDP: &str = "Transport: RTP/AVP;unicast;client_port=6000-6001\r\n";
const TCP: &str = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
const SOUND: &str = "v=0\r\nm=video 0 RTP/AVP 96\r\na=control:video\r\nm=audio 0 RTP/AVP 0\r\na=control:rtsp://192.0.2.20/main/audio\r\n";
const SILENT: &str = "v=0\r\nm=video 0 RTP/AVP 96\r\na=control:video\r\n";

/// A description, and the answer to one SETUP (track, transport, status, answer).
fn set_up(
    description: &str,
    (track, asked, status, chosen): (&str, &str, u16, &str),
    more: impl FnOnce(&mut Wire),
) -> Session {
    let mut wire = Wire::new();
    let mut sealed = Sealed::connect(&mut wire, client(50_001), camera(), 1);
    let length = description.len();
    for (request, response) in [
        (
            "DESCRIBE rtsp://192.0.2.20/main RTSP/1.0\r\nCSeq: 1\r\n\r\n".to_owned(),
            format!("RTSP/1.0 200 -\r\nCSeq: 1\r\nContent-Length: {length}\r\n\r\n{description}"),
        ),
        (
            format!("SETUP rtsp://192.0.2.20/main/{track} RTSP/1.0\r\nCSeq: 2\r\n{asked}\r\n"),
            format!("RTSP/1.0 {status} -\r\nCSeq: 2\r\n{chosen}\r\n"),
        ),
    ] {
        sealed.say(&mut wire, false, request.as_bytes());
        sealed.say(&mut wire, true, response.as_bytes());
    }
    more(&mut wire);
    sealed.tcp.close(&mut wire);
    session("udp-setup", wire, sealed.keys)
}

#[test]
fn setup_over_multicast_is_refused_or_fails() {
    for (asked, status, chosen, verdict) in [
        (MULTICAST, 461, "", Pass),
        (MULTICAST, 200, CHOSEN, Fail),
        (
            "Transport: RTP/AVP;unicast, RTP/AVP;MULTICAST\r\n",
            200,
            CHOSEN,
            Fail,
        ),
        // Something else was given than was asked for.
        (MULTICAST, 200, TCP, Inconclusive),
        (UDP, 461, "", Inconclusive),
        (MULTICAST, 401, CHALLENGE, Inconclusive),
    ] {
        let session = set_up(SOUND, ("video", asked, status, chosen), |_| {});
        let finding = finding(session, "RTSP-14");
        assert_eq!(
            finding.verdict, verdict,
            "{asked} {status}: {}",
            finding.reason
        );
    }
}

#[test]
fn rtp_to_a_group_fails_whoever_asked_for_it() {
    let group = "239.255.0.1:5004".parse().unwrap();
    let refused = ("video", MULTICAST, 461, "");
    let session = set_up(SOUND, refused, |wire| {
        for packet in video::rtp(&VIDEO) {
            wire.udp(camera_at(5004), group, &packet);
        }
    });
    expect(
        &finding(session, "RTSP-14"),
        Fail,
        "goes to the group 239.255.0.1:5004",
    );
    let session = set_up(SOUND, refused, |wire| {
        for packet in video::rtp(&OTHER) {
            wire.udp(neighbour(5004), group, &packet);
        }
    });
    expect(&finding(session, "RTSP-14"), Pass, "");
    // To one viewer: the business of another row.
    let session = set_up(SOUND, refused, |wire| {
        for packet in video::rtp(&VIDEO) {
            wire.udp(camera_at(5004), client(5004), &packet);
        }
    });
    expect(&finding(session, "RTSP-14"), Pass, "");
}

#[test]
fn sound_is_protected_as_video_is() {
    for (description, setup, verdict) in [
        (SOUND, ("audio", UDP, 461, ""), Pass),
        (SOUND, ("audio/", UDP, 461, ""), Pass),
        (SOUND, ("audio", UDP, 200, UDP), Fail),
        (SOUND, ("audio", TCP, 200, UDP), Fail),
        (SOUND, ("audio", TCP, 200, TCP), Inconclusive),
        // Video is the business of another row.
        (SOUND, ("video", UDP, 200, UDP), Inconclusive),
        (SILENT, ("video", UDP, 461, ""), NotApplicable),
        ("", ("audio", UDP, 461, ""), Inconclusive),
    ] {
        let finding = finding(set_up(description, setup, |_| {}), "RTSP-15");
        assert_eq!(finding.verdict, verdict, "{setup:?}: {}", finding.reason);
    }
}

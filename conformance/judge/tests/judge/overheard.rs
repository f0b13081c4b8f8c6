//! XC-07, where no media player of H.264 gets anything: what `inspect` recognises in
//! captures of other programs is recognised in a device's traffic, too.

use std::{fs, net::SocketAddr, path::Path};

use lightleak_case::{Capture, Session, TransportProtocol, Vantage};
use lightleak_judge::{
    decoder::{Decoder, DecoderError, Elementary, Picture, Playing},
    dissect::{self, Flow},
    report::Finding,
    verdict::Verdict::{Error, Fail, Pass},
};

use crate::{
    case::*,
    video::OpenH264,
    wire::{Tcp, Wire},
};

/// Captures, the kind that their media are told by, and whether who opened the
/// connection, or sent the first datagram, sends them.
const LEAKS: [(&str, &str, bool); 9] = [
    ("rtp-h265.pcap", "rtp/h265", true),
    ("rtp-pcmu.pcap", "rtp/pcmu", true),
    ("rtp-opus.pcap", "rtp/opus", true),
    ("rtp-ts.pcap", "/ts", true),
    ("ts-udp.pcap", "ts", true),
    ("h264-xor-5a.pcap", "h264", true),
    ("jpeg-tcp.pcap", "/jpeg", true),
    ("jpeg-mqtt.pcap", "mqtt/jpeg", false),
    ("http-multipart.pcap", "http/jpeg", false),
];

/// What looks like media and is none that anybody could tell.
const NO_LEAKS: [&str; 4] = [
    "rtp-noise.pcap",
    "srtp-bare.pcap",
    "jpeg-headers-noise.pcap",
    "http-text.pcap",
];

/// The flow of a capture in which most was said.
fn flow(name: &str) -> Flow {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/captures");
    let octets = fs::read(folder.join(name)).unwrap();
    let (capture, _) = Capture::salvage(&octets).unwrap();
    let flows = dissect::dissect(&capture).flows.into_iter();
    let said = |flow: &Flow| flow.from_a.bytes.len() + flow.from_b.bytes.len();
    flows.max_by_key(said).unwrap()
}

/// The same between these two, as one who was there from the beginning saw it.
fn replay(flow: &Flow, a: SocketAddr, b: SocketAddr, wire: &mut Wire) {
    let mut said: Vec<(u64, bool, Vec<u8>)> = Vec::new();
    for (stream, from_b) in [(&flow.from_a, false), (&flow.from_b, true)] {
        let parts = stream.parts();
        said.extend(parts.map(|(piece, octets)| (piece.packet, from_b, octets.to_vec())));
    }
    said.sort();
    if flow.transport == TransportProtocol::Udp {
        for (_, from_b, octets) in said {
            let (from, to) = if from_b { (b, a) } else { (a, b) };
            wire.udp(from, to, &octets);
        }
        return;
    }
    let mut tcp: Tcp = wire.connect(a, b);
    for (_, from_b, octets) in said {
        tcp.say(wire, from_b, &octets);
    }
    tcp.close(wire);
}

/// Somebody watches, and beside that a flow is between those: `sender` sends what
/// leaks.
fn beside(name: &str, a_sends: bool, sender: SocketAddr, receiver: SocketAddr) -> Session {
    let flow = flow(name);
    let (a, b) = if a_sends {
        (sender, receiver)
    } else {
        (receiver, sender)
    };
    let mut session = watched(|wire, _| replay(&flow, a, b, wire));
    // As fast as sound is spoken.
    let capture = session.captures.get_mut(&Vantage::Wire).unwrap();
    for packet in &mut capture.packets {
        packet.time_ns = packet.number * 20_000_000;
    }
    session
}

fn cloud() -> SocketAddr {
    "198.51.100.7:1883".parse().unwrap()
}

#[test]
fn media_in_clear_fail_whatever_their_codec_and_carriage() {
    for (name, kind, a_sends) in LEAKS {
        let case = case(vec![beside(name, a_sends, camera_at(7000), cloud())]);
        let finding = of(&judge(&case), "XC-07");
        assert_eq!(finding.verdict, Fail, "{name}: {}", finding.reason);
        let told = told(&finding);
        assert!(
            told.contains(kind) && told.contains("is in clear"),
            "{name}: {told}"
        );
        assert!(
            told.contains("from 192.0.2.20:7000 to 198.51.100.7"),
            "{name}: {told}"
        );
        let evidence = &finding.evidence[0];
        assert!(
            evidence.packet > 1 && evidence.offset > 0,
            "{name}: {evidence:?}"
        );
    }
}

fn told(finding: &Finding) -> String {
    assert_eq!(finding.reason, finding.evidence[0].why);
    finding.reason.clone()
}

#[test]
fn what_others_send_in_clear_is_no_fault_of_the_device() {
    for (name, _, a_sends) in LEAKS {
        for (sender, receiver) in [(neighbour(7000), cloud()), (client(7000), camera())] {
            let finding = finding(beside(name, a_sends, sender, receiver), "XC-07");
            assert_eq!(finding.verdict, Pass, "{name}: {}", finding.reason);
        }
    }
}

#[test]
fn what_nobody_can_tell_to_be_media_is_none() {
    for name in NO_LEAKS {
        for a_sends in [true, false] {
            let finding = finding(beside(name, a_sends, camera_at(7000), cloud()), "XC-07");
            assert_eq!(finding.verdict, Pass, "{name}: {}", finding.reason);
        }
    }
}

/// RTSP has rows of its own: who asks sees nothing yet.
#[test]
fn a_dialogue_without_media_is_no_picture() {
    let finding = finding(
        watched(|wire, _| {
            let mut tcp = wire.connect(client(9), camera_at(554));
            let ask = b"DESCRIBE rtsp://192.0.2.20/ RTSP/1.0\r\nCSeq: 1\r\n\r\n";
            tcp.say(wire, false, ask);
            tcp.say(wire, true, b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
        }),
        "XC-07",
    );
    expect(&finding, Pass, "nothing plays");
}

/// Crashes on all but the device's own H.264.
struct Crashing;

impl Decoder for Crashing {
    fn decode(&self, annex_b: &[u8], limit: usize) -> Result<Vec<Picture>, DecoderError> {
        OpenH264.decode(annex_b, limit)
    }

    fn play(&self, _: &Elementary, _: usize) -> Result<Option<Playing>, DecoderError> {
        Err(DecoderError("crashed: signal 11".into()))
    }
}

#[test]
fn a_player_that_crashes_hides_no_structure_and_is_an_error_where_only_playing_proves() {
    for (name, verdict, words) in [
        ("rtp-h265.pcap", Fail, "rtp/h265"),
        ("h264-xor-5a.pcap", Error, "signal 11"),
    ] {
        let case = case(vec![beside(name, true, camera_at(7000), cloud())]);
        expect(&of(&judge_with(&case, &Crashing), "XC-07"), verdict, words);
    }
}

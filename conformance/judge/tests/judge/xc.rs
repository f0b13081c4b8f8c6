//! XC-01, XC-02 and XC-07.

use lightleak_case::{Ledger, Session, Vantage};
use lightleak_judge::{
    decoder::{Decoder, DecoderError, Picture},
    verdict::Verdict::{Error, Fail, Inconclusive, Pass},
};

use crate::{
    case::*,
    sealed::{ALERT, Sealed, client_hello, server_hello},
    video::{self, OpenH264},
    wire::{Tcp, Wire},
};

/// Plaintext of the device: 200 octets of a slice.
fn plaintext() -> Vec<u8> {
    VIDEO[0].last().unwrap()[300..500].to_vec()
}

/// A host on another network.
fn cloud() -> std::net::SocketAddr {
    "198.51.100.7:443".parse().unwrap()
}

#[test]
fn a_sealed_camera_passes() {
    let report = judge(&case(vec![watched(|_, _| {})]));
    for id in ["XC-01", "XC-02", "XC-07", "TLS-12"] {
        expect(&of(&report, id), Pass, "");
    }
}

#[test]
fn plaintext_is_found_wherever_it_travels_and_the_evidence_points_at_it() {
    type Leak = fn(&mut Wire);
    let leaks: [(&str, Leak); 8] = [
        ("UDP", |w| w.udp(camera_at(9), cloud(), &plaintext())),
        ("UDP over IPv6 from an address of its own", |w| {
            let [from, to] = ["[2001:db8::20]:9", "[2001:db8::7]:9"].map(|a| a.parse().unwrap());
            w.udp(from, to, &plaintext());
        }),
        ("ICMP", |w| {
            w.protocol(camera_at(9), cloud(), 1, &plaintext())
        }),
        ("TCP SYN", |w| {
            let mut tcp = Tcp::new(camera_at(9), cloud());
            tcp.segment(w, false, &plaintext(), |t| t.syn = true);
        }),
        ("TCP RST", |w| {
            let mut tcp = w.connect(client(9), camera_at(9));
            tcp.segment(w, true, &plaintext(), |t| t.rst = true);
        }),
        ("urgent data", |w| {
            let mut tcp = w.connect(client(9), camera_at(9));
            tcp.segment(w, true, &plaintext(), |t| {
                t.urg = true;
                t.urgent_pointer = 200;
            });
        }),
        ("a connection that began before the capture", |w| {
            Tcp::new(client(9), camera_at(9)).say(w, true, &plaintext());
        }),
        ("octets that are sent again and not the same", |w| {
            let mut tcp = w.connect(client(9), camera_at(9));
            let before = tcp.clone();
            tcp.say(w, true, &video::random(5, 200));
            before.clone().say(w, true, &plaintext());
        }),
    ];
    for (name, leak) in leaks {
        let case = case(vec![watched(|wire, _| leak(wire))]);
        let finding = of(&judge(&case), "XC-01");
        assert_eq!(finding.verdict, Fail, "{name}: {}", finding.reason);
        let found = octets(&case, &finding);
        assert!(found.len() > 150, "{name}");
        let whole = plaintext();
        assert!(whole.windows(found.len()).any(|w| w == found), "{name}");
    }
}

#[test]
fn plaintext_before_the_tap_said_that_it_is_alive_is_found() {
    let mut session = watched(|_, _| {});
    let mut leak = Wire::new();
    leak.udp(camera_at(9), cloud(), &plaintext());
    let capture = session.captures.get_mut(&Vantage::Wire).unwrap();
    let mut packet = capture.packets[0].clone();
    packet.data = leak.frames.pop().unwrap().into();
    packet.original_length = packet.data.len() as u32;
    capture.packets.insert(0, packet);
    expect(&finding(session, "XC-01"), Fail, "as it is");
}

#[test]
fn a_disguise_is_named_and_the_evidence_points_at_the_disguised_octets() {
    let disguised: Vec<u8> = plaintext().iter().map(|o| o ^ 0x5a).collect();
    let case = case(vec![watched(|wire, _| {
        wire.udp(camera_at(9), cloud(), &disguised)
    })]);
    let finding = of(&judge(&case), "XC-01");
    expect(
        &finding,
        Fail,
        "under XOR with 1 octets 5a, UDP 192.0.2.20:9 to 198.51.100.7:443",
    );
    let found = octets(&case, &finding);
    assert!(disguised.windows(found.len()).any(|w| w == found));
}

#[test]
fn evidence_lies_within_its_frame_however_long_the_run() {
    let long = VIDEO[0].last().unwrap().clone();
    let case = case(vec![watched(|wire, _| {
        wire.connect(client(9), camera_at(9)).say(wire, true, &long);
    })]);
    let report = judge(&case);
    for id in ["XC-01", "XC-02", "XC-07"] {
        for evidence in of(&report, id).evidence {
            let packets = &case.sessions[0].captures[&Vantage::Wire].packets;
            let frame = packets
                .iter()
                .find(|p| p.number == evidence.packet)
                .unwrap();
            assert!(
                evidence.offset + evidence.length <= frame.data.len(),
                "{id}: {evidence:?}"
            );
        }
    }
}

#[test]
fn plaintext_of_another_camera_is_our_error() {
    let foreign = FOREIGN[0].last().unwrap()[300..500].to_vec();
    let session = watched(|wire, _| wire.udp(neighbour(9), cloud(), &foreign));
    expect(&finding(session, "XC-01"), Error, "the search is wrong");
}

/// Sessions of which not everything was seen.
fn half_seen() -> Vec<(&'static str, Session, &'static str)> {
    fn with(change: impl FnOnce(&mut Session)) -> Session {
        let mut session = watched(|_, _| {});
        change(&mut session);
        session
    }
    fn capture(session: &mut Session) -> &mut lightleak_case::Capture {
        session.captures.get_mut(&Vantage::Wire).unwrap()
    }
    vec![
        (
            "no capture",
            with(|s| s.captures.clear()),
            "there is no wire.pcapng",
        ),
        (
            "the tap died",
            with(|s| drop(capture(s).packets.pop())),
            "lacks the tap's heartbeat",
        ),
        (
            "the tap came late",
            with(|s| drop(capture(s).packets.remove(0))),
            "lacks the tap's heartbeat",
        ),
        (
            "heartbeats in the middle, all at one time",
            with(|s| {
                let packets = &mut capture(s).packets;
                packets.swap(0, 1);
                packets.iter_mut().for_each(|p| p.time_ns = 0);
            }),
            "lacks the tap's heartbeat",
        ),
        (
            "packets were dropped",
            with(|s| capture(s).interfaces[0].dropped = Some(3)),
            "dropped 3 packets",
        ),
        (
            "packets were dropped at two interfaces, to 2^64",
            with(|s| {
                let mut other = capture(s).interfaces[0].clone();
                other.dropped = Some(1);
                capture(s).interfaces[0].dropped = Some(u64::MAX);
                capture(s).interfaces.push(other);
            }),
            "dropped",
        ),
        (
            "nobody counted drops",
            with(|s| capture(s).interfaces[0].dropped = None),
            "does not say how many",
        ),
        (
            "the file is cut",
            with(|s| capture(s).truncated = true),
            "in the middle of a block",
        ),
        (
            "a packet is cut",
            with(|s| capture(s).packets[20].original_length += 1),
            "were cut",
        ),
        (
            "a segment is missing",
            with(|s| {
                let packets = &mut capture(s).packets;
                let at = packets.iter().rposition(|p| p.data.len() > 900).unwrap();
                packets.remove(at);
            }),
            "are missing",
        ),
        (
            "a connection of the device began before",
            watched(|wire, _| {
                let mut tcp = Tcp::new(client(9), camera());
                tcp.say(wire, true, &video::random(3, 300));
            }),
            "beginning of the connection",
        ),
        ("no keys", with(|s| s.keys.clear()), "the key log has no"),
        (
            "nothing happened",
            session("honest", Wire::new(), Vec::new()),
            "no mark of unit 21 was read",
        ),
    ]
}

#[test]
fn what_was_not_wholly_seen_is_not_known() {
    for (name, session, words) in half_seen() {
        let report = judge(&case(vec![session]));
        for id in ["XC-01", "XC-02", "XC-07", "TLS-12"] {
            let finding = of(&report, id);
            assert_eq!(
                finding.verdict, Inconclusive,
                "{name}: {id} {}",
                finding.reason
            );
            assert!(
                finding.reason.contains(words),
                "{name}: {id} {}",
                finding.reason
            );
        }
        assert_eq!(report.exit_code(), 3, "{name}");
    }
}

#[test]
fn without_plaintext_to_look_for_nothing_is_absent() {
    let mut session = watched(|_, _| {});
    session.ledger = Ledger::default();
    expect(
        &finding(session, "XC-01"),
        Inconclusive,
        "the ledger is empty",
    );
}

#[test]
fn a_ledger_of_something_else_proves_nothing() {
    // The right frame numbers, and octets that the device never produced; those
    // of some frames, or all.
    let mut half = watched(|_, _| {});
    let track = half.ledger.tracks.get_mut("video").unwrap();
    let from = track.units[3].offset;
    let length = track.bytes.len() - from;
    track.bytes[from..].copy_from_slice(&video::random(8, length));
    let words = "3 of 6 access units that the escrowed keys open are not in the ledger";
    expect(&finding(half, "XC-01"), Inconclusive, words);
    let mut session = watched(|wire, _| wire.udp(camera_at(9), cloud(), &plaintext()));
    let track = session.ledger.tracks.get_mut("video").unwrap();
    track.bytes = video::random(8, track.bytes.len());
    expect(
        &finding(session, "XC-01"),
        Inconclusive,
        "6 of 6 access units that the escrowed keys open are not in the ledger",
    );
}

#[test]
fn every_flow_of_the_device_that_was_not_declared_is_named() {
    type Stray = fn(&mut Wire);
    let strays: [(&str, Stray, &str); 9] = [
        (
            "a port",
            |w| {
                w.connect(client(9), camera_at(8554));
            },
            "TCP 192.0.2.10:9 to 192.0.2.20:8554: no such interface is declared",
        ),
        (
            "a datagram",
            |w| w.udp(camera_at(9), cloud(), b"x"),
            "UDP 192.0.2.20:9 to 198.51.100.7:443: no such interface is declared",
        ),
        (
            "an empty datagram",
            |w| w.udp(camera_at(9), cloud(), b""),
            "no such interface is declared",
        ),
        (
            "a dial that nobody answers",
            |w| Tcp::new(camera_at(9), cloud()).segment(w, false, b"", |t| t.syn = true),
            "TCP 192.0.2.20:9 to 198.51.100.7:443: the device dials, and no such interface is declared",
        ),
        (
            "TLS to the cloud, from the port that it listens on",
            |w| {
                Sealed::connect(w, camera(), cloud(), 9);
            },
            "the device dials",
        ),
        (
            "another protocol of IP",
            |w| w.protocol(camera_at(9), cloud(), 47, &video::random(1, 99)),
            "IP protocol 47",
        ),
        (
            "its plaintext from an address that is not its own",
            |w| w.udp("203.0.113.5:9".parse().unwrap(), cloud(), &plaintext()),
            "UDP 203.0.113.5:9 to 198.51.100.7:443",
        ),
        (
            "something in clear on the declared port",
            |w| {
                let mut tcp = w.connect(client(9), camera());
                tcp.say(w, false, b"hello");
                tcp.say(w, true, &video::random(1, 500));
            },
            "declared as TLS, and is none",
        ),
        (
            "frames that look like the tap's",
            |w| {
                let mut frame = w.frames[0].clone();
                frame.truncate(28);
                frame.extend(video::random(1, 900));
                w.frames.push(frame);
            },
            "",
        ),
    ];
    for (name, stray, words) in strays {
        let finding = finding(watched(|wire, _| stray(wire)), "XC-02");
        // What has no sender that is known cannot be laid at its door.
        let expected = if words.is_empty() { Inconclusive } else { Fail };
        assert_eq!(finding.verdict, expected, "{name}: {}", finding.reason);
        assert!(finding.reason.contains(words), "{name}: {}", finding.reason);
    }
}

/// A question for a name, or its answer with an address.
fn dns(flags: u8, label: &[u8]) -> Vec<u8> {
    let answers = flags >> 7;
    let mut message = vec![1, 2, flags, 0, 0, 1, 0, answers, 0, 0, 0, 0];
    let question = [&[label.len() as u8], label, b"\x07example\0\0\x01\0\x01"].concat();
    message.extend(question);
    if answers == 1 {
        message.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc6\x33\x64\x07");
    }
    message
}

fn resolver() -> std::net::SocketAddr {
    "192.0.2.1:53".parse().unwrap()
}

#[test]
fn what_keeps_a_network_running_is_known_by_parsing_and_declared_by_nobody() {
    type Upkeep = fn(&mut Wire);
    let kept: [(&str, Upkeep); 5] = [
        ("DNS", |w| {
            w.udp(camera_at(40_000), resolver(), &dns(1, b"time"));
            w.udp(resolver(), camera_at(40_000), &dns(0x81, b"time"));
        }),
        ("the same name many times", |w| {
            for port in 0..2000 {
                w.udp(camera_at(10_000 + port), resolver(), &dns(1, b"cloud"));
            }
        }),
        ("multicast DNS", |w| {
            let group = "224.0.0.251:5353".parse().unwrap();
            w.udp(camera_at(5353), group, &dns(0x84, b"camera"));
        }),
        ("NTP", |w| {
            let server = "192.0.2.1:123".parse().unwrap();
            w.udp(
                camera_at(123),
                server,
                &[&[0x23, 0, 6, 0][..], &[7; 44]].concat(),
            );
        }),
        ("a ping", |w| {
            let data = video::random(5, 400);
            for (kind, ends) in [
                (8, [neighbour(0), camera_at(0)]),
                (0, [camera_at(0), neighbour(0)]),
            ] {
                let message = [&[kind, 0, 0, 0, 0, 1, 0, 1], &data[..]].concat();
                w.ip(ends[0], ends[1], 1, &message);
            }
        }),
    ];
    for (name, upkeep) in kept {
        let report = judge(&case(vec![watched(|wire, _| upkeep(wire))]));
        for id in ["XC-01", "XC-02", "XC-07"] {
            let finding = of(&report, id);
            assert_eq!(finding.verdict, Pass, "{name}: {id} {}", finding.reason);
        }
    }
}

#[test]
fn what_only_looks_like_upkeep_is_a_stray() {
    type Stray = fn(&mut Wire);
    let strays: [(&str, Stray, &str); 7] = [
        (
            "something else on the port of DNS",
            |w| w.udp(camera_at(40_000), resolver(), &video::random(1, 60)),
            "no such interface is declared",
        ),
        (
            "DNS, then something else",
            |w| {
                w.udp(camera_at(40_000), resolver(), &dns(1, b"time"));
                w.udp(camera_at(40_000), resolver(), &video::random(1, 60));
            },
            "no such interface is declared",
        ),
        (
            "a server of DNS",
            |w| {
                w.udp(client(9), camera_at(53), &dns(1, b"time"));
                w.udp(camera_at(53), client(9), &dns(0x81, b"time"));
            },
            "no such interface is declared",
        ),
        (
            "a tunnel in names",
            |w| {
                for number in 0..120_u8 {
                    let label: Vec<u8> = video::random(number.into(), 60)
                        .iter()
                        .map(|o| b'a' + o % 26)
                        .collect();
                    w.udp(camera_at(40_000), resolver(), &dns(1, &label));
                }
            },
            "in DNS, and 4096 are enough: it can be a tunnel",
        ),
        (
            "a tunnel in echoes",
            |w| {
                for number in 0..5_u8 {
                    let data = video::random(number.into(), 1000);
                    let message = [&[0, 0, 0, 0, 0, 1, 0, number], &data[..]].concat();
                    w.ip(camera_at(0), neighbour(0), 1, &message);
                }
            },
            "in ICMP, and 4096 are enough",
        ),
        (
            "ICMP that is none",
            |w| w.ip(camera_at(0), neighbour(0), 1, &video::random(9, 80)),
            "IP protocol 1",
        ),
        (
            "what the device produced, in a name",
            |w| {
                let data = [&[1, 0, 0, 0][..], &plaintext()].concat();
                w.udp(camera_at(546), "192.0.2.1:547".parse().unwrap(), &data);
            },
            "no such interface is declared",
        ),
    ];
    for (name, stray, words) in strays {
        let finding = finding(watched(|wire, _| stray(wire)), "XC-02");
        assert_eq!(finding.verdict, Fail, "{name}: {}", finding.reason);
        assert!(finding.reason.contains(words), "{name}: {}", finding.reason);
    }
}

#[test]
fn a_client_hello_alone_makes_no_tls() {
    type Answer = fn(&mut Wire, &mut Tcp);
    let answers: [(&str, Answer, &str); 5] = [
        (
            "something else",
            |w, t| t.say(w, true, &video::random(1, 500)),
            "in no TLS record",
        ),
        (
            "TLS, then something else",
            |w, t| {
                t.say(w, true, &server_hello(0x0303, 0x002f));
                t.say(w, true, b"HTTP/1.1 200 OK\r\n\r\n");
            },
            "in no TLS record",
        ),
        (
            "records without a hello",
            |w, t| t.say(w, true, &[&[23, 3, 3, 0, 50][..], &[7; 50]].concat()),
            "without a ServerHello",
        ),
        (
            "a suite that does not encrypt",
            |w, t| t.say(w, true, &server_hello(0x0303, 0x003b)),
            "does not encrypt",
        ),
        (
            "TLS 1.0",
            |w, t| t.say(w, true, &server_hello(0x0301, 0x002f)),
            "TLS 1.0",
        ),
    ];
    for (name, answer, words) in answers {
        let session = watched(|wire, _| {
            let mut tcp = wire.connect(client(9), camera());
            tcp.say(wire, false, &client_hello([9; 32], &[0x0303]));
            answer(wire, &mut tcp);
            tcp.close(wire);
        });
        let finding = finding(session, "XC-02");
        assert_eq!(finding.verdict, Fail, "{name}: {}", finding.reason);
        assert!(finding.reason.contains(words), "{name}: {}", finding.reason);
    }
}

#[test]
fn tls_that_cannot_be_opened_is_identified_and_no_more() {
    let session = watched(|wire, _| {
        Sealed::connect(wire, client(9), camera(), 9).say(wire, true, b"who knows");
    });
    let report = judge(&case(vec![session]));
    for (id, assurance) in [
        ("XC-01", "Absence"),
        ("XC-02", "Identified"),
        ("TLS-12", "Identified"),
    ] {
        let finding = of(&report, id);
        expect(&finding, Pass, "");
        assert_eq!(format!("{:?}", finding.assurance.unwrap()), assurance);
    }
}

#[test]
fn records_of_the_device_that_the_escrowed_keys_do_not_open_are_not_known_to_be_sealed() {
    let session = watched(|wire, sealed| {
        let fake = [&[23, 3, 3, 1, 0][..], &video::random(4, 256)].concat();
        sealed.tcp.say(wire, true, &fake);
    });
    expect(
        &finding(session, "XC-02"),
        Inconclusive,
        "does not open with the escrowed key",
    );
}

/// What others do, and what clients do wrong.
#[test]
fn what_is_not_the_devices_doing_is_no_fault_of_it() {
    type Noise = fn(&mut Wire);
    let noises: [(&str, Noise); 8] = [
        ("another camera", |w| {
            for packet in video::rtp(&OTHER) {
                w.udp(neighbour(5004), neighbour(9), &packet);
            }
        }),
        ("a neighbour's RTSP", |w| {
            let mut tcp = w.connect(client(9), neighbour(554));
            tcp.say(
                w,
                false,
                b"DESCRIBE rtsp://192.0.2.99/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
            );
            tcp.say(w, true, b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
        }),
        ("a neighbour's tunnel", |w| {
            w.protocol(neighbour(1), cloud(), 47, &video::random(1, 300));
        }),
        ("a neighbour's connection that began before", |w| {
            Tcp::new(neighbour(1), cloud()).say(w, true, &video::random(1, 300));
        }),
        ("clear text to the TLS port", |w| {
            let mut tcp = w.connect(client(9), camera());
            tcp.say(w, false, b"GET / HTTP/1.1\r\n\r\n");
            tcp.say(w, true, &ALERT);
            tcp.close(w);
        }),
        ("a client that sends a video to the device", |w| {
            let mut tcp = w.connect(client(9), camera());
            let units = OTHER.concat();
            let clip: Vec<u8> = units
                .iter()
                .flat_map(|n| [&[0, 0, 0, 1], &n[..]].concat())
                .collect();
            tcp.say(w, false, &clip);
            tcp.say(w, true, &ALERT);
            tcp.close(w);
        }),
        ("a port that was tried", |w| {
            w.refuse(client(9), camera_at(8080))
        }),
        ("ARP", |w| {
            let mut frame = [[0xff; 6], [2, 0, 0, 0, 0, 9]].concat();
            frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
            frame.extend([
                2, 0, 0, 0, 0, 9, 192, 0, 2, 99, 0, 0, 0, 0, 0, 0, 192, 0, 2, 20,
            ]);
            frame.resize(60, 0);
            w.frames.push(frame);
        }),
    ];
    for (name, noise) in noises {
        let report = judge(&case(vec![watched(|wire, _| noise(wire))]));
        for id in ["XC-01", "XC-02", "XC-07", "TLS-12"] {
            let finding = of(&report, id);
            assert_eq!(finding.verdict, Pass, "{name}: {id} {}", finding.reason);
        }
    }
}

#[test]
fn a_picture_of_the_device_is_found_in_every_carriage_and_names_itself() {
    type Leak = fn(&mut Wire);
    let leaks: [(&str, Leak); 3] = [
        ("RTP", |w| {
            for packet in video::rtp(&VIDEO) {
                w.udp(camera_at(5004), client(5004), &packet);
            }
        }),
        ("RTP from an address that is not declared", |w| {
            for packet in video::rtp(&VIDEO) {
                w.udp("203.0.113.5:9".parse().unwrap(), cloud(), &packet);
            }
        }),
        ("RTSP in clear, joined in the middle", |w| {
            Tcp::new(client(9), camera_at(554)).say(w, true, &interleave(&video::rtp(&VIDEO)));
        }),
    ];
    for (name, leak) in leaks {
        let finding = finding(watched(|wire, _| leak(wire)), "XC-07");
        assert_eq!(finding.verdict, Fail, "{name}: {}", finding.reason);
        assert_eq!(finding.evidence[0].mark.unwrap().unit, UNIT, "{name}");
        assert!(
            finding.reason.contains("its mark says unit 21, frame 0"),
            "{name}"
        );
    }
}

#[test]
fn nothing_plays_only_where_everything_could_be_read() {
    type Odd = fn(&mut Wire);
    let odds: [(&str, Odd); 2] = [
        ("fragments", |w| {
            for packet in video::rtp(&VIDEO) {
                w.udp(camera_at(5004), client(5004), &packet);
                // More fragments.
                w.frames.last_mut().unwrap()[20] |= 0x20;
            }
        }),
        ("octets that are sent again and not the same", |w| {
            let mut tcp = w.connect(client(9), camera_at(554));
            let before = tcp.clone();
            let media = interleave(&video::rtp(&VIDEO));
            tcp.say(w, true, &video::random(5, media.len()));
            before.clone().say(w, true, &media);
        }),
    ];
    for (name, odd) in odds {
        let finding = finding(watched(|wire, _| odd(wire)), "XC-07");
        assert_eq!(finding.verdict, Inconclusive, "{name}: {}", finding.reason);
    }
}

/// Crashes on what is too long.
struct Crashing(usize);

impl Decoder for Crashing {
    fn decode(&self, annex_b: &[u8], limit: usize) -> Result<Vec<Picture>, DecoderError> {
        match annex_b.len() > self.0 {
            true => Err(DecoderError("crashed: signal 11".into())),
            false => OpenH264.decode(annex_b, limit),
        }
    }
}

#[test]
fn a_decoder_that_crashes_is_an_error_and_hides_no_picture_that_was_found() {
    let leak = |w: &mut Wire, from, units: usize| {
        for packet in video::rtp(&VIDEO[..units]) {
            w.udp(from, client(5004), &packet);
        }
    };
    let all: usize = VIDEO.concat().iter().map(|n| n.len() + 4).sum();
    let decoder = Crashing(all - 1);
    let one = case(vec![watched(|wire, _| leak(wire, camera_at(5004), 6))]);
    expect(
        &of(&judge_with(&one, &decoder), "XC-07"),
        Error,
        "signal 11",
    );
    assert_eq!(
        judge_with(&one, &decoder).exit_code(),
        1,
        "XC-01 and XC-02 fail all the same"
    );

    let two = case(vec![watched(|wire, _| {
        leak(wire, camera_at(5006), 6);
        leak(wire, camera_at(5004), 2);
    })]);
    expect(&of(&judge_with(&two, &decoder), "XC-07"), Fail, "5004");
}

#[test]
fn a_judge_that_cannot_look_for_the_mark_says_so_and_passes_nothing() {
    let report = judge_with(&case(vec![watched(|_, _| ())]), &Crashing(0));
    for id in ["XC-01", "XC-02", "XC-07", "TLS-12"] {
        expect(&of(&report, id), Error, "signal 11");
    }
    assert_eq!(report.exit_code(), 4);
}

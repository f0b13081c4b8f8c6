//! What a viewer plays of what a server sends that works against it.

use lightleak_case::{Case, Track, Vantage};
use lightleak_judge::verdict::{
    Verdict,
    Verdict::{Fail, Inconclusive, Pass},
};

use crate::{case::*, rtc::*, video, wire::Wire};

const PORTAL: &str = "portal.webrtc";
const ID: &str = "SFR-16";
/// KIDs of two epochs.
const EPOCHS: [u64; 2] = [0x0102_0304_0506_0701, 0x0102_0304_0506_0711];
/// From one packet of the capture to the next.
const STEP: u64 = 100_000_000;

/// What comes to the viewer, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comes {
    /// An access unit of the ledger, sealed in an epoch.
    Sealed(usize, usize),
    /// One of another device, in clear.
    Clear(usize),
    /// Nothing for so many seconds.
    Nothing(u64),
}
use Comes::{Clear, Nothing, Sealed};

/// Two units of an epoch, of which the first comes again, then two of the next; a
/// third of the one before comes when that is over.
const ATTACK: [Comes; 8] = [
    Sealed(0, 0),
    Sealed(0, 1),
    Sealed(0, 0),
    Clear(0),
    Sealed(1, 3),
    Nothing(3),
    Sealed(0, 2),
    Sealed(1, 4),
];

/// The device publishes to a server at the address of the app, which serves the
/// viewer.
fn case_with(comes: &[Comes], played: &[&[u8]]) -> Case {
    let mut case = case_of(&Plan::default());
    let (server, viewer) = (client(7000), neighbour(7001));
    case.declaration.endpoints[0].address = server.ip();
    case.declaration.endpoints[0].path = PORTAL.into();
    case.declaration.paths[0].id = PORTAL.into();
    let session = &mut case.sessions[0];
    session.record.path = PORTAL.into();
    session.record.stimulus = "active-relay".into();
    let mut peer = Wire::new();
    let mut times = vec![0];
    let (mut sequence, mut time, mut now) = (0_u16, 0_u32, 0);
    for comes in comes {
        let unit = match *comes {
            Sealed(epoch, unit) => sealed_unit(EPOCHS[epoch], unit as u64, &VIDEO[unit]),
            Clear(unit) => OTHER[unit].clone(),
            Nothing(seconds) => {
                now += seconds * 1_000_000_000;
                continue;
            }
        };
        time += 3000;
        for mut packet in video::rtp(&[unit]) {
            packet[2..4].copy_from_slice(&sequence.to_be_bytes());
            packet[4..8].copy_from_slice(&time.to_be_bytes());
            sequence += 1;
            peer.udp(server, viewer, &packet);
            now += STEP;
            times.push(now);
        }
    }
    let mut capture = peer.capture();
    times.push(now + STEP);
    for (packet, time) in capture.packets.iter_mut().zip(times) {
        packet.time_ns = time;
    }
    session.captures.insert(Vantage::Peer, capture);
    let key: String = base_key(EPOCHS[1])
        .iter()
        .map(|o| format!("{o:02x}"))
        .collect();
    let line = format!(
        "SFRAME_BASE_KEY AES_128_GCM_SHA256_128 {:016x} {key}",
        EPOCHS[1]
    );
    session.keys.push(line);
    let mut track = Track::default();
    for (number, unit) in played.iter().enumerate() {
        track.push_octets(unit, number as u32, 0);
    }
    if !played.is_empty() {
        session.played.tracks.insert("video-2".into(), track);
    }
    case
}

fn annex_b(unit: &[Vec<u8>]) -> Vec<u8> {
    let nals = unit
        .iter()
        .flat_map(|nal| [&[0, 0, 0, 1], &nal[..]].concat());
    nals.collect()
}

/// Units of the ledger.
fn units(numbers: &[usize]) -> Vec<Vec<u8>> {
    numbers
        .iter()
        .map(|number| annex_b(&VIDEO[*number]))
        .collect()
}

#[track_caller]
fn see(comes: &[Comes], played: &[Vec<u8>], verdict: Verdict, words: &str) {
    let played: Vec<_> = played.iter().map(Vec::as_slice).collect();
    let finding = of(&judge(&case_with(comes, &played)), ID);
    expect(&finding, verdict, words);
    if verdict == Fail {
        let evidence = &finding.evidence[0];
        assert!(evidence.capture.ends_with("peer.pcapng") && evidence.packet > 1);
    }
}

#[test]
fn each_of_the_ledger_once_passes() {
    let words =
        "1 frames came again, 1 after the end of their epoch and 1 access units in clear; 4 units";
    see(&ATTACK, &units(&[0, 1, 3, 4]), Pass, words);
    // Octets of a recording may have start codes of three.
    let mut shorter = units(&[0, 1, 3, 4]);
    shorter[0].remove(0);
    see(&ATTACK, &shorter, Pass, words);
}

#[test]
fn what_is_played_twice_or_late_or_in_clear_fails() {
    see(
        &ATTACK,
        &units(&[0, 1, 0, 3, 4]),
        Fail,
        "as unit 2 of video-2 was played before",
    );
    see(
        &ATTACK,
        &units(&[0, 1, 3, 2, 4]),
        Fail,
        "is of an epoch that had ended",
    );
    let mut clear = units(&[0, 1]);
    clear.push(annex_b(&OTHER[0]));
    see(
        &ATTACK,
        &clear,
        Fail,
        "is in clear, and is none of the device",
    );
    // Wherever it came from.
    let played: Vec<_> = units(&[0, 1]);
    let other = annex_b(&OTHER[1]);
    let played = [&played[0], &played[1], &other].map(|unit| &unit[..]);
    let finding = of(&judge(&case_with(&ATTACK, &played)), ID);
    expect(&finding, Fail, "is none of the device");
    let evidence = &finding.evidence[0];
    assert!(
        evidence.capture.ends_with("played/video-2.bin"),
        "{evidence:?}"
    );
    assert_eq!((evidence.packet, evidence.length), (0, other.len()));
}

#[test]
fn what_is_only_out_of_its_order_is_not_known() {
    let comes: Vec<_> = ATTACK.into_iter().chain([Sealed(1, 5)]).collect();
    see(
        &comes,
        &units(&[0, 1, 3, 5, 4]),
        Inconclusive,
        "that the device produced later",
    );
}

#[test]
fn who_was_not_tempted_shows_nothing() {
    let without = |left_out: &[usize]| -> Vec<_> {
        let comes = ATTACK.into_iter().enumerate();
        comes
            .filter(|(at, _)| !left_out.contains(at))
            .map(|(_, c)| c)
            .collect()
    };
    let played = units(&[0, 1, 3, 4]);
    for (left_out, words) in [
        (&[2][..], "no frame that was there before"),
        (&[3], "no access unit in clear"),
        (&[5], "no frame of an epoch that had ended"),
        (&[6], "no frame of an epoch that had ended"),
    ] {
        see(&without(left_out), &played, Inconclusive, words);
        // Nor is it known to be wrong.
        see(&without(left_out), &units(&[0, 0]), Inconclusive, words);
    }
    see(
        &ATTACK,
        &[],
        Inconclusive,
        "nobody recorded what viewers played",
    );
}

/// A packet that is sent again as it was is none that comes again.
#[test]
fn retransmission_is_no_replay() {
    let comes = [&ATTACK[..2], &ATTACK[3..]].concat();
    let played = units(&[0, 1]);
    let mut case = case_with(&comes, &[&played[0], &played[1]]);
    let capture = case.sessions[0].captures.get_mut(&Vantage::Peer).unwrap();
    let again = capture.packets[1].clone();
    capture.packets.insert(3, again);
    for (packet, number) in capture.packets.iter_mut().zip(1..) {
        packet.number = number;
    }
    expect(
        &of(&judge(&case), ID),
        Inconclusive,
        "no frame that was there before",
    );
}

//! Nothing that a case may hold makes the judge panic, hang or waver.

use std::time::{Duration, Instant};

use lightleak_case::{Case, Ledger, Packet, TransportProtocol, Unit, Vantage};
use lightleak_judge::report::json;
use proptest::{prelude::*, sample::Index};

use crate::{
    case::*,
    video::{self, Blind},
};

/// How long a small case may take, on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(20);

/// Something wrong with a case.
#[derive(Clone, Debug)]
enum Harm {
    Octet(Index, Index, u8),
    Cut(Index, Index),
    Lose(Index),
    Double(Index, Index),
    Swap(Index, Index),
    Frame(Index, Vec<u8>),
    Header(Index, u64, usize, u32),
    LinkType(u16),
    Dropped(Option<u64>),
    Stimulus(&'static str),
    Key(Index, String),
    Plaintext(Index, u8),
    Units(usize, usize),
    Decoy(Vec<u8>),
    Address(std::net::IpAddr),
    Endpoint(u16, bool),
    Paths(String),
    Twice,
}

fn harm() -> impl Strategy<Value = Harm> {
    let stimuli = [
        "honest",
        "no-credentials",
        "wrong-credentials",
        "udp-setup",
        "tls10-offer",
        "port-sweep",
        "",
    ];
    let octets = || prop::collection::vec(any::<u8>(), 0..200);
    let index = any::<Index>;
    prop_oneof![
        8 => (index(), index(), any::<u8>()).prop_map(|(p, o, v)| Harm::Octet(p, o, v)),
        2 => (index(), index()).prop_map(|(p, o)| Harm::Cut(p, o)),
        2 => index().prop_map(Harm::Lose),
        2 => (index(), index()).prop_map(|(p, to)| Harm::Double(p, to)),
        2 => (index(), index()).prop_map(|(p, to)| Harm::Swap(p, to)),
        2 => (index(), octets()).prop_map(|(p, o)| Harm::Frame(p, o)),
        1 => (index(), any::<u64>(), 0..3usize, any::<u32>())
            .prop_map(|(p, t, i, l)| Harm::Header(p, t, i, l)),
        1 => any::<u16>().prop_map(Harm::LinkType),
        1 => any::<Option<u64>>().prop_map(Harm::Dropped),
        3 => prop::sample::select(stimuli.to_vec()).prop_map(Harm::Stimulus),
        1 => (index(), "[A-Z_]{0,9} [0-9a-f]{0,70} [0-9a-g]{0,70}")
            .prop_map(|(k, line)| Harm::Key(k, line)),
        1 => (index(), any::<u8>()).prop_map(|(o, v)| Harm::Plaintext(o, v)),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(o, l)| Harm::Units(o, l)),
        1 => octets().prop_map(Harm::Decoy),
        1 => any::<std::net::IpAddr>().prop_map(Harm::Address),
        1 => (any::<u16>(), any::<bool>()).prop_map(|(p, udp)| Harm::Endpoint(p, udp)),
        1 => ".{0,12}".prop_map(Harm::Paths),
        1 => Just(Harm::Twice),
    ]
}

fn apply(case: &mut Case, harm: Harm) {
    if let Harm::Twice = harm {
        let copy = case.sessions[0].clone();
        return case.sessions.push(copy);
    }
    let session = &mut case.sessions[0];
    let capture = session.captures.get_mut(&Vantage::Wire).unwrap();
    let packets = &mut capture.packets;
    let count = packets.len();
    match harm {
        Harm::Octet(packet, octet, value) if count > 0 => {
            let data = &mut packets[packet.index(count)].data;
            if !data.is_empty() {
                let at = octet.index(data.len());
                data[at] = value;
            }
        }
        Harm::Cut(packet, octet) if count > 0 => {
            let data = &mut packets[packet.index(count)].data;
            let kept = octet.index(data.len() + 1);
            data.truncate(kept);
        }
        Harm::Lose(packet) if count > 0 => drop(packets.remove(packet.index(count))),
        Harm::Double(packet, to) if count > 0 => {
            let copy = packets[packet.index(count)].clone();
            packets.insert(to.index(count), copy);
        }
        Harm::Swap(one, other) if count > 0 => packets.swap(one.index(count), other.index(count)),
        Harm::Frame(at, data) => {
            let packet = Packet {
                number: 7,
                interface: 0,
                time_ns: 0,
                original_length: 60,
                data: data.into(),
            };
            packets.insert(at.index(count + 1), packet);
        }
        Harm::Header(packet, time_ns, interface, original_length) if count > 0 => {
            let packet = &mut packets[packet.index(count)];
            (packet.time_ns, packet.interface) = (time_ns, interface);
            packet.original_length = original_length;
        }
        Harm::LinkType(link_type) => capture.interfaces[0].link_type = link_type,
        Harm::Dropped(dropped) => {
            let mut other = capture.interfaces[0].clone();
            other.dropped = dropped;
            capture.interfaces.push(other);
        }
        Harm::Stimulus(stimulus) => session.record.stimulus = stimulus.into(),
        Harm::Key(at, line) => {
            let at = at.index(session.keys.len() + 1);
            session.keys.insert(at, line);
        }
        Harm::Plaintext(at, value) => {
            let bytes = &mut session.ledger.tracks.get_mut("video").unwrap().bytes;
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        Harm::Units(offset, length) => {
            let unit = Unit {
                offset,
                length,
                number: 0,
                time_ns: 0,
                key_frame: true,
            };
            let track = session.ledger.tracks.get_mut("video").unwrap();
            track.units.insert(0, unit);
        }
        Harm::Decoy(bytes) => {
            let track = lightleak_case::Track {
                bytes,
                units: Vec::new(),
            };
            case.decoy = Ledger {
                tracks: [("video".to_owned(), track)].into(),
            };
        }
        Harm::Address(address) => case.declaration.device.addresses.push(address),
        Harm::Endpoint(port, udp) => {
            let mut endpoint = case.declaration.endpoints[0].clone();
            endpoint.port = port;
            if udp {
                endpoint.transport = TransportProtocol::Udp;
            }
            case.declaration.endpoints.insert(0, endpoint);
        }
        Harm::Paths(id) => case.declaration.paths[0].id = id,
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_case_with_anything_wrong_is_judged_and_always_alike(
        harms in prop::collection::vec(harm(), 0..12),
    ) {
        let mut case = case(vec![watched(|wire, _| {
            for packet in video::rtp(&VIDEO[..2]) {
                wire.udp(camera_at(5004), client(5004), &packet);
            }
        })]);
        for harm in harms {
            apply(&mut case, harm);
        }
        let begun = Instant::now();
        let report = judge_with(&case, &Blind);
        prop_assert!(begun.elapsed() < LIMIT);
        prop_assert_ne!(report.exit_code(), 0);
        prop_assert_eq!(json::write(&report), json::write(&judge_with(&case, &Blind)));
    }

    #[test]
    fn frames_of_chance_are_judged(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 0..60),
        stimulus in prop::sample::select(vec!["honest", "port-sweep", "tls10-offer", "udp-setup"]),
    ) {
        let mut wire = crate::wire::Wire::new();
        for mut frame in frames {
            if frame.len() > 34 {
                // IPv4 from or to the device.
                frame[12..15].copy_from_slice(&[8, 0, 0x45]);
                frame[23] = if frame[23] % 2 == 0 { 6 } else { 17 };
                let at = if frame[0] % 2 == 0 { 26 } else { 30 };
                frame[at..at + 4].copy_from_slice(&[192, 0, 2, 20]);
            }
            wire.frames.push(frame);
        }
        let report = judge_with(&case(vec![session(stimulus, wire, Vec::new())]), &Blind);
        prop_assert_ne!(report.exit_code(), 0);
    }
}

/// Many small flows, endpoints and paths cost no more than their number.
#[test]
fn a_case_of_many_things_is_judged_in_time() {
    let mut case = case(vec![swept(|wire| {
        for port in 1..20_000 {
            wire.udp(camera_at(port), client(port), b"x");
        }
    })]);
    let endpoint = case.declaration.endpoints[0].clone();
    for port in 0..20_000 {
        let mut endpoint = endpoint.clone();
        endpoint.port = port;
        endpoint.transport = TransportProtocol::Udp;
        case.declaration.endpoints.push(endpoint);
    }
    let begun = Instant::now();
    judge_with(&case, &Blind);
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
}

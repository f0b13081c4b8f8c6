//! What happens to packets on their way into a capture: they are lost, doubled, out of
//! order, cut and damaged. Nothing of that panics, and nothing that is sealed becomes a
//! leak by it.

use std::{fs, path::Path, sync::LazyLock};

use lightleak_case::Capture;
use lightleak_judge::{
    decoder::{Decoder, DecoderError, Picture},
    dissect::{Dissector, Flow, dissect},
    inspect::{self, Inspection, Label, Limits},
};
use proptest::{prelude::*, sample::Index};

/// Plays nothing.
struct Mute;

impl Decoder for Mute {
    fn decode(&self, _: &[u8], _: usize) -> Result<Vec<Picture>, DecoderError> {
        Ok(Vec::new())
    }
}

fn inspect(capture: &Capture) -> Inspection {
    let limits = Limits {
        pictures_per_flow: 1,
    };
    inspect::inspect(capture, &Mute, limits)
}

fn leaks(capture: &Capture) -> Vec<String> {
    let flows = inspect(capture).flows.into_iter();
    let leaks = flows.filter(|flow| flow.label == Label::Leak);
    leaks
        .map(|flow| format!("{}: {}", flow.kind, flow.reason))
        .collect()
}

/// The captures that other programs made, by name.
static CAPTURES: LazyLock<Vec<(String, Capture)>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/captures");
    let mut captures: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|e| e == "pcap" || e == "pcapng")
        })
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let (capture, _) = Capture::salvage(&fs::read(path).unwrap()).unwrap();
            (name, capture)
        })
        .collect();
    captures.sort_by(|a, b| a.0.cmp(&b.0));
    captures
});

/// Those in which something is sealed and nothing leaks.
static SEALED: LazyLock<Vec<&(String, Capture)>> = LazyLock::new(|| {
    let is_sealed = |(_, capture): &&(String, Capture)| {
        let flows = inspect(capture).flows;
        let has = |label| flows.iter().any(|flow| flow.label == label);
        has(Label::Sealed) && !has(Label::Leak)
    };
    CAPTURES.iter().filter(is_sealed).collect()
});

/// What happens to a packet.
#[derive(Clone, Debug)]
enum Accident {
    Lost(Index),
    Doubled(Index),
    Overtaken(Index, Index),
    Cut(Index, Index),
    Damaged(Index, Index, u8),
}

fn accidents() -> impl Strategy<Value = Vec<Accident>> {
    let any_index = any::<Index>;
    let accident = prop_oneof![
        any_index().prop_map(Accident::Lost),
        any_index().prop_map(Accident::Doubled),
        (any_index(), any_index()).prop_map(|(a, b)| Accident::Overtaken(a, b)),
        (any_index(), any_index()).prop_map(|(a, b)| Accident::Cut(a, b)),
        (any_index(), any_index(), 1..=u8::MAX).prop_map(|(a, b, c)| Accident::Damaged(a, b, c)),
    ];
    prop::collection::vec(accident, 1..40)
}

fn after(capture: &Capture, accidents: &[Accident]) -> Capture {
    let mut capture = capture.clone();
    let packets = &mut capture.packets;
    for accident in accidents {
        if packets.is_empty() {
            break;
        }
        let length = packets.len();
        match accident {
            Accident::Lost(which) => drop(packets.remove(which.index(length))),
            Accident::Doubled(which) => {
                let which = which.index(length);
                packets.insert(which, packets[which].clone());
            }
            Accident::Overtaken(a, b) => packets.swap(a.index(length), b.index(length)),
            Accident::Cut(which, at) => {
                let packet = &mut packets[which.index(length)];
                let end = at.index(packet.data.len() + 1);
                packet.data = packet.data.part(0..end);
            }
            Accident::Damaged(which, at, bits) => {
                let packet = &mut packets[which.index(length)];
                if !packet.data.is_empty() {
                    let at = at.index(packet.data.len());
                    packet.data[at] ^= bits;
                }
            }
        }
    }
    for (packet, number) in packets.iter_mut().zip(1..) {
        packet.number = number;
    }
    capture
}

#[test]
fn there_is_something_sealed() {
    assert!(SEALED.len() >= 15, "{}", SEALED.len());
    assert!(CAPTURES.len() >= 100, "{}", CAPTURES.len());
}

/// What a flow is, and where each of its octets was.
fn shape(flow: &Flow) -> String {
    let streams = [&flow.from_a, &flow.from_b].map(|stream| {
        let pieces = stream
            .pieces
            .iter()
            .map(|p| (p.at, p.length, p.packet, p.offset));
        (
            pieces.collect::<Vec<_>>(),
            &stream.bytes,
            &stream.gaps,
            &stream.continued,
        )
    });
    let ends = (flow.transport, flow.a, flow.b, flow.state);
    format!(
        "{ends:?} {} {} {streams:?}",
        flow.first_packet, flow.packets
    )
}

/// The flows of a capture that is dissected so many packets at a time.
fn in_parts(capture: &Capture, packets: usize) -> Vec<Flow> {
    let mut dissector = Dissector::default();
    for (part, last) in capture.parts(packets) {
        dissector.add(&part, last);
    }
    let mut flows = dissector.flows_mut().to_vec();
    flows.sort_by_key(|flow| flow.first_packet);
    flows
}

#[test]
fn parts_are_dissected_as_the_whole_is() {
    for (name, capture) in CAPTURES.iter() {
        let whole: Vec<_> = dissect(capture).flows.iter().map(shape).collect();
        for packets in [1, 2, 7, 50] {
            let parts: Vec<_> = in_parts(capture, packets).iter().map(shape).collect();
            assert!(parts == whole, "{name}, {packets} packets at a time");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_sealed_leaks_by_no_accident(which in any::<Index>(), accidents in accidents()) {
        let (name, capture) = which.get(&SEALED);
        let found = leaks(&after(capture, &accidents));
        prop_assert!(found.is_empty(), "{name}: {found:?}");
    }

    #[test]
    fn no_accident_panics(which in any::<Index>(), accidents in accidents()) {
        let (_, capture) = which.get(&CAPTURES);
        let capture = after(capture, &accidents);
        inspect(&capture);
        in_parts(&capture, 5);
    }
}

//! Two byte streams under one keystream: the difference of the two is that of what
//! lies beneath, and shows by its structure what neither shows alone.

use std::collections::BTreeSet;

use lightleak_case::TransportProtocol;

use crate::{
    adversary::cryptanalyst::{different, keystream::bits_of_chance},
    dissect::{Flow, Stream, tls},
    inspect::{Claim, Scene},
};

/// Octets that are worth a look, and octets that are looked at.
const LEAST: usize = 1024;
const MOST: usize = 64 << 10;
/// Streams that are compared with each other, and octets that are in all.
const MOST_STREAMS: usize = 64;
const BUDGET: usize = 64 << 20;
/// Octets of a stretch, and how many different ones it has at least where nothing
/// is seen in it: of as many random ones one in a million has fewer than 33.
const WINDOW: usize = 48;
const DIFFERENT: usize = 33;
/// Octets from one look to the next, and octets of stretches that show something.
const STEP: usize = 32;
const MIN_STRUCTURE: usize = 160;
/// Octets of text that is read, and of it together.
const TEXT: usize = 64;
/// What encoders write into what they encode.
const ENCODERS: [&[u8]; 5] = [
    b"x264 - core ",
    b"H.264/MPEG-4 AVC",
    b"x265 (build ",
    b"H.265/HEVC codec",
    b"options: cabac=",
];
/// Octets of a packet of a transport stream, and packets that show one.
const PACKET: usize = 188;
const MIN_PACKETS: usize = 24;
/// Bits of chance that such a thing as octets at the same place of packets may show.
const SCATTERED: f64 = 24.0;

/// One direction of a flow.
struct Side<'a> {
    flow: usize,
    stream: &'a Stream,
    octets: &'a [u8],
}

pub(super) fn across(scene: &Scene<'_>) -> Vec<(usize, Claim)> {
    let flows = scene.traffic.flows.iter().enumerate();
    let sides: Vec<Side<'_>> = flows
        .flat_map(|(index, flow)| sides(index, flow))
        .take(MOST_STREAMS)
        .collect();
    let mut claims = Vec::new();
    let mut claimed = BTreeSet::new();
    let mut budget = BUDGET;
    for (number, a) in sides.iter().enumerate() {
        for b in sides.iter().skip(number + 1) {
            let length = a.octets.len().min(b.octets.len());
            if budget < length {
                return claims;
            }
            budget -= length;
            let Some(shown) = compare(&a.octets[..length], &b.octets[..length]) else {
                continue;
            };
            for (one, other) in [(a, b), (b, a)] {
                if claimed.insert(one.flow) {
                    claims.push((one.flow, claim(scene, one, other, &shown)));
                }
            }
        }
    }
    claims
}

fn claim(scene: &Scene<'_>, side: &Side<'_>, other: &Side<'_>, shown: &Shown) -> Claim {
    let with = match (side.flow == other.flow, scene.traffic.flows.get(other.flow)) {
        (false, Some(flow)) => format!(
            "the octets between {} and {} at the same places",
            flow.a, flow.b
        ),
        _ => "those of the other direction at the same places".to_owned(),
    };
    let reason = format!(
        "the octets of this flow and {with} are enciphered with one keystream: each looks random, and the XOR of the two {}",
        shown.words
    );
    match shown.is_media {
        true => Claim::clear("two-time-pad", Vec::new(), reason),
        false => Claim::unknown("two-time-pad?", reason),
    }
    .at(side.stream.place(0))
}

/// Directions that look like nothing from their beginning on.
fn sides(index: usize, flow: &Flow) -> Vec<Side<'_>> {
    if flow.transport != TransportProtocol::Tcp {
        return Vec::new();
    }
    let streams = [&flow.from_a, &flow.from_b].into_iter();
    let sides = streams.filter_map(|stream| {
        let octets = stream.beginning();
        let octets = &octets[..octets.len().min(MOST)];
        let windows = octets.chunks_exact(WINDOW).take(64);
        let (all, random) = windows.fold((0, 0), |(all, random), window| {
            (all + 1, random + usize::from(looks_random(window)))
        });
        (octets.len() >= LEAST && !tls::is_records(octets) && random * 10 >= all * 9).then_some(
            Side {
                flow: index,
                stream,
                octets,
            },
        )
    });
    sides.collect()
}

fn looks_random(window: &[u8]) -> bool {
    different(window) >= DIFFERENT
}

/// What the difference of two streams shows.
struct Shown {
    words: String,
    is_media: bool,
}

fn compare(a: &[u8], b: &[u8]) -> Option<Shown> {
    let pairs = a.chunks_exact(STEP).zip(b.chunks_exact(STEP));
    let equal = pairs.clone().filter(|(a, b)| a[..4] == b[..4]).count();
    // The same ciphertext twice is no reuse.
    if equal * 2 > pairs.len() {
        return None;
    }
    packets(a, b).or_else(|| stretches(a, b))
}

/// Packets of a transport stream in both: their sync octets cancel each other out, and
/// what follows these is hardly ever another.
fn packets(a: &[u8], b: &[u8]) -> Option<Shown> {
    let at = (0..PACKET).find(|at| {
        let column = |octets: &[u8], at: usize| -> Vec<u8> {
            octets.iter().skip(at).step_by(PACKET).copied().collect()
        };
        let pairs = a.iter().zip(b).skip(*at).step_by(PACKET);
        if !pairs.clone().all(|(a, b)| a == b) {
            return false;
        }
        let headers = column(a, at + 1).into_iter().zip(column(b, at + 1));
        let headers: Vec<u8> = headers.map(|(a, b)| a ^ b).collect();
        let flags = most_frequent(&headers) * 8 >= headers.len();
        let scattered = [*at, at + 1]
            .iter()
            .all(|at| is_scattered(&column(a, *at)) && is_scattered(&column(b, *at)));
        pairs.count() >= MIN_PACKETS && flags && scattered
    })?;
    let count = (a.len().min(b.len()) - at).div_ceil(PACKET);
    Some(Shown {
        words: format!(
            "is 0 at the first octet of each of {count} packets of {PACKET} octets, as transport streams have it, from octet {at} on"
        ),
        is_media: true,
    })
}

/// Whether neither some octets nor the steps between them are more often the same
/// than chance has it: no header and no counter is that.
fn is_scattered(octets: &[u8]) -> bool {
    let steps = octets.windows(2).map(|pair| pair[1].wrapping_sub(pair[0]));
    let steps: Vec<u8> = steps.collect();
    [octets, &steps]
        .iter()
        .all(|octets| bits_of_chance(octets.len(), most_frequent(octets)) < SCATTERED)
}

fn most_frequent(octets: &[u8]) -> usize {
    let mut counts = [0; 256];
    for octet in octets {
        counts[usize::from(*octet)] += 1;
    }
    counts.into_iter().max().unwrap_or(0)
}

/// Stretches that are one octet again and again, or text: what lies beneath one of
/// them is uniform there.
fn stretches(a: &[u8], b: &[u8]) -> Option<Shown> {
    let length = a.len().min(b.len());
    let both_random = |at: usize| {
        let random = |octets: &[u8]| octets.get(at..at + WINDOW).is_some_and(looks_random);
        random(a) && random(b)
    };
    let (mut constant, mut text, mut encoder) = (0, 0, None);
    let (mut constant_to, mut text_to) = (0, 0);
    for at in (0..length.saturating_sub(STEP)).step_by(STEP) {
        let first = a[at] ^ b[at];
        let same = |at: usize| a[at] ^ b[at] == first;
        if at >= constant_to && first != 0 && (at..at + STEP).all(same) {
            let run = run(length, at, same);
            constant_to = run.end;
            if run.len() >= WINDOW && both_random(run.start) {
                constant += run.len();
            }
        }
        for mask in [0, 0xff] {
            let is_text = |at: usize| is_text(a[at] ^ b[at] ^ mask);
            if at < text_to || !(at..at + STEP).all(is_text) {
                continue;
            }
            let run = run(length, at, is_text);
            text_to = run.end;
            let plain: Vec<u8> = run.clone().map(|at| a[at] ^ b[at] ^ mask).collect();
            if plain.len() < TEXT || !looks_like_text(&plain) || !both_random(run.start) {
                continue;
            }
            text += plain.len();
            let mut names = ENCODERS.iter();
            let found = names.find(|name| memchr::memmem::find(&plain, name).is_some());
            let name = found.map(|name| String::from_utf8_lossy(name).trim().to_owned());
            encoder = encoder.or(name.map(|name| (name, run.start)));
        }
    }
    // One is the other, inverted.
    if constant * 2 > length {
        return None;
    }
    if let Some((name, at)) = encoder {
        return Some(Shown {
            words: format!(
                "has, from octet {at} on, the text \"{name}\" that an encoder of video writes into its stream"
            ),
            is_media: true,
        });
    }
    (constant + text >= MIN_STRUCTURE).then(|| Shown {
        words: format!(
            "is one octet again and again, or text, in stretches of {} octets; nothing shows that media lie beneath",
            constant + text
        ),
        is_media: false,
    })
}

/// The places around one for which all of it is so.
fn run(length: usize, at: usize, is_so: impl Fn(usize) -> bool) -> std::ops::Range<usize> {
    let before = (0..at).rev().take_while(|at| is_so(*at)).count();
    let after = (at..length).take_while(|at| is_so(*at)).count();
    at - before..at + after
}

fn is_text(octet: u8) -> bool {
    matches!(octet, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}

/// Different characters, but not as many as random ones have.
fn looks_like_text(run: &[u8]) -> bool {
    (2..=40).contains(&different(&run[..run.len().min(TEXT)]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        dissect::Traffic,
        inspect::{
            Label,
            recognise::talk::{noise, tcp_between},
        },
    };

    fn told(flows: Vec<Flow>) -> Vec<(usize, String, Label)> {
        let traffic = Traffic {
            flows,
            ..Traffic::default()
        };
        let claims = across(&Scene::new(&traffic));
        claims
            .into_iter()
            .map(|(flow, claim)| (flow, claim.kind.clone(), claim.label()))
            .collect()
    }

    fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
        a.iter().zip(b).map(|(a, b)| a ^ b).collect()
    }

    fn one(octets: &[u8]) -> Flow {
        tcp_between(&[octets], &[])
    }

    fn transport(seed: u32) -> Vec<u8> {
        let packets = (0..60).map(|n| {
            [
                vec![0x47, 1, 0, 0x10 | (n % 16) as u8],
                noise(seed + n, 184),
            ]
            .concat()
        });
        packets.collect::<Vec<_>>().concat()
    }

    fn encoded(text: &str) -> Vec<u8> {
        [&noise(8, 100)[..], text.as_bytes(), &noise(9, 4000)].concat()
    }

    #[test]
    fn two_transport_streams_under_one_keystream_leak() {
        let stream = noise(1, 20_000);
        let flows = [transport(100), transport(900)].map(|plain| one(&xor(&plain, &stream)));
        let leak = |flow| (flow, "two-time-pad".to_owned(), Label::Leak);
        assert_eq!(told(flows.to_vec()), [leak(0), leak(1)]);
        // In two directions of one flow.
        let [a, b] = [transport(100), transport(900)].map(|plain| xor(&plain, &stream));
        assert_eq!(told(vec![tcp_between(&[&a], &[&b])]), [leak(0)]);
    }

    #[test]
    fn what_an_encoder_writes_shows_through_filler() {
        let stream = noise(1, 20_000);
        let video = encoded(
            "x264 - core 164 r3095 baee400 - H.264/MPEG-4 AVC codec - Copyleft 2003-2022 - options: cabac=0 ref=3",
        );
        let mut filler = noise(5, 4200);
        filler[80..400].fill(0xff);
        let flows = [&video, &filler].map(|plain| one(&xor(plain, &stream)));
        let leak = |flow| (flow, "two-time-pad".to_owned(), Label::Leak);
        assert_eq!(told(flows.to_vec()), [leak(0), leak(1)]);
    }

    #[test]
    fn what_shows_no_media_is_not_called_a_leak() {
        let stream = noise(1, 20_000);
        let (mut a, mut b) = (noise(2, 6000), noise(3, 6000));
        a[500..1500].fill(0xff);
        b[500..1500].fill(0);
        let flows = [&a, &b].map(|plain| one(&xor(plain, &stream)));
        let unsure = |flow| (flow, "two-time-pad?".to_owned(), Label::Undetermined);
        assert_eq!(told(flows.to_vec()), [unsure(0), unsure(1)]);
    }

    #[test]
    fn what_is_no_reuse_is_not_claimed() {
        let none: [(usize, String, Label); 0] = [];
        // Keystreams of their own, clear ones, the same twice, one of them inverted.
        let [a, b] = [transport(100), transport(900)];
        let sealed = [xor(&a, &noise(1, 20_000)), xor(&b, &noise(2, 20_000))];
        assert_eq!(
            told(sealed.iter().map(|octets| one(octets)).collect()),
            none
        );
        assert_eq!(told(vec![one(&a), one(&b)]), none);
        let random = noise(7, 9000);
        let inverted: Vec<u8> = random.iter().map(|octet| !octet).collect();
        assert_eq!(told(vec![one(&random), one(&random), one(&inverted)]), none);
        // A copy of which a part was changed, and messages with the same header.
        let mut changed = random.clone();
        changed[4000..8000].copy_from_slice(&noise(70, 4000));
        assert_eq!(told(vec![one(&random), one(&changed)]), none);
        let framed = |seed: u32| {
            let messages =
                (0..60).map(|n| [&[0x17, 3, 3, 0, 183][..], &noise(seed + n, 183)].concat());
            one(&messages.collect::<Vec<_>>().concat())
        };
        assert_eq!(told(vec![framed(1000), framed(3000)]), none);
    }

    proptest! {
        // Each looks at much.
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn random_octets_are_never_claimed(seed in any::<u32>(), cut in 0..300_usize) {
            let octets = noise(seed, 12_000);
            let flows = vec![one(&octets[cut..]), tcp_between(&[&noise(!seed, 9000)], &[&octets])];
            prop_assert_eq!(told(flows), []);
        }

        #[test]
        fn hostile_octets_never_panic(
            a in prop::collection::vec(any::<u8>(), 0..2000),
            b in prop::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..2000),
        ) {
            let _ = told(vec![tcp_between(&[&a], &[&b])]);
            let _ = compare(&a, &b);
        }
    }
}

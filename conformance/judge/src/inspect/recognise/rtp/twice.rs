//! Packets of two sources under one keystream (RFC 3711 9.1): where their sequence
//! numbers are the same, the difference of their payloads is that of what lies
//! beneath. Codecs show in it as they would in clear.

use std::collections::{BTreeMap, BTreeSet};

use lightleak_case::TransportProtocol;

use super::{
    Source, sources,
    track::{Packet, Track},
};
use crate::{
    adversary::cryptanalyst::keystream::bits_beyond,
    dissect::{Flow, Stream},
    inspect::{Claim, Scene},
};

/// Datagrams of a direction that are looked at, and sources in all.
const MOST_DATAGRAMS: usize = 2048;
const MOST_SOURCES: usize = 96;
/// Packets with the same sequence number without which nothing is known.
const MIN_COMMON: usize = 16;
/// Pairs of fragments whose heads are as predicted, and those of them whose bits of
/// start and end are predicted to differ. By chance one in 8000 fits.
const MIN_FITTING: usize = 12;
const MIN_DIFFERING: usize = 4;
/// Octets by which two payloads are the same packet, sent twice.
const COPY: usize = 16;
/// Octets of SRTP's tags.
const TAG: usize = 16;
/// Samples of a packet of sound.
const SAMPLES: std::ops::RangeInclusive<u32> = 40..=960;
/// Bits beyond chance that show sound, that each quarter of packets shows, and that
/// nothing else may show.
const SHOWN: f64 = 128.0;
const QUARTER: f64 = 20.0;
const NOTHING: f64 = 24.0;

struct Side<'a> {
    flow: usize,
    stream: &'a Stream,
    source: Source<'a>,
    /// By sequence number.
    places: BTreeMap<u16, usize>,
}

impl Side<'_> {
    fn payload(&self, at: usize) -> &[u8] {
        self.source
            .packets
            .get(at)
            .map_or(&[], |packet| packet.payload)
    }
}

pub(in crate::inspect) fn twice(scene: &Scene<'_>) -> Vec<(usize, Claim)> {
    let flows = scene.traffic.flows.iter().enumerate();
    let sides = flows.flat_map(|(index, flow)| sides(index, flow));
    let sides: Vec<Side<'_>> = sides.take(MOST_SOURCES).collect();
    let mut claims = Vec::new();
    let mut claimed = BTreeSet::new();
    for (number, a) in sides.iter().enumerate() {
        for b in sides.iter().skip(number + 1) {
            let Some(words) = compare(a, b) else {
                continue;
            };
            for (one, other) in [(a, b), (b, a)] {
                if claimed.insert(one.flow) {
                    claims.push((one.flow, claim(scene, one, other, &words)));
                }
            }
        }
    }
    claims
}

fn claim(scene: &Scene<'_>, side: &Side<'_>, other: &Side<'_>, words: &str) -> Claim {
    let place = side
        .source
        .packets
        .first()
        .and_then(|packet| side.stream.place(packet.at));
    let whose = match (side.flow == other.flow, scene.traffic.flows.get(other.flow)) {
        (false, Some(flow)) => format!(" between {} and {}", flow.a, flow.b),
        _ => String::new(),
    };
    let reason = format!(
        "RTP, SSRC {:08x}, and SSRC {:08x}{whose} are enciphered with one keystream: {words}",
        side.source.ssrc, other.source.ssrc
    );
    Claim::clear("two-time-pad", Vec::new(), reason).at(place)
}

fn sides(index: usize, flow: &Flow) -> Vec<Side<'_>> {
    if flow.transport != TransportProtocol::Udp {
        return Vec::new();
    }
    let mut found = Vec::new();
    for stream in [&flow.from_a, &flow.from_b] {
        for source in sources::early(stream, MOST_DATAGRAMS) {
            if source.packets.len() < MIN_COMMON {
                continue;
            }
            let packets = source.packets.iter().enumerate();
            let places = packets
                .map(|(at, packet)| (packet.sequence as u16, at))
                .collect();
            found.push(Side {
                flow: index,
                stream,
                source,
                places,
            });
        }
    }
    found
}

fn compare(a: &Side<'_>, b: &Side<'_>) -> Option<String> {
    let common = a
        .places
        .iter()
        .filter_map(|(number, at)| Some((*at, *b.places.get(number)?)));
    let common: Vec<(usize, usize)> = common.collect();
    if common.len() < MIN_COMMON {
        return None;
    }
    // A packet that was sent twice is no reuse.
    let different = common.iter().copied().filter(|(i, j)| {
        let (x, y) = (a.payload(*i), b.payload(*j));
        x.len() >= 3 && y.len() >= 3 && x.iter().zip(y).take(COPY).any(|(x, y)| x != y)
    });
    let different: Vec<(usize, usize)> = different.collect();
    if different.len() < MIN_COMMON || different.len() * 2 < common.len() {
        return None;
    }
    let (a, b) = (&a.source.packets[..], &b.source.packets[..]);
    let shown = fragments(a, b, &different).or_else(|| sound(a, b, &different))?;
    Some(format!(
        "of {} packets with the same sequence numbers, {shown}",
        different.len()
    ))
}

/// Whether a packet begins and ends its access unit, by time stamps and markers.
fn edges(packets: &[Packet<'_>], at: usize) -> Option<(bool, bool)> {
    let packet = packets.get(at)?;
    let before = packets.get(at.checked_sub(1)?)?;
    if before.sequence + 1 != packet.sequence {
        return None;
    }
    let begins = before.timestamp != packet.timestamp;
    let after = packets
        .get(at + 1)
        .filter(|after| after.sequence == packet.sequence + 1);
    let ends = packet.marker || after.is_some_and(|after| after.timestamp != packet.timestamp);
    Some((begins, ends))
}

/// What heads of payloads look like.
struct Syntax {
    name: &'static str,
    /// Whether the difference of two is one of two heads whose start and end bits
    /// differ so.
    fits: fn(&[u8], (bool, bool)) -> bool,
    /// Whether whole access units in one packet have the same head.
    whole: bool,
    /// Whether one head, alone, is in clear.
    clear: fn(&[u8]) -> bool,
}

const SYNTAXES: [Syntax; 3] = [
    Syntax {
        name: "fragments of H.264 (RFC 6184 5.8)",
        fits: |x, (start, end)| {
            let flags = u8::from(start) << 7 | u8::from(end) << 6;
            matches!(x, [indicator, header, ..] if indicator & 0x9f == 0 && header & 0xe0 == flags && matches!(header & 0x1f, 0 | 4))
        },
        whole: false,
        clear: |payload| payload.first().is_some_and(|first| first & 0x9f == 28),
    },
    Syntax {
        name: "fragments of H.265 (RFC 7798 4.4.3)",
        fits: |x, (start, end)| {
            let flags = u8::from(start) << 7 | u8::from(end) << 6;
            // Of types 0, 1, 19, 20 and 21.
            let kinds = [0, 1, 6, 7, 18, 19, 20, 21];
            matches!(x, [0, layer, header, ..] if layer & 0xf8 == 0 && header & 0xc0 == flags && kinds.contains(&(header & 0x3f)))
        },
        whole: false,
        clear: |payload| payload.first().is_some_and(|first| first >> 1 == 49),
    },
    Syntax {
        name: "payload descriptors of VP8 (RFC 7741 4.2)",
        fits: |x, (start, _)| matches!(x, [first, second, ..] if first & 0xdf == u8::from(start) << 4 && second & 0x0f == 0),
        whole: true,
        clear: |payload| {
            payload
                .first()
                .is_some_and(|first| matches!(first & 0xcf, 0x80 | 0))
        },
    },
];

fn fragments(a: &[Packet<'_>], b: &[Packet<'_>], common: &[(usize, usize)]) -> Option<String> {
    SYNTAXES.iter().find_map(|syntax| {
        let (mut all, mut fitting, mut differing, mut clear) = (0, 0, 0, [0, 0]);
        for (i, j) in common {
            let (Some(x), Some(y)) = (a.get(*i), b.get(*j)) else {
                continue;
            };
            let (Some(ours), Some(theirs)) = (edges(a, *i), edges(b, *j)) else {
                continue;
            };
            if !syntax.whole && [ours, theirs].contains(&(true, true)) {
                continue;
            }
            all += 1;
            for (count, payload) in clear.iter_mut().zip([x.payload, y.payload]) {
                *count += usize::from((syntax.clear)(payload));
            }
            let head: Vec<u8> = x.payload.iter().zip(y.payload).take(3).map(|(x, y)| x ^ y).collect();
            let differs = (ours.0 != theirs.0, ours.1 != theirs.1);
            if (syntax.fits)(&head, differs) {
                fitting += 1;
                differing += usize::from(differs != (false, false) && (differs.0 || !syntax.whole));
            }
        }
        let is_shown = fitting >= MIN_FITTING && differing >= MIN_DIFFERING && fitting * 4 >= all * 3;
        // Of random octets one in thirty is.
        let is_clear = clear.iter().any(|count| count * 4 >= all);
        (is_shown && !is_clear).then(|| {
            format!(
                "the XOR of {fitting} of {all} pairs of payloads is that of {}, in {differing} of them with start and end where the time stamps and markers of the two differ; no payload alone is one",
                syntax.name
            )
        })
    })
}

/// Sound of one octet for each tick: bits of the difference are not 0 as often as 1,
/// wherever one looks, where bits of each alone and of other pairs are.
fn sound(a: &[Packet<'_>], b: &[Packet<'_>], common: &[(usize, usize)]) -> Option<String> {
    let tags = [tag(a)?, tag(b)?];
    let mut quarters = [Bits::default(); 4];
    let (mut alone, mut beside, mut pairs, mut zeros, mut octets) =
        ([Bits::default(); 2], Bits::default(), 0, 0, 0);
    for (number, (i, j)) in common.iter().enumerate() {
        let (Some(x), Some(y)) = (samples(a, *i, tags[0]), samples(b, *j, tags[1])) else {
            continue;
        };
        pairs += 1;
        octets += x.len().min(y.len());
        let (x, y) = (x.iter(), y.iter());
        let difference: Vec<u8> = x.clone().zip(y.clone()).map(|(x, y)| x ^ y).collect();
        zeros += difference.iter().filter(|octet| **octet == 0).count();
        let quarter = number * 4 / common.len().max(1);
        if let Some(quarter) = quarters.get_mut(quarter) {
            quarter.add(difference.iter().copied());
        }
        alone[0].add(x.clone().copied());
        alone[1].add(y.copied());
        if let Some(next) = samples(b, *j + 1, tags[1]) {
            beside.add(x.zip(next).map(|(x, y)| x ^ y));
        }
    }
    if pairs < MIN_COMMON || zeros * 2 > octets {
        return None;
    }
    let quiet = alone.iter().chain([&beside]);
    if quiet
        .into_iter()
        .any(|bits| (0..8).any(|bit| bits.beyond(bit) >= NOTHING))
    {
        return None;
    }
    let of_bit = |bit: usize| quarters.iter().map(move |quarter| quarter.beyond(bit));
    let bit = (0..8).find(|bit| {
        of_bit(*bit).all(|bits| bits >= QUARTER) && of_bit(*bit).sum::<f64>() >= SHOWN
    })?;
    let (ones, all) = quarters
        .iter()
        .fold((0, 0), |(ones, all), q| (ones + q.ones[bit], all + q.all));
    Some(format!(
        "bit {bit} of the XOR of {pairs} pairs of payloads, as long as their samples are many, is 1 in {ones} of {all} octets, as of sound (ITU-T G.711); alone, and beside another packet, it is 1 as often as 0"
    ))
}

/// What is before the tag of a packet.
fn samples<'a>(packets: &[Packet<'a>], at: usize, tag: usize) -> Option<&'a [u8]> {
    let payload = packets.get(at)?.payload;
    payload.get(..payload.len().checked_sub(tag)?)
}

/// By how much payloads are longer than the ticks to the next packet are many, if
/// nearly all agree.
fn tag(packets: &[Packet<'_>]) -> Option<usize> {
    let track = Track {
        packets,
        described: None,
    };
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    let mut all = 0;
    for (packet, _, step) in track.steps() {
        all += 1;
        if SAMPLES.contains(&step)
            && let Some(tag) = packet.payload.len().checked_sub(step as usize)
        {
            *counts.entry(tag).or_default() += 1;
        }
    }
    let (tag, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (tag <= TAG && count * 10 >= all * 9).then_some(tag)
}

/// How often each bit of some octets is 1.
#[derive(Clone, Copy, Default)]
struct Bits {
    all: usize,
    ones: [usize; 8],
}

impl Bits {
    fn add(&mut self, octets: impl Iterator<Item = u8>) {
        for octet in octets {
            self.all += 1;
            for (bit, ones) in self.ones.iter_mut().enumerate() {
                *ones += usize::from(octet >> bit & 1);
            }
        }
    }

    fn beyond(&self, bit: usize) -> f64 {
        let ones = self.ones.get(bit).copied().unwrap_or(0);
        bits_beyond(self.all, ones.max(self.all - ones), 0.5)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::track::testing::{datagrams, noise};
    use super::*;
    use crate::{
        dissect::Traffic,
        inspect::{Label, recognise::talk::udp_between},
    };

    type Payloads = Vec<(u32, bool, Vec<u8>)>;

    fn told(flows: Vec<Flow>) -> Vec<(usize, String, Label)> {
        let traffic = Traffic {
            flows,
            ..Traffic::default()
        };
        let claims = twice(&Scene::new(&traffic));
        claims
            .into_iter()
            .map(|(flow, claim)| (flow, claim.kind.clone(), claim.label()))
            .collect()
    }

    /// Access units of H.264 in fragments, more or fewer for each.
    fn video(seed: u64, most: u64) -> Payloads {
        let mut payloads = Vec::new();
        for frame in 0..40_u64 {
            let count = 2 + noise(seed + frame, 1)[0] as u64 % most;
            for part in 0..count {
                let flags = u8::from(part == 0) << 7 | u8::from(part + 1 == count) << 6;
                let body = noise(seed * 1000 + frame * 50 + part, 300 + part as usize);
                let head = [0x5c, flags | 1];
                payloads.push((
                    frame as u32 * 3000,
                    part + 1 == count,
                    [&head[..], &body].concat(),
                ));
            }
        }
        payloads
    }

    fn voice(seed: u64, octet: impl Fn(u8) -> u8) -> Payloads {
        (0..200_u64)
            .map(|n| {
                (
                    n as u32 * 160,
                    false,
                    noise(seed + n, 160).into_iter().map(&octet).collect(),
                )
            })
            .collect()
    }

    /// Under the keystream of a key: one for each sequence number.
    fn flow(payload_type: u8, payloads: &Payloads, key: u64) -> Flow {
        let sealed: Payloads = payloads
            .iter()
            .zip(0_u64..)
            .map(|((time, marker, plain), number)| {
                let stream = noise(key * 100_000 + number, plain.len());
                let octets: Vec<u8> = plain.iter().zip(stream).map(|(p, s)| p ^ s).collect();
                (*time, *marker, [octets, noise(key + number, 10)].concat())
            })
            .collect();
        let packets = datagrams(payload_type, 65_500, &sealed);
        udp_between(&packets.iter().map(Vec::as_slice).collect::<Vec<_>>(), &[])
    }

    fn leak(flow: usize) -> (usize, String, Label) {
        (flow, "two-time-pad".to_owned(), Label::Leak)
    }

    #[test]
    fn fragments_of_two_videos_under_one_keystream_leak() {
        let flows = vec![flow(96, &video(1, 5), 7), flow(96, &video(2, 5), 7)];
        assert_eq!(told(flows), [leak(0), leak(1)]);
    }

    #[test]
    fn two_voices_under_one_keystream_leak() {
        // Near silence: the exponent's bits are ones.
        let quiet = |octet: u8| octet | 0x70;
        let flows = vec![flow(0, &voice(1, quiet), 7), flow(0, &voice(2, quiet), 7)];
        assert_eq!(told(flows), [leak(0), leak(1)]);
    }

    #[test]
    fn what_is_no_reuse_is_not_claimed() {
        let quiet = |octet: u8| octet | 0x70;
        for flows in [
            // Keys of their own; the same packets twice; noise beneath one keystream.
            vec![flow(96, &video(1, 5), 7), flow(96, &video(2, 5), 8)],
            vec![flow(96, &video(1, 5), 7), flow(96, &video(1, 5), 7)],
            vec![flow(0, &voice(1, quiet), 7), flow(0, &voice(2, quiet), 8)],
            vec![flow(0, &voice(1, quiet), 7), flow(0, &voice(1, quiet), 7)],
            vec![flow(0, &voice(1, |o| o), 7), flow(0, &voice(2, |o| o), 7)],
        ] {
            assert_eq!(told(flows), []);
        }
        let clear = |payloads: &Payloads| {
            let packets = datagrams(96, 65_500, payloads);
            udp_between(&packets.iter().map(Vec::as_slice).collect::<Vec<_>>(), &[])
        };
        assert_eq!(told(vec![clear(&video(1, 5)), clear(&video(2, 5))]), []);
        assert_eq!(
            told(vec![clear(&voice(1, quiet)), clear(&voice(2, quiet))]),
            []
        );
    }

    proptest! {
        // Each looks at much.
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn random_payloads_are_never_claimed(seed in any::<u32>(), step in prop_oneof![Just(160_u32), 1..3000_u32]) {
            let payloads = |seed: u64| -> Payloads {
                (0..60_u64)
                    .map(|n| ((n as u32 / 3).wrapping_mul(step), n % 3 == 2, noise(seed + n, 170)))
                    .collect()
            };
            let seed = u64::from(seed);
            let flows = vec![flow(96, &payloads(seed), 7), flow(96, &payloads(seed + 5000), 9)];
            prop_assert_eq!(told(flows), []);
        }

        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..40)) {
            let packets: Vec<Vec<u8>> = octets
                .iter()
                .enumerate()
                .map(|(n, rest)| [&[0x80, 96, 0, n as u8, 0, 0, 0, n as u8, 1, 2, 3, 4][..], rest].concat())
                .collect();
            let packets: Vec<&[u8]> = packets.iter().map(Vec::as_slice).collect();
            let _ = told(vec![udp_between(&packets, &packets), udp_between(&packets, &[])]);
        }
    }
}

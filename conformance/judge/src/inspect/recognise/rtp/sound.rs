//! Sound whose octets have no structure, or little: that they are in clear is shown
//! by arithmetic. So much of the time stamp is so many octets, exactly; SRTP would
//! add a tag.

use super::{Found, track::Track};
use crate::{
    decoder::{Elementary, Format},
    inspect::mux::wav,
};

/// Packets that have to be as long as their time stamps say.
const MIN_EXACT: usize = 8;
/// The same if all of them are.
const MIN_FEW: usize = 3;
/// RFC 4733, RFC 3389.
const COMFORT_NOISE: u8 = 13;

/// How many packets are as long as they should be, of how many that a time stamp says
/// it of.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Tally {
    exact: usize,
    all: usize,
}

impl Tally {
    fn shows(self) -> bool {
        let few = self.exact >= MIN_FEW && self.exact == self.all;
        few || self.exact >= MIN_EXACT && self.exact * 20 >= self.all * 19
    }
}

/// `octets`: how many so many ticks have; `None` where they are none of whole frames.
fn tally(track: &Track<'_>, octets: impl Fn(u32) -> Option<usize>) -> Tally {
    let mut tally = Tally::default();
    let marks = marks_beginnings(track);
    for (packet, next, step) in track.steps() {
        let is_exact = octets(step) == Some(packet.payload.len());
        // Where it was silent before, time goes on and packets don't.
        if step == 0 || step > 48_000 || (marks && next.marker && !is_exact) {
            continue;
        }
        tally.all += 1;
        tally.exact += usize::from(is_exact);
    }
    tally
}

/// Whether markers tell where somebody begins to speak: some mark every packet.
fn marks_beginnings(track: &Track<'_>) -> bool {
    let marked = track.packets.iter().filter(|packet| packet.marker).count();
    marked * 2 <= track.packets.len()
}

/// Whether media run at about that many ticks per second, or the capture's times say
/// nothing.
fn at_pace(track: &Track<'_>, rate: f64) -> bool {
    let time = |packet: Option<&super::Packet<'_>>| packet.map(|packet| packet.time_ns);
    match track.pace() {
        Some(pace) => (rate / 4.0..rate * 4.0).contains(&pace),
        // A burst is no sound as it is spoken.
        None => time(track.packets.first()) == time(track.packets.last()),
    }
}

/// Whether time goes on by whole frames of so many ticks.
pub(super) fn in_frames(track: &Track<'_>, ticks: u32) -> bool {
    let (mut all, mut fits) = (0, 0);
    for (.., step) in track.steps() {
        all += 1;
        fits += usize::from(step > 0 && step.is_multiple_of(ticks));
    }
    fits >= 6 && fits * 10 >= all * 7 && at_pace(track, 8000.0)
}

fn data(track: &Track<'_>) -> Vec<u8> {
    let payloads = track.packets.iter().map(|packet| packet.payload);
    payloads.flatten().copied().collect()
}

fn file(codec: wav::Codec, data: &[u8]) -> Vec<Elementary> {
    vec![Elementary {
        format: Format::Wav,
        octets: wav::file(codec, data),
    }]
}

fn reason(name: &str, tally: Tally) -> String {
    format!(
        "{} of {} packets of {name} in clear have just as many octets as their time stamps say, and no tag",
        tally.exact, tally.all
    )
}

/// Codecs with so many octets for so many ticks, in whole frames.
fn constant(
    track: &Track<'_>,
    codec: &'static str,
    (name, encodings): (&str, &[&str]),
    payload_type: Option<u8>,
    (octets, ticks): (usize, u32),
    media: impl Fn(&[u8]) -> Vec<Elementary>,
) -> Option<Found> {
    if !track.is(encodings, payload_type) {
        return None;
    }
    let said = tally(track, |step| {
        step.is_multiple_of(ticks)
            .then(|| (step / ticks) as usize * octets)
    });
    if !said.shows() || !at_pace(track, 8000.0) {
        return None;
    }
    Some(Found::new(codec, media(&data(track)), reason(name, said)))
}

/// G.711 (RFC 3551 4.5.14): an octet per sample.
pub(super) fn g711(track: &Track<'_>) -> Option<Found> {
    [("pcmu", "PCMU", 0, 7), ("pcma", "PCMA", 8, 6)]
        .into_iter()
        .find_map(|(codec, name, payload_type, tag)| {
            let encodings: &[&str] = &[name];
            constant(
                track,
                codec,
                (name, encodings),
                Some(payload_type),
                (1, 1),
                |data| file(wav::Codec::of_samples(tag, 8000, 8), data),
            )
        })
}

/// G.722 (RFC 3551 4.5.2): its clock says 8000 though there are 16000 samples.
pub(super) fn g722(track: &Track<'_>) -> Option<Found> {
    let codec = wav::Codec {
        octets_per_second: 8000,
        ..wav::Codec::of_samples(0x028f, 16_000, 4)
    };
    let media = |data: &[u8]| file(codec, data);
    constant(track, "g722", ("G.722", &["G722"]), Some(9), (1, 1), media)
}

/// G.726 (RFC 3551 4.5.4).
pub(super) fn g726(track: &Track<'_>) -> Option<Found> {
    [
        (2, "G726-16", None),
        (3, "G726-24", None),
        (4, "G726-32", Some(2)),
        (5, "G726-40", None),
    ]
    .into_iter()
    .find_map(|(bits, name, payload_type)| {
        let twin = format!("AAL2-{name}");
        let names = [name, &twin];
        let media = |data: &[u8]| file(wav::Codec::of_samples(0x45, 8000, bits), data);
        let frame = (usize::from(bits), 8);
        constant(track, "g726", (name, &names), payload_type, frame, media)
    })
}

/// G.728 (RFC 3551 4.5.5): 5 octets for 20 samples.
pub(super) fn g728(track: &Track<'_>) -> Option<Found> {
    let names: &[&str] = &["G728"];
    constant(track, "g728", ("G.728", names), Some(15), (5, 20), |_| {
        Vec::new()
    })
}

/// GSM 06.10 (RFC 3551 4.5.8): 33 octets behind the signature 0xd for 160 samples.
pub(super) fn gsm(track: &Track<'_>) -> Option<Found> {
    if !track.is(&["GSM"], Some(3)) && track.encoding().is_some() {
        return None;
    }
    let is_one = |octets: &[u8]| {
        octets.len().is_multiple_of(33)
            && octets
                .chunks(33)
                .all(|f| f.first().is_some_and(|o| o >> 4 == 13))
    };
    let read = track.packets.iter().filter(|p| is_one(p.payload)).count();
    if read < MIN_EXACT || read * 20 < track.packets.len() * 19 || !in_frames(track, 160) {
        return None;
    }
    let packed = wav::gsm_pairs(&data(track));
    let reason = format!(
        "{read} packets of GSM 06.10 in clear, each frame of 33 octets behind its signature"
    );
    let media = file(wav::Codec::of_frames(0x31, 65, 320), &packed);
    Some(Found::new("gsm", media, reason))
}

/// G.723.1 (RFC 3551 4.5.3): the low two bits of a frame say how long it is.
pub(super) fn g723(track: &Track<'_>) -> Option<Found> {
    if !track.is(&["G723"], Some(4)) {
        return None;
    }
    let frames = |mut octets: &[u8]| -> Option<u32> {
        let mut count = 0;
        while let Some(first) = octets.first() {
            let length = [24, 20, 4].get(usize::from(first & 3))?;
            octets = octets.get(*length..)?;
            count += 1;
        }
        Some(count)
    };
    let read = track.packets.iter().filter(|p| frames(p.payload).is_some());
    let read = read.count();
    if read < MIN_EXACT || read * 20 < track.packets.len() * 19 || !in_frames(track, 240) {
        return None;
    }
    let reason = format!("{read} packets of G.723.1 in clear, each as long as its frames say");
    let media = file(wav::Codec::of_frames(0x0111, 24, 240), &data(track));
    Some(Found::new("g723", media, reason))
}

/// G.729 (RFC 3551 4.5.6): frames of 10 octets for 80 samples, and one of 2 octets at
/// the end where it is silent.
pub(super) fn g729(track: &Track<'_>) -> Option<Found> {
    if !track.is(&["G729", "G729A", "G729D", "G729E"], Some(18)) {
        return None;
    }
    let (mut tally, mut frames) = (Tally::default(), Vec::new());
    for packet in track.packets {
        let (whole, rest) = packet.payload.as_chunks::<10>();
        frames.extend(whole.as_flattened());
        if rest.len() != 2 && !rest.is_empty() {
            return None;
        }
    }
    let marks = marks_beginnings(track);
    for (packet, next, step) in track.steps() {
        let silent = packet.payload.len() % 10 == 2;
        let expected = step as usize / 80 * 10;
        // A frame of silence takes the place of one that speaks.
        let is_exact = step.is_multiple_of(80) && packet.payload.len() == expected;
        if silent || step == 0 || step > 48_000 || (marks && next.marker && !is_exact) {
            continue;
        }
        tally.all += 1;
        tally.exact += usize::from(is_exact);
    }
    if !tally.shows() || !at_pace(track, 8000.0) {
        return None;
    }
    let media = file(wav::Codec::of_frames(0x83, 10, 80), &frames);
    Some(Found::new("g729", media, reason("G.729", tally)))
}

/// iLBC (RFC 3952): 38 octets for 20 ms, or 50 for 30.
pub(super) fn ilbc(track: &Track<'_>) -> Option<Found> {
    let names: &[&str] = &["ILBC"];
    [((38, 160), &b"#!iLBC20\n"[..]), ((50, 240), b"#!iLBC30\n")]
        .into_iter()
        .find_map(|(frame, magic)| {
            let media = |data: &[u8]| {
                vec![Elementary {
                    format: Format::Other,
                    octets: [magic, data].concat(),
                }]
            };
            constant(track, "ilbc", ("iLBC", names), None, frame, media)
        })
}

/// L8, L16 (RFC 3551 4.5.10, 4.5.11) and L24 (RFC 3190): samples as they are.
pub(super) fn linear(track: &Track<'_>) -> Option<Found> {
    let (width, channels, rate) = match (track.encoding(), track.payload_type()) {
        (Some(name @ ("L16" | "L8" | "L24")), _) => {
            let width: usize = match name {
                "L8" => 1,
                "L16" => 2,
                _ => 3,
            };
            let described = track.described?;
            (
                width,
                described.channels.clamp(1, 64),
                described.clock_rate.clamp(8000, 768_000),
            )
        }
        (None, 10) => (2, 2, 44_100),
        (None, 11) => (2, 1, 44_100),
        _ => return None,
    };
    let said = tally(track, |step| {
        Some(step as usize * width * usize::from(channels))
    });
    if !said.shows() || !at_pace(track, f64::from(rate)) {
        return None;
    }
    // Files have the low octet first.
    let mut samples = data(track);
    samples.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    let (codec, name) = match width {
        1 => ("l8", "L8"),
        2 => ("l16", "L16"),
        _ => ("l24", "L24"),
    };
    let block = channels * width as u16;
    let of = wav::Codec {
        channels,
        block,
        octets_per_second: rate * u32::from(block),
        ..wav::Codec::of_samples(1, rate, 8 * width as u16)
    };
    Some(Found::new(codec, file(of, &samples), reason(name, said)))
}

/// DVI4 (RFC 3551 4.5.1): a header of 4 octets, then two samples in each.
pub(super) fn dvi4(track: &Track<'_>) -> Option<Found> {
    if track.encoding() != Some("DVI4")
        && !matches!(
            (track.encoding(), track.payload_type()),
            (None, 5 | 6 | 16 | 17)
        )
    {
        return None;
    }
    let said = tally(track, |step| Some(step as usize / 2 + 4));
    // The header ends with an octet of zero.
    let headed = track
        .packets
        .iter()
        .filter(|p| matches!(p.payload, [_, _, index, 0, ..] if *index <= 88));
    (said.shows() && headed.count() * 20 >= track.packets.len() * 19)
        .then(|| Found::new("dvi4", Vec::new(), reason("DVI4", said)))
}

/// Telephone events (RFC 4733 2.3) and comfort noise (RFC 3389): no media.
pub(super) fn events(track: &Track<'_>) -> Option<Found> {
    let other = |codec, reason: String| Found {
        is_media: false,
        ..Found::new(codec, Vec::new(), reason)
    };
    let all = track.packets.len();
    let events = track.packets.iter().filter(|packet| {
        matches!(packet.payload, [event, second, _, _] if *event <= 16 && second & 0x40 == 0)
    });
    if events.count() == all && all >= 3 && !super::track::is_fixed(track.payload_type()) {
        let reason = format!("{all} packets of telephone events");
        return Some(other("telephone-event", reason));
    }
    let is_noise = track.is(&["CN"], Some(COMFORT_NOISE));
    let short = track
        .packets
        .iter()
        .all(|p| p.payload.len() <= 12 && p.payload.first().is_some_and(|o| o & 0x80 == 0));
    (is_noise && short).then(|| other("comfort-noise", format!("{all} packets of comfort noise")))
}

/// How many octets longer each payload is than its codec's frames, if that is the same
/// of nearly all.
pub(super) fn grown(track: &Track<'_>) -> Option<usize> {
    let (octets, ticks) = match (track.encoding(), track.payload_type()) {
        (Some("PCMU" | "PCMA" | "G722"), _) | (None, 0 | 8 | 9) => (1, 1),
        (Some("G729"), _) | (None, 18) => (10, 80),
        (Some("GSM"), _) | (None, 3) => (33, 160),
        _ => return None,
    };
    let mut grown = std::collections::BTreeMap::new();
    let mut all = 0;
    for (packet, _, step) in track.steps() {
        if step == 0 || step > 48_000 {
            continue;
        }
        all += 1;
        let expected = (step / ticks) as usize * octets;
        if let Some(more) = packet.payload.len().checked_sub(expected) {
            *grown.entry(more).or_insert(0) += 1;
        }
    }
    let (more, count) = grown.into_iter().max_by_key(|(_, count)| *count)?;
    (count >= MIN_EXACT && count * 10 >= all * 9).then_some(more)
}

#[cfg(test)]
mod tests {
    use super::super::track::testing::{found, noise, packets};
    use super::*;

    fn sound(octets: usize, step: u32, head: &[u8]) -> Vec<(u32, bool, Vec<u8>)> {
        let payload = |n: u32| [head, &noise(n.into(), octets - head.len())].concat();
        (0..30).map(|n| (n * step, n == 0, payload(n))).collect()
    }

    #[test]
    fn each_is_found_by_its_arithmetic() {
        let codec = |codec: super::super::Codec, payload_type, payloads: &[_]| {
            found(codec, payload_type, payloads).map(|found| found.codec)
        };
        assert_eq!(codec(g711, 0, &sound(160, 160, &[])), Some("pcmu"));
        assert_eq!(codec(g711, 8, &sound(240, 240, &[])), Some("pcma"));
        assert_eq!(codec(g722, 9, &sound(160, 160, &[])), Some("g722"));
        assert_eq!(codec(g726, 2, &sound(80, 160, &[])), Some("g726"));
        assert_eq!(codec(g728, 15, &sound(40, 160, &[])), Some("g728"));
        assert_eq!(codec(gsm, 3, &sound(33, 160, &[0xd1])), Some("gsm"));
        assert_eq!(codec(g723, 4, &sound(24, 240, &[4])), Some("g723"));
        assert_eq!(codec(g723, 4, &sound(20, 240, &[5])), Some("g723"));
        assert_eq!(codec(g729, 18, &sound(20, 160, &[])), Some("g729"));
        assert_eq!(codec(linear, 11, &sound(1764, 882, &[])), Some("l16"));
        assert_eq!(codec(dvi4, 5, &sound(84, 160, &[1, 1, 1, 0])), Some("dvi4"));
        assert_eq!(
            codec(events, 101, &sound(4, 0, &[5, 10, 0])),
            Some("telephone-event")
        );
    }

    #[test]
    fn linear_samples_are_as_wide_as_a_description_says() {
        for (name, width) in [("L8", 1), ("L16", 2), ("L24", 3)] {
            let payloads = sound(160 * width, 160, &[]);
            let packets = packets(96, &payloads);
            let described = crate::dissect::sdp::Format {
                payload_type: 96,
                encoding: name.into(),
                clock_rate: 8000,
                ..Default::default()
            };
            let track = Track {
                packets: &packets,
                described: Some(&described),
            };
            let found = linear(&track).unwrap();
            assert_eq!(found.codec, name.to_lowercase());
            let file = &found.media[0].octets;
            let mut first = payloads[0].2[..width].to_vec();
            first.reverse();
            let data = memchr::memmem::find(file, b"data").unwrap() + 8;
            assert_eq!(file[data..data + width], first);
            assert_eq!(u16::from_le_bytes([file[34], file[35]]), 8 * width as u16);
            assert!(
                linear(&Track {
                    described: None,
                    ..track
                })
                .is_none()
            );
        }
    }

    #[test]
    fn a_sender_that_marks_every_packet_has_to_be_exact_too() {
        let marked = |n: u32| {
            let length = 60 + (n * 37 % 141) as usize;
            (n * 160, true, vec![n as u8; length])
        };
        let packets: Vec<_> = (0..1000).map(marked).collect();
        assert!(found(g711, 0, &packets).is_none());
    }

    #[test]
    fn four_packets_are_enough_if_all_are_exact() {
        let four = &sound(160, 160, &[])[..4];
        assert_eq!(found(g711, 8, four).map(|found| found.codec), Some("pcma"));
        assert!(found(g711, 8, &four[..3]).is_none());
        let mut one_is_longer = four.to_vec();
        one_is_longer[1].2.push(0);
        assert!(found(g711, 8, &one_is_longer).is_none());
    }

    #[test]
    fn with_a_tag_none_is_found() {
        for tag in super::super::TAGS {
            let tagged = |octets: usize, step| sound(octets + tag, step, &[]);
            assert!(found(g711, 0, &tagged(160, 160)).is_none());
            assert!(found(g722, 9, &tagged(160, 160)).is_none());
            assert!(found(g729, 18, &tagged(20, 160)).is_none(), "{tag}");
            assert!(found(gsm, 3, &tagged(33, 160)).is_none());
            assert!(found(g723, 4, &tagged(24, 240)).is_none());
            let payloads = tagged(160, 160);
            let packets = packets(0, &payloads);
            let track = Track {
                packets: &packets,
                described: None,
            };
            assert_eq!(grown(&track), Some(tag));
        }
    }

    #[test]
    fn a_payload_type_that_nobody_explains_is_no_sound() {
        assert!(found(g711, 96, &sound(160, 160, &[])).is_none());
    }
}

//! Sound without structure that a header names: `audio/basic` (RFC 2046 4.3), G.711
//! (RFC 4856) and linear samples (RFC 2586), as cameras send them and take them.
//!
//! The name alone is not believed. Of sound, each sample lies near the one before, or it
//! comes just as fast as it is heard.

use super::multipart::Part;
use crate::{
    decoder::Format,
    dissect::{
        Stream,
        container::{File, Surety},
        http::transfer::{self, Transfer},
    },
    inspect::mux::wav,
};

/// Samples that are compared, at least and at most.
const FEWEST: usize = 800;
const MOST: usize = 1 << 16;
/// Seconds that sound is heard so that its pace says something, and how much of what is
/// named the pace may differ.
const HEARD: f64 = 2.0;
const AWAY: f64 = 0.1;
/// Octets that are put together from parts.
const MOST_OCTETS: usize = 16 << 20;

/// What a header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    codec: Codec,
    rate: u32,
    channels: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codec {
    Pcmu,
    Pcma,
    Linear,
    /// G.726 of 4 bits, which has nothing to show but its pace.
    G726,
}

/// The sound that the value of a `Content-Type` names, if it is one without structure.
pub(super) fn named(content_type: &str) -> Option<Named> {
    let number = |name: &str| {
        let mut values = transfer::parameters(content_type, name);
        values.find_map(|value| value.parse::<u32>().ok())
    };
    let codec = match &transfer::media_type(content_type)[..] {
        "audio/basic" | "audio/pcmu" | "audio/x-mulaw" | "audio/mulaw" | "audio/x-mulaw-basic" => {
            Codec::Pcmu
        }
        "audio/pcma" | "audio/x-alaw" | "audio/alaw" | "audio/x-alaw-basic" => Codec::Pcma,
        "audio/l16" | "audio/pcm" | "audio/x-pcm" => Codec::Linear,
        "audio/g726-32" | "audio/g726" | "audio/32kadpcm" => Codec::G726,
        _ => return None,
    };
    Some(Named {
        codec,
        rate: number("rate").unwrap_or(8000).clamp(4000, 192_000),
        channels: number("channels").unwrap_or(1).clamp(1, 8) as u16,
    })
}

/// The sound that a message carries as it is.
pub(super) fn whole(transfer: &Transfer<'_>, content: &[u8], stream: &Stream) -> Option<File> {
    let named = named(transfer.head.value("content-type")?)?;
    file(named, content, pace(transfer, content.len(), stream))
}

/// The sound that lies in parts of a content, each a piece of it, put together. The
/// parts may be few, and others lie between.
pub(super) fn in_parts(
    transfer: &Transfer<'_>,
    content: &[u8],
    parts: &[Part],
    stream: &Stream,
) -> Option<(File, Vec<u8>)> {
    let mut of: Option<Named> = None;
    let mut joined = Vec::new();
    for part in parts {
        let head = content.get(part.head.clone())?;
        let head = String::from_utf8_lossy(head);
        let value = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(':'));
            lines.find_map(|(n, value)| n.trim().eq_ignore_ascii_case(name).then_some(value))
        };
        let Some(named) = value("content-type").and_then(named) else {
            continue;
        };
        let body = content.get(part.body.clone())?;
        let length = value("content-length").and_then(|l| l.trim().parse::<usize>().ok());
        // The end of line before a boundary belongs to that.
        let body = match length.and_then(|length| body.get(..length)) {
            Some(body) => body,
            None => body.strip_suffix(b"\r\n").unwrap_or(body),
        };
        if *of.get_or_insert(named) == named && joined.len() + body.len() <= MOST_OCTETS {
            joined.extend_from_slice(body);
        }
    }
    let file = file(of?, &joined, pace(transfer, joined.len(), stream))?;
    Some((file, joined))
}

/// Octets per second that so many of a message came at, if that took long enough.
fn pace(transfer: &Transfer<'_>, octets: usize, stream: &Stream) -> Option<f64> {
    let first = stream.piece(transfer.at)?.time_ns;
    let last = stream.piece(transfer.range.end.checked_sub(1)?)?.time_ns;
    let seconds = last.checked_sub(first)? as f64 / 1e9;
    (seconds >= HEARD).then(|| octets as f64 / seconds)
}

fn file(named: Named, content: &[u8], pace: Option<f64>) -> Option<File> {
    let is_text = |octet: &u8| octet.is_ascii_graphic() || octet.is_ascii_whitespace();
    if content.len() < FEWEST || content.iter().take(MOST).all(is_text) {
        return None;
    }
    let (near, swapped) = match named.codec {
        Codec::Pcmu | Codec::Pcma => (is_near_logarithmic(content), false),
        Codec::Linear => {
            let (big, little) = (is_near_linear(content, 0), is_near_linear(content, 1));
            (big || little, big)
        }
        Codec::G726 => (false, false),
    };
    let width = match named.codec {
        Codec::Linear => 2.0,
        Codec::G726 => 0.5,
        _ => 1.0,
    };
    let told = f64::from(named.rate) * f64::from(named.channels) * width;
    let paced = pace.is_some_and(|pace| (pace / told - 1.0).abs() <= AWAY);
    let shown = match (near, paced) {
        (true, _) => "each sample near the one before",
        (false, true) => "sent as fast as it is heard",
        (false, false) => return None,
    };
    let (name, codec) = match named.codec {
        Codec::Pcmu => ("pcmu", wav::Codec::of_samples(7, named.rate, 8)),
        Codec::Pcma => ("pcma", wav::Codec::of_samples(6, named.rate, 8)),
        Codec::Linear => ("l16", wav::Codec::of_samples(1, named.rate, 16)),
        Codec::G726 => ("g726", wav::Codec::of_samples(0x45, named.rate, 4)),
    };
    let block = codec.block * named.channels;
    let codec = wav::Codec {
        channels: named.channels,
        block,
        octets_per_second: told as u32,
        ..codec
    };
    // RFC 2586 has the high octet first, files the low one.
    let played = match named.codec {
        Codec::Linear if swapped => {
            let (pairs, _) = content.as_chunks::<2>();
            let turned: Vec<u8> = pairs.iter().flat_map(|[high, low]| [*low, *high]).collect();
            wav::file(codec, &turned)
        }
        _ => wav::file(codec, content),
    };
    let what = format!(
        "sound of {} octets, by its header {name} of {} Hz, {shown}",
        content.len(),
        named.rate
    );
    Some(File {
        name,
        format: Format::Wav,
        range: 0..content.len(),
        what,
        surety: Surety::Shown,
        played: Some(played),
    })
}

/// Whether the segments of samples of G.711 are as often those of the ones before as
/// sound has them: one in eight is by chance, and twice as many never.
fn is_near_logarithmic(content: &[u8]) -> bool {
    let content = content.get(..content.len().min(MOST)).unwrap_or(content);
    let pairs = content.windows(2);
    let near = pairs.filter(|pair| matches!(pair, [a, b] if (a ^ b) & 0x70 == 0));
    content.len() >= FEWEST && near.count() * 4 >= content.len()
}

/// The same of linear samples whose high octet is the one at `high` of each two: it is
/// within a sixteenth of the range of the one before.
fn is_near_linear(content: &[u8], high: usize) -> bool {
    let content = content.get(..content.len().min(MOST)).unwrap_or(content);
    let octets: Vec<i8> = content
        .iter()
        .skip(high)
        .step_by(2)
        .map(|o| *o as i8)
        .collect();
    let pairs = octets.windows(2);
    let near = pairs.filter(|pair| match pair {
        [a, b] => (-8..=8).contains(&(i16::from(*a) - i16::from(*b))),
        _ => false,
    });
    octets.len() >= FEWEST / 2 && near.count() * 2 >= octets.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::adversary::media_player::fixture::random;

    /// A tone in G.711 mu-law, so loud that most segments are in it.
    pub(super) fn tone(samples: usize) -> Vec<u8> {
        let sample = |n: usize| {
            let value = (f64::from(n as u32) * 0.3).sin() * 8000.0;
            let magnitude = (value.abs() as u32 / 4 + 33).min(8191);
            let segment = 26 - magnitude.leading_zeros();
            let step = magnitude >> (segment + 1) & 15;
            let sign = if value < 0.0 { 0x80 } else { 0 };
            !(sign | (segment << 4 | step) as u8)
        };
        (0..samples).map(sample).collect()
    }

    #[test]
    fn names_are_read_with_their_parameters() {
        let of = |codec, rate, channels| {
            Some(Named {
                codec,
                rate,
                channels,
            })
        };
        assert_eq!(named("audio/basic"), of(Codec::Pcmu, 8000, 1));
        assert_eq!(named(" Audio/PCMA ; x=1"), of(Codec::Pcma, 8000, 1));
        assert_eq!(
            named("audio/L16;rate=16000; channels=\"2\""),
            of(Codec::Linear, 16_000, 2)
        );
        assert_eq!((named("audio/mpeg"), named("")), (None, None));
    }

    #[test]
    fn sound_is_told_from_what_only_is_called_so() {
        let basic = named("audio/basic").unwrap();
        let heard = file(basic, &tone(1600), None).unwrap();
        assert_eq!((heard.name, heard.surety), ("pcmu", Surety::Shown));
        assert!(heard.played.unwrap().starts_with(b"RIFF"));
        let text = b"not found ".repeat(200);
        for other in [&random(3, 60_000)[..], &text, &tone(500)] {
            assert_eq!(file(basic, other, None), None);
        }
        // What comes as fast as it is heard is sound, whatever it sounds like.
        assert!(file(basic, &random(3, 24_000), Some(8100.0)).is_some());
        assert_eq!(file(basic, &random(3, 24_000), Some(9000.0)), None);
        let adpcm = named("audio/G726-32").unwrap();
        assert!(file(adpcm, &random(3, 24_000), Some(4000.0)).is_some());
        assert_eq!(file(adpcm, &tone(1600), None), None);
    }

    #[test]
    fn linear_samples_are_turned_to_their_order() {
        let linear = named("audio/L16; rate=16000").unwrap();
        let samples: Vec<i16> = (0..2000)
            .map(|n| ((f64::from(n) * 0.1).sin() * 9000.0) as i16)
            .collect();
        let big: Vec<u8> = samples.iter().flat_map(|s| s.to_be_bytes()).collect();
        let little: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
        let played = |octets: &[u8]| file(linear, octets, None).unwrap().played;
        assert_eq!(played(&big), played(&little));
        assert!(played(&big).unwrap().ends_with(&little));
        assert_eq!(file(linear, &random(4, 8000), None), None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..2000), value in ".{0,40}") {
            let _ = named(&value);
            for value in ["audio/basic", "audio/l16;rate=0;channels=99"] {
                let _ = file(named(value).unwrap(), &octets, Some(0.0));
            }
        }
    }
}

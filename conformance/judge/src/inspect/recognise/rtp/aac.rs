//! AAC in mpeg4-generic (RFC 3640).

use super::{Found, track::Track};
use crate::{
    decoder::{Elementary, Format},
    dissect::sdp,
    inspect::mux::adts,
};

/// Packets after how many it is looked whether lengths add up.
pub(super) const MIN_PACKETS: usize = 10;
/// Packets of AAC, and bits in them that could not be otherwise.
const FEWEST_PACKETS: usize = 3;
const ENOUGH_BITS: usize = 200;
/// Of these, how many say how many headers there are, and that parts add up.
const BITS_OF_COUNT: usize = 10;
const BITS_OF_PARTS: usize = 20;
/// Octets that AU headers take at most.
const MOST_HEADERS: usize = 128;

/// How many bits of each header are its size, its index, and those of the headers
/// after the first the difference of it (RFC 3640 3.2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fields {
    size: usize,
    index: usize,
    difference: usize,
}

/// Modes AAC-hbr and AAC-lbr (RFC 3640 3.3.6, 3.3.5).
const HIGH: Fields = Fields {
    size: 13,
    index: 3,
    difference: 3,
};
const LOW: Fields = Fields {
    size: 6,
    index: 2,
    difference: 2,
};

impl Fields {
    /// What a description says; `None` if headers have other fields besides.
    fn described(format: &sdp::Format) -> Option<Self> {
        let number = |name: &str| format.parameter(name).map_or(Some(0), |n| n.parse().ok());
        let others = [
            "ctsdeltalength",
            "dtsdeltalength",
            "randomaccessindication",
            "streamstateindication",
            "auxiliarydatasizelength",
        ];
        let is_plain = others.iter().all(|name| number(name) == Some(0));
        let told = Self {
            size: number("sizelength")?,
            index: number("indexlength")?,
            difference: number("indexdeltalength")?,
        };
        let fits = (4..=16).contains(&told.size) && told.index <= 8 && told.difference <= 8;
        (is_plain && fits).then_some(told)
    }

    /// Bits of the sizes that are determined by their having to add up: all but one may
    /// be anything up to the sum.
    fn sized(self, units: &[&[u8]]) -> usize {
        let sum: usize = units.iter().map(|unit| unit.len()).sum();
        let free = sum.checked_ilog2().unwrap_or(0) as usize + 1;
        (self.size * units.len()).saturating_sub(free * units.len().saturating_sub(1))
    }
}

/// What a payload holds.
enum Payload<'a> {
    /// Access units that fill it.
    Whole(Vec<&'a [u8]>),
    /// A part of an access unit of so many octets.
    Part(usize, &'a [u8]),
}

/// Reads a payload; `None` if lengths don't add up, or if its units are interleaved and
/// nobody said so.
fn payload<'a>(payload: &'a [u8], fields: Fields, told: bool) -> Option<Payload<'a>> {
    let (&[high, low], rest) = payload.split_first_chunk()?;
    let bits = usize::from(u16::from_be_bytes([high, low]));
    if bits == 0 || bits > 8 * MOST_HEADERS {
        return None;
    }
    let (headers, mut data) = rest.split_at_checked(bits.div_ceil(8))?;
    let number = |from: usize, count: usize| {
        (from..from + count).try_fold(0_usize, |value, at| {
            let octet = *headers.get(at / 8)?;
            Some(value << 1 | usize::from(octet >> (7 - at % 8) & 1))
        })
    };
    let mut units = Vec::new();
    let mut at = 0;
    while at < bits {
        let size = number(at, fields.size)?;
        at += fields.size;
        let index = match units.is_empty() {
            true => fields.index,
            false => fields.difference,
        };
        if number(at, index)? != 0 && !told {
            return None;
        }
        at += index;
        match data.split_at_checked(size).filter(|_| size > 0) {
            Some((unit, after)) => {
                units.push(unit);
                data = after;
            }
            None if units.is_empty() && at == bits && size > data.len() && !data.is_empty() => {
                return Some(Payload::Part(size, data));
            }
            None => return None,
        }
    }
    (at == bits && data.is_empty()).then_some(Payload::Whole(units))
}

pub(super) fn generic(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["MPEG4-GENERIC"]) {
        return None;
    }
    match track.described.filter(|_| track.encoding().is_some()) {
        Some(format) => with(track, Fields::described(format).unwrap_or(HIGH), true),
        None => [HIGH, LOW]
            .into_iter()
            .find_map(|fields| with(track, fields, false)),
    }
}

fn with(track: &Track<'_>, fields: Fields, told: bool) -> Option<Found> {
    let mut units: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<(u32, usize, Vec<u8>)> = None;
    let (mut read, mut whole, mut bits) = (0, 0, 0);
    for (seen, packet) in (1..).zip(track.packets) {
        match payload(packet.payload, fields, told) {
            Some(Payload::Whole(found)) => {
                read += 1;
                whole += 1;
                bits += BITS_OF_COUNT + fields.index * found.len() + fields.sized(&found);
                units.extend(found.into_iter().map(<[u8]>::to_vec));
                open = None;
            }
            Some(Payload::Part(size, data)) => {
                read += 1;
                let of = (packet.timestamp, size);
                let mut unit = match open.take() {
                    Some((timestamp, size, unit)) if (timestamp, size) == of => unit,
                    _ => Vec::new(),
                };
                unit.extend_from_slice(data);
                // Parts that come to just what each of them says.
                if unit.len() == size {
                    whole += 1;
                    bits += BITS_OF_PARTS;
                    units.push(unit);
                } else {
                    open = Some((of.0, of.1, unit));
                }
            }
            None => {}
        }
        if seen == MIN_PACKETS && read * 10 < seen * 9 {
            return None;
        }
    }
    if whole < FEWEST_PACKETS || bits < ENOUGH_BITS || read * 20 < track.packets.len() * 19 {
        return None;
    }
    let reason = format!(
        "{read} packets of AAC in clear, whose headers say just how long their {} access units are",
        units.len()
    );
    let units: Vec<&[u8]> = units.iter().map(Vec::as_slice).collect();
    let config = described(track).or_else(|| guessed(track, &units))?;
    let media = Elementary {
        format: Format::Adts,
        octets: adts::file(config, units),
    };
    Some(Found::new("aac", vec![media], reason))
}

/// What the session description says.
fn described(track: &Track<'_>) -> Option<adts::Config> {
    adts::Config::parse(&hexadecimal(track.described?.parameter("config")?)?)
}

/// Octets in pairs of digits.
pub(super) fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let octet = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let octets: Option<Vec<u8>> = pairs.iter().map(octet).collect();
    octets.filter(|_| rest.is_empty())
}

/// The rate by which 1024 samples of each access unit take as long as they took, and
/// the channels that most of them begin with.
pub(super) fn guessed(track: &Track<'_>, units: &[&[u8]]) -> Option<adts::Config> {
    let ticks = track.pace().unwrap_or(16_000.0);
    let (first, last) = (track.packets.first()?, track.packets.last()?);
    let time = f64::from(last.timestamp.wrapping_sub(first.timestamp)) / ticks.max(1.0);
    // Those of the last packet come after its time stamp.
    let spoken = units.len() as f64 * (1.0 - 1.0 / track.packets.len().max(2) as f64);
    let rate = spoken * 1024.0 / time.max(0.001);
    let away = |index: &u8| {
        let of = adts::RATES.get(usize::from(*index)).copied().unwrap_or(1);
        (f64::from(of) - rate).abs() as u64
    };
    let rate = (0..adts::RATES.len() as u8).min_by_key(away)?;
    // id_syn_ele (ISO/IEC 14496-3 table 4.85): ID_CPE has two channels.
    let pairs = units
        .iter()
        .filter(|unit| unit.first().is_some_and(|first| first >> 5 == 1));
    let channels = match track.described.map_or(0, |format| format.channels) {
        told @ 1..=7 => told as u8,
        _ if pairs.count() * 2 > units.len() => 2,
        _ => 1,
    };
    Some(adts::Config {
        object: 2,
        rate,
        channels,
    })
}

#[cfg(test)]
mod tests {
    use super::super::track::testing::{found, noise};
    use super::*;

    fn packets(head: impl Fn(u16) -> Vec<u8>) -> Vec<(u32, bool, Vec<u8>)> {
        let payload = |n: u16| {
            let unit = noise(n.into(), 80 + usize::from(n));
            [head(unit.len() as u16), unit].concat()
        };
        (0..24)
            .map(|n| (u32::from(n) * 1024, true, payload(n)))
            .collect()
    }

    #[test]
    fn lengths_that_add_up_are_aac() {
        let payloads = packets(|n| [&[0, 16][..], &(n << 3).to_be_bytes()].concat());
        let found = found(generic, 97, &payloads).unwrap();
        assert!(found.media[0].octets.starts_with(&[0xff, 0xf1]));
    }

    #[test]
    fn a_description_says_what_headers_have() {
        // Sizes of 6 bits, and indices of 2 that are not 0.
        let payload = |n: u8| [&[0, 16, 20 << 2 | 1, 9 << 2 | 2][..], &[n; 29]].concat();
        let payloads: Vec<_> = (0..24)
            .map(|n| (u32::from(n) * 2048, true, payload(n)))
            .collect();
        let packets = super::super::track::testing::packets(97, &payloads);
        let mut text = String::from("v=0\r\nm=audio 0 RTP/AVP 97\r\n");
        text.push_str("a=rtpmap:97 mpeg4-generic/22050/1\r\na=fmtp:97 mode=AAC-lbr;");
        text.push_str("config=1388;sizelength=6;indexlength=2;indexdeltalength=2\r\n");
        let sdp = sdp::Sdp::parse(text.as_bytes()).unwrap();
        let described = Some(&sdp.media[0].formats[0]);
        let track = Track {
            packets: &packets,
            described,
        };
        let found = generic(&track).unwrap();
        assert!(found.reason.contains("48 access units"), "{}", found.reason);
        assert_eq!(found.media[0].octets[..4], [0xff, 0xf1, 0x5c, 0x40]);
        let undescribed = Track {
            described: None,
            ..track
        };
        assert!(generic(&undescribed).is_none());
    }

    #[test]
    fn access_units_in_fragments_are_put_together() {
        let mut payloads = Vec::new();
        for n in 0..12_u32 {
            let unit = noise(n.into(), 2000);
            for (part, marker) in [(&unit[..1400], false), (&unit[1400..], true)] {
                let head = [0, 16, (2000_u16 << 3 >> 8) as u8, (2000_u16 << 3) as u8];
                payloads.push((n * 1024, marker, [&head[..], part].concat()));
            }
        }
        let file = found(generic, 97, &payloads).unwrap().media.remove(0);
        assert_eq!(file.octets.len(), 12 * 2007);
        assert_eq!(file.octets[7..2007], noise(0, 2000));
        payloads
            .iter_mut()
            .for_each(|(.., payload)| payload.push(0));
        assert!(found(generic, 97, &payloads).is_none());
    }

    #[test]
    fn few_packets_do_if_many_lengths_add_up() {
        let many = |units: u16| -> Vec<(u32, bool, Vec<u8>)> {
            let packet = |n: u16| {
                let mut payload = (16 * units).to_be_bytes().to_vec();
                let sizes = || (0..units).map(|unit| 40 + n + unit);
                payload.extend(sizes().flat_map(|size| (size << 3).to_be_bytes()));
                sizes().for_each(|size| payload.extend(noise(size.into(), size.into())));
                payload
            };
            (0..3)
                .map(|n| (u32::from(n) * 16_384, true, packet(n)))
                .collect()
        };
        assert!(found(generic, 97, &many(8)).is_some());
        assert!(found(generic, 97, &many(6)).is_none());
        let mut tagged = many(16);
        tagged[1].2.push(0);
        assert!(found(generic, 97, &tagged).is_none());
    }

    #[test]
    fn a_tag_behind_and_noise_are_none() {
        let mut tagged = packets(|n| [&[0, 16][..], &(n << 3).to_be_bytes()].concat());
        tagged.iter_mut().for_each(|(.., p)| p.extend([7; 10]));
        assert!(found(generic, 97, &tagged).is_none());
        let noise = packets(|_| Vec::new());
        assert!(found(generic, 97, &noise).is_none());
    }
}

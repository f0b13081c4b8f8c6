//! AAC: mpeg4-generic (RFC 3640) and LATM (RFC 6416 6).

use super::{Found, track::Track};
use crate::{
    decoder::{Elementary, Format},
    inspect::mux::adts,
};

/// Packets whose lengths have to add up; of LATM, and of AAC after how many it is
/// looked whether they do.
const MIN_PACKETS: usize = 10;
/// Packets of AAC, and bits in them that could not be otherwise.
const FEWEST_PACKETS: usize = 3;
const ENOUGH_BITS: usize = 200;
/// Of these, how many say how many headers there are and that sizes add up, and how
/// many say of a header that nothing is interleaved.
const BITS_OF_PACKET: usize = 20;
const BITS_OF_HEADER: usize = 3;

/// Access units of a payload with headers of 13 bits of size and 3 of index (mode
/// AAC-hbr, RFC 3640 3.3.6); empty if it is a fragment of one. `None` if lengths
/// don't add up.
fn access_units(payload: &[u8]) -> Option<Vec<&[u8]>> {
    let (&[high, low], rest) = payload.split_first_chunk()?;
    let bits = usize::from(u16::from_be_bytes([high, low]));
    if bits == 0 || !bits.is_multiple_of(16) || bits > 16 * 64 {
        return None;
    }
    let (headers, mut data) = rest.split_at_checked(bits / 8)?;
    let mut units = Vec::new();
    for header in headers.chunks_exact(2) {
        let &[h, l] = header else {
            return None;
        };
        let header = u16::from_be_bytes([h, l]);
        // Interleaving isn't used.
        if header & 7 != 0 {
            return None;
        }
        let size = usize::from(header >> 3);
        match data.split_at_checked(size).filter(|_| size > 0) {
            Some((unit, after)) => {
                units.push(unit);
                data = after;
            }
            None if headers.len() == 2 && size > data.len() && !data.is_empty() => {
                return Some(Vec::new());
            }
            None => return None,
        }
    }
    data.is_empty().then_some(units)
}

pub(super) fn generic(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["MPEG4-GENERIC"]) {
        return None;
    }
    let mut units = Vec::new();
    let (mut read, mut whole, mut bits) = (0, 0, 0);
    for (seen, packet) in (1..).zip(track.packets) {
        if let Some(found) = access_units(packet.payload) {
            read += 1;
            if !found.is_empty() {
                whole += 1;
                bits += BITS_OF_PACKET + BITS_OF_HEADER * found.len();
            }
            units.extend(found);
        }
        if seen == MIN_PACKETS && read * 10 < seen * 9 {
            return None;
        }
    }
    if whole < FEWEST_PACKETS || bits < ENOUGH_BITS || read * 20 < track.packets.len() * 19 {
        return None;
    }
    let reason = format!(
        "{read} packets of AAC in clear, whose headers say just how long their access units are"
    );
    let config = described(track).or_else(|| guessed(track, units.len()))?;
    let media = Elementary {
        format: Format::Adts,
        octets: adts::file(config, units),
    };
    Some(Found::new("aac", vec![media], reason))
}

/// What the session description says.
fn described(track: &Track<'_>) -> Option<adts::Config> {
    let config = track.described?.parameter("config")?;
    let digits = |at: usize| {
        let octet = config.get(at..at + 2)?;
        u8::from_str_radix(octet, 16).ok()
    };
    adts::Config::parse(&[digits(0)?, digits(2)?])
}

/// The rate by which 1024 samples of each access unit take as long as they took.
fn guessed(track: &Track<'_>, units: usize) -> Option<adts::Config> {
    let ticks = track.pace().unwrap_or(16_000.0);
    let (first, last) = (track.packets.first()?, track.packets.last()?);
    let time = f64::from(last.timestamp.wrapping_sub(first.timestamp)) / ticks.max(1.0);
    let rate = units as f64 * 1024.0 / time.max(0.001);
    let away = |index: &u8| {
        let of = adts::RATES.get(usize::from(*index)).copied().unwrap_or(1);
        (f64::from(of) - rate).abs() as u64
    };
    let rate = (0..adts::RATES.len() as u8).min_by_key(away)?;
    Some(adts::Config {
        object: 2,
        rate,
        channels: 1,
    })
}

/// PayloadLengthInfo (ISO/IEC 14496-3 1.7.3.1) with one program and one layer, whose
/// configuration is elsewhere.
pub(super) fn latm(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["MP4A-LATM"]) {
        return None;
    }
    let unit = |payload: &'_ [u8]| -> Option<usize> {
        let full = payload.iter().take_while(|octet| **octet == 255).count();
        let last = usize::from(*payload.get(full)?);
        let length = full * 255 + last;
        (length >= 4 && payload.len() == full + 1 + length).then_some(full + 1)
    };
    // Some protocol of its own may begin with a length: an access unit has 1024 samples.
    let timed = track
        .steps()
        .filter(|(.., step)| *step > 0 && step.is_multiple_of(1024));
    if track.encoding().is_none() && timed.count() * 10 < track.packets.len() * 7 {
        return None;
    }
    let starts: Vec<_> = track.packets.iter().map(|p| unit(p.payload)).collect();
    let read = starts.iter().flatten().count();
    if read < 2 * MIN_PACKETS || read * 20 < starts.len() * 19 {
        return None;
    }
    let reason = format!(
        "{read} packets of AAC in LATM in clear, whose first octets say just how long they are"
    );
    let units = track.packets.iter().zip(&starts);
    let units = units.filter_map(|(packet, start)| packet.payload.get((*start)?..));
    let config = guessed(track, read)?;
    let media = Elementary {
        format: Format::Adts,
        octets: adts::file(config, units),
    };
    Some(Found::new("aac-latm", vec![media], reason))
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
        let generic_ = packets(|n| [&[0, 16][..], &(n << 3).to_be_bytes()].concat());
        let found_generic = found(generic, 97, &generic_).unwrap();
        assert!(found_generic.media[0].octets.starts_with(&[0xff, 0xf1]));
        let latm_ = packets(|n| vec![n as u8]);
        assert_eq!(found(latm, 97, &latm_).unwrap().codec, "aac-latm");
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
        assert!(found(generic, 97, &many(16)).is_some());
        assert!(found(generic, 97, &many(15)).is_none());
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
        assert!(found(generic, 97, &noise).is_none() && found(latm, 97, &noise).is_none());
    }
}

//! AAC in LATM (RFC 6416 6): AudioMuxElement of ISO/IEC 14496-3 1.7.3, with its
//! configuration elsewhere or in itself.

use super::{
    Found,
    aac::{self, MIN_PACKETS},
    track::Track,
};
use crate::{
    decoder::{Elementary, Format},
    dissect::bits::Bits,
    inspect::mux::adts,
};

/// Bits of StreamMuxConfig before the first AudioSpecificConfig, where there is one
/// program of one layer: audioMuxVersion to numLayer.
const BEFORE_CONFIG: u32 = 15;

pub(super) fn latm(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["MP4A-LATM"]) {
        return None;
    }
    // Some protocol of its own may begin with a length: an access unit has 1024 samples.
    let timed = track
        .steps()
        .filter(|(.., step)| *step > 0 && step.is_multiple_of(1024));
    if track.encoding().is_none() && timed.count() * 10 < track.packets.len() * 7 {
        return None;
    }
    let all = track.packets.len();
    let outside = track.packets.iter().filter_map(|p| unit(p.payload));
    let mut units: Vec<Vec<u8>> = outside.map(<[u8]>::to_vec).collect();
    let mut config = None;
    if units.len() * 20 < all * 19 {
        (config, units) = in_band(track)?;
    }
    let read = units.len();
    if read < 2 * MIN_PACKETS || read * 20 < all * 19 {
        return None;
    }
    let reason = format!(
        "{read} packets of AAC in LATM in clear, which say just how long they are{}",
        match config {
            Some(_) => ", and how they are coded",
            None => "",
        }
    );
    let units: Vec<&[u8]> = units.iter().map(Vec::as_slice).collect();
    let config = config
        .or_else(|| described(track))
        .or_else(|| aac::guessed(track, &units))?;
    let media = Elementary {
        format: Format::Adts,
        octets: adts::file(config, units),
    };
    Some(Found::new("aac-latm", vec![media], reason))
}

/// The access unit behind its length (PayloadLengthInfo, 1.7.3.1), if both fill the
/// payload.
fn unit(payload: &[u8]) -> Option<&[u8]> {
    let full = payload.iter().take_while(|octet| **octet == 255).count();
    let last = usize::from(*payload.get(full)?);
    let unit = payload.get(full + 1..)?;
    (unit.len() >= 4 && unit.len() == full * 255 + last).then_some(unit)
}

/// What StreamMuxConfig of a session description says.
fn described(track: &Track<'_>) -> Option<adts::Config> {
    let octets = aac::hexadecimal(track.described?.parameter("config")?)?;
    let mut bits = Bits::new(&octets);
    bits.take(BEFORE_CONFIG)?;
    adts::Config::parse(&(bits.take(16)? as u16).to_be_bytes())
}

/// Access units of elements that bring their configuration, all the same one.
fn in_band(track: &Track<'_>) -> Option<(Option<adts::Config>, Vec<Vec<u8>>)> {
    let mut config = None;
    let mut units = Vec::new();
    for (seen, packet) in (1..).zip(track.packets) {
        units.extend(element(packet.payload, &mut config));
        // Before the first configuration nothing can be read.
        if seen > 4 * MIN_PACKETS && units.len() * 2 < seen {
            return None;
        }
    }
    config.map(|config| (Some(config), units))
}

/// The access unit of AudioMuxElement(1), if it fills the payload but for the bits of
/// its last octet.
fn element(payload: &[u8], known: &mut Option<adts::Config>) -> Option<Vec<u8>> {
    let mut bits = Bits::new(payload);
    let config = match bits.take(1)? {
        1 => (*known)?,
        _ => {
            // audioMuxVersion 0, one time framing, one sub-frame, program and layer.
            (bits.take(BEFORE_CONFIG)? == 1_u32 << (BEFORE_CONFIG - 2)).then_some(())?;
            let specific = bits.take(13)?;
            let config = adts::Config::parse(&((specific << 3) as u16).to_be_bytes())?;
            // GASpecificConfig, frameLengthType 0.
            (bits.take(3)? == 0 && bits.take(3)? == 0).then_some(())?;
            bits.take(8)?;
            // otherDataPresent, crcCheckPresent.
            (bits.take(2)? == 0).then_some(config)?
        }
    };
    if known.is_some_and(|known| known != config) {
        return None;
    }
    let mut length = 0;
    loop {
        let part = bits.take(8)?;
        length += part as usize;
        if part != 255 {
            break;
        }
    }
    let left = payload.len() * 8 - bits.at;
    if length < 4 || left < length * 8 || left >= length * 8 + 8 {
        return None;
    }
    *known = Some(config);
    (0..length).map(|_| bits.take(8).map(|o| o as u8)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::track::testing::{found, noise};
    use super::*;

    fn packets(payload: impl Fn(&[u8]) -> Vec<u8>) -> Vec<(u32, bool, Vec<u8>)> {
        let packet = |n: u32| payload(&noise(n.into(), 80 + n as usize));
        (0..24).map(|n| (n * 1024, true, packet(n))).collect()
    }

    /// An element with its configuration: LC, 44100 Hz, two channels.
    fn element(unit: &[u8]) -> Vec<u8> {
        let mut bits = String::from("0" /* useSameStreamMux */);
        bits.push_str("010000000000000");
        bits.push_str("0001001000010000");
        bits.push_str("0001111111100");
        bits.push_str(&format!("{:08b}", unit.len()));
        unit.iter().for_each(|o| bits.push_str(&format!("{o:08b}")));
        let octet = |bits: &[u8]| {
            let text = format!("{:0<8}", std::str::from_utf8(bits).unwrap());
            u8::from_str_radix(&text, 2).unwrap()
        };
        bits.as_bytes().chunks(8).map(octet).collect()
    }

    #[test]
    fn elements_that_fill_their_packets_are_aac() {
        let outside = found(
            latm,
            97,
            &packets(|unit| [&[unit.len() as u8], unit].concat()),
        );
        let outside = outside.unwrap();
        assert_eq!((outside.codec, outside.media.len()), ("aac-latm", 1));
        let inside = found(latm, 97, &packets(element)).unwrap();
        assert!(inside.reason.contains("how they are coded"));
        let file = &inside.media[0].octets;
        // ADTS of LC, 44100 Hz, two channels, then what was the first unit.
        assert_eq!(file[..4], [0xff, 0xf1, 0x50, 0x80]);
        assert_eq!(file[7..87], noise(0, 80));
    }

    #[test]
    fn a_tag_behind_and_noise_are_none() {
        for tag in [1, 4, 10] {
            let tagged = |unit: &[u8]| [&element(unit)[..], &vec![7; tag]].concat();
            assert!(found(latm, 97, &packets(tagged)).is_none());
        }
        assert!(found(latm, 97, &packets(<[u8]>::to_vec)).is_none());
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = (unit(&octets), super::element(&octets, &mut None));
            let headed = [&element(b"12345678")[..6], &octets].concat();
            let _ = super::element(&headed, &mut None);
        }
    }
}

//! Media of which only a part is enciphered: what is left in clear shows it by its
//! structure.

use crate::{
    decoder::{Elementary, Format},
    dissect::{
        Place,
        h264::{self, IDR_SLICE, PPS, SLICE, SPS, nal_units},
    },
    inspect::{
        Claim,
        mux::{annex_b, grey},
    },
};

/// Escaped 0xff that a scan has at least, and octets of one.
const ESCAPED: usize = 32;
const SHORTEST: usize = 8 << 10;
/// Octets of scans together that show them: one long scan, or several.
const SHOWN: usize = 32 << 10;

/// Slices between key frames that are needed, and that a player gets.
const MIN_SLICES: usize = 6;
const MOST_SLICES: usize = 240;
/// Octets of the shortest of them that tells something, and how many such there are.
const TELLING: usize = 64;
const MIN_TELLING: usize = 3;
/// Octets of grey pictures that are made for it.
const MOST_MADE: usize = 4 << 20;
/// slice_type of B slices, or it and 5 (ITU-T H.264 table 7-6).
const B: u32 = 1;
/// An id of a parameter set that encoders don't use.
const OWN_ID: u32 = 31;

/// Pictures of H.264 between key frames that nobody can read: behind grey key frames
/// they decode if they are in clear.
pub(super) fn between_key_frames(stream: &[u8], place: Option<Place>) -> Option<Claim> {
    let mut units: Vec<Vec<u8>> = Vec::new();
    let (mut sps, mut pps, mut begins) = (None, None, false);
    let (mut slices, mut between, mut telling, mut made, mut hidden) = (0, 0, 0, 0, 0);
    let mut octets_made = 0;
    for nal in nal_units(stream) {
        let unit = nal.octets(stream);
        match h264::nal_unit_type(unit) {
            SPS => {
                if let Some(read) = h264::parse_sps(unit) {
                    (sps, pps, begins) = (Some(read), None, true);
                    units.push(unit.to_vec());
                }
            }
            PPS => {
                let read = h264::parse_pps(unit).filter(|read| read.id != OWN_ID);
                if let (Some(read), Some(sps)) = (read, &sps)
                    && read.sps_id == sps.id
                {
                    (pps, begins) = (Some(read.id), true);
                    units.push(unit.to_vec());
                }
            }
            IDR_SLICE => {
                begins = true;
                hidden += usize::from(h264::parse_slice_header(unit).is_none());
            }
            SLICE => {
                let (Some(sps), Some(id)) = (&sps, pps) else {
                    continue;
                };
                let head = h264::parse_slice_header(unit).filter(|head| head.pps_id == id);
                let Some(head) = head else {
                    continue;
                };
                // Nothing refers to it, and decoders reorder it.
                if head.slice_type % 5 == B && unit.first().is_some_and(|o| o & 0x60 == 0) {
                    continue;
                }
                if std::mem::take(&mut begins) {
                    let grey = grey::key_frame(sps, OWN_ID)?;
                    octets_made += grey.iter().map(Vec::len).sum::<usize>();
                    if octets_made > MOST_MADE {
                        break;
                    }
                    units.extend(grey);
                    made += 1;
                }
                between += usize::from(head.first_mb == 0);
                units.push(unit.to_vec());
                (slices, telling) = (slices + 1, telling + usize::from(unit.len() >= TELLING));
                if slices == MOST_SLICES {
                    break;
                }
            }
            _ => {}
        }
    }
    if slices < MIN_SLICES || telling < MIN_TELLING {
        return None;
    }
    let unreadable = match hidden {
        0 => String::new(),
        hidden => format!("; {hidden} slices of key frames have no readable header"),
    };
    let reason = format!(
        "H.264 whose key frames nobody can read{unreadable}; behind grey ones in their place, {slices} slices between them are given to a player: what it decodes is in clear"
    );
    let file = Elementary {
        format: Format::H264,
        octets: annex_b(units.iter().map(Vec::as_slice)),
    };
    Some(Claim::remainder("partly/h264", file, (made, between), reason).at(place))
}

/// Entropy-coded data of JPEG (ITU-T T.81 B.1.1.5) without the headers before them:
/// every 0xff is escaped or a restart in its order, and the last one ends the picture.
pub(super) fn scans(octets: &[u8], place: impl Fn(usize) -> Option<Place>) -> Option<Claim> {
    let (mut begin, mut escaped, mut restart) = (0, 0, None);
    let (mut count, mut total, mut first) = (0, 0, None);
    let mut known = 0;
    for at in memchr::memchr_iter(0xff, octets) {
        match octets.get(at + 1) {
            Some(0) => escaped += 1,
            Some(marker @ 0xd0..=0xd7)
                if restart.is_none_or(|last: u8| (last + 1) & 7 == marker & 7) =>
            {
                restart = Some(marker & 7);
                known += 1;
            }
            Some(0xd9) => {
                let length = at.saturating_sub(begin);
                // As many as chance makes of 0xff in coded data.
                let usual = length / 1024..=length / 32;
                if escaped >= ESCAPED && length >= SHORTEST && usual.contains(&escaped) {
                    count += 1;
                    total += length;
                    first.get_or_insert((begin, escaped + known));
                }
                (begin, escaped, restart, known) = (at + 2, 0, None, 0);
            }
            _ => (begin, escaped, restart, known) = (at + 2, 0, None, 0),
        }
    }
    let (at, codes) = first?;
    (total >= SHOWN || count > 1).then(|| {
        let reason = format!(
            "{count} scans of JPEG in clear, {total} octets, without the headers before them: in the first all of {codes} octets 0xff are escaped or restarts in order, and EOI ends it"
        );
        Claim::clear("partly/jpeg", Vec::new(), reason).at(place(at))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        adversary::media_player::fixture::{openh264_decoder, random, video},
        inspect::{Label, Limits, show::show},
    };

    fn scan(seed: u64, length: usize) -> Vec<u8> {
        let mut octets = Vec::new();
        for octet in random(seed, length) {
            octets.push(octet);
            if octet == 0xff {
                octets.push(0);
            }
        }
        octets.extend([0xff, 0xd9]);
        octets
    }

    #[test]
    fn scans_behind_enciphered_headers_are_shown() {
        let octets = [
            random(1, 600),
            scan(2, 20_000),
            random(3, 600),
            scan(4, 20_000),
        ]
        .concat();
        let claim = scans(&octets, |_| None).unwrap();
        assert_eq!(
            (claim.kind.as_str(), claim.label()),
            ("partly/jpeg", Label::Leak)
        );
    }

    #[test]
    fn what_is_no_scan_is_not() {
        assert!(scans(&random(1, 500_000), |_| None).is_none());
        assert!(scans(&vec![0xff; 100_000], |_| None).is_none());
        assert!(scans(&[0xff, 0].repeat(100_000), |_| None).is_none());
        assert!(scans(&scan(5, 4000), |_| None).is_none());
        // Sound of 16 bits per sample.
        let sound: Vec<u8> = random(6, 100_000)
            .iter()
            .flat_map(|o| (i16::from(*o as i8)).to_le_bytes())
            .collect();
        assert!(scans(&sound, |_| None).is_none());
    }

    /// Access units whose key frames have random octets behind their NAL header.
    fn heads_enciphered(seed: u64) -> Vec<u8> {
        let stream = [video(), video()].concat().concat();
        let units = nal_units(&stream).zip(0_u64..).map(|(nal, number)| {
            let mut unit = nal.octets(&stream).to_vec();
            if h264::nal_unit_type(&unit) == IDR_SLICE {
                let random = random(seed + number, 256);
                let hidden = unit.iter_mut().skip(1).zip(random);
                hidden.for_each(|(octet, random)| *octet = random.max(1));
            }
            unit
        });
        let units: Vec<Vec<u8>> = units.collect();
        annex_b(units.iter().map(Vec::as_slice))
    }

    fn conclude(stream: &[u8]) -> (Label, usize) {
        let claims = between_key_frames(stream, None);
        let limits = Limits {
            pictures_per_flow: 9,
        };
        let mut failures = Vec::new();
        let shown = show(
            claims.into_iter().collect(),
            &openh264_decoder(),
            limits,
            &mut failures,
        );
        assert!(shown.pictures.len() <= shown.frames);
        let label = shown.claims.first().map_or(Label::Other, Claim::label);
        (label, shown.frames)
    }

    #[test]
    fn pictures_between_enciphered_key_frames_are_shown() {
        for seed in 0..4 {
            let (label, frames) = conclude(&heads_enciphered(seed));
            assert_eq!((label, frames >= 12), (Label::Leak, true), "{frames}");
        }
    }

    #[test]
    fn headers_of_slices_in_clear_are_no_pictures() {
        for (seed, clear) in [(0, 8), (1, 12), (2, 24), (3, 32)] {
            let stream = heads_enciphered(seed);
            let units = nal_units(&stream).zip(0_u64..).map(|(nal, number)| {
                let mut unit = nal.octets(&stream).to_vec();
                if h264::nal_unit_type(&unit) == SLICE {
                    let hidden = unit.iter_mut().skip(clear);
                    let random = random(seed * 1000 + number, 1 << 16);
                    hidden
                        .zip(random)
                        .for_each(|(octet, random)| *octet = random.max(4));
                }
                unit
            });
            let units: Vec<Vec<u8>> = units.collect();
            let stream = annex_b(units.iter().map(Vec::as_slice));
            assert_eq!(conclude(&stream), (Label::Undetermined, 0), "{clear}");
        }
    }

    #[test]
    fn key_frames_alone_and_noise_are_not_claimed() {
        let stream = video().concat();
        let sets = nal_units(&stream).map(|nal| nal.octets(&stream));
        let keys = annex_b(sets.filter(|unit| h264::nal_unit_type(unit) != SLICE));
        assert!(between_key_frames(&keys, None).is_none());
        assert!(between_key_frames(&random(1, 100_000), None).is_none());
    }

    proptest! {
        #[test]
        fn hostile_streams_never_panic(at in prop::collection::vec((0..9000_usize, any::<u8>()), 0..40)) {
            let mut stream = heads_enciphered(1);
            for (at, octet) in at {
                if let Some(place) = stream.get_mut(at) {
                    *place = octet;
                }
            }
            let _ = between_key_frames(&stream, None);
        }

        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(prop_oneof![Just(0xff), Just(0), any::<u8>()], 0..300)) {
            let _ = scans(&octets, |_| None);
        }
    }
}

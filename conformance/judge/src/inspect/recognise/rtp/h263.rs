//! H.263 (RFC 2190, RFC 4629) and H.261 (RFC 4587).

use super::{Found, track::Track};
use crate::decoder::{Elementary, Format};

/// Pictures whose beginning has to be read.
const MIN_PICTURES: usize = 6;

/// RFC 4629 5.1: reserved bits, then P, V, PLEN and PEBIT.
pub(super) fn h263_plus(track: &Track<'_>) -> Option<Found> {
    if !track.may_be(&["H263-1998", "H263-2000"]) {
        return None;
    }
    let payload = |octets: &[u8]| -> Option<(bool, usize)> {
        let &[first, second, ..] = octets else {
            return None;
        };
        let (begins, redundancy) = (first & 4 != 0, first & 2 != 0);
        let extra = usize::from(first & 1) << 5 | usize::from(second >> 3);
        let fits = first >> 3 == 0 && (extra > 0 || second & 7 == 0);
        fits.then_some((begins, 2 + usize::from(redundancy) + extra))
    };
    let (mut pictures, mut begins, mut file) = (0, 0, Vec::new());
    let mut references = std::collections::BTreeSet::new();
    for packet in track.packets {
        let (begin, skip) = payload(packet.payload)?;
        if begin {
            file.extend([0, 0]);
        }
        file.extend_from_slice(packet.payload.get(skip..)?);
    }
    for (unit, _) in track.units() {
        pictures += 1;
        let octets = unit.first()?.payload;
        let (begin, skip) = payload(octets)?;
        // The picture start code, whose first 16 bits are left out.
        let code = octets.get(skip).is_some_and(|octet| octet & 0xfc == 0x80);
        begins += usize::from(begin && code);
        references.extend(octets.get(skip..skip + 2).map(<[u8]>::to_vec));
    }
    // TR counts.
    if references.len() * 2 < pictures.min(16) {
        return None;
    }
    done(track, "h263", Format::H263, pictures, begins, file)
}

/// RFC 2190 5: mode A, or B and C with more.
pub(super) fn h263(track: &Track<'_>) -> Option<Found> {
    if !track.is(&["H263"], Some(34)) {
        return None;
    }
    // Some send RFC 4629 under its name.
    let mode = |octets: &[u8]| match octets.first()? >> 6 {
        0 | 1 => Some(4),
        2 => Some(8),
        _ => Some(12),
    };
    let (mut pictures, mut begins, mut file) = (0, 0, Vec::new());
    for packet in track.packets {
        file.extend_from_slice(packet.payload.get(mode(packet.payload)?..)?);
    }
    for (unit, _) in track.units() {
        pictures += 1;
        let octets = unit.first()?.payload;
        let rest = octets.get(mode(octets)?..)?;
        begins += usize::from(matches!(rest, [0, 0, code, ..] if code & 0xfc == 0x80));
    }
    done(track, "h263", Format::H263, pictures, begins, file)
}

/// RFC 4587 4.1. Octets need not begin where the payload does.
pub(super) fn h261(track: &Track<'_>) -> Option<Found> {
    if !track.is(&["H261"], Some(31)) {
        return None;
    }
    let (mut pictures, mut begins) = (0, 0);
    for (unit, _) in track.units() {
        pictures += 1;
        let octets = unit.first()?.payload;
        // SBIT says how many bits to leave out; PSC has 20 bits.
        let skip = u32::from(octets.first()? >> 5);
        let rest = octets.get(4..8).and_then(|o| o.first_chunk())?;
        begins += usize::from(u32::from_be_bytes(*rest) << skip >> 12 == 0x10);
    }
    done(track, "h261", Format::Other, pictures, begins, Vec::new())
}

fn done(
    track: &Track<'_>,
    codec: &'static str,
    format: Format,
    pictures: usize,
    begins: usize,
    octets: Vec<u8>,
) -> Option<Found> {
    if begins < MIN_PICTURES || begins * 10 < pictures * 9 {
        return None;
    }
    let reason = format!(
        "{begins} of {pictures} pictures in {} packets begin with the start code of {}",
        track.packets.len(),
        codec.replace('h', "H.")
    );
    let media = (!octets.is_empty()).then_some(Elementary { format, octets });
    Some(Found::new(codec, media.into_iter().collect(), reason))
}

#[cfg(test)]
mod tests {
    use super::super::track::testing::{found, noise};
    use super::*;

    fn pictures(head: &[u8], rest: &[u8]) -> Vec<(u32, bool, Vec<u8>)> {
        let pictures = (0..12_u32).flat_map(|n| {
            let part = |head: &[u8]| [head, &noise(n.into(), 60)[..]].concat();
            [(n * 3000, false, part(head)), (n * 3000, true, part(rest))]
        });
        pictures.collect()
    }

    #[test]
    fn each_is_found_by_its_picture_start_codes() {
        let codec = |f: Option<Found>| f.map(|found| found.codec);
        let mut plus = pictures(&[4, 0, 0x80, 2], &[0, 0]);
        for (n, (.., payload)) in plus.iter_mut().enumerate() {
            payload[3] = 2 + 4 * (n / 2) as u8;
        }
        let found_plus = found(h263_plus, 96, &plus).unwrap();
        assert!(found_plus.media[0].octets.starts_with(&[0, 0, 0x80, 2]));
        let old = pictures(&[0, 0, 0, 0, 0, 0, 0x80, 2], &[0, 0, 0, 0]);
        assert_eq!(codec(found(h263, 34, &old)), Some("h263"));
        let older = pictures(&[3, 0, 0, 0, 0, 1, 0], &[0, 0, 0, 0]);
        assert_eq!(codec(found(h261, 31, &older)), Some("h261"));
    }

    #[test]
    fn noise_is_none() {
        let noise = pictures(&[], &[]);
        assert!(found(h263_plus, 96, &noise).is_none());
        assert!(found(h263, 34, &noise).is_none());
        assert!(found(h261, 31, &noise).is_none());
    }
}

//! Whether coded pictures are what a decoder made of them. What is coded arithmetically
//! (H.265, VP8, VP9) decodes whatever its octets are, enciphered ones as well. But an
//! encoder ends where its picture ends: the picture changes with the last octets, and
//! does not with octets behind them. A picture of random octets ends anywhere.

use lightleak_judge::decoder::Format;

/// Octets at the end of which one at least says something; encoders flush up to four.
const TAIL: usize = 8;

/// The shortest picture that is asked: of shorter ones the tail is too great a part.
const SHORTEST: usize = 48;

/// Coded pictures of a file that are asked, and among how many they are.
const ASKED: usize = 3;
const AMONG: usize = 14;

/// A file that ends with one of its pictures; the same with other octets at the end;
/// the same with octets behind it.
pub(super) struct Probe {
    pub(super) original: Vec<u8>,
    pub(super) changed: Vec<u8>,
    pub(super) extended: Vec<u8>,
}

/// Whether pictures of that file can be asked and must be.
pub(super) fn is_asked(format: Format, file: &[u8]) -> bool {
    match format {
        Format::H265 => true,
        // Decoders of AV1 find the ends themselves.
        Format::Ivf => matches!(file.get(8..12), Some(b"VP80" | b"VP90")),
        _ => false,
    }
}

/// What to ask of the longest pictures near the beginning of a file.
pub(super) fn probes(format: Format, file: &[u8]) -> Vec<Probe> {
    let (header, units) = match format {
        Format::Ivf => (file.get(..32).unwrap_or_default(), ivf(file)),
        _ => (&[][..], annex_b(file)),
    };
    let pictures = units.iter().enumerate().filter(|(_, unit)| {
        // Of H.265, slices (ITU-T H.265 table 7-1).
        let is_picture =
            format == Format::Ivf || unit.octets.first().is_some_and(|o| o >> 1 & 63 < 32);
        is_picture && unit.octets.len() >= SHORTEST
    });
    let mut pictures: Vec<_> = pictures.map(|(at, unit)| (unit.octets.len(), at)).collect();
    pictures.sort_unstable_by_key(|(length, at)| (std::cmp::Reverse(*length), *at));
    let asked = pictures.into_iter().take(ASKED);
    asked
        .filter_map(|(length, at)| {
            let (before, unit) = (units.get(..at)?, units.get(at)?);
            let with = |octets: &[u8]| {
                let before = before.iter().map(|unit| (unit.header, unit.octets));
                let all = before.chain([(unit.header, octets)]);
                let written = all.flat_map(|(header, octets)| write(format, header, octets));
                header.iter().copied().chain(written).collect()
            };
            let (body, tail) = unit.octets.split_at_checked(length - TAIL)?;
            // No octet becomes part of a start code.
            let other = tail.iter().map(|octet| (octet ^ 0x5a).max(4));
            let changed: Vec<u8> = body.iter().copied().chain(other).collect();
            Some(Probe {
                original: with(unit.octets),
                changed: with(&changed),
                extended: with(&[unit.octets, &[0x5a; 2 * TAIL]].concat()),
            })
        })
        .collect()
}

/// A coded picture, or what stands between them.
struct Unit<'a> {
    /// In IVF, the time.
    header: &'a [u8],
    octets: &'a [u8],
}

fn ivf(file: &[u8]) -> Vec<Unit<'_>> {
    let mut rest = file.get(32..).unwrap_or_default();
    let frames = std::iter::from_fn(|| {
        let length = u32::from_le_bytes(*rest.first_chunk()?) as usize;
        let unit = Unit {
            header: rest.get(4..12)?,
            octets: rest.get(12..12 + length)?,
        };
        rest = rest.get(12 + length..)?;
        Some(unit)
    });
    frames.take(AMONG).collect()
}

fn annex_b(file: &[u8]) -> Vec<Unit<'_>> {
    let units = openh264::nal_units(file).map(|unit| {
        let zeros = unit.iter().take_while(|octet| **octet == 0).count();
        let octets = unit.get(zeros + 1..).unwrap_or_default();
        let end = octets.iter().rposition(|octet| *octet != 0);
        Unit {
            header: &[],
            octets: &octets[..end.map_or(0, |end| end + 1)],
        }
    });
    units
        .filter(|unit| !unit.octets.is_empty())
        .take(AMONG)
        .collect()
}

fn write(format: Format, header: &[u8], octets: &[u8]) -> Vec<u8> {
    match format {
        Format::Ivf => {
            let length = u32::try_from(octets.len())
                .unwrap_or(u32::MAX)
                .to_le_bytes();
            [&length, header, octets].concat()
        }
        _ => [&[0, 0, 0, 1], octets].concat(),
    }
}

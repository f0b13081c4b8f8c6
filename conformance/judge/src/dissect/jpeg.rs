//! JPEG (ITU-T T.81): where in some octets a picture lies, by its markers.
//! Nothing is decoded but, on request, the codes of the first scan.

pub mod scan;
pub mod typical;

use std::ops::Range;

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jpeg {
    /// Where it lies: from SOI to EOI, or as far as it is well-formed.
    pub range: Range<usize>,
    /// Columns.
    pub width: u16,
    /// Rows; 0 if they are told behind the first scan.
    pub height: u16,
    /// Whether EOI was reached.
    pub whole: bool,
}

/// Segments of a picture, of which each may be empty.
const MAX_SEGMENTS: usize = 1024;
/// SOI and the first octet of the marker that follows.
const BEGINNING: [u8; 3] = [0xff, SOI, 0xff];

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
/// Markers that stand alone (B.1.1.3): TEM and RST.
const ALONE: [u8; 9] = [1, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7];

/// The pictures in some octets, whatever lies around them; no two overlap.
pub fn find(octets: &[u8]) -> impl Iterator<Item = Jpeg> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = octets.get(from..)?;
            let start = from + memchr::memmem::find(rest, &BEGINNING)?;
            from = start + BEGINNING.len() - 1;
            if let Some(jpeg) = at(octets, start) {
                from = from.max(jpeg.range.end);
                return Some(jpeg);
            }
        }
    })
}

/// The picture that begins there, if a frame header and a scan are in it.
pub fn at(octets: &[u8], start: usize) -> Option<Jpeg> {
    let mut at = start + 2;
    let mut frame = None;
    let mut scanned = None;
    let mut segments = 0;
    let whole = loop {
        segments += 1;
        if segments > MAX_SEGMENTS {
            return None;
        }
        let Some(marker) = marker(octets, &mut at) else {
            break false;
        };
        if marker == EOI {
            break true;
        }
        if marker == 0 || marker == SOI || ALONE.contains(&marker) {
            break false;
        }
        let length = octets.get(at..).and_then(|o| o.first_chunk());
        let Some(length) = length.map(|l| usize::from(u16::from_be_bytes(*l))) else {
            break false;
        };
        let Some(segment) = length
            .checked_sub(2)
            .and_then(|n| octets.get(at + 2..at + 2 + n))
        else {
            break false;
        };
        at += length;
        match marker {
            // SOF0 to SOF15 without DHT, JPG and DAC (table B.1).
            0xc0..=0xcf if ![0xc4, 0xc8, 0xcc].contains(&marker) => {
                frame = Some(size(segment)?);
            }
            SOS => {
                frame?;
                is_scan_header(segment).then_some(())?;
                let begin = at;
                at = scan_end(octets, at);
                // A scan without data shows nothing.
                if at > begin {
                    scanned = Some(at);
                }
            }
            _ => {}
        }
    };
    let (width, height) = frame?;
    let end = match whole {
        true => at,
        false => scanned?,
    };
    scanned.map(|_| Jpeg {
        range: start..end,
        width,
        height,
        whole,
    })
}

/// The marker at `at`, with fill octets before it (B.1.1.2); moves behind it.
fn marker(octets: &[u8], at: &mut usize) -> Option<u8> {
    let rest = octets.get(*at..)?;
    let fill = rest.iter().take_while(|octet| **octet == 0xff).count();
    let marker = *rest.get(fill)?;
    *at += fill + 1;
    (fill > 0).then_some(marker)
}

/// Columns and rows of a frame header (B.2.2).
fn size(segment: &[u8]) -> Option<(u16, u16)> {
    let [precision, h1, h0, w1, w0, components, rest @ ..] = segment else {
        return None;
    };
    let fits = [2, 8, 12, 16].contains(precision)
        && (1..=4).contains(components)
        && rest.len() == 3 * usize::from(*components);
    let width = u16::from_be_bytes([*w1, *w0]);
    (fits && width > 0).then(|| (width, u16::from_be_bytes([*h1, *h0])))
}

/// B.2.3.
fn is_scan_header(segment: &[u8]) -> bool {
    let Some(components) = segment.first() else {
        return false;
    };
    (1..=4).contains(components) && segment.len() == 4 + 2 * usize::from(*components)
}

/// Where entropy-coded data end (B.1.1.5): before the next marker that is no RST.
fn scan_end(octets: &[u8], at: usize) -> usize {
    let mut from = at;
    while let Some(found) = memchr::memchr(0xff, octets.get(from..).unwrap_or_default()) {
        let marker = from + found;
        match octets.get(marker + 1) {
            Some(0 | 0xd0..=0xd7) => from = marker + 2,
            _ => return marker,
        }
    }
    octets.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A picture of 16 columns and 8 rows, with a scan that says nothing.
    fn jpeg() -> Vec<u8> {
        let mut octets = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, b'J', b'F'];
        octets.extend([0xff, 0xff, 0xc0, 0, 11, 8, 0, 8, 0, 16, 1, 1, 0x11, 0]);
        octets.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);
        octets.extend([1, 2, 0xff, 0, 3, 0xff, 0xd0, 4, 0xff, 0xd9]);
        octets
    }

    #[test]
    fn pictures_are_found_among_other_octets() {
        let octets = [
            &b"\xff\xd8 noise"[..],
            &jpeg(),
            b"between",
            &jpeg(),
            b"\xff\xd8\xff",
        ]
        .concat();
        let found: Vec<_> = find(&octets).collect();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].width, found[0].height, found[0].whole),
            (16, 8, true)
        );
        assert_eq!(found[0].range, 8..8 + jpeg().len());
        assert_eq!(octets[found[1].range.clone()], jpeg());
    }

    #[test]
    fn a_picture_that_is_cut_in_its_scan_is_one() {
        let mut octets = jpeg();
        octets.truncate(octets.len() - 3);
        let found: Vec<_> = find(&octets).collect();
        assert_eq!((found.len(), found[0].whole), (1, false));
        assert_eq!(found[0].range, 0..octets.len());
    }

    #[test]
    fn markers_alone_are_no_picture() {
        let whole = jpeg();
        // Without the scan, without the frame, with a frame of no columns.
        let scan = whole.len() - 20;
        let mut blank = whole.clone();
        blank[17] = 0;
        for octets in [
            &whole[..scan],
            &[&whole[..8], &whole[scan..]].concat(),
            &blank,
        ] {
            assert_eq!(find(octets).count(), 0);
        }
        assert_eq!(find(&[0xff, 0xd8, 0xff].repeat(1000)).count(), 0);
    }

    proptest! {
        #[test]
        fn anything_is_searched_without_panic(
            octets in prop::collection::vec(prop_oneof![Just(0xff), Just(0xd8), any::<u8>()], 0..400),
            cut in 0..60_usize,
        ) {
            let whole = jpeg();
            let octets = [&octets, &whole[..cut.min(whole.len())], &octets].concat();
            for jpeg in find(&octets) {
                prop_assert!(jpeg.range.end <= octets.len() && !jpeg.range.is_empty());
            }
        }
    }
}

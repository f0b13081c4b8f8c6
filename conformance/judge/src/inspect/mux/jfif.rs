//! A JPEG picture out of what RTP carries of it (RFC 2435): the headers that it
//! leaves out are always the same.

use crate::dissect::jpeg::typical;

/// The tables of RFC 2435 appendix A (ITU-T T.81 K.1), which has them by rows, in
/// zigzag order, as they are sent.
const LUMA: [u8; 64] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37,
    29, 40, 58, 51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81,
    87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];
const CHROMA: [u8; 64] = [
    17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/// What the headers of RTP say of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Whether the chroma has half the rows too (4:2:0); else 4:2:2.
    pub half_rows: bool,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Units between restart markers; 0 without.
    pub restart_interval: u16,
    /// Quantisation tables, one or two of 64 octets.
    pub tables: Vec<u8>,
}

/// The quantisation tables of a Q from 1 to 99 (RFC 2435 4.2).
pub fn tables(q: u8) -> Option<Vec<u8>> {
    let q = i32::from(q);
    let scale = match q {
        1..50 => 5000 / q,
        50..=99 => 200 - 2 * q,
        _ => return None,
    };
    let values = LUMA.iter().chain(&CHROMA);
    let scaled = |value: &u8| ((i32::from(*value) * scale + 50) / 100).clamp(1, 255) as u8;
    Some(values.map(scaled).collect())
}

/// The picture; `scan` is what the packets carry. `None` if the tables are none.
pub fn picture(parameters: &Parameters, scan: &[u8]) -> Option<Vec<u8>> {
    let (luma, rest) = parameters.tables.split_at_checked(64)?;
    let chroma = rest.get(..64).unwrap_or(luma);
    let mut file = vec![0xff, 0xd8];
    let mut segment = |marker: u8, parts: &[&[u8]]| {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        file.extend([0xff, marker]);
        file.extend(u16::try_from(length + 2).unwrap_or(2).to_be_bytes());
        file.extend(parts.concat());
    };
    segment(0xe0, &[b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"]);
    segment(0xdb, &[&[0], luma, &[1], chroma]);
    if parameters.restart_interval > 0 {
        segment(0xdd, &[&parameters.restart_interval.to_be_bytes()]);
    }
    let sampling = if parameters.half_rows { 0x22 } else { 0x21 };
    let (height, width) = (
        parameters.height.to_be_bytes(),
        parameters.width.to_be_bytes(),
    );
    let components = [3, 1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1];
    segment(0xc0, &[&[8], &height, &width, &components]);
    file.extend(typical::segments());
    file.extend([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
    file.extend_from_slice(scan);
    if !scan.ends_with(&[0xff, 0xd9]) {
        file.extend([0xff, 0xd9]);
    }
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::mux::testing::probed;

    #[test]
    fn a_player_reads_it() {
        assert_eq!(tables(50).unwrap()[..3], [16, 11, 12]);
        assert_eq!(tables(99).unwrap()[..3], [1, 1, 1]);
        assert_eq!((tables(0), tables(100)), (None, None));
        let parameters = Parameters {
            half_rows: true,
            width: 16,
            height: 16,
            restart_interval: 0,
            tables: tables(50).unwrap(),
        };
        // No difference and no coefficient in six blocks of grey.
        let scan = [0b0010_1000, 0b1010_0010, 0b1000_0000, 0b0011_1111];
        let file = picture(&parameters, &scan).unwrap();
        let found: Vec<_> = crate::dissect::jpeg::find(&file).collect();
        assert_eq!(found.len(), 1);
        assert!(found[0].whole && (found[0].width, found[0].height) == (16, 16));
        if let Some(said) = probed(&file, "jpg", "width,height") {
            assert_eq!(said, "mjpeg,16,16");
        }
        let none = Parameters {
            tables: vec![1; 63],
            ..parameters
        };
        assert_eq!(picture(&none, &scan), None);
    }
}

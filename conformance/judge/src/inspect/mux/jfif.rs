//! A JPEG picture out of what RTP carries of it (RFC 2435): the headers that it
//! leaves out are always the same.

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

/// Huffman tables of ITU-T T.81 K.3: class and destination, how many codes of each
/// length, and their values.
const LUMA_DC: [u8; 16] = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
const CHROMA_DC: [u8; 16] = [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0];
const DC_VALUES: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const LUMA_AC: [u8; 16] = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d];
const LUMA_AC_VALUES: &[u8; 162] = &[
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
    0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0,
    0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
    0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
    0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
    0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
    0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5,
    0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2,
    0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
    0xf9, 0xfa,
];
const CHROMA_AC: [u8; 16] = [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77];
const CHROMA_AC_VALUES: &[u8; 162] = &[
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
    0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0,
    0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26,
    0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
    0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
    0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
    0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5,
    0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
    0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda,
    0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8,
    0xf9, 0xfa,
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
    segment(0xc4, &[&[0], &LUMA_DC, &DC_VALUES]);
    segment(0xc4, &[&[0x10], &LUMA_AC, LUMA_AC_VALUES]);
    segment(0xc4, &[&[1], &CHROMA_DC, &DC_VALUES]);
    segment(0xc4, &[&[0x11], &CHROMA_AC, CHROMA_AC_VALUES]);
    segment(0xda, &[&[3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]]);
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

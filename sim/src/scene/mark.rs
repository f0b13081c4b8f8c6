//! The mark, as `conformance/schema/mark.md` describes it.

use super::picture::{Colour, Picture};

const COLUMNS: usize = 18;
const ROWS: usize = 8;
const WHITE: Colour = Colour::grey(208);
const BLACK: Colour = Colour::grey(48);

/// The side of a cell, and how far the grid is from the top left corner.
pub(super) fn cell_side(width: usize, height: usize) -> usize {
    8 * (width / 352).min(height / 288).max(1)
}

/// Paints the mark of one frame.
pub(super) fn draw(picture: &mut Picture, unit: u16, frame: u32, nonce: u32) {
    let mut octets = [0; 16];
    octets[4..].copy_from_slice(&payload(unit, frame, nonce));
    let bits = u128::from_be_bytes(octets);
    // Pictures are at most 1920 samples wide.
    let side = cell_side(picture.width(), picture.height()) as i32;
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            let white = match (row, column) {
                (0, _) => column.is_multiple_of(2),
                (7, _) => !column.is_multiple_of(2),
                (_, 0) => true,
                (_, 17) => false,
                _ => bits >> (95 - ((row - 1) * 16 + column - 1)) & 1 == 1,
            };
            picture.rectangle(
                side * (column as i32 + 1),
                side * (row as i32 + 1),
                side,
                side,
                if white { WHITE } else { BLACK },
            );
        }
    }
}

/// The 12 octets of the payload.
pub(crate) fn payload(unit: u16, frame: u32, nonce: u32) -> [u8; 12] {
    let mut octets = [0; 12];
    octets[..2].copy_from_slice(&unit.to_be_bytes());
    octets[2..6].copy_from_slice(&frame.to_be_bytes());
    octets[6..10].copy_from_slice(&nonce.to_be_bytes());
    let crc = crc16(&octets[..10]);
    octets[10..].copy_from_slice(&crc.to_be_bytes());
    octets
}

/// CRC-16/IBM-3740.
fn crc16(octets: &[u8]) -> u16 {
    octets.iter().fold(0xffff, |crc, octet| {
        (0..8).fold(crc ^ (u16::from(*octet) << 8), |crc, _| {
            (crc << 1) ^ (0x1021 * (crc >> 15))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{cell_side, crc16};

    #[test]
    fn crc_has_the_check_value_of_the_catalogue() {
        assert_eq!(crc16(b"123456789"), 0x29b1);
    }

    #[test]
    fn cells_grow_with_the_picture() {
        assert_eq!(cell_side(176, 144), 8);
        assert_eq!(cell_side(704, 576), 16);
        assert_eq!(cell_side(1280, 720), 16);
        assert_eq!(cell_side(1280, 144), 8);
        assert_eq!(cell_side(1920, 1080), 24);
    }
}

//! Reads the mark (`conformance/schema/mark.md`) from a decoded picture.

use crate::decoder::Picture;

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Mark {
    /// Number of the device.
    pub unit: u16,
    /// Number of the frame.
    pub frame: u32,
    /// One per run.
    pub nonce: u32,
}

/// The mark of the picture, if it has one. A picture too small for the grid, or
/// with fewer samples than its size claims, has none.
pub fn read(picture: &Picture) -> Option<Mark> {
    let cells = measure(picture)?;
    let (mut white, mut black) = (0, 0);
    for (row, column, cell) in all(&cells) {
        match finder(row, column) {
            Some(true) => white += cell.sum,
            Some(false) => black += cell.sum,
            None => {}
        }
    }
    // All cells have the same number of samples, so sums compare as means do.
    let samples = cells[0][0].samples;
    if white < black + 32 * samples * FINDER_OF_A_COLOUR {
        return None;
    }
    let is_white = |cell: Cell| match (cell.sum * FINDER_OF_A_COLOUR * 2).cmp(&(white + black)) {
        std::cmp::Ordering::Greater => Some(true),
        std::cmp::Ordering::Less => Some(false),
        std::cmp::Ordering::Equal => None,
    };
    let mut payload = [0_u8; 12];
    let mut bit = 0;
    for (row, column, cell) in all(&cells) {
        let seen = is_white(cell)?;
        match finder(row, column) {
            Some(expected) if expected != seen => return None,
            Some(_) => {}
            None => {
                payload[bit / 8] |= u8::from(seen) << (7 - bit % 8);
                bit += 1;
            }
        }
    }
    parse(payload)
}

const COLUMNS: usize = 18;
const ROWS: usize = 8;
/// White finder cells; there are as many black ones.
const FINDER_OF_A_COLOUR: u64 = 24;

/// The central half of a cell.
#[derive(Clone, Copy, Default)]
struct Cell {
    sum: u64,
    samples: u64,
}

fn measure(picture: &Picture) -> Option<[[Cell; COLUMNS]; ROWS]> {
    let (width, height) = (picture.width, picture.height);
    let chroma = (width / 2).checked_mul(height / 2)?;
    if picture.y.len() < width.checked_mul(height)?
        || picture.u.len() < chroma
        || picture.v.len() < chroma
    {
        return None;
    }
    let side = 8 * (width / 352).min(height / 288).max(1);
    if (COLUMNS + 1) * side > width || (ROWS + 1) * side > height {
        return None;
    }
    let mut cells = [[Cell::default(); COLUMNS]; ROWS];
    for (row, cells) in cells.iter_mut().enumerate() {
        for (column, cell) in cells.iter_mut().enumerate() {
            let left = (column + 1) * side;
            let top = (row + 1) * side;
            for y in top + side / 4..top + side * 3 / 4 {
                let line = y * width + left;
                let middle = &picture.y[line + side / 4..line + side * 3 / 4];
                cell.sum += middle.iter().map(|&luma| u64::from(luma)).sum::<u64>();
                cell.samples += middle.len() as u64;
            }
        }
    }
    Some(cells)
}

fn all(cells: &[[Cell; COLUMNS]; ROWS]) -> impl Iterator<Item = (usize, usize, Cell)> {
    cells.iter().enumerate().flat_map(|(row, cells)| {
        cells
            .iter()
            .enumerate()
            .map(move |(column, &cell)| (row, column, cell))
    })
}

/// Whether a finder cell is white; `None` for a cell of the payload.
fn finder(row: usize, column: usize) -> Option<bool> {
    match (row, column) {
        (0, _) => Some(column.is_multiple_of(2)),
        (7, _) => Some(!column.is_multiple_of(2)),
        (_, 0) => Some(true),
        (_, 17) => Some(false),
        _ => None,
    }
}

fn parse(payload: [u8; 12]) -> Option<Mark> {
    let [u0, u1, f0, f1, f2, f3, n0, n1, n2, n3, c0, c1] = payload;
    (crc(&payload[..10]) == u16::from_be_bytes([c0, c1])).then(|| Mark {
        unit: u16::from_be_bytes([u0, u1]),
        frame: u32::from_be_bytes([f0, f1, f2, f3]),
        nonce: u32::from_be_bytes([n0, n1, n2, n3]),
    })
}

/// CRC-16/IBM-3740.
pub(crate) fn crc(octets: &[u8]) -> u16 {
    octets.iter().fold(0xFFFF, |crc, &octet| {
        (0..8).fold(crc ^ (u16::from(octet) << 8), |crc, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                crc << 1 ^ 0x1021
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MARK: Mark = Mark {
        unit: 0xBEEF,
        frame: 0x0001_E240,
        nonce: 0x8C0F_FEE1,
    };

    /// The page, written down the other way round: a list of rows of colours.
    fn grid(mark: Mark) -> Vec<Vec<bool>> {
        let mut octets = Vec::new();
        octets.extend(mark.unit.to_be_bytes());
        octets.extend(mark.frame.to_be_bytes());
        octets.extend(mark.nonce.to_be_bytes());
        // Polynomial division of the message, bit by bit, as a register.
        let mut register = 0xFFFF_u32;
        for bit in octets
            .iter()
            .flat_map(|o| (0..8).rev().map(move |i| u32::from(o >> i & 1)))
        {
            let out = register >> 15 & 1;
            register = register << 1 & 0xFFFF;
            if out != bit {
                register ^= 0x1021;
            }
        }
        octets.extend((register as u16).to_be_bytes());
        let bits: Vec<bool> = octets
            .iter()
            .flat_map(|o| (0..8).rev().map(move |i| o >> i & 1 == 1))
            .collect();
        let mut rows = vec![(0..18).map(|x| x % 2 == 0).collect::<Vec<_>>()];
        for line in bits.chunks(16) {
            let mut row = vec![true];
            row.extend(line);
            row.push(false);
            rows.push(row);
        }
        rows.push((0..18).map(|x| x % 2 == 1).collect());
        rows
    }

    fn draw(grid: &[Vec<bool>], width: usize, height: usize) -> Picture {
        let cell = 8 * 1.max((width / 352).min(height / 288));
        let mut picture = Picture {
            width,
            height,
            y: (0..width * height)
                .map(|i| (i * 7 % 97 + 60) as u8)
                .collect(),
            u: vec![128; (width / 2) * (height / 2)],
            v: vec![128; (width / 2) * (height / 2)],
            damaged: false,
        };
        for y in cell..(9 * cell).min(height) {
            for x in cell..(19 * cell).min(width) {
                let white = grid[y / cell - 1][x / cell - 1];
                picture.y[y * width + x] = if white { 208 } else { 48 };
            }
        }
        picture
    }

    fn marked(width: usize, height: usize) -> Picture {
        draw(&grid(MARK), width, height)
    }

    #[test]
    fn crc_gives_the_check_value_of_the_catalogue() {
        assert_eq!(crc(b"123456789"), 0x29B1);
    }

    #[test]
    fn marks_of_all_sizes_are_read() {
        for (width, height) in [
            (176, 144),
            (177, 145),
            (320, 240),
            (352, 288),
            (640, 360),
            (703, 577),
            (704, 576),
            (1280, 720),
            (1920, 1080),
            (1920, 1080),
            (3840, 2160),
            (4000, 288),
            (288, 4000),
        ] {
            assert_eq!(read(&marked(width, height)), Some(MARK), "{width}x{height}");
        }
    }

    #[test]
    fn a_mark_at_the_wrong_scale_is_none() {
        let mut picture = marked(640, 360);
        picture.width = 320;
        picture.height = 720;
        assert_eq!(read(&picture), None);
    }

    #[test]
    fn a_grid_that_does_not_fit_is_no_mark() {
        for (width, height) in [(151, 144), (176, 71), (8, 8), (1, 1), (0, 0), (0, 144)] {
            assert_eq!(read(&marked(width, height)), None, "{width}x{height}");
        }
    }

    #[test]
    fn noise_blur_and_low_contrast_are_survived() {
        let mut state = 1_u32;
        let mut picture = marked(640, 360);
        for luma in &mut picture.y {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *luma = luma.saturating_add_signed((state >> 24) as i8 / 2);
        }
        assert_eq!(read(&picture), Some(MARK), "noise");

        let sharp = marked(640, 360);
        let mut picture = sharp.clone();
        for y in 2..358 {
            for x in 2..638 {
                let square =
                    (0..25).map(|i| u32::from(sharp.y[(y + i / 5 - 2) * 640 + x + i % 5 - 2]));
                picture.y[y * 640 + x] = (square.sum::<u32>() / 25) as u8;
            }
        }
        assert_eq!(read(&picture), Some(MARK), "blur");

        let squeeze = |numerator: u32| {
            let mut picture = marked(640, 360);
            for luma in &mut picture.y {
                *luma = (100 + u32::from(*luma) * numerator / 160) as u8;
            }
            read(&picture)
        };
        assert_eq!(squeeze(32), Some(MARK), "contrast of 32");
        assert_eq!(squeeze(30), None, "contrast of 30");
    }

    #[test]
    fn every_finder_cell_is_checked() {
        let mut checked = 0;
        for row in 0..8 {
            for column in 0..18 {
                if (1..7).contains(&row) && (1..17).contains(&column) {
                    continue;
                }
                let mut grid = grid(MARK);
                grid[row][column] ^= true;
                assert_eq!(read(&draw(&grid, 352, 288)), None, "{row} {column}");
                checked += 1;
            }
        }
        assert_eq!(checked, 48);
    }

    #[test]
    fn every_bit_of_payload_and_crc_is_checked() {
        for bit in 0..96 {
            let mut grid = grid(MARK);
            grid[1 + bit / 16][1 + bit % 16] ^= true;
            assert_eq!(read(&draw(&grid, 352, 288)), None, "{bit}");
        }
    }

    #[test]
    fn only_the_central_half_of_a_cell_counts() {
        let mut picture = marked(704, 576);
        for y in 16..144 {
            for x in 16..304 {
                if !(4..12).contains(&(x % 16)) || !(4..12).contains(&(y % 16)) {
                    picture.y[y * 704 + x] = 255 - picture.y[y * 704 + x];
                }
            }
        }
        assert_eq!(read(&picture), Some(MARK));
    }

    #[test]
    fn a_picture_without_a_mark_has_none() {
        for luma in [0, 48, 128, 208, 255] {
            let mut picture = marked(640, 360);
            picture.y.fill(luma);
            assert_eq!(read(&picture), None);
        }
    }

    #[test]
    fn planes_shorter_than_claimed_are_none() {
        let shorten: [fn(&mut Picture); 5] = [
            |p| p.y.truncate(p.y.len() - 1),
            |p| p.u.truncate(p.u.len() - 1),
            |p| p.v.clear(),
            |p| p.height = usize::MAX,
            |p| p.width = usize::MAX / 2,
        ];
        for shorten in shorten {
            let mut picture = marked(352, 288);
            shorten(&mut picture);
            assert_eq!(read(&picture), None);
        }
    }

    proptest! {
        #[test]
        fn any_mark_is_read_back(unit: u16, frame: u32, nonce: u32, width in 176..800_usize, height in 144..700_usize) {
            let mark = Mark { unit, frame, nonce };
            prop_assert_eq!(read(&draw(&grid(mark), width, height)), Some(mark));
        }

        #[test]
        fn no_picture_is_a_panic(width in 0..400_usize, height in 0..300_usize, y in prop::collection::vec(any::<u8>(), 0..40_000), u in 0..30_000_usize) {
            let picture = Picture { width, height, y, u: vec![128; u], v: vec![128; u], damaged: false };
            prop_assert_eq!(read(&picture), None);
        }
    }
}

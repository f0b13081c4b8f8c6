//! Texture that drifts, and the noise of the sensor.

use crate::seeded::Seeded;

/// Rows of a [`Tile`], after which it repeats.
const ROWS: usize = 256;
/// Samples of a row of a [`Tile`], after which it repeats.
const PERIOD: usize = 512;

/// A texture without seams, repeated so that any row of a picture is one slice.
#[derive(Debug)]
pub(super) struct Tile {
    width: usize,
    samples: Vec<i8>,
}

impl Tile {
    /// Value noise for pictures `width` samples wide: the sum of one layer per
    /// item of `layers`, each given by the size of its cells (powers of two up
    /// to 256) and its amplitude. The amplitudes may add up to at most 127.
    pub(super) fn new(numbers: &mut Seeded, width: usize, layers: &[Layer]) -> Self {
        let mut once = vec![0_i32; PERIOD * ROWS];
        for layer in layers {
            layer.add_to(&mut once, numbers);
        }
        let stored = width + PERIOD;
        let mut samples = Vec::with_capacity(stored * ROWS);
        for row in once.chunks_exact(PERIOD) {
            let start = samples.len();
            samples.extend(row.iter().map(|&sample| sample.clamp(-127, 127) as i8));
            while samples.len() < start + stored {
                let left = start + stored - samples.len();
                samples.extend_from_within(start..start + left.min(PERIOD));
            }
        }
        Self { width, samples }
    }

    /// A row of `width` samples that starts at `x`; both coordinates wrap.
    pub(super) fn row(&self, x: u64, y: u64) -> &[i8] {
        // The remainders are below 512.
        let start = (y % ROWS as u64) as usize * (self.width + PERIOD);
        let start = start + (x % PERIOD as u64) as usize;
        &self.samples[start..start + self.width]
    }
}

/// One layer of value noise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer {
    pub(super) cell_width: usize,
    pub(super) cell_height: usize,
    pub(super) amplitude: i32,
}

impl Layer {
    fn add_to(self, tile: &mut [i32], numbers: &mut Seeded) {
        let (columns, rows) = (PERIOD / self.cell_width, ROWS / self.cell_height);
        let lattice: Vec<i32> = (0..columns * rows)
            .map(|_| numbers.between(-self.amplitude, self.amplitude))
            .collect();
        let mix = |a: i32, b: i32, part: i32| a * (256 - part) + b * part;
        let across: Vec<i32> = (0..self.cell_width)
            .map(|x| ease(x, self.cell_width))
            .collect();
        for (y, samples) in tile.chunks_exact_mut(PERIOD).enumerate() {
            let row = y / self.cell_height;
            let down = ease(y % self.cell_height, self.cell_height);
            for (column, cell) in samples.chunks_exact_mut(self.cell_width).enumerate() {
                let at = |right: usize, below: usize| {
                    lattice[(row + below) % rows * columns + (column + right) % columns]
                };
                let [upper, lower] = [0, 1].map(|below| (at(0, below), at(1, below)));
                for (sample, &across) in cell.iter_mut().zip(&across) {
                    let upper = mix(upper.0, upper.1, across);
                    let lower = mix(lower.0, lower.1, across);
                    *sample += mix(upper, lower, down) >> 16;
                }
            }
        }
    }
}

/// 3t² - 2t³ for t = `part` / `whole`, from 0 to 256.
fn ease(part: usize, whole: usize) -> i32 {
    let t = (part * 256 / whole) as i32;
    (t * t * (768 - 2 * t)) >> 16
}

/// Zero-mean noise, a little alike a sensor's, other in every frame.
#[derive(Debug)]
pub(super) struct Noise {
    samples: Vec<i8>,
}

impl Noise {
    /// Samples that are drawn once; frames differ in where they start.
    const SAMPLES: u32 = 1 << 16;

    /// Noise for rows of `width` samples, each the sum of four numbers from
    /// `-spread` to `spread`.
    pub(super) fn new(numbers: &mut Seeded, width: usize, spread: i32) -> Self {
        let samples = (0..Self::SAMPLES as usize + width)
            .map(|_| {
                (0..4)
                    .map(|_| numbers.between(-spread, spread))
                    .sum::<i32>() as i8
            })
            .collect();
        Self { samples }
    }

    /// Adds noise to rows of `width` samples; `numbers` says which.
    pub(super) fn add(&self, plane: &mut [u8], width: usize, numbers: &mut Seeded) {
        for row in plane.chunks_exact_mut(width) {
            let start = numbers.below(Self::SAMPLES) as usize;
            for (sample, noise) in row.iter_mut().zip(&self.samples[start..]) {
                *sample = sample.saturating_add_signed(*noise);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Layer, Noise, PERIOD, ROWS, Tile};
    use crate::seeded::Seeded;

    #[test]
    fn a_tile_wraps_in_both_directions() {
        let layer = Layer {
            cell_width: 32,
            cell_height: 8,
            amplitude: 60,
        };
        let tile = Tile::new(&mut Seeded::new(1, 1), 176, &[layer]);
        assert_eq!(tile.row(5, 7), tile.row(5 + PERIOD as u64, 7));
        assert_eq!(tile.row(5, 7), tile.row(5, 7 + ROWS as u64));
        assert_ne!(tile.row(5, 7), tile.row(6, 7));
        let steps = tile.row(400, 3).windows(2).map(|w| w[0].abs_diff(w[1]));
        assert!(steps.max() < Some(12), "a seam");
    }

    #[test]
    fn noise_has_no_bias_and_does_not_repeat_from_row_to_row() {
        let mut numbers = Seeded::new(1, 1);
        let noise = Noise::new(&mut numbers, 1000, 3);
        let mut plane = vec![128; 100_000];
        noise.add(&mut plane, 1000, &mut numbers);
        let sum: i64 = plane.iter().map(|&sample| i64::from(sample)).sum();
        assert!((sum - 12_800_000).abs() < 5_000, "{sum}");
        assert_ne!(plane[..1000], plane[1000..2000]);
    }
}

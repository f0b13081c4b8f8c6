//! Reads the tone mark (`conformance/schema/tone-mark.md`).

use std::{f64::consts::TAU, sync::LazyLock};

use crate::mark::crc;

/// Samples of a symbol.
pub const SYMBOL: usize = 160;

/// What a tone mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToneMark {
    /// The number of the device.
    pub unit: u16,
    /// The number of the second, counted from 0 at start-up.
    pub second: u32,
    /// The number of the run.
    pub nonce: u32,
}

/// Every mark in sound of 8000 samples per second, in order.
pub fn read(samples: &[i16]) -> impl Iterator<Item = ToneMark> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(window) = samples.get(at..at + SYMBOL * SYMBOLS) {
            let mark = read_at(window);
            at += if mark.is_some() { window.len() } else { STEP };
            if mark.is_some() {
                return mark;
            }
        }
        None
    })
}

/// The mark that begins with the first sample.
fn read_at(samples: &[i16]) -> Option<ToneMark> {
    let mut symbols = samples.chunks_exact(SYMBOL).map(symbol);
    for expected in PREAMBLE {
        if symbols.next()?? != expected {
            return None;
        }
    }
    let mut payload = [0_u8; 12];
    for octet in &mut payload {
        *octet = symbols.next()?? << 4 | symbols.next()??;
    }
    let [u0, u1, s0, s1, s2, s3, n0, n1, n2, n3, c0, c1] = payload;
    (crc(&payload[..10]) == u16::from_be_bytes([c0, c1])).then_some(ToneMark {
        unit: u16::from_be_bytes([u0, u1]),
        second: u32::from_be_bytes([s0, s1, s2, s3]),
        nonce: u32::from_be_bytes([n0, n1, n2, n3]),
    })
}

/// The one tone that sounds, if it is one.
fn symbol(samples: &[i16]) -> Option<u8> {
    let (mut best, mut strongest, mut next) = (0, 0.0, 0.0);
    for (tone, power) in (0..).zip(powers(samples)) {
        if power > strongest {
            (best, next, strongest) = (tone, strongest, power);
        } else if power > next {
            next = power;
        }
    }
    (strongest >= LEAST_POWER && strongest >= DISTINCTION * next).then_some(best)
}

/// Goertzel's filter: the square of the Fourier coefficient of each tone. All at
/// once, so that the compiler may take several in one instruction.
fn powers(samples: &[i16]) -> [f64; TONES] {
    let coefficients = *COEFFICIENTS;
    let (mut one, mut two) = ([0.0; TONES], [0.0; TONES]);
    for sample in samples {
        let sample = f64::from(*sample);
        for tone in 0..TONES {
            let new = sample + coefficients[tone] * one[tone] - two[tone];
            (one[tone], two[tone]) = (new, one[tone]);
        }
    }
    std::array::from_fn(|tone| {
        let (one, two) = (one[tone], two[tone]);
        one * one + two * two - coefficients[tone] * one * two
    })
}

static COEFFICIENTS: LazyLock<[f64; TONES]> = LazyLock::new(|| {
    std::array::from_fn(|tone| 2.0 * (TAU * (14 + 2 * tone) as f64 / SYMBOL as f64).cos())
});
const PREAMBLE: [u8; 6] = [0, 15, 5, 10, 3, 12];
/// Preamble and payload.
const SYMBOLS: usize = 30;
const TONES: usize = 16;
/// Samples from one place where a mark may begin to the next.
const STEP: usize = 20;
/// How much stronger than the others a tone is.
const DISTINCTION: f64 = 4.0;
/// The power of an amplitude of 500: half of it times the number of samples.
const LEAST_POWER: f64 = (250.0 * SYMBOL as f64) * (250.0 * SYMBOL as f64);

/// A second of sound by the written description, for tests.
#[cfg(test)]
pub(crate) fn second(mark: ToneMark) -> Vec<i16> {
    let mut payload = mark.unit.to_be_bytes().to_vec();
    payload.extend(mark.second.to_be_bytes());
    payload.extend(mark.nonce.to_be_bytes());
    payload.extend(crc(&payload).to_be_bytes());
    let tones = payload.iter().flat_map(|octet| [octet >> 4, octet & 15]);
    let mut samples: Vec<i16> = PREAMBLE
        .into_iter()
        .chain(tones)
        .flat_map(|tone| {
            let step = TAU * f64::from(700 + 100 * u32::from(tone)) / 8000.0;
            (0..SYMBOL).map(move |n| ((step * n as f64).sin() * 6000.0) as i16)
        })
        .collect();
    samples.resize(8000, 0);
    samples
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MARK: ToneMark = ToneMark {
        unit: 0xbeef,
        second: 7,
        nonce: 0x0123_4567,
    };

    fn noise(seed: u64, loudness: i32) -> impl Iterator<Item = i16> {
        let mut state = seed | 1;
        std::iter::from_fn(move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            Some(((state % (2 * loudness as u64 + 1)) as i32 - loudness) as i16)
        })
    }

    #[test]
    fn a_mark_is_read_wherever_it_begins_and_under_noise() {
        for start in [0, 1, 77, 159, 1009] {
            let mut samples = vec![0; start];
            samples.extend(second(MARK));
            samples.extend(second(ToneMark { second: 8, ..MARK }));
            for (sample, noise) in samples.iter_mut().zip(noise(start as u64, 2000)) {
                *sample += noise;
            }
            let seconds: Vec<_> = read(&samples).map(|mark| mark.second).collect();
            assert_eq!(seconds, [7, 8], "from {start}");
        }
    }

    #[test]
    fn nothing_is_guessed_or_repaired() {
        let samples = second(MARK);
        assert_eq!(read(&samples).next(), Some(MARK));
        assert_eq!(read(&samples[..SYMBOL * SYMBOLS - 1]).next(), None);
        for symbol in 0..SYMBOLS {
            let mut broken = samples.clone();
            let at = symbol * SYMBOL;
            broken[at..at + SYMBOL].fill(0);
            assert_eq!(read(&broken).next(), None, "without symbol {symbol}");
            let other = if symbol == 1 { 0 } else { SYMBOL };
            let tone = samples[other..other + SYMBOL].to_vec();
            if samples[at..at + SYMBOL] != tone {
                broken[at..at + SYMBOL].copy_from_slice(&tone);
                assert_eq!(read(&broken).next(), None, "another symbol {symbol}");
            }
        }
        let quiet: Vec<i16> = samples.iter().map(|s| s / 16).collect();
        assert_eq!(read(&quiet).next(), None);
    }

    #[test]
    fn noise_has_no_mark() {
        let samples: Vec<i16> = noise(5, 30_000).take(8000 * 20).collect();
        assert_eq!(read(&samples).next(), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn any_samples_are_survived(samples in prop::collection::vec(any::<i16>(), 0..6000)) {
            prop_assert_eq!(read(&samples).next(), None);
        }
    }
}

//! The sound of the harbour and its tone mark (`conformance/schema/tone-mark.md`):
//! integer arithmetic only, no codec.

use std::time::Duration;

use crate::{g711::mu_law, scene::mark_payload, seeded::Seeded};

/// Samples per second.
pub const SAMPLE_RATE: u32 = 8000;
/// Samples of one packet: 20 ms, which are also a symbol of the tone mark.
pub const PACKET_SAMPLES: usize = 160;
/// Packets per second.
pub const PACKETS_PER_SECOND: u32 = 50;

/// Sound, encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoundPacket {
    /// G.711 mu-law, an octet per sample.
    pub octets: Vec<u8>,
    /// Its number, counted from 0 at start-up.
    pub number: u32,
    /// When its first sample was taken, since 1970.
    pub taken: Duration,
}

impl SoundPacket {
    /// Encodes samples.
    pub fn new(samples: [i16; PACKET_SAMPLES], number: u32, taken: Duration) -> Self {
        Self {
            octets: samples.map(mu_law).to_vec(),
            number,
            taken,
        }
    }

    /// RTP time stamp, 8 kHz (RFC 3551 4.5.14); starts at 0 with packet 0.
    pub fn rtp_time(&self) -> u32 {
        self.number.wrapping_mul(PACKET_SAMPLES as u32)
    }
}

/// What the camera hears.
#[derive(Clone, Copy, Debug)]
pub struct Sound {
    /// The source of everything that looks random.
    pub seed: u64,
    /// The number of the device, carried by the mark.
    pub unit: u16,
    /// The number of the run, carried by the mark.
    pub nonce: u32,
}

impl Sound {
    /// The samples of packet `number`; packets may be asked for in any order.
    pub fn samples(&self, number: u32) -> [i16; PACKET_SAMPLES] {
        // Waves against the quay: louder and softer within four seconds.
        let phase = (number % 200).abs_diff(100) as i32;
        self.samples_in(300 + 9 * phase, number)
    }

    /// The samples of packet `number` when nothing is heard but the mark:
    /// silence for the rest of every second.
    pub fn mark_samples(&self, number: u32) -> [i16; PACKET_SAMPLES] {
        self.samples_in(0, number)
    }

    fn samples_in(&self, loudness: i32, number: u32) -> [i16; PACKET_SAMPLES] {
        let mut numbers = Seeded::new(self.seed ^ (u64::from(number) << 32), SOUND);
        let tone = self.tone(number);
        std::array::from_fn(|index| {
            let noise = numbers.between(-loudness, loudness);
            let tone = tone.map_or(0, |tone| sine(index * (14 + 2 * tone)) * AMPLITUDE / FULL);
            // Far from the limits of 16 bits.
            (noise + tone) as i16
        })
    }

    /// Which tone sounds in a packet, if any.
    fn tone(&self, number: u32) -> Option<usize> {
        let (second, symbol) = (number / PACKETS_PER_SECOND, number % PACKETS_PER_SECOND);
        let symbol = symbol as usize;
        if let Some(tone) = PREAMBLE.get(symbol) {
            return Some(*tone);
        }
        let payload = mark_payload(self.unit, second, self.nonce);
        let at = symbol - PREAMBLE.len();
        let octet = payload.get(at / 2)?;
        Some(usize::from(if at.is_multiple_of(2) {
            octet >> 4
        } else {
            octet & 0x0f
        }))
    }
}

/// What numbers are drawn for.
const SOUND: u64 = 4;

const PREAMBLE: [usize; 6] = [0, 15, 5, 10, 3, 12];
const AMPLITUDE: i32 = 6000;
const FULL: i32 = 32_767;

/// Sine of `step` 160ths of a circle; 1 is [`FULL`].
fn sine(step: usize) -> i32 {
    let step = step % 160;
    match step {
        0..=40 => QUARTER[step],
        41..=80 => QUARTER[80 - step],
        81..=120 => -QUARTER[step - 80],
        _ => -QUARTER[160 - step],
    }
}

/// The first quarter of a sine in 160ths of a circle.
const QUARTER: [i32; 41] = [
    0, 1286, 2571, 3851, 5126, 6393, 7649, 8894, 10126, 11341, 12539, 13718, 14876, 16011, 17121,
    18204, 19260, 20286, 21280, 22242, 23170, 24062, 24916, 25732, 26509, 27245, 27938, 28589,
    29196, 29757, 30273, 30742, 31163, 31537, 31862, 32137, 32364, 32540, 32666, 32742, 32767,
];

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: Sound = Sound {
        seed: 1,
        unit: 2,
        nonce: 3,
    };

    #[test]
    fn the_sine_is_one() {
        for step in 0..320 {
            let exact = (step as f64 / 160.0 * std::f64::consts::TAU).sin() * 32_767.0;
            assert!((f64::from(sine(step)) - exact).abs() <= 0.51, "{step}");
        }
    }

    #[test]
    fn preamble_payload_and_rest_follow_each_other() {
        let tones: Vec<_> = (50..100).map(|number| SOUND.tone(number)).collect();
        assert_eq!(tones[..6], [0, 15, 5, 10, 3, 12].map(Some));
        // Unit 2, second 1, nonce 3.
        assert_eq!(tones[6..14], [0, 0, 0, 2, 0, 0, 0, 0].map(Some));
        assert!(tones[14..30].iter().all(Option::is_some));
        assert!(tones[30..].iter().all(Option::is_none));
    }

    #[test]
    fn without_waves_there_is_the_mark_and_silence() {
        for number in 0..100 {
            let silent = SOUND.mark_samples(number) == [0; PACKET_SAMPLES];
            assert_eq!(silent, SOUND.tone(number).is_none(), "{number}");
        }
    }

    #[test]
    fn packets_differ_and_do_not_depend_on_their_order() {
        let other = Sound { seed: 2, ..SOUND };
        assert_eq!(SOUND.samples(7), SOUND.samples(7));
        assert_ne!(SOUND.samples(40), SOUND.samples(41));
        assert_ne!(SOUND.samples(40), other.samples(40));
    }

    #[test]
    fn what_is_not_the_mark_stays_below_2000() {
        let quiet = (0..400).filter(|number| number % 50 >= 30);
        let loudest = quiet
            .flat_map(|n| SOUND.samples(n))
            .map(|s| s.unsigned_abs())
            .max();
        assert!((1000..2000).contains(&loudest.unwrap_or(0)), "{loudest:?}");
    }
}

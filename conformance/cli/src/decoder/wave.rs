//! WAVE files (RIFF MCI, IBM and Microsoft, 1991) with samples that need no codec.

use lightleak_judge::{decoder::Sound, dissect::pcmu};

const PCM: u16 = 1;
const PCMA: u16 = 6;
const PCMU: u16 = 7;

/// The first channel; nothing if it is no such file.
pub(super) fn sound(file: &[u8]) -> Option<Sound> {
    if file.get(..4)? != b"RIFF" || file.get(8..12)? != b"WAVE" {
        return None;
    }
    let mut rest = file.get(12..)?;
    let mut format = None;
    loop {
        let name = rest.get(..4)?;
        let length = u32::from_le_bytes(*rest.get(4..)?.first_chunk()?) as usize;
        let body = rest.get(8..)?;
        // Of one that was cut off or written to a pipe, what there is.
        let body = body.get(..length).unwrap_or(body);
        match name {
            b"fmt " => format = Some(Layout::read(body)?),
            b"data" => return format?.sound(body),
            _ => {}
        }
        rest = rest.get(8 + length + length % 2..)?;
    }
}

struct Layout {
    tag: u16,
    channels: usize,
    rate: u32,
    bits: u16,
}

impl Layout {
    fn read(body: &[u8]) -> Option<Self> {
        let short = |at: usize| Some(u16::from_le_bytes(*body.get(at..)?.first_chunk()?));
        let layout = Self {
            tag: short(0)?,
            channels: usize::from(short(2)?),
            rate: u32::from_le_bytes(*body.get(4..)?.first_chunk()?),
            bits: short(14)?,
        };
        let fits = (1..=16).contains(&layout.channels) && (1..=768_000).contains(&layout.rate);
        fits.then_some(layout)
    }

    fn sound(&self, data: &[u8]) -> Option<Sound> {
        let octets = usize::from(self.bits / 8);
        let first = |octets: usize| data.chunks_exact(self.channels * octets);
        let samples = match (self.tag, octets) {
            (PCM, 1) => first(1).map(|s| (i16::from(s[0]) - 128) * 256).collect(),
            (PCM, 2) => first(2).map(|s| i16::from_le_bytes([s[0], s[1]])).collect(),
            (PCMA, 1) => first(1).map(|s| from_a_law(s[0])).collect(),
            (PCMU, 1) => first(1).flat_map(|s| pcmu::linear(&s[..1])).collect(),
            _ => return None,
        };
        let rate = self.rate;
        Some(Sound { rate, samples })
    }
}

/// A sample of 16 bits (ITU-T G.711 table 1b, with 13 bits).
fn from_a_law(octet: u8) -> i16 {
    let code = octet ^ 0x55;
    let (segment, step) = (code >> 4 & 7, i16::from(code & 15));
    let magnitude = match segment {
        0 => 2 * step + 1,
        _ => (2 * step + 33) << (segment - 1),
    };
    let magnitude = magnitude * 8;
    if code & 0x80 == 0 {
        -magnitude
    } else {
        magnitude
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_table_1b() {
        let octets = [0xd5, 0x55, 0xd4, 0x54, 0xaa, 0x2a, 0x80, 0x00];
        let values = octets.map(from_a_law);
        assert_eq!(values, [8, -8, 24, -24, 32_256, -32_256, 5_504, -5_504]);
    }

    #[test]
    fn what_the_judge_writes_is_read() {
        let sound = Sound {
            rate: 8000,
            samples: vec![1, -2, 300, i16::MIN],
        };
        assert_eq!(super::sound(&sound.wav()), Some(sound));
    }
}

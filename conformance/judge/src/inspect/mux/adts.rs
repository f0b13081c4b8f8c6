//! AAC in frames of ADTS (ISO/IEC 14496-3 1.A.2.2).

/// Samples per second, by their index (ISO/IEC 14496-3:2009 table 1.18).
pub const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000,
    7350,
];

/// What AudioSpecificConfig says (ISO/IEC 14496-3 1.6.2.1), as far as ADTS can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// audioObjectType.
    pub object: u8,
    /// samplingFrequencyIndex.
    pub rate: u8,
    /// channelConfiguration.
    pub channels: u8,
}

impl Config {
    /// Reads it; `None` if it is one that ADTS can't say.
    pub fn parse(octets: &[u8]) -> Option<Self> {
        let &[first, second, ..] = octets else {
            return None;
        };
        let object = first >> 3;
        let rate = (first & 7) << 1 | second >> 7;
        let channels = second >> 3 & 0xf;
        let fits = (1..=4).contains(&object) && usize::from(rate) < RATES.len();
        (fits && channels < 8).then_some(Self {
            object,
            rate,
            channels,
        })
    }
}

/// A file of access units.
pub fn file<'a>(config: Config, units: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    const HEADER: usize = 7;
    let mut file = Vec::new();
    for unit in units {
        let Ok(length) = u16::try_from(unit.len() + HEADER) else {
            continue;
        };
        if length >= 1 << 13 {
            continue;
        }
        file.extend([0xff, 0xf1]);
        file.push((config.object - 1) << 6 | config.rate << 2 | config.channels >> 2);
        file.push((config.channels & 3) << 6 | (length >> 11) as u8);
        file.push((length >> 3) as u8);
        // The buffer's fullness is of a variable rate.
        file.push((length as u8) << 5 | 0x1f);
        file.push(0xfc);
        file.extend_from_slice(unit);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::mux::testing::probed;

    #[test]
    fn a_player_reads_it() {
        // LC, 44100 Hz, stereo.
        let config = Config::parse(&[0x12, 0x10]).unwrap();
        let expected = Config {
            object: 2,
            rate: 4,
            channels: 2,
        };
        assert_eq!(config, expected);
        assert_eq!(Config::parse(&[0xff, 0xff]), None);
        let unit = [0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c];
        let file = file(config, [&unit[..]; 8]);
        assert_eq!(file.len(), 8 * 13);
        if let Some(said) = probed(&file, "aac", "sample_rate,channels,nb_read_packets") {
            assert_eq!(said, "aac,44100,2,8");
        }
    }
}

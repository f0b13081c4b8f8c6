//! WAVE files of codecs that have a format tag there (RFC 2361), with the octets as
//! they were sent.

/// What the header of a file says of its codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codec {
    /// Format tag (RFC 2361 appendix A).
    pub tag: u16,
    /// Channels.
    pub channels: u16,
    /// Samples per second of each.
    pub rate: u32,
    /// Octets per second.
    pub octets_per_second: u32,
    /// Octets that belong together.
    pub block: u16,
    /// Bits per sample; 0 where that says nothing.
    pub bits: u16,
    /// Samples of a block, where the codec has frames.
    pub samples_per_block: Option<u16>,
}

impl Codec {
    /// A codec of one channel with so many bits for each sample.
    pub fn of_samples(tag: u16, rate: u32, bits: u16) -> Self {
        Self {
            tag,
            channels: 1,
            rate,
            octets_per_second: rate * u32::from(bits) / 8,
            block: bits.div_ceil(8).max(1),
            bits,
            samples_per_block: None,
        }
    }

    /// A codec of one channel at 8000 Hz with frames.
    pub fn of_frames(tag: u16, octets: u16, samples: u16) -> Self {
        Self {
            tag,
            channels: 1,
            rate: 8000,
            octets_per_second: 8000 * u32::from(octets) / u32::from(samples.max(1)),
            block: octets,
            bits: 0,
            samples_per_block: Some(samples),
        }
    }
}

/// A file.
pub fn file(codec: Codec, data: &[u8]) -> Vec<u8> {
    let extra = codec.samples_per_block.map(u16::to_le_bytes);
    let mut format = Vec::new();
    format.extend(codec.tag.to_le_bytes());
    format.extend(codec.channels.to_le_bytes());
    format.extend(codec.rate.to_le_bytes());
    format.extend(codec.octets_per_second.to_le_bytes());
    format.extend(codec.block.to_le_bytes());
    format.extend(codec.bits.to_le_bytes());
    format.extend(extra.map_or(0_u16, |_| 2).to_le_bytes());
    format.extend(extra.into_iter().flatten());
    let length = |octets: usize| u32::try_from(octets).unwrap_or(u32::MAX).to_le_bytes();
    let mut file = b"RIFF".to_vec();
    file.extend(length(4 + 8 + format.len() + 8 + data.len()));
    file.extend(b"WAVEfmt ");
    file.extend(length(format.len()));
    file.extend(format);
    file.extend(b"data");
    file.extend(length(data.len()));
    file.extend_from_slice(data);
    file
}

/// Bits of the parameters of a frame of GSM 06.10, in their order (RFC 3551 4.5.8.1).
const LOG_AREA_RATIOS: [usize; 8] = [6, 6, 5, 5, 4, 4, 3, 3];
const SUB_FRAME: [usize; 17] = [7, 2, 2, 6, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3];

/// Frames of GSM 06.10 as RTP has them, 33 octets each, as files have them (tag
/// 0x31): two in 65 octets, and the low bit first. The last one of an odd number is
/// left out.
pub fn gsm_pairs(frames: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    for pair in frames.chunks_exact(66) {
        let mut bits = Vec::with_capacity(520);
        for frame in pair.chunks_exact(33) {
            let bit = |at: usize| frame.get(at / 8).map_or(0, |o| o >> (7 - at % 8) & 1);
            // The signature comes first.
            let mut at = 4;
            let sub_frames = std::iter::repeat_n(SUB_FRAME, 4).flatten();
            for width in LOG_AREA_RATIOS.into_iter().chain(sub_frames) {
                bits.extend((at..at + width).rev().map(bit));
                at += width;
            }
        }
        let octet = |bits: &[u8]| {
            let bits = bits.iter().enumerate();
            bits.fold(0, |octet, (at, bit)| octet | bit << at)
        };
        packed.extend(bits.chunks(8).map(octet));
    }
    packed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::mux::testing::probed;

    #[test]
    fn a_player_reads_each_codec() {
        for (codec, octets, name) in [
            (Codec::of_samples(7, 8000, 8), 800, "pcm_mulaw"),
            (Codec::of_samples(6, 8000, 8), 800, "pcm_alaw"),
            (Codec::of_samples(0x45, 8000, 4), 800, "adpcm_g726"),
            (Codec::of_frames(0x31, 65, 320), 650, "gsm_ms"),
            (Codec::of_frames(0x83, 10, 80), 100, "g729"),
        ] {
            let file = file(codec, &vec![0xd5; octets]);
            if let Some(said) = probed(&file, "wav", "sample_rate") {
                assert_eq!(said, format!("{name},8000"));
            }
        }
    }

    #[test]
    fn frames_of_gsm_are_packed_in_pairs() {
        let mut frame = [0; 33];
        // The signature, then 1 as the first ratio, of 6 bits.
        (frame[0], frame[1]) = (0xd0, 0b0100_0000);
        let packed = gsm_pairs(&[frame, frame, frame].concat());
        assert_eq!(packed.len(), 65);
        // 260 bits later comes the second.
        assert_eq!((packed[0], packed[32], packed[33]), (1, 1 << 4, 0));
    }
}

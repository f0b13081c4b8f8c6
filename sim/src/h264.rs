//! openh264 in, access units out: ITU-T H.264, Constrained Baseline.

use std::{ops::RangeInclusive, time::Duration};

use bytes::Bytes;
use openh264::{
    OpenH264API, Timestamp,
    encoder::{
        BitRate, Complexity, FrameRate, FrameType, IntraFramePeriod, Profile, QpRange,
        RateControlMode, SpsPpsStrategy, UsageType, VuiConfig,
    },
    formats::YUVSource,
};

use crate::{
    scene::{self, Picture, SceneError},
    seeded::Seeded,
};

/// One access unit (ITU-T H.264 7.4.1.2.3): everything of one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// Its NAL units in order, without start codes.
    pub nal_units: Vec<Bytes>,
    /// The frame number that the mark in the picture carries.
    pub number: u32,
    /// When the picture was taken, since 1970.
    pub taken: Duration,
    /// RTP time stamp, 90 kHz (RFC 6184 5.1); starts at 0 with frame 0.
    pub rtp_time: u32,
    /// Whether decoding can start here: an IDR picture with its parameter sets.
    pub key_frame: bool,
}

impl AccessUnit {
    /// As a byte stream (ITU-T H.264 Annex B), start codes of 4 octets.
    pub fn annex_b(&self) -> Vec<u8> {
        byte_stream(&self.nal_units)
    }
}

/// NAL units as a byte stream (ITU-T H.264 Annex B), start codes of 4 octets.
pub(crate) fn byte_stream(nal_units: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut stream = Vec::new();
    for unit in nal_units {
        stream.extend_from_slice(&[0, 0, 0, 1]);
        stream.extend_from_slice(unit.as_ref());
    }
    stream
}

/// The lowest bits per second that can be asked for, whatever the size; see
/// [`EncoderConfig::bit_rates`].
pub const LOWEST_BIT_RATE: u32 = 25_000;
/// The highest bits per second that can be asked for, whatever the size.
pub const HIGHEST_BIT_RATE: u32 = 20_000_000;
/// Frames from one IDR picture to the next that can be asked for.
pub const KEY_FRAME_INTERVALS: RangeInclusive<u32> = 5..=600;

/// What an encoder is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EncoderConfig {
    /// Luma samples per row, as in [`scene::WIDTHS`].
    pub width: u32,
    /// Rows of luma samples, as in [`scene::HEIGHTS`].
    pub height: u32,
    /// Frames per second, as in [`scene::FRAME_RATES`].
    pub frames_per_second: u32,
    /// Bits per second of everything in the access units; see
    /// [`EncoderConfig::bit_rates`].
    pub bits_per_second: u32,
    /// Frames from one IDR picture to the next, in [`KEY_FRAME_INTERVALS`].
    pub key_frame_interval: u32,
}

/// The streams that cameras offer, the lowest bit rate included: over 10
/// seconds of any seed, each lands within 15 % of what it asks for.
pub const STREAMS: [EncoderConfig; 9] = [
    stream(176, 144, 5, LOWEST_BIT_RATE),
    stream(176, 144, 15, 96_000),
    stream(320, 240, 10, 150_000),
    stream(352, 288, 25, 384_000),
    stream(640, 360, 15, 500_000),
    stream(640, 480, 25, 1_200_000),
    stream(1280, 720, 15, 2_500_000),
    stream(1280, 720, 30, 6_000_000),
    stream(1920, 1080, 15, 6_000_000),
];

/// A stream with an IDR picture every 4 seconds.
const fn stream(
    width: u32,
    height: u32,
    frames_per_second: u32,
    bits_per_second: u32,
) -> EncoderConfig {
    EncoderConfig {
        width,
        height,
        frames_per_second,
        bits_per_second,
        key_frame_interval: 4 * frames_per_second,
    }
}

/// Why there is no encoder or no access unit.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A field of the configuration is outside its limits.
    #[error(transparent)]
    Config(#[from] SceneError),
    /// The picture is not of the configured size.
    #[error("picture is {width}x{height}, not the configured size")]
    PictureSize {
        /// Its width in luma samples.
        width: usize,
        /// Its height in luma samples.
        height: usize,
    },
    /// openh264 failed or left a picture out.
    #[error("openh264: {0}")]
    Codec(#[from] openh264::Error),
}

/// Encodes pictures into access units. The same pictures and the same
/// configuration give the same bits: one thread, no skipped pictures, and IDR
/// pictures only where the interval or [`Encoder::request_key_frame`] puts them.
pub struct Encoder {
    config: EncoderConfig,
    seed: u64,
    codec: openh264::encoder::Encoder,
    key_frame_requested: bool,
    /// Milliseconds that the codec's clock is ahead; see [`SLIP`].
    slip: u64,
}

impl Encoder {
    /// An encoder whose canary content (see [`canary`]) comes from `seed`.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Config`] names the first field outside its limits;
    /// [`EncodeError::Codec`] if openh264 does not start.
    pub fn new(config: EncoderConfig, seed: u64) -> Result<Self, EncodeError> {
        config.validate()?;
        let canary_bits = config.frames_per_second * SEI_BITS;
        let codec = openh264::encoder::EncoderConfig::new()
            .usage_type(UsageType::CameraVideoRealTime)
            .profile(Profile::Baseline)
            .complexity(Complexity::Low)
            // Rate control that may skip is the only kind that openh264 does not
            // warn about on standard error; `encode` undoes the skips.
            .rate_control_mode(RateControlMode::Timestamp)
            .bitrate(BitRate::from_bps(config.bits_per_second - canary_bits))
            // At most 60, which a float holds exactly.
            .max_frame_rate(FrameRate::from_hz(config.frames_per_second as f32))
            .qp(QpRange::new(12, 51))
            .intra_frame_period(IntraFramePeriod::from_num_frames(config.key_frame_interval))
            .sps_pps_strategy(SpsPpsStrategy::ConstantId)
            .skip_frames(true)
            .scene_change_detect(false)
            .background_detection(false)
            .adaptive_quantization(false)
            .num_threads(1)
            .vui(VuiConfig::bt709());
        Ok(Self {
            config,
            seed,
            codec: openh264::encoder::Encoder::with_api_config(OpenH264API::from_source(), codec)?,
            key_frame_requested: false,
            slip: 0,
        })
    }

    /// Makes the next picture an IDR picture.
    pub fn request_key_frame(&mut self) {
        self.key_frame_requested = true;
    }

    /// Encodes frame `number`, taken at `taken` since 1970.
    ///
    /// # Errors
    ///
    /// [`EncodeError::PictureSize`] if the picture is not of the configured
    /// size; [`EncodeError::Codec`] if openh264 makes no access unit of it.
    pub fn encode(
        &mut self,
        picture: &Picture,
        number: u32,
        taken: Duration,
    ) -> Result<AccessUnit, EncodeError> {
        let (width, height) = (picture.width(), picture.height());
        // Validated: at most 1920 by 1080.
        if (width, height) != (self.config.width as usize, self.config.height as usize) {
            return Err(EncodeError::PictureSize { width, height });
        }
        if std::mem::take(&mut self.key_frame_requested) {
            self.codec.force_intra_frame();
        }
        let mut nal_units = Vec::with_capacity(4);
        let mut key_frame = false;
        for _ in 0..MAX_ATTEMPTS {
            let coded = self
                .codec
                .encode_at(&Source(picture), self.codec_time(number))?;
            for layer in (0..coded.num_layers()).filter_map(|index| coded.layer(index)) {
                for nal in (0..layer.nal_count()).filter_map(|index| layer.nal_unit(index)) {
                    nal_units.push(Bytes::copy_from_slice(without_start_code(nal)));
                }
            }
            key_frame = coded.frame_type() == FrameType::IDR;
            if coded.frame_type() != FrameType::Skip {
                break;
            }
            self.slip += SLIP;
        }
        let Some(first_slice) = nal_units.iter().position(|nal| is_slice(nal)) else {
            return Err(openh264::Error::msg("no slice in the access unit").into());
        };
        nal_units.insert(first_slice, sei(self.seed, number));
        Ok(AccessUnit {
            nal_units,
            number,
            taken,
            rtp_time: rtp_time(number, self.config.frames_per_second),
            key_frame,
        })
    }

    /// The codec's clock. It does not start at 0, which stands for no time.
    fn codec_time(&self, number: u32) -> Timestamp {
        let time = 1000 + u64::from(number) * 1000 / u64::from(self.config.frames_per_second);
        Timestamp::from_millis(time + self.slip)
    }
}

impl EncoderConfig {
    /// The bits per second that can be asked for at this size, frame rate and
    /// key frame interval, within what the coarsest and the finest quantizer
    /// make of a scene: at least [`LOWEST_BIT_RATE`], and per picture 2000 bits,
    /// 16 for each macroblock and, shared by the pictures of an interval, 160
    /// for each macroblock of an IDR picture; at most [`HIGHEST_BIT_RATE`], and
    /// one bit for each luma sample. Meaningful if the other fields are valid.
    /// Rate control needs some 5 frames per second to hold what was asked for.
    pub fn bit_rates(&self) -> RangeInclusive<u32> {
        let macroblocks = self.width.div_ceil(16) * self.height.div_ceil(16);
        let least = 2000 + 16 * macroblocks + 160 * macroblocks / self.key_frame_interval.max(1);
        let most = self.width * self.height;
        let least = (self.frames_per_second * least).max(LOWEST_BIT_RATE);
        least..=(self.frames_per_second * most).min(HIGHEST_BIT_RATE)
    }

    fn validate(&self) -> Result<(), SceneError> {
        scene::validate_size(self.width, self.height)?;
        let rate = self.frames_per_second;
        scene::validate_number("frames_per_second", rate, &scene::FRAME_RATES)?;
        let interval = self.key_frame_interval;
        scene::validate_number("key_frame_interval", interval, &KEY_FRAME_INTERVALS)?;
        scene::validate_number("bits_per_second", self.bits_per_second, &self.bit_rates())
    }
}

/// A picture as openh264 takes it.
struct Source<'a>(&'a Picture);

impl YUVSource for Source<'_> {
    fn dimensions(&self) -> (usize, usize) {
        (self.0.width(), self.0.height())
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.0.width(), self.0.width() / 2, self.0.width() / 2)
    }

    fn y(&self) -> &[u8] {
        self.0.y()
    }

    fn u(&self) -> &[u8] {
        self.0.u()
    }

    fn v(&self) -> &[u8] {
        self.0.v()
    }
}

/// openh264 leaves a picture out when it has spent half a second's bits too
/// many. A camera that counts its frames cannot: it hands the same picture over
/// again, so many milliseconds later on the codec's clock.
const SLIP: u64 = 250;
/// Four minutes of [`SLIP`] pay for any picture.
const MAX_ATTEMPTS: usize = 1000;

/// The UUID of our SEI messages: `lightleak-canary`, as far as version 8 and
/// the variant (RFC 9562 5.8) leave it room.
pub const SEI_UUID: [u8; 16] = *b"lightl\x85a\xab-canary";
/// Octets of [`canary`].
pub const CANARY_LENGTH: usize = 48;

/// What the SEI message of frame `number` carries behind its UUID: octets that
/// look random, that no other seed or frame number has, and that a leak of the
/// message alone can be recognised by.
pub fn canary(seed: u64, number: u32) -> [u8; CANARY_LENGTH] {
    let mut numbers = Seeded::new(seed, CANARY ^ (u64::from(number) << 32));
    let mut octets = [0; CANARY_LENGTH];
    for word in octets.chunks_exact_mut(8) {
        word.copy_from_slice(&numbers.next().to_be_bytes());
    }
    octets
}

/// What numbers are drawn for.
const CANARY: u64 = 3;
/// Header, payload type and size, UUID, canary and trailing bits of an SEI NAL
/// unit, without what emulation prevention adds now and then.
const SEI_BITS: u32 = 8 * (1 + 2 + 16 + CANARY_LENGTH as u32 + 1);

/// An SEI NAL unit with one user_data_unregistered message (ITU-T H.264
/// 7.3.2.3.1, D.1.7).
fn sei(seed: u64, number: u32) -> Bytes {
    let mut rbsp = vec![5, (SEI_UUID.len() + CANARY_LENGTH) as u8];
    rbsp.extend_from_slice(&SEI_UUID);
    rbsp.extend_from_slice(&canary(seed, number));
    rbsp.push(0x80);
    let mut nal = vec![6];
    nal.extend(with_emulation_prevention(&rbsp));
    nal.into()
}

/// A filler data NAL unit of that many octets, at least 2 (ITU-T H.264 7.3.2.7).
pub fn filler(length: usize) -> Bytes {
    let mut nal = vec![0xff; length.max(2)];
    nal[0] = 12;
    nal[length.max(2) - 1] = 0x80;
    nal.into()
}

/// ITU-T H.264 7.3.1: no 00 00 00, 00 00 01, 00 00 02 or 00 00 03 inside.
fn with_emulation_prevention(rbsp: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rbsp.len() + 2);
    let mut zeros = 0;
    for &octet in rbsp {
        if zeros == 2 && octet <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if octet == 0 { zeros + 1 } else { 0 };
        out.push(octet);
    }
    out
}

/// Frame `number` at 90 kHz, modulo 2^32.
fn rtp_time(number: u32, frames_per_second: u32) -> u32 {
    (u64::from(number) * 90_000 / u64::from(frames_per_second)) as u32
}

fn is_slice(nal: &[u8]) -> bool {
    nal.first()
        .is_some_and(|header| matches!(header & 0x1f, 1 | 5))
}

fn without_start_code(nal: &[u8]) -> &[u8] {
    [&[0, 0, 0, 1][..], &[0, 0, 1]]
        .iter()
        .find_map(|code| nal.strip_prefix(*code))
        .unwrap_or(nal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emulation_is_prevented_as_in_7_3_1() {
        let cases: [(&[u8], &[u8]); 6] = [
            (&[0, 0, 0], &[0, 0, 3, 0]),
            (&[0, 0, 1], &[0, 0, 3, 1]),
            (&[0, 0, 3], &[0, 0, 3, 3]),
            (&[0, 0, 4], &[0, 0, 4]),
            (&[0, 0, 0, 0, 0, 1], &[0, 0, 3, 0, 0, 3, 0, 1]),
            (&[0, 1, 0, 2], &[0, 1, 0, 2]),
        ];
        for (rbsp, nal) in cases {
            assert_eq!(with_emulation_prevention(rbsp), nal);
        }
    }

    #[test]
    fn filler_is_a_header_octets_of_ones_and_trailing_bits() {
        assert_eq!(filler(5)[..], [12, 0xff, 0xff, 0xff, 0x80]);
        assert_eq!(filler(0)[..], [12, 0x80]);
    }

    #[test]
    fn an_encoder_can_move_to_another_thread() {
        fn moves<T: Send + 'static>(_: &T) {}
        moves(&Encoder::new(STREAMS[0], 0).expect("valid"));
    }

    #[test]
    fn rtp_time_is_exact_and_wraps() {
        assert_eq!(rtp_time(0, 30), 0);
        assert_eq!(rtp_time(1, 30), 3000);
        assert_eq!([1, 2, 7].map(|n| rtp_time(n, 7)), [12_857, 25_714, 90_000]);
        // 2^32 ticks are 1,431,655 frames of 3000 and 2296 ticks more.
        assert_eq!(rtp_time(1_431_656, 30), 704);
    }

    #[test]
    fn a_canary_is_its_seeds_and_its_frames_own() {
        let all: std::collections::BTreeSet<[u8; CANARY_LENGTH]> = (0..4)
            .flat_map(|seed| (0..2000).map(move |number| canary(seed, number)))
            .collect();
        assert_eq!(all.len(), 4 * 2000);
        for octets in &all {
            let run = octets.chunk_by(|a, b| a == b).map(<[u8]>::len).max();
            assert!(run < Some(5), "a run of {run:?}");
        }
    }

    #[test]
    fn every_field_has_limits() {
        let refused = |change: fn(&mut EncoderConfig)| {
            let mut config = STREAMS[0];
            change(&mut config);
            Encoder::new(config, 0)
                .map(drop)
                .map_err(|error| error.to_string())
        };
        assert_eq!(refused(|_| {}), Ok(()));
        let because = |text: &str| Err(text.to_owned());
        assert_eq!(
            refused(|c| c.width = 1921),
            because("width is 1921, not from 176 to 1920")
        );
        assert_eq!(
            refused(|c| c.height = 145),
            because("height is 145, not an even number")
        );
        assert_eq!(
            refused(|c| c.frames_per_second = 0),
            because("frames_per_second is 0, not from 1 to 60")
        );
        assert_eq!(
            refused(|c| c.key_frame_interval = 4),
            because("key_frame_interval is 4, not from 5 to 600")
        );
        assert_eq!(
            refused(|c| c.bits_per_second = 24_999),
            because("bits_per_second is 24999, not from 25000 to 126720")
        );
    }
}

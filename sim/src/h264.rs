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

/// Bits per second that can be asked for, whatever the size.
pub const BIT_RATES: RangeInclusive<u32> = 64_000..=8_000_000;
/// Frames from one IDR picture to the next that can be asked for.
pub const KEY_FRAME_INTERVALS: RangeInclusive<u32> = 1..=600;

/// What an encoder is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncoderConfig {
    /// Luma samples per row, as in [`scene::WIDTHS`].
    pub width: u32,
    /// Rows of luma samples, as in [`scene::HEIGHTS`].
    pub height: u32,
    /// Frames per second, as in [`scene::FRAME_RATES`].
    pub frames_per_second: u32,
    /// Bits per second of everything in the access units.
    pub bits_per_second: u32,
    /// Frames from one IDR picture to the next, in [`KEY_FRAME_INTERVALS`].
    pub key_frame_interval: u32,
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
            .rate_control_mode(RateControlMode::Bitrate)
            .bitrate(BitRate::from_bps(config.bits_per_second - canary_bits))
            // At most 60, which a float holds exactly.
            .max_frame_rate(FrameRate::from_hz(config.frames_per_second as f32))
            .qp(QpRange::new(12, 51))
            .intra_frame_period(IntraFramePeriod::from_num_frames(config.key_frame_interval))
            .sps_pps_strategy(SpsPpsStrategy::ConstantId)
            .skip_frames(false)
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
        // Validated: at most 1280 by 720.
        if (width, height) != (self.config.width as usize, self.config.height as usize) {
            return Err(EncodeError::PictureSize { width, height });
        }
        if std::mem::take(&mut self.key_frame_requested) {
            self.codec.force_intra_frame();
        }
        let fps = u64::from(self.config.frames_per_second);
        let since_start = Timestamp::from_millis(u64::from(number) * 1000 / fps);
        let coded = self.codec.encode_at(&Source(picture), since_start)?;

        let mut nal_units = Vec::with_capacity(4);
        for layer in (0..coded.num_layers()).filter_map(|index| coded.layer(index)) {
            for nal in (0..layer.nal_count()).filter_map(|index| layer.nal_unit(index)) {
                nal_units.push(Bytes::copy_from_slice(without_start_code(nal)));
            }
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
            key_frame: coded.frame_type() == FrameType::IDR,
        })
    }
}

impl EncoderConfig {
    fn validate(&self) -> Result<(), SceneError> {
        scene::validate_size(self.width, self.height)?;
        for (field, value, limits) in [
            (
                "frames_per_second",
                self.frames_per_second,
                &scene::FRAME_RATES,
            ),
            ("bits_per_second", self.bits_per_second, &BIT_RATES),
            (
                "key_frame_interval",
                self.key_frame_interval,
                &KEY_FRAME_INTERVALS,
            ),
        ] {
            scene::validate_number(field, value, limits)?;
        }
        Ok(())
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

/// The UUID of our SEI messages (RFC 9562 5.8, custom): `lightleak` and zeros
/// but for version 8 and variant 2.
pub const SEI_UUID: [u8; 16] = *b"lightl\x8eak\x80canary";
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

//! What lies on a memory card when it comes from the factory. None of it shows
//! the scene.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    h264::{EncodeError, Encoder, EncoderConfig},
    scene,
    seeded::Seeded,
};

/// What somebody put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactoryImage {
    /// A picture that the camera's screen shows when it starts: a key frame as
    /// a byte stream (ITU-T H.264 Annex B).
    BootLogo,
    /// Octets that look random, in the form of NAL units with start codes.
    Lookalike,
}

impl FactoryImage {
    /// The files: content by name.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Codec`] if openh264 makes no picture.
    pub fn files(self) -> Result<BTreeMap<String, Vec<u8>>, EncodeError> {
        let (name, octets) = match self {
            Self::BootLogo => ("boot-logo.h264", boot_logo()?),
            Self::Lookalike => ("calibration.bin", lookalike()),
        };
        Ok(BTreeMap::from([(name.to_owned(), octets)]))
    }
}

/// Another size than that of any camera's video.
const LOGO: EncoderConfig = EncoderConfig {
    width: 352,
    height: 288,
    frames_per_second: 5,
    bits_per_second: 300_000,
    key_frame_interval: 5,
};

fn boot_logo() -> Result<Vec<u8>, EncodeError> {
    let picture = scene::logo(LOGO.width as usize, LOGO.height as usize);
    let mut unit = Encoder::new(LOGO, 0)?.encode(&picture, 0, Duration::ZERO)?;
    // Its canary is for streams of cameras.
    const SEI: u8 = 6;
    unit.nal_units
        .retain(|nal| nal.first().is_some_and(|head| head & 0x1f != SEI));
    Ok(unit.annex_b())
}

/// How many look-alikes there are, of how many octets.
const UNITS: usize = 150;
const OCTETS: i32 = 1400;

fn lookalike() -> Vec<u8> {
    let mut numbers = Seeded::new(0, FACTORY);
    let mut octets = Vec::new();
    for unit in 0..UNITS {
        octets.extend_from_slice(&[0, 0, 0, 1]);
        octets.push(match unit % 30 {
            0 => 0x67,
            1 => 0x68,
            2 => 0x65,
            _ => 0x41,
        });
        for _ in 0..numbers.between(20, OCTETS) {
            // The highest bits are as good as any.
            octets.push((numbers.next() >> 56) as u8);
        }
    }
    octets
}

/// What numbers are drawn for.
const FACTORY: u64 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_of_a_kind_is_the_same() {
        for image in [FactoryImage::BootLogo, FactoryImage::Lookalike] {
            let files = image.files().unwrap();
            assert_eq!(files, image.files().unwrap());
            assert!(files.values().all(|octets| octets.len() > 500));
        }
    }
}

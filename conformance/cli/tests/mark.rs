//! What a camera draws, its encoder squeezes and a decoder gives back, the
//! judge reads: the mark of every frame, at every size and rate on offer.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use lightleak::decoder::ChildDecoder;
use lightleak_judge::{decoder::Decoder, mark};
use lightleak_sim::{
    h264::{Encoder, EncoderConfig, STREAMS},
    scene::{Scene, SceneConfig},
};

const UNIT: u16 = 0xbeef;
const NONCE: u32 = 0x0123_4567;

/// Annex B of the first frames of a stream.
fn video(stream: EncoderConfig, seed: u64, frames: u32) -> Vec<u8> {
    let mut scene = Scene::new(SceneConfig {
        seed,
        width: stream.width,
        height: stream.height,
        frames_per_second: stream.frames_per_second,
        name: "MARK".into(),
        unit: UNIT,
        nonce: NONCE,
    })
    .unwrap();
    let mut encoder = Encoder::new(stream, seed).unwrap();
    let mut video = Vec::new();
    for number in 0..frames {
        let taken = Duration::from_secs(1_767_225_600)
            + Duration::from_secs(number.into()) / stream.frames_per_second;
        let unit = encoder
            .encode(scene.draw(number, taken), number, taken)
            .unwrap();
        video.extend_from_slice(&unit.annex_b());
    }
    video
}

fn every_mark_is_read(stream: EncoderConfig, seed: u64, frames: u32) {
    let decoder = ChildDecoder::new(PathBuf::from(env!("CARGO_BIN_EXE_lightleak")));
    let pictures = decoder
        .decode(&video(stream, seed, frames), frames as usize)
        .unwrap();
    assert_eq!(pictures.len(), frames as usize, "{stream:?}");
    let mut read = BTreeSet::new();
    for (index, picture) in pictures.iter().enumerate() {
        assert!(!picture.damaged);
        let mark = mark::read(picture).unwrap_or_else(|| panic!("{stream:?}: frame {index}"));
        assert_eq!((mark.unit, mark.nonce), (UNIT, NONCE));
        read.insert(mark.frame);
    }
    assert_eq!(read, (0..frames).collect());
}

#[test]
fn every_frame_is_recognised_at_the_lowest_bit_rate() {
    let lowest = STREAMS
        .into_iter()
        .min_by_key(|s| s.bits_per_second)
        .unwrap();
    for seed in [1, 2, 3] {
        every_mark_is_read(lowest, seed, 20 * lowest.frames_per_second);
    }
}

#[test]
fn every_frame_is_recognised_at_every_size_and_rate_on_offer() {
    for stream in STREAMS {
        every_mark_is_read(stream, 4, 25);
    }
}

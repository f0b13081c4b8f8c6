//! Plays the media that were claimed, and keeps what a person wants to see.

use crate::decoder::{Decoder, DecoderError, Elementary, Format, Picture, Sound};

use super::{
    Limits,
    claim::{Claim, Proof, Standing},
};

/// Files of one flow that are handed to a player.
const MOST_MEDIA: usize = 64;
/// Octets of them.
const MOST_OCTETS: usize = 64 << 20;
/// How often the decoder may fail for one flow; each time can take long.
const MOST_FAILURES: usize = 3;
/// Pictures of a file that are asked of a player, so that they can be counted.
const MOST_FRAMES: usize = 300;

/// Claims, after what they claim was played.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) claims: Vec<Claim>,
    pub(super) frames: usize,
    pub(super) pictures: Vec<Picture>,
    pub(super) unplayed: Vec<Elementary>,
    pub(super) sounds: Vec<Sound>,
}

/// Pictures that a remainder shows at least.
const MIN_REMAINDER: usize = 3;

/// Plays what the claims of a flow have. A claim that only playing proves is proved
/// then, or stays what it was.
pub(super) fn show(
    claims: Vec<Claim>,
    decoder: &dyn Decoder,
    limits: Limits,
    failures: &mut Vec<DecoderError>,
) -> Shown {
    let mut shown = Shown::default();
    let (mut files, mut octets, mut failed) = (0, 0, 0);
    // Pictures of H.264 that adversary 2 played; other claims bring the same ones.
    let mut known: usize = claims.iter().map(Claim::frames).sum();
    for mut claim in claims {
        if let Standing::Clear { proof, media } = &mut claim.standing {
            let mut played = 0;
            if let Proof::Remainder { made, between } = *proof {
                // What plays as it is needs nothing made.
                let wanted = shown.frames == 0 && files < MOST_MEDIA && failed <= MOST_FAILURES;
                let file = media
                    .pop()
                    .filter(|file| wanted && octets + file.octets.len() <= MOST_OCTETS);
                if let Some(file) = file {
                    (files, octets) = (files + 1, octets + file.octets.len());
                    match decoder.play(&file, MOST_FRAMES) {
                        Ok(playing) => {
                            let mut playing = playing.unwrap_or_default();
                            let frames = playing.frames.saturating_sub(made);
                            if frames >= MIN_REMAINDER && frames * 2 >= between {
                                *proof = Proof::Structure;
                                claim.reason = format!("{}: {frames} pictures", claim.reason);
                                shown.frames += frames;
                                playing.pictures.retain(|picture| !is_plain(picture));
                                keep(&mut shown.pictures, playing.pictures, limits);
                            }
                        }
                        Err(error) => {
                            failed += 1;
                            failures.push(error);
                        }
                    }
                }
                shown.claims.push(claim);
                continue;
            }
            for file in std::mem::take(media) {
                let more = octets + file.octets.len();
                if files == MOST_MEDIA || more > MOST_OCTETS || failed > MOST_FAILURES {
                    shown.unplayed.push(file);
                    continue;
                }
                (files, octets) = (files + 1, more);
                match decoder.play(&file, MOST_FRAMES) {
                    Ok(Some(playing)) => {
                        let sound = playing.sound.filter(|s| !s.samples.is_empty());
                        played += playing.frames + usize::from(sound.is_some());
                        let again = match file.format {
                            Format::H264 | Format::Mp4 => known.min(playing.frames),
                            _ => 0,
                        };
                        known -= again;
                        shown.frames += playing.frames - again;
                        if playing.frames > again {
                            keep(&mut shown.pictures, playing.pictures, limits);
                        }
                        shown.sounds.extend(sound);
                    }
                    Ok(None) => shown.unplayed.push(file),
                    Err(error) => {
                        failed += 1;
                        failures.push(error);
                        shown.unplayed.push(file);
                    }
                }
            }
            match proof {
                Proof::Playing if played > 0 => *proof = Proof::Structure,
                Proof::Played {
                    frames,
                    pictures,
                    sounds,
                } => {
                    shown.frames += *frames;
                    keep(&mut shown.pictures, std::mem::take(pictures), limits);
                    shown.sounds.append(sounds);
                }
                _ => {}
            }
        }
        shown.claims.push(claim);
    }
    shown
}

/// Whether all of a picture is of one colour.
fn is_plain(picture: &Picture) -> bool {
    let plane = |samples: &[u8]| samples.windows(2).all(|pair| pair[0] == pair[1]);
    plane(&picture.y) && plane(&picture.u) && plane(&picture.v)
}

fn keep(kept: &mut Vec<Picture>, more: Vec<Picture>, limits: Limits) {
    let room = limits.pictures_per_flow.saturating_sub(kept.len());
    kept.extend(more.into_iter().take(room));
}

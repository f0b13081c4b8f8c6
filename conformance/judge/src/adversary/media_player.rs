//! Adversary 2: reassembles whatever looks like media, in any carriage on any
//! port, and plays it. A leak comes with the recovered picture.

use crate::{
    decoder::{Decoder, DecoderError, Picture},
    dissect::{Place, Traffic},
    mark::Mark,
};

/// Something that played.
#[derive(Clone, Debug)]
pub struct Footage {
    /// Index into [`Traffic::flows`].
    pub flow: usize,
    /// Whether `a` of the flow sent it.
    pub from_a: bool,
    /// What it was carried in, such as `RTP`, `RTP in RTSP`, `Annex B`.
    pub carriage: &'static str,
    /// Where it begins in the capture.
    pub place: Place,
    /// The pictures that could be decoded.
    pub pictures: Vec<Picture>,
    /// The first mark that was read, and in which picture.
    pub mark: Option<(Mark, usize)>,
    /// Whether it was decoded with parameter sets that it brought itself,
    /// rather than guessed ones.
    pub own_parameter_sets: bool,
}

/// Plays every flow. `guesses` are parameter sets as an Annex B byte stream,
/// tried where a stream brings none of its own.
pub fn play(
    traffic: &Traffic,
    guesses: &[u8],
    decoder: &dyn Decoder,
) -> Result<Vec<Footage>, DecoderError> {
    let _ = (traffic, guesses, decoder);
    Ok(Vec::new())
}

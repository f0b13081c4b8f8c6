//! Adversary 2: reassembles whatever looks like media, in any carriage on any
//! port, and plays it. A leak comes with the recovered picture.
//!
//! Decoders conceal what they cannot read, so a picture counts only if the
//! decoder found nothing missing or broken in it, or if it carries a mark:
//! ciphertext behind parameter sets in clear is no leak.

mod carriage;
#[cfg(test)]
pub(crate) mod fixture;
mod portion;
mod sound;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use lightleak_case::{TransportProtocol, Vantage};

use crate::{
    decoder::{Decoder, DecoderError, Picture},
    dissect::{Flow, Place, Stream, Traffic, h264::START_CODE, rtsp},
    mark::{self, Mark},
    parallel::in_parallel,
};

use carriage::Candidate;
use portion::{Portion, largest_picture, portions, split_parameter_sets};
pub use sound::{Heard, listen, listen_to_file};

/// Pictures that are asked of the decoder at once.
const MAX_PICTURES: usize = 300;
/// Luma samples that are asked of the decoder at once.
const MAX_SAMPLES: usize = 160 * 1024 * 1024;
/// Pictures that a footage keeps.
const KEPT_PICTURES: usize = 16;
/// Portions of one stream that are decoded.
const MAX_PORTIONS: usize = 16;
/// Foreign parameter sets that are tried on a stream.
const MAX_GUESSES: usize = 8;
/// How often the decoder may fail; each time can take as long as it is given.
const MAX_FAILURES: usize = 4;
/// Luma samples of a picture of which nothing is known (1920x1088).
const UNKNOWN_PICTURE: usize = 1920 * 1088;

/// Where media were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In a flow.
    Flow {
        /// Index into [`Traffic::flows`].
        flow: usize,
        /// Whether `a` of the flow sent it.
        from_a: bool,
    },
    /// In a flow of what is held between two protections.
    Held {
        /// Who holds it.
        vantage: Vantage,
        /// Index into the flows of that vantage.
        flow: usize,
        /// Whether `a` of the flow sent it.
        from_a: bool,
    },
    /// In a stored file, by its index.
    File(usize),
}

impl Origin {
    /// From where it was seen.
    pub fn vantage(self) -> Vantage {
        match self {
            Origin::Flow { .. } => Vantage::Wire,
            Origin::Held { vantage, .. } => vantage,
            Origin::File(_) => Vantage::Rest,
        }
    }

    /// The same place in what is held at that vantage.
    pub fn held(self, vantage: Vantage) -> Self {
        match self {
            Origin::Flow { flow, from_a } => Origin::Held {
                vantage,
                flow,
                from_a,
            },
            other => other,
        }
    }
}

/// Something that played.
#[derive(Clone, Debug)]
pub struct Footage {
    /// Where it was.
    pub origin: Origin,
    /// What it was carried in: `RTP`, `RTP in RTSP`, `RTP in TCP` (RFC 4571),
    /// `MP4` or `Annex B`.
    pub carriage: &'static str,
    /// Where it begins in the capture: the first octet of H.264 that was
    /// played, behind the headers that carry it.
    pub place: Place,
    /// How many pictures could be decoded.
    pub frames: usize,
    /// The first of them, at most 16; the marked one is always here.
    pub pictures: Vec<Picture>,
    /// The first mark that was read, and in which of `pictures`.
    pub mark: Option<(Mark, usize)>,
    /// Whether it was decoded with parameter sets that it brought itself (in
    /// its stream or in the session description of its dialogue), rather than
    /// guessed ones.
    pub own_parameter_sets: bool,
}

/// Not everything could be played.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
pub struct Unplayed {
    /// Why, the first time.
    pub error: DecoderError,
    /// What played all the same.
    pub footage: Vec<Footage>,
}

/// Plays what is in a stored file, as [`play`] does.
pub fn play_file(
    file: usize,
    octets: &[u8],
    guesses: &[u8],
    decoder: &dyn Decoder,
) -> Result<Vec<Footage>, Unplayed> {
    let mut stream = Stream::default();
    stream.push(octets, 0, 0, 0);
    let sets: Vec<_> = split_parameter_sets(guesses)
        .into_iter()
        .take(MAX_GUESSES)
        .collect();
    let show = Show {
        sets: &sets,
        described: 0,
        decoder,
    };
    let mut found = Vec::new();
    let candidates = carriage::mp4(&stream)
        .into_iter()
        .chain(carriage::annex_b(&stream));
    for candidate in candidates {
        let (footage, failure) = show.play(Origin::File(file), &stream, &candidate);
        found.extend(footage);
        if let Some(error) = failure {
            return Err(Unplayed {
                error,
                footage: found,
            });
        }
    }
    Ok(found)
}

/// Plays every flow. `guesses` are parameter sets as an Annex B byte stream,
/// tried where a stream brings none of its own. What crashes the decoder hides
/// nothing else, unless it does so again and again.
pub fn play(
    traffic: &Traffic,
    guesses: &[u8],
    decoder: &dyn Decoder,
) -> Result<Vec<Footage>, Unplayed> {
    let every: Vec<_> = (0..traffic.flows.len()).collect();
    play_flows(traffic, &every, &[], guesses, decoder)
}

/// Plays the flows of those indices, as [`play`] does; `telling` ones describe others.
pub fn play_flows(
    traffic: &Traffic,
    chosen: &[usize],
    telling: &[usize],
    guesses: &[u8],
    decoder: &dyn Decoder,
) -> Result<Vec<Footage>, Unplayed> {
    let flows = &traffic.flows;
    let read = BTreeSet::from_iter(chosen.iter().chain(telling).copied());
    let read: Vec<_> = read.into_iter().collect();
    let dialogues = in_parallel(read.len(), |number| {
        let flow = flows.get(read[number]);
        flow.map(Dialogue::read).unwrap_or_default()
    });
    let dialogues: BTreeMap<usize, Dialogue> = read.into_iter().zip(dialogues).collect();
    let announced = dialogues
        .iter()
        .filter(|(_, dialogue)| !dialogue.sets.is_empty());
    let announced: Vec<_> = announced
        .filter_map(|(index, dialogue)| Some((flows.get(*index)?, dialogue)))
        .collect();
    let guesses = split_parameter_sets(guesses);
    let failed = AtomicUsize::new(0);
    let played = in_parallel(chosen.len(), |number| {
        let mut found = Vec::new();
        let mut failures = Vec::new();
        let index = chosen[number];
        let (Some(flow), Some(dialogue)) = (flows.get(index), dialogues.get(&index)) else {
            return (found, failures);
        };
        let mut sets = described_sets(flow, &announced);
        let described = sets.len();
        sets.extend(guesses.iter().take(MAX_GUESSES).cloned());
        let show = Show {
            sets: &sets,
            described,
            decoder,
        };
        for from_a in [true, false] {
            let stream = if from_a { &flow.from_a } else { &flow.from_b };
            if stream.bytes.is_empty() {
                continue;
            }
            let origin = Origin::Flow {
                flow: index,
                from_a,
            };
            for candidate in candidates(flow, dialogue, from_a) {
                if failed.load(Ordering::Relaxed) >= MAX_FAILURES {
                    break;
                }
                let (footage, failure) = show.play(origin, stream, &candidate);
                failed.fetch_add(usize::from(failure.is_some()), Ordering::Relaxed);
                found.extend(footage);
                failures.extend(failure);
            }
        }
        (found, failures)
    });
    let (found, failures): (Vec<_>, Vec<_>) = played.into_iter().unzip();
    let footage = found.into_iter().flatten().collect();
    match failures.into_iter().flatten().next() {
        None => Ok(footage),
        Some(error) => Err(Unplayed { error, footage }),
    }
}

/// What a flow says in RTSP, whoever of the two is the client.
#[derive(Default)]
struct Dialogue {
    frames_a: Vec<rtsp::Frame>,
    frames_b: Vec<rtsp::Frame>,
    /// Parameter sets of its session descriptions, Annex B.
    sets: Vec<Vec<u8>>,
}

impl Dialogue {
    fn read(flow: &Flow) -> Self {
        if flow.transport != TransportProtocol::Tcp {
            return Self::default();
        }
        let dialogue = rtsp::read_any(&flow.from_a, &flow.from_b);
        let sets = dialogue
            .messages()
            .filter_map(rtsp::Message::sdp)
            .flat_map(|sdp| {
                sdp.parameter_sets()
                    .map(|nals| nals.iter().flat_map(|n| [&START_CODE, &n[..]].concat()))
                    .map(Iterator::collect)
                    .collect::<Vec<_>>()
            })
            .collect();
        Self {
            frames_a: dialogue.frames_a,
            frames_b: dialogue.frames_b,
            sets,
        }
    }
}

/// Parameter sets of the dialogues that one end of the flow had: media in a
/// flow of their own still go from or to one of the two hosts.
fn described_sets(flow: &Flow, announced: &[(&Flow, &Dialogue)]) -> Vec<(Vec<u8>, usize)> {
    let ends = |flow: &Flow| -> [IpAddr; 2] { [flow.a.ip(), flow.b.ip()] };
    let sets: BTreeSet<&[u8]> = announced
        .iter()
        .filter(|(other, _)| ends(other).iter().any(|ip| ends(flow).contains(ip)))
        .flat_map(|(_, dialogue)| dialogue.sets.iter().map(Vec::as_slice))
        .collect();
    sets.into_iter()
        .flat_map(split_parameter_sets)
        .take(MAX_GUESSES)
        .collect()
}

fn candidates(flow: &Flow, dialogue: &Dialogue, from_a: bool) -> Vec<Candidate> {
    let (stream, frames) = if from_a {
        (&flow.from_a, &dialogue.frames_a)
    } else {
        (&flow.from_b, &dialogue.frames_b)
    };
    let mut found = match flow.transport {
        TransportProtocol::Udp | TransportProtocol::Sctp => carriage::datagrams(stream),
        _ => {
            let mut found = carriage::interleaved(stream, frames);
            found.extend(carriage::length_framed(stream));
            found
        }
    };
    found.extend(carriage::mp4(stream));
    found.extend(carriage::annex_b(stream));
    found
}

/// What candidates of a flow are played with.
struct Show<'a> {
    /// Parameter sets with the size of their pictures: described ones, then
    /// guesses.
    sets: &'a [(Vec<u8>, usize)],
    /// How many of them are described.
    described: usize,
    decoder: &'a dyn Decoder,
}

impl Show<'_> {
    /// What of the candidate plays, up to where the decoder fails.
    fn play(
        &self,
        origin: Origin,
        stream: &Stream,
        candidate: &Candidate,
    ) -> (Option<Footage>, Option<DecoderError>) {
        let foreign = self.sets.iter().map(|(_, size)| *size).max();
        let size = largest_picture(&candidate.units).or(foreign);
        let size = size.unwrap_or(UNKNOWN_PICTURE).max(1);
        let limit = (MAX_SAMPLES / size).clamp(1, MAX_PICTURES);
        let mut footage: Option<Footage> = None;
        for portion in portions(&candidate.units, limit, MAX_PORTIONS) {
            let (pictures, own) = match self.decode(&portion, limit) {
                Ok(Some(played)) => played,
                Ok(None) => continue,
                Err(error) => return (footage, Some(error)),
            };
            let Some(place) = stream.place(portion.at) else {
                continue;
            };
            let footage = footage.get_or_insert_with(|| Footage {
                origin,
                carriage: candidate.carriage,
                place,
                frames: 0,
                pictures: Vec::new(),
                mark: None,
                own_parameter_sets: own,
            });
            add(footage, pictures);
        }
        (footage, None)
    }

    /// Pictures that prove something, and whether the stream's own parameter
    /// sets led to them.
    fn decode(
        &self,
        portion: &Portion,
        limit: usize,
    ) -> Result<Option<(Vec<Picture>, bool)>, DecoderError> {
        let choices: Vec<(&[u8], bool)> = match &portion.own_sets {
            Some(own) => vec![(own, true)],
            None => {
                let described = |index| index < self.described;
                let sets = self.sets.iter().enumerate();
                sets.map(|(i, (set, _))| (&set[..], described(i))).collect()
            }
        };
        for (sets, own) in choices {
            let annex_b = [sets, &portion.annex_b].concat();
            let pictures = self.decoder.decode(&annex_b, limit)?;
            if pictures
                .iter()
                .any(|p| !p.damaged || mark::read(p).is_some())
            {
                return Ok(Some((pictures, own)));
            }
        }
        Ok(None)
    }
}

/// Counts pictures and keeps the first of them.
fn add(footage: &mut Footage, pictures: Vec<Picture>) {
    for picture in pictures {
        footage.frames += 1;
        let mark = match footage.mark {
            None => mark::read(&picture),
            Some(_) => None,
        };
        if footage.pictures.len() == KEPT_PICTURES {
            if mark.is_none() {
                continue;
            }
            footage.pictures.pop();
        }
        footage.pictures.push(picture);
        if let Some(mark) = mark {
            footage.mark = Some((mark, footage.pictures.len() - 1));
        }
    }
}

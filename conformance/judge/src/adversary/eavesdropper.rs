//! Adversary 2, whatever the codec: who listens recognises media by their content,
//! as `inspect` does in traffic that nobody here has seen.
//!
//! H.264 and PCMU of the device are what the [media player](super::media_player) is
//! best at; this one hears everything else, by the structure of a codec if there is
//! nobody who plays it.

use crate::{
    decoder::{Decoder, DecoderError, Picture},
    dissect::{Flow, Place, Traffic},
    inspect::{
        Claim, Limits,
        leaks::{self, Leak},
    },
    mark::{self, Mark},
    tone::{self, ToneMark},
};

use super::media_player::{Footage, Heard, Origin};

/// Pictures that are kept of something in clear.
const KEPT_PICTURES: usize = 16;
/// Samples per second of sound that can carry a tone mark.
const TONE_RATE: u32 = 8000;
/// Kinds of dialogues without any media in them: what is asked in clear, requirements
/// of their own judge, and no picture is seen by that.
const DIALOGUES: [&str; 3] = ["rtsp", "rtsp/http", "rtmp"];

/// Media that lie in clear in a flow.
#[derive(Clone, Debug)]
pub struct Overheard {
    /// Where they are: always in a flow.
    pub origin: Origin,
    /// The carriage and the codec in it: `rtp/h265`, `mqtt/jpeg`.
    pub kind: String,
    /// What shows that they are in clear.
    pub reason: String,
    /// Where they begin in the capture.
    pub place: Place,
    /// How many pictures could be decoded.
    pub frames: usize,
    /// The first of them, at most 16.
    pub pictures: Vec<Picture>,
    /// The first mark that was read, and in which of `pictures`.
    pub mark: Option<(Mark, usize)>,
    /// The first tone mark that was heard.
    pub tone: Option<ToneMark>,
}

impl Overheard {
    /// Whether a mark says that they are of that unit.
    pub fn is_of(&self, unit: u16) -> bool {
        self.mark.is_some_and(|(mark, _)| mark.unit == unit)
            || self.tone.is_some_and(|tone| tone.unit == unit)
    }
}

/// Listens to every flow, but for what the media player showed already. What could not
/// be looked at comes with it.
pub fn overhear(
    traffic: &Traffic,
    footage: &[Footage],
    heard: &[Heard],
    decoder: &dyn Decoder,
) -> (Vec<Overheard>, Option<DecoderError>) {
    let in_flow =
        |origin: Origin, index: usize| matches!(origin, Origin::Flow { flow, .. } if flow == index);
    let wanted = |flow: usize, claim: &Claim| {
        let kind = claim.kind.as_str();
        let played = || footage.iter().any(|f| in_flow(f.origin, flow));
        let sounded = || heard.iter().any(|h| in_flow(h.origin, flow));
        let is_known = DIALOGUES.contains(&kind)
            || kind.ends_with("/h264") && played()
            || kind.ends_with("/pcmu") && sounded();
        !is_known
    };
    let limits = Limits {
        pictures_per_flow: KEPT_PICTURES,
    };
    let (leaks, failures) = leaks::leaks(traffic, wanted, decoder, limits);
    let overheard = leaks
        .into_iter()
        .filter_map(|leak| overheard(traffic, leak));
    (overheard.collect(), failures.into_iter().next())
}

fn overheard(traffic: &Traffic, leak: Leak) -> Option<Overheard> {
    let flow = traffic.flows.get(leak.flow)?;
    let from_a = is_from_a(flow, leak.claim.place);
    let stream = if from_a { &flow.from_a } else { &flow.from_b };
    let place = leak.claim.place.or_else(|| stream.place(0))?;
    let mut pictures = leak.pictures.iter().enumerate();
    let mark = pictures.find_map(|(index, picture)| Some((mark::read(picture)?, index)));
    let mut sounds = leak.sounds.iter().filter(|sound| sound.rate == TONE_RATE);
    let tone = sounds.find_map(|sound| tone::read(&sound.samples).next());
    Some(Overheard {
        origin: Origin::Flow {
            flow: leak.flow,
            from_a,
        },
        kind: leak.claim.kind,
        reason: leak.claim.reason,
        place,
        frames: leak.frames,
        pictures: leak.pictures,
        mark,
        tone,
    })
}

/// Who sent what lies there; of what has no place, who said more.
fn is_from_a(flow: &Flow, place: Option<Place>) -> bool {
    let Some(place) = place else {
        return flow.from_a.bytes.len() >= flow.from_b.bytes.len();
    };
    let mut pieces = flow.from_a.pieces.iter();
    pieces.any(|piece| piece.packet == place.packet)
}

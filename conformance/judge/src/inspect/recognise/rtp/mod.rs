//! Media in RTP (RFC 3550), whatever carries it and whether or not anybody said
//! before what they are.
//!
//! A source is one whose sequence numbers go on. Its codec is shown by what the
//! codec's payload format demands of every packet: ciphertext would have to meet it
//! by chance, packet for packet. Codecs without structure are shown by arithmetic:
//! so many octets for so much of the time stamp, exactly, where SRTP adds a tag.

mod aac;
mod amr;
mod av1;
mod h263;
mod h264;
mod h265;
mod jpeg;
mod keyed;
mod mpeg;
mod opus;
mod rare;
mod sound;
mod sources;
mod speex;
mod track;
mod vp8;
mod vp9;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    decoder::Elementary,
    dissect::{Flow, Stream},
    inspect::{Claim, Scene},
    open::srtp::KeyRing,
};

use sources::{Carriage, Source};
use track::{Packet, Track};

#[cfg(test)]
pub(super) use track::testing::noise as testing_noise;

/// Packets of one payload type that a codec needs at least.
const MIN_PACKETS: usize = 4;
/// Packets that a source needs whose payload says nothing.
const MIN_UNKNOWN: usize = 10;
/// Octets of a track that are looked at.
const MOST_OCTETS: usize = 24 << 20;
/// Octets that SRTP adds (RFC 3711 5, RFC 7714 12, RFC 6188 4) or, of tags cut short,
/// an MKI of 4 octets with them.
const TAGS: [usize; 6] = [4, 8, 10, 12, 14, 16];
/// Claims of one flow.
const MOST_CLAIMS: usize = 64;

/// What a codec says of a track that is its.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Its name in kinds.
    codec: &'static str,
    /// What shows it.
    reason: String,
    /// Files for a player.
    media: Vec<Elementary>,
    /// Whether it is media at all.
    is_media: bool,
}

impl Found {
    fn new(codec: &'static str, media: Vec<Elementary>, reason: String) -> Self {
        Self {
            codec,
            reason,
            media,
            is_media: true,
        }
    }
}

/// Looks whether a track is of its codec.
type Codec = fn(&Track<'_>) -> Option<Found>;

/// Those with much structure first.
const CODECS: &[Codec] = &[
    mpeg::transport,
    mpeg::program,
    jpeg::jpeg,
    h265::h266,
    h265::h265,
    h264::h264,
    vp8::vp8,
    vp9::vp9,
    mpeg::visual,
    mpeg::video,
    mpeg::audio,
    h263::h263_plus,
    h263::h263,
    h263::h261,
    aac::generic,
    aac::latm,
    amr::amr,
    opus::opus,
    sound::gsm,
    sound::g723,
    sound::g729,
    sound::g711,
    sound::g722,
    sound::g726,
    sound::g728,
    sound::ilbc,
    sound::linear,
    sound::dvi4,
    speex::speex,
    rare::xiph,
    rare::ac3,
    rare::raw,
    av1::av1,
    sound::events,
    mpeg::metadata,
];

pub(in crate::inspect) fn recognise(scene: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut unknown = Vec::new();
    let mut ring = None;
    for stream in [&flow.from_a, &flow.from_b] {
        if stream.bytes.len() < 12 * MIN_PACKETS {
            continue;
        }
        for source in sources::sources(flow, stream) {
            let described = |payload_type| scene.format(flow, payload_type);
            let tracks = tracks(&source, described);
            let found = in_clear(&source, &tracks, stream);
            if !found.is_empty() {
                claims.extend(found);
                continue;
            }
            let ring = ring.get_or_insert_with(|| KeyRing::new(keyed::told(scene, flow)));
            if let Some(claim) = keyed::opened(scene, ring, &source, stream) {
                claims.push(claim);
            } else {
                unknown.extend(unreadable(scene, flow, &source, &tracks, stream));
            }
            if claims.len() > MOST_CLAIMS {
                break;
            }
        }
    }
    unknown.truncate(1);
    claims.extend(unknown);
    claims
}

/// What of a source is in clear, one claim for each codec.
fn in_clear(
    source: &Source<'_>,
    tracks: &[(Vec<Packet<'_>>, Option<crate::dissect::sdp::Format>)],
    stream: &Stream,
) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (packets, described) in tracks {
        let track = Track {
            packets,
            described: described.as_ref(),
        };
        let Some(found) = CODECS.iter().find_map(|codec| codec(&track)) else {
            continue;
        };
        claims.push(claim(source, packets, found, stream));
    }
    claims
}

fn claim(source: &Source<'_>, packets: &[Packet<'_>], found: Found, stream: &Stream) -> Claim {
    let place = packets.first().and_then(|packet| stream.place(packet.at));
    let payload_type = packets.first().map_or(0, |packet| packet.payload_type);
    let reason = format!(
        "{}, SSRC {:08x}, payload type {payload_type}, {} packets in sequence{}: {}",
        source.carriage.words(),
        source.ssrc,
        packets.len(),
        place.map_or_else(String::new, |p| format!(" from packet {} on", p.packet)),
        found.reason
    );
    let kind = format!("{}/{}", source.carriage.kind(), found.codec);
    match found.is_media {
        true => Claim::clear(kind, found.media, reason),
        false => Claim::other(kind, reason),
    }
    .at(place)
}

/// A source by payload type, each with what descriptions say of it. Packets without
/// payload are left out.
fn tracks<'a>(
    source: &Source<'a>,
    described: impl Fn(u8) -> Option<crate::dissect::sdp::Format>,
) -> Vec<(Vec<Packet<'a>>, Option<crate::dissect::sdp::Format>)> {
    let mut by_type: BTreeMap<u8, Vec<Packet<'a>>> = BTreeMap::new();
    let mut octets = 0;
    for packet in &source.packets {
        octets += packet.payload.len();
        if !packet.payload.is_empty() && octets <= MOST_OCTETS {
            by_type
                .entry(packet.payload_type)
                .or_default()
                .push(*packet);
        }
    }
    let mut tracks: Vec<_> = by_type
        .into_iter()
        .filter(|(_, packets)| packets.len() >= MIN_PACKETS)
        .map(|(payload_type, packets)| (packets, described(payload_type)))
        .collect();
    tracks.sort_by_key(|(packets, _)| std::cmp::Reverse(packets.len()));
    tracks.truncate(8);
    tracks
}

/// RTP by its form whose payload nobody can read. A prefix that nobody knows is not
/// enough of a form.
fn unreadable(
    scene: &Scene<'_>,
    flow: &Flow,
    source: &Source<'_>,
    tracks: &[(Vec<Packet<'_>>, Option<crate::dissect::sdp::Format>)],
    stream: &Stream,
) -> Option<Claim> {
    if source.packets.len() < MIN_UNKNOWN || matches!(source.carriage, Carriage::Prefixed(_)) {
        return None;
    }
    let (packets, described) = tracks.first()?;
    let track = Track {
        packets,
        described: described.as_ref(),
    };
    if packets.len() * 2 < source.packets.len() || !is_timed(&track) {
        return None;
    }
    let place = packets.first().and_then(|packet| stream.place(packet.at));
    let grown = sound::grown(&track).filter(|octets| TAGS.contains(octets));
    let why = match (grown, scene.secured(flow)) {
        (Some(octets), _) => {
            format!(
                "each payload is {octets} octets longer than its codec's frames: as long as SRTP's tags"
            )
        }
        (None, true) => "its session description says that it is SRTP".to_owned(),
        (None, false) => "its payload has the structure of no codec".to_owned(),
    };
    let reason = format!(
        "{}, SSRC {:08x}, {} packets in sequence; {why}; no handshake and no key of it were captured",
        source.carriage.words(),
        source.ssrc,
        source.packets.len()
    );
    Some(Claim::unknown("srtp?", reason).at(place))
}

/// Whether time stamps run on as those of media do: hardly ever backwards by much,
/// and not from packet to packet by chance.
fn is_timed(track: &Track<'_>) -> bool {
    let (mut all, mut fitting) = (0, 0);
    for (_, _, step) in track.steps() {
        all += 1;
        let step = step as i32;
        fitting += usize::from((-90_000..=900_000).contains(&step));
    }
    let times: BTreeSet<u32> = track.packets.iter().map(|p| p.timestamp).collect();
    all >= MIN_PACKETS && fitting * 10 >= all * 9 && times.len() >= 3
}

#[cfg(test)]
mod tests;

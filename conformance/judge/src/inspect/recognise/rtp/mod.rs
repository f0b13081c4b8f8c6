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
mod latm;
mod mpeg;
mod opus;
mod rare;
mod raw;
mod red;
mod sets;
mod sound;
mod sources;
mod speex;
mod track;
mod twice;
mod vp8;
mod vp9;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    adversary::cryptanalyst::ecb::BLOCK,
    decoder::{Elementary, Format},
    dissect::{Flow, Stream, sdp},
    inspect::{Claim, Scene, recognise::dtls},
};

use super::ecb::Blocks;
use sources::{Carriage, Source};
use track::{Packet, Track};

pub(in crate::inspect) use twice::twice;

#[cfg(test)]
pub(super) use track::testing::noise as testing_noise;

/// Packets of one payload type that a codec needs at least, and those that need fewer.
const MIN_PACKETS: usize = 4;
const FEWEST_PACKETS: usize = 3;
const OF_FEW: &[Codec] = &[aac::generic];
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
    /// What plays with parameter sets before it that it does not have.
    bare: Option<Elementary>,
    /// Whether it is media at all.
    is_media: bool,
}

impl Found {
    fn new(codec: &'static str, media: Vec<Elementary>, reason: String) -> Self {
        Self {
            codec,
            reason,
            media,
            bare: None,
            is_media: true,
        }
    }

    /// Video that plays by itself if it has its parameter sets.
    fn video(codec: &'static str, file: Elementary, has_sets: bool, reason: String) -> Self {
        let (media, bare) = match has_sets {
            true => (vec![file], None),
            false => (Vec::new(), Some(file)),
        };
        Self {
            bare,
            ..Self::new(codec, media, reason)
        }
    }

    /// The same with those parameter sets, each in turn.
    fn with(mut self, sets: &[Vec<u8>]) -> Self {
        let Some(bare) = self.bare.take().filter(|_| !sets.is_empty()) else {
            return self;
        };
        self.reason += "; a session description tells parameter sets";
        let with = sets.iter().map(|sets| Elementary {
            format: bare.format,
            octets: [&sets[..], &bare.octets].concat(),
        });
        self.media.extend(with);
        self
    }
}

/// The packets of a source of one payload type.
struct Group<'a> {
    packets: Vec<Packet<'a>>,
    /// What descriptions say of it.
    described: Option<sdp::Format>,
    /// Whether they lie in others that bring them more than once.
    redundant: bool,
}

impl Group<'_> {
    fn track(&self) -> Track<'_> {
        Track {
            packets: &self.packets,
            described: self.described.as_ref(),
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
    raw::raw,
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
    latm::latm,
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
    let (mut told, mut tag) = (None, None);
    let mut packets = 0;
    for stream in [&flow.from_a, &flow.from_b] {
        if stream.bytes.len() < 12 * MIN_PACKETS {
            continue;
        }
        for source in sources::sources(flow, stream) {
            packets += source.packets.len();
            let described = |payload_type| scene.format(flow, payload_type);
            let sets = |payload_type, format| sets::told(scene, flow, payload_type, format);
            let tag = tag.get_or_insert_with(|| dtls::null_tag(flow));
            if let Some(tag) = *tag {
                let clear = keyed::without_tags(&source, tag);
                let tracks = tracks(&clear, described);
                let found = in_clear(&clear, &tracks, stream, &sets).into_iter();
                claims.extend(found.map(|claim| behind_tags(claim, tag)));
                continue;
            }
            let tracks = tracks(&source, described);
            let told = told.get_or_insert_with(|| keyed::Told::read(scene, flow));
            let open = || keyed::opened(scene, flow, told, &source, stream);
            // Tags behind payloads in clear would be taken for a part of them.
            let first = told.leaves_clear();
            let tagged = first.then(open).flatten();
            let found = match tagged {
                Some(claim) => vec![claim],
                None => in_clear(&source, &tracks, stream, &sets),
            };
            if !found.is_empty() {
                claims.extend(found);
                continue;
            }
            if let Some(claim) = (!first).then(open).flatten() {
                claims.push(claim);
            } else if let Some(claim) = blocks(&source, &tracks, stream) {
                claims.push(claim);
            } else {
                unknown.extend(unreadable(scene, flow, &source, &tracks, stream));
            }
            if claims.len() > MOST_CLAIMS {
                break;
            }
        }
    }
    if let Some(unknown) = unknown.into_iter().next() {
        let is_whole = claims.is_empty() && sources::are_all(flow, packets);
        claims.push(unknown.whole(is_whole));
    }
    claims
}

/// What of a source is in clear, one claim for each codec. `sets`: parameter sets that
/// are told of a payload type.
fn in_clear(
    source: &Source<'_>,
    tracks: &[Group<'_>],
    stream: &Stream,
    sets: &dyn Fn(u8, Format) -> Vec<Vec<u8>>,
) -> Vec<Claim> {
    let mut claims = Vec::new();
    for group in tracks {
        let codecs = match group.packets.len() {
            ..MIN_PACKETS => OF_FEW,
            _ => CODECS,
        };
        let track = group.track();
        let Some(found) = codecs.iter().find_map(|codec| codec(&track)) else {
            continue;
        };
        let sets = match &found.bare {
            Some(bare) => sets(track.payload_type(), bare.format),
            None => Vec::new(),
        };
        claims.push(claim(source, group, found.with(&sets), stream));
    }
    claims
}

/// The same in SRTP whose profile does not encrypt.
fn behind_tags(claim: Claim, tag: usize) -> Claim {
    Claim {
        kind: format!("dtls-srtp-null/{}", claim.kind),
        reason: format!(
            "{}; the handshake chose a profile of SRTP that does not encrypt, {tag} octets of a tag are behind each packet",
            claim.reason
        ),
        ..claim
    }
}

fn claim(source: &Source<'_>, group: &Group<'_>, found: Found, stream: &Stream) -> Claim {
    let packets = &group.packets;
    let place = packets.first().and_then(|packet| stream.place(packet.at));
    let payload_type = packets.first().map_or(0, |packet| packet.payload_type);
    let reason = format!(
        "{}, SSRC {:08x}, payload type {payload_type}{}, {} packets in sequence{}: {}",
        source.carriage.words(),
        source.ssrc,
        match group.redundant {
            true => " in redundant packets (RFC 2198)",
            false => "",
        },
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
    described: impl Fn(u8) -> Option<sdp::Format>,
) -> Vec<Group<'a>> {
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
    let groups = by_type.into_iter().map(|(payload_type, packets)| {
        let said = described(payload_type);
        match red::unwrapped(&packets, said.as_ref()) {
            Some(packets) => {
                let inner = most(packets.iter().map(|packet| packet.payload_type));
                let is_inner = |packet: &Packet<'_>| Some(packet.payload_type) == inner;
                Group {
                    packets: packets.into_iter().filter(is_inner).collect(),
                    described: inner.and_then(&described),
                    redundant: true,
                }
            }
            None => Group {
                packets,
                described: said,
                redundant: false,
            },
        }
    });
    let mut tracks: Vec<_> = groups
        .filter(|group| group.packets.len() >= FEWEST_PACKETS)
        .collect();
    tracks.sort_by_key(|group| std::cmp::Reverse(group.packets.len()));
    tracks.truncate(8);
    tracks
}

/// What comes most often.
fn most(types: impl Iterator<Item = u8>) -> Option<u8> {
    let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
    types.for_each(|payload_type| *counts.entry(payload_type).or_default() += 1);
    let most = counts.into_iter().max_by_key(|(_, count)| *count)?;
    Some(most.0)
}

/// RTP by its form whose payload nobody can read. A prefix that nobody knows is not
/// enough of a form.
fn unreadable(
    scene: &Scene<'_>,
    flow: &Flow,
    source: &Source<'_>,
    tracks: &[Group<'_>],
    stream: &Stream,
) -> Option<Claim> {
    if source.packets.len() < MIN_UNKNOWN || matches!(source.carriage, Carriage::Prefixed(_)) {
        return None;
    }
    let group = tracks.first()?;
    let (packets, track) = (&group.packets, group.track());
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

/// Media whose blocks are enciphered each for itself: every payload is as long as
/// blocks are, and blocks repeat.
fn blocks(source: &Source<'_>, tracks: &[Group<'_>], stream: &Stream) -> Option<Claim> {
    let group = tracks.first()?;
    let (packets, track) = (&group.packets, group.track());
    let whole = packets
        .iter()
        .filter(|p| p.payload.len().is_multiple_of(BLOCK));
    let whole: Vec<&[u8]> = whole.map(|packet| packet.payload).collect();
    let lengths: BTreeSet<usize> = whole.iter().map(|payload| payload.len()).collect();
    if source.packets.len() < MIN_UNKNOWN
        || matches!(source.carriage, Carriage::Prefixed(_))
        || whole.len() * 20 < packets.len() * 19
        || !is_timed(&track)
    {
        return None;
    }
    let blocks = Blocks::find_aligned(&whole)?;
    let reason = format!(
        "{}, SSRC {:08x}, {} packets in sequence, whose payloads are of {} lengths, all whole blocks of {BLOCK} octets: {}; the media beneath are equal there",
        source.carriage.words(),
        source.ssrc,
        packets.len(),
        lengths.len(),
        blocks.words()
    );
    let place = packets.first().and_then(|packet| stream.place(packet.at));
    Some(Claim::clear("ecb", Vec::new(), reason).at(place))
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

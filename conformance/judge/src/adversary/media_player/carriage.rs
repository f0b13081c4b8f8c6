//! Finds what may be H.264 in a flow, by its content and in any carriage.

use std::{collections::BTreeMap, ops::Range};

use crate::dissect::{
    Stream,
    h264::{START_CODE, nal_units},
    mp4,
    rtp::{Header, depacketize, is_rtcp, is_rtp},
    rtsp::Frame,
};

use super::portion::Unit;

/// Packets that an SSRC needs, where nothing but its form says that it is RTP.
const MIN_PACKETS: usize = 3;
/// How far sequence numbers may move from one packet to the next.
const MAX_STEP: i16 = 64;
/// Headers of unknown protocols (a TURN channel, say) that may lie before RTP
/// in a datagram; their length is a multiple of 4.
const MAX_PREFIX: usize = 36;
/// MP4 files in one direction.
const MAX_FILES: usize = 64;
/// Frames of RFC 4571 that have to follow each other to be believed.
const MIN_CHAIN: usize = 4;

/// Something that may be a video stream.
pub(super) struct Candidate {
    /// What carries it.
    pub carriage: &'static str,
    /// What it consists of, in order.
    pub units: Vec<Unit>,
}

/// Video in interleaved frames.
pub(super) fn interleaved(stream: &Stream, frames: &[Frame]) -> Vec<Candidate> {
    video(stream, &interleaved_sources(stream, frames))
}

/// RTP in interleaved frames (RFC 2326 10.12), by channel and SSRC.
pub(super) fn interleaved_sources(stream: &Stream, frames: &[Frame]) -> Vec<Source> {
    let mut channels: BTreeMap<u8, Vec<Range<usize>>> = BTreeMap::new();
    for frame in frames {
        let packets = channels.entry(frame.channel).or_default();
        packets.push(frame.payload.clone());
    }
    channels
        .values()
        .flat_map(|packets| rtp_sources(stream, packets))
        .map(|source| ("RTP in RTSP", source))
        .collect()
}

/// Video in datagrams.
pub(super) fn datagrams(stream: &Stream) -> Vec<Candidate> {
    by_prefix(stream, |sources| video(stream, &sources))
}

/// RTP in datagrams, as video or not.
pub(super) fn datagram_sources(stream: &Stream) -> Vec<Source> {
    by_prefix(stream, |sources| sources)
}

/// What makes sense of datagrams, bare or behind a header of constant length.
fn by_prefix<T>(stream: &Stream, sense: impl Fn(Vec<Source>) -> Vec<T>) -> Vec<T> {
    let parts = || stream.parts().map(|(p, octets)| p.at..p.at + octets.len());
    (0..=MAX_PREFIX)
        .step_by(4)
        .map(|prefix| {
            let packets: Vec<_> = parts()
                .filter(|part| part.len() > prefix)
                .map(|part| part.start + prefix..part.end)
                .collect();
            sense(continuous_rtp("RTP", stream, &packets))
        })
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// Video in a byte stream.
pub(super) fn length_framed(stream: &Stream) -> Vec<Candidate> {
    video(stream, &length_framed_sources(stream))
}

/// RTP in a byte stream, each packet behind its length in 2 octets (RFC 4571 2).
pub(super) fn length_framed_sources(stream: &Stream) -> Vec<Source> {
    let bytes = &stream.bytes;
    let mut packets = Vec::new();
    let mut at = 0;
    while let Some(skip) = version_2(bytes.get(at + 2..).unwrap_or_default()) {
        at += skip;
        if length_framed_chain(bytes, at).take(MIN_CHAIN).count() < MIN_CHAIN {
            at += 1;
            continue;
        }
        for packet in length_framed_chain(bytes, at) {
            at = packet.end;
            packets.push(packet);
        }
    }
    continuous_rtp("RTP in TCP", stream, &packets)
}

/// An Annex B byte stream, whatever else lies in the direction.
pub(super) fn annex_b(stream: &Stream) -> Option<Candidate> {
    let mut gaps = stream.gaps.iter().copied().peekable();
    let mut units: Vec<Unit> = Vec::new();
    for nal in nal_units(&stream.bytes) {
        while gaps.next_if(|&gap| gap <= nal.at).is_some() {}
        let torn = gaps.peek().is_some_and(|&gap| gap < nal.at + nal.length);
        let unit = if torn {
            Unit::missing(nal.at)
        } else {
            let octets = nal.octets(&stream.bytes);
            Unit::new([&START_CODE, octets].concat(), nal.at, 1)
        };
        // Binary data may be full of start codes.
        if !unit.is_foreign() || units.last().is_some_and(|last| !last.is_foreign()) {
            units.push(unit);
        }
    }
    candidate("Annex B", units)
}

/// Video tracks of MP4 files, whatever lies before them.
pub(super) fn mp4(stream: &Stream) -> Vec<Candidate> {
    // The type of a box comes after its length.
    let starts = memchr::memmem::find_iter(&stream.bytes, b"ftyp").take(MAX_FILES);
    let mut found = Vec::new();
    for at in starts.filter_map(|at| at.checked_sub(4)) {
        let file = &stream.bytes[at..];
        let movie = mp4::dissect(file);
        for track in movie.tracks.iter().filter(|t| t.is_h264()) {
            let sets = track.parameter_sets.iter().cloned();
            let sets = sets.map(|range| vec![range]);
            let samples = track.samples.iter();
            let samples = samples.map(|s| track.nal_units(s).to_vec());
            let units = sets.chain(samples).filter_map(|nal_units| {
                let begin = nal_units.first()?.start;
                let octets = nal_units.iter().filter_map(|range| file.get(range.clone()));
                let annex_b: Vec<u8> = octets
                    .flat_map(|nal| [&START_CODE[..], nal].concat())
                    .collect();
                Some(Unit::new(annex_b, at + begin, nal_units.len()))
            });
            found.extend(candidate("MP4", units.collect()));
        }
    }
    found
}

fn candidate(carriage: &'static str, units: Vec<Unit>) -> Option<Candidate> {
    let worth = super::portion::is_worth_decoding(&units);
    worth.then_some(Candidate { carriage, units })
}

/// Where the first octet is that has the version of RTP and RTCP in its upper bits.
fn version_2(bytes: &[u8]) -> Option<usize> {
    // Eight at a time: a bit is set in each octet that has them.
    const BOTH: u64 = u64::from_ne_bytes([0xC0; 8]);
    const UPPER: u64 = u64::from_ne_bytes([0x80; 8]);
    let mut at = 0;
    while let Some(octets) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let other = u64::from_le_bytes(*octets) & BOTH ^ UPPER;
        let found = !(other | other << 1) & UPPER;
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter()
        .position(|octet| octet >> 6 == 2)
        .map(|found| at + found)
}

/// The packets that follow each other from `at` on.
fn length_framed_chain(bytes: &[u8], at: usize) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = at;
    std::iter::from_fn(move || {
        let &[high, low, first] = bytes.get(at..)?.first_chunk()?;
        if first >> 6 != 2 {
            return None;
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        let packet = at + 2..at + 2 + length;
        let octets = bytes.get(packet.clone())?;
        at = packet.end;
        (is_rtp(octets) || is_rtcp(octets)).then_some(packet)
    })
}

/// Those SSRCs whose sequence numbers go on as RTP's do.
fn continuous_rtp(
    carriage: &'static str,
    stream: &Stream,
    packets: &[Range<usize>],
) -> Vec<Source> {
    rtp_sources(stream, packets)
        .into_iter()
        .filter(|source| source.len() >= MIN_PACKETS && is_continuous(source))
        .map(|source| (carriage, source))
        .collect()
}

fn video(stream: &Stream, sources: &[Source]) -> Vec<Candidate> {
    let candidates = sources
        .iter()
        .filter_map(|(carriage, source)| rtp_candidate(carriage, stream, source));
    candidates.collect()
}

/// What carries it, and the packets of one SSRC.
pub(super) type Source = (&'static str, Vec<RtpPacket>);

/// Where a packet lies in its stream, and its header.
type RtpPacket = (Range<usize>, Header);

/// RTP packets by SSRC, in order of the SSRC.
fn rtp_sources(stream: &Stream, packets: &[Range<usize>]) -> Vec<Vec<RtpPacket>> {
    let mut sources: BTreeMap<u32, Vec<RtpPacket>> = BTreeMap::new();
    for packet in packets {
        if let Some(header) = Header::parse(&stream.bytes[packet.clone()]) {
            let source = sources.entry(header.ssrc).or_default();
            source.push((packet.clone(), header));
        }
    }
    sources.into_values().collect()
}

/// Whether three quarters of the steps from packet to packet are small: by
/// chance one in five hundred is.
fn is_continuous(source: &[RtpPacket]) -> bool {
    let small = source.windows(2).filter(|pair| {
        let step = pair[1].1.sequence.wrapping_sub(pair[0].1.sequence) as i16;
        (-MAX_STEP..=MAX_STEP).contains(&step)
    });
    small.count() * 4 >= (source.len() - 1) * 3
}

/// Several payload types under one SSRC share its sequence numbers, or (in
/// breach of RFC 3550 5.2) count each for itself: what makes more sense is taken.
fn rtp_candidate(
    carriage: &'static str,
    stream: &Stream,
    source: &[RtpPacket],
) -> Option<Candidate> {
    let mut by_type: BTreeMap<u8, Vec<RtpPacket>> = BTreeMap::new();
    for packet in source {
        let packets = by_type.entry(packet.1.payload_type).or_default();
        packets.push(packet.clone());
    }
    let mut views = vec![source];
    if by_type.len() > 1 {
        views.extend(by_type.values().map(Vec::as_slice));
    }
    let sense = |units: &[Unit]| units.iter().map(Unit::evidence).sum::<usize>();
    let units = views
        .into_iter()
        .map(|view| rtp_units(stream, view))
        .max_by_key(|units| sense(units))?;
    candidate(carriage, units)
}

fn rtp_units(stream: &Stream, source: &[RtpPacket]) -> Vec<Unit> {
    let packets: Vec<_> = source
        .iter()
        .map(|(range, _)| &stream.bytes[range.clone()])
        .collect();
    depacketize(&packets)
        .into_iter()
        .map(|found| {
            let (range, header) = &source[found.first];
            let at = range.start + header.payload.start;
            if found.unread > 0 {
                Unit::foreign(at)
            } else if found.annex_b.is_empty() && !found.whole {
                Unit::missing(at)
            } else {
                Unit::new(found.annex_b, at, found.packets)
            }
        })
        .collect()
}

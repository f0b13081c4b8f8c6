//! Where RTP lies in a flow: bare in datagrams or behind a prefix, in TURN, in
//! interleaved frames of RTSP, behind lengths of RFC 4571.

use std::{collections::BTreeMap, ops::Range};

use lightleak_case::TransportProtocol;

use super::track::Packet;
use crate::dissect::{
    Flow, Piece, Stream, relay,
    rtp::{Header, is_rtcp, is_rtp},
    rtsp, stun, tls,
};

/// Packets that a source needs at least, and among how many datagrams it is looked for
/// behind a prefix.
const FEWEST_PACKETS: usize = 3;
const MIN_PACKETS: usize = 4;
/// How far sequence numbers may move from one packet to the next.
const MAX_STEP: i16 = 64;
/// Octets of unknown headers that may lie before RTP in each datagram.
const MAX_PREFIX: usize = 48;
/// Datagrams that are looked at in each of three places to find such a prefix.
const SAMPLE: usize = 48;
/// Frames that have to follow each other to be believed.
const MIN_CHAIN: usize = 4;
/// Octets of a byte stream in which the first frame of RTSP is looked for.
const MAX_SEARCH: usize = 256 * 1024;
/// Octets of a packet of RFC 4571: the first one begins before them.
const LONGEST_FRAME: usize = 2 + (1 << 16);
/// Sources of one carriage.
const MAX_SOURCES: usize = 512;

/// What carries RTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carriage {
    /// Datagrams, nothing else.
    Bare,
    /// Datagrams behind so many octets.
    Prefixed(usize),
    /// Channels or indications of TURN (RFC 8656).
    Turn,
    /// Frames of RTSP.
    Interleaved,
    /// RFC 4571.
    Framed,
}

impl Carriage {
    /// Its word in kinds.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Bare | Self::Prefixed(_) | Self::Turn => "rtp",
            Self::Interleaved => "rtsp",
            Self::Framed => "rtp-tcp",
        }
    }

    /// As a person says it.
    pub fn words(self) -> String {
        match self {
            Self::Bare => "RTP".to_owned(),
            Self::Prefixed(octets) => format!("RTP behind {octets} octets of each datagram"),
            Self::Turn => "RTP in TURN".to_owned(),
            Self::Interleaved => "RTP in RTSP".to_owned(),
            Self::Framed => "RTP in TCP".to_owned(),
        }
    }
}

/// The packets of one SSRC in one direction, in order of their sequence numbers.
#[derive(Clone, Debug)]
pub(super) struct Source<'a> {
    pub carriage: Carriage,
    pub ssrc: u32,
    pub packets: Vec<Packet<'a>>,
}

/// Sources whose sequence numbers go on.
pub(super) fn sources<'a>(flow: &Flow, stream: &'a Stream) -> Vec<Source<'a>> {
    match flow.transport {
        TransportProtocol::Udp | TransportProtocol::Sctp => in_datagrams(stream),
        TransportProtocol::Tcp => in_bytes(flow, stream),
    }
}

/// Whether so many packets of RTP are all that a flow has: sent twice, RTCP and STUN
/// aside.
pub(super) fn are_all(flow: &Flow, packets: usize) -> bool {
    let is_beside = |octets: &[u8]| is_rtcp(octets) || stun::Message::read(octets).is_some();
    let others = flow.parts().filter(|(_, octets)| !is_beside(octets));
    flow.transport == TransportProtocol::Udp && others.count() * 50 <= packets * 51
}

/// Those in the first datagrams, bare or in TURN.
pub(super) fn early(stream: &Stream, datagrams: usize) -> Vec<Source<'_>> {
    let begins =
        |(_, octets): &(&Piece, &[u8])| matches!(octets.first(), Some(0x40..=0x4f | 0x80..=0xbf));
    if stream.parts().take(SAMPLE).filter(begins).count() < MIN_PACKETS {
        return Vec::new();
    }
    let Places { bare, turn, .. } = places(stream.parts().take(datagrams));
    let mut found = by_source(stream, Carriage::Bare, &bare);
    found.extend(by_source(stream, Carriage::Turn, &turn));
    found
}

/// Where packets may lie in datagrams.
#[derive(Default)]
struct Places {
    bare: Vec<Range<usize>>,
    turn: Vec<Range<usize>>,
    datagrams: Vec<Range<usize>>,
}

fn places<'a>(parts: impl Iterator<Item = (&'a Piece, &'a [u8])>) -> Places {
    let mut places = Places::default();
    for (piece, octets) in parts {
        let part = piece.at..piece.at + octets.len();
        let turn = match octets.first() {
            Some(0x40..=0x4f) => relay::channel_data(octets),
            Some(0..=3) => relay::indication(octets),
            _ => None,
        };
        places.turn.extend(within(part.start, turn));
        if matches!(octets.first(), Some(0x80..=0xbf)) {
            places.bare.push(part.clone());
        }
        places.datagrams.push(part);
    }
    places
}

fn in_datagrams(stream: &Stream) -> Vec<Source<'_>> {
    let Places {
        bare,
        turn,
        datagrams,
    } = places(stream.parts());
    let mut found = by_source(stream, Carriage::Bare, &bare);
    found.extend(by_source(stream, Carriage::Turn, &turn));
    if !found.is_empty() {
        return found;
    }
    let windows = samples(&datagrams);
    for prefix in 1..=MAX_PREFIX {
        let behind = |part: &Range<usize>| part.start + prefix..part.end;
        // Cheaply: version 2 in most of them.
        let begins = |part: &&Range<usize>| {
            let first = stream.bytes.get(part.start + prefix);
            part.len() > prefix + 12 && first.is_some_and(|octet| octet >> 6 == 2)
        };
        let is_worth =
            |window: &&[Range<usize>]| window.iter().filter(begins).count() * 4 >= window.len();
        if !windows.iter().any(is_worth) {
            continue;
        }
        let goes_on = windows.iter().any(|window| {
            let parts: Vec<_> = window.iter().map(behind).collect();
            by_source(stream, Carriage::Prefixed(prefix), &parts)
                .iter()
                .any(|source| source.packets.len() * 4 >= window.len())
        });
        if goes_on {
            let parts: Vec<_> = datagrams.iter().map(behind).collect();
            found.extend(by_source(stream, Carriage::Prefixed(prefix), &parts));
        }
    }
    found
}

/// The beginning, the middle and the end.
fn samples<T>(all: &[T]) -> Vec<&[T]> {
    let last = all.len().saturating_sub(SAMPLE);
    let mut starts = vec![0, last / 2, last];
    starts.dedup();
    let window = |start: usize| all.get(start..all.len().min(start + SAMPLE));
    let windows = starts.into_iter().filter_map(window);
    windows
        .filter(|window| window.len() >= MIN_PACKETS)
        .collect()
}

/// A part of what begins there.
fn within(start: usize, part: Option<Range<usize>>) -> Option<Range<usize>> {
    part.map(|part| start + part.start..start + part.end)
}

fn in_bytes<'a>(flow: &Flow, stream: &'a Stream) -> Vec<Source<'a>> {
    let mut found = Vec::new();
    for (_, frames) in interleaved(flow, stream) {
        found.extend(by_source(stream, Carriage::Interleaved, &frames));
    }
    if found.is_empty() {
        found = by_source(stream, Carriage::Framed, &framed(stream));
    }
    if found.is_empty() {
        found = by_source(stream, Carriage::Turn, &turn_in_bytes(stream));
    }
    found
}

/// Payload of the frames of each channel.
fn interleaved(flow: &Flow, stream: &Stream) -> BTreeMap<u8, Vec<Range<usize>>> {
    let speaks = |stream: &Stream| memchr::memmem::find(&stream.bytes, b"RTSP/1.0").is_some();
    let frames = match speaks(&flow.from_a) || speaks(&flow.from_b) || dollars(&stream.bytes) {
        true => rtsp::frames(stream),
        false => Vec::new(),
    };
    let mut channels: BTreeMap<u8, Vec<Range<usize>>> = BTreeMap::new();
    for frame in frames {
        channels
            .entry(frame.channel)
            .or_default()
            .push(frame.payload);
    }
    channels
}

/// Whether frames follow each other somewhere near the beginning.
fn dollars(bytes: &[u8]) -> bool {
    let searched = bytes.get(..bytes.len().min(MAX_SEARCH)).unwrap_or_default();
    memchr::memchr_iter(b'$', searched).any(|at| {
        let chain = frames_from(bytes, at, |bytes, at| {
            let &[b'$', _, high, low] = bytes.get(at..)?.first_chunk()? else {
                return None;
            };
            Some((at + 4, usize::from(u16::from_be_bytes([high, low]))))
        });
        chain.take(MIN_CHAIN).count() == MIN_CHAIN
    })
}

/// Packets behind their length in 2 octets (RFC 4571 2), from the first one or from
/// where a stream was joined.
fn framed(stream: &Stream) -> Vec<Range<usize>> {
    let bytes = &stream.bytes;
    let mut found = Vec::new();
    if tls::is_records(bytes) {
        return found;
    }
    let mut starts = stream.gaps.iter().copied();
    let mut at = 0;
    // Octets that are searched in all.
    let mut budget = 4 * MAX_SEARCH;
    loop {
        let limit = bytes.len().min(at + LONGEST_FRAME.min(budget));
        let chain = |at: usize| {
            frames_from(bytes, at, |bytes, at| {
                let &[high, low] = bytes.get(at..)?.first_chunk()?;
                Some((at + 2, usize::from(u16::from_be_bytes([high, low]))))
            })
        };
        if let Some(start) = (at..limit).find(|at| chain(*at).take(MIN_CHAIN).count() == MIN_CHAIN)
        {
            budget = budget.saturating_sub(start - at);
            found.extend(chain(start));
            at = found.last().map_or(start + 1, |last| last.end);
        } else if found.is_empty() {
            return found;
        } else {
            budget = budget.saturating_sub(limit - at);
        }
        if budget == 0 {
            return found;
        }
        match starts.find(|gap| *gap >= at) {
            Some(gap) => at = gap,
            None => return found,
        }
    }
}

/// Payload of the frames that follow each other from `at` on; `header` says where
/// one begins and how long it is.
fn frames_from(
    bytes: &[u8],
    mut at: usize,
    header: impl Fn(&[u8], usize) -> Option<(usize, usize)>,
) -> impl Iterator<Item = Range<usize>> {
    std::iter::from_fn(move || {
        let (start, length) = header(bytes, at)?;
        let payload = start..start + length;
        let octets = bytes.get(payload.clone())?;
        at = payload.end;
        (is_rtp(octets) || is_rtcp(octets)).then_some(payload)
    })
}

/// Application data of TURN over TCP (RFC 8656 3.1, 12.5), from the beginning on.
fn turn_in_bytes(stream: &Stream) -> Vec<Range<usize>> {
    let bytes = &stream.bytes;
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&[first, _, high, low]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let length = usize::from(u16::from_be_bytes([high, low]));
        match first {
            0x40..=0x4f => {
                let end = at + 4 + length;
                if end > bytes.len() {
                    break;
                }
                found.push(at + 4..end);
                at += 4 + length.next_multiple_of(4);
            }
            0..=3 => {
                let Some(octets) = bytes.get(at..at + 20 + length) else {
                    break;
                };
                if stun::Message::read(octets).is_none() {
                    break;
                }
                found.extend(within(at, relay::indication(octets)));
                at += 20 + length;
            }
            _ => break,
        }
    }
    found
}

/// By SSRC, those that go on.
fn by_source<'a>(
    stream: &'a Stream,
    carriage: Carriage,
    parts: &[Range<usize>],
) -> Vec<Source<'a>> {
    let mut sources: BTreeMap<u32, Vec<Packet<'a>>> = BTreeMap::new();
    for part in parts {
        let Some(octets) = stream.bytes.get(part.clone()) else {
            continue;
        };
        let Some(header) = Header::parse(octets) else {
            continue;
        };
        let time_ns = stream.piece(part.start).map_or(0, |piece| piece.time_ns);
        sources.entry(header.ssrc).or_default().push(Packet {
            sequence: i64::from(header.sequence),
            timestamp: header.timestamp,
            marker: header.marker,
            payload_type: header.payload_type,
            payload: octets.get(header.payload).unwrap_or_default(),
            octets,
            at: part.start,
            time_ns,
        });
    }
    let sources = sources
        .into_iter()
        .filter(|(_, packets)| packets.len() >= FEWEST_PACKETS && goes_on(packets));
    let sources = sources.map(|(ssrc, packets)| Source {
        carriage,
        ssrc,
        packets: in_order(packets),
    });
    sources.take(MAX_SOURCES).collect()
}

/// Whether nearly all steps from packet to packet are small, and most are forward.
/// By chance one in five hundred is small.
fn goes_on(packets: &[Packet<'_>]) -> bool {
    let steps = packets.windows(2).filter_map(|pair| match pair {
        [a, b] => Some((b.sequence as u16).wrapping_sub(a.sequence as u16) as i16),
        _ => None,
    });
    let (mut all, mut small, mut forward) = (0, 0, 0);
    for step in steps {
        all += 1;
        small += usize::from((-MAX_STEP..=MAX_STEP).contains(&step));
        forward += usize::from((1..=MAX_STEP).contains(&step));
    }
    small * 10 >= all * 8 && forward * 10 >= all * 4
}

/// By extended sequence number, doubles left out.
fn in_order(mut packets: Vec<Packet<'_>>) -> Vec<Packet<'_>> {
    let mut last: Option<i64> = None;
    for packet in &mut packets {
        let sequence = packet.sequence as u16;
        if let Some(last) = last {
            packet.sequence = last + i64::from(sequence.wrapping_sub(last as u16) as i16);
        }
        last = Some(packet.sequence);
    }
    packets.sort_by_key(|packet| packet.sequence);
    packets.dedup_by_key(|packet| packet.sequence);
    packets
}

//! RTP and H.264 in it (RFC 3550, RFC 6184), depacketized by crate `rtp`.
//!
//! Headers are read here, since the crate's reader panics on header extensions
//! that lie about their length; what reaches its H.264 depacketizer is checked
//! before. Interleaved packetization (STAP-B, MTAP, FU-B) is not read.

pub mod placed;

use std::{collections::BTreeMap, ops::Range};

use bytes::Bytes;
use rtp::{codecs::h264::H264Packet, packetizer::Depacketizer};

/// Sequence numbers may fall back this far and still be reordering.
const MAX_MISORDER: i64 = 512;
/// Sequence numbers may jump this far and still be loss (RFC 3550 A.1).
const MAX_DROPOUT: i64 = 3000;

/// An access unit that was put together from RTP packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundUnit {
    /// Annex B byte stream: every NAL unit behind a 4-octet start code. Only
    /// NAL units that arrived completely are in it; it may be empty.
    pub annex_b: Vec<u8>,
    /// RTP time stamp.
    pub rtp_time: u32,
    /// Index of its first packet in what was handed in.
    pub first: usize,
    /// Whether no packet of it is missing.
    pub whole: bool,
    /// How many packets of it there are.
    pub packets: usize,
    /// How many of these are no H.264 payload.
    pub unread: usize,
}

/// The fields of an RTP header (RFC 3550 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// PT.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Time stamp.
    pub timestamp: u32,
    /// SSRC.
    pub ssrc: u32,
    /// Marker: the last packet of an access unit (RFC 6184 5.1).
    pub marker: bool,
    /// Where the payload lies in the packet, padding excluded.
    pub payload: Range<usize>,
}

impl Header {
    /// Reads the header of an RTP packet; `None` if it is none by form.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let &[first, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3, ..] = packet else {
            return None;
        };
        if first >> 6 != 2 || is_rtcp_type(second) {
            return None;
        }
        let mut start = 12 + 4 * usize::from(first & 0x0f);
        if first & 0x10 != 0 {
            let length = packet.get(start + 2..start + 4)?;
            start += 4 + 4 * usize::from(u16::from_be_bytes([length[0], length[1]]));
        }
        let mut end = packet.len();
        if first & 0x20 != 0 {
            let padding = usize::from(*packet.last()?);
            if padding == 0 {
                return None;
            }
            end = end.checked_sub(padding)?;
        }
        (start <= end).then_some(Self {
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            marker: second & 0x80 != 0,
            payload: start..end,
        })
    }
}

/// Whether the octets are an RTP packet by form: version 2, no RTCP type
/// (RFC 5761 4), and its CSRCs, extension and padding fit.
pub fn is_rtp(packet: &[u8]) -> bool {
    Header::parse(packet).is_some()
}

/// Whether the octets are an RTCP packet by form: version 2, a type of RFC 5761
/// 4, and the length of the first packet fits.
pub fn is_rtcp(packet: &[u8]) -> bool {
    let &[first, second, l0, l1, ..] = packet else {
        return false;
    };
    let length = 4 * (usize::from(u16::from_be_bytes([l0, l1])) + 1);
    first >> 6 == 2 && is_rtcp_type(second) && length <= packet.len()
}

/// Whether one of the packets of compound RTCP asks for a key frame: a picture loss
/// indication or a full intra request (RFC 4585 6.3.1, RFC 5104 4.3.1).
pub fn asks_for_key_frame(compound: &[u8]) -> bool {
    const PAYLOAD_SPECIFIC: u8 = 206;
    const FORMATS: [u8; 2] = [1, 4];
    let mut rest = compound;
    while is_rtcp(rest) {
        let &[first, second, l0, l1, ..] = rest else {
            return false;
        };
        if second == PAYLOAD_SPECIFIC && FORMATS.contains(&(first & 0x1f)) {
            return true;
        }
        let length = 4 * (usize::from(u16::from_be_bytes([l0, l1])) + 1);
        rest = rest.get(length..).unwrap_or_default();
    }
    false
}

/// Puts access units together from the packets of one SSRC, which may be
/// doubled and out of order. Never mixes what is not contiguous. Of several
/// payload types the most frequent is read; the others (error correction, say)
/// only fill their place in the sequence.
pub fn depacketize(packets: &[&[u8]]) -> Vec<FoundUnit> {
    let ordered = in_order(packets);
    let payload_type = most_frequent(ordered.iter().map(|p| p.header.payload_type));
    let mut assembly = Assembly::default();
    for packet in &ordered {
        assembly.follow(packet.sequence);
        if Some(packet.header.payload_type) == payload_type {
            assembly.add(
                packet,
                &packets[packet.index][packet.header.payload.clone()],
            );
        }
    }
    assembly.finish_unit();
    assembly.done
}

/// RFC 5761 4: what an RTP packet's second octet must not be.
pub(crate) fn is_rtcp_type(second: u8) -> bool {
    (192..=223).contains(&second)
}

struct Ordered {
    header: Header,
    index: usize,
    /// Extended sequence number; another jump ahead for every restart.
    sequence: i64,
}

/// By extended sequence number, doubles dropped.
fn in_order(packets: &[&[u8]]) -> Vec<Ordered> {
    let mut highest: Option<i64> = None;
    let mut ordered = Vec::with_capacity(packets.len());
    for (index, packet) in packets.iter().enumerate() {
        let Some(header) = Header::parse(packet) else {
            continue;
        };
        let sequence = match highest {
            None => i64::from(header.sequence),
            Some(highest) => extend(highest, header.sequence),
        };
        highest = highest.max(Some(sequence));
        ordered.push(Ordered {
            header,
            index,
            sequence,
        });
    }
    ordered.sort_by_key(|p| p.sequence);
    ordered.dedup_by_key(|p| p.sequence);
    ordered
}

/// A jump too far is a sender that began anew: it continues beyond a hole.
fn extend(highest: i64, sequence: u16) -> i64 {
    let step = i64::from(sequence.wrapping_sub(highest as u16) as i16);
    if (-MAX_MISORDER..=MAX_DROPOUT).contains(&step) {
        highest + step
    } else {
        (((highest >> 16) + 2) << 16) + i64::from(sequence)
    }
}

fn most_frequent(payload_types: impl Iterator<Item = u8>) -> Option<u8> {
    let mut counts = BTreeMap::new();
    for payload_type in payload_types {
        *counts.entry(payload_type).or_insert(0usize) += 1;
    }
    counts.into_iter().max_by_key(|&(_, n)| n).map(|(pt, _)| pt)
}

/// How far a fragmented NAL unit is (RFC 6184 5.8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fragments {
    /// None is open.
    #[default]
    None,
    /// Its type; all fragments so far are there.
    Open(u8),
    /// Its beginning may have been lost: what follows cannot be used.
    Lost,
}

#[derive(Default)]
struct Assembly {
    done: Vec<FoundUnit>,
    unit: Option<FoundUnit>,
    depacketizer: H264Packet,
    fragments: Fragments,
    last_sequence: Option<i64>,
    last_marker: bool,
    /// A packet is missing between the last one that was added and the next.
    hole: bool,
}

impl Assembly {
    /// Notes the next sequence number, of whatever payload type.
    fn follow(&mut self, sequence: i64) {
        self.hole |= self.last_sequence.is_some_and(|last| sequence != last + 1);
        if self.hole || self.last_sequence.is_none() {
            self.fragments = Fragments::Lost;
        }
        self.last_sequence = Some(sequence);
    }

    fn add(&mut self, packet: &Ordered, payload: &[u8]) {
        let hole = std::mem::take(&mut self.hole);
        // What is missing after a marker is not of the unit that it closed.
        if hole && !self.last_marker {
            self.spoil();
        }
        let same = self
            .unit
            .as_ref()
            .is_some_and(|u| u.rtp_time == packet.header.timestamp && !self.last_marker);
        if !same {
            if matches!(self.fragments, Fragments::Open(_)) {
                self.spoil();
                self.fragments = Fragments::None;
            }
            self.finish_unit();
            self.unit = Some(FoundUnit {
                annex_b: Vec::new(),
                rtp_time: packet.header.timestamp,
                first: packet.index,
                whole: !hole,
                packets: 0,
                unread: 0,
            });
        }
        self.last_marker = packet.header.marker;
        let read = self.read_payload(payload);
        if let Some(unit) = &mut self.unit {
            unit.packets += 1;
            match read {
                Some(nal_units) => unit.annex_b.extend_from_slice(&nal_units),
                None => unit.unread += 1,
            }
        }
    }

    /// Complete NAL units that the payload brings; `None` if it is no H.264.
    fn read_payload(&mut self, payload: &[u8]) -> Option<Bytes> {
        // Too short for anything (padding, an end of sequence): no harm.
        if payload.len() <= 2 {
            return Some(Bytes::new());
        }
        let kind = payload[0] & 0x1f;
        if kind == 28 && payload[0] & 0x80 == 0 {
            return self.read_fragment(payload);
        }
        if matches!(self.fragments, Fragments::Open(_)) {
            self.spoil();
        }
        self.fragments = Fragments::None;
        let readable = match kind {
            1..=23 => true,
            24 => is_aggregate(payload),
            _ => false,
        };
        if payload[0] & 0x80 != 0 || !readable {
            return None;
        }
        self.depacketizer
            .depacketize(&Bytes::copy_from_slice(payload))
            .ok()
    }

    fn read_fragment(&mut self, payload: &[u8]) -> Option<Bytes> {
        let (start, end) = (payload[1] & 0x80 != 0, payload[1] & 0x40 != 0);
        let kind = payload[1] & 0x1f;
        if start && end {
            return None;
        }
        if start {
            if matches!(self.fragments, Fragments::Open(_)) {
                self.spoil();
            }
            self.fragments = Fragments::Open(kind);
            self.depacketizer = H264Packet::default();
        }
        match self.fragments {
            Fragments::Open(open) if open == kind => {
                if end {
                    self.fragments = Fragments::None;
                }
                self.depacketizer
                    .depacketize(&Bytes::copy_from_slice(payload))
                    .ok()
            }
            Fragments::Lost => {
                self.spoil();
                if end {
                    self.fragments = Fragments::None;
                }
                Some(Bytes::new())
            }
            _ => {
                self.spoil();
                self.fragments = Fragments::None;
                None
            }
        }
    }

    fn spoil(&mut self) {
        if let Some(unit) = &mut self.unit {
            unit.whole = false;
        }
    }

    fn finish_unit(&mut self) {
        if matches!(self.fragments, Fragments::Open(_)) {
            self.spoil();
        }
        self.done.extend(self.unit.take());
    }
}

/// RFC 6184 5.7.1: the sizes fill the packet. (The crate would read beyond it.)
fn is_aggregate(payload: &[u8]) -> bool {
    let mut rest = &payload[1..];
    while let [high, low, tail @ ..] = rest {
        let size = usize::from(u16::from_be_bytes([*high, *low]));
        if size == 0 || size > tail.len() {
            return false;
        }
        rest = &tail[size..];
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests;

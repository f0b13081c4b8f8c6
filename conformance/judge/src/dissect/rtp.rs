//! RTP and H.264 in it (RFC 3550, RFC 6184), depacketized by crate `rtp`.
//!
//! Headers are read here, since the crate's reader panics on header extensions
//! that lie about their length; what reaches its H.264 depacketizer is checked
//! before. Interleaved packetization (STAP-B, MTAP, FU-B) is not read.

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
fn is_rtcp_type(second: u8) -> bool {
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
        ((highest >> 16) + 2 << 16) + i64::from(sequence)
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(sequence: u16, time: u32, marker: bool, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x80, 96 | u8::from(marker) << 7];
        packet.extend(sequence.to_be_bytes());
        packet.extend(time.to_be_bytes());
        packet.extend([0, 0, 0, 7]);
        packet.extend_from_slice(payload);
        packet
    }

    fn read(packets: &[Vec<u8>]) -> Vec<FoundUnit> {
        depacketize(&packets.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// Three units of three packets: an aggregate and a unit in two fragments.
    fn sound() -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        for unit in 0..3u16 {
            let (at, time) = (65534u16.wrapping_add(unit * 3), u32::from(unit) * 3000);
            let aggregate = [24, 0, 2, 0x67, 9, 0, 3, 0x68, 8, 8];
            packets.push(packet(at, time, false, &aggregate));
            packets.push(packet(at.wrapping_add(1), time, false, &[0x7c, 0x85, 1, 2]));
            packets.push(packet(at.wrapping_add(2), time, true, &[0x7c, 0x45, 3, 4]));
        }
        packets
    }

    const UNIT: &[u8] = &[
        0, 0, 0, 1, 0x67, 9, 0, 0, 0, 1, 0x68, 8, 8, 0, 0, 0, 1, 0x65, 1, 2, 3, 4,
    ];

    #[test]
    fn units_are_put_together_across_the_wrap_of_the_sequence_number() {
        let units = read(&sound());
        assert_eq!(units.len(), 3);
        for (index, unit) in units.iter().enumerate() {
            assert_eq!(unit.annex_b, UNIT);
            assert!(unit.whole && unit.unread == 0 && unit.packets == 3);
            assert_eq!(unit.first, index * 3);
        }
    }

    #[test]
    fn doubled_and_reordered_packets_change_nothing_but_the_index() {
        let mut packets = sound();
        packets.swap(4, 5);
        packets.swap(1, 3);
        packets.push(packets[2].clone());
        let units = read(&packets);
        assert_eq!(units.len(), 3);
        assert!(units.iter().all(|u| u.annex_b == UNIT && u.whole));
    }

    #[test]
    fn fragments_are_never_spliced_across_a_hole() {
        // The end of unit 0 and the beginning of unit 1 are lost.
        let mut packets = sound();
        packets.drain(2..5);
        let units = read(&packets);
        assert!(!units[0].whole && !units[1].whole && units[2].whole);
        assert_eq!(units[0].annex_b, UNIT[..13]);
        assert_eq!(units[1].annex_b, b"");
        assert_eq!((units[1].packets, units[1].unread), (1, 0));

        // The same time stamp on both sides does not make them contiguous.
        let mut same_time = vec![packet(1, 0, false, &[0x7c, 0x85, 1, 2])];
        same_time.push(packet(3, 0, true, &[0x7c, 0x45, 3, 4]));
        let units = read(&same_time);
        assert!(!units[0].whole && units[0].annex_b.is_empty());
    }

    #[test]
    fn a_hole_after_the_marker_leaves_the_unit_before_whole() {
        let mut packets = sound();
        packets.remove(3);
        let whole: Vec<_> = read(&packets).iter().map(|u| u.whole).collect();
        assert_eq!(whole, [true, false, true]);
    }

    #[test]
    fn a_restart_of_the_sequence_is_a_hole() {
        let mut packets = vec![packet(1, 0, false, &[0x7c, 0x85, 1, 2])];
        packets.push(packet(30000, 0, true, &[0x7c, 0x45, 3, 4]));
        assert!(read(&packets)[0].annex_b.is_empty());
    }

    #[test]
    fn what_is_no_h264_payload_is_counted() {
        let packets = [
            packet(1, 0, false, &[0x7c, 0xc5, 1, 2]),
            packet(2, 0, false, &[24, 0, 9, 1]),
            packet(3, 0, false, &[0xe5, 1, 2, 3]),
            packet(4, 0, true, &[0x7f, 1, 2, 3]),
        ];
        let units = read(&packets);
        assert_eq!((units[0].packets, units[0].unread), (4, 4));
    }

    #[test]
    fn form_decides_what_is_rtp() {
        let plain = packet(1, 2, false, &[0x65, 1, 2]);
        assert!(is_rtp(&plain));
        let broken = |at: usize, octet: u8| {
            let mut packet = plain.clone();
            packet[at] = octet;
            packet
        };
        assert!(!is_rtp(&broken(0, 0x40)), "version 1");
        assert!(!is_rtp(&broken(1, 200)), "a sender report");
        assert!(!is_rtp(&broken(0, 0x81)), "a CSRC that is not there");
        assert!(!is_rtp(&broken(0, 0x90)), "an extension that is not there");
        let mut padded = broken(0, 0xa0);
        assert!(is_rtp(&padded));
        padded[14] = 200;
        assert!(!is_rtp(&padded), "more padding than packet");
        assert!(!is_rtp(&plain[..11]));
        assert!(is_rtcp(&[0x80, 200, 0, 0]) && !is_rtcp(&[0x80, 200, 0, 1]));
    }

    proptest! {
        #[test]
        fn any_packets_are_read_without_panic(
            changes in prop::collection::vec((0usize..9, 0usize..24, any::<u8>()), 0..12),
            cut in 0usize..24,
        ) {
            let mut packets = sound();
            for (packet, at, octet) in changes {
                if let Some(place) = packets[packet].get_mut(at) {
                    *place = octet;
                }
            }
            packets[4].truncate(cut);
            let octets: usize = packets.iter().map(Vec::len).sum();
            let units = read(&packets);
            prop_assert!(units.iter().map(|u| u.annex_b.len()).sum::<usize>() <= 4 * octets);
        }
    }
}

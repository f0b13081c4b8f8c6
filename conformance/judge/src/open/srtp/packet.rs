//! Which octets of a packet are what (RFC 3711 3.1, 3.4, RFC 7714 8.2, 9.2,
//! RFC 9335 5.1).

use std::ops::Range;

use super::suite::Suite;

/// Octets of the fixed RTP header (RFC 3550 5.1).
const FIXED: usize = 12;
/// Octets of the word before the header extension: profile and length.
const WORD: usize = 4;
/// Octets of an RTCP header with the sender's SSRC (RFC 3550 6.4.1).
const RTCP_HEADER: usize = 8;
/// Octets of E flag and SRTCP index.
const INDEX: usize = 4;

/// What Cryptex writes in place of the profiles of RFC 8285, and these.
const CRYPTEX: [(u16, u16); 2] = [(0xc0de, 0xbede), (0xc2de, 0x1000)];

/// How long what follows the ciphertext is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Octets of the tag.
    pub tag: usize,
    /// Octets of the MKI.
    pub mki: usize,
}

/// What octets of a packet are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Clear by design: header, extension, CSRCs, or whatever is not encrypted.
    Header,
    /// Ciphertext.
    Sealed,
    /// E flag and SRTCP index.
    Index,
    /// MKI.
    Mki,
    /// What authenticates.
    Tag,
}

/// A packet, cut into its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// In order and without gap.
    pub parts: Vec<(Range<usize>, Part)>,
    /// Sequence number; 0 of RTCP.
    pub sequence: u16,
    /// SSRC of its sender.
    pub ssrc: u32,
    /// E flag and SRTCP index of RTCP.
    pub word: u32,
    /// Where the profile of the header extension is, and which it is without
    /// Cryptex, if the packet is one of Cryptex.
    pub cryptex: Option<(usize, u16)>,
}

impl Layout {
    /// The parts of an SRTP packet; `None` if it is too short for them, or
    /// none of RTP.
    pub fn rtp(packet: &[u8], suite: &Suite, tail: Tail) -> Option<Self> {
        let &[first, _, s0, s1, _, _, _, _, a, b, c, d] = packet.first_chunk::<FIXED>()?;
        if first >> 6 != 2 {
            return None;
        }
        let csrcs = FIXED..FIXED + 4 * usize::from(first & 0x0f);
        let mut header = csrcs.end;
        let mut cryptex = None;
        if first & 0x10 != 0 {
            let &[p0, p1, l0, l1] = packet.get(header..)?.first_chunk::<WORD>()?;
            let profile = u16::from_be_bytes([p0, p1]);
            let known = CRYPTEX.iter().find(|(sealed, _)| *sealed == profile);
            cryptex = known.map(|(_, plain)| (header, *plain));
            header += WORD;
            if cryptex.is_none() {
                header += 4 * usize::from(u16::from_be_bytes([l0, l1]));
            }
        }
        let end = packet.len().checked_sub(tail.tag + tail.mki)?;
        if end < header {
            return None;
        }
        let mut parts = Parts::default();
        if cryptex.is_some() {
            parts.put(csrcs.start, Part::Header);
            parts.put(csrcs.end, Part::Sealed);
        }
        parts.put(header, Part::Header);
        parts.put(end, Part::Sealed);
        let ends = match suite.is_aead() {
            true => [(tail.tag, Part::Tag), (tail.mki, Part::Mki)],
            false => [(tail.mki, Part::Mki), (tail.tag, Part::Tag)],
        };
        ends.into_iter()
            .for_each(|(octets, part)| parts.add(octets, part));
        Some(Self {
            parts: parts.0,
            sequence: u16::from_be_bytes([s0, s1]),
            ssrc: u32::from_be_bytes([a, b, c, d]),
            word: 0,
            cryptex,
        })
    }

    /// The parts of an SRTCP packet; `None` if it is too short for them, or
    /// none of RTCP.
    pub fn rtcp(packet: &[u8], suite: &Suite, tail: Tail) -> Option<Self> {
        let &[first, _, _, _, a, b, c, d] = packet.first_chunk::<RTCP_HEADER>()?;
        let end = packet.len().checked_sub(INDEX + tail.tag + tail.mki)?;
        if first >> 6 != 2 || end < RTCP_HEADER {
            return None;
        }
        let ends = match suite.is_aead() {
            true => [
                (tail.tag, Part::Tag),
                (INDEX, Part::Index),
                (tail.mki, Part::Mki),
            ],
            false => [
                (INDEX, Part::Index),
                (tail.mki, Part::Mki),
                (tail.tag, Part::Tag),
            ],
        };
        let at = end + if suite.is_aead() { tail.tag } else { 0 };
        let word = u32::from_be_bytes(*packet.get(at..)?.first_chunk::<INDEX>()?);
        let mut parts = Parts::default();
        parts.put(RTCP_HEADER, Part::Header);
        let body = match word >> 31 {
            1 => Part::Sealed,
            _ => Part::Header,
        };
        parts.put(end, body);
        ends.into_iter()
            .for_each(|(octets, part)| parts.add(octets, part));
        Some(Self {
            parts: parts.0,
            sequence: 0,
            ssrc: u32::from_be_bytes([a, b, c, d]),
            word,
            cryptex: None,
        })
    }

    /// The octets of that part, one behind the other.
    pub fn octets(&self, packet: &[u8], part: Part) -> Vec<u8> {
        let ranges = self.parts.iter().filter(|(_, p)| *p == part);
        let octets = ranges.filter_map(|(range, _)| packet.get(range.clone()));
        octets.flatten().copied().collect()
    }

    /// Where that part begins.
    pub fn start(&self, part: Part) -> Option<usize> {
        let found = self.parts.iter().find(|(_, p)| *p == part);
        found.map(|(range, _)| range.start)
    }
}

/// Parts one behind the other; empty ones are left out.
#[derive(Default)]
struct Parts(Vec<(Range<usize>, Part)>);

impl Parts {
    /// The next part ends there.
    fn put(&mut self, end: usize, part: Part) {
        let start = self.0.last().map_or(0, |(range, _)| range.end);
        if end > start {
            self.0.push((start..end, part));
        }
    }

    /// The next part has so many octets.
    fn add(&mut self, octets: usize, part: Part) {
        let start = self.0.last().map_or(0, |(range, _)| range.end);
        self.put(start + octets, part);
    }
}

//! Octets with the places where they were captured: a packet's payload, which
//! several packets may have brought.

use std::{borrow::Cow, net::IpAddr};

/// Octets of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The octets.
    pub data: &'a [u8],
    /// Number of the packet.
    pub packet: u64,
    /// Offset of the octets in the packet's captured data.
    pub offset: usize,
    /// When it was captured, nanoseconds since 1970.
    pub time_ns: u64,
}

impl Chunk<'_> {
    /// Its octets from `low` to `high`, as far as it has them.
    pub fn part(&self, low: usize, high: usize) -> Self {
        let high = high.min(self.data.len());
        let low = low.min(high);
        Self {
            data: &self.data[low..high],
            offset: self.offset + low,
            ..*self
        }
    }

    /// Its octets after the first `octets`.
    pub fn after(&self, octets: usize) -> Self {
        self.part(octets, self.data.len())
    }
}

/// What an IP packet carries, put together if it came in fragments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Source Address.
    pub source: IpAddr,
    /// Destination Address.
    pub destination: IpAddr,
    /// What the payload is (IANA "Protocol Numbers").
    pub protocol: u8,
    /// The payload, in order.
    pub chunks: Vec<Chunk<'a>>,
    /// Octets behind them that the header states and that were not captured.
    pub missing: usize,
    /// Whether its end is not known: at least `missing` octets are.
    pub open: bool,
    /// Identification of IPv4 (RFC 6864); 0 is none.
    pub identification: u16,
    /// Number of the first packet that brought a part of it.
    pub packet: u64,
    /// How many packets brought it.
    pub packets: u64,
}

impl<'a> Datagram<'a> {
    /// How many octets of payload were captured.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(|c| c.data.len()).sum()
    }

    /// Whether no payload was captured.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `octets` of the payload, or as many as there are.
    pub fn head(&self, octets: usize) -> Cow<'a, [u8]> {
        match self.chunks[..] {
            [] => Cow::Borrowed(&[]),
            [only] => Cow::Borrowed(only.part(0, octets).data),
            [first, ..] if first.data.len() >= octets => Cow::Borrowed(first.part(0, octets).data),
            _ => {
                let all = self.chunks.iter().flat_map(|c| c.data);
                Cow::Owned(all.take(octets).copied().collect())
            }
        }
    }

    /// Takes octets away from the beginning.
    pub fn skip(&mut self, octets: usize) {
        let mut left = octets;
        self.chunks.retain_mut(|chunk| {
            let taken = left.min(chunk.data.len());
            left -= taken;
            *chunk = chunk.after(taken);
            taken == 0 || !chunk.data.is_empty()
        });
    }

    /// Keeps only the first `octets`.
    pub fn truncate(&mut self, octets: usize) {
        let mut left = octets;
        self.chunks.retain_mut(|chunk| {
            *chunk = chunk.part(0, left);
            left -= chunk.data.len();
            !chunk.data.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(parts: &[&'static [u8]]) -> Datagram<'static> {
        let chunk = |(data, packet): (&&'static [u8], u64)| Chunk {
            data,
            packet,
            offset: 34,
            time_ns: packet,
        };
        Datagram {
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            protocol: 17,
            chunks: parts.iter().zip(1..).map(chunk).collect(),
            missing: 0,
            open: false,
            identification: 0,
            packet: 1,
            packets: parts.len() as u64,
        }
    }

    #[test]
    fn a_head_is_read_across_chunks_and_never_beyond_them() {
        let datagram = datagram(&[b"abc", b"", b"def"]);
        assert_eq!(&datagram.head(2)[..], b"ab");
        assert_eq!(&datagram.head(5)[..], b"abcde");
        assert_eq!(&datagram.head(99)[..], b"abcdef");
        assert_eq!(datagram.len(), 6);
    }

    #[test]
    fn what_is_taken_away_moves_the_places_of_what_stays() {
        let mut datagram = datagram(&[b"abc", b"def", b"ghi"]);
        datagram.skip(4);
        datagram.truncate(3);
        let places: Vec<_> = datagram
            .chunks
            .iter()
            .map(|c| (c.data, c.packet, c.offset))
            .collect();
        assert_eq!(places, [(&b"ef"[..], 2, 35), (b"g", 3, 34)]);
        datagram.skip(99);
        assert!(datagram.is_empty());
    }
}

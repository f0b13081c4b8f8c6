//! The packets of one source and payload type, in order.

use crate::dissect::sdp;

/// A packet of RTP.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    /// Sequence number, extended.
    pub sequence: i64,
    /// Time stamp.
    pub timestamp: u32,
    /// Marker.
    pub marker: bool,
    /// Payload type.
    pub payload_type: u8,
    /// The payload, without padding.
    pub payload: &'a [u8],
    /// The whole packet.
    pub octets: &'a [u8],
    /// Where the packet begins in its stream.
    pub at: usize,
    /// When it was captured, nanoseconds since 1970.
    pub time_ns: u64,
}

/// The packets of one SSRC and one payload type, in order of their sequence numbers,
/// each once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Track<'a> {
    /// The packets; none is without payload.
    pub packets: &'a [Packet<'a>],
    /// What a session description says of the payload type.
    pub described: Option<&'a sdp::Format>,
}

impl<'a> Track<'a> {
    /// Its payload type.
    pub fn payload_type(&self) -> u8 {
        self.packets.first().map_or(0, |packet| packet.payload_type)
    }

    /// Whether it is of that codec: a description says so, or, without one, the
    /// payload type that RFC 3551 gives it.
    pub fn is(&self, encodings: &[&str], fixed: Option<u8>) -> bool {
        match self.encoding() {
            Some(encoding) => encodings.contains(&encoding),
            None => fixed == Some(self.payload_type()),
        }
    }

    /// The encoding name that a description gives it.
    pub fn encoding(&self) -> Option<&'a str> {
        let encoding = self.described?.encoding.as_str();
        (!encoding.is_empty()).then_some(encoding)
    }

    /// Whether nothing speaks against the codec: a description that names another
    /// one does, and a payload type that RFC 3551 gives to another one.
    pub fn may_be(&self, encodings: &[&str]) -> bool {
        match self.encoding() {
            Some(encoding) => encodings.contains(&encoding),
            None => !is_fixed(self.payload_type()),
        }
    }

    /// Packets of the same time stamp: of one picture, one access unit. With whether
    /// none is missing between its first and its last, nor before the first.
    pub fn units(&self) -> impl Iterator<Item = (&'a [Packet<'a>], bool)> {
        let packets = self.packets;
        let mut at = 0;
        std::iter::from_fn(move || {
            let rest = packets.get(at..)?;
            let first = rest.first()?;
            let length = rest
                .iter()
                .take_while(|p| p.timestamp == first.timestamp)
                .count();
            let unit = rest.get(..length)?;
            let before = at.checked_sub(1).and_then(|before| packets.get(before));
            at += length;
            let joined = before.is_none_or(|before| before.sequence + 1 == first.sequence);
            let whole = unit
                .windows(2)
                .all(|pair| matches!(pair, [a, b] if a.sequence + 1 == b.sequence));
            Some((unit, joined && whole))
        })
    }

    /// Packets with the one that follows it directly, and how far its time stamp is
    /// ahead.
    pub fn steps(&self) -> impl Iterator<Item = (&'a Packet<'a>, &'a Packet<'a>, u32)> {
        self.packets.windows(2).filter_map(|pair| match pair {
            [a, b] if a.sequence + 1 == b.sequence => {
                Some((a, b, b.timestamp.wrapping_sub(a.timestamp)))
            }
            _ => None,
        })
    }

    /// Ticks of the time stamp per second by the clock of who captured; `None` if that
    /// says nothing.
    pub fn pace(&self) -> Option<f64> {
        let (first, last) = (self.packets.first()?, self.packets.last()?);
        let ns = last.time_ns.checked_sub(first.time_ns)?;
        let ticks = last.timestamp.wrapping_sub(first.timestamp);
        (ns > 50_000_000 && ticks < 1 << 31).then(|| f64::from(ticks) / (ns as f64 / 1e9))
    }
}

/// Whether RFC 3551 (tables 4 and 5) gives the payload type to a codec.
pub(super) fn is_fixed(payload_type: u8) -> bool {
    matches!(payload_type, 0 | 3..=18 | 25 | 26 | 28 | 31..=34)
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// Packets of one source as they lie in datagrams: sequence numbers that go on
    /// from there, and each payload with its time stamp and its marker.
    pub fn datagrams(
        payload_type: u8,
        sequence: u16,
        payloads: &[(u32, bool, Vec<u8>)],
    ) -> Vec<Vec<u8>> {
        let numbered = payloads.iter().zip(0_u16..);
        let packet = |((timestamp, marker, payload), number): (&(u32, bool, Vec<u8>), u16)| {
            let mut packet = vec![0x80, payload_type | u8::from(*marker) << 7];
            packet.extend(sequence.wrapping_add(number).to_be_bytes());
            packet.extend(timestamp.to_be_bytes());
            packet.extend([0xca, 0xfe, 0xba, 0xbe]);
            packet.extend(payload);
            packet
        };
        numbered.map(packet).collect()
    }

    /// Octets that look like ciphertext, always the same.
    pub fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        };
        (0..length).map(|_| next()).collect()
    }

    /// The same as packets of a track.
    pub fn packets(payload_type: u8, payloads: &[(u32, bool, Vec<u8>)]) -> Vec<Packet<'_>> {
        let numbered = payloads.iter().zip(0_i64..);
        let mut packets = Vec::new();
        for ((timestamp, marker, payload), sequence) in numbered {
            packets.push(Packet {
                sequence,
                timestamp: *timestamp,
                marker: *marker,
                payload_type,
                payload: payload.as_slice(),
                octets: payload.as_slice(),
                at: 0,
                time_ns: 0,
            });
        }
        packets
    }

    /// Whether the codec finds itself in these payloads.
    pub fn found(
        codec: super::super::Codec,
        payload_type: u8,
        payloads: &[(u32, bool, Vec<u8>)],
    ) -> Option<super::super::Found> {
        let packets = packets(payload_type, payloads);
        codec(&Track {
            packets: &packets,
            described: None,
        })
    }
}

//! A direction of a flow: its payload in order, and where each octet was captured.

use std::ops::Range;

use super::datagram::Chunk;

/// Payload in order. Of UDP each piece is one datagram, or a fragment of one;
/// of TCP the pieces are segments, without what was sent twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// The payload.
    pub bytes: Vec<u8>,
    /// Which packet brought which part; they cover `bytes` in order.
    pub pieces: Vec<Piece>,
    /// Offsets in `bytes` before which something was sent that was not captured.
    pub gaps: Vec<usize>,
    /// Indices of those pieces that continue the datagram of the piece before:
    /// it came in fragments. They ascend.
    pub continued: Vec<usize>,
    /// What of `bytes` was captured more than once, and the same: sent again.
    /// In no order, and once for each time.
    pub again: Vec<Range<usize>>,
    /// Whether the sender ended the direction (FIN or RST).
    pub ended: bool,
    /// Octets of payload that were captured and are not in `bytes`.
    pub left_out: u64,
}

/// A part of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it begins in the stream.
    pub at: usize,
    /// Its length.
    pub length: usize,
    /// Number of the packet, as Wireshark shows it.
    pub packet: u64,
    /// Offset in the packet's captured data.
    pub offset: usize,
    /// When it was captured, nanoseconds since 1970.
    pub time_ns: u64,
}

impl Piece {
    /// Where it lies, whole.
    pub fn span(&self) -> Span {
        Span {
            packet: self.packet,
            offset: self.offset,
            length: self.length,
        }
    }
}

/// A place in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of the packet, as Wireshark shows it.
    pub packet: u64,
    /// Offset in the packet's captured data.
    pub offset: usize,
}

/// Octets of a packet in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Number of the packet, as Wireshark shows it.
    pub packet: u64,
    /// Offset in the packet's captured data.
    pub offset: usize,
    /// How many octets; 0 if the packet is meant.
    pub length: usize,
}

impl From<Place> for Span {
    /// That place, of no length.
    fn from(place: Place) -> Self {
        Self {
            packet: place.packet,
            offset: place.offset,
            length: 0,
        }
    }
}

impl Stream {
    /// Where the octet at `at` was captured.
    pub fn place(&self, at: usize) -> Option<Place> {
        self.piece(at).map(|p| Place {
            packet: p.packet,
            offset: p.offset + (at - p.at),
        })
    }

    /// Where `length` octets from `at` on were captured, as far as they are in
    /// the packet that brought the first.
    pub fn span(&self, at: usize, length: usize) -> Option<Span> {
        let piece = self.piece(at)?;
        Some(Span {
            packet: piece.packet,
            offset: piece.offset + (at - piece.at),
            length: length.min(piece.at + piece.length - at),
        })
    }

    /// The piece that brought the octet at `at`.
    pub fn piece(&self, at: usize) -> Option<&Piece> {
        let after = self.pieces.partition_point(|p| p.at <= at);
        let piece = self.pieces.get(after.checked_sub(1)?)?;
        (at < piece.at + piece.length).then_some(piece)
    }

    /// Appends a part.
    pub fn push(&mut self, data: &[u8], packet: u64, offset: usize, time_ns: u64) {
        if data.is_empty() {
            return;
        }
        self.pieces.push(Piece {
            at: self.bytes.len(),
            length: data.len(),
            packet,
            offset,
            time_ns,
        });
        self.bytes.extend_from_slice(data);
    }

    /// Appends a datagram, of which fragments may have been captured one by one.
    pub fn push_datagram(&mut self, chunks: &[Chunk<'_>]) {
        let first = self.pieces.len();
        for chunk in chunks {
            self.push(chunk.data, chunk.packet, chunk.offset, chunk.time_ns);
        }
        self.continued.extend(first + 1..self.pieces.len());
    }

    /// The octets up to the first gap behind one of them.
    pub fn beginning(&self) -> &[u8] {
        let gap = self.gaps.iter().find(|gap| **gap > 0);
        let before = gap.and_then(|gap| self.bytes.get(..*gap));
        before.unwrap_or(&self.bytes)
    }

    /// Octets of memory that it takes.
    pub fn weight(&self) -> usize {
        self.bytes.len()
            + size_of_val(&self.pieces[..])
            + size_of_val(&self.gaps[..])
            + size_of_val(&self.continued[..])
            + size_of_val(&self.again[..])
    }

    /// Leaves out what is neither among the first nor among the last `octets`, as if it
    /// had not been captured: parts stay whole.
    pub fn leave_out(&mut self, octets: usize) {
        let end = self.bytes.len();
        self.again.clear();
        if end <= octets.saturating_mul(2) {
            return;
        }
        let begins_part = |index: &usize| self.continued.binary_search(index).is_err();
        let first = self.pieces.partition_point(|p| p.at + p.length <= octets);
        let first = (0..=first).rev().find(begins_part).unwrap_or(0);
        let last = self.pieces.partition_point(|p| p.at < end - octets);
        let last = (last..self.pieces.len()).find(begins_part);
        let last = last.unwrap_or(self.pieces.len()).max(first);
        let at = |index: usize| self.pieces.get(index).map_or(end, |piece| piece.at);
        let (from, to) = (at(first), at(last));
        if from == to {
            return;
        }
        let less = to - from;
        self.bytes.drain(from..to);
        self.bytes.shrink_to_fit();
        self.pieces.drain(first..last);
        for piece in self.pieces.iter_mut().skip(first) {
            piece.at -= less;
        }
        self.continued.retain_mut(|index| {
            let stays = *index < first || *index >= last;
            if *index >= last {
                *index -= last - first;
            }
            stays
        });
        self.gaps.retain_mut(|gap| {
            let stays = *gap <= from || *gap > to;
            if *gap > to {
                *gap -= less;
            }
            stays
        });
        self.gaps.retain(|gap| *gap != from);
        let place = self.gaps.partition_point(|gap| *gap < from);
        self.gaps.insert(place, from);
        self.left_out += less as u64;
    }

    /// Appends octets of another stream as one datagram, with the places that they were
    /// captured at.
    pub fn push_part(&mut self, of: &Self, range: Range<usize>) {
        let first = self.pieces.len();
        let mut at = range.start;
        while let Some(piece) = of.piece(at).filter(|_| at < range.end) {
            let end = range.end.min(piece.at + piece.length);
            let octets = of.bytes.get(at..end).unwrap_or_default();
            let offset = piece.offset + (at - piece.at);
            self.push(octets, piece.packet, offset, piece.time_ns);
            at = end;
        }
        self.continued.extend(first + 1..self.pieces.len());
    }

    /// The payload part by part: for UDP, the datagrams, each with its first
    /// piece; for TCP, the pieces.
    pub fn parts(&self) -> impl Iterator<Item = (&Piece, &[u8])> {
        let mut continued = self.continued.iter().copied().peekable();
        let mut pieces = self.pieces.iter().enumerate().peekable();
        std::iter::from_fn(move || {
            let (_, first) = pieces.next()?;
            let mut end = first.at + first.length;
            while let Some((_, piece)) = pieces.next_if(|(index, _)| {
                while continued.next_if(|c| c < index).is_some() {}
                continued.peek() == Some(index)
            }) {
                end = piece.at + piece.length;
            }
            Some((first, self.bytes.get(first.at..end).unwrap_or_default()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(data: &[u8], packet: u64) -> Chunk<'_> {
        Chunk {
            data,
            packet,
            offset: 42,
            time_ns: packet,
        }
    }

    #[test]
    fn a_part_of_another_stream_keeps_its_places() {
        let mut other = Stream::default();
        other.push_datagram(&[chunk(b"one", 1), chunk(b"two", 2)]);
        let mut stream = Stream::default();
        stream.push_part(&other, 1..5);
        stream.push_part(&other, 4..9);
        let parts: Vec<_> = stream.parts().map(|(p, d)| (p.packet, d)).collect();
        assert_eq!(parts, [(1, &b"netw"[..]), (2, b"wo")]);
        assert_eq!(stream.place(3).map(|p| (p.packet, p.offset)), Some((2, 43)));
    }

    #[test]
    fn a_datagram_of_several_packets_is_one_part_and_keeps_its_places() {
        let mut stream = Stream::default();
        stream.push_datagram(&[chunk(b"one", 1)]);
        stream.push_datagram(&[chunk(b"t", 2), chunk(b"", 3), chunk(b"wo", 4)]);
        stream.push_datagram(&[chunk(b"", 5)]);
        stream.push_datagram(&[chunk(b"th", 6), chunk(b"ree", 7)]);
        stream.push_datagram(&[chunk(b"four", 8)]);
        let parts: Vec<_> = stream.parts().map(|(p, d)| (p.packet, d)).collect();
        assert_eq!(
            parts,
            [(1, &b"one"[..]), (2, b"two"), (6, b"three"), (8, b"four")]
        );
        let place = Place {
            packet: 4,
            offset: 43,
        };
        assert_eq!(stream.place(5), Some(place));
    }

    #[test]
    fn what_is_left_out_is_a_gap_between_whole_parts() {
        let mut stream = Stream::default();
        for number in 0..10 {
            let octets = [number as u8; 10];
            stream.push_datagram(&[
                chunk(&octets[..6], 2 * number),
                chunk(&octets[6..], 2 * number + 1),
            ]);
        }
        stream.gaps = vec![10, 50, 80, 100];
        let whole = stream.clone();
        stream.leave_out(50);
        assert_eq!(stream, whole);
        stream.leave_out(25);
        let parts: Vec<_> = stream
            .parts()
            .map(|(p, d)| (p.packet, d[0], d.len()))
            .collect();
        assert_eq!(parts, [(0, 0, 10), (2, 1, 10), (16, 8, 10), (18, 9, 10)]);
        assert_eq!(stream.gaps, [10, 20, 40]);
        assert_eq!(stream.left_out, 60);
        assert_eq!(stream.place(38).unwrap().packet, 19);
    }
}

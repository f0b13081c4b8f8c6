//! A direction of a flow: its payload in order, and where each octet was captured.

/// Payload in order. Of UDP each piece is one datagram; of TCP the pieces are
/// segments, without what was sent twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// The payload.
    pub bytes: Vec<u8>,
    /// Which packet brought which part; they cover `bytes` in order.
    pub pieces: Vec<Piece>,
    /// Offsets in `bytes` before which something was sent that was not captured.
    pub gaps: Vec<usize>,
    /// Whether the sender ended the direction (FIN or RST).
    pub ended: bool,
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

    /// The payload piece by piece: for UDP, the datagrams.
    pub fn parts(&self) -> impl Iterator<Item = (&Piece, &[u8])> {
        self.pieces
            .iter()
            .map(|p| (p, &self.bytes[p.at..p.at + p.length]))
    }
}

//! What opening a connection gives.

use std::ops::Range;

use crate::dissect::{
    Stream,
    tls::{self, Message, Record},
};

/// A connection, opened.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// Application data of `a`: where each octet of it was captured as
    /// ciphertext, and when the packet that completed its record was.
    pub from_a: Stream,
    /// Application data of `b`.
    pub from_b: Stream,
    /// Handshake messages of `b` that were protected, with where their record
    /// begins in what `b` sent.
    pub handshake_b: Vec<Message>,
    /// Records that were opened, of any inner type.
    pub records: u64,
    /// Octets of ciphertext, tags and nonces excluded, that were opened.
    pub ciphertext_bytes: u64,
    /// How the opened records of `a` are made up, in their order.
    pub records_a: Vec<Anatomy>,
    /// How the opened records of `b` are made up, in their order.
    pub records_b: Vec<Anatomy>,
    /// Why not every record of the connection was opened, if so; of two sides
    /// that stopped, the client.
    pub stopped: Option<OpenError>,
}

/// How an opened record is made up, in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anatomy {
    /// Where its header begins in the stream.
    pub at: usize,
    /// What it holds.
    pub content_type: u8,
    /// Explicit nonce (RFC 5288 3).
    pub nonce: usize,
    /// Its content.
    pub content: usize,
    /// The content type inside, and the zeros behind it (RFC 8446 5.4).
    pub inside: (usize, usize),
    /// What authenticates it.
    pub tag: usize,
}

/// Why a connection could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The capture does not hold both hellos.
    #[error("the capture does not hold both hellos of the connection")]
    NoHello,
    /// It is another version than TLS 1.2 and 1.3.
    #[error("the connection is of version 0x{0:04x}, neither TLS 1.2 nor TLS 1.3")]
    OtherVersion(u16),
    /// The suite is none that we know.
    #[error("unknown cipher suite 0x{0:04x}")]
    UnknownSuite(u16),
    /// The key log has no such secret.
    #[error("the key log has no {0} for this connection")]
    MissingSecret(&'static str),
    /// A record did not authenticate, or is in clear where it must not be.
    #[error("record {index} of the {side} does not open with the escrowed key (packet {packet})")]
    BadRecord {
        /// Index of the record in its direction.
        index: usize,
        /// `client` or `server`.
        side: &'static str,
        /// Packet that holds the beginning of the record.
        packet: u64,
    },
    /// The connection negotiates anew (RFC 5246 7.4.1.1, 7.4.1.2).
    #[error("the {side} renegotiates in packet {packet}, what follows is not opened")]
    Renegotiation {
        /// `client` or `server`.
        side: &'static str,
        /// Packet that holds the beginning of the record.
        packet: u64,
    },
    /// The capture misses octets of the connection.
    #[error("octets of the {side} are missing from the capture before packet {packet}")]
    Gap {
        /// `client` or `server`.
        side: &'static str,
        /// The packet after the gap, else the last one.
        packet: u64,
    },
}

/// What one side sent, to be opened.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// `client` or `server`.
    pub name: &'static str,
    /// Its octets.
    pub stream: &'a Stream,
    /// Its records.
    pub records: &'a [Record],
}

/// What of one side could be opened.
#[derive(Default)]
pub struct OpenedSide {
    /// Application data.
    pub data: Stream,
    /// Handshake messages.
    pub handshake: Vec<Message>,
    /// Records of any type.
    pub records: u64,
    /// Octets of ciphertext.
    pub ciphertext_bytes: u64,
    /// How the records are made up.
    pub anatomy: Vec<Anatomy>,
    /// Why not every record was opened, if so.
    pub stopped: Option<OpenError>,
}

impl Side<'_> {
    /// Opens it with `records`, which adds what it opens to its argument.
    pub fn open(
        &self,
        records: impl FnOnce(&mut OpenedSide) -> Result<(), OpenError>,
    ) -> OpenedSide {
        let mut opened = OpenedSide::default();
        opened.stopped = records(&mut opened).err();
        if opened.stopped.is_none()
            && let Some(&gap) = self.stream.gaps.first()
        {
            let after = self.stream.piece(gap).or(self.stream.pieces.last());
            opened.stopped = Some(OpenError::Gap {
                side: self.name,
                packet: after.map_or(0, |piece| piece.packet),
            });
        }
        opened
    }

    /// The record does not open.
    pub fn bad(&self, index: usize, record: &Record) -> OpenError {
        OpenError::BadRecord {
            index,
            side: self.name,
            packet: self.packet(record),
        }
    }

    /// Packet that holds the beginning of the record.
    pub fn packet(&self, record: &Record) -> u64 {
        self.stream.place(record.at).map_or(0, |p| p.packet)
    }

    /// Appends application data, which lay octet by octet in the record's
    /// fragment from `from` on.
    pub fn push(&self, record: &Record, from: usize, data: &[u8], to: &mut Stream) {
        let fragment = record.at + tls::HEADER;
        let last = (fragment + record.length).saturating_sub(1);
        let Some(time_ns) = self.stream.piece(last).map(|piece| piece.time_ns) else {
            return;
        };
        let mut at = fragment + from;
        let mut left = data;
        while let (false, Some(piece)) = (left.is_empty(), self.stream.piece(at)) {
            let here: Range<usize> = at - piece.at..piece.length;
            let (part, rest) = left.split_at(here.len().min(left.len()));
            to.push(part, piece.packet, piece.offset + here.start, time_ns);
            at += part.len();
            left = rest;
        }
    }
}

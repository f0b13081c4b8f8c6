//! Records: DTLSPlaintext and DTLSCiphertext of DTLS 1.0 to 1.2 (RFC 6347
//! 4.1), the unified header of DTLS 1.3 (RFC 9147 4).

use std::ops::Range;

use super::super::{Stream, tls};

/// Octets of a record before its fragment, but for a unified header.
pub const HEADER: usize = 13;
/// Longest fragment (RFC 6347 4.1 with RFC 5246 6.2.3).
const LONGEST: usize = (1 << 14) + 2048;
/// The last content type that has a header of its own: ack (RFC 9147 7).
const LAST: u8 = super::ACK;
/// tls12_cid (RFC 9146 4): with a connection ID, which is not read.
const TLS12_CID: u8 = 25;

/// How a record is headed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Content type, version, epoch, sequence number and length.
    Explicit,
    /// The unified header of DTLS 1.3.
    Unified,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where its header begins in the stream.
    pub at: usize,
    /// How it is headed.
    pub form: Form,
    /// Content type; 0 if it is inside.
    pub content_type: u8,
    /// Version; 0 of a unified header.
    pub version: u16,
    /// Epoch; of a unified header its two low bits.
    pub epoch: u16,
    /// Sequence number; of a unified header its low bits, as they are encrypted.
    pub sequence: u64,
    /// Octets of the header.
    pub header: usize,
    /// Octets of the fragment behind it.
    pub length: usize,
}

impl Record {
    /// The record that octets begin with, and what is behind it; `None` if it
    /// is none, or is not whole.
    fn read(octets: &[u8], at: usize) -> Option<(Self, &[u8])> {
        let mut record = match octets.first()? {
            first @ 32..=63 => Self::unified(*first, octets)?,
            _ => Self::explicit(octets)?,
        };
        record.at = at;
        let rest = octets.get(record.header..)?;
        let rest = rest.get(record.length..)?;
        (record.length <= LONGEST).then_some((record, rest))
    }

    fn explicit(octets: &[u8]) -> Option<Self> {
        let &[content_type, major, minor, e0, e1, ref rest @ ..] =
            octets.first_chunk::<HEADER>()?;
        let [s0, s1, s2, s3, s4, s5, l0, l1] = *rest;
        let known = (tls::CHANGE_CIPHER_SPEC..=LAST).contains(&content_type);
        // Every version is 254 and something; RFC 6347 4.1.
        if !known || content_type == TLS12_CID || major != 0xfe {
            return None;
        }
        Some(Self {
            at: 0,
            form: Form::Explicit,
            content_type,
            version: u16::from_be_bytes([major, minor]),
            epoch: u16::from_be_bytes([e0, e1]),
            sequence: u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]),
            header: HEADER,
            length: usize::from(u16::from_be_bytes([l0, l1])),
        })
    }

    fn unified(first: u8, octets: &[u8]) -> Option<Self> {
        const CONNECTION_ID: u8 = 0x10;
        const LONG_SEQUENCE: u8 = 0x08;
        const LENGTH: u8 = 0x04;
        if first & CONNECTION_ID != 0 {
            return None;
        }
        let long = usize::from(first & LONG_SEQUENCE != 0);
        let number = octets.get(1..2 + long)?;
        let sequence = number.iter().fold(0, |n, octet| n << 8 | u64::from(*octet));
        let mut header = 2 + long;
        let length = match first & LENGTH {
            0 => octets.len() - header,
            _ => {
                let length = octets.get(header..)?.first_chunk::<2>()?;
                header += 2;
                usize::from(u16::from_be_bytes(*length))
            }
        };
        Some(Self {
            at: 0,
            form: Form::Unified,
            content_type: 0,
            version: 0,
            epoch: u16::from(first & 3),
            sequence,
            header,
            length,
        })
    }

    /// Octets of the sequence number in a unified header.
    pub fn sequence_octets(&self, stream: &Stream) -> usize {
        let first = stream.bytes.get(self.at).copied().unwrap_or_default();
        1 + usize::from(first & 0x08 != 0)
    }

    /// Where it ends in the stream.
    pub fn end(&self) -> usize {
        self.at + self.header + self.length
    }

    /// Its header.
    pub fn head<'a>(&self, stream: &'a Stream) -> &'a [u8] {
        let range = self.at..self.at.saturating_add(self.header);
        stream.bytes.get(range).unwrap_or_default()
    }

    /// Its fragment.
    pub fn fragment<'a>(&self, stream: &'a Stream) -> &'a [u8] {
        let start = self.at.saturating_add(self.header);
        let range = start..start.saturating_add(self.length);
        stream.bytes.get(range).unwrap_or_default()
    }
}

/// The records of a datagram that begins there in its stream, and what of it is
/// none.
pub fn records(datagram: &[u8], at: usize) -> (Vec<Record>, Option<Range<usize>>) {
    let mut records = Vec::new();
    let mut rest = datagram;
    while !rest.is_empty() {
        let here = at + datagram.len() - rest.len();
        let Some((record, behind)) = Record::read(rest, here) else {
            return (records, Some(here..at + datagram.len()));
        };
        records.push(record);
        rest = behind;
    }
    (records, None)
}

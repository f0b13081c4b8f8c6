//! QUIC packets by their headers (RFC 8999, RFC 9000 17, RFC 9369 3), and those of
//! Google's QUIC before it ("gQUIC", wire layout of draft-tsvwg-quic-protocol-02).

use std::ops::Range;

/// QUIC version 1.
pub const V1: u32 = 1;
/// QUIC version 2.
pub const V2: u32 = 0x6b33_43cf;
/// Longest connection ID of the known versions (RFC 9000 17.2).
const LONGEST_ID: usize = 20;
/// Packets that are read of a datagram.
const MOST: usize = 16;

/// What a packet with a long header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Initial.
    Initial,
    /// 0-RTT.
    ZeroRtt,
    /// Handshake.
    Handshake,
    /// Retry.
    Retry,
    /// Version Negotiation (RFC 9000 17.2.1).
    VersionNegotiation,
}

/// A packet with a long header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Long {
    /// What it is.
    pub kind: Kind,
    /// Its version; 0 of Version Negotiation.
    pub version: u32,
    /// Destination Connection ID, in the datagram.
    pub destination: Range<usize>,
    /// Source Connection ID, in the datagram.
    pub source: Range<usize>,
    /// Where it ends in the datagram.
    pub end: usize,
}

/// Whether versions have that number whose long headers are read as those of
/// RFC 9000: 1 and 2, the drafts from 22 on, and what implementations use beside.
pub fn is_known(version: u32) -> bool {
    matches!(
        version,
        V1 | V2
            // draft-22 to draft-34
            | 0xff00_0016..=0xff00_0022
            // draft-ietf-quic-v2
            | 0xff02_0000..=0xff02_000f
            | 0x709a_50c4
            // mvfst
            | 0xface_b000..=0xface_b00f
            // gQUIC since Q049, with the headers of the IETF
            | 0x5130_3439
            | 0x5130_3530
            | 0x5430_3530
            | 0x5430_3531
            // picoquic, MsQuic
            | 0x5043_5130..=0x5043_5132
            | 0xabcd_0000..=0xabcd_000f
    ) || is_reserved(version)
}

/// Whether a version exercises negotiation (RFC 9000 15).
pub fn is_reserved(version: u32) -> bool {
    version & 0x0f0f_0f0f == 0x0a0a_0a0a
}

/// The packets with long headers that a datagram begins with, lengths checked;
/// what is behind them is one with a short header, or padding. `any`: whether the
/// version may be unknown.
pub fn long_headers(datagram: &[u8], any: bool) -> Option<Vec<Long>> {
    read(datagram, any, false)
}

/// The same of a datagram of which only the beginning was captured: the last packet
/// goes on behind it.
pub fn cut_long_headers(datagram: &[u8]) -> Option<Vec<Long>> {
    read(datagram, false, true)
}

fn read(datagram: &[u8], any: bool, cut: bool) -> Option<Vec<Long>> {
    let mut packets: Vec<Long> = Vec::new();
    let mut at = 0;
    while at < datagram.len() && packets.len() < MOST {
        let rest = datagram.get(at..)?;
        let first = *rest.first()?;
        if first & 0x80 == 0 {
            // A short header needs its fixed bit; else it is padding.
            let padding = rest.iter().all(|octet| *octet == 0);
            return (!packets.is_empty() && (padding || first & 0x40 != 0)).then_some(packets);
        }
        let packet = long(datagram, at, any, cut)?;
        if packets.first().is_some_and(|first| {
            first.version != packet.version
                || datagram.get(first.destination.clone())
                    != datagram.get(packet.destination.clone())
        }) {
            return None;
        }
        at = packet.end;
        packets.push(packet);
    }
    (!packets.is_empty()).then_some(packets)
}

fn long(datagram: &[u8], start: usize, any: bool, cut: bool) -> Option<Long> {
    let mut reader = Reader {
        octets: datagram,
        at: start,
    };
    let first = reader.u8()?;
    let version = u32::from_be_bytes(*reader.take(4)?.first_chunk()?);
    let destination = reader.vector8()?;
    let source = reader.vector8()?;
    let mut packet = Long {
        kind: Kind::VersionNegotiation,
        version,
        destination,
        source,
        end: datagram.len(),
    };
    if version == 0 {
        let list = datagram.get(reader.at..)?;
        let (versions, left) = list.as_chunks::<4>();
        let mut versions = versions.iter().map(|v| u32::from_be_bytes(*v));
        let known = versions.any(|v| is_known(v) && !is_reserved(v) || is_google(v));
        return (start == 0 && known && left.is_empty()).then_some(packet);
    }
    let fits = packet.destination.len().max(packet.source.len()) <= LONGEST_ID;
    if !fits || first & 0x40 == 0 || !(any || is_known(version)) {
        return None;
    }
    // RFC 9369 3.2: version 2 counts its types from another one on.
    let shift = if matches!(version, V2 | 0x709a_50c4) {
        3
    } else {
        0
    };
    packet.kind = match (first >> 4 & 3).wrapping_add(shift) & 3 {
        0 => Kind::Initial,
        1 => Kind::ZeroRtt,
        2 => Kind::Handshake,
        _ => Kind::Retry,
    };
    if packet.kind == Kind::Retry {
        // A token, and the tag of 16 octets.
        return (datagram.len() > reader.at + 16).then_some(packet);
    }
    if packet.kind == Kind::Initial {
        let token = reader.varint()?;
        reader.take(token)?;
    }
    let length = reader.varint()?;
    // A packet number and what protects it: at least 20 octets (RFC 9001 5.4.2).
    if length < 20 {
        return None;
    }
    match reader.take(length) {
        Some(_) => packet.end = reader.at,
        None if cut && length < 1 << 16 => {}
        None => return None,
    }
    Some(packet)
}

/// A packet of gQUIC that names its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Google {
    /// The version: 43 of Q043.
    pub version: u8,
    /// Connection ID.
    pub connection: [u8; 8],
    /// Whether the cryptographic handshake begins in it: CHLO in clear.
    pub hello: bool,
}

/// Reads a datagram of gQUIC Q0xx with its version, as a client sends it at first.
pub fn google(datagram: &[u8]) -> Option<Google> {
    let &first = datagram.first()?;
    let (connection, version, rest) = if first & 0x80 != 0 {
        // Q044 to Q048: a long header, the lengths of two IDs in an octet.
        let version = datagram.get(1..5)?;
        let lengths = *datagram.get(5)?;
        let id = datagram
            .get(6..14)
            .filter(|_| lengths & 0xf0 == 0x50 || lengths == 0x05)?;
        (id, version, datagram.get(14..)?)
    } else {
        // Public flags: a version, and an ID of 8 octets.
        if first & 0x89 != 0x09 || first & 0x02 != 0 {
            return None;
        }
        (
            datagram.get(1..9)?,
            datagram.get(9..13)?,
            datagram.get(13..)?,
        )
    };
    let number = u32::from_be_bytes(*version.first_chunk()?);
    if !is_google(number) {
        return None;
    }
    let digits = version.get(2..)?;
    let digit = |at: usize| digits.get(at).map(|d| d - b'0');
    let head = rest.get(..64.min(rest.len()))?;
    Some(Google {
        version: digit(0)? * 10 + digit(1)?,
        connection: *connection.first_chunk()?,
        hello: memchr::memmem::find(head, b"CHLO").is_some(),
    })
}

/// The connection ID, if there is one, and the packet number of a datagram of gQUIC
/// without a version, read as one of either order of octets: up to Q038 and since.
pub fn google_number(datagram: &[u8]) -> Option<(Option<[u8; 8]>, [u64; 2])> {
    let (&flags, mut rest) = datagram.split_first()?;
    // No version, no reset, no nonce, nothing reserved.
    if flags & 0xc3 != 0 || flags & 0x0c == 0x04 {
        return None;
    }
    let connection = match flags & 0x08 {
        0 => None,
        _ => Some(*rest.split_off(..8)?.first_chunk()?),
    };
    let length = [1, 2, 4, 6][usize::from(flags >> 4 & 3)];
    let number = rest.get(..length).filter(|_| rest.len() >= length + 12)?;
    let add = |n: u64, octet: &u8| n << 8 | u64::from(*octet);
    let (big, little) = (number.iter().fold(0, add), number.iter().rev().fold(0, add));
    Some((connection, [big, little]))
}

/// Whether a version is one of gQUIC: `Q0` and two digits.
pub fn is_google(version: u32) -> bool {
    let [q, zero, tens, ones] = version.to_be_bytes();
    matches!(q, b'Q' | b'T') && zero == b'0' && tens.is_ascii_digit() && ones.is_ascii_digit()
}

/// Whether a datagram of gQUIC without a version answers a handshake in clear:
/// REJ or SHLO in its first stream frame.
pub fn google_answers(datagram: &[u8]) -> bool {
    let head = datagram.get(..64.min(datagram.len())).unwrap_or_default();
    let tags: [&[u8]; 2] = [b"REJ\0", b"SHLO"];
    tags.iter()
        .any(|tag| memchr::memmem::find(head, tag).is_some())
}

struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.octets.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn vector8(&mut self) -> Option<Range<usize>> {
        let length = usize::from(self.u8()?);
        let start = self.at;
        self.take(length)?;
        Some(start..self.at)
    }

    /// RFC 9000 16.
    fn varint(&mut self) -> Option<usize> {
        let first = *self.octets.get(self.at)?;
        let octets = self.take(1 << (first >> 6))?;
        let number = octets.iter().fold(0_u64, |n, o| n << 8 | u64::from(*o));
        let bits = 8 * octets.len() - 2;
        usize::try_from(number & ((1 << bits) - 1)).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(super) fn initial(version: u32, first: u8, length: usize) -> Vec<u8> {
        let mut octets = vec![first];
        octets.extend(version.to_be_bytes());
        octets.extend([8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0]);
        let rest = length - octets.len() - 2;
        octets.extend((rest as u16 | 0x4000).to_be_bytes());
        octets.resize(length, 0xa5);
        octets
    }

    #[test]
    fn initial_packets_of_both_versions_are_read() {
        for (version, first) in [
            (V1, 0xc3),
            (V2, 0xd3),
            (0xff00_001d, 0xc0),
            (0xface_b002, 0xc1),
        ] {
            let packet = initial(version, first, 1200);
            let read = long_headers(&packet, false).unwrap();
            assert_eq!((read[0].kind, read[0].end), (Kind::Initial, 1200));
            assert_eq!(read[0].destination, 6..14);
            assert_eq!(long_headers(&packet[..1199], false), None);
            assert_eq!(cut_long_headers(&packet[..99]).unwrap()[0].end, 99);
        }
        let unknown = initial(0x0000_0002, 0xc3, 1200);
        assert_eq!(long_headers(&unknown, false), None);
        assert!(long_headers(&unknown, true).is_some());
    }

    #[test]
    fn packets_of_a_datagram_share_their_ids() {
        let mut two = initial(V1, 0xc3, 200);
        two.extend(initial(V1, 0xe3, 200));
        // Type 2: Handshake has no token.
        let token = 200 + 15;
        two.remove(token);
        assert_eq!(long_headers(&two, false).unwrap().len(), 2);
        two[206] ^= 1;
        assert_eq!(long_headers(&two, false), None);
        let mut behind = initial(V1, 0xc3, 200);
        behind.extend([0x41; 30]);
        assert_eq!(long_headers(&behind, false).unwrap().len(), 1);
        behind[200] = 0x01;
        assert_eq!(long_headers(&behind, false), None);
    }

    #[test]
    fn version_negotiation_lists_versions() {
        let mut packet = vec![0x80, 0, 0, 0, 0, 0, 2, 7, 7];
        packet.extend([0x1a, 0x2a, 0x3a, 0x4a, 0, 0, 0, 1]);
        let read = long_headers(&packet, false).unwrap();
        assert_eq!(read[0].kind, Kind::VersionNegotiation);
        packet.truncate(packet.len() - 4);
        assert_eq!(long_headers(&packet, false), None);
    }

    #[test]
    fn google_says_its_version() {
        let mut packet = vec![0x0d, 1, 2, 3, 4, 5, 6, 7, 8];
        packet.extend(b"Q043\x01");
        packet.extend([9; 12]);
        packet.extend(b"\xa0\x01\x00\x04CHLO");
        let read = google(&packet).unwrap();
        assert_eq!((read.version, read.hello), (43, true));
        packet[10] = b'1';
        assert_eq!(google(&packet), None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            mut octets in prop::collection::vec(any::<u8>(), 0..120),
            version in prop_oneof![Just(V1), Just(0), Just(V2), Just(0x5130_3436)],
            force in any::<bool>(),
        ) {
            if let Some(there) = octets.get_mut(1..5).filter(|_| force) {
                there.copy_from_slice(&version.to_be_bytes());
            }
            for any in [false, true] {
                if let Some(read) = long_headers(&octets, any) {
                    prop_assert!(read.iter().all(|p| p.end <= octets.len()));
                }
            }
            let _ = cut_long_headers(&octets);
            let _ = (google(&octets), google_answers(&octets), google_number(&octets));
        }
    }
}

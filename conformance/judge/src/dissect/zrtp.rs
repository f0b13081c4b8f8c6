//! ZRTP packets (RFC 6189 5), their checksum verified.

/// The magic cookie (RFC 6189 5).
const MAGIC: [u8; 4] = *b"ZRTP";
/// Octets before the message, and of the checksum behind it.
const AROUND: usize = 12 + 4;
/// What a message begins with (RFC 6189 5).
const PREAMBLE: [u8; 2] = [0x50, 0x5a];

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Sequence number.
    pub sequence: u16,
    /// SSRC.
    pub ssrc: u32,
    /// Message Type Block: `Hello   `, `Confirm1`.
    pub kind: [u8; 8],
}

/// Reads a datagram; `None` if it is none, or its length or checksum is wrong.
pub fn read(datagram: &[u8]) -> Option<Packet> {
    let &[
        first,
        _,
        s0,
        s1,
        m0,
        m1,
        m2,
        m3,
        c0,
        c1,
        c2,
        c3,
        ref rest @ ..,
    ] = datagram
    else {
        return None;
    };
    if first & 0xf0 != 0x10 || [m0, m1, m2, m3] != MAGIC {
        return None;
    }
    let &[p0, p1, l0, l1, ref message @ ..] = rest else {
        return None;
    };
    let length = 4 * usize::from(u16::from_be_bytes([l0, l1]));
    let end = datagram.len().checked_sub(4)?;
    let crc = u32::from_be_bytes(*datagram.get(end..)?.first_chunk()?);
    let fits = [p0, p1] == PREAMBLE && length + AROUND == datagram.len();
    (fits && checksum(datagram.get(..end)?) == crc).then_some(Packet {
        sequence: u16::from_be_bytes([s0, s1]),
        ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
        kind: *message.first_chunk()?,
    })
}

/// CRC-32C, in the order of octets of RFC 3309.
fn checksum(octets: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x82f6_3b78;
    let crc = octets.iter().fold(u32::MAX, |crc, octet| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| {
            crc >> 1 ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 }
        })
    });
    (!crc).swap_bytes()
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn packet(kind: &[u8; 8]) -> Vec<u8> {
        let mut octets = vec![0x10, 0, 0, 1];
        octets.extend(MAGIC);
        octets.extend([1, 2, 3, 4, 0x50, 0x5a, 0, 6]);
        octets.extend(kind);
        octets.extend([9; 12]);
        octets.extend(checksum(&octets).to_be_bytes());
        octets
    }

    #[test]
    fn the_checksum_is_crc_32c() {
        assert_eq!(checksum(b"123456789").swap_bytes(), 0xe306_9283);
    }

    #[test]
    fn a_packet_with_a_wrong_octet_is_none() {
        let octets = packet(b"Confirm1");
        assert_eq!(read(&octets).unwrap().kind, *b"Confirm1");
        for at in 0..octets.len() {
            let mut wrong = octets.clone();
            wrong[at] ^= 0x20;
            assert_eq!(read(&wrong), None, "{at}");
        }
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(tail in prop::collection::vec(any::<u8>(), 0..60), cut in 0..40_usize) {
            let mut octets = packet(b"Hello   ");
            octets.truncate(cut);
            octets.extend(tail);
            let _ = read(&octets);
        }
    }
}

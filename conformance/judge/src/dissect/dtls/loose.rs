//! Records by their headers alone, as they are in a session that was joined:
//! DTLS 1.0 and 1.2 (RFC 6347 4.1), also with connection IDs (RFC 9146 4), and
//! what OpenSSL spoke before DTLS 1.0 was one (version 1.0 as 0x0100).

use std::ops::Range;

use super::{super::tls, DTLS12};

/// DTLS 1.0.
pub const DTLS10: u16 = 0xfeff;
/// What OpenSSL 0.9.8 to 0.9.8e and Cisco AnyConnect say for DTLS 1.0.
pub const BEFORE_RFC: u16 = 0x0100;
/// tls12_cid (RFC 9146 4).
pub const TLS12_CID: u8 = 25;
/// Octets of the longest connection ID that is looked for.
const LONGEST_CID: usize = 32;
/// Octets of a header without a connection ID.
const HEADER: usize = 13;
/// Octets of the header of a handshake message (RFC 6347 4.2.2).
const MESSAGE: usize = 12;
/// Longest fragment (RFC 6347 4.1 with RFC 5246 6.2.3).
const LONGEST: usize = (1 << 14) + 2048;

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loose {
    /// Content type.
    pub content_type: u8,
    /// Version.
    pub version: u16,
    /// Epoch.
    pub epoch: u16,
    /// Sequence number.
    pub sequence: u64,
    /// Its fragment in the datagram.
    pub fragment: Range<usize>,
}

/// The records that a datagram is, nothing left; `None` if it is no such. Every
/// record of type tls12_cid has a connection ID of that many octets.
pub fn records(datagram: &[u8], cid: usize) -> Option<Vec<Loose>> {
    read(datagram, cid, false)
}

/// The same of a datagram of which only the beginning was captured: the last record
/// goes on behind it.
pub fn cut_records(datagram: &[u8], cid: usize) -> Option<Vec<Loose>> {
    read(datagram, cid, true)
}

fn read(datagram: &[u8], cid: usize, cut: bool) -> Option<Vec<Loose>> {
    let mut records = Vec::new();
    let mut at = 0;
    while at < datagram.len() || records.is_empty() {
        let &[content_type, v0, v1, e0, e1, s0, s1, s2, s3, s4, s5, ..] =
            datagram.get(at..)?.first_chunk::<HEADER>()?;
        let version = u16::from_be_bytes([v0, v1]);
        let id = if content_type == TLS12_CID { cid } else { 0 };
        let known = matches!(version, DTLS10 | DTLS12 | BEFORE_RFC);
        if !known || !(tls::CHANGE_CIPHER_SPEC..=super::ACK).contains(&content_type) {
            return None;
        }
        let start = at + HEADER + id;
        let length = datagram.get(start - 2..start)?.first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        at = start + length;
        if length > LONGEST || at > datagram.len() && !cut {
            return None;
        }
        at = at.min(datagram.len());
        records.push(Loose {
            content_type,
            version,
            epoch: u16::from_be_bytes([e0, e1]),
            sequence: u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]),
            fragment: start..at,
        });
    }
    Some(records)
}

/// How long connection IDs are: the one length with which all of these datagrams
/// are records.
pub fn connection_id<'a>(datagrams: impl Iterator<Item = &'a [u8]>) -> Option<usize> {
    let mut fits: Vec<usize> = (1..=LONGEST_CID).collect();
    let mut seen = 0_usize;
    for datagram in datagrams.filter(|d| d.first() == Some(&TLS12_CID)) {
        seen += 1;
        fits.retain(|cid| records(datagram, *cid).is_some());
        if fits.is_empty() {
            return None;
        }
    }
    fits.first().copied().filter(|_| seen > 0)
}

/// Whether a fragment is nothing but parts of handshake messages in clear; if it was
/// cut, the last may go on behind it.
pub fn is_handshake(mut fragment: &[u8], cut: bool) -> bool {
    let u24 = |o: &[u8]| match *o {
        [a, b, c] => u32::from_be_bytes([0, a, b, c]) as usize,
        _ => usize::MAX,
    };
    let mut messages = 0;
    while let Some((head, rest)) = fragment.split_first_chunk::<MESSAGE>() {
        let (length, offset) = (u24(&head[1..4]), u24(&head[6..9]));
        let part = u24(&head[9..12]);
        let known = matches!(head[0], 0..=5 | 8 | 11..=16 | 20..=25);
        let rest = match rest.get(part..) {
            None if cut => Some(&[][..]),
            rest => rest,
        };
        let Some(rest) = rest.filter(|_| known && offset + part <= length) else {
            return false;
        };
        messages += 1;
        fragment = rest;
    }
    fragment.is_empty() && messages > 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(kind: u8, cid: &[u8], fragment: &[u8]) -> Vec<u8> {
        let mut octets = vec![kind, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9];
        octets.extend(cid);
        octets.extend((fragment.len() as u16).to_be_bytes());
        octets.extend(fragment);
        octets
    }

    #[test]
    fn records_fill_the_datagram() {
        let two = [record(23, &[], &[1; 40]), record(21, &[], &[2; 26])].concat();
        let read = records(&two, 0).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!((read[1].epoch, read[1].sequence), (1, 9));
        assert_eq!(read[1].fragment, 66..92);
        assert_eq!(records(&two[..two.len() - 1], 0), None);
        assert_eq!(cut_records(&two[..two.len() - 1], 0).unwrap().len(), 2);
        assert_eq!(records(&[], 0), None);
    }

    #[test]
    fn the_length_of_connection_ids_is_found() {
        let sent = [record(25, &[9; 6], &[1; 40]), record(25, &[9; 6], &[1; 70])];
        let cid = connection_id(sent.iter().map(Vec::as_slice));
        assert_eq!(cid, Some(6));
        assert!(records(&sent[0], 6).is_some());
    }

    #[test]
    fn messages_fill_the_fragment() {
        let message = [&[14, 0, 0, 2, 0, 3, 0, 0, 0, 0, 0, 2][..], &[5, 5]].concat();
        assert!(is_handshake(&message, false));
        assert!(is_handshake(
            &[message.clone(), message.clone()].concat(),
            false
        ));
        assert!(!is_handshake(&message[..13], false));
        assert!(is_handshake(&message[..13], true));
        let mut beyond = message.clone();
        beyond[8] = 1;
        assert!(!is_handshake(&beyond, false));
        assert!(!is_handshake(&[], true));
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            octets in prop::collection::vec(prop_oneof![Just(0_u8), Just(25), any::<u8>()], 0..90),
            cid in 0..40_usize,
        ) {
            let headed = [&[25, 0xfe, 0xfd][..], &octets].concat();
            for octets in [&octets, &headed] {
                let _ = (records(octets, cid), cut_records(octets, cid));
                let _ = connection_id([octets.as_slice()].into_iter());
                let _ = (is_handshake(octets, false), is_handshake(octets, true));
            }
        }
    }
}

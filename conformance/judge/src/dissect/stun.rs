//! STUN messages (RFC 8489), with the attributes that ICE puts into them
//! (RFC 8445 7.1, 16.1).

use std::{net::IpAddr, net::SocketAddr, ops::Range};

/// Octets of the header (RFC 8489 5).
const HEADER: usize = 20;
/// The magic cookie (RFC 8489 5).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// What the CRC of FINGERPRINT is combined with (RFC 8489 14.7).
const FINGERPRINT_XOR: u32 = 0x5354_554e;
/// Attributes that are read of one message.
const MAX_ATTRIBUTES: usize = 64;

/// The method that ICE uses (RFC 8489 18.2).
pub const BINDING: u16 = 1;

/// Attributes (RFC 8489 18.3, RFC 8445 16.1).
pub mod attribute {
    /// USERNAME.
    pub const USERNAME: u16 = 0x0006;
    /// MESSAGE-INTEGRITY.
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    /// ERROR-CODE.
    pub const ERROR_CODE: u16 = 0x0009;
    /// XOR-MAPPED-ADDRESS.
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    /// PRIORITY.
    pub const PRIORITY: u16 = 0x0024;
    /// USE-CANDIDATE.
    pub const USE_CANDIDATE: u16 = 0x0025;
    /// FINGERPRINT.
    pub const FINGERPRINT: u16 = 0x8028;
    /// ICE-CONTROLLED.
    pub const ICE_CONTROLLED: u16 = 0x8029;
    /// ICE-CONTROLLING.
    pub const ICE_CONTROLLING: u16 = 0x802a;
}

/// The class of a message (RFC 8489 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A request.
    Request,
    /// An indication.
    Indication,
    /// A success response.
    Success,
    /// An error response.
    Error,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its class.
    pub class: Class,
    /// Its method.
    pub method: u16,
    /// Its transaction.
    pub transaction: [u8; 12],
    /// Its attributes in order: the type, and where the value lies.
    pub attributes: Vec<(u16, Range<usize>)>,
    /// Whether it ends with a FINGERPRINT; one that is wrong makes it none.
    pub fingerprint: bool,
}

impl Message {
    /// Reads a datagram; `None` if it is no message, or not nothing else.
    pub fn read(octets: &[u8]) -> Option<Self> {
        let (&[t0, t1, l0, l1, ref rest @ ..], body) = octets.split_first_chunk::<HEADER>()?;
        let (cookie, transaction) = rest.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        if t0 & 0xc0 != 0 || *cookie != COOKIE || length != body.len() || length % 4 != 0 {
            return None;
        }
        let kind = u16::from_be_bytes([t0, t1]);
        let class = match (kind >> 7 & 2 | kind >> 4 & 1) & 3 {
            0 => Class::Request,
            1 => Class::Indication,
            2 => Class::Success,
            _ => Class::Error,
        };
        let mut message = Self {
            class,
            method: kind & 0x000f | kind >> 1 & 0x0070 | kind >> 2 & 0x0f80,
            transaction: *transaction.first_chunk()?,
            attributes: Vec::new(),
            fingerprint: false,
        };
        let mut at = HEADER;
        while at < octets.len() {
            let &[k0, k1, l0, l1] = octets.get(at..)?.first_chunk()?;
            let kind = u16::from_be_bytes([k0, k1]);
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            let value = at + 4..at + 4 + length;
            let end = at + 4 + length.next_multiple_of(4);
            if end > octets.len() || message.fingerprint {
                return None;
            }
            if kind == attribute::FINGERPRINT {
                let crc = octets.get(value.clone())?.try_into().ok()?;
                if u32::from_be_bytes(crc) != fingerprint(octets.get(..at)?) {
                    return None;
                }
                message.fingerprint = true;
            }
            message.attributes.push((kind, value));
            if message.attributes.len() > MAX_ATTRIBUTES {
                return None;
            }
            at = end;
        }
        Some(message)
    }

    /// The value of the first attribute of that type.
    pub fn value<'a>(&self, octets: &'a [u8], kind: u16) -> Option<&'a [u8]> {
        let (_, range) = self.attributes.iter().find(|(k, _)| *k == kind)?;
        octets.get(range.clone())
    }

    /// The address of XOR-MAPPED-ADDRESS (RFC 8489 14.2).
    pub fn mapped(&self, octets: &[u8]) -> Option<SocketAddr> {
        let value = self.value(octets, attribute::XOR_MAPPED_ADDRESS)?;
        let (&[_, family, p0, p1], address) = value.split_first_chunk()?;
        let port = u16::from_be_bytes([p0 ^ COOKIE[0], p1 ^ COOKIE[1]]);
        let mut mask = [0; 16];
        mask[..4].copy_from_slice(&COOKIE);
        mask[4..].copy_from_slice(&self.transaction);
        let ip: IpAddr = match family {
            1 => {
                let octets: [u8; 4] = address.try_into().ok()?;
                let plain: [u8; 4] = std::array::from_fn(|i| octets[i] ^ mask[i]);
                plain.into()
            }
            2 => {
                let octets: [u8; 16] = address.try_into().ok()?;
                let plain: [u8; 16] = std::array::from_fn(|i| octets[i] ^ mask[i]);
                plain.into()
            }
            _ => return None,
        };
        Some(SocketAddr::new(ip, port))
    }

    /// Where octets are that its sender chose freely: the transaction of who
    /// asks, every value but what can be computed of the rest, and padding that
    /// is not zero.
    pub fn free(&self, octets: &[u8]) -> Vec<Range<usize>> {
        let mut free = Vec::new();
        if matches!(self.class, Class::Request | Class::Indication) {
            free.push(HEADER - self.transaction.len()..HEADER);
        }
        for (kind, value) in &self.attributes {
            if *kind != attribute::FINGERPRINT && !value.is_empty() {
                free.push(value.clone());
            }
            let padding = value.end..value.start + value.len().next_multiple_of(4);
            let octets = octets.get(padding.clone()).unwrap_or_default();
            if octets.iter().any(|octet| *octet != 0) {
                free.push(padding);
            }
        }
        free
    }
}

/// FINGERPRINT of what is before it (RFC 8489 14.7).
fn fingerprint(before: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(before);
    crc.sum() ^ FINGERPRINT_XOR
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The sample request of RFC 5769 2.1.
    const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae8022001053\
        54554e207465737420636c69656e740024 00046e0001ff80290008932ff9b151263b36\
        00060009 6576746a3a68367659202020 00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2\
        80280004e57a3bcf";
    /// The sample response of RFC 5769 2.2.
    const RESPONSE: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220\
        002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";

    fn octets(text: &str) -> Vec<u8> {
        let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|d| (d[0] << 4 | d[1]) as u8).collect()
    }

    #[test]
    fn the_samples_of_rfc_5769_are_read() {
        let request = octets(REQUEST);
        let message = Message::read(&request).unwrap();
        assert_eq!((message.class, message.method), (Class::Request, BINDING));
        assert!(message.fingerprint);
        let username = message.value(&request, attribute::USERNAME);
        assert_eq!(username, Some(&b"evtj:h6vY"[..]));
        let response = octets(RESPONSE);
        let message = Message::read(&response).unwrap();
        assert_eq!((message.class, message.method), (Class::Success, BINDING));
        let mapped = message.mapped(&response);
        assert_eq!(mapped, Some("192.0.2.1:32853".parse().unwrap()));
        // SOFTWARE, its padding (a space), the address and MESSAGE-INTEGRITY.
        let free: usize = message.free(&response).iter().map(|r| r.len()).sum();
        assert_eq!(free, 11 + 1 + 8 + 20);
    }

    #[test]
    fn what_is_wrong_anywhere_is_no_message() {
        let request = octets(REQUEST);
        // What FINGERPRINT is called is not covered by it.
        let kind = request.len() - 8..request.len() - 6;
        for at in (0..request.len()).filter(|at| !kind.contains(at)) {
            let mut wrong = request.clone();
            wrong[at] ^= 1;
            assert_eq!(Message::read(&wrong), None, "{at}");
        }
        let mut longer = request.clone();
        longer.extend([0; 4]);
        assert_eq!(Message::read(&longer), None);
        longer[3] += 4;
        assert_eq!(Message::read(&longer), None);
        assert_eq!(Message::read(&request[..request.len() - 4]), None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            octets in prop::collection::vec(any::<u8>(), 0..200),
            at in 0..108_usize,
        ) {
            let mut message = super::tests::octets(REQUEST);
            message.truncate(at);
            message.extend(&octets);
            let length = message.len().saturating_sub(HEADER);
            for length in [None, Some(length)] {
                if let (Some(length), Some(field)) = (length, message.get_mut(2..4)) {
                    field.copy_from_slice(&(length as u16).to_be_bytes());
                }
                if let Some(read) = Message::read(&message) {
                    let _ = read.mapped(&message);
                    for range in read.free(&message) {
                        prop_assert!(range.end <= message.len());
                    }
                }
            }
        }
    }
}

//! IKE messages (RFC 2408 3.1, RFC 7296 3.1) and their chains of payloads, also
//! behind the marker that tells them from ESP in UDP (RFC 3948 2.2).

/// Octets of the header.
const HEADER: usize = 28;
/// Octets of the header of a payload.
const PAYLOAD: usize = 4;
/// Payloads that are read of a message.
const MOST: usize = 64;
/// Encrypted and Authenticated, of IKEv2 (RFC 7296 3.14), and its fragments
/// (RFC 7383 2.5).
const ENCRYPTED: [u8; 2] = [46, 53];

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Initiator's SPI, or cookie.
    pub initiator: [u8; 8],
    /// Responder's; 0 in a first message.
    pub responder: [u8; 8],
    /// 1 or 2.
    pub version: u8,
    /// Exchange type.
    pub exchange: u8,
    /// Whether the content is encrypted.
    pub encrypted: bool,
    /// Message ID.
    pub id: u32,
    /// How many payloads in clear were read.
    pub payloads: usize,
}

impl Message {
    /// Reads a message that octets are, nothing left; payloads in clear are
    /// followed to their end.
    pub fn read(octets: &[u8]) -> Option<Self> {
        let (head, body) = octets.split_first_chunk::<HEADER>()?;
        let next = head[16];
        let length = u32::from_be_bytes([head[24], head[25], head[26], head[27]]);
        let mut message = Self {
            initiator: *head.first_chunk()?,
            responder: *head[8..].first_chunk()?,
            version: head[17] >> 4,
            exchange: head[18],
            encrypted: false,
            id: u32::from_be_bytes([head[20], head[21], head[22], head[23]]),
            payloads: 0,
        };
        let flags = head[19];
        let known = match message.version {
            // Phase 1 and its kin, informational, configuration, quick, new group.
            1 => matches!(message.exchange, 1..=6 | 32 | 33) && flags & !0x07 == 0,
            // 34 to 37, and those of RFC 5723, RFC 9242, RFC 9370, RFC 9838.
            2 => matches!(message.exchange, 34..=44) && flags & !0x38 == 0,
            _ => false,
        };
        if !known || head[17] & 0x0f != 0 || message.initiator == [0; 8] {
            return None;
        }
        if usize::try_from(length).ok()? != octets.len() || next == 0 && !body.is_empty() {
            return None;
        }
        message.encrypted = message.version == 1 && flags & 1 != 0;
        if !message.encrypted {
            message.follow(next, body)?;
        }
        Some(message)
    }

    fn follow(&mut self, mut next: u8, mut body: &[u8]) -> Option<()> {
        while next != 0 && self.payloads < MOST {
            let &[after, reserved, l0, l1] = body.first_chunk::<PAYLOAD>()?;
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            if length < PAYLOAD || reserved & 0x7f != 0 {
                return None;
            }
            body = body.get(length..)?;
            self.payloads += 1;
            if self.version == 2 && ENCRYPTED.contains(&next) {
                // What its next payload names is inside.
                self.encrypted = true;
                break;
            }
            next = after;
        }
        body.is_empty().then_some(())
    }
}

/// Reads a datagram that may have the marker of four zeros before the message.
pub fn in_udp(datagram: &[u8]) -> Option<Message> {
    match datagram {
        [0, 0, 0, 0, message @ ..] => Message::read(message),
        _ => Message::read(datagram),
    }
}

/// SPI and sequence number of ESP (RFC 4303 2), if the datagram may be one: an SPI
/// that is not reserved, and at least an ICV and a block, ended on 4 octets.
pub fn esp(datagram: &[u8]) -> Option<(u32, u32)> {
    let &[a, b, c, d, e, f, g, h] = datagram.first_chunk()?;
    let spi = u32::from_be_bytes([a, b, c, d]);
    let fits = spi > 255 && datagram.len() >= 8 + 8 + 4 + 8 && datagram.len().is_multiple_of(4);
    fits.then(|| (spi, u32::from_be_bytes([e, f, g, h])))
}

/// Whether what is behind the header of ESP is an IPv4 packet in clear: NULL
/// encryption (RFC 2410) in tunnel mode.
pub fn is_esp_in_clear(datagram: &[u8]) -> bool {
    let Some(&[0x45, _, l0, l1, ..]) = datagram.get(8..28) else {
        return false;
    };
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    // Behind it: padding to 4 octets, its length, what was next, and an ICV.
    let rest = (datagram.len() - 8).checked_sub(length);
    length >= 20 && rest.is_some_and(|rest| rest <= 2 + 255 + 64)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A first message of either version.
    pub(crate) fn message(version: u8) -> Vec<u8> {
        let (next, exchange, flags) = if version == 1 { (1, 2, 0) } else { (33, 34, 8) };
        let mut octets = vec![1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        octets.extend([next, version << 4, exchange, flags, 0, 0, 0, 0]);
        octets.extend([0, 0, 0, 28 + 20 + 12]);
        octets.extend([40, 0, 0, 20]);
        octets.extend([5; 16]);
        octets.extend([0, 0, 0, 12]);
        octets.extend([6; 8]);
        octets
    }

    #[test]
    fn payloads_are_followed_to_the_end() {
        for version in [1, 2] {
            let octets = message(version);
            let read = Message::read(&octets).unwrap();
            assert_eq!((read.version, read.payloads), (version, 2));
            let marked = [&[0; 4][..], &octets].concat();
            assert_eq!(in_udp(&marked), Some(read));
            for at in [17, 27, 29, 31, 51] {
                let mut wrong = octets.clone();
                wrong[at] ^= 0x41;
                assert_eq!(Message::read(&wrong), None, "{at}");
            }
            assert_eq!(Message::read(&octets[..59]), None);
        }
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            tail in prop::collection::vec(any::<u8>(), 0..60),
            cut in 0..60_usize,
        ) {
            let mut octets = message(2);
            octets.truncate(cut);
            octets.extend(tail);
            let length = octets.len() as u32;
            if let Some(there) = octets.get_mut(24..28) {
                there.copy_from_slice(&length.to_be_bytes());
            }
            let _ = (in_udp(&octets), esp(&octets), is_esp_in_clear(&octets));
        }
    }
}

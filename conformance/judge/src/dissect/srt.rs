//! SRT packets (draft-sharabayko-srt-01, 3): headers, handshakes and their key
//! material.

/// Octets of the header.
pub const HEADER: usize = 16;
/// Octets of a handshake behind the header (3.2.1).
const HANDSHAKE: usize = 48;
/// Extensions of a handshake: key material, asked and answered (3.2.1.2).
const KEY_MATERIAL: [u16; 2] = [3, 4];
/// HSREQ, HSRSP, KMREQ, KMRSP, SID, CONGESTION, FILTER, GROUP.
const LAST_EXTENSION: u16 = 8;
/// Types of a handshake: induction, wave a hand, conclusion, agreement, done, and
/// from 1000 on a rejection.
const TYPES: [u32; 5] = [1, 0, 0xffff_ffff, 0xffff_fffe, 0xffff_fffd];

/// A packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet {
    /// A data packet.
    Data {
        /// Sequence number.
        sequence: u32,
        /// Which key encrypts it: 0 none, 1 even, 2 odd.
        key: u8,
        /// Destination Socket ID.
        socket: u32,
    },
    /// A handshake.
    Handshake {
        /// 1 induction, 0xffffffff conclusion.
        kind: u32,
        /// Length of the key: 0, 2, 3 or 4, times 8 octets.
        key_length: u16,
        /// Whether key material is in it, and how it encrypts: 0 for not.
        cipher: Option<u8>,
    },
    /// Key material on its way, and how it encrypts.
    KeyMaterial {
        /// 0 for not, 2 for AES-CTR, 3 for AES-GCM.
        cipher: u8,
    },
    /// Another control packet.
    Control {
        /// Its type.
        kind: u16,
    },
}

/// Reads a datagram; `None` if it is none by form.
pub fn read(datagram: &[u8]) -> Option<Packet> {
    let (head, body) = datagram.split_first_chunk::<HEADER>()?;
    let word = |at: usize| {
        let octets = datagram.get(at..).and_then(|rest| rest.first_chunk::<4>());
        octets.map(|octets| u32::from_be_bytes(*octets))
    };
    if head[0] & 0x80 == 0 {
        return Some(Packet::Data {
            sequence: word(0)?,
            key: head[4] >> 3 & 3,
            socket: word(12)?,
        });
    }
    let kind = u16::from_be_bytes([head[0] & 0x7f, head[1]]);
    let subtype = u16::from_be_bytes([head[2], head[3]]);
    match (kind, subtype) {
        (0, 0) => handshake(body),
        (0x7fff, 3 | 4) => cipher(body).map(|cipher| Packet::KeyMaterial { cipher }),
        (0x7fff, 1..=8) | (1..=8, _) => Some(Packet::Control { kind }),
        _ => None,
    }
}

fn handshake(body: &[u8]) -> Option<Packet> {
    let (fixed, mut rest) = body.split_at_checked(HANDSHAKE)?;
    let word = |at: usize| {
        let octets = fixed.get(at..).and_then(|rest| rest.first_chunk::<4>());
        octets.map(|octets| u32::from_be_bytes(*octets))
    };
    let version = word(0)?;
    let key_length = u16::from_be_bytes(*fixed.get(4..6)?.first_chunk()?);
    let (mtu, kind) = (word(12)?, word(20)?);
    let known = TYPES.contains(&kind) || (1000..3000).contains(&kind);
    let fits = matches!(version, 4 | 5)
        && matches!(key_length, 0 | 2..=4)
        && (76..=65_536).contains(&mtu)
        && known;
    if !fits {
        return None;
    }
    let mut key_material = None;
    while let Some((&[t0, t1, l0, l1], behind)) = rest.split_first_chunk() {
        let extension = u16::from_be_bytes([t0, t1]);
        let length = 4 * usize::from(u16::from_be_bytes([l0, l1]));
        let content = behind.get(..length)?;
        if !(1..=LAST_EXTENSION).contains(&extension) {
            return None;
        }
        if KEY_MATERIAL.contains(&extension) && length > 4 {
            key_material = Some(cipher(content)?);
        }
        rest = behind.get(length..)?;
    }
    rest.is_empty().then_some(Packet::Handshake {
        kind,
        key_length,
        cipher: key_material,
    })
}

/// The cipher that a message of key material names (3.2.2).
fn cipher(message: &[u8]) -> Option<u8> {
    let &[0x12, 0x20, 0x29, flags, _, _, _, _, cipher, ..] = message else {
        return None;
    };
    (matches!(flags, 1..=3) && matches!(cipher, 0 | 2 | 3)).then_some(cipher)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A conclusion, with key material if it has a cipher.
    pub(crate) fn conclusion(cipher: Option<u8>) -> Vec<u8> {
        let mut octets = vec![0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        octets.extend([0, 0, 0, 5, 0, if cipher.is_some() { 2 } else { 0 }, 0, 3]);
        octets.extend([
            0, 0, 0, 9, 0, 0, 5, 0xdc, 0, 0, 0x20, 0, 0xff, 0xff, 0xff, 0xff,
        ]);
        octets.extend([0, 0, 0, 7, 1, 2, 3, 4]);
        octets.extend([0; 16]);
        octets.extend([0, 1, 0, 3, 0, 1, 5, 0, 0, 0, 0, 0xbf, 0, 120, 0, 120]);
        if let Some(cipher) = cipher {
            octets.extend([0, 3, 0, 3, 0x12, 0x20, 0x29, 1, 0, 0, 0, 0, cipher, 0, 2, 0]);
        }
        octets
    }

    #[test]
    fn handshakes_say_whether_they_encrypt() {
        for cipher in [None, Some(0), Some(2)] {
            let Some(Packet::Handshake { cipher: read, .. }) = read(&conclusion(cipher)) else {
                panic!("no handshake");
            };
            assert_eq!(read, cipher);
        }
        let whole = conclusion(Some(2));
        assert_eq!(read(&whole[..whole.len() - 1]), None);
        assert_eq!(read(&[&whole[..], &[0; 3]].concat()), None);
        let data = [
            &[0, 0, 0, 7, 0xc8, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9][..],
            &[5; 90],
        ]
        .concat();
        assert_eq!(
            read(&data),
            Some(Packet::Data {
                sequence: 7,
                key: 1,
                socket: 9
            })
        );
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            tail in prop::collection::vec(any::<u8>(), 0..60),
            cut in 0..100_usize,
            at in 0..100_usize,
            octet in any::<u8>(),
        ) {
            let mut octets = conclusion(Some(2));
            octets.truncate(cut);
            octets.extend(tail);
            if let Some(there) = octets.get_mut(at) {
                *there = octet;
            }
            let _ = read(&octets);
        }
    }
}

//! How drones are flown and say where they are: MAVLink, what Parrot speaks, and the
//! frames of DJI and Tello, all behind lengths and checksums.

use super::{
    datagrams::Message,
    form::{Form, Frame},
    streams::Frames,
};

pub(super) const MESSAGES: &[Message] = &[
    Message {
        kind: "mavlink",
        name: "of MAVLink",
        read: |octets| filled(octets, mavlink),
    },
    Message {
        kind: "dji",
        name: "in frames of DJI",
        read: |octets| filled(octets, dji),
    },
    Message {
        kind: "arsdk",
        name: "of Parrot's commands",
        read: |octets| filled(octets, parrot),
    },
];

pub(super) const FRAMES: &[Frames] = &[
    Frames {
        kind: "mavlink",
        name: "MAVLink",
        read: mavlink,
    },
    Frames {
        kind: "dji",
        name: "DJI's frames",
        read: dji,
    },
];

/// Frames that fill a datagram.
fn filled(octets: &[u8], read: fn(&[u8]) -> Option<Frame>) -> Option<u32> {
    let (mut rest, mut bits) = (octets, 0_u32);
    while !rest.is_empty() {
        let frame = read(rest)?;
        rest = rest.get(frame.octets..)?;
        bits = bits.saturating_add(frame.bits);
    }
    // That the last ends with the datagram.
    Some(bits.saturating_add(8))
}

/// MAVLink 1 and 2 ("Packet Serialization"). Its checksum has an octet besides that
/// every kind of message has of its own.
fn mavlink(octets: &[u8]) -> Option<Frame> {
    /// ENCAPSULATED_DATA: of pictures.
    const PICTURES: u32 = 131;
    let mut form = Form::new(octets);
    let version = form.u8_of(&[0xfe, 0xfd])?;
    let length = usize::from(form.u8()?);
    let (header, signature, kind) = match version {
        0xfe => {
            form.skip(3)?;
            (6, 0, u32::from(form.u8()?))
        }
        _ => {
            let incompatible = form.u8_of(&[0, 1])?;
            form.skip(4)?;
            let [low, middle, high] = form.array()?;
            let kind = u32::from_le_bytes([low, middle, high, 0]);
            form.must(kind < 1 << 17, 7)?;
            (10, 13 * usize::from(incompatible), kind)
        }
    };
    form.skip(length)?;
    let told = form.le16()?;
    let sum = octets.get(1..header + length)?.iter();
    let sum = sum.fold(0xffff, |sum, o| reflected(sum, *o, CCITT));
    let is_one = (0..=u8::MAX).any(|extra| reflected(sum, extra, CCITT) == told);
    form.must(is_one && kind != PICTURES, 8)?;
    form.frame(header + length + 2 + signature)
}

/// DJI's frames (0x55) and Tello's (0xcc): a length whose header has a checksum, and
/// one of all.
fn dji(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let start = form.u8_of(&[0x55, 0xcc])?;
    let length = match start {
        0x55 => {
            let length = form.le16()?;
            // Version 1.
            form.must(length >> 10 == 1, 6)?;
            length & 0x3ff
        }
        _ => {
            let length = form.le16()?;
            form.must(length & 7 == 0, 3)?;
            length >> 3
        }
    };
    let header = form.u8()?;
    let sum = octets
        .get(..3)?
        .iter()
        .fold(0x77, |sum, o| reflected(sum, *o, 0x8c));
    form.must(sum == u16::from(header), 8)?;
    let length = usize::from(length);
    form.must(length >= 11, 2)?;
    let body = octets.get(..length - 2)?;
    let told: [u8; 2] = octets.get(length - 2..length)?.try_into().ok()?;
    let sum = body.iter().fold(0x3692, |sum, o| reflected(sum, *o, CCITT));
    form.must(sum == u16::from_le_bytes(told), 16)?;
    form.skip(length - 4)?;
    form.frame(length)
}

/// Parrot's frames (ARNetworkAL): type, buffer, number, and a length of all. Its
/// pictures come in long ones.
fn parrot(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let kind = form.u8_in(1..=4)?;
    // Of what is acknowledged the buffer is that of an answer.
    let buffer = form.u8_of(&[0, 1, 10, 11, 12, 126, 127, 138, 139, 254, 255])?;
    form.must(kind != 1 || buffer >= 126, 1)?;
    form.skip(1)?;
    let length = form.le32_in(8..=520)?;
    form.frame(usize::try_from(length).ok()?.max(form.at()))
}

/// The polynomial of CRC-16/MCRF4XX and the like, reflected.
const CCITT: u16 = 0x8408;

/// A step of a reflected CRC.
fn reflected(sum: u16, octet: u8, polynomial: u16) -> u16 {
    (0..8).fold(sum ^ u16::from(octet), |sum, _| match sum & 1 {
        0 => sum >> 1,
        _ => sum >> 1 ^ polynomial,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_and_lengths_are_read() {
        // A heartbeat, whose checksum has 50 besides; and Tello's taking off.
        let heartbeat = [254, 9, 0, 1, 1, 0, 0, 0, 0, 0, 2, 3, 81, 4, 3];
        let sum = heartbeat[1..]
            .iter()
            .chain(&[50])
            .fold(0xffff, |sum, o| reflected(sum, *o, CCITT));
        let heartbeat = [&heartbeat[..], &sum.to_le_bytes()].concat();
        assert_eq!(mavlink(&heartbeat).map(|frame| frame.octets), Some(17));
        let take_off = [0xcc, 0x58, 0, 0x7c, 0x68, 0x54, 0, 0xe4, 1, 0xc2, 0x16];
        assert_eq!(dji(&take_off).map(|frame| frame.octets), Some(11));
        let parrot_ = [4, 127, 1, 11, 0, 0, 0, 0, 4, 0, 0];
        assert_eq!(parrot(&parrot_).map(|frame| frame.octets), Some(11));
        let two = [&take_off[..], &take_off].concat();
        assert!(filled(&two, dji).is_some_and(|bits| bits >= 64));
        for at in [1, 3, 6, 10] {
            let mut wrong = take_off;
            wrong[at] ^= 0x10;
            assert_eq!(dji(&wrong), None, "{at}");
        }
        for end in 0..11 {
            assert_eq!(dji(&take_off[..end]), None);
            assert_eq!(filled(&parrot_[..end], parrot).filter(|_| end > 0), None);
        }
        assert_eq!(mavlink(&heartbeat[..16]), None);
    }
}

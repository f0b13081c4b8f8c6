//! Things at home and cameras that say who they are: TP-Link, Ubiquiti, MikroTik,
//! LIFX, Xiaomi, Dahua, Canon, Steam, Tuya, Spotify, and robots' RTPS.

use super::{
    datagrams::Message,
    form::{Form, Frame},
    streams::Frames,
};

pub(super) const MESSAGES: &[Message] = &[
    Message {
        kind: "tplink-shp",
        name: "of TP-Link's smart home protocol, in JSON behind a fixed XOR that encrypts nothing",
        read: tplink,
    },
    Message {
        kind: "ubiquiti-discovery",
        name: "of Ubiquiti's discovery",
        read: ubiquiti,
    },
    Message {
        kind: "mndp",
        name: "of MikroTik's discovery",
        read: mikrotik,
    },
    Message {
        kind: "lifx",
        name: "of LIFX",
        read: lifx,
    },
    Message {
        kind: "miio-hello",
        name: "of Xiaomi's search for devices",
        read: miio_hello,
    },
    Message {
        kind: "dhip",
        name: "of Dahua's search for devices",
        read: dhip_datagram,
    },
    Message {
        kind: "bjnp",
        name: "of Canon's BJNP",
        read: bjnp,
    },
    Message {
        kind: "steam-discovery",
        name: "of Steam's discovery",
        read: steam,
    },
    Message {
        kind: "wol",
        name: "that wake a machine",
        read: wake,
    },
    Message {
        kind: "gvcp",
        name: "of GigE Vision control",
        read: gvcp,
    },
    Message {
        kind: "tuya",
        name: "of Tuya's search for devices, in JSON",
        read: tuya,
    },
    Message {
        kind: "spotify",
        name: "of Spotify's search for devices",
        read: spotify,
    },
    Message {
        kind: "rtps",
        name: "of RTPS (DDS) without much content",
        read: rtps,
    },
];

pub(super) const FRAMES: &[Frames] = &[
    Frames {
        kind: "tplink-shp",
        name: "TP-Link's smart home protocol, in JSON behind a fixed XOR that encrypts nothing",
        read: tplink_in_stream,
    },
    Frames {
        kind: "dhip",
        name: "Dahua's DHIP with JSON",
        read: dhip,
    },
    Frames {
        kind: "chromecast",
        name: "Chromecast in clear",
        read: castv2,
    },
];

/// Each octet is XORed with the one before it, the first with 171.
fn unveiled(octets: &[u8]) -> impl Iterator<Item = u8> {
    let mut before = 171_u8;
    octets.iter().map(move |&octet| {
        let clear = octet ^ before;
        before = octet;
        clear
    })
}

/// JSON behind it, as a whole.
fn tplink(octets: &[u8]) -> Option<u32> {
    let starts = unveiled(octets.get(..2)?).eq(*b"{\"") || unveiled(octets.get(..2)?).eq(*b"{}");
    if !starts || octets.len() > 1 << 16 {
        return None;
    }
    let clear: Vec<u8> = unveiled(octets).collect();
    let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(&clear).is_ok();
    // Its first two octets are given, and what parses is more than text.
    parsed.then_some(u32::try_from(octets.len()).ok()? + 16)
}

/// The length in four octets before it.
fn tplink_in_stream(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let length = usize::try_from(form.u32()?).ok()?;
    form.must((2..1 << 16).contains(&length), 16)?;
    let rest = form.rest();
    let veiled = rest.get(..length.min(rest.len()))?;
    let bits = match veiled.len() == length {
        true => tplink(veiled)?,
        false => {
            let clear = unveiled(veiled).collect::<Vec<_>>();
            let text = clear.starts_with(b"{\"") && clear.iter().all(|&o| o >= 0x20);
            text.then_some(u32::try_from(clear.len()).ok()?)?
        }
    };
    form.must(true, bits)?;
    form.frame(4 + length)
}

/// Version, command, length; elements of type and length fill it.
fn ubiquiti(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.u8_of(&[1, 2])?;
    form.u8_in(0..=11)?;
    let length = usize::from(form.u16()?);
    form.must(length == form.left(), 16)?;
    while !form.is_at_end() {
        form.u8_in(1..=0x40)?;
        let length = usize::from(form.u16()?);
        form.must(length <= form.left(), 8)?;
        form.skip(length)?;
    }
    form.end()
}

/// A header, and elements of type and length that fill the datagram.
fn mikrotik(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    if octets == [0; 4] || octets == [0; 9] {
        return Some(8 * octets.len() as u32);
    }
    form.skip(4)?;
    let mut elements = 0;
    while !form.is_at_end() {
        let kind = form.u16()?;
        form.must(matches!(kind, 1 | 5 | 7 | 8 | 10..=17), 12)?;
        let length = usize::from(form.u16()?);
        form.must(length <= form.left(), 8)?;
        form.skip(length)?;
        elements += 1;
    }
    if elements >= 3 { form.end() } else { None }
}

/// LIFX LAN protocol: the size of all, protocol 1024, addressable.
fn lifx(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let length = usize::from(form.le16()?);
    form.must(length == octets.len() && length >= 36, 16)?;
    let protocol = form.le16()?;
    form.must(protocol & 0x1fff == 0x1400, 13)?;
    form.skip(4 + 8 + 6 + 1 + 1 + 8)?;
    form.le16_in(2..=1023)?;
    Some(form.bits())
}

/// 0x2131, length 32, and nothing but ones: no key is involved.
fn miio_hello(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.exact(&[0x21, 0x31, 0, 0x20])?;
    form.must(form.left() == 28, 8)?;
    Some(form.bits())
}

/// Header of 32 octets that names itself, and JSON of the length that it states.
fn dhip(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.exact(&[0x20, 0, 0, 0])?;
    form.exact(b"DHIP")?;
    form.skip(8)?;
    let length = form.le32()?;
    form.must(length < 1 << 20, 12)?;
    form.frame(32 + usize::try_from(length).ok()?)
}

fn dhip_datagram(octets: &[u8]) -> Option<u32> {
    let frame = dhip(octets)?;
    (frame.octets == octets.len()).then_some(frame.bits + 8)
}

/// Canon's and Epson's search for printers.
fn bjnp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let name = form.take(4)?;
    form.must(
        [&b"BJNP"[..], b"BJNB", b"MFNP", b"EPSO"].contains(&name),
        30,
    )?;
    form.skip(8)?;
    let length = form.u32()?;
    form.must(usize::try_from(length).ok()? == form.left(), 24)?;
    Some(form.bits())
}

fn steam(octets: &[u8]) -> Option<u32> {
    octets
        .starts_with(&[0xff, 0xff, 0xff, 0xff, 0x21, 0x4c, 0x5f, 0xa0])
        .then_some(64)
}

/// Prefix, sequence, command, length; JSON, a checksum, suffix. What Tuya encrypts is
/// no JSON and none of this.
fn tuya(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.exact(&[0, 0, 0x55, 0xaa])?;
    form.skip(8)?;
    let length = usize::try_from(form.u32()?).ok()?;
    form.must(length == form.left(), 24)?;
    let content = form.take(length.checked_sub(8)?)?;
    form.skip(4)?;
    form.exact(&[0, 0, 0xaa, 0x55])?;
    let begins = content
        .iter()
        .position(|&o| o == b'{')
        .filter(|at| *at <= 20)?;
    let json = content.get(begins..)?;
    serde_json::from_slice::<serde::de::IgnoredAny>(json).ok()?;
    form.end()
}

fn spotify(octets: &[u8]) -> Option<u32> {
    (octets.starts_with(b"SpotUdp0") && octets.len() <= 64).then_some(64)
}

/// OMG DDSI-RTPS 9.4: header, and submessages whose lengths fill the datagram. Large
/// ones may carry pictures, as robots send them, and are none of this.
fn rtps(octets: &[u8]) -> Option<u32> {
    const MOST: usize = 1024;
    let mut form = Form::new(octets);
    form.exact(b"RTPS\x02")?;
    form.u8_in(0..=5)?;
    form.skip(2 + 12)?;
    form.must(octets.len() <= MOST, 0)?;
    while !form.is_at_end() {
        form.skip(1)?;
        let little = form.u8()? & 1 != 0;
        let length = usize::from(if little { form.le16()? } else { form.u16()? });
        let length = if length == 0 { form.left() } else { length };
        form.must(length <= form.left(), 6)?;
        form.skip(length)?;
    }
    form.end()
}

/// Six octets 0xff and sixteen times the address.
fn wake(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.exact(&[0xff; 6])?;
    let address = form.take(6)?;
    for _ in 0..15 {
        form.exact(address)?;
    }
    form.must(matches!(form.left(), 0 | 4 | 6), 0)?;
    Some(form.bits())
}

/// GigE Vision control: a key or a status, a command, the length of what follows.
fn gvcp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let first = form.u8()?;
    form.must(matches!(first, 0x42 | 0 | 0x80), 6)?;
    form.skip(1)?;
    let command = form.u16()?;
    form.must(
        matches!(command, 0x02..=0x05 | 0x40 | 0x41 | 0x80..=0x89 | 0xc0..=0xc3),
        11,
    )?;
    let length = usize::from(form.u16()?);
    form.must(length == form.left().checked_sub(2)?, 16)?;
    Some(form.bits())
}

/// A length, and a message of protocol buffers that begins with version 0.
fn castv2(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let length = form.u32_in(8..=65_536)?;
    form.exact(&[8, 0, 0x12])?;
    let source = usize::from(form.u8_in(1..=64)?);
    form.printable(source)?;
    form.exact(&[0x1a])?;
    form.frame(4 + usize::try_from(length).ok()?)
}

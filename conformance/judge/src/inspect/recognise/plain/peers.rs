//! Peers and games: BitTorrent with its DHT and uTP, eDonkey, Gnutella, Bitcoin and
//! its like, Source and Quake queries, RakNet, Minecraft, Battle.net, TeamSpeak, ENet.

use crate::{
    dissect::{Flow, Stream},
    inspect::Claim,
};

use super::{
    datagrams::Message,
    form::{Form, Frame},
    streams::{Frames, chain},
    tunnel,
};

pub(super) const MESSAGES: &[Message] = &[
    Message {
        kind: "bittorrent-dht",
        name: "of BitTorrent's DHT",
        read: bencoded,
    },
    Message {
        kind: "bittorrent-tracker",
        name: "of a BitTorrent tracker",
        read: tracker,
    },
    Message {
        kind: "utp",
        name: "of uTP",
        read: utp,
    },
    Message {
        kind: "edonkey",
        name: "of eDonkey or Kademlia",
        read: edonkey_datagram,
    },
    Message {
        kind: "source-query",
        name: "of a query for game servers",
        read: source_query,
    },
    Message {
        kind: "raknet",
        name: "of RakNet without connection",
        read: raknet,
    },
    Message {
        kind: "teamspeak",
        name: "of TeamSpeak being set up",
        read: teamspeak,
    },
    Message {
        kind: "minecraft",
        name: "of Minecraft's query",
        read: minecraft_query,
    },
    Message {
        kind: "gnutella",
        name: "of Gnutella",
        read: gnutella,
    },
    Message {
        kind: "ventrilo",
        name: "of All-Seeing Eye",
        read: all_seeing_eye,
    },
];

pub(super) const FRAMES: &[Frames] = &[
    Frames {
        kind: "bittorrent",
        name: "BitTorrent",
        read: bittorrent,
    },
    Frames {
        kind: "bitcoin",
        name: "Bitcoin",
        read: bitcoin,
    },
    Frames {
        kind: "edonkey",
        name: "eDonkey",
        read: edonkey,
    },
    Frames {
        kind: "battle.net",
        name: "Battle.net",
        read: battle_net,
    },
];

/// Values that are read of one message, and how deep they may lie.
const MOST_VALUES: usize = 4096;
const DEEPEST: usize = 32;
/// Octets of keys and padding before a handshake.
const MOST_KEYS: usize = 4096;

/// Bencoding (BEP 3) of one dictionary that fills the datagram.
fn bencoded(octets: &[u8]) -> Option<u32> {
    if octets.first() != Some(&b'd') {
        return None;
    }
    let mut form = Form::new(octets);
    let mut depth = 0_usize;
    for _ in 0..MOST_VALUES {
        match form.u8()? {
            b'd' | b'l' => {
                form.must(true, 6)?;
                depth += 1;
            }
            b'e' => {
                form.must(true, 6)?;
                depth = depth.checked_sub(1)?;
            }
            b'i' => {
                let digits = form.rest().iter().take(21).position(|&o| o == b'e')?;
                let number = form.take(digits)?;
                let numeric = number.iter().all(|o| o.is_ascii_digit() || *o == b'-');
                form.must(numeric && digits > 0, 4)?;
                form.exact(b"e")?;
            }
            first @ b'0'..=b'9' => {
                let mut length = usize::from(first - b'0');
                loop {
                    match form.u8()? {
                        b':' => break,
                        digit @ b'0'..=b'9' if length < 65_536 => {
                            length = length * 10 + usize::from(digit - b'0');
                        }
                        _ => return None,
                    }
                }
                form.must(length <= form.left(), 10)?;
                form.skip(length)?;
            }
            _ => return None,
        }
        if depth == 0 {
            return form.end();
        }
        if depth > DEEPEST {
            return None;
        }
    }
    None
}

/// BEP 15: a connection with its magic, or actions with lengths that are theirs.
fn tracker(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    if octets.starts_with(&[0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80]) {
        form.exact(&[0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80])?;
        form.zeros(4)?;
        return Some(form.bits());
    }
    // Answers begin like much else, start codes among it: beside questions only.
    match form.u32()? {
        0 => form.must(octets.len() == 16, 8)?,
        1 => form.must(octets.len() >= 20 && octets.len() % 6 == 2, 4)?,
        2 => form.must(octets.len() >= 20 && octets.len() % 12 == 8, 4)?,
        3 => {
            form.skip(4)?;
            let left = form.left();
            form.printable(left)?;
        }
        _ => {
            form.skip(4)?;
            let action = form.u32()?;
            let length = octets.len();
            form.must(
                action == 1 && length >= 98 || action == 2 && length >= 36 && length % 20 == 16,
                30,
            )?;
        }
    }
    Some(form.bits())
}

/// BEP 29: version 1, a type, extensions that chain; sizes that are ones. What it
/// carries is not told by that.
fn utp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let first = form.u8()?;
    form.must(first & 0xf == 1 && first >> 4 <= 4, 5)?;
    let mut extension = form.u8()?;
    form.must(extension <= 2, 6)?;
    form.skip(2 + 4 + 4)?;
    let window = form.u32()?;
    form.must(window <= 1 << 24, 8)?;
    form.skip(4)?;
    while extension != 0 {
        extension = form.u8()?;
        let length = usize::from(form.u8()?);
        form.must(extension <= 2 && length <= form.left(), 6)?;
        form.skip(length)?;
    }
    // Data in packets that say so, or in none: a stream that may be ciphertext.
    let bare = form.is_at_end();
    form.must(bare, 0)?;
    Some(form.bits())
}

/// Handshake, then messages with length and type (BEP 3, BEP 6, BEP 10).
fn bittorrent(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    if octets.first() == Some(&19) {
        form.exact(b"\x13BitTorrent protocol")?;
        return form.frame(68);
    }
    let length = form.u32()?;
    if length == 0 {
        form.must(true, 32)?;
        return form.frame(4);
    }
    form.must(length <= 1 << 18, 14)?;
    let kind = form.u8()?;
    let fits = matches!(
        (kind, length),
        (0..=3 | 14 | 15, 1)
            | (4 | 17, 5)
            | (6 | 8 | 16, 13)
            | (9, 3)
            | (13, 5)
            | (5, 2..)
            | (20, 3..)
            | (7, 9..=131_081)
    );
    let bits = match kind {
        5 | 7 | 20 => 7,
        _ => 24,
    };
    form.must(fits, bits)?;
    if kind == 7 {
        // Index, and an offset that is a multiple of a block.
        form.skip(4)?;
        let offset = form.u32()?;
        form.must(offset % 1024 == 0 && offset <= 1 << 26, 16)?;
    }
    form.frame(4 + usize::try_from(length).ok()?)
}

/// A handshake behind keys that hide it from whoever looks at first octets (message
/// stream encryption), with all that follows in clear.
pub(super) fn behind_keys(flow: &Flow) -> Option<Claim> {
    const HANDSHAKE: &[u8] = b"\x13BitTorrent protocol";
    let found = |stream: &Stream| {
        let head = stream.bytes.get(..stream.bytes.len().min(MOST_KEYS))?;
        memchr::memmem::find(head, HANDSHAKE)
    };
    // Of who speaks first it may be hidden with the keys.
    let segment = |stream: &Stream| {
        let heads = stream
            .pieces
            .iter()
            .map(|piece| piece.at)
            .take_while(|at| *at < MOST_KEYS);
        heads
            .into_iter()
            .find(|at| stream.bytes.get(*at..).and_then(bittorrent).is_some())
    };
    let (a, b) = (found(&flow.from_a), found(&flow.from_b));
    if a.is_none() && b.is_none() {
        return None;
    }
    let a = a.or_else(|| segment(&flow.from_a))?;
    let b = b.or_else(|| segment(&flow.from_b))?;
    let sides = [
        tunnel::after(&flow.from_a, a),
        tunnel::after(&flow.from_b, b),
    ];
    let mut messages = 0;
    for side in &sides {
        messages += chain(side, bittorrent)?.messages;
    }
    let reason = format!(
        "BitTorrent in clear: its handshake behind {a} and {b} octets of keys, and {messages} messages that follow each other"
    );
    let place = flow.from_a.place(a).or_else(|| flow.from_b.place(b));
    Some(Claim::other("bittorrent", reason).at(place))
}

/// Message header of Bitcoin and its like: a network, a command in ASCII and zeros.
fn bitcoin(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.skip(4)?;
    let command = form.take(12)?;
    let letters = command
        .iter()
        .take_while(|o| o.is_ascii_lowercase() || o.is_ascii_digit())
        .count();
    let zeros = command.iter().skip(letters).all(|&o| o == 0);
    form.must((3..=12).contains(&letters) && zeros, 48)?;
    let length = form.le32()?;
    form.must(length <= 1 << 25, 6)?;
    form.frame(24 + usize::try_from(length).ok()?)
}

/// A protocol octet, the length of what follows it, an opcode.
fn edonkey(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.u8_of(&[0xe3, 0xc5, 0xd4])?;
    let length = form.le32()?;
    form.must((1..1 << 19).contains(&length), 13)?;
    form.u8_in(1..=0xae)?;
    form.frame(5 + usize::try_from(length).ok()?)
}

/// eDonkey's messages to servers and Kademlia's, whose sizes are fixed by opcode.
fn edonkey_datagram(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let protocol = form.u8_of(&[0xe3, 0xe4, 0xc5])?;
    let opcode = form.u8()?;
    let length = octets.len();
    let fits = match (protocol, opcode) {
        (0xe4, 0x00 | 0x08 | 0x10 | 0x18 | 0x20 | 0x28) => length >= 27,
        (0xe4, 0x01 | 0x60) => length == 2,
        (0xe4, 0x61) => length == 4,
        (0xe4, 0x21) => length == 35,
        (0xe4, 0x29) => length >= 19 && (length - 19).is_multiple_of(25),
        (0xe4, 0x50 | 0x58) => length == 6 || length == 7 || length == 4,
        (0xe3, 0x96) => length == 6,
        (0xe3, 0x97) => length >= 14,
        (0xc5, 0x90 | 0x91) => length >= 18,
        _ => false,
    };
    form.must(fits, 14)?;
    Some(form.bits())
}

/// Valve's and Quake's messages without connection: four octets 0xff, then a letter
/// with what belongs to it, or a word.
fn source_query(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.exact(&[0xff; 4])?;
    let rest = form.rest();
    let word = rest
        .iter()
        .take(24)
        .take_while(|o| o.is_ascii_alphabetic())
        .count();
    if word >= 4 {
        // 52 of 256 octets are letters.
        form.must(true, 2 * u32::try_from(word).ok()?)?;
        return Some(form.bits());
    }
    match form.u8()? {
        b'T' => {
            form.exact(b"Source Engine Query\0")?;
            form.must(matches!(form.left(), 0 | 4), 8)?;
        }
        b'A' | b'U' | b'V' | b'W' | b'i' => form.must(form.left() <= 14, 10)?,
        b'I' => {
            form.skip(1)?;
            for _ in 0..4 {
                let end = form.rest().iter().take(256).position(|&o| o == 0)?;
                let text = form.take(end)?;
                form.must(text.iter().all(|&o| o >= 0x20), 2)?;
                form.exact(&[0])?;
            }
        }
        b'D' | b'E' => {
            form.skip(2)?;
            let end = form.rest().iter().take(256).position(|&o| o == 0)?;
            let text = form.take(end)?;
            form.must(text.iter().all(|&o| o >= 0x20), 8)?;
        }
        _ => return None,
    }
    Some(form.bits())
}

/// RakNet's offline messages: sixteen octets that are always the same.
fn raknet(octets: &[u8]) -> Option<u32> {
    const MAGIC: [u8; 16] = [
        0, 0xff, 0xff, 0, 0xfe, 0xfe, 0xfe, 0xfe, 0xfd, 0xfd, 0xfd, 0xfd, 0x12, 0x34, 0x56, 0x78,
    ];
    let head = octets.get(..octets.len().min(40))?;
    memchr::memmem::find(head, &MAGIC).map(|_| 120)
}

fn teamspeak(octets: &[u8]) -> Option<u32> {
    (octets.starts_with(b"TS3INIT1") || octets.get(..2) == Some(&[0xf4, 0xbe])).then_some(
        match octets.starts_with(b"TS3INIT1") {
            true => 64,
            false => 16,
        },
    )
}

/// wiki.vg, "Query": magic, type, session; its answers have no magic.
fn minecraft_query(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.exact(&[0xfe, 0xfd])?;
    form.u8_of(&[0, 9])?;
    form.must(matches!(form.left(), 4 | 8), 6)?;
    Some(form.bits())
}

/// Gnutella over UDP: compressed queries and their like.
fn gnutella(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    if octets.starts_with(b"GND") {
        form.exact(b"GND")?;
        form.u8_in(0..=15)?;
        return Some(form.bits());
    }
    form.skip(16)?;
    form.u8_of(&[0, 1, 0x30, 0x31, 0x40, 0x80, 0x81])?;
    form.u8_in(0..=15)?;
    form.u8_in(0..=15)?;
    let length = usize::try_from(form.le32()?).ok()?;
    form.must(length == form.left(), 28)?;
    Some(form.bits())
}

fn all_seeing_eye(octets: &[u8]) -> Option<u32> {
    octets.starts_with(b"EYE1").then_some(32)
}

/// Battle.net of old: 0xff, a message, the length of all.
fn battle_net(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    if octets == [1] || octets.starts_with(&[1, 0xff]) {
        form.exact(&[1])?;
        return form.frame(1);
    }
    form.exact(&[0xff])?;
    form.u8_in(0..=0x85)?;
    let length = form.le16_in(4..=2048)?;
    form.frame(length.into())
}

//! What calls and tunnels agree by: STUN and TURN (RFC 8489, RFC 8656, RFC 3489),
//! RTCP (RFC 3550), GTP control (3GPP TS 29.060, 29.274), L2TP and PPTP control
//! (RFC 2661, RFC 2637), H.225 and H.245 in TPKT, MGCP, Skinny, PCP, NAT-PMP and SAP
//! (RFC 2974).

use crate::dissect::rtp::is_rtcp_type;

use super::{
    datagrams::Message,
    form::{Form, Frame},
    streams::Frames,
};

pub(super) const MESSAGES: &[Message] = &[
    Message {
        kind: "stun",
        name: "of STUN",
        read: stun,
    },
    Message {
        kind: "stun",
        name: "of STUN without a cookie",
        read: classic_stun,
    },
    Message {
        kind: "teredo",
        name: "of Teredo that only keep it open",
        read: teredo_bubble,
    },
    Message {
        kind: "rtcp",
        name: "of RTCP",
        read: rtcp,
    },
    Message {
        kind: "gtp-c",
        name: "of GTP control",
        read: gtp,
    },
    Message {
        kind: "gtp-c",
        name: "of GTP control, version 2",
        read: gtp2,
    },
    Message {
        kind: "l2tp",
        name: "of L2TP control",
        read: l2tp,
    },
    Message {
        kind: "nat-pmp",
        name: "of NAT-PMP",
        read: nat_pmp,
    },
    Message {
        kind: "pcp",
        name: "of PCP",
        read: pcp,
    },
    Message {
        kind: "pfcp",
        name: "of PFCP",
        read: pfcp,
    },
    Message {
        kind: "ras",
        name: "of H.225 RAS",
        read: ras,
    },
    Message {
        kind: "sap",
        name: "of SAP, which announce a session",
        read: sap,
    },
];

pub(super) const FRAMES: &[Frames] = &[
    Frames {
        kind: "stun",
        name: "STUN",
        read: stun_in_stream,
    },
    Frames {
        kind: "pptp",
        name: "PPTP control",
        read: pptp,
    },
    Frames {
        kind: "h323",
        name: "H.225 call signalling",
        read: q931,
    },
    Frames {
        kind: "skinny",
        name: "Skinny",
        read: skinny,
    },
    Frames {
        kind: "stun",
        name: "STUN in frames",
        read: framed_stun,
    },
];

/// The cookie of RFC 8489 5.
const COOKIE: u32 = 0x2112_a442;

/// Type, length that is a multiple of four, cookie; attributes that fill it.
fn stun(octets: &[u8]) -> Option<u32> {
    let frame = stun_in_stream(octets)?;
    (frame.octets == octets.len()).then_some(())?;
    Some(frame.bits + 12)
}

fn stun_in_stream(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let kind = form.u16()?;
    form.must(kind & 0xc000 == 0, 2)?;
    let length = usize::from(form.u16()?);
    let cookie = form.u32()?;
    form.must(cookie == COOKIE, 32)?;
    form.skip(12)?;
    if let Some(body) = form.rest().get(..length) {
        let aligned = attributes(body, 4);
        // Some calls do not pad what they say.
        form.must(aligned.or_else(|| attributes(body, 1)).is_some(), 4)?;
    } else {
        form.must(length.is_multiple_of(4), 2)?;
    }
    form.frame(20 + length)
}

/// Attributes that fill the octets, padded to `alignment`; how many.
fn attributes(octets: &[u8], alignment: usize) -> Option<u32> {
    let mut form = Form::new(octets);
    let mut count = 0;
    while !form.is_at_end() {
        form.skip(2)?;
        let length = usize::from(form.u16()?);
        form.skip(length)?;
        let padding = length.next_multiple_of(alignment) - length;
        form.skip(padding.min(form.left()))?;
        count += 1;
    }
    Some(count)
}

/// RFC 3489 11.1, where the cookie was part of the transaction's identifier. Its
/// types are few, and so are its attributes.
fn classic_stun(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let kind = form.u16()?;
    let known = matches!(
        kind,
        1 | 2 | 0x101 | 0x102 | 0x111 | 0x112 | 3..=4 | 0x103 | 0x113 | 0x115
    );
    form.must(known, 12)?;
    let length = usize::from(form.u16()?);
    form.must(length == form.left().checked_sub(16)?, 16)?;
    form.skip(16)?;
    while !form.is_at_end() {
        let kind = form.u16()?;
        form.must(matches!(kind, 1..=0x30 | 0x8000..=0x80ff), 7)?;
        let length = usize::from(form.u16()?);
        let padded = length.next_multiple_of(4);
        form.must(padded <= form.left(), 8)?;
        form.skip(padded)?;
    }
    // An empty request is 32 bits and its length.
    form.end()
}

/// RFC 2974 6: neither encrypted nor compressed, before a session description.
fn sap(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let first = form.u8()?;
    form.must(first >> 5 == 1 && first & 3 == 0, 5)?;
    let authentication = form.u8()?;
    form.skip(2)?;
    let source = if first & 0x10 == 0 { 4 } else { 16 };
    form.skip(source + 4 * usize::from(authentication))?;
    const KIND: &[u8] = b"application/sdp\0";
    if form.rest().starts_with(KIND) {
        form.exact(KIND)?;
    }
    form.exact(b"v=0")?;
    let text = form.rest();
    let is_line = |line: &[u8]| matches!(line, [b'a'..=b'z', b'=', ..] | b"" | b"\r" | b"\0");
    let lines = text.split(|octet| *octet == b'\n').skip(1);
    form.must(text.contains(&b'\n') && { lines }.all(is_line), 16)?;
    form.skip(text.len())?;
    form.end()
}

/// RFC 4380 2.8, 5.1.1: an IPv6 packet without content, perhaps behind indications.
fn teredo_bubble(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    if octets.starts_with(&[0, 1]) {
        form.exact(&[0, 1])?;
        let (client, authentication) = (form.u8()?, form.u8()?);
        form.skip(usize::from(client) + usize::from(authentication) + 9)?;
    }
    if form.rest().starts_with(&[0, 0]) {
        form.exact(&[0, 0])?;
        form.skip(6)?;
    }
    let first = form.u8()?;
    form.must(first >> 4 == 6, 4)?;
    form.skip(3)?;
    form.exact(&[0, 0, 59])?;
    form.skip(1)?;
    for _ in 0..2 {
        let address: [u8; 16] = form.array()?;
        let known = matches!(
            address,
            [0x20, 1, ..] | [0xfe, 0x80, ..] | [0xff, ..] | [0x20, ..]
        );
        form.must(known, 6)?;
    }
    form.end()
}

/// A compound packet that fills the datagram (RFC 3550 6.1); encrypted ones of
/// SRTCP do not, for their index and tag, nor do blocks that are noise.
fn rtcp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    while !form.is_at_end() {
        let first = form.u8()?;
        form.must(first >> 6 == 2, 2)?;
        let kind = form.u8()?;
        // A report comes first.
        let reports = matches!(kind, 200 | 201) && form.left() + 2 == octets.len();
        let known = if reports { 7 } else { 4 };
        form.must(is_rtcp_type(kind) && (192..=213).contains(&kind), known)?;
        let words = usize::from(form.u16()?);
        let fills = 4 * words == form.left();
        form.must(4 * words <= form.left(), if fills { 16 } else { 7 })?;
        let body = form.take(4 * words)?;
        let count = usize::from(first & 0x1f);
        match kind {
            // Its seconds since 1900 are of 1995 to 2036.
            200 if words == 6 + 6 * count && body.get(4).is_some_and(|o| *o >= 0xb2) => {
                form.must(true, 7)?;
            }
            200 => form.must(words >= 6 + 6 * count && words <= 6 + 6 * count + 16, 6)?,
            201 => form.must(words > 6 * count && words <= 1 + 6 * count + 16, 6)?,
            202 => form.must(descriptions(body, count).is_some(), 8)?,
            203 => form.must(words >= count, 4)?,
            204 => form.must(
                body.get(4..8)
                    .is_some_and(|name| name.iter().all(|o| (0x20..0x7f).contains(o))),
                5,
            )?,
            205 | 206 => form.must(words >= 2 && matches!(count, 1..=12 | 15), 1)?,
            _ => {}
        }
    }
    form.end()
}

/// Chunks of SDES (RFC 3550 6.5) fill the packet.
fn descriptions(octets: &[u8], count: usize) -> Option<()> {
    let mut form = Form::new(octets);
    for _ in 0..count {
        form.skip(4)?;
        loop {
            match form.u8()? {
                0 => break,
                1..=8 => {
                    let length = usize::from(form.u8()?);
                    let text = form.take(length)?;
                    std::str::from_utf8(text).ok()?;
                }
                _ => return None,
            }
        }
        let padding = form.at().next_multiple_of(4) - form.at();
        form.take(padding)?.iter().all(|&o| o == 0).then_some(())?;
    }
    form.is_at_end().then_some(())
}

/// 3GPP TS 29.060 6: version 1, GTP; messages but the one that carries users' data.
fn gtp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let first = form.u8()?;
    form.must(first & 0xf8 == 0x30, 5)?;
    let kind = form.u8()?;
    form.must(
        kind != 255 && matches!(kind, 1..=60 | 96..=129 | 240 | 241),
        1,
    )?;
    let length = usize::from(form.u16()?);
    form.must(length + 8 == octets.len(), 16)?;
    form.skip(4)?;
    if first & 7 != 0 {
        form.skip(4)?;
    }
    // Elements with a fixed length have types below 128, in ascending order.
    let mut before = 0;
    while !form.is_at_end() {
        let kind = form.u8()?;
        form.must(kind >= before, 1)?;
        before = kind;
        if kind < 128 {
            break;
        }
        let length = usize::from(form.u16()?);
        form.must(length <= form.left(), 8)?;
        form.skip(length)?;
    }
    Some(form.bits())
}

/// 3GPP TS 29.274 5: version 2; elements fill the message.
fn gtp2(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let first = form.u8()?;
    form.must(first >> 5 == 2 && first & 0x03 == 0, 5)?;
    form.skip(1)?;
    let length = usize::from(form.u16()?);
    // Two messages may share a datagram (P).
    form.must(
        length + 4 <= octets.len() && (length + 4 == octets.len() || first & 0x10 != 0),
        14,
    )?;
    form.skip(if first & 8 != 0 { 8 } else { 4 })?;
    while form.at() < length + 4 {
        form.u8_in(1..=255)?;
        let length = usize::from(form.u16()?);
        form.u8_in(0..=15)?;
        form.must(length <= form.left(), 6)?;
        form.skip(length)?;
    }
    Some(form.bits())
}

/// 3GPP TS 29.244 7.2: version 1; elements fill the message.
fn pfcp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let first = form.u8()?;
    form.must(first >> 5 == 1 && first & 0x18 == 0, 5)?;
    let kind = form.u8()?;
    form.must(matches!(kind, 1..=15 | 50..=57), 3)?;
    let length = usize::from(form.u16()?);
    form.must(length + 4 == octets.len(), 16)?;
    form.skip(if first & 1 != 0 { 12 } else { 4 })?;
    while !form.is_at_end() {
        form.u16_in(1..=400)?;
        let length = usize::from(form.u16()?);
        form.must(length <= form.left(), 6)?;
        form.skip(length)?;
    }
    form.end()
}

/// RFC 2661 3.1: a control message, whose attributes fill it.
fn l2tp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let first = form.u16()?;
    form.must(first & 0xfb0f == 0xc802 || first & 0xfb0f == 0xc803, 12)?;
    let length = usize::from(form.u16()?);
    form.must(length == octets.len(), 16)?;
    form.skip(8)?;
    while !form.is_at_end() {
        let first = form.u16()?;
        form.must(first & 0x3c00 == 0, 4)?;
        let length = usize::from(first & 0x3ff).checked_sub(2)?;
        form.must((4..=form.left()).contains(&length), 3)?;
        form.skip(length)?;
    }
    form.end()
}

/// RFC 6886 3.
fn nat_pmp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.exact(&[0])?;
    match (form.u8()?, octets.len()) {
        (0, 2) => Some(16),
        (1 | 2, 12) => {
            form.must(true, 7)?;
            form.zeros(2)?;
            form.skip(4)?;
            form.u32_in(0..=1 << 24)?;
            Some(form.bits())
        }
        (128, 8 | 12) | (129 | 130, 8 | 16) => {
            form.must(true, 7)?;
            form.u16_in(0..=5)?;
            Some(form.bits())
        }
        _ => None,
    }
}

/// RFC 6887 7: version 2, opcodes up to 3; multiples of four up to 1100 octets.
fn pcp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.exact(&[2])?;
    let operation = form.u8()? & 0x7f;
    form.must(operation <= 3, 5)?;
    form.exact(&[0])?;
    form.skip(1)?;
    form.u32_in(0..=1 << 24)?;
    let fits = octets.len() >= 24 && octets.len() <= 1100 && octets.len().is_multiple_of(4);
    form.must(fits, 4)?;
    Some(form.bits())
}

/// Gatekeeper and registration requests name the protocol (H.225.0 7.8, 7.9).
fn ras(octets: &[u8]) -> Option<u32> {
    const PROTOCOL: &[u8] = &[0x06, 0x00, 0x08, 0x91, 0x4a, 0x00];
    let head = octets.get(..octets.len().min(16))?;
    let found = head.windows(PROTOCOL.len()).any(|w| w == PROTOCOL);
    found.then_some(48 - 4)
}

/// RFC 2637 2: length, type, cookie, and the kind of a control message.
fn pptp(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let length = form.u16_in(12..=512)?;
    form.u16_in(1..=2)?;
    form.exact(&[0x1a, 0x2b, 0x3c, 0x4d])?;
    form.u16_in(1..=15)?;
    form.zeros(2)?;
    form.frame(length.into())
}

/// TPKT (RFC 1006) with Q.931 in it: protocol discriminator 8, and a message type.
fn q931(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.exact(&[3, 0])?;
    let length = form.u16_in(9..=16_384)?;
    form.exact(&[8, 2])?;
    form.skip(2)?;
    let kind = form.u8()?;
    let known = matches!(
        kind,
        1..=3 | 5 | 7 | 0xd | 0xf | 0x45 | 0x4d | 0x5a | 0x62 | 0x6e | 0x7b | 0x7d
    );
    form.must(known, 4)?;
    form.frame(length.into())
}

/// Cisco's call control: little-endian length, version, message.
fn skinny(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let length = form.le32_in(4..=8192)?;
    let version = form.le32()?;
    form.must(version <= 0x20, 27)?;
    let message = form.le32()?;
    form.must(message <= 0x400 || (0x8000..0x8100).contains(&message), 21)?;
    form.frame(8 + usize::try_from(length).ok()?)
}

/// RFC 4571: the length in two octets before each message, as ICE over TCP has it.
fn framed_stun(octets: &[u8]) -> Option<Frame> {
    let length = usize::from(u16::from_be_bytes(*octets.first_chunk()?));
    let inner = stun_in_stream(octets.get(2..)?)?;
    let same = inner.octets == length;
    same.then_some(Frame {
        octets: 2 + length,
        bits: inner.bits + 16,
    })
}

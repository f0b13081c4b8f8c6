//! What keeps networks running and counts what they carry: NTP, PTP, TFTP, RADIUS,
//! RIP, BFD, HSRP, LDP, SLP, sFlow, NetFlow, IPFIX, collectd, BGP, Diameter, TACACS+.

use super::{
    datagrams::Message,
    form::{Form, Frame},
    streams::Frames,
};

pub(super) const MESSAGES: &[Message] = &[
    Message {
        kind: "ntp",
        name: "of NTP",
        read: ntp,
    },
    Message {
        kind: "ntp",
        name: "of NTP control",
        read: ntp_control,
    },
    Message {
        kind: "ptp",
        name: "of PTP",
        read: ptp,
    },
    Message {
        kind: "tftp",
        name: "of TFTP",
        read: tftp,
    },
    Message {
        kind: "radius",
        name: "of RADIUS",
        read: radius,
    },
    Message {
        kind: "rip",
        name: "of RIP",
        read: rip,
    },
    Message {
        kind: "bfd",
        name: "of BFD",
        read: bfd,
    },
    Message {
        kind: "hsrp",
        name: "of HSRP",
        read: hsrp,
    },
    Message {
        kind: "ldp",
        name: "of LDP",
        read: ldp,
    },
    Message {
        kind: "slp",
        name: "of SLP",
        read: slp,
    },
    Message {
        kind: "sflow",
        name: "of sFlow",
        read: sflow,
    },
    Message {
        kind: "netflow",
        name: "of NetFlow",
        read: netflow,
    },
    Message {
        kind: "ipfix",
        name: "of NetFlow 9 or IPFIX",
        read: templated,
    },
    Message {
        kind: "collectd",
        name: "of collectd",
        read: collectd,
    },
];

pub(super) const FRAMES: &[Frames] = &[
    Frames {
        kind: "bgp",
        name: "BGP",
        read: bgp,
    },
    Frames {
        kind: "diameter",
        name: "Diameter",
        read: diameter,
    },
    Frames {
        kind: "tacacs",
        name: "TACACS+",
        read: tacacs,
    },
    Frames {
        kind: "ldp",
        name: "LDP",
        read: ldp_in_stream,
    },
    Frames {
        kind: "ipfix",
        name: "IPFIX",
        read: ipfix_in_stream,
    },
];

/// RFC 5905 7.3. Root delay and dispersion are below 256 seconds, and of the four
/// times each is zero, or of the years 2000 to 2036 or the first of the next era.
fn ntp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let first = form.u8()?;
    let (version, mode) = (first >> 3 & 7, first & 7);
    form.must(matches!(version, 1..=4) && matches!(mode, 1..=5), 1)?;
    form.u8_in(0..=16)?;
    form.skip(1)?;
    let precision = form.u8()?.cast_signed();
    form.must((-40..=10).contains(&precision), 2)?;
    for _ in 0..2 {
        let value = form.u32()?;
        form.must(!(1 << 24..0xff00_0000).contains(&value), 7)?;
    }
    form.skip(4)?;
    const YEAR_2000: u32 = 0xbc17_c200;
    for _ in 0..4 {
        let (seconds, fraction) = (form.u32()?, form.u32()?);
        // Clients may send noise in place of their time (draft-ietf-ntp-data-minimization).
        let timed = !(1 << 26..YEAR_2000).contains(&seconds);
        if seconds == 0 && fraction == 0 {
            form.must(true, 62)?;
        } else if timed {
            form.must(true, 1)?;
        }
    }
    let left = form.left();
    form.must(
        left == 0 || left >= 16 && left.is_multiple_of(4) && left <= 1024,
        2,
    )?;
    Some(form.bits())
}

/// Mode 6 (RFC 9327 2): the count is that of the octets behind it. Mode 7 of ntpd.
fn ntp_control(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let first = form.u8()?;
    form.must(matches!(first >> 3 & 7, 1..=4), 1)?;
    match first & 7 {
        6 => {
            form.must(first & 0xc0 == 0, 2)?;
            let operation = form.u8()? & 0x1f;
            form.must(operation <= 12 || operation == 31, 2)?;
            form.skip(2 + 2 + 2 + 2)?;
            let count = usize::from(form.u16()?);
            let padded = form.left() == count.next_multiple_of(4) || form.left() == count;
            let signed = form.left() > count && form.left() - count <= 24;
            form.must(padded || signed, 12)?;
            if count > 0 {
                let text = form.take(count)?;
                let printable = |o: &u8| (0x20..0x7f).contains(o) || b"\r\n\t".contains(o);
                form.must(text.iter().all(printable), count as u32)?;
            } else {
                form.must(true, 8)?;
            }
            Some(form.bits())
        }
        7 => {
            form.skip(1)?;
            // Implementation: any, XNTPD_OLD, XNTPD; then a request.
            form.u8_of(&[0, 2, 3])?;
            form.u8_in(0..=45)?;
            let (count, size) = (form.u16()? & 0xfff, form.u16()? & 0xfff);
            let octets = usize::from(count) * usize::from(size);
            let query = form.left() == 40 || form.left() == 184;
            form.must(
                octets == form.left()
                    || query && octets <= form.left()
                    || octets == 0 && form.left() <= 256,
                10,
            )?;
            if form.rest().iter().all(|&o| o == 0) {
                form.must(true, 8 * form.left() as u32)?;
            }
            Some(form.bits())
        }
        _ => None,
    }
}

/// IEEE 1588 13.3.
fn ptp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let kind = form.u8()? & 0xf;
    form.must(matches!(kind, 0..=3 | 8..=13), 1)?;
    let version = form.u8()?;
    form.must(matches!(version, 0x02 | 0x12), 7)?;
    let length = usize::from(form.u16()?);
    form.must(length == octets.len() || length + 2 == octets.len(), 15)?;
    form.skip(2 + 2 + 8 + 4 + 10 + 2)?;
    form.u8_in(0..=5)?;
    form.skip(1)?;
    Some(form.bits())
}

/// RFC 1350, RFC 2347. Blocks of data are any octets: they prove nothing alone.
fn tftp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    match form.u16()? {
        1 | 2 => {
            form.must(true, 15)?;
            let name = form.c_string(512)?;
            form.must(!name.is_empty(), 0)?;
            let mode = form.c_string(8)?.to_ascii_lowercase();
            let known = [&b"octet"[..], b"netascii", b"mail"];
            form.must(known.contains(&mode.as_slice()), 32)?;
            while !form.is_at_end() {
                form.c_string(255)?;
            }
        }
        3 => {
            form.must(true, 16)?;
            form.skip(2)?;
            form.must(form.left() <= 65_464, 0)?;
            return Some(form.bits());
        }
        4 => {
            form.must(true, 16)?;
            form.skip(2)?;
            form.must(true, 12)?;
        }
        5 => {
            form.must(true, 16)?;
            form.u16_in(0..=8)?;
            form.c_string(512)?;
        }
        6 => {
            form.must(true, 16)?;
            while !form.is_at_end() {
                form.c_string(255)?;
            }
        }
        _ => return None,
    }
    form.end()
}

/// RFC 2865 3: attributes fill the length.
fn radius(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let code = form.u8()?;
    form.must(matches!(code, 1..=5 | 11..=13 | 40..=45), 4)?;
    form.skip(1)?;
    let length = usize::from(form.u16()?);
    form.must(length == octets.len() && length >= 20, 16)?;
    form.skip(16)?;
    while !form.is_at_end() {
        form.u8_in(1..=255)?;
        let length = usize::from(form.u8()?).checked_sub(2)?;
        form.must(length <= form.left(), 0)?;
        form.skip(length)?;
        form.must(true, 2)?;
    }
    form.must(octets.len() > 20, 8)?;
    form.end()
}

/// RFC 2453 4, and RIPng (RFC 2080 2).
fn rip(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.u8_of(&[1, 2])?;
    let version = form.u8_of(&[1, 2])?;
    form.zeros(2)?;
    let entries = form.left() / 20;
    form.must(
        form.left().is_multiple_of(20) && (1..=100).contains(&entries),
        4,
    )?;
    let is_v2 = matches!(octets.get(4..6), Some([0, 2] | [0, 0] | [0xff, 0xff]));
    while !form.is_at_end() {
        if is_v2 {
            let family = form.u16()?;
            form.must(matches!(family, 0 | 2 | 0xffff), 14)?;
            form.skip(2 + 4 + 4 + 4)?;
            let metric = form.u32()?;
            form.must(family == 0xffff || metric <= 16, 27)?;
        } else {
            form.must(version == 1, 0)?;
            form.skip(16 + 2)?;
            let prefix = form.u8()?;
            let metric = form.u8()?;
            form.must(prefix <= 128 && (metric <= 16 || metric == 255), 4)?;
        }
    }
    form.end()
}

/// RFC 5880 4.1.
fn bfd(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let first = form.u8()?;
    form.must(first >> 5 == 1 && first & 0x1f <= 9, 4)?;
    let flags = form.u8()?;
    form.must(flags & 1 == 0, 1)?;
    form.u8_in(1..=255)?;
    let length = usize::from(form.u8()?);
    form.must(length == octets.len() && (24..=52).contains(&length), 8)?;
    form.skip(4 + 4)?;
    for _ in 0..3 {
        // Microseconds, up to a minute.
        form.u32_in(0..=60_000_000)?;
    }
    Some(form.bits())
}

/// RFC 2281 5.1, and version 2 in TLVs.
fn hsrp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    if octets.starts_with(&[1, 40, 2]) {
        form.exact(&[1, 40, 2])?;
        form.u8_in(0..=2)?;
        form.u8_in(0..=6)?;
        return Some(form.bits());
    }
    form.exact(&[0])?;
    form.u8_in(0..=3)?;
    form.u8_of(&[0, 1, 2, 4, 8, 16])?;
    form.skip(2 + 2)?;
    form.exact(&[0])?;
    form.skip(8 + 4)?;
    form.must(octets.len() == 20, 4)?;
    form.must(octets.get(8..16) == Some(b"cisco\0\0\0"), 32)?;
    Some(form.bits())
}

/// RFC 5036 3.1 and 3.5: version 1, and messages that fill the PDU.
fn ldp(octets: &[u8]) -> Option<u32> {
    let frame = ldp_in_stream(octets)?;
    (frame.octets == octets.len()).then_some(frame.bits + 8)
}

fn ldp_in_stream(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.exact(&[0, 1])?;
    let length = usize::from(form.u16()?);
    form.must((14..=4096).contains(&length), 4)?;
    form.skip(6)?;
    let kind = form.u16()? & 0x7fff;
    form.must(
        matches!(
            kind,
            1 | 0x100 | 0x200 | 0x201 | 0x300 | 0x301 | 0x400..=0x404
        ),
        12,
    )?;
    let message = usize::from(form.u16()?);
    form.must(message + 4 + 6 <= length, 8)?;
    form.frame(4 + length)
}

/// RFC 2608 8: the length is that of the message; and version 1 (RFC 2165).
fn slp(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let version = form.u8_of(&[1, 2])?;
    form.u8_in(1..=11)?;
    if version == 1 {
        let length = usize::from(form.u16()?);
        form.must(length == octets.len(), 16)?;
        form.skip(2)?;
        form.printable(2)?;
        return Some(form.bits());
    }
    let length = usize::try_from(form.u24()?).ok()?;
    form.must(length == octets.len(), 24)?;
    let flags = form.u16()?;
    form.must(flags & 0x1fff == 0, 13)?;
    form.skip(3 + 2)?;
    let language = usize::from(form.u16()?);
    form.must((1..=16).contains(&language), 12)?;
    form.printable(language)?;
    Some(form.bits())
}

/// sFlow version 5 (sflow.org), 4 (RFC 3176), and 2 before it.
fn sflow(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let version = form.u32()?;
    form.must(matches!(version, 2 | 4 | 5), 30)?;
    match form.u32_in(1..=2)? {
        1 => form.skip(4)?,
        _ => form.skip(16)?,
    }
    if version == 5 {
        form.skip(4)?;
    }
    form.skip(4 + 4)?;
    let samples = form.u32()?;
    form.must(samples <= 1024, 21)?;
    if version == 5 {
        for _ in 0..samples {
            form.skip(4)?;
            let length = usize::try_from(form.u32()?).ok()?;
            form.must(length <= form.left(), 16)?;
            form.skip(length)?;
        }
        return form.end();
    }
    Some(form.bits())
}

/// NetFlow 1, 5, 7 and 8: records of one size fill the datagram.
fn netflow(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let version = form.u16()?;
    let (header, record) = match version {
        1 => (16, 52),
        5 => (24, 48),
        7 => (24, 52),
        _ => return None,
    };
    form.must(true, 14)?;
    let count = usize::from(form.u16()?);
    form.must((1..=30).contains(&count), 11)?;
    form.must(octets.len() == header + count * record, 12)?;
    form.skip(4)?;
    // Seconds since 1970, of the years 1995 to 2045.
    form.u32_in(788_918_400..=2_366_841_600)?;
    Some(form.bits())
}

/// NetFlow 9 (RFC 3954 5) and IPFIX (RFC 7011 3): sets fill the message.
fn templated(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    match form.u16()? {
        9 => {
            form.must(true, 15)?;
            form.u16_in(0..=512)?;
            form.skip(4)?;
            form.u32_in(788_918_400..=2_366_841_600)?;
            form.skip(8)?;
        }
        10 => {
            form.must(true, 15)?;
            let length = usize::from(form.u16()?);
            form.must(length == octets.len(), 16)?;
            form.u32_in(788_918_400..=2_366_841_600)?;
            form.skip(8)?;
        }
        _ => return None,
    }
    while form.left() >= 4 {
        let set = form.u16()?;
        form.must(matches!(set, 0..=3 | 256..), 1)?;
        let length = usize::from(form.u16()?).checked_sub(4)?;
        form.must(length <= form.left(), 4)?;
        form.skip(length)?;
    }
    form.end()
}

/// RFC 7011 10.4: messages of IPFIX follow each other.
fn ipfix_in_stream(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.exact(&[0, 10])?;
    let length = usize::from(form.u16()?);
    form.must(length >= 20, 0)?;
    form.u32_in(788_918_400..=2_366_841_600)?;
    form.skip(8)?;
    let set = form.u16()?;
    form.must(matches!(set, 2 | 3 | 256..=4096), 4)?;
    let inner = usize::from(form.u16()?);
    form.must(inner >= 4 && inner + 16 <= length, 4)?;
    form.frame(length)
}

/// Parts with type and length fill the packet (collectd, "Binary protocol").
fn collectd(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    let mut parts = 0;
    while !form.is_at_end() {
        let kind = form.u16()?;
        let known = matches!(kind, 0..=9 | 0x100 | 0x101 | 0x200 | 0x210);
        form.must(known, 12)?;
        let length = usize::from(form.u16()?).checked_sub(4)?;
        form.must(length <= form.left(), 6)?;
        form.skip(length)?;
        parts += 1;
    }
    (parts >= 2).then_some(form.bits())
}

/// RFC 4271 4.1.
fn bgp(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.exact(&[0xff; 16])?;
    let length = form.u16_in(19..=4096)?;
    form.u8_in(1..=5)?;
    form.frame(length.into())
}

/// RFC 6733 3.
fn diameter(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.exact(&[1])?;
    let length = form.u24()?;
    form.must(
        (20..=1 << 17).contains(&length) && length.is_multiple_of(4),
        9,
    )?;
    let flags = form.u8()?;
    form.must(flags & 0x0f == 0, 4)?;
    let command = form.u24()?;
    form.must((257..=8_388_733).contains(&command), 0)?;
    let application = form.u32()?;
    form.must(application < 1 << 25 || application == u32::MAX, 7)?;
    form.skip(8)?;
    if length > 20 {
        // The first attribute.
        form.u32_in(1..=70_000)?;
        let flags = form.u8()?;
        form.must(flags & 0x1f == 0, 5)?;
        let attribute = form.u24()?;
        form.must(
            attribute >= 8 && attribute + 20 <= length.next_multiple_of(4),
            7,
        )?;
    }
    form.frame(usize::try_from(length).ok()?)
}

/// RFC 8907 4.1. Its body is only hidden under MD5, unless a flag says that it is
/// not; who reads the header learns of logins and no media are in it.
fn tacacs(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.u8_of(&[0xc0, 0xc1])?;
    form.u8_in(1..=3)?;
    form.u8_in(1..=255)?;
    form.u8_of(&[0, 1, 4, 5])?;
    form.skip(4)?;
    let length = form.u32_in(4..=65_535)?;
    form.frame(12 + usize::try_from(length).ok()?)
}

//! Machines and buildings: Modbus, TPKT with S7 or RDP, DNP3, BACnet, EtherNet/IP,
//! OPC UA, IEC 60870-5-104, KNXnet/IP, SOME/IP, FINS, HART-IP, C37.118, Art-Net, sACN.

use super::{
    datagrams::Message,
    form::{Form, Frame},
    streams::Frames,
};

pub(super) const MESSAGES: &[Message] = &[
    Message {
        kind: "dnp3",
        name: "of DNP3",
        read: dnp3_datagram,
    },
    Message {
        kind: "bacnet",
        name: "of BACnet",
        read: bacnet,
    },
    Message {
        kind: "ethernet-ip",
        name: "of EtherNet/IP",
        read: enip_datagram,
    },
    Message {
        kind: "knx",
        name: "of KNXnet/IP",
        read: knx,
    },
    Message {
        kind: "some-ip",
        name: "of SOME/IP",
        read: some_ip_datagram,
    },
    Message {
        kind: "art-net",
        name: "of Art-Net",
        read: art_net,
    },
    Message {
        kind: "sacn",
        name: "of sACN",
        read: sacn,
    },
    Message {
        kind: "c37.118",
        name: "of C37.118",
        read: c37_datagram,
    },
    Message {
        kind: "hart-ip",
        name: "of HART-IP",
        read: hart_datagram,
    },
    Message {
        kind: "modbus",
        name: "of Modbus",
        read: modbus_datagram,
    },
    Message {
        kind: "profinet-cm",
        name: "of PROFINET IO CM",
        read: profinet,
    },
];

pub(super) const FRAMES: &[Frames] = &[
    Frames {
        kind: "dnp3",
        name: "DNP3",
        read: dnp3,
    },
    Frames {
        kind: "s7comm",
        name: "S7 communication",
        read: s7,
    },
    Frames {
        kind: "rdp",
        name: "RDP in clear",
        read: rdp,
    },
    Frames {
        kind: "cotp",
        name: "COTP in TPKT",
        read: cotp,
    },
    Frames {
        kind: "opcua",
        name: "OPC UA",
        read: opc_ua,
    },
    Frames {
        kind: "iec104",
        name: "IEC 60870-5-104",
        read: iec104,
    },
    Frames {
        kind: "ethernet-ip",
        name: "EtherNet/IP",
        read: enip,
    },
    Frames {
        kind: "c37.118",
        name: "C37.118",
        read: c37,
    },
    Frames {
        kind: "some-ip",
        name: "SOME/IP",
        read: some_ip,
    },
    Frames {
        kind: "fins",
        name: "FINS",
        read: fins,
    },
    Frames {
        kind: "hart-ip",
        name: "HART-IP",
        read: hart,
    },
    Frames {
        kind: "modbus",
        name: "Modbus",
        read: modbus,
    },
];

/// Frame of a reader of streams that fills a datagram.
fn filled(octets: &[u8], read: fn(&[u8]) -> Option<Frame>) -> Option<u32> {
    let frame = read(octets)?;
    (frame.octets == octets.len()).then_some(frame.bits)
}

/// Modbus Messaging on TCP/IP 3.1.3: protocol 0, a length, a function.
fn modbus(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.skip(2)?;
    form.zeros(2)?;
    let length = form.u16_in(2..=254)?;
    form.skip(1)?;
    let function = form.u8()? & 0x7f;
    form.must(
        matches!(function, 1..=8 | 11 | 12 | 15..=17 | 20..=24 | 43 | 90),
        2,
    )?;
    form.frame(6 + usize::from(length))
}

fn modbus_datagram(octets: &[u8]) -> Option<u32> {
    filled(octets, modbus)
}

/// CRC of DNP3 (IEEE 1815 9.2.4.3) over the header.
fn dnp3_crc(octets: &[u8]) -> u16 {
    let mut crc = 0_u16;
    for &octet in octets {
        crc ^= u16::from(octet);
        for _ in 0..8 {
            crc = if crc & 1 != 0 {
                crc >> 1 ^ 0xa6bc
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

fn dnp3(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.exact(&[5, 0x64])?;
    let length = usize::from(form.u8_in(5..=255)?);
    form.skip(5)?;
    let crc = form.le16()?;
    let head = octets.get(..8)?;
    form.must(crc == dnp3_crc(head), 16)?;
    let data = length - 5;
    form.frame(10 + data + 2 * data.div_ceil(16))
}

fn dnp3_datagram(octets: &[u8]) -> Option<u32> {
    filled(octets, dnp3)
}

/// TPKT (RFC 1006 6) and COTP (ISO 8073): a connection, or data.
fn tpkt(form: &mut Form<'_>) -> Option<(usize, u8)> {
    form.exact(&[3, 0])?;
    let length = usize::from(form.u16()?);
    form.must(length >= 7, 0)?;
    let header = usize::from(form.u8()?);
    form.must(header + 5 <= length && header >= 2, 4)?;
    let kind = form.u8_of(&[0xe0, 0xd0, 0x80, 0xc0, 0xf0, 0x70])?;
    let fits = match kind {
        0xf0 => header == 2,
        _ => header >= 6,
    };
    form.must(fits, 4)?;
    form.skip(header - 1)?;
    Some((length, kind))
}

fn cotp(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let (length, _) = tpkt(&mut form)?;
    form.frame(length)
}

fn s7(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let (length, kind) = tpkt(&mut form)?;
    if kind == 0xf0 && form.at() < length {
        form.u8_of(&[0x32, 0x72])?;
    }
    // A connection has parameters for TSAPs; that of RDP has a cookie or none.
    if kind & 0xf0 != 0xf0 {
        let parameters = octets.get(11..length.min(octets.len()))?;
        let tsap = parameters.iter().any(|o| matches!(o, 0xc1 | 0xc2));
        form.must(tsap, 2)?;
    }
    form.frame(length)
}

/// [MS-RDPBCGR] 2.2.1.1: a cookie, or a negotiation; behind it TLS or, of old, MCS.
fn rdp(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let (length, kind) = tpkt(&mut form)?;
    let body = octets.get(11..length.min(octets.len()))?;
    match kind {
        0xe0 => {
            let cookie =
                body.starts_with(b"Cookie: ") || body.ends_with(&[0, 0, 0]) && body.len() >= 8;
            form.must(cookie || body.is_empty(), 6)?;
        }
        0xd0 => form.must(
            body.len() == 8 && matches!(body.first(), Some(2 | 3)) || body.is_empty(),
            12,
        )?,
        0xf0 => {
            let mcs = form.u8()?;
            form.must(
                matches!(
                    mcs,
                    0x7f | 0x04 | 0x28 | 0x2e | 0x38 | 0x3e | 0x64 | 0x68 | 0x21
                ),
                4,
            )?;
        }
        _ => {}
    }
    form.frame(length)
}

/// BACnet/IP (ASHRAE 135 Annex J): type, function, the length of all, version 1.
fn bacnet(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.exact(&[0x81])?;
    let function = form.u8_in(0..=12)?;
    let length = usize::from(form.u16()?);
    form.must(length == octets.len(), 16)?;
    if matches!(function, 4 | 9..=11) {
        if function == 4 {
            form.skip(6)?;
        }
        if function != 9 {
            form.exact(&[1])?;
        }
    }
    Some(form.bits())
}

/// ODVA, EtherNet/IP 2-3: command, length, session, status, context, options.
fn enip(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let command = form.le16()?;
    form.must(
        matches!(command, 0 | 4 | 0x63..=0x66 | 0x6f | 0x70 | 0x72 | 0x73),
        12,
    )?;
    let length = form.le16()?;
    form.skip(4)?;
    let status = form.le32()?;
    form.must(status <= 0x69, 25)?;
    form.skip(8)?;
    form.zeros(4)?;
    form.frame(24 + usize::from(length))
}

fn enip_datagram(octets: &[u8]) -> Option<u32> {
    filled(octets, enip).or_else(|| cip_io(octets))
}

/// Items with type and length: the sequenced address and the data that is connected.
fn cip_io(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.exact(&[2, 0, 2, 0x80, 8, 0])?;
    form.skip(8)?;
    form.exact(&[0xb1, 0])?;
    let length = usize::from(form.le16()?);
    form.must(length == form.left(), 16)?;
    Some(form.bits())
}

/// OPC UA part 6 7.1.2.
fn opc_ua(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    let kind = form.take(3)?;
    let known = [&b"HEL"[..], b"ACK", b"ERR", b"OPN", b"CLO", b"MSG", b"RHE"].contains(&kind);
    form.must(known, 21)?;
    form.u8_of(b"FCA")?;
    let length = form.le32()?;
    form.must((8..1 << 22).contains(&length), 10)?;
    form.frame(usize::try_from(length).ok()?)
}

/// IEC 60870-5-104 5.
fn iec104(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.exact(&[0x68])?;
    let length = usize::from(form.u8_in(4..=253)?);
    let [first, second, third, _] = form.array()?;
    match first & 3 {
        1 => form.must(
            length == 4 && first == 1 && second == 0 && third & 1 == 0,
            22,
        )?,
        3 => form.must(
            length == 4
                && second == 0
                && third == 0
                && matches!(first, 7 | 0xb | 0x13 | 0x23 | 0x43 | 0x83),
            28,
        )?,
        _ => {
            form.must(third & 1 == 0 && length >= 10, 1)?;
            let kind = form.u8()?;
            form.must(
                matches!(kind, 1..=40 | 45..=51 | 58..=64 | 70 | 100..=107 | 110..=113 | 120..=127),
                1,
            )?;
            form.skip(1)?;
            let cause = form.u8()? & 0x3f;
            form.must(matches!(cause, 1..=13 | 20..=47), 1)?;
        }
    }
    form.frame(2 + length)
}

/// KNXnet/IP 2.3.1: header length, version, service, the length of all.
fn knx(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.exact(&[6, 0x10])?;
    let service = form.u16()?;
    form.must(matches!(service >> 8, 2 | 3 | 4 | 5 | 6 | 9), 5)?;
    let length = usize::from(form.u16()?);
    form.must(length == octets.len(), 16)?;
    Some(form.bits())
}

/// AUTOSAR SOME/IP, PRS_SOMEIP_00030: length from behind it, protocol version 1, type, return code.
fn some_ip(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.skip(4)?;
    let length = form.u32()?;
    form.must((8..1 << 17).contains(&length), 15)?;
    form.skip(4)?;
    form.exact(&[1])?;
    form.skip(1)?;
    form.u8_of(&[0, 1, 2, 0x20, 0x21, 0x22, 0x80, 0x81, 0xa0, 0xa1])?;
    form.u8_in(0..=0x5e)?;
    form.frame(8 + usize::try_from(length).ok()?)
}

/// Several messages may fill a datagram.
fn some_ip_datagram(octets: &[u8]) -> Option<u32> {
    let (mut at, mut bits) = (0, 0);
    while at < octets.len() {
        let frame = some_ip(octets.get(at..)?)?;
        at += frame.octets;
        bits += frame.bits;
    }
    (at == octets.len()).then_some(bits + 8)
}

fn art_net(octets: &[u8]) -> Option<u32> {
    octets.starts_with(b"Art-Net\0").then_some(64)
}

fn sacn(octets: &[u8]) -> Option<u32> {
    octets
        .starts_with(b"\0\x10\0\0ASC-E1.17\0\0\0")
        .then_some(120)
}

/// IEEE C37.118.2 6.2, with the CRC-CCITT of all.
fn c37(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.exact(&[0xaa])?;
    let kind = form.u8()?;
    form.must(matches!(kind >> 4, 0..=5) && matches!(kind & 0xf, 1 | 2), 4)?;
    let length = usize::from(form.u16()?);
    form.must(length >= 16, 0)?;
    if let Some(frame) = octets.get(..length) {
        let (body, crc) = frame.split_at(length - 2);
        let mut sum = 0xffff_u16;
        for &octet in body {
            sum ^= u16::from(octet) << 8;
            for _ in 0..8 {
                sum = if sum & 0x8000 != 0 {
                    sum << 1 ^ 0x1021
                } else {
                    sum << 1
                };
            }
        }
        form.must(crc == sum.to_be_bytes(), 16)?;
    }
    form.frame(length)
}

fn c37_datagram(octets: &[u8]) -> Option<u32> {
    filled(octets, c37)
}

/// Omron's FINS over TCP.
fn fins(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.exact(b"FINS")?;
    let length = form.u32_in(8..=4096)?;
    form.u32_in(0..=6)?;
    form.frame(8 + usize::try_from(length).ok()?)
}

/// HART-IP: version 1, message types, the length of all.
fn hart(octets: &[u8]) -> Option<Frame> {
    let mut form = Form::new(octets);
    form.exact(&[1])?;
    form.u8_in(0..=2)?;
    form.u8_in(0..=3)?;
    form.u8_in(0..=20)?;
    form.skip(2)?;
    let length = form.u16_in(8..=1024)?;
    form.frame(length.into())
}

fn hart_datagram(octets: &[u8]) -> Option<u32> {
    filled(octets, hart)
}

/// The object of PROFINET's context manager in DCE-RPC (IEC 61158-6-10).
fn profinet(octets: &[u8]) -> Option<u32> {
    let mut form = Form::new(octets);
    form.exact(&[4])?;
    form.skip(7)?;
    let object = form.take(10)?;
    form.must(
        matches!(
            object,
            [0xde, 0xa0, 0, 0, 0x6c, 0x97, 0x11, 0xd1, 0x82, 0x71]
                | [0, 0, 0xa0, 0xde, 0x97, 0x6c, 0xd1, 0x11, 0x82, 0x71]
        ),
        72,
    )?;
    Some(form.bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_checked() {
        let reset = [0x05, 0x64, 0x05, 0xc0, 0x01, 0x00, 0x00, 0x04, 0xe9, 0x21];
        assert_eq!(dnp3(&reset).unwrap().octets, 10);
        let mut wrong = reset;
        wrong[4] = 2;
        assert_eq!(dnp3(&wrong), None);
    }

    #[test]
    fn lengths_say_where_the_next_message_begins() {
        assert_eq!(
            modbus(&[0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1])
                .unwrap()
                .octets,
            12
        );
        assert_eq!(modbus(&[0, 1, 0, 1, 0, 6, 1, 3, 0, 0, 0, 1]), None);
        assert_eq!(iec104(&[0x68, 4, 7, 0, 0, 0]).unwrap().octets, 6);
        assert_eq!(knx(&[6, 0x10, 2, 1, 0, 6]), Some(16 + 5 + 16));
        assert_eq!(knx(&[6, 0x10, 2, 1, 0, 7]), None);
    }
}
